# SPDX-License-Identifier: Apache-2.0
"""Makes a larger network that computes the same as a trained one, to go on training with.

More dual-path blocks lie behind the old ones; the non-causal twin has a second direction. What a new
LSTM puts out is multiplied by zero at the start, so the outputs stay as they were. A network without an
activity output gets one that knows nothing yet.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from ...data.audio import DataError
from ...nets.bsrnn import BsrnnConfig, Separator
from .checkpoint import Checkpoint, Weights

SEED = 5


def grow(ck: Checkpoint, blocks: int | None = None, bidirectional: bool = False,
         activity: int | None = None) -> Checkpoint:
    """A checkpoint of the larger network. Adam's moments stay where a parameter keeps its shape;
    the best score and the seconds of the run start anew."""
    config = ck.config
    if blocks is not None:
        if blocks < config.blocks:
            raise DataError(f"{blocks} blocks are fewer than {config.blocks}")
        config = replace(config, blocks=blocks)
    if bidirectional:
        if not config.causal:
            raise DataError("this network is bidirectional already")
        config = replace(config, causal=False)
    if activity is not None:
        if config.activity:
            raise DataError("this network has an activity output already")
        config = replace(config, activity=activity)
    torch.manual_seed(SEED)
    fresh = Separator(config).state_dict()
    optimizer = {k: v for k, v in (ck.optimizer or {}).items()
                 if v["exp_avg"].shape == fresh[k].shape}
    return replace(ck, config=config, averaged=_extended(ck.averaged, ck.config, fresh),
                   model=_extended(ck.model, ck.config, fresh), optimizer=optimizer or None,
                   best=-99.0, run_seconds=0.0)


def _extended(old: Weights, config: BsrnnConfig, fresh: Weights) -> Weights:
    new = {}
    for name, start in fresh.items():
        if name not in old:  # of a new block or of the activity
            silent = name.endswith(("out_weight", "out_bias"))
            new[name] = torch.zeros_like(start) if silent else start.clone()
        elif old[name].shape == start.shape:
            new[name] = old[name].clone()
        else:                # a time half that gets a second direction: it starts as the first one
            first = old[name]
            second = torch.zeros_like(first) if name.endswith("out_weight") else first
            new[name] = torch.cat([first, second])
    return new
