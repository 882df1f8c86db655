# SPDX-License-Identifier: Apache-2.0
"""Speech folders and their cache.

A folder holds MANIFEST.tsv (corpus, speaker, sex, path, seconds, split, source_utterances) and
optionally noise/NOISE_MANIFEST.tsv (class, path, split). It is decoded once into one int16 file, with
speed-perturbed copies of the training split (each speed makes new speakers). Loudness is measured
once over the whole clip, as LibriMix does.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .audio import MIN_SECONDS, SAMPLE_RATE_HZ, BadLines, DataError, read_audio, read_tsv
from .augment import change_speed
from .loudness import loudness

CACHE_VERSION = 3


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


def _decode(job):
    """Worker: one row -> list of (speed, int16 samples, lufs, rms), or the reason of a refusal."""
    root, row, speeds, kind = job
    try:
        x = read_audio(Path(root) / row["path"])
    except DataError as e:
        return str(e)
    if len(x) < MIN_SECONDS * SAMPLE_RATE_HZ:
        return f"{row['path']}: {len(x) / SAMPLE_RATE_HZ:.2f} s long, at least {MIN_SECONDS} s wanted"
    if not np.isfinite(x).all():
        return f"{row['path']}: holds values that are not finite"
    if float(np.sqrt(np.mean(x * x))) < 1e-5:
        return f"{row['path']}: is silent"
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
                bad.add(name, got)
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
