# SPDX-License-Identifier: Apache-2.0
"""One person's voice out of a file: python file.py ANN.wav MEETING.wav OUT.wav"""

import sys
from pathlib import Path

import ligero
from ligero import sound

anchor, meeting, out = sys.argv[1:4]
voice = ligero.enroll(anchor)
if voice.report.advice:
    print("advice:", voice.report.advice)
samples, rate = sound.read_file(Path(meeting))
sound.write_wav(Path(out), ligero.extract(samples, rate, voice), rate)
