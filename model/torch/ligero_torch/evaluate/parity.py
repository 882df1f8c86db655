# SPDX-License-Identifier: Apache-2.0
"""The runtime beside PyTorch on real mixtures: gain of each, and the largest difference of outputs.

    python -m ligero_torch.evaluate.parity [--weights W.safetensors] [--list test.tsv] [--limit 20]

Converts the weights, enrols and extracts with the command-line tools, runs the same through PyTorch,
and prints a line for each mixture. Ends with an error where an output differs from PyTorch's by more
than `--tolerance` of its largest value. The tools come from LIGERO and LIGERO_CONVERT.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from ..data import audio, lists
from ..files.tools import Ligero
from . import metrics
from .score import torch_extractor

DEFAULT_WEIGHTS = Path("model/pretrained/lgr-tse-small.safetensors")


def main(argv=None) -> int:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--weights", type=Path, default=DEFAULT_WEIGHTS)
    p.add_argument("--speech", type=Path, default=audio.default_speech())
    p.add_argument("--list", type=Path, help="default: lists/test.tsv of --speech")
    p.add_argument("--limit", type=int, default=20)
    p.add_argument("--tolerance", type=float, default=1e-3)
    a = p.parse_args(argv)
    listing = a.list or a.speech / "lists/test.tsv"
    if not listing.exists():
        print(f"skipped: {listing} is not there")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        try:
            ours = Ligero(a.weights, Path(folder))
            _, theirs = torch_extractor(a.weights)
            print(f"{'mixture':10} {'in dB':>7} {'out dB':>7} {'gain dB':>8} {'difference':>11}")
            gains, worst = [], 0.0
            for it in lists.read_list(listing, a.speech, limit=a.limit):
                y, z = ours(it.mix, it.anchor), theirs(it.mix, it.anchor)
                difference = float(np.abs(y - z).max() / (np.abs(z).max() + 1e-12))
                before = metrics.si_snr(it.mix, it.target)
                after = metrics.si_snr(y, it.target)
                gains.append(after - before)
                worst = max(worst, difference)
                print(f"{it.key:10} {before:7.2f} {after:7.2f} {after - before:8.2f} "
                      f"{difference:11.1e}", flush=True)
        except audio.DataError as e:
            print(f"parity: {e}", file=sys.stderr)
            return 1
    print(f"mean gain {np.mean(gains):.2f} dB over {len(gains)} mixtures; largest difference from "
          f"PyTorch {worst:.1e} of the output's largest value (at most {a.tolerance:.0e})")
    return int(not worst <= a.tolerance)


if __name__ == "__main__":
    sys.exit(main())
