"""Speech folders, their cache, and mixtures made on the fly.

A folder holds MANIFEST.tsv (corpus, speaker, sex, path, seconds, split, source_utterances) and
optionally noise/NOISE_MANIFEST.tsv (class, path, split). It is decoded once into one int16 file, with
speed-perturbed copies of the training split (each speed makes new speakers), and mixtures are drawn
from there: item i of a `Mixer` depends on its seed and i alone, whichever process makes it.

Levels follow LibriMix (systems.md 9): each source is brought to a loudness drawn uniformly from
[-33, -25] LUFS (ITU-R BS.1770-4: K weighting, 400 ms blocks, gates at -70 LUFS and -10 LU; measured
once over the whole clip, as LibriMix does, not over the crop), a source that would clip is reset to a
peak of 0.9, and a mixture above 0.9 is rescaled. Then the mixture as a whole is set to a random level.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
from dataclasses import dataclass, field
from math import gcd
from pathlib import Path

import numpy as np

SAMPLE_RATE = 16000
LOUDNESS_RANGE = (-33.0, -25.0)  # LUFS, LibriMix
PEAK = 0.9                       # LibriMix: a clipping source or mixture is rescaled to this peak
MIN_SECONDS = 1.0                # a shorter clip cannot serve as a crop
CACHE_VERSION = 3


class DataError(RuntimeError):
    """The data cannot be used; the message names the file and what was expected."""


@dataclass
class BadLines:
    """Collects bad manifest lines: named on stderr, counted, fatal where `strict`."""

    strict: bool = False
    lines: list = field(default_factory=list)

    def add(self, where: str, why: str) -> None:
        self.lines.append((where, why))
        if self.strict:
            raise DataError(f"{where}: {why} (--strict)")
        print(f"skipped: {where}: {why}", file=sys.stderr)

    def __len__(self) -> int:
        return len(self.lines)

    def report(self) -> None:
        if self.lines:
            print(f"{len(self.lines)} bad line(s) skipped", file=sys.stderr)


def default_speech() -> Path:
    """`../shared/speech` seen from the repository's root."""
    return Path(__file__).resolve().parents[4].parent / "shared" / "speech"


def read_tsv(path: Path) -> list[dict]:
    """Rows of a tab-separated file with a header line; raises DataError if it is missing."""
    if not path.is_file():
        raise DataError(f"{path} is missing: give a folder that holds it")
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def read_audio(path: Path) -> np.ndarray:
    """Mono float32 samples [n] in [-1, 1]; DataError if unreadable, not mono or not 16 kHz."""
    import soundfile

    try:
        x, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except Exception as e:  # soundfile raises several kinds
        raise DataError("missing" if not path.exists() else f"unreadable ({e})") from None
    if rate != SAMPLE_RATE:
        raise DataError(f"sampled at {rate} Hz, expected {SAMPLE_RATE}")
    if x.shape[1] != 1:
        raise DataError(f"{x.shape[1]} channels, expected 1")
    return x[:, 0]


# ---------------------------------------------------------------------------------------------
# loudness


def _k_weighting() -> np.ndarray:
    """Second-order sections [2, 6] of the K filter at 16 kHz (BS.1770 design, as pyloudnorm does)."""
    rate = float(SAMPLE_RATE)

    def section(kind, gain_db, q, fc):
        a = 10.0 ** (gain_db / 40.0)
        w = 2.0 * np.pi * fc / rate
        alpha, c = np.sin(w) / (2.0 * q), np.cos(w)
        if kind == "shelf":
            b = [a * ((a + 1) + (a - 1) * c + 2 * np.sqrt(a) * alpha),
                 -2 * a * ((a - 1) + (a + 1) * c),
                 a * ((a + 1) + (a - 1) * c - 2 * np.sqrt(a) * alpha)]
            d = [(a + 1) - (a - 1) * c + 2 * np.sqrt(a) * alpha,
                 2 * ((a - 1) - (a + 1) * c),
                 (a + 1) - (a - 1) * c - 2 * np.sqrt(a) * alpha]
        else:
            b = [(1 + c) / 2, -(1 + c), (1 + c) / 2]
            d = [1 + alpha, -2 * c, 1 - alpha]
        return np.array(b + d) / d[0]

    return np.stack([section("shelf", 4.0, 1.0 / np.sqrt(2.0), 1500.0),
                     section("high", 0.0, 0.5, 38.0)])


_K_SOS = None


