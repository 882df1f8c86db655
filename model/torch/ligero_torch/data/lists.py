# SPDX-License-Identifier: Apache-2.0
"""Lists of mixtures for validation and evaluation (lists/valid.tsv, lists/test.tsv)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .audio import MIN_SECONDS, SAMPLE_RATE_HZ, BadLines, DataError, read_audio, read_tsv


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
              bad: BadLines | None = None, part: tuple[int, int] = (0, 1)):
    """Yields `Listed` for every good line of a list (lists/test.tsv); bad lines named and counted.

    Gains are in dB on the clips as they are; both sources are cut to `samples`. part (k, n): of the
    lines only k, k + n, k + 2 n ...
    """
    bad = BadLines(strict) if bad is None else bad
    rows = read_tsv(Path(path))
    if not rows:
        raise DataError(f"{path} holds no mixture")
    for number, row in list(enumerate(rows[:limit]))[part[0]::part[1]]:
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
                    raise DataError(f"{role} {e}") from None
            for role in ("target", "interferer"):
                if len(clips[role]) < n or n <= 0:
                    raise DataError(f"{role} has {len(clips[role])} samples, list says {n}")
            if len(clips["anchor"]) < MIN_SECONDS * SAMPLE_RATE_HZ:
                raise DataError(f"anchor is shorter than {MIN_SECONDS} s")
        except DataError as e:
            bad.add(where, str(e))
            continue
        t = clips["target"][:n] * np.float32(gains[0])
        v = clips["interferer"][:n] * np.float32(gains[1])
        yield Listed(row["key"], t + v, t, v, clips["anchor"], row)
