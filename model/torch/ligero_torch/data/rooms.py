# SPDX-License-Identifier: Apache-2.0
"""Simulated rooms (pyroomacoustics, image sources): a bank of impulse responses, and its use.

    python -m ligero_torch.data.rooms --cache build/cache --count 300
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from .audio import SAMPLE_RATE_HZ, DataError

RT60_S = (0.2, 0.6)
LEAD = 20  # samples before the direct sound in a response
SPLITS = {"train": 11, "test": 12}  # seeds; the rooms of training and evaluation differ


def one_room(rng: np.random.Generator, sources: int = 2, rt60_s=RT60_S):
    """Responses of `sources` positions to one microphone of a random shoebox room.

    Returns (rt60 in s, list of float32 [n]): each starts at its direct sound and has unit energy,
    so that levels and alignment stay those of the dry source.
    """
    import pyroomacoustics as pra

    while True:
        size = rng.uniform([3.0, 3.0, 2.4], [8.0, 6.0, 3.2])
        rt60 = rng.uniform(*rt60_s)
        try:
            absorption, order = pra.inverse_sabine(rt60, size)
        except ValueError:  # this room cannot be that dry
            continue
        break
    room = pra.ShoeBox(size, fs=SAMPLE_RATE_HZ, materials=pra.Material(absorption),
                       max_order=min(order, 24))
    room.add_microphone(rng.uniform([0.5, 0.5, 0.8], size - [0.5, 0.5, 0.8]))
    for _ in range(sources):
        while True:
            p = rng.uniform([0.4, 0.4, 1.0], size - [0.4, 0.4, 0.6])
            if np.linalg.norm(p - room.mic_array.R[:, 0]) > 0.4:
                break
        room.add_source(p)
    room.compute_rir()
    out = []
    for h in room.rir[0]:
        h = np.asarray(h, np.float64)
        start = max(int(np.argmax(np.abs(h) > 0.5 * np.abs(h).max())) - LEAD, 0)
        h = h[start:start + int(rt60 * SAMPLE_RATE_HZ)]
        out.append((h / np.sqrt(np.sum(h * h))).astype(np.float32))
    return rt60, out


def convolve(x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """x [n] through h, cut to n samples."""
    size = 1 << (len(x) + len(h) - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(h, size),
                        size)[:len(x)].astype(np.float32)


class RoomBank:
    """rooms: list of (rt60, [response, response])."""

    def __init__(self, rooms):
        self.rooms = rooms

    def place(self, rng, target, other):
        """Both sources [n] as the microphone of one random room hears them (other may be None)."""
        _, (a, b) = self.rooms[int(rng.integers(len(self.rooms)))]
        return convolve(target, a), None if other is None else convolve(other, b)


def make_bank(path: Path, count: int, seed: int) -> RoomBank:
    rng = np.random.default_rng(seed)
    rooms = [one_room(rng) for _ in range(count)]
    doc = {"rt60": np.array([r for r, _ in rooms])}
    for i, (_, h) in enumerate(rooms):
        doc[f"a{i}"], doc[f"b{i}"] = h
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, **doc)
    os.replace(part, path)
    return RoomBank(rooms)


def load_bank(cache: Path, split: str = "train", count: int = 200) -> RoomBank:
    """The bank of a split from the cache folder, made first where it is missing."""
    path = Path(cache) / f"rooms-{split}-{count}.npz"
    if not path.is_file():
        return make_bank(path, count, SPLITS[split])
    z = np.load(path)
    return RoomBank([(float(r), [z[f"a{i}"], z[f"b{i}"]]) for i, r in enumerate(z["rt60"])])


class TalkerRooms:
    """Rooms of three talkers (scenes.py). responses: of every room one per talker, f32 [n], unit
    energy, from LEAD samples before the direct sound on."""

    COUNT, TALKERS, SEED = 300, 3, 11

    def __init__(self, responses: list[list[np.ndarray]]):
        self.responses = responses

    def draw(self, rng: np.random.Generator) -> list[np.ndarray]:
        return self.responses[int(rng.integers(len(self.responses)))]

    @classmethod
    def load(cls, cache: Path, rt60_s: tuple[float, float]) -> TalkerRooms:
        """Rooms whose reverberation times are drawn from `rt60_s`, kept in the cache."""
        path = Path(cache) / f"rooms-{rt60_s[0]:g}-{rt60_s[1]:g}.npz"
        if not path.is_file():
            try:
                import pyroomacoustics  # noqa: F401
            except ImportError:
                raise DataError("simulated rooms need `pip install pyroomacoustics`; "
                                "or use --rooms 0") from None
            rng = np.random.default_rng(cls.SEED)
            made = [one_room(rng, cls.TALKERS, rt60_s)[1] for _ in range(cls.COUNT)]
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            with open(part, "wb") as f:
                np.savez(f, **{f"{i}-{j}": h for i, r in enumerate(made)
                               for j, h in enumerate(r)})
            os.replace(part, path)
        kept = np.load(path)
        return cls([[kept[f"{i}-{j}"] for j in range(cls.TALKERS)] for i in range(cls.COUNT)])


def early(response: np.ndarray) -> np.ndarray:
    """The direct sound and the first 50 ms behind it, which still belong to the target."""
    return response[:LEAD + int(0.050 * SAMPLE_RATE_HZ)]


def main(argv=None) -> int:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--cache", type=Path, default=Path("build/cache"))
    p.add_argument("--count", type=int, default=200)
    a = p.parse_args(argv)
    for split in SPLITS:
        load_bank(a.cache, split, a.count)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
