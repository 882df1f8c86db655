# SPDX-License-Identifier: Apache-2.0
"""The examples run. Not: the microphone, which is only compiled."""

import os
import subprocess
import sys

import numpy as np
import pytest

import ligero
from ligero import sound

from conftest import PACKAGE

EXAMPLES = PACKAGE / "examples"


@pytest.mark.parametrize("name", ["file", "frames"])
def test_an_example_extracts_from_a_file(tmp_path, anchor, mixture, voice, name):
    sound.write_wav(tmp_path / "ann.wav", anchor, 16000)
    sound.write_wav(tmp_path / "mix.wav", mixture, 16000)
    subprocess.run([sys.executable, EXAMPLES / f"{name}.py", "ann.wav", "mix.wav", "out.wav"], check=True,
                   cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(PACKAGE)})
    got = sound.read_file(tmp_path / "out.wav")[0][:, 0]
    expected = ligero.extract(mixture, 16000, voice)
    assert got.shape == expected.shape
    if name == "frames":  # live, so later; before that it fades in
        with ligero.Stream(voice) as stream:
            got, expected = got[stream.latency:], expected[:-stream.latency]
    assert np.abs(got.astype(int) - expected).max() <= 1


def test_the_microphone_example_compiles():
    compile((EXAMPLES / "microphone.py").read_text(), "microphone.py", "exec")
