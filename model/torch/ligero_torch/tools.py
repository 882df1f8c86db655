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

    def __call__(self, mix: np.ndarray, anchor: np.ndarray) -> np.ndarray:
        paths = {n: str(self.folder / n) for n in ("mix.wav", "anchor.wav", "who.profile", "out.wav")}
        for name, x in (("mix.wav", mix), ("anchor.wav", anchor)):
            soundfile.write(paths[name], x, data.SAMPLE_RATE, subtype="FLOAT")
        self._run(self.tool, "enroll", "--model", str(self.model), paths["anchor.wav"], "-o",
                  paths["who.profile"])
        self._run(self.tool, "extract", "--model", str(self.model), "--profile",
                  paths["who.profile"], paths["mix.wav"], "-o", paths["out.wav"])
        return soundfile.read(paths["out.wav"], dtype="float32")[0]
