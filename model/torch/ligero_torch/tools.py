"""ligero's own command-line tools from Python. They come from LIGERO and LIGERO_CONVERT, or from the
build folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import soundfile

from . import data


def tool(variable: str, default: str) -> str:
    return os.environ.get(variable, f"build/native/{default}")


class Ligero:
    """The command-line tools, as a function (mix [n], anchor [m]) -> estimate [n].

    model: a model file, or weights (.safetensors beside a .json) that are converted into `folder`,
    with `options` for the converter. DataError where a tool fails, with what it said.
    """

    def __init__(self, model: Path, folder: Path, options=()):
        self.folder, self.model = folder, model
        if model.suffix != ".lgm":
            self.model = folder / "model.lgm"
            self._run(tool("LIGERO_CONVERT", "converter/ligero-convert"), str(model), "--config",
                      str(model.with_suffix(".json")), "-o", str(self.model), *options)
        self.tool = tool("LIGERO", "platforms/cli/ligero")

    @staticmethod
    def _run(*command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise data.DataError(f"{' '.join(command)}: {done.stderr.strip()}")

    def _sound(self, name: str, x: np.ndarray) -> str:
        path = str(self.folder / name)
        soundfile.write(path, x, data.SAMPLE_RATE, subtype="FLOAT")
        return path

    def enroll(self, anchor: np.ndarray) -> None:
        """Whose voice extract() gives from here on."""
        self._run(self.tool, "enroll", "--model", str(self.model), self._sound("anchor.wav", anchor),
                  "-o", str(self.folder / "who.profile"))

    def extract(self, mix: np.ndarray, *options: str) -> np.ndarray:
        out = str(self.folder / "out.wav")
        self._run(self.tool, "extract", "--model", str(self.model), "--profile",
                  str(self.folder / "who.profile"), self._sound("mix.wav", mix), "-o", out, *options)
        return soundfile.read(out, dtype="float32")[0]

    def __call__(self, mix: np.ndarray, anchor: np.ndarray) -> np.ndarray:
        self.enroll(anchor)
        return self.extract(mix)
