# SPDX-License-Identifier: Apache-2.0
"""Scenes of two or three talkers, drawn on the fly: batch b depends on the seed and on b alone.

A scene is asked for each of two talkers, which makes two items. The voice of an item is a row of the
anchor bank that was not made of the clip in the mixture. Speakers are drawn by the square root of
their seconds. Beside mixing.py, which follows LibriMix, this is how train/fast hears the world.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .anchors import Bank
from .audio import DataError, rms
from .augment import random_eq
from .corpus import Corpus
from .low_cut import cut
from .mixing import LOUDNESS_RANGE
from .rooms import TalkerRooms, convolve, early

HOP = 160  # samples: what a level jump takes, and the unit of an item's length
LEVEL = (-45.0, -15.0)     # dBFS of a mixture (rms)
EQUALIZER_DB = 5.0
DOUBLED = ("librispeech", "speechocean762")  # the corpora of the lists: speakers weigh twice
MOST_TALKERS = 3
MIX, ABSENT, ALONE = 0, 1, 2  # kinds of items: the target speaks with others, not at all, alone


def option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class SceneOptions:
    """A scene is one mixture of two talkers; it makes two items, one for each of them."""

    equalizer: float = option(0.2, "talkers that pass a random filter of +-5 dB")
    noise: float = option(0.15, "scenes with noise")
    noise_db: tuple[float, float] = option((5.0, 25.0), "talkers over noise, dB")
    rooms: float = option(0.0, "scenes in a simulated room; the target is the direct sound and the "
                               "first 50 ms behind it, the mixture holds the whole response")
    rt60: tuple[float, float] = option((0.2, 0.6), "reverberation times of the rooms, seconds")
    jumps: float = option(0.0, "items whose level jumps once, mixture and target alike")
    jump_db: tuple[float, float] = option((6.0, 20.0), "size of a jump, up or down, dB")
    absent: float = option(0.02, "items whose voice does not speak: the target is silence")
    alone: float = option(0.02, "items whose voice speaks without the others")
    three: float = option(0.0, "scenes with a third talker")
    gaps: float = option(0.0, "items whose target is silent at first, for a tenth to nine tenths")

    def for_field(self) -> SceneOptions:
        """The preset for real use."""
        return replace(self, noise=0.5, noise_db=(0.0, 20.0), rooms=1 / 3, rt60=(0.15, 0.6),
                       jumps=0.10, absent=0.05, alone=0.03, three=0.10, gaps=0.35)


class Talkers:
    """The training speakers with a clip that some anchor leaves free.

    clips_of[s]: numbers in `clips`; person[s]: who that is at any speed.
    """

    def __init__(self, corpus: Corpus, bank: Bank):
        self.corpus, self.bank = corpus, bank
        self.clips = corpus.select("train")
        self.noises = corpus.select("train", "noise")
        self.clips_of: dict[str, list[int]] = {}
        for i, clip in enumerate(self.clips):
            if any(i not in bank.used[j] for j in bank.of.get(clip.speaker, [])):
                self.clips_of.setdefault(clip.speaker, []).append(i)
        self.speakers = sorted(self.clips_of)
        first = {s: self.clips[u[0]] for s, u in self.clips_of.items()}
        self.person = {s: c.base for s, c in first.items()}
        if len(set(self.person.values())) < MOST_TALKERS:
            raise DataError(f"{len(set(self.person.values()))} speakers with a clip that no anchor "
                            f"holds, at least {MOST_TALKERS} wanted")
        weights = np.array([
            np.sqrt(sum(self.clips[i].samples for i in self.clips_of[s]))
            * (1.0 if first[s].corpus in DOUBLED else 0.5) for s in self.speakers])
        self.cumulative = np.cumsum(weights / weights.sum())

    def draw(self, rng: np.random.Generator, others: list[str]) -> str:
        """A speaker who is none of `others`."""
        taken = {self.person[s] for s in others}
        while True:
            i = int(np.searchsorted(self.cumulative, rng.random()))
            speaker = self.speakers[min(i, len(self.speakers) - 1)]
            if self.person[speaker] not in taken:
                return speaker

    def clip(self, rng: np.random.Generator, speaker: str) -> int:
        mine = self.clips_of[speaker]
        return mine[int(rng.integers(len(mine)))]

    def voice(self, rng: np.random.Generator, speaker: str, without: int | None) -> np.ndarray:
        """f16 [642]: a row of the speaker that was not made of clip `without`."""
        mine = self.bank.of[speaker]
        for _ in range(8):
            j = mine[int(rng.integers(len(mine)))]
            if without not in self.bank.used[j]:
                return self.bank.rows[j]
        mine = [j for j in mine if without not in self.bank.used[j]]
        return self.bank.rows[mine[int(rng.integers(len(mine)))]]


class Scenes(torch.utils.data.Dataset):
    """Endless batches: element b is mixture [B, n], target [B, n], voice [B, 642], kind [B]. Mixture and
    target are as a network of the product meets them, without what lies below the voice (low_cut.py)."""

    def __init__(self, talkers: Talkers, options: SceneOptions, rooms: TalkerRooms | None, batch: int,
                 frames: int, seed: int):
        self.talkers, self.options, self.rooms = talkers, options, rooms
        self.batch, self.samples, self.seed = batch, (frames - 1) * HOP, seed

    def __len__(self) -> int:
        return 1 << 40

    def __getitem__(self, b: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        scenes = self.batch // 2
        items = [it for k in range(b * scenes, (b + 1) * scenes) for it in self.scene(k)]
        mixture, target, voice = (np.stack([it[j] for it in items]) for j in range(3))
        return (torch.from_numpy(cut(mixture)), torch.from_numpy(cut(target)),
                torch.from_numpy(voice).float(), torch.tensor([it[3] for it in items]))

    def scene(self, k: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
        """Two items of scene k: mixture, target, voice, kind."""
        o, talkers = self.options, self.talkers
        rng = np.random.default_rng([self.seed, k])
        # Draws of their own leave those of `rng` as they are.
        field = np.random.default_rng([self.seed, k, 1])
        gaps = np.random.default_rng([self.seed, k, 2])
        speakers: list[str] = []
        for _ in range(2):
            speakers.append(talkers.draw(rng, speakers))
        clips = [talkers.clip(rng, s) for s in speakers]
        heard = [self.crop(rng, c) for c in clips]
        third = field.random() < o.three
        if third:
            speakers.append(talkers.draw(field, speakers))
            heard.append(self.crop(field, talkers.clip(field, speakers[2])))
        wanted = heard
        if field.random() < o.rooms:
            room = self.rooms.draw(field)
            wanted = [convolve(x, early(h)) for x, h in zip(heard, room)]
            heard = [convolve(x, h) for x, h in zip(heard, room)]
        noise = self.noise(rng, sum(heard))

        items = []
        for q in range(2):
            kind, target, mixture = MIX, wanted[q], sum(heard)
            u = rng.random()
            voice = talkers.voice(rng, speakers[q], clips[q])
            if u < o.absent:
                kind, target = ABSENT, np.zeros_like(target)
                voice = talkers.voice(rng, talkers.draw(rng, speakers), None)
            elif u < o.absent + o.alone:
                kind, mixture = ALONE, heard[q]
            if kind != ABSENT and gaps.random() < o.gaps:
                speaks = self.step(gaps.uniform(0.1, 0.9)).astype(np.float32)
                mixture, target = mixture - heard[q] * (1 - speaks), target * speaks
            mixture = mixture + noise
            if field.random() < o.jumps:
                jump = self.jump(field)
                mixture, target = mixture * jump, target * jump
            gain = np.float32(10.0 ** (rng.uniform(*LEVEL) / 20.0) / (rms(mixture) + 1e-9))
            items.append((mixture * gain, target * gain, voice, kind))
        return items

    def crop(self, rng: np.random.Generator, number: int) -> np.ndarray:
        """A piece [n] of a clip at a loudness of its own, not much quieter than the clip."""
        clip, n, corpus = self.talkers.clips[number], self.samples, self.talkers.corpus
        if clip.samples <= n:
            out = np.zeros(n, np.float32)
            at = int(rng.integers(0, n - clip.samples + 1))
            out[at:at + clip.samples] = corpus.audio(clip)
        else:
            for _ in range(3):
                out = corpus.audio(clip, int(rng.integers(0, clip.samples - n + 1)), n)
                if np.dot(out, out) > 0.09 * clip.rms ** 2 * n:
                    break
        if rng.random() < self.options.equalizer:
            out = random_eq(out, rng, EQUALIZER_DB)
        return out * np.float32(10.0 ** ((rng.uniform(*LOUDNESS_RANGE) - clip.lufs) / 20.0))

    def noise(self, rng: np.random.Generator, speech: np.ndarray) -> np.ndarray:
        """Noise [n] at its level below `speech`, or silence."""
        n, noises = self.samples, self.talkers.noises
        if rng.random() >= self.options.noise or not noises:
            return np.zeros(n, np.float32)
        clip = noises[int(rng.integers(len(noises)))]
        copies = n // clip.samples + 1
        at = int(rng.integers(0, clip.samples * copies - n + 1))
        if copies == 1:
            x = self.talkers.corpus.audio(clip, at, n)
        else:
            x = np.tile(self.talkers.corpus.audio(clip), copies)[at:at + n]
        level = 10.0 ** (-rng.uniform(*self.options.noise_db) / 20)
        return x * np.float32(rms(speech) / (rms(x) + 1e-7) * level)

    def jump(self, rng: np.random.Generator) -> np.ndarray:
        """A gain [n] that changes once, within 10 ms."""
        decibels = rng.uniform(*self.options.jump_db) * rng.choice([-1.0, 1.0])
        curve = self.step(int(rng.integers(0, self.samples - HOP)) / self.samples)
        return (10.0 ** (decibels * curve / 20.0)).astype(np.float32)

    def step(self, share: float) -> np.ndarray:
        """From 0 to 1 [n] within 10 ms, after so great a share of an item."""
        at = round(share * self.samples)
        return np.clip((np.arange(self.samples) - at) / HOP, 0.0, 1.0)
