# SPDX-License-Identifier: Apache-2.0
"""Sound as arrays: files, channels, full scale. The rules are those of the tool. Not: rates, which the
C library converts."""

from __future__ import annotations

import os
import struct
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np

from .library import BadArgument

MOST_SAMPLE = 8.0
"""Samples beyond so many times full scale are no sound, and count as zero."""
SILENT_BELOW = 1e-5
"""A channel with less than this share of the loudest one's energy is left out of the mean."""
SHARE_BEYOND = 1e-3
"""With a larger share of samples beyond MOST_SAMPLE, the floats are taken for integers."""
HEADROOM = 1.5
MOST_CHANNELS = 32
LOWEST_HZ, HIGHEST_HZ = 8000, 192000

Samples = Union[str, "os.PathLike[str]", "np.ndarray[Any, Any]"]


class SoundWarning(UserWarning):
    """Something in a recording was replaced: samples that are no numbers, or an unknown full scale."""


@dataclass
class Sound:
    """A recording of one channel."""

    samples: np.ndarray
    """float32 [frames], full scale 1, finite."""
    rate_hz: int
    sixteen_bit: bool
    """It came as 16-bit integers."""


def check_rate(rate: Optional[int]) -> int:
    """The rate in Hz. BadArgument: none, no whole number, or out of range."""
    try:
        if rate is None or isinstance(rate, bool) or int(rate) != rate:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise BadArgument(f"the sample rate is {rate!r}; expected a whole number of Hz, "
                          f"{LOWEST_HZ} to {HIGHEST_HZ}") from None
    if not LOWEST_HZ <= rate <= HIGHEST_HZ:
        raise BadArgument(f"the sample rate is {rate} Hz; expected {LOWEST_HZ} to {HIGHEST_HZ} Hz")
    return int(rate)


def as_array(x: Any) -> np.ndarray:
    """int16, float32 or float64, [frames] or [frames, channels]. BadArgument: anything else."""
    try:
        a = np.asarray(x)
    except ValueError as e:
        raise BadArgument(f"the samples are no array: {e}") from None
    if a.dtype.kind == "f" and a.dtype.itemsize in (4, 8) or a.dtype.kind == "i" and a.dtype.itemsize == 2:
        if a.ndim == 1 or a.ndim == 2 and 1 <= a.shape[1] <= MOST_CHANNELS:
            return a
        raise BadArgument(f"the samples have the shape {a.shape}; expected [frames] or "
                          f"[frames, channels] with 1 to {MOST_CHANNELS} channels")
    raise BadArgument(f"the samples have the type {a.dtype}; expected int16, float32 or float64")


def to_float(a: np.ndarray) -> np.ndarray:
    """float32 with full scale 1."""
    if a.dtype.kind == "i":
        return a.astype(np.float32) * np.float32(2.0 ** -15)
    with np.errstate(over="ignore"):  # becomes infinite, which counts as no sound
        return a.astype(np.float32, copy=False)


def to_int16(x: np.ndarray) -> np.ndarray:
    """Rounded to the nearest even, and clipped, as the tool writes 16-bit files."""
    return np.clip(np.rint(x.astype(np.float64) * 32768.0), -32768.0, 32767.0).astype(np.int16)


def _scale(x: np.ndarray) -> float:
    """What makes full scale 1: floats may hold integers of 16, 24 or 32 bits."""
    size = np.abs(x[np.isfinite(x) & (x != 0)])
    if np.count_nonzero(size > MOST_SAMPLE) <= SHARE_BEYOND * size.size:
        return 1.0
    for bits in (15, 23, 31):
        if size.max() <= HEADROOM * 2.0 ** bits:
            warnings.warn(f"the floats have the size of {bits + 1}-bit integers; scaled to full scale "
                          "1", SoundWarning, stacklevel=5)
            return 2.0 ** -bits
    raise BadArgument(f"the samples are floats up to {size.max():g}; expected full scale 1, or "
                      "integers of 16, 24 or 32 bits as floats")


def _energy(channel: np.ndarray, frame: int) -> float:
    """Of each tenth of a second about its own mean: offsets are no sound."""
    x = channel.astype(np.float64)
    whole = len(x) // frame * frame
    parts = [x[:whole].reshape(-1, frame), x[whole:][None]]
    return float(sum(np.square(p - p.mean(1, keepdims=True)).sum() for p in parts if p.size))


def _heard(x: np.ndarray, most: float, frame: int) -> "list[int]":
    """The channels that carry sound. Samples beyond `most` are none."""
    with np.errstate(invalid="ignore"):
        sound = np.where(np.isfinite(x) & (np.abs(x) <= most), x, np.float32(0))
    energy = [_energy(channel, frame) for channel in sound.T]
    return [k for k, e in enumerate(energy) if e >= SILENT_BELOW * max(energy)]


