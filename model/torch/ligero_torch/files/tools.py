# SPDX-License-Identifier: Apache-2.0
"""ligero itself from Python: its package, on the library of LIGERO_LIBRARY, and its command-line tools, of
LIGERO and LIGERO_CONVERT; where these are not set, those of the build folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from ..data import audio

PACKAGE = Path(__file__).resolve().parents[4] / "platforms" / "python"


def tool(variable: str, default: str) -> str:
    return os.environ.get(variable, f"build/native/{default}")


def run(*command) -> str:
    """What a tool prints; DataError with what it said where it fails."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        raise audio.DataError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout + done.stderr


def package():
    """The Python package `ligero` of this source tree."""
    os.environ["LIGERO_LIBRARY"] = str(Path(tool("LIGERO_LIBRARY", "platforms/capi/libligero.so")).resolve())
    folder = str(PACKAGE)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import ligero

    return ligero


class Ligero:
    """ligero as a function (mix [n], anchor [m]) -> estimate [n], by the package: a child process for each
    would take longer.

    model: a model file, or weights (.safetensors beside a .json) that are converted into `folder`,
    with `options` for the converter. DataError where a tool fails, with what it said.
    """

    def __init__(self, model: Path, folder: Path, options=()):
        self.folder, self.model = folder, model
        if model.suffix != ".lgm":
            self.model = folder / "model.lgm"
            run(tool("LIGERO_CONVERT", "converter/ligero-convert"), model, "--config",
                model.with_suffix(".json"), "-o", self.model, *options)
        self.tool = tool("LIGERO", "platforms/cli/ligero")

    def _sound(self, name: str, x: np.ndarray) -> Path:
        path = self.folder / name
        soundfile.write(path, x, audio.SAMPLE_RATE_HZ, subtype="FLOAT")
        return path

    def enroll(self, anchor: np.ndarray) -> None:
        """Whose voice extract() gives from here on, by the tool."""
        run(self.tool, "enroll", "--model", self.model, self._sound("anchor.wav", anchor), "-o",
            self.folder / "who.profile")

    def extract(self, mix: np.ndarray, *options: str) -> np.ndarray:
        out = self.folder / "out.wav"
        run(self.tool, "extract", "--model", self.model, "--profile", self.folder / "who.profile",
            self._sound("mix.wav", mix), "-o", out, *options)
        return soundfile.read(out, dtype="float32")[0]

    def __call__(self, mix: np.ndarray, anchor: np.ndarray) -> np.ndarray:
        ligero = package()
        try:
            voice = ligero.enroll(anchor, audio.SAMPLE_RATE_HZ, model=self.model)
            return ligero.extract(mix, audio.SAMPLE_RATE_HZ, voice, model=self.model)
        except ligero.LigeroError as e:
            raise audio.DataError(str(e)) from e
