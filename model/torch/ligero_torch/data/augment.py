# SPDX-License-Identifier: Apache-2.0
"""What a recording may go through before a network hears it: speed, filter, room."""

from __future__ import annotations

from math import gcd

import numpy as np

from .audio import SAMPLE_RATE_HZ


def change_speed(x: np.ndarray, speed: float) -> np.ndarray:
    """Plays x [n] faster by `speed` (pitch moves too) through polyphase resampling."""
    from scipy.signal import resample_poly

    if speed == 1.0:
        return x
    num, den = int(round(speed * 100)), 100
    g = gcd(num, den)
    return resample_poly(x, den // g, num // g).astype(np.float32)


def random_eq(x: np.ndarray, rng: np.random.Generator, depth_db: float = 6.0) -> np.ndarray:
    """Filters x [n] by a smooth random curve of +-depth_db (8 points on a mel-like axis)."""
    n = len(x)
    size = 1 << (n - 1).bit_length()
    f = np.fft.rfftfreq(size, 1.0 / SAMPLE_RATE_HZ)
    at = np.log1p(f / 300.0)
    points = np.linspace(0.0, at[-1], 8)
    gain = 10.0 ** (np.interp(at, points, rng.uniform(-depth_db, depth_db, 8)) / 20.0)
    return np.fft.irfft(np.fft.rfft(x, size) * gain, size)[:n].astype(np.float32)


def short_reverb(x: np.ndarray, rng: np.random.Generator, rt60=(0.1, 0.4)) -> np.ndarray:
    """Adds a tail of decaying noise (RT60 drawn from `rt60` s, direct-to-tail 0 to 12 dB) to x [n]."""
    t60 = rng.uniform(*rt60)
    m = int(t60 * SAMPLE_RATE_HZ)
    tail = rng.standard_normal(m) * 10.0 ** (-3.0 * np.arange(m) / m)
    tail[:16] = 0.0
    tail *= 10.0 ** (-rng.uniform(0.0, 12.0) / 20.0) / (np.sqrt(np.sum(tail * tail)) + 1e-9)
    tail[0] = 1.0
    size = 1 << (len(x) + m - 1).bit_length()
    y = np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(tail, size), size)
    return y[:len(x)].astype(np.float32)
