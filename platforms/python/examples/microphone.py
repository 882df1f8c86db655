# SPDX-License-Identifier: Apache-2.0
"""A microphone, with one person's voice on the headphones: python microphone.py ANN.wav

Needs the package sounddevice. Ends with Ctrl-C."""

import sys
import threading

import sounddevice

import ligero

RATE = 48000
voice = ligero.enroll(sys.argv[1])
with ligero.Stream(voice, RATE) as stream:

    def work(heard, out, _frames, _time, status):
        if status:
            print(status, file=sys.stderr)
        out[:] = stream.process(heard[:, 0])[:, None]

    print(f"latency of the network: {1000 * stream.latency / RATE:.0f} ms")
    with sounddevice.Stream(samplerate=RATE, channels=1, blocksize=RATE // 100, dtype="float32",
                            callback=work):
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
