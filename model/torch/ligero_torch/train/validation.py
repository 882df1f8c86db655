# SPDX-License-Identifier: Apache-2.0
"""What a network gains, and its loss, on a list of mixtures; statistics for averaged weights."""

from __future__ import annotations

import numpy as np
import torch

from ..data import audio
from ..evaluate import metrics
from ..nets.extractor import Extractor
from .losses import Loss, si_snr

COLUMNS = ("valid_loss", "valid", "unseparated", "wrong")  # valid: SI-SNR improvement, dB


@torch.no_grad()
def recalibrate(model: Extractor, batches) -> None:
    """Sets the batch norms' statistics to those of the present weights: plain means over `batches`,
    functions that run the model on one.

    Averaged weights are no network that training ever ran; with the running statistics of the
    last few batches they lose most of a decibel.
    """
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)
             and m.weight.requires_grad]
    kept = [m.momentum for m in norms]
    for m in norms:
        m.reset_running_stats()
        m.momentum = None
    model.train()
    for run in batches:
        run()
    for m, v in zip(norms, kept):
        m.momentum = v
    model.eval()


@torch.no_grad()
def validate(model: Extractor, items, loss: Loss, seconds: float) -> np.ndarray:
    """Sums over `Listed` items, their first `seconds`: [count, then COLUMNS], shares from 0 to 1."""
    model.eval()
    device = next(model.parameters()).device
    n = int(seconds * audio.SAMPLE_RATE_HZ)
    sums = np.zeros(1 + len(COLUMNS))
    for it in items:
        mix, target, other, anchor = (torch.from_numpy(v[None, :n]).to(device) for v in
                                      (it.mix, it.target, it.interferer, it.anchor))
        wave, spectrum, _ = model(mix, anchor)
        value, _ = loss(wave, target, mix, spectrum, model.spectrum(target),
                        torch.zeros(1, dtype=torch.bool, device=device))
        gain, theirs = (float(si_snr(wave, s) - si_snr(mix, s)) for s in (target, other))
        sums += [1.0, float(value), gain, gain < metrics.UNSEPARATED_DB, theirs > gain]
    return sums


def means(sums: np.ndarray) -> dict:
    """Of sums of `validate`, added up over processes."""
    return dict(zip(COLUMNS, (float(x) for x in sums[1:] / max(sums[0], 1.0))))
