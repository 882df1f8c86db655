# SPDX-License-Identifier: Apache-2.0
"""What lies below the voice (model/session/low_cut.h): the filter that the product has in front of a
network, and the one behind. train/fast has the first one before its networks, and both where it scores.
"""

from __future__ import annotations

import numpy as np

from .audio import SAMPLE_RATE_HZ

CUT_HZ = 35.0
RESTORE_HZ = 15.0
RESTORE_Q = 1.5
# The product's second filter also hears what the network gives for the time before a recording, which
# PyTorch's networks cut off. After so many samples 1e-5 of that is left.
SETTLED_SAMPLES = 6000


def _filtered(b, a, x: np.ndarray) -> np.ndarray:
    from scipy.signal import lfilter

    return lfilter(b, a, x.astype(np.float64)).astype(np.float32)


def cut(x: np.ndarray, rate_hz: int = SAMPLE_RATE_HZ) -> np.ndarray:
    """What a network hears of a recording (along the last axis)."""
    g = np.pi * CUT_HZ / rate_hz
    return _filtered([1.0, -1.0], [1.0 + g, g - 1.0], x)


def restore(y: np.ndarray, rate_hz: int = SAMPLE_RATE_HZ) -> np.ndarray:
    """The voice from what a network gave (along the last axis)."""
    g, damping = np.pi * RESTORE_HZ / rate_hz, 1.0 / RESTORE_Q
    both = CUT_HZ / RESTORE_HZ  # LowCut's g over this one's
    rising, falling = np.array([1.0, -2.0, 1.0]), np.array([1.0, 0.0, -1.0])
    return _filtered(rising + both * g * falling,
                     rising + damping * g * falling + g * g * np.array([1.0, 2.0, 1.0]), y)


def through(network, mix: np.ndarray, anchor: np.ndarray) -> np.ndarray:
    """The voice that the product gives with `network(mix, anchor)`."""
    return restore(network(cut(mix), cut(anchor)))
