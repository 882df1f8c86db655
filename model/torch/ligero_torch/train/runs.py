# SPDX-License-Identifier: Apache-2.0
"""What every trainer shares: atomic files, the pause file, the log, the curves, the schedule."""

from __future__ import annotations

import csv
import math
import os
import sys
import time
from pathlib import Path

import torch


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be used; the message names what was found and what was expected."""


def save_atomic(obj, path: Path) -> None:
    """torch.save beside `path`, synced, then renamed: a killed run or a full disk keeps the old one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as f:
            torch.save(obj, f)
            f.flush()
            os.fsync(f.fileno())
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    os.replace(part, path)


def differences(a: dict, b: dict, prefix: str = "") -> list[str]:
    """Names of the entries in which two nested config dicts differ, with both values."""
    out = []
    for k in sorted(set(a) | set(b)):
        x, y = a.get(k), b.get(k)
        if isinstance(x, dict) and isinstance(y, dict):
            out += differences(x, y, f"{prefix}{k}.")
        elif x != y:
            out.append(f"{prefix}{k}: {x} != {y}")
    return out


def load_checkpoint(path: Path, name: str, config: dict) -> dict:
    """Loads a trainer's checkpoint; refuses one of another config, naming both."""
    ck = torch.load(path, map_location="cpu", weights_only=True)
    if ck.get("config") != config:
        what = "; ".join(differences(ck.get("config") or {}, config)[:8])
        raise CheckpointError(f"{path} was trained with config '{ck.get('name')}', this run has "
                              f"config '{name}' ({what})")
    return ck


def pause_while(path: Path) -> None:
    """Sleeps while the file `path` exists (others measure on this machine)."""
    told = False
    while Path(path).exists():
        if not told:
            print(f"paused: {path} exists", flush=True)
            told = True
        time.sleep(2.0)


class CsvLog:
    """Appends rows to a CSV file; the columns are those of the first row ever written."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, row: dict) -> None:
        new = not self.path.exists() or self.path.stat().st_size == 0
        if not new:
            with open(self.path, newline="") as f:
                columns = next(csv.reader(f))
        else:
            columns = list(row)
        with open(self.path, "a", newline="") as f:
            w = csv.DictWriter(f, columns, extrasaction="ignore")
            if new:
                w.writeheader()
            w.writerow({k: (f"{v:.5g}" if isinstance(v, float) else v) for k, v in row.items()})


def last_row(path: Path, *columns: str) -> list[float]:
    """Values of `columns` in the last row of a CSV log."""
    with open(path, newline="") as f:
        for row in csv.DictReader(f):
            pass
    return [float(row[c]) for c in columns]


def plot_csv(path: Path, png: Path, x: str, columns: list[str]) -> None:
    """Draws the named columns of a CSV log over column x, one panel each."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with open(path, newline="") as f:
        rows = list(csv.DictReader(f))
    columns = [c for c in columns if any(r.get(c) for r in rows)]
    fig, axes = plt.subplots(len(columns), 1, figsize=(8, 2.2 * len(columns)), sharex=True,
                             squeeze=False)
    for ax, c in zip(axes[:, 0], columns):
        pts = [(float(r[x]), float(r[c])) for r in rows if r.get(c) and r.get(x)]
        ax.plot([p[0] for p in pts], [p[1] for p in pts], lw=0.8)
        ax.set_ylabel(c)
        ax.grid(alpha=0.3)
    axes[-1, 0].set_xlabel(x)
    fig.tight_layout()
    part = Path(str(png) + ".part.png")
    fig.savefig(part, dpi=100)
    plt.close(fig)
    os.replace(part, png)


def warm_cosine(step_fraction: float, warm: float, floor: float = 0.02) -> float:
    """Factor of the learning rate: linear to 1 at `warm`, then half a cosine down to `floor`."""
    if step_fraction < warm:
        return max(step_fraction / max(warm, 1e-9), 0.01)
    f = min((step_fraction - warm) / max(1.0 - warm, 1e-9), 1.0)
    return floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * f))


class Progress:
    """One line on stderr, rewritten on a terminal, printed now and then elsewhere."""

    def __init__(self, every: int = 100):
        self.tty, self.every, self.last = sys.stderr.isatty(), every, time.time()

    def show(self, step: int, text: str) -> None:
        if self.tty:
            sys.stderr.write("\r\x1b[K" + text)
            sys.stderr.flush()
        elif step % self.every == 0:
            print(text, file=sys.stderr, flush=True)