def loudness(x: np.ndarray) -> float:
    """Integrated loudness in LUFS of x [n] (BS.1770-4, 400 ms blocks, 75 % overlap, both gates)."""
    from scipy.signal import sosfilt

    global _K_SOS
    if _K_SOS is None:
        _K_SOS = _k_weighting()
    y = sosfilt(_K_SOS, x.astype(np.float64))
    block, hop = int(0.4 * SAMPLE_RATE), int(0.1 * SAMPLE_RATE)
    sums = np.concatenate([[0.0], np.cumsum(y * y)])
    if len(y) < block:
        power = np.array([sums[-1] / max(len(y), 1)])
    else:
        start = np.arange(0, len(y) - block + 1, hop)
        power = (sums[start + block] - sums[start]) / block
    level = -0.691 + 10.0 * np.log10(power + 1e-12)
    kept = power[level > -70.0]
    if kept.size == 0:
        return float(level.max())
    gate = -0.691 + 10.0 * np.log10(kept.mean()) - 10.0
    kept2 = power[(level > -70.0) & (level > gate)]
    return float(-0.691 + 10.0 * np.log10(kept2.mean()))


# ---------------------------------------------------------------------------------------------
# cache


@dataclass(frozen=True)
class Clip:
    """One clip of the cache: `start`, `samples` index the int16 file; `speaker` includes the speed."""

    path: str
    corpus: str
    speaker: str      # e.g. "ls103" or "ls103@0.9"
    base: str         # the person, e.g. "ls103"
    sex: str
    split: str
    speed: float
    start: int
    samples: int
    lufs: float
    rms: float
    kind: str = "speech"


def speaker_id(row: dict) -> str:
    """Prefix of the corpus plus speaker, as the lists write it (ls103, so0001)."""
    short = {"librispeech": "ls", "speechocean762": "so"}
    return short.get(row["corpus"], row["corpus"] + "-") + row["speaker"]


