# SPDX-License-Identifier: Apache-2.0
"""What block-online processing costs: SI-SNR against latency, on a list, run by ligero itself.

    python -m ligero_torch.evaluate.latency_curve [--weights W.safetensors] [--list test.tsv]

Extracts every mixture whole and in blocks of several latencies, of which a quarter is the block and
the rest looks ahead, and prints a table of the mean loss against the whole recording. The tools come
from LIGERO and LIGERO_CONVERT.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from ..data import audio, lists
from ..files.tools import Ligero
from . import metrics
from .parity import DEFAULT_WEIGHTS

LATENCIES_S = (0.25, 0.5, 1.0, 2.0, 3.0)
HOP_S = 0.01
FIXED_HOPS = 11  # ten convolutions that look one frame ahead, and the window


def blocks(latency_s: float, context_s: float) -> list[str]:
    """The options that give this latency."""
    hops = round(latency_s / HOP_S) - FIXED_HOPS
    block = max(1, round(hops / 4))
    return ["--block", f"{block * HOP_S:.2f}", "--look-ahead", f"{(hops - block) * HOP_S:.2f}",
            "--context", f"{context_s:.2f}"]


def score(job) -> tuple[str, list[float]]:
    """(key, SI-SNR of the mixture, of the whole run, of each latency) of one mixture."""
    it, model, latencies, context_s = job
    with tempfile.TemporaryDirectory() as folder:
        ligero = Ligero(model, Path(folder))
        ligero.enroll(it.anchor)
        runs = [[]] + [blocks(latency, context_s) for latency in latencies]
        return it.key, [float(metrics.si_snr(x, it.target)) for x in
                        [it.mix] + [ligero.extract(it.mix, *options) for options in runs]]


def table(latencies, scores: np.ndarray, context_s: float) -> str:
    """scores: [mixtures, 2 + latencies], the mixture, the whole run and each latency."""
    before, whole = scores[:, 0], scores[:, 1]
    lines = ["| latency | block | looks ahead | SI-SNR dB | SI-SNRi dB | loss dB | loss of the worst "
             "tenth dB |", "|---" * 7 + "|",
             f"| whole recording | | | {whole.mean():.2f} | {(whole - before).mean():.2f} | 0 | 0 |"]
    for k, latency in enumerate(latencies):
        y = scores[:, 2 + k]
        loss = np.sort(whole - y)[::-1]
        options = blocks(latency, context_s)
        lines.append(f"| {latency:g} s | {options[1]} s | {options[3]} s | {y.mean():.2f} | "
                     f"{(y - before).mean():.2f} | {loss.mean():.2f} | "
                     f"{loss[:max(1, len(loss) // 10)].mean():.2f} |")
    return "\n".join(lines)


def plot(path: Path, latencies, scores: np.ndarray, name: str) -> None:
    """Mean loss, and between what bounds it lies for eight of ten mixtures."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    loss = scores[:, 1:2] - scores[:, 2:]
    low, high = np.percentile(loss, [10, 90], axis=0)
    fig, ax = plt.subplots(figsize=(6, 3.6))
    ax.fill_between(latencies, low, high, alpha=0.2, label="eight of ten mixtures")
    ax.plot(latencies, loss.mean(axis=0), marker="o", label="mean")
    ax.axhline(0, color="black", lw=0.7)
    ax.axhline(0.5, color="grey", lw=0.7, ls="--")
    ax.set_xlabel("latency, s")
    ax.set_ylabel("SI-SNR lost against\nthe whole recording, dB")
    ax.set_title(f"{name} in blocks, {len(loss)} mixtures", fontsize=10)
    ax.set_xlim(left=0)
    ax.grid(alpha=0.3)
    ax.legend()
    fig.tight_layout()
    fig.savefig(path, dpi=90)
    plt.close(fig)


def main(argv=None) -> int:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--weights", type=Path, default=DEFAULT_WEIGHTS)
    p.add_argument("--speech", type=Path, default=audio.default_speech())
    p.add_argument("--list", type=Path, help="default: lists/test.tsv of --speech")
    p.add_argument("--limit", type=int)
    p.add_argument("--latency", type=float, nargs="+", default=LATENCIES_S, help="in seconds")
    p.add_argument("--context", type=float, default=2.0, help="seconds before each block")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--markdown", type=Path)
    p.add_argument("--png", type=Path)
    p.add_argument("--json", type=Path)
    a = p.parse_args(argv)
    listing = a.list or a.speech / "lists/test.tsv"
    if not listing.exists():
        print(f"skipped: {listing} is not there")
        return 0
    if min(a.latency) < (FIXED_HOPS + 1) * HOP_S:
        p.error(f"--latency must be at least {(FIXED_HOPS + 1) * HOP_S:g} s")
    try:
        with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(a.jobs) as pool:
            model = Ligero(a.weights, Path(folder)).model
            items = lists.read_list(listing, a.speech, limit=a.limit)
            jobs = [(it, model, a.latency, a.context) for it in items]
            scored = dict(pool.map(score, jobs))
    except audio.DataError as e:
        print(f"latency_curve: {e}", file=sys.stderr)
        return 1
    scores = np.array(list(scored.values()))
    text = table(a.latency, scores, a.context)
    print(f"{a.weights.stem}, {len(scores)} mixtures of {listing.name}, {a.context:g} s of context\n"
          f"\n{text}")
    if a.markdown:
        a.markdown.write_text(text + "\n")
    if a.json:
        a.json.write_text(json.dumps({"latency_s": list(a.latency), "si_snr_db": scored}, indent=1))
    if a.png:
        plot(a.png, a.latency, scores, a.weights.stem)
    return 0


if __name__ == "__main__":
    sys.exit(main())
