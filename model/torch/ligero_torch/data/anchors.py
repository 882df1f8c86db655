# SPDX-License-Identifier: Apache-2.0
"""Anchors of the training voices, and the bank of what speaker networks say of them.

A row of the bank belongs to a clip: an anchor of 3 to 8 s that starts with the clip and goes on with
the speaker's next ones, one clip at least left out, sometimes filtered, in a small room or with noise.
train/fast/bank.py computes the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .audio import rms
from .augment import random_eq, short_reverb
from .corpus import Clip, Corpus
from .mixing import Mixer, MixOptions

MOST_CLIPS = 6     # of one anchor
SPEECH_RMS = 0.05  # of every clip in an anchor


@dataclass(frozen=True)
class AnchorOptions:
    """Shares of anchors that are changed. A speaker with two clips has, as a rule, two halves of
    one utterance: there the room would give the target away, so more is changed, and more strongly.
    """

    equalizer: float = 0.4       # random filter of +-6 dB
    equalizer_pair: float = 0.7  # the same for two clips, +-9 dB
    reverb: float = 0.15         # a short tail of decaying noise
    reverb_pair: float = 0.3
    noise: float = 0.15          # at 10 to 30 dB


def clip_key(clip: Clip) -> str:
    """Name of a clip that survives a grown corpus."""
    return f"{clip.path}@{clip.speed:g}"


class Bank:
    """All rows.

    rows [N, 642] f16; used[j]: clips (numbers in `clips`) that row j was made of; of[s]: rows of
    speaker s.
    """

    def __init__(self, path: Path, clips: list):
        number = {clip_key(c): i for i, c in enumerate(clips)}
        rows: list[np.ndarray] = []
        self.used: list[frozenset[int]] = []
        self.of: dict[str, list[int]] = {}
        for file in sorted(path.glob("*.npz")):
            part = np.load(file)
            rows.append(part["rows"])
            for key, used in zip(part["keys"].tolist(), part["used"].tolist()):
                if key in number:
                    self.of.setdefault(clips[number[key]].speaker, []).append(len(self.used))
                self.used.append(frozenset(number[k] for k in used if k in number))
        self.rows = np.concatenate(rows)


class Maker:
    """Makes anchors of the training clips."""

    def __init__(self, corpus: Corpus, options: AnchorOptions):
        self.corpus, self.options = corpus, options
        self.clips = corpus.select("train")
        self.mixer = Mixer(corpus, "train", MixOptions())  # for its noises
        self.of: dict[str, list[int]] = {}
        for i, c in enumerate(self.clips):
            self.of.setdefault(c.speaker, []).append(i)

    def anchor(self, rng: np.random.Generator, clip: int,
               samples: int) -> tuple[np.ndarray, list[int]]:
        """An anchor [samples] that starts with a clip, and the clips in it."""
        mine = self.of[self.clips[clip].speaker]
        first, parts, used = mine.index(clip), [], []
        most = min(max(1, len(mine) - 1), MOST_CLIPS)
        while sum(map(len, parts)) < samples and len(used) < most:
            used.append(mine[(first + len(used)) % len(mine)])
            x = self.corpus.audio(self.clips[used[-1]])
            parts.append(x / (rms(x) + 1e-7) * SPEECH_RMS)
        x = np.concatenate(parts)
        if len(x) < samples:
            x = np.tile(x, samples // len(x) + 1)
        start = int(rng.integers(0, len(x) - samples + 1)) if len(parts) == 1 else 0
        return self.change(rng, x[start:start + samples], len(mine) == 2), used

    def change(self, rng: np.random.Generator, x: np.ndarray, pair: bool) -> np.ndarray:
        o = self.options
        if rng.random() < (o.equalizer_pair if pair else o.equalizer):
            x = random_eq(x, rng, 9.0 if pair else 6.0)
        if rng.random() < (o.reverb_pair if pair else o.reverb):
            x = short_reverb(x, rng)
        if self.mixer.noises and rng.random() < o.noise:
            v = self.mixer.noise_crop(rng, len(x))
            level = rms(x) / (rms(v) + 1e-7) * 10.0 ** (-rng.uniform(10, 30) / 20)
            x = x + v * np.float32(level)
        return x.astype(np.float32)
