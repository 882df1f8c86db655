# SPDX-License-Identifier: Apache-2.0
"""Sound files and tables: the sample rate, the one reader of sound, what is said of bad input."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

SAMPLE_RATE_HZ = 16000  # of every file, network and mixture
MIN_SECONDS = 1.0       # a shorter clip cannot serve as a crop or an anchor


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
    """Mono float32 samples [n] in [-1, 1]; DataError, which names the file, if it cannot be read, is
    empty, not mono or not at SAMPLE_RATE_HZ."""
    import soundfile

    path = Path(path)
    try:
        x, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except Exception as e:  # soundfile raises several kinds
        raise DataError(f"{path}: missing" if not path.exists()
                        else f"{path}: cannot be read as audio: {e}") from None
    if rate != SAMPLE_RATE_HZ or x.shape[1] != 1:
        raise DataError(f"{path}: {rate} Hz, {x.shape[1]} channels; expected {SAMPLE_RATE_HZ} Hz, "
                        "1 channel")
    if not len(x):
        raise DataError(f"{path}: no samples; expected at least one")
    return np.ascontiguousarray(x[:, 0])


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64)) + 1e-20))
