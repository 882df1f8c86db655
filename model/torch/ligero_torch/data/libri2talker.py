# SPDX-License-Identifier: Apache-2.0
"""Builds Libri2Mix (16 kHz, min, mix_clean) and the Libri-2talker lists from LibriSpeech (spec 9).

    python -m ligero_torch.data.libri2talker --librispeech LibriSpeech --metadata LibriMix/metadata/Libri2Mix
        --lists target_speaker_verification/egs/Libri2Mix/data --out build/libri2talker [--write-wavs]

--metadata holds the published CSV files with the gains, --lists the folders tr, cv and tt with
mix.scp, aux.scp and ref.scp. Where tr is missing the training list is drawn with a fixed seed: for
each mixture outside cv and each side another utterance of that speaker from the same subset.
Writes train.tsv, valid.tsv and test.tsv in the format of the evaluation lists (paths relative to
LibriSpeech, gains in dB), so that training and `evaluate --speech LibriSpeech --list ...` mix on
the fly; --write-wavs also writes wav16k/min/<subset>/{mix_clean,s1,s2}/*.wav, 16 bit, as LibriMix
does. A second call goes on where the first one stopped.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import re
import sys
from pathlib import Path

import numpy as np

from . import audio, mixing

SUBSETS = ("train-clean-100", "train-clean-360", "test-clean")
COUNTS = {"train": 127056, "valid": 2344, "test": 6000}  # spec 9
SPLITS = {"train": "tr", "valid": "cv", "test": "tt"}
COLUMNS = ("key", "target", "interferer", "anchor", "target_gain_db", "interferer_gain_db",
           "samples", "target_speaker", "interferer_speaker", "target_sex", "interferer_sex")


def find_utterances(librispeech: Path) -> dict[str, str]:
    """Utterance id -> path relative to `librispeech`, over the three subsets."""
    out, lacking = {}, [s for s in SUBSETS if not (librispeech / s).is_dir()]
    if lacking:
        raise audio.DataError(f"{librispeech} lacks {', '.join(lacking)}")
    for s in SUBSETS:
        for p in (librispeech / s).glob("*/*/*.flac"):
            out[p.stem] = f"{s}/{p.parent.parent.name}/{p.parent.name}/{p.name}"
    return out


def read_metadata(folder: Path) -> dict[str, dict]:
    """Mixture id -> its row, of libri2mix_<subset>.csv for the three subsets."""
    out = {}
    for s in SUBSETS:
        path = folder / f"libri2mix_{s}.csv"
        if not path.is_file():
            raise audio.DataError(f"{path} is missing: it is published with LibriMix")
        with open(path, newline="") as f:
            for row in csv.DictReader(f):
                out[row["mixture_ID"]] = {**row, "subset": s}
    return out


def read_scp(path: Path) -> dict[str, str]:
    """Lines `<key> <path>`; DataError for a missing file or a key given twice."""
    if not path.is_file():
        raise audio.DataError(f"{path} is missing")
    out = {}
    for n, line in enumerate(path.read_text().splitlines(), 1):
        parts = line.split(None, 1)
        if len(parts) != 2:
            raise audio.DataError(f"{path} line {n}: expected a key and a path")
        if parts[0] in out:
            raise audio.DataError(f"{path} line {n}: key {parts[0]} again")
        out[parts[0]] = parts[1].strip()
    return out


def read_lists(folder: Path) -> list[tuple[str, str, int, str]]:
    """(key, mixture id, side 0 or 1, anchor's utterance), joined by key: the files' orders differ."""
    mix, aux, ref = (read_scp(folder / f"{n}.scp") for n in ("mix", "aux", "ref"))
    if not mix.keys() == aux.keys() == ref.keys():
        odd = sorted((mix.keys() ^ aux.keys()) | (mix.keys() ^ ref.keys()))
        raise audio.DataError(f"{folder}: {len(odd)} keys are not in all three files, first {odd[0]}")
    out = []
    for key in mix:
        side = re.search(r"/s([12])/", ref[key])
        if not side or Path(ref[key]).stem != Path(mix[key]).stem:
            raise audio.DataError(f"{folder}: {key}: ref is no source of mix")
        out.append((key, Path(mix[key]).stem, int(side[1]) - 1, Path(aux[key]).stem))
    return out


def draw_training_list(metadata: dict, used: set, utterances: dict, seed: int = 72):
    """The training list for want of the published one; a function of its arguments."""
    by_speaker: dict[tuple, list[str]] = {}
    for u, p in sorted(utterances.items()):
        by_speaker.setdefault((p.split("/")[0], u.split("-")[0]), []).append(u)
    rng = np.random.default_rng(seed)
    out = []
    for mixture in sorted(metadata):
        subset = metadata[mixture]["subset"]
        if mixture in used or not subset.startswith("train"):
            continue
        pair = mixture.split("_")
        for side in (0, 1):
            choice = [u for u in by_speaker.get((subset, pair[side].split("-")[0]), [])
                      if u not in pair]
            if choice:
                anchor = choice[int(rng.integers(len(choice)))]
                out.append((f"s{side}_{pair[0]}_{pair[1]}_{anchor}", mixture, side, anchor))
    return out


def read_sexes(librispeech: Path) -> dict[str, str]:
    """Reader -> F or M, of SPEAKERS.TXT ('' where it is missing)."""
    path = librispeech / "SPEAKERS.TXT"
    out = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            parts = [p.strip() for p in line.split("|")]
            if not line.startswith(";") and len(parts) > 1:
                out[parts[0]] = parts[1]
    return out


def write_mixture(out: Path, librispeech: Path, row: dict, paths, gains, samples: int) -> None:
    """Writes s1, s2 and mix_clean of one mixture unless all are there with the right length."""
    import soundfile

    name = row["subset"].replace("-clean", "") if "train" in row["subset"] else "test"
    files = [out / "wav16k/min" / name / d / f"{row['mixture_ID']}.wav"
             for d in ("s1", "s2", "mix_clean")]
    if all(f.is_file() and f.stat().st_size == 44 + 2 * samples for f in files):
        return
    s = [audio.read_audio(librispeech / p)[:samples] * np.float32(g)
         for p, g in zip(paths, gains)]
    for f, x in zip(files, (*s, s[0] + s[1])):
        f.parent.mkdir(parents=True, exist_ok=True)
        part = f.with_suffix(".part")
        soundfile.write(part, x, audio.SAMPLE_RATE_HZ, "PCM_16", format="WAV")
        os.replace(part, f)


def build(librispeech: Path, metadata_folder: Path, lists: Path | None, out: Path,
          write_wavs: bool = False, seed: int = 72) -> int:
    """Returns the number of problems, each said on stderr; the lists hold all that is good."""
    import soundfile

    utterances, metadata = find_utterances(librispeech), read_metadata(metadata_folder)
    sexes, problems = read_sexes(librispeech), 0
    out.mkdir(parents=True, exist_ok=True)
    plans = {}
    for split in ("valid", "test", "train"):
        folder = (lists / SPLITS[split]) if lists else None
        if folder and (folder / "mix.scp").is_file():
            plans[split] = read_lists(folder)
        elif split == "train":
            print(f"no training list: drawn with seed {seed}", file=sys.stderr)
            used = {m for _, m, _, _ in plans.get("valid", [])}
            plans[split] = draw_training_list(metadata, used, utterances, seed)
        else:
            print(f"no {SPLITS[split]} list in {lists}: {split}.tsv is not written",
                  file=sys.stderr)
            problems += 1
    lengths: dict[str, int] = {}

    def length(u):
        if u not in lengths:
            lengths[u] = soundfile.info(str(librispeech / utterances[u])).frames
        return lengths[u]

    for split, plan in plans.items():
        missing, rows = [], []
        for n, (key, mixture, side, anchor) in enumerate(plan):
            row, pair = metadata.get(mixture), mixture.split("_")
            lacking = [u for u in (*pair, anchor) if u not in utterances]
            if row is None or lacking:
                missing.append(f"{key}: no " + ("metadata" if row is None else lacking[0]))
                continue
            gains = [float(row[f"source_{i}_gain"]) for i in (1, 2)]
            samples = min(length(u) for u in pair)
            if write_wavs:
                write_mixture(out, librispeech, row, [utterances[u] for u in pair], gains, samples)
            a, b = pair[side], pair[1 - side]
            who = [u.split("-")[0] for u in (a, b)]
            rows.append((key, utterances[a], utterances[b], utterances[anchor],
                         f"{20 * math.log10(gains[side]):.6f}",
                         f"{20 * math.log10(gains[1 - side]):.6f}", samples, f"ls{who[0]}",
                         f"ls{who[1]}", sexes.get(who[0], ""), sexes.get(who[1], "")))
            if sys.stderr.isatty() and n % 500 == 0:
                print(f"\r{split} {n}/{len(plan)}", end="", file=sys.stderr)
        part = out / f"{split}.tsv.part"
        with open(part, "w", newline="") as f:
            w = csv.writer(f, delimiter="\t", lineterminator="\n")
            w.writerow(COLUMNS)
            w.writerows(rows)
        os.replace(part, out / f"{split}.tsv")
        print(f"{split}: {len(rows)} items, expected {COUNTS[split]}")
        for m in missing[:10]:
            print(f"missing: {m}", file=sys.stderr)
        if missing or len(rows) != COUNTS[split]:
            print(f"{split}: {len(missing)} items lack files, {len(rows)} of {COUNTS[split]} "
                  "are there", file=sys.stderr)
            problems += 1
    (out / "librispeech.txt").write_text(str(librispeech.resolve()) + "\n")
    return problems


class Libri2TalkerMixer:
    """The interface of mixing.Mixer over a list that `build` wrote: crops of its mixtures.

    Item i is a function of (seed, i); one epoch is a permutation of the list.
    """

    def __init__(self, folder: Path, split: str, options: mixing.MixOptions, seed: int = 0):
        self.root = Path((folder / "librispeech.txt").read_text().strip())
        self.rows = audio.read_tsv(folder / f"{split}.tsv")
        self.options, self.seed = options, seed
        if not self.rows:
            raise audio.DataError(f"{folder / split}.tsv holds no mixture")
        self.clips = self.rows
        self.targets = sorted({r["target_speaker"] for r in self.rows})

    def _read(self, path: str, start: int, samples: int) -> np.ndarray:
        import soundfile

        x, _ = soundfile.read(str(self.root / path), frames=samples, start=start, dtype="float32")
        return np.pad(x, (0, samples - len(x)))

    def item(self, index: int, anchor: bool = True) -> dict:
        """mix, target, anchor float32 and kind 'mix', as mixing.Mixer.item."""
        import soundfile

        o, epoch = self.options, index // len(self.rows)
        order = np.random.default_rng([self.seed, epoch, 5]).permutation(len(self.rows)) \
            if getattr(self, "_epoch", None) != epoch else self._order
        self._epoch, self._order = epoch, order
        row = self.rows[int(order[index % len(self.rows)])]
        rng = np.random.default_rng([self.seed, index])
        n, m = (int(s * audio.SAMPLE_RATE_HZ) for s in (o.seconds, o.anchor_seconds))
        start = int(rng.integers(0, max(int(row["samples"]) - n, 0) + 1))
        t, v = (self._read(row[k], start, n) * np.float32(10 ** (float(row[k + "_gain_db"]) / 20))
                for k in ("target", "interferer"))
        out = {"mix": t + v, "target": t, "kind": "mix", "anchor": None, "anchor_clip": 0,
               "anchor_samples": 0}
        if anchor:
            frames = soundfile.info(str(self.root / row["anchor"])).frames
            start = int(rng.integers(0, max(frames - m, 0) + 1))
            out["anchor"] = self._read(row["anchor"], start, m)
            out["anchor_samples"] = min(frames, m)
        return out


def main(argv=None) -> int:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--librispeech", type=Path, required=True)
    p.add_argument("--metadata", type=Path, required=True)
    p.add_argument("--lists", type=Path)
    p.add_argument("--out", type=Path, default=Path("build/libri2talker"))
    p.add_argument("--write-wavs", action="store_true")
    p.add_argument("--seed", type=int, default=72)
    a = p.parse_args(argv)
    try:
        return 1 if build(a.librispeech, a.metadata, a.lists, a.out, a.write_wavs, a.seed) else 0
    except audio.DataError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
