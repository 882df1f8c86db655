# SPDX-License-Identifier: Apache-2.0
"""A processor of audio frames, as voice agents chain them (Pipecat, LiveKit): frames of 16-bit samples in,
frames of the same size out. Plain Python; to use it, call it from such a framework's own processor class.

    python frames.py ANN.wav MEETING.wav OUT.wav     # runs a file through it, 20 ms at a time
"""

import asyncio
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import ligero
from ligero import sound


@dataclass(frozen=True)
class AudioFrame:
    """Interleaved int16, as bytes."""

    audio: bytes
    sample_rate: int
    num_channels: int


class VoiceProcessor:
    """Lets one person's voice pass. Begins anew where rate or channels change."""

    def __init__(self, voice):
        self.voice = voice
        self._form = self._stream = None

    async def process_frame(self, frame: AudioFrame) -> AudioFrame:
        form = (frame.sample_rate, frame.num_channels)
        if form != self._form:
            self.close()
            self._stream = ligero.Stream(self.voice, form[0], channels=form[1])
            self._form = form
        x = np.frombuffer(frame.audio, np.int16)
        x = x if form[1] == 1 else x.reshape(-1, form[1])
        # A hop takes well under a millisecond; a thread would cost more.
        return replace(frame, audio=self._stream.process(x).tobytes())

    def close(self):
        if self._stream is not None:
            self._stream.close()
        self._form = self._stream = None


async def main(anchor, meeting, out):
    samples, rate = sound.read_file(Path(meeting))
    samples = samples if samples.dtype == np.int16 else sound.to_int16(samples)
    processor, step, made = VoiceProcessor(ligero.enroll(anchor)), rate // 50, []
    for at in range(0, len(samples), step):
        frame = AudioFrame(samples[at:at + step].tobytes(), rate, samples.shape[1])
        made.append((await processor.process_frame(frame)).audio)
    processor.close()
    voice = np.frombuffer(b"".join(made), np.int16).reshape(-1, samples.shape[1])[:, 0]
    sound.write_wav(Path(out), voice, rate)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
