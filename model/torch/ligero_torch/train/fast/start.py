# SPDX-License-Identifier: Apache-2.0
"""Where a run starts: its last checkpoint, another one, or an untrained network."""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import torch

from ...data.audio import DataError
from ...nets.asymmetric import BINS, running_gain, stft
from ...nets.bsrnn import FLOOR, BsrnnConfig, Separator
from ...nets.config import to_dict
from ..runs import differences
from . import checkpoint
from .checkpoint import Checkpoint
from .grow import grow
from .prepare import Prepared

TEXT = ("name", "licence", "training_data")  # of a configuration: no part of the network
STATISTICS_BATCHES = 6  # for the constants that standardise features


def fresh(config: BsrnnConfig, prepared: Prepared, data: torch.utils.data.Dataset,
          seed: int) -> Checkpoint:
    """An untrained network, with the constants that standardise features and anchors."""
    torch.manual_seed(seed)
    net = Separator(config)
    squares, means, mean_squares = [], [], []
    for k in range(STATISTICS_BATCHES):
        wave = data[len(data) // 4 + k][0]
        x = stft(wave) * running_gain(wave)[..., None]
        bare = x.real.square() + x.imag.square()
        power = bare + FLOOR
        squares.append((bare * power.pow(config.compression - 1)).mean((0, 1)) / 2)
        means.append(power.pow(config.compression / 2).mean((0, 1)))
        mean_squares.append(power.pow(config.compression).mean((0, 1)))
    mean = torch.stack(means).mean(0)
    deviation = (torch.stack(mean_squares).mean(0) - mean.square()).clamp(min=1e-6).sqrt()
    net.features.complex_scale.copy_(1 / (torch.stack(squares).mean(0).sqrt() + 1e-3))
    net.features.magnitude_mean.copy_(mean)
    net.features.magnitude_scale.copy_(1 / (deviation + 1e-3))
    if config.has_local:
        rows = prepared.talkers.bank.rows[:, -2 * BINS:].astype(np.float32)
        anchors = torch.from_numpy(rows).unflatten(1, (2, BINS))
        net.conditioning.anchor_mean.copy_(anchors.mean(0))
        net.conditioning.anchor_scale.copy_(1 / (anchors.std(0) + 1e-3))
    weights = {k: v.clone() for k, v in net.state_dict().items()}
    return Checkpoint(config, weights, {k: v.clone() for k, v in weights.items()},
                      speaker=prepared.speaker.fingerprint)


def starting_point(args: argparse.Namespace, config: BsrnnConfig, prepared: Prepared,
                   data: torch.utils.data.Dataset) -> Checkpoint:
    """The run's last checkpoint, else --init (grown where `config` is larger), else a fresh network.

    Checkpoint of another configuration: DataError, which names what differs."""
    last = args.out / "last.pt"
    if last.is_file():
        print(f"going on from {last}", flush=True)
        ck = checkpoint.load(last)
    elif args.init:
        print(f"starting from {args.init}", flush=True)
        ck = replace(checkpoint.load(args.init), best=-99.0, run_seconds=0.0)
        if ck.config.causal and not config.causal:
            ck = grow(ck, bidirectional=True)
        if config.blocks > ck.config.blocks:
            ck = grow(ck, config.blocks)
        if config.activity and not ck.config.activity:
            ck = grow(ck, activity=config.activity)
        # A bound of the cells may come to weights that were trained without it.
        ck = replace(ck, config=replace(ck.config, cell_limit=config.cell_limit))
    else:
        return fresh(config, prepared, data, args.seed)
    said, given = ({k: v for k, v in to_dict(c).items() if k not in TEXT}
                   for c in (ck.config, config))
    if said != given:
        raise DataError(f"{last if last.is_file() else args.init} was trained with another "
                        f"configuration ({'; '.join(differences(said, given)[:8])})")
    if ck.speaker not in ("", prepared.speaker.fingerprint):
        raise DataError(f"this network was trained with speaker network {ck.speaker}, this is "
                        f"{prepared.speaker.fingerprint}")
    return replace(ck, config=config, speaker=prepared.speaker.fingerprint)
