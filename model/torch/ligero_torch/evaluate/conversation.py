# SPDX-License-Identifier: Apache-2.0
"""Minutes in which the enrolled person speaks a fifth of the time, and how well a network tells when.

    python -m ligero_torch.evaluate.conversation --ligero M.lgm [--list test.tsv] [--json OUT]

Conversations of five minutes, made of the clips of a list: the target speaks a fifth of the time, two
others in turn for the whole of it. Each is run as one recording. Columns:

    gap dB    output over input in the hops in which only the others speak, 0.3 s away from the target
    late ms   from the target's first sound after a pause of a second to the first 50 ms of which the
              output holds a third (of the amplitude): median and 95th percentile of all onsets
    SI-SNRi   in dB, where the target speaks

and, of the output `activity` where the model has one, equal-error rates in percent, hop by hop: over the
conversations; over the list's mixtures with the target muted for half of each; over those and the list's
mixtures without the target.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..data import audio, lists
from ..data.activity import active_hops
from ..files.tools import Ligero, package
from ..nets.asymmetric import HOP, hop_energies
from . import metrics

SECONDS = 300
SHARE = 0.2          # of the time in which the target speaks
CONVERSATIONS = 10
OTHERS_PAUSE = (0.2, 1.0)  # seconds between their turns
AWAY = 30            # hops between a gap that counts and the target
PAUSE = 100          # hops before an onset that counts
ONSET = 5            # hops that are compared there
REACHED = 1 / 3      # of the target's amplitude
WEAK = 0.01          # hops of the target that far below its loud ones (power) are no onset


@dataclass
class Conversation:
    key: str
    mix: np.ndarray
    target: np.ndarray
    anchor: np.ndarray


def turns(rng, clips: list[np.ndarray], samples: int, total: int) -> np.ndarray:
    """Clips in turn at random places of [samples], `total` samples of them, apart from each other."""
    chosen, length = [], 0
    while length < total:
        chosen.append(clips[len(chosen) % len(clips)][:total - length])
        length += len(chosen[-1])
    cuts = np.sort(rng.random(len(chosen) + 1))
    pauses = np.diff(np.concatenate([[0.0], cuts])) * (samples - length) / cuts[-1]
    out, at = np.zeros(samples, np.float32), 0
    for clip, pause in zip(chosen, pauses):
        at += int(pause)
        out[at:at + len(clip)] = clip
        at += len(clip)
    return out


def filled(rng, clips: list[np.ndarray], samples: int) -> np.ndarray:
    """Clips in turn, one after the other with short pauses, [samples]."""
    parts, length = [], 0
    while length < samples:
        parts += [clips[len(parts) // 2 % len(clips)],
                  np.zeros(int(rng.uniform(*OTHERS_PAUSE) * audio.SAMPLE_RATE_HZ), np.float32)]
        length += len(parts[-2]) + len(parts[-1])
    return np.concatenate(parts)[:samples]


def conversations(items: list[lists.Listed], count: int = CONVERSATIONS) -> list[Conversation]:
    """Functions of the list's keys."""
    out, samples = [], SECONDS * audio.SAMPLE_RATE_HZ
    by_target: dict[str, list[lists.Listed]] = {}
    for it in items:
        by_target.setdefault(it.row["target_speaker"], []).append(it)
    for first in items[::max(1, len(items) // count)][:count]:
        who, anchor = first.row["target_speaker"], first.row["anchor"]
        mine = [it.target for it in by_target[who] if it.row["target"] != anchor]
        other = first.row["interferer_speaker"]
        second = next(s for s in sorted(by_target) if s not in (who, other))
        theirs = [x for pair in zip([it.target for it in by_target.get(other, [])]
                                    or [first.interferer],
                                    [it.target for it in by_target[second]]) for x in pair]
        rng = np.random.default_rng(zlib.crc32(first.key.encode()))
        target = turns(rng, mine, samples, int(SHARE * samples))
        out.append(Conversation(first.key, target + filled(rng, theirs, samples), target,
                                first.anchor))
    return out


def spoken(target: np.ndarray) -> np.ndarray:
    """Whether the target speaks in each hop, bool [ceil(n / 160)]."""
    hops = -(-len(target) // HOP)
    return active_hops(hop_energies(torch.from_numpy(target[None])))[0, :hops].numpy()


def _hops(x: np.ndarray) -> np.ndarray:
    return np.pad(x, (0, -len(x) % HOP)).reshape(-1, HOP).astype(np.float64)


def gap_db(mix: np.ndarray, output: np.ndarray, active: np.ndarray) -> float:
    near = np.convolve(active, np.ones(2 * AWAY + 1), "same") > 0
    power = [np.square(_hops(x))[~near].sum() for x in (output, mix)]
    return float(10 * np.log10((power[0] + 1e-12) / (power[1] + 1e-12)))


def lateness_ms(target: np.ndarray, output: np.ndarray, active: np.ndarray) -> list[float]:
    """Of every onset after a pause; a second at most."""
    t, y = _hops(target), _hops(output)
    power = np.square(t).sum(1)
    strong = power > WEAK * np.quantile(power[active], 0.95)
    out = []
    for h in np.flatnonzero(active[1:] & ~active[:-1]) + 1:
        if h < PAUSE or active[h - PAUSE:h].any():
            continue
        begin = h + int(np.argmax(strong[h:]))
        late = PAUSE
        for k in range(PAUSE):
            a, b = t[begin + k:begin + k + ONSET], y[begin + k:begin + k + ONSET]
            # A hop after the end of a short word holds nothing to be reached.
            if strong[begin + k:begin + k + 1].any() and (a * b).sum() >= REACHED * np.square(a).sum():
                late = k
                break
        out.append(1000.0 * late * HOP / audio.SAMPLE_RATE_HZ)
    return out


def equal_error_rate(values: np.ndarray, truth: np.ndarray) -> float:
    """In percent: of the threshold at which as many of the true are missed as of the false taken."""
    order = np.argsort(values)
    missed = np.cumsum(truth[order]) / max(1, truth.sum())
    taken = 1 - np.cumsum(~truth[order]) / max(1, (~truth).sum())
    at = int(np.argmin(np.abs(missed - taken)))
    return float(50.0 * (missed[at] + taken[at]))


def half_muted(it: lists.Listed) -> tuple[np.ndarray, np.ndarray]:
    """Mixture and target, the target silent in its first or its second half."""
    target, middle = it.target.copy(), len(it.target) // 2
    if zlib.crc32(it.key.encode()) % 2:
        target[:middle] = 0.0
    else:
        target[middle:] = 0.0
    return target + it.interferer, target


class Runner:
    """A model run by ligero: (mix, anchor) -> output [n], activity [hops] or None."""

    def __init__(self, model: Path, folder: Path):
        self.ligero, self.folder = Ligero(model, folder), folder
        self.tells = "activity" in package().model.open_model(self.ligero.model).info.side_outputs

    def __call__(self, mix: np.ndarray, anchor: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        self.ligero.enroll(anchor)
        if not self.tells:
            return self.ligero.extract(mix), None
        table = self.folder / "activity.csv"
        output = self.ligero.extract(mix, "--activity", table)
        with open(table, newline="") as rows:
            return output, np.array([float(r["activity"]) for r in csv.DictReader(rows)])


def measure(run: Runner, items: list[lists.Listed], count: int) -> dict:
    """All columns of a model on a list."""
    gaps, late, gains = [], [], []
    told: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"conversation": [], "muted": [],
                                                             "absent": []}
    for c in conversations(items, count):
        output, activity = run(c.mix, c.anchor)
        active = spoken(c.target)
        speaks = np.repeat(active, HOP)[:len(c.mix)]
        gaps.append(gap_db(c.mix, output, active))
        late += lateness_ms(c.target, output, active)
        gains.append(metrics.si_snr(output[speaks], c.target[speaks])
                     - metrics.si_snr(c.mix[speaks], c.target[speaks]))
        if activity is not None:
            told["conversation"].append((activity, active))
        print(f"{c.key}: gap {gaps[-1]:.1f} dB, SI-SNRi {gains[-1]:.2f} dB", file=sys.stderr)
    out = {"conversations": len(gaps), "gap_db": float(np.mean(gaps)), "onsets": len(late),
           "late_ms_median": float(np.median(late)), "late_ms_95": float(np.quantile(late, 0.95)),
           "si_snri": float(np.mean(gains))}
    if not run.tells:
        return out
    for it in items:
        mix, target = half_muted(it)
        told["muted"].append((run(mix, it.anchor)[1], spoken(target)))
        activity = run(it.interferer, it.anchor)[1]
        told["absent"].append((activity, np.zeros(len(activity), bool)))
    for name, parts in (("conversation", ["conversation"]), ("muted", ["muted"]),
                        ("absent", ["muted", "absent"])):
        values, truth = (np.concatenate(x) for x in zip(*(t for p in parts for t in told[p])))
        out[f"eer_{name}"] = equal_error_rate(values, truth)
    return out


def main(argv=None) -> int:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--ligero", type=Path, action="append", required=True,
                   help="model file, or weights to convert, run by ligero")
    p.add_argument("--speech", type=Path, default=audio.default_speech())
    p.add_argument("--list", type=Path, help="default: lists/test.tsv of --speech")
    p.add_argument("--limit", type=int, help="mixtures of the list")
    p.add_argument("--conversations", type=int, default=CONVERSATIONS)
    p.add_argument("--json", type=Path)
    a = p.parse_args(argv)
    results = {}
    try:
        items = list(lists.read_list(a.list or a.speech / "lists" / "test.tsv", a.speech,
                                     limit=a.limit))
        for model in a.ligero:
            with tempfile.TemporaryDirectory() as folder:
                results[model.stem] = measure(Runner(model, Path(folder)), items, a.conversations)
    except audio.DataError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    columns = list(max(results.values(), key=len))
    print("| model | " + " | ".join(columns) + " |\n" + "|---" * (1 + len(columns)) + "|")
    for name, row in results.items():
        print(f"| {name} | " + " | ".join(f"{row[c]:.4g}" if c in row else "" for c in columns) + " |")
    if a.json:
        a.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