def change_speed(x: np.ndarray, speed: float) -> np.ndarray:
    """Plays x [n] faster by `speed` (pitch moves too) through polyphase resampling."""
    from scipy.signal import resample_poly

    if speed == 1.0:
        return x
    num, den = int(round(speed * 100)), 100
    g = gcd(num, den)
    return resample_poly(x, den // g, num // g).astype(np.float32)


def _decode(job):
    """Worker: one row -> list of (speed, int16 samples, lufs, rms), or the reason of a refusal."""
    root, row, speeds, kind = job
    try:
        x = read_audio(Path(root) / row["path"])
    except DataError as e:
        return str(e)
    if len(x) < MIN_SECONDS * SAMPLE_RATE:
        return f"{len(x) / SAMPLE_RATE:.2f} s long, at least {MIN_SECONDS} s wanted"
    if not np.isfinite(x).all():
        return "holds values that are not finite"
    if float(np.sqrt(np.mean(x * x))) < 1e-5:
        return "is silent"
    out = []
    for s in speeds:
        y = np.clip(change_speed(x, s), -1.0, 32767.0 / 32768.0)
        out.append((s, np.round(y * 32768.0).astype(np.int16), loudness(y),
                    float(np.sqrt(np.mean(y * y)))))
    return out


class Corpus:
    """The decoded folder: `clips` (list of Clip) over one int16 memory map."""

    def __init__(self, folder: Path, clips: list[Clip], bad: int = 0):
        self.folder, self.clips, self.bad = folder, clips, bad
        self._pcm = None

    @property
    def pcm(self) -> np.ndarray:
        if self._pcm is None:
            self._pcm = np.memmap(self.folder / "audio.i16", dtype=np.int16, mode="r")
        return self._pcm

    def __getstate__(self):
        return {**self.__dict__, "_pcm": None}

    def audio(self, clip: Clip, start: int = 0, samples: int | None = None) -> np.ndarray:
        """float32 samples of a clip in [-1, 1), from `start`."""
        n = clip.samples - start if samples is None else samples
        a = clip.start + start
        return self.pcm[a:a + n].astype(np.float32) * np.float32(1.0 / 32768.0)

    def select(self, split: str, kind: str = "speech", speeds=None) -> list[Clip]:
        return [c for c in self.clips if c.split == split and c.kind == kind
                and (speeds is None or c.speed in speeds)]


def load_corpus(speech: Path, cache: Path, speeds=(0.9, 1.0, 1.1), strict: bool = False,
                workers: int = 2, quiet: bool = False) -> Corpus:
    """Opens the cache of `speech` under `cache`, building it first where it is missing or stale.

    speeds: speeds of the training split (1.0 is always kept; other splits have speed 1.0 only).
    strict: the first bad manifest line raises DataError instead of being skipped and counted.
    """
    from concurrent.futures import ProcessPoolExecutor

    speech, cache = Path(speech), Path(cache)
    rows = read_tsv(speech / "MANIFEST.tsv")
    noise_manifest = speech / "noise" / "NOISE_MANIFEST.tsv"
    noise = read_tsv(noise_manifest) if noise_manifest.is_file() else []
    speeds = tuple(sorted({1.0, *speeds}))
    key = hashlib.sha256(json.dumps([CACHE_VERSION, str(speech.resolve()), speeds, rows,
                                     noise]).encode()).hexdigest()[:16]
    folder = cache / f"speech-{key}"
    index = folder / "index.json"
    if index.is_file():
        doc = json.loads(index.read_text())
        if doc["bad"] and strict:
            raise DataError(f"{len(doc['bad'])} bad manifest line(s), first: {doc['bad'][0]}")
        return Corpus(folder, [Clip(**c) for c in doc["clips"]], len(doc["bad"]))
    folder.mkdir(parents=True, exist_ok=True)
    bad = BadLines(strict)
    jobs, metas = [], []
    for number, (row, kind) in enumerate([(r, "speech") for r in rows] +
                                         [(r, "noise") for r in noise]):
        line = (number if kind == "speech" else number - len(rows)) + 2
        name = ("MANIFEST.tsv" if kind == "speech" else "NOISE_MANIFEST.tsv") + f" line {line}"
        wanted = (("corpus", "speaker", "sex", "path", "split") if kind == "speech"
                  else ("path", "split"))
        lacking = [w for w in wanted if not row.get(w)]
        if lacking:
            bad.add(name, "lacks " + ", ".join(lacking))
            continue
        jobs.append((str(speech), row, speeds if kind == "speech" and row["split"] == "train"
                     else (1.0,), kind))
        metas.append((name, row, kind))
    clips, at = [], 0
    part = folder / "audio.i16.part"
    with open(part, "wb") as f, ProcessPoolExecutor(workers) as pool:
        for n, ((name, row, kind), got) in enumerate(zip(metas, pool.map(_decode, jobs,
                                                                         chunksize=16))):
            if isinstance(got, str):
                bad.add(f"{name}: {row['path']}", got)
                continue
            base = speaker_id(row) if kind == "speech" else row.get("class", "noise")
            for speed, pcm, lufs, rms in got:
                f.write(pcm.tobytes())
                clips.append(Clip(row["path"], row.get("corpus", ""),
                                  base if speed == 1.0 else f"{base}@{speed:g}", base,
                                  row.get("sex", ""), row["split"], speed, at, len(pcm),
                                  lufs, rms, kind))
                at += len(pcm)
            if not quiet and (n + 1) % 500 == 0:
                print(f"decoded {n + 1} of {len(metas)} clips", file=sys.stderr)
    bad.report()
    os.replace(part, folder / "audio.i16")
    tmp = folder / "index.json.part"
    tmp.write_text(json.dumps({"bad": [f"{a}: {b}" for a, b in bad.lines],
                               "clips": [c.__dict__ for c in clips]}))
    os.replace(tmp, index)
    return Corpus(folder, clips, len(bad))


# ---------------------------------------------------------------------------------------------
# augmentation


def random_eq(x: np.ndarray, rng: np.random.Generator, depth_db: float = 6.0) -> np.ndarray:
    """Filters x [n] by a smooth random curve of +-depth_db (8 points on a mel-like axis)."""
    n = len(x)
    size = 1 << (n - 1).bit_length()
    f = np.fft.rfftfreq(size, 1.0 / SAMPLE_RATE)
    at = np.log1p(f / 300.0)
    points = np.linspace(0.0, at[-1], 8)
    gain = 10.0 ** (np.interp(at, points, rng.uniform(-depth_db, depth_db, 8)) / 20.0)
    return np.fft.irfft(np.fft.rfft(x, size) * gain, size)[:n].astype(np.float32)


def short_reverb(x: np.ndarray, rng: np.random.Generator, rt60=(0.1, 0.4)) -> np.ndarray:
    """Adds a tail of decaying noise (RT60 drawn from `rt60` s, direct-to-tail 0 to 12 dB) to x [n]."""
    t60 = rng.uniform(*rt60)
    m = int(t60 * SAMPLE_RATE)
    tail = rng.standard_normal(m) * 10.0 ** (-3.0 * np.arange(m) / m)
    tail[:16] = 0.0
    tail *= 10.0 ** (-rng.uniform(0.0, 12.0) / 20.0) / (np.sqrt(np.sum(tail * tail)) + 1e-9)
    tail[0] = 1.0
    size = 1 << (len(x) + m - 1).bit_length()
    y = np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(tail, size), size)
    return y[:len(x)].astype(np.float32)


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64)) + 1e-20))


