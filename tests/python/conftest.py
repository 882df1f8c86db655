# SPDX-License-Identifier: Apache-2.0
"""The package from the source tree, over the library and the tool of the build folder."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "native"
os.environ.setdefault("LIGERO_LIBRARY", str(BUILD / "platforms/capi/libligero.so"))
os.environ.setdefault("LIGERO_MODELS", str(ROOT / "model/pretrained"))
PACKAGE = ROOT / "platforms/python"
sys.path.insert(0, str(PACKAGE))

import ligero  # noqa: E402
from ligero import sound  # noqa: E402

DEMO = ROOT / "platforms/demo"
WHOLE = "lgr-tse-small-int8"  # needs the whole recording
LIVE = "lgr-tse-small-live-int8"


def tool(*arguments):
    """Runs `ligero`; fails with what it said."""
    command = [os.environ.get("LIGERO", str(BUILD / "platforms/cli/ligero")), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def model_path(name):
    return ROOT / f"model/pretrained/{name}.lgm"


@pytest.fixture(scope="session")
def mixture():
    """int16 [frames] at 16 kHz."""
    return sound.read_file(DEMO / "mixed_pair_mixture.flac")[0][:, 0]


@pytest.fixture(scope="session")
def anchor():
    return sound.read_file(DEMO / "mixed_pair_anchor.flac")[0][:, 0]


@pytest.fixture(scope="session")
def voice(anchor):
    """Of the default model."""
    return ligero.enroll(anchor, 16000)


@pytest.fixture(scope="session")
def voices(anchor, mixture):
    """Two people of the model LIVE."""
    return [ligero.enroll(x, 16000, model=LIVE) for x in (anchor, mixture)]


def write_floats(path, x, rate):
    """WAV of float32 [frames, channels], by the package soundfile."""
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(path, np.asarray(x, np.float32), rate, subtype="FLOAT")
    return path
