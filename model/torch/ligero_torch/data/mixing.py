# SPDX-License-Identifier: Apache-2.0
"""Mixtures made on the fly: item i of a `Mixer` depends on its seed and i alone, whichever process
makes it.

Levels follow LibriMix: each source is brought to a loudness drawn uniformly from
[-33, -25] LUFS, a source that would clip is reset to a peak of 0.9, and a mixture above 0.9 is
rescaled. Then the mixture as a whole is set to a random level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .audio import SAMPLE_RATE_HZ, DataError, rms
from .augment import random_eq, short_reverb
from .corpus import Corpus

LOUDNESS_RANGE = (-33.0, -25.0)  # LUFS, LibriMix
PEAK = 0.9                       # LibriMix: a clipping source or mixture is rescaled to this peak


@dataclass
class MixOptions:
    """How a Mixer draws. Shares are probabilities, ranges are uniform."""

    seconds: float = 2.0
    anchor_seconds: float = 4.0
    cross_sex: tuple = (0.5, 0.5)        # share of opposite-sex pairs: at item 0, from `cross_until`
    cross_until: int = 1                 # items
    absent: float = 0.03                 # the anchor's owner does not speak
    single: float = 0.03                 # only the anchor's owner speaks
    noise: float = 0.2
    noise_snr_db: tuple = (5.0, 20.0)    # speech mixture over noise
    level_dbfs: tuple | None = (-45.0, -15.0)  # RMS of the mixture; None keeps LibriMix's level
    source_eq: float = 0.2
    anchor_eq: float = 0.5
    anchor_noise: float = 0.3
    anchor_reverb: float = 0.2
    rooms: float = 0.0                   # share in simulated rooms (needs a bank, see rooms.py)
    pair: bool = False                   # items 2 k and 2 k + 1: one mixture, its two speakers


class Mixer:
    """Draws mixtures of one split; `item(i)` is a pure function of (seed, i).

    rooms: bank of impulse responses as rooms.py makes it, or None.
    """

    def __init__(self, corpus: Corpus, split: str, options: MixOptions, seed: int = 0,
                 speeds=None, rooms=None):
        self.corpus, self.options, self.seed, self.rooms = corpus, options, seed, rooms
        self.clips = corpus.select(split, speeds=speeds)
        self.noises = corpus.select(split, "noise")
        if not self.clips:
            raise DataError(f"split '{split}' is empty")
        by_speaker: dict[str, list[int]] = {}
        for i, c in enumerate(self.clips):
            by_speaker.setdefault(c.speaker, []).append(i)
        self.by_speaker = by_speaker
        # A speaker with one clip has no anchor: an interferer only.
        self.targets = sorted(s for s, u in by_speaker.items() if len(u) > 1)
        self.sex = {s: self.clips[u[0]].sex for s, u in by_speaker.items()}
        self.base = {s: self.clips[u[0]].base for s, u in by_speaker.items()}
        self.by_sex: dict[str, list[str]] = {}
        for s in sorted(by_speaker):
            self.by_sex.setdefault(self.sex[s], []).append(s)
        if not self.targets or len(set(self.base.values())) < 2:
            raise DataError(f"split '{split}' needs two speakers, one of them with two clips")

    def _crop(self, rng, index: int, samples: int) -> np.ndarray:
        """A crop [samples] that is not much quieter than its clip, zero-padded where too short."""
        clip = self.clips[index]
        if clip.samples <= samples:
            out = np.zeros(samples, np.float32)
            at = int(rng.integers(0, samples - clip.samples + 1))
            out[at:at + clip.samples] = self.corpus.audio(clip)
            return out
        for _ in range(4):
            x = self.corpus.audio(clip, int(rng.integers(0, clip.samples - samples + 1)), samples)
            if rms(x) > 0.3 * clip.rms:
                break
        return x

    def anchor_crop(self, rng, index: int, samples: int) -> np.ndarray:
        """A crop of at most `samples`: shorter where the clip is, never padded."""
        return self._crop(rng, index, min(samples, self.clips[index].samples))

    def _source(self, rng, index: int, samples: int) -> np.ndarray:
        """A crop at its LibriMix loudness."""
        clip = self.clips[index]
        x = self._crop(rng, index, samples)
        if rng.random() < self.options.source_eq:
            x = random_eq(x, rng, 4.0)
        x = x * np.float32(10.0 ** ((rng.uniform(*LOUDNESS_RANGE) - clip.lufs) / 20.0))
        peak = float(np.abs(x).max())
        return x * np.float32(PEAK / peak) if peak > 1.0 else x

    def _interferer(self, rng, index: int, target: str) -> str:
        o = self.options
        f = min(index / max(o.cross_until, 1), 1.0)
        cross = rng.random() < o.cross_sex[0] + f * (o.cross_sex[1] - o.cross_sex[0])
        mine = self.sex[target]
        pools = [p for s, p in self.by_sex.items() if (s != mine) == cross]
        pool = [s for p in pools for s in p] if len(pools) > 1 else (pools[0] if pools else [])
        for _ in range(50):
            if not pool:
                break
            s = pool[int(rng.integers(len(pool)))]
            if self.base[s] != self.base[target] and (not o.pair or len(self.by_speaker[s]) > 1):
                return s
        others = [s for s in sorted(self.by_speaker) if self.base[s] != self.base[target]
                  and (not o.pair or len(self.by_speaker[s]) > 1)]
        return others[int(rng.integers(len(others)))]

    def noise_crop(self, rng, samples: int) -> np.ndarray:
        clip = self.noises[int(rng.integers(len(self.noises)))]
        if clip.samples >= samples:
            return self.corpus.audio(clip, int(rng.integers(0, clip.samples - samples + 1)),
                                     samples)
        x = self.corpus.audio(clip)
        return np.tile(x, samples // len(x) + 1)[:samples]

    def augment_anchor(self, rng, x: np.ndarray) -> np.ndarray:
        """Gain, EQ, short reverb and noise, each drawn on its own; x [n] -> [n]."""
        o = self.options
        if rng.random() < o.anchor_eq:
            x = random_eq(x, rng)
        if rng.random() < o.anchor_reverb:
            x = short_reverb(x, rng)
        if self.noises and rng.random() < o.anchor_noise:
            v = self.noise_crop(rng, len(x))
            x = x + v * np.float32(rms(x) / (rms(v) + 1e-7) *
                                   10.0 ** (-rng.uniform(10.0, 30.0) / 20.0))
        return x * np.float32(10.0 ** (rng.uniform(-45.0, -15.0) / 20.0) / (rms(x) + 1e-7))

    def pick(self, rng, index: int, who):
        """(kind, target clip, anchor clip, interferer clip): kinds 'mix', 'absent', 'single'.

        who: generator of the speaker and the anchor's clip.
        """
        o = self.options
        target = self.targets[int(who.integers(len(self.targets)))]
        mine = self.by_speaker[target]
        anchor = int(who.integers(len(mine)))
        u = rng.random()
        kind = "absent" if u < o.absent else "single" if u < o.absent + o.single else "mix"
        t = (anchor + 1 + int(rng.integers(len(mine) - 1))) % len(mine)
        other = self._interferer(rng, index, target)
        theirs = self.by_speaker[other]
        return kind, mine[t], mine[anchor], theirs[int(rng.integers(len(theirs)))]

    def item(self, index: int, anchor: bool = True) -> dict:
        """mix, target float32 [n]; anchor float32 [m] (augmented, zeros behind `anchor_samples`; None
        if not asked for); kind; clip numbers `target_clip`, `anchor_clip`, `interferer_clip`; speakers."""
        o = self.options
        base = index - index % 2 if o.pair else index
        rng = np.random.default_rng([self.seed, base])
        who = np.random.default_rng([self.seed, index, 3])
        n = int(o.seconds * SAMPLE_RATE_HZ)
        kind, t, a, v = self.pick(rng, base, np.random.default_rng([self.seed, base, 3])
                                  if o.pair else who)
        clips = [t, v]
        target, other = (self._source(rng, c, n) for c in clips)
        if index != base:
            t, v, target, other = v, t, other, target
            mine = [c for c in self.by_speaker[self.clips[t].speaker] if c != t]
            a = mine[int(who.integers(len(mine)))]
        if kind == "absent":
            target = np.zeros(n, np.float32)
        if kind == "single":
            other = np.zeros(n, np.float32)
        room = self.rooms is not None and rng.random() < o.rooms
        if room:
            target, other = self.rooms.place(rng, target, other)
        mix = target + other
        if self.noises and rng.random() < o.noise:
            w = self.noise_crop(rng, n)
            mix = mix + w * np.float32(rms(mix) / (rms(w) + 1e-7) *
                                       10.0 ** (-rng.uniform(*o.noise_snr_db) / 20.0))
        peak = float(np.abs(mix).max())
        gain = PEAK / peak if peak > PEAK else 1.0
        if o.level_dbfs is not None:
            gain = 10.0 ** (rng.uniform(*o.level_dbfs) / 20.0) / (rms(mix) + 1e-9)
        out = {"mix": mix * np.float32(gain), "target": target * np.float32(gain), "kind": kind,
               "target_clip": t, "anchor_clip": a, "interferer_clip": v,
               "target_speaker": self.clips[t].speaker,
               "interferer_speaker": self.clips[v].speaker, "anchor": None, "anchor_samples": 0}
        if anchor:
            m = int(o.anchor_seconds * SAMPLE_RATE_HZ)
            x = self.anchor_crop(who, a, m)
            if self.rooms is not None and who.random() < 0.5 * o.rooms:
                x = self.rooms.place(who, x, None)[0]
            x = self.augment_anchor(who, x)
            out["anchor"], out["anchor_samples"] = np.pad(x, (0, m - len(x))), len(x)
        return out


class BatchSource:
    """Batches of a Mixer as a map-style data set for torch.utils.data.DataLoader (batch_size=None).

    Element k holds items k*batch .. k*batch+batch-1: mix, target [B, n] float32, kind uint8 [B]
    (0 mix, 1 absent, 2 single). With `bank` (float [clips, copies, D], what the frozen speaker
    networks say of augmented crops) `voice` [B, D] is drawn from it; with `anchors` there is
    anchor [B, m] float32, and where one of them is shorter, anchor_samples [B].
    """

    KINDS = {"mix": 0, "absent": 1, "single": 2}

    def __init__(self, mixer: Mixer, batch: int, bank=None, anchors: bool = True):
        self.mixer, self.batch, self.bank, self.anchors = mixer, batch, bank, anchors

    def __len__(self) -> int:
        return 1 << 40

    def __getitem__(self, k: int) -> dict:
        import torch

        base = k * self.batch
        items = [self.mixer.item(base + i, self.anchors) for i in range(self.batch)]
        out = {name: torch.from_numpy(np.stack([it[name] for it in items]))
               for name in ("mix", "target", "anchor")[:3 if self.anchors else 2]}
        if self.anchors and any(it["anchor_samples"] < len(it["anchor"]) for it in items):
            out["anchor_samples"] = torch.tensor([it["anchor_samples"] for it in items])
        out["kind"] = torch.tensor([self.KINDS[it["kind"]] for it in items], dtype=torch.uint8)
        if self.bank is not None:
            copies = np.random.default_rng([self.mixer.seed, base, 1]).integers(
                0, self.bank.shape[1], self.batch)
            out["voice"] = torch.from_numpy(np.stack(
                [self.bank[it["anchor_clip"], c] for it, c in zip(items, copies)])
                .astype(np.float32))
        return out
