# SPDX-License-Identifier: Apache-2.0
"""Weights as a whole: their moving average, their files, their causal twin."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch

from ..data.audio import DataError
from ..nets.config import to_dict
from ..nets.extractor import Extractor
from ..nets.systems import load_config, make


class Average:
    """Exponential moving average of the trained parameters; buffers are copied."""

    def __init__(self, model, decay: float):
        self.decay, self.step = decay, 0
        self.shadow = {k: v.detach().clone() for k, v in model.state_dict().items()
                       if not k.startswith("ecapa.")}
        self.names = {k for k, p in model.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def update(self, model) -> None:
        self.step += 1
        d = min(self.decay, (1.0 + self.step) / (10.0 + self.step))
        mine, theirs = [], []
        for k, v in model.state_dict().items():
            if k in self.names:
                mine.append(self.shadow[k])
                theirs.append(v)
            elif k in self.shadow:
                self.shadow[k].copy_(v)
        torch._foreach_lerp_(mine, theirs, 1.0 - d)

    def full(self, model) -> dict:
        """State dict of the averaged model, with the frozen network."""
        return {k: self.shadow.get(k, v).detach().clone() for k, v in model.state_dict().items()}


def save_weights(path: Path, state: dict, config, extra: dict | None = None) -> None:
    """f16 safetensors with the network's own names, its config in the metadata; atomic."""
    from safetensors.torch import save_file

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {k: v.half().contiguous() for k, v in state.items()
               if not k.endswith("num_batches_tracked")}
    part = path.with_name(path.name + ".part")
    save_file(tensors, str(part), metadata={"config": json.dumps(to_dict(config)),
                                            **{k: str(v) for k, v in (extra or {}).items()}})
    os.replace(part, path)


def causal_state(state: dict, config) -> dict:
    """State of a centred network made over for its causal twin, as a start for training.

    Where the centred kernel reads frames t-1, t, t+1 and the causal one t-2, t-1, t, each tap keeps
    its frame and the future one joins the current. Deep filter taps keep their frames (the future
    ones are dropped, the oldest begin at zero). The local network, averaged over time, stays. The
    LSTM's two directions become the two halves of one that runs forward.
    """
    out = dict(state)
    for k, w in state.items():
        if k.startswith("sep.conv2d_") and k.endswith("conv.weight"):
            out[k] = torch.stack([torch.zeros_like(w[:, :, 0]), w[:, :, 0],
                                  w[:, :, 1] + w[:, :, 2]], 2)
        elif k.startswith("sep.deconv2d_") and k.endswith("conv.weight"):  # runs backwards in time
            out[k] = torch.stack([w[:, :, 1] + w[:, :, 0], w[:, :, 2],
                                  torch.zeros_like(w[:, :, 0])], 2)
    frames, per = config.deep_filter.frames, 2 * config.deep_filter.bins
    past = frames // 2
    for k, axis in (("sep.deconv2d_1.conv.weight", 1), ("sep.deconv2d_1.conv.bias", 0)):
        kept = out[k].narrow(axis, 0, (past + 1) * per)
        out[k] = torch.cat([torch.zeros_like(kept.narrow(axis, 0, past * per)), kept], axis)
    n = config.arn_size
    for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        name = f"sep.arn.lstm.{kind}_l0"
        both = [state[name].unflatten(0, (4, n // 2)), state[name + "_reverse"].unflatten(
            0, (4, n // 2))]
        del out[name + "_reverse"]
        if kind == "weight_hh":
            both = [torch.nn.functional.pad(both[0], (0, n // 2)),
                    torch.nn.functional.pad(both[1], (n // 2, 0))]
        out[name] = torch.cat(both, 1).flatten(0, 1)
    return out


def read_tensors(file):
    """Tensors by name from a .safetensors file, or a .pt file of tensors only.

    A .pt file may hold the tensors under "average" (the first choice, as in ligero-convert), under
    "model" or at its top level. Raises DataError.
    """
    file = Path(file)
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file
            return load_file(file)
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as e:  # each reader has errors of its own
        raise DataError(f"{file}: cannot be read as a checkpoint: {e}") from e
    return content.get("average") or content.get("model", content)


def load_tensors(model, tensors, source="checkpoint"):
    """Puts tensors into a model; every one must fit. Raises DataError naming the first misfit."""
    own = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    given = {k: v for k, v in tensors.items() if not k.endswith("num_batches_tracked")}
    for name, tensor in own.items():
        if name not in given:
            raise DataError(f"{source}: tensor {name} is missing; expected {list(tensor.shape)}")
        if given[name].shape != tensor.shape:
            raise DataError(f"{source}: tensor {name} has shape {list(given[name].shape)}; "
                            f"expected {list(tensor.shape)}")
    for name, tensor in given.items():
        if name not in own:
            raise DataError(f"{source}: surplus tensor {name} of shape {list(tensor.shape)}; "
                            "expected none of this name")
    model.load_state_dict({k: v.to(own[k].dtype) for k, v in given.items()}, strict=False)


def load_model(config_file, checkpoint):
    """The network in eval mode. Raises ConfigError or DataError."""
    model = make(load_config(config_file)).eval()
    load_tensors(model, read_tensors(checkpoint), str(checkpoint))
    return model


def load_weights(model: Extractor, state: dict) -> list[str]:
    """Copies every tensor of `state` that fits in name and shape.

    A causal model takes a centred one's through `causal_state`. Returns the names in `model` that
    kept their own values (a warm start may leave some).
    """
    own = model.state_dict()
    if model.config.causal and "sep.arn.lstm.weight_ih_l0_reverse" in state:
        state = causal_state({k: v.float() for k, v in state.items()}, model.config)
    fits = {k: v.to(own[k].dtype) for k, v in state.items()
            if k in own and own[k].shape == v.shape}
    model.load_state_dict(fits, strict=False)
    return sorted(set(own) - set(fits))