# ---------------------------------------------------------------------------------------------
# mixtures


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
        """mix, target float32 [n]; anchor float32 [m] (augmented; None if not asked for); kind;
        clip numbers `target_clip`, `anchor_clip`, `interferer_clip`; speakers."""
        o = self.options
        base = index - index % 2 if o.pair else index
        rng = np.random.default_rng([self.seed, base])
        who = np.random.default_rng([self.seed, index, 3])
        n = int(o.seconds * SAMPLE_RATE)
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
               "interferer_speaker": self.clips[v].speaker, "anchor": None}
        if anchor:
            m = int(o.anchor_seconds * SAMPLE_RATE)
            x = self._crop(who, a, m)
            if self.rooms is not None and who.random() < 0.5 * o.rooms:
                x = self.rooms.place(who, x, None)[0]
            out["anchor"] = self.augment_anchor(who, x)
        return out


class BatchSource:
    """Batches of a Mixer as a map-style data set for torch.utils.data.DataLoader (batch_size=None).

    Element k holds items k*batch .. k*batch+batch-1: mix, target [B, n] float32, kind uint8 [B]
    (0 mix, 1 absent, 2 single). With `bank` (float [clips, copies, D], what the frozen speaker
    networks say of augmented crops) `voice` [B, D] is drawn from it; with `anchors` there is
    anchor [B, m] float32.
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
        out["kind"] = torch.tensor([self.KINDS[it["kind"]] for it in items], dtype=torch.uint8)
        if self.bank is not None:
            copies = np.random.default_rng([self.mixer.seed, base, 1]).integers(
                0, self.bank.shape[1], self.batch)
            out["voice"] = torch.from_numpy(np.stack(
                [self.bank[it["anchor_clip"], c] for it, c in zip(items, copies)])
                .astype(np.float32))
        return out


# ---------------------------------------------------------------------------------------------
# evaluation lists


@dataclass
class Listed:
    """One mixture of a list, read and checked: float32 samples, `mix = target + interferer`."""

    key: str
    mix: np.ndarray
    target: np.ndarray
    interferer: np.ndarray
    anchor: np.ndarray
    row: dict


def read_list(path: Path, speech: Path, strict: bool = False, limit: int | None = None,
              bad: BadLines | None = None):
    """Yields `Listed` for every good line of a list (lists/test.tsv); bad lines named and counted.

    Gains are in dB on the clips as they are; both sources are cut to `samples`.
    """
    bad = BadLines(strict) if bad is None else bad
    rows = read_tsv(Path(path))
    if not rows:
        raise DataError(f"{path} holds no mixture")
    for number, row in enumerate(rows[:limit]):
        where = f"{Path(path).name} line {number + 2} ({row.get('key')})"
        try:
            n = int(row["samples"])
            gains = [10.0 ** (float(row[k]) / 20.0) for k in ("target_gain_db",
                                                             "interferer_gain_db")]
        except (KeyError, TypeError, ValueError):
            bad.add(where, "samples or gains are missing or no numbers")
            continue
        try:
            clips = {}
            for role in ("target", "interferer", "anchor"):
                try:
                    clips[role] = read_audio(Path(speech) / row[role])
                except DataError as e:
                    raise DataError(f"{role} {row[role]}: {e}") from None
            for role in ("target", "interferer"):
                if len(clips[role]) < n or n <= 0:
                    raise DataError(f"{role} has {len(clips[role])} samples, list says {n}")
            if len(clips["anchor"]) < MIN_SECONDS * SAMPLE_RATE:
                raise DataError(f"anchor is shorter than {MIN_SECONDS} s")
        except DataError as e:
            bad.add(where, str(e))
            continue
        t = clips["target"][:n] * np.float32(gains[0])
        v = clips["interferer"][:n] * np.float32(gains[1])
        yield Listed(row["key"], t + v, t, v, clips["anchor"], row)
