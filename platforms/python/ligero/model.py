# SPDX-License-Identifier: Apache-2.0
"""Model files: those in the package and others. Not: what is done with them."""

from __future__ import annotations

import ctypes as c
import functools
import os
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Tuple, Union

from . import library as lib

DEFAULT = "bsrnn-live-int8"
"""The model that is used where none is named."""

ModelName = Union[str, "os.PathLike[str]", None]


@dataclass(frozen=True)
class ModelInfo:
    """What a model file takes and gives."""

    name: str
    path: Path
    rate_hz: int
    """Sample rate of the network; every function converts from other rates."""
    hop_samples: int
    """Samples per hop at that rate."""
    takes_profile: bool
    """False: it needs no voice and is always on, like a noise suppressor."""
    side_outputs: Tuple[str, ...]
    """Names of values that the network gives for each hop, such as "activity"."""
    live: bool
    """True: a stream runs frame by frame. False: a stream needs `block`."""


class Model:
    """An open model file. Threads may share it."""

    def __init__(self, path: Path):
        handle = c.c_void_p()
        library = lib.library()
        library.ligero_model_open(lib.file_name(path), c.byref(handle))
        self.handle = handle
        weakref.finalize(self, library.ligero_model_close, handle)
        raw = lib.sized(lib.ModelInfo)
        library.ligero_get_model_info(handle, c.byref(raw))
        names = tuple(raw.side_output_names[k].decode() for k in range(raw.side_outputs))
        self.info = ModelInfo(path.stem, path, raw.rate_hz, raw.hop_samples,
                              bool(raw.takes_profile), names, self._is_live())

    def _is_live(self) -> bool:
        try:
            lib.library().ligero_session_bytes(self.handle, None, c.byref(c.c_size_t()))
        except lib.BadArgument:  # the network needs the whole recording
            return False
        return True

    def hops(self, seconds: float) -> int:
        return round(seconds * self.info.rate_hz / self.info.hop_samples)


def folder() -> Path:
    """Where the models are: LIGERO_MODELS, or the package's folder."""
    given = os.environ.get("LIGERO_MODELS")
    return Path(given) if given else Path(__file__).resolve().parent / "models"


@functools.lru_cache(maxsize=8)
def _opened(path: str, _changed_ns: int, _bytes: int) -> Model:
    return Model(Path(path))


def find(name: ModelName) -> Path:
    """The file of a model: a name of models(), a path, or None for the default."""
    text = os.fspath(DEFAULT if name is None else name)
    if not isinstance(text, str):
        raise lib.BadArgument(f"a model's name must be a string, not {type(text).__name__}")
    inside = folder() / f"{text}.lgm"
    if os.sep not in text and not text.endswith(".lgm") and inside.is_file():
        return inside
    if not Path(text).is_file():
        known = ", ".join(p.stem for p in _files()) or f"nothing in '{folder()}'"
        raise lib.BadArgument(f"there is no model '{text}'; expected a model file or one of: {known}")
    return Path(text)


def open_model(name: ModelName) -> Model:
    """Opens a model, or returns the one that is open."""
    path = find(name).resolve()
    state = path.stat()
    return _opened(str(path), state.st_mtime_ns, state.st_size)


def _files() -> List[Path]:
    return sorted(folder().glob("*.lgm"), key=lambda p: (p.stem != DEFAULT, p.stem))


def models() -> List[ModelInfo]:
    """The models that come with the package, the default one first.

    Every function with a `model` argument takes a name from this list, or the path of another model
    file (.lgm).
    """
    return [open_model(p).info for p in _files()]


def choose(name: ModelName, of_voice: Optional[str] = None) -> Model:
    """The model named, else the one that made the voice, else the default."""
    return open_model(name if name is not None else of_voice)
