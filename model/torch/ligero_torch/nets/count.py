# SPDX-License-Identifier: Apache-2.0
"""Parameters and multiply-accumulates of an LGR-TSE network (spec 2.8), from its configuration.

MACs are per 10 ms frame in steady state; norms and activations have none.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .crn import NUM_LAYERS, layer_bins
from .features import NUM_BINS
from .lgr_tse import LgrTse

ATTENTION_FRAMES = 300  # keys per query where attention is unbounded (spec 2.8)


@dataclass
class Counts:
    """audio_*: the path from microphone to voice, after the folds of spec 1.5 and 2.9."""

    parameters: int           # all but ECAPA
    ecapa_parameters: int
    local_parameters: int
    audio_parameters: int
    audio_macs: int


def _size(module):
    return sum(p.numel() for p in module.parameters())


def count(config):
    """Counts of the network that `config` describes; allocates no weights."""
    with torch.device("meta"):
        model = LgrTse(config)
    sep, arn = model.sep, model.sep.arn
    bins = layer_bins()
    area = 3 * 3
    folded = 0
    macs = 0
    for i in range(NUM_LAYERS):
        weight = sep.get_submodule(f"conv2d_{i + 1}").conv.weight
        own = config.channels[i - 1] if i else (3 if config.mix_feats == "mag_re_im" else 2)
        folded += (weight.shape[1] - own) * weight.shape[0] * area
        macs += own * weight.shape[0] * area * bins[i + 1]
        macs += sep.get_submodule(f"deconv2d_{i + 1}").conv.weight.numel() * bins[i + 1]
    n = config.arn_size
    # Of the value gate and the gate vectors only the vector w is left (spec 1.5).
    folded += _size(arn.w_s) + _size(arn.w_t) + 3 * n - n
    hidden, directions = arn.lstm.hidden_size, 2 if arn.lstm.bidirectional else 1
    macs += directions * 4 * hidden * (n + hidden) + arn.w_q.weight.numel()
    macs += arn.ff.weight.numel() + (arn.ff2.weight.numel() if arn.ff2 is not None else 0)
    macs += 2 * n * (arn.window or ATTENTION_FRAMES)
    macs += 4 * config.deep_filter.frames * config.deep_filter.bins * NUM_BINS
    projection = _size(sep.projection) if config.has_global else 0
    ecapa = _size(model.ecapa) if config.has_global else 0
    return Counts(parameters=_size(model) - ecapa, ecapa_parameters=ecapa,
                  local_parameters=_size(model.local) if config.has_local else 0,
                  audio_parameters=_size(sep) - projection - folded, audio_macs=macs)