def to_mono(a: np.ndarray, rate: int) -> np.ndarray:
    """The mean of the channels that carry sound, summed in their order: float32 [frames], full scale 1,
    C-contiguous, finite. BadArgument: no frames."""
    if a.shape[0] == 0:
        raise BadArgument("the recording is empty; expected at least one frame")
    x = to_float(a)
    x = x.reshape(len(x), -1)
    scale = _scale(x) if a.dtype.kind == "f" else 1.0
    heard = [0] if x.shape[1] == 1 else _heard(x, MOST_SAMPLE if scale == 1.0 else np.inf, rate // 10)
    total, count = np.zeros(len(x), np.float32), 0
    for k in heard:
        channel = x[:, k] if scale == 1.0 else x[:, k] * np.float32(scale)
        with np.errstate(invalid="ignore"):
            bad = ~(np.abs(channel) <= np.float32(MOST_SAMPLE))  # true for NaN as well
        count += int(np.count_nonzero(bad))
        total += np.where(bad, np.float32(0), channel)
    if count:
        warnings.warn(f"{count} samples were no numbers, or beyond {MOST_SAMPLE:g} times full scale, "
                      "and count as zero", SoundWarning, stacklevel=4)
    return total / np.float32(len(heard)) if len(heard) > 1 else total


def read(x: Samples, rate: Optional[int] = None) -> Sound:
    """A file, or an array with its rate, as one channel."""
    if isinstance(x, (str, os.PathLike)):
        if rate is not None:
            raise BadArgument(f"a rate was given beside the file '{os.fspath(x)}', which has its own")
        samples, rate = read_file(Path(x))
    else:
        samples = as_array(x)
    rate = check_rate(rate)
    return Sound(to_mono(samples, rate), rate, samples.dtype.kind == "i")


def read_file(path: Path) -> "tuple[np.ndarray, int]":
    """(samples [frames, channels], rate). WAV needs nothing else; other formats the package soundfile."""
    try:
        data = path.read_bytes()
    except OSError as e:
        raise BadArgument(f"cannot read '{path}': {e.strerror}") from None
    if not data:
        raise BadArgument(f"'{path}' is an empty file; expected sound")
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return _parse_wav(data, path)
    try:
        import soundfile
    except ImportError:
        raise BadArgument(f"'{path}' is not a WAV file; other formats need the Python package "
                          "soundfile") from None
    try:
        with soundfile.SoundFile(path) as file:
            kind = "int16" if file.subtype == "PCM_16" else "float32"
            return file.read(dtype=kind, always_2d=True), file.samplerate
    except soundfile.SoundFileError as e:
        raise BadArgument(f"'{path}' is not a sound file that can be read: {e}") from None


_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


def _parse_wav(data: bytes, path: Path) -> "tuple[np.ndarray, int]":
    coding = channels = rate = bits = 0
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        at += 8
        if name == b"fmt " and size >= 16 and at + size <= len(data):
            coding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, at)
            if coding == _EXTENSIBLE and size >= 26:
                (coding,) = struct.unpack_from("<H", data, at + 24)
        elif name == b"data":
            if not channels:
                break
            return _decode(data[at:at + size], coding, channels, bits, path), rate
        at += size + size % 2
    raise BadArgument(f"'{path}' is a WAV file without a usable header and data")


def _decode(data: bytes, coding: int, channels: int, bits: int, path: Path) -> np.ndarray:
    width = bits // 8 * channels
    data = data[:len(data) // width * width] if width else b""
    if coding == _PCM and bits == 16:
        flat = np.frombuffer(data, "<i2").astype(np.int16, copy=False)
    elif coding == _PCM and bits == 8:
        flat = (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / np.float32(128)
    elif coding == _PCM and bits == 24:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        flat = wide.view("<i4").reshape(-1).astype(np.float32) * np.float32(2.0 ** -31)
    elif coding == _PCM and bits == 32:
        flat = np.frombuffer(data, "<i4").astype(np.float32) * np.float32(2.0 ** -31)
    elif coding == _FLOAT and bits in (32, 64):
        flat = to_float(np.frombuffer(data, f"<f{bits // 8}"))
    else:
        raise BadArgument(f"'{path}' has samples of {bits} bits in coding {coding}, which is not read; "
                          "expected PCM or floats")
    return flat.reshape(-1, channels)


def write_wav(path: Path, samples: np.ndarray, rate_hz: int) -> None:
    """Writes int16 or float32 [frames] as a WAV file, whole or not at all. BadArgument: the folder cannot
    be written, or the recording is too long for WAV."""
    integers = samples.dtype == np.int16
    width = 2 if integers else 4
    body = samples.astype("<i2" if integers else "<f4", copy=False).tobytes()
    if len(body) > 0xFFFF0000:
        raise BadArgument(f"'{path}': {len(samples)} samples are too many for a WAV file")
    form = struct.pack("<HHIIHH", _PCM if integers else _FLOAT, 1, rate_hz, rate_hz * width, width,
                       8 * width)
    fact = b"" if integers else struct.pack("<4sII", b"fact", 4, len(samples))
    head = struct.pack("<4sI4s4sI", b"RIFF", 4 + 8 + len(form) + len(fact) + 8 + len(body), b"WAVE",
                       b"fmt ", len(form)) + form + fact + struct.pack("<4sI", b"data", len(body))
    replace_file(path, head, body)


def replace_file(path: Path, *parts: bytes) -> None:
    """Writes a file beside `path`, then gives it that name."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            os.fchmod(handle, 0o644)
            with os.fdopen(handle, "wb") as file:
                for part in parts:
                    file.write(part)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as e:
        raise BadArgument(f"cannot write '{path}': {e.strerror}") from None
