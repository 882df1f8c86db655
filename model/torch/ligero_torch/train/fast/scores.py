# SPDX-License-Identifier: Apache-2.0
"""SI-SNR of a separator's outputs on a list, several items at a time, for validation while training.

evaluate/score.py scores whole systems, with every column; the words are defined in
evaluate/metrics.py.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...data import low_cut
from ...data.audio import SAMPLE_RATE_HZ
from ...evaluate import metrics
from ...nets.bsrnn import Separator
from ..losses import si_snr
from .voices import Item

BATCH = 8


@dataclass
class Scores:
    """Of every item of a list, in dB [N]."""

    mixture_target: np.ndarray      # SI-SNR of the mixture to the target
    mixture_interferer: np.ndarray
    output_target: np.ndarray
    output_interferer: np.ndarray

    @property
    def improvement(self) -> np.ndarray:
        return self.output_target - self.mixture_target

    @property
    def unseparated(self) -> np.ndarray:
        return self.improvement < metrics.UNSEPARATED_DB

    @property
    def wrong(self) -> np.ndarray:
        return self.output_interferer - self.mixture_interferer > self.improvement


@torch.no_grad()
def extract(net: Separator, mixtures: list[Tensor], voices: list[Tensor]) -> list[Tensor]:
    """Outputs [n] of mixtures [n], through the product's filters. A causal network takes them together:
    zeros behind a mixture change nothing before them."""
    heard = [torch.from_numpy(low_cut.cut(m.numpy())) for m in mixtures]
    return [torch.from_numpy(low_cut.restore(y.numpy())) for y in _through(net, heard, voices)]


def _through(net: Separator, mixtures: list[Tensor], voices: list[Tensor]) -> list[Tensor]:
    if not net.config.causal:
        return [net(m[None], v[None])[0] for m, v in zip(mixtures, voices)]
    wave = torch.nn.utils.rnn.pad_sequence(mixtures, batch_first=True)
    return [y[:len(m)] for y, m in zip(net(wave, torch.stack(voices)), mixtures)]


def score(net: Separator, items: list[Item], seconds: float | None = None,
          threads: int = 1) -> Scores:
    """Scores the first `seconds` of every item (None: all), one batch per thread at a time."""
    samples = int(seconds * SAMPLE_RATE_HZ) if seconds else None
    order = sorted(range(len(items)), key=lambda i: len(items[i].mix[:samples]))
    batches = [order[at:at + BATCH] for at in range(0, len(order), BATCH)]
    out = np.zeros((len(items), 4))

    def run(batch: list[int]) -> None:
        mixtures = [items[i].mix[:samples] for i in batch]
        outputs = extract(net, mixtures, [items[i].voice for i in batch])
        for i, m, y in zip(batch, mixtures, outputs):
            sources = items[i].target[:samples], items[i].interferer[:samples]
            out[i] = [float(si_snr(x, source)) for x in (m, y) for source in sources]

    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        list(pool.map(run, batches))
    return Scores(*out.T)
