# SPDX-License-Identifier: Apache-2.0
"""Loudness by ITU-R BS.1770-4: K weighting, 400 ms blocks, gates at -70 LUFS and -10 LU."""

from __future__ import annotations

import numpy as np

from .audio import SAMPLE_RATE_HZ


def _k_weighting() -> np.ndarray:
    """Second-order sections [2, 6] of the K filter at 16 kHz (BS.1770 design, as pyloudnorm does)."""
    rate = float(SAMPLE_RATE_HZ)

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
    block, hop = int(0.4 * SAMPLE_RATE_HZ), int(0.1 * SAMPLE_RATE_HZ)
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
