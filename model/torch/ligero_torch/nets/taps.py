# SPDX-License-Identifier: Apache-2.0
"""A recorder of every op's output, in the frame graph's layout, for parity with the C++ runtime.

Sequences are stored as [frames, bins, channels], constants as [bins, channels] or [channels],
float32, without the batch axis (batch must be 1).
"""

from __future__ import annotations

import torch

_recorder = None


class Recorder:
    """Context manager: while it is open, every tap is stored in `values` (name -> tensor)."""

    def __init__(self):
        self.values: dict[str, torch.Tensor] = {}

    def __enter__(self):
        global _recorder
        if _recorder is not None:
            raise RuntimeError("taps are being recorded already")
        _recorder = self
        return self

    def __exit__(self, *_):
        global _recorder
        _recorder = None


# From the batched layout that the modules compute in, to the frame graph's.
_LAYOUTS = {
    "bctf": lambda x: x[0].permute(1, 2, 0),           # [1,C,T,F] -> [T,F,C]
    "btc": lambda x: x[0].unsqueeze(1),                # [1,T,C]   -> [T,1,C]
    "btf": lambda x: x[0].unsqueeze(-1),               # [1,T,F]   -> [T,F,1]
    "bct": lambda x: x[0].transpose(0, 1).unsqueeze(1),  # [1,C,T] -> [T,1,C]
    "btfc": lambda x: x[0],                            # [1,T,F,C] -> [T,F,C]
    "tfc": lambda x: x,                                # already in frame-graph layout
    "bcf": lambda x: x[0].transpose(0, 1),             # constant: [1,C,F] -> [F,C]
    "bc1": lambda x: x[0].flatten(),                   # constant: [1,C,1] -> [C]
    "bc": lambda x: x[0],                              # constant: [1,C]   -> [C]
    "complex": lambda x: torch.view_as_real(x[0]),     # [1,T,F] complex   -> [T,F,2]
}


def on() -> bool:
    """Whether taps are being recorded."""
    return _recorder is not None


def tap(name: str, x: torch.Tensor, layout: str) -> torch.Tensor:
    """Records x under `name` if a recorder is open; returns x unchanged.

    Raises ValueError for a batch larger than one or a name recorded twice.
    """
    if _recorder is None:
        return x
    if layout != "tfc" and x.shape[0] != 1:
        raise ValueError(f"tap {name}: batch {x.shape[0]}, expected 1")
    if name in _recorder.values:
        raise ValueError(f"tap {name}: recorded twice")
    value = _LAYOUTS[layout](x.detach()).to(torch.float32)
    _recorder.values[name] = value.contiguous().clone()
    return x
