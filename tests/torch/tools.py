"""Where the built tools are, and recordings to try them on. Builds nothing."""

import os
from pathlib import Path

import numpy
import soundfile
import torch

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("LIGERO_BUILD", "build/native")
LIGERO = Path(os.environ.get("LIGERO", BUILD / "platforms/cli/ligero"))
CONVERT = Path(os.environ.get("LIGERO_CONVERT", BUILD / "converter/ligero-convert"))

TOLERANCE = 1e-4  # of a node's largest value
LEAST_COSINE = 0.999999


def read(file, samples):
    """That many samples of a 16 kHz mono file, repeated where it is shorter, [1, samples]."""
    wave, rate = soundfile.read(file, dtype="float32")
    assert rate == 16000
    return torch.from_numpy(numpy.tile(wave, -(-samples // len(wave)))[:samples])[None]
