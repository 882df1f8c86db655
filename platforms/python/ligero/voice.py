# SPDX-License-Identifier: Apache-2.0
"""enroll() and Voice: who is extracted."""

from __future__ import annotations

import ctypes as c
import os
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence, Union

import numpy as np

from . import library as lib
from . import sound
from .model import Model, ModelName, choose

MOST_SECONDS = 120.0
"""Of all recordings of one person together; an even share of each is used."""


@dataclass(frozen=True)
class Report:
    """Quality of the recordings that a voice was made from."""

    speech_seconds: float
    """Total length of the frames with speech."""
    level_db: float
    """RMS of the speech, relative to full scale."""
    noise_db: float
    """Level below which a tenth of the frames lie, likewise."""
    clipped_share: float
    """Share of samples at full scale, 0 to 1."""
    advice: str
    """How to get a better voice, in English; "" where the recordings are good."""


class Voice:
    """What a model must know of one person. It is a voiceprint: keep it as one keeps a fingerprint.

    Made by enroll(), Voice.load() or Voice.from_bytes(). Read-only; threads may share it; it can be
    pickled. A voice belongs to the family of the model that made it.
    """

    def __init__(self, handle: c.c_void_p, model: Optional[str] = None,
                 report: Optional[Report] = None):
        self._handle = handle
        self.model = model
        """Path of the model that made it; None for a voice that was loaded."""
        self.report = report
        """Quality of the recordings; None for a voice that was loaded."""
        weakref.finalize(self, lib.library().ligero_profile_close, handle)

    @staticmethod
    def load(path: "Union[str, os.PathLike[str]]") -> "Voice":
        """Reads a file that save() or `ligero enroll` wrote.

        Raises BadArgument (it cannot be read), BadModel (it is no profile, or damaged), NewerModel.
        """
        handle = c.c_void_p()
        lib.library().ligero_profile_load(lib.file_name(path), c.byref(handle))
        return Voice(handle)

    @staticmethod
    def from_bytes(data: bytes) -> "Voice":
        """A voice from bytes(voice) or the content of a profile file. Raises as load()."""
        return _from_memory(data)

    def save(self, path: "Union[str, os.PathLike[str]]") -> None:
        """Writes a profile file, whole or not at all; `ligero extract --profile` takes it."""
        lib.library().ligero_profile_save(self._handle, lib.file_name(path))

    def __bytes__(self) -> bytes:
        return _to_memory(self)

    def __reduce__(self):
        return _restore, (bytes(self), self.model, self.report)

    def similarity(self, other: "Voice") -> float:
        """Cosine similarity of two voices of one model, -1 to 1; larger for the same person.

        Raises BadArgument for voices of different models, or of a model without a speaker network.
        """
        value = c.c_float()
        lib.library().ligero_profile_similarity(self._handle, check_voice(other)._handle,
                                                c.byref(value))
        return value.value


# The C API has profiles in files only, so their bytes take the way of a file.
def _to_memory(voice: Voice) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "voice")
        voice.save(path)
        return path.read_bytes()


def _from_memory(data: bytes) -> Voice:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "voice")
        path.write_bytes(data)
        return Voice.load(path)


def _restore(data: bytes, model: Optional[str], report: Optional[Report]) -> Voice:
    voice = _from_memory(data)
    voice.model, voice.report = model, report
    return voice


def check_voice(voice: object) -> Voice:
    if not isinstance(voice, Voice):
        raise lib.BadArgument(f"a voice is expected, made by enroll() or Voice.load(); not "
                              f"{type(voice).__name__}")
    return voice


def resample(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """float32 [frames] at another rate, aligned to the sample, as long in time (rounded up)."""
    out = np.empty(-(-len(samples) * to_hz // from_hz), np.float32)
    lib.library().ligero_resample(samples.ctypes.data, len(samples), from_hz, to_hz, out.ctypes.data,
                                  len(out))
    return out


Recordings = Union[sound.Samples, Sequence[sound.Samples]]


def _list(recordings: Recordings) -> List[sound.Samples]:
    """Numbers in a list are one recording; files and arrays in a list are several."""
    if isinstance(recordings, (list, tuple)) and any(
            isinstance(r, (str, os.PathLike, np.ndarray, list, tuple)) for r in recordings):
        return list(recordings)
    return [recordings]  # type: ignore[list-item]


def _anchor(recordings: Recordings, rate: Optional[int], model: Model) -> np.ndarray:
    if isinstance(recordings, (list, tuple)) and not recordings:
        raise lib.BadArgument("there is no recording to enroll; expected at least one")
    pieces = []
    every = _list(recordings)
    for one in every:
        of_file = isinstance(one, (str, os.PathLike))
        heard = sound.read(one, None if of_file else rate)
        used = heard.samples[:max(1, round(MOST_SECONDS / len(every) * heard.rate_hz))]
        pieces.append(resample(np.ascontiguousarray(used), heard.rate_hz, model.info.rate_hz))
        if len(pieces[-1]) < model.info.rate_hz:
            name = f"'{os.fspath(one)}'" if of_file else f"recording {len(pieces)}"
            raise lib.BadArgument(f"{name} has {len(used) / heard.rate_hz:.2f} s; expected at least "
                                  "1 s of one person alone")
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def enroll(recordings: Recordings, rate: Optional[int] = None, *, model: ModelName = None) -> Voice:
    """Makes a voice from recordings of one person alone.

    recordings: a file, or an array [frames] or [frames, channels] of int16, float32 or float64 (full
    scale 1) with its `rate` in Hz, or a list of such. At least 1 s each; 5 s are better; 120 s are
    used in all. The mean of the channels that carry sound is taken. WAV files need nothing else; FLAC and
    OGG need the package soundfile.
    model: a name from models() or a path; default: the first of models().

    Raises BadArgument for what cannot be read, is too short, silent, empty, of another shape, type or
    rate. Samples that are no numbers count as zero, with a SoundWarning. Takes about a second.
    """
    chosen = choose(model)
    anchor = _anchor(recordings, rate, chosen)
    handle, raw = c.c_void_p(), lib.sized(lib.AnchorReport)
    lib.library().ligero_enroll(chosen.handle, anchor.ctypes.data, len(anchor), chosen.info.rate_hz,
                                1, c.byref(handle), c.byref(raw))
    report = Report(raw.speech_seconds, raw.level_db, raw.noise_db, raw.clipped_share,
                    raw.advice.decode())
    return Voice(handle, str(chosen.info.path), report)
