# SPDX-License-Identifier: Apache-2.0
"""What the fast trainer minimises."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...data.activity import active_hops
from ...data.scenes import ABSENT
from ...nets.asymmetric import HOP, hop_energies
from ..losses import si_snr

CEILING_DB = 25.0       # better than this does not count
SCALE_INVARIANT = 0.8   # weight of SI-SNR; the rest is plain SNR, which ties the level
QUIET = 0.15            # weight of the output's level while the target is silent
QUIET_FLOOR = 1e-4      # -40 dB below the mixture is quiet enough
ACTIVITY = 3.0          # weight of the cross-entropy of the activity


def training_loss(estimate: Tensor, odds: Tensor | None, target: Tensor, mixture: Tensor,
                  kind: Tensor) -> tuple[Tensor, Tensor]:
    """Mean loss of a batch, and SI-SNR in dB of each item (NaN where the target is silent).

    estimate, target, mixture [B, n]; odds: log odds of the activity [B, T] or None; kind [B].
    Everything is brought to a mixture of rms 1.
    """
    gain = 1.0 / (mixture.square().mean(-1, keepdim=True).sqrt() + 1e-7)
    estimate, target = estimate * gain, target * gain
    error = (estimate - target).square().sum(-1)
    power = target.square().sum(-1)
    snr = 10 * torch.log10((power + 1e-6) / (error + 10 ** (-CEILING_DB / 10) * power + 1e-6))
    scale_invariant = si_snr(estimate, target, ceiling_db=CEILING_DB)
    active = active_hops(hop_energies(target))
    silent = 1 - active.float()
    leak = (hop_energies(estimate) * silent).sum(-1) / (HOP * silent.sum(-1)).clamp(min=1)
    level = 10 * torch.log10(leak.float() + QUIET_FLOOR)
    absent = (kind == ABSENT) | ~active.any(-1)  # a late target may have nothing left to say
    wanted = -SCALE_INVARIANT * scale_invariant - (1 - SCALE_INVARIANT) * snr
    loss = (QUIET * silent.mean(-1) * level + wanted.masked_fill(absent, 0.0)).mean()
    if odds is not None:
        loss = loss + ACTIVITY * F.binary_cross_entropy_with_logits(odds, active.float())
    return loss, scale_invariant.detach().masked_fill(absent, float("nan"))
