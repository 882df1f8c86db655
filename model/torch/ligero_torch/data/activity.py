# SPDX-License-Identifier: Apache-2.0
"""When a person speaks: what the activity output of a network is trained and judged by."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BELOW_DB = 30.0  # below the loud part of the voice it still speaks
LOUD = 0.95      # the loud part: this quantile of the hops
SMOOTH = 3       # hops whose mean energy counts
BRIDGE = 5       # hops before and after speech that belong to it: the gaps within words
SILENCE = 1e-9   # energy of a hop of a voice that never speaks


def active_hops(energy: Tensor) -> Tensor:
    """Whether a person speaks in each hop, bool [B, T]; energy: sum of squares of each hop of that voice
    alone, without noise (nets.asymmetric.hop_energies)."""
    energy = energy.float()[:, None]
    energy = F.avg_pool1d(energy, SMOOTH, 1, SMOOTH // 2, count_include_pad=False)[:, 0]
    loud = torch.quantile(energy, LOUD, 1, keepdim=True)
    # A voice that speaks for less than a twentieth of the time has its loudest hop instead.
    loud = torch.where(loud > SILENCE, loud, energy.amax(1, keepdim=True))
    active = (energy > loud * 10 ** (-BELOW_DB / 10)) & (energy > SILENCE)
    return F.max_pool1d(active.float()[:, None], 2 * BRIDGE + 1, 1, BRIDGE)[:, 0] > 0
