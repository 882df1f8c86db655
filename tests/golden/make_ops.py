# SPDX-License-Identifier: Apache-2.0
"""Makes ops.txt in this folder: PyTorch's results of the ops whose definition is PyTorch's, with
random inputs. A line is a name, how many values, and the values; weights lie as ops/OPS.md wants.

    python tests/golden/make_ops.py
"""

from pathlib import Path

import torch
from torch import nn

FRAMES, CHANNELS, BINS = 7, 8, 5
HIDDEN = 6
KERNEL = (3, 3)
lines = []


def keep(name, values):
    flat = values.detach().double().flatten().tolist()
    lines.append(" ".join([name, str(len(flat)), *(f"{v:.8g}" for v in flat)]))


def parameters(module):
    """Random ones that float32 holds."""
    for p in module.parameters():
        p.data = torch.randn(p.shape).mul(0.4).double()
    return module.double()


def attention():
    """nn.MultiheadAttention with projections that change nothing: what is left is the op."""
    q, k, v = (torch.randn(1, FRAMES, CHANNELS).double() for _ in range(3))
    for name, x in (("q", q), ("k", k), ("v", v)):
        keep(f"attention.{name}", x)
    t = torch.arange(FRAMES)
    for heads in (1, 2, 4, 8):
        module = nn.MultiheadAttention(CHANNELS, heads, batch_first=True).double()
        module.in_proj_weight.data = torch.eye(CHANNELS).double().repeat(3, 1)
        module.out_proj.weight.data = torch.eye(CHANNELS).double()
        for bias in (module.in_proj_bias, module.out_proj.bias):
            bias.data.zero_()
        for window in (0, 4):
            age = t[:, None] - t[None, :]
            hidden = (age < 0) | (age >= window) if window else None
            keep(f"attention.{heads}.{window}", module(q, k, v, attn_mask=hidden)[0])


def gru():
    module = parameters(nn.GRU(CHANNELS, HIDDEN, batch_first=True))
    x = torch.randn(1, FRAMES, CHANNELS).double()
    keep("gru.x", x)
    keep("gru.w_ih", module.weight_ih_l0.T)
    keep("gru.w_hh", module.weight_hh_l0.T)
    keep("gru.bias_ih", module.bias_ih_l0)
    keep("gru.bias_hh", module.bias_hh_l0)
    keep("gru.y", module(x)[0])


def grouped_convolution():
    x = torch.randn(1, CHANNELS, FRAMES, BINS).double()
    keep("conv.x", x[0].permute(1, 2, 0))
    padded = nn.functional.pad(x, (1, 1, KERNEL[0] - 1, 0))
    for groups in (1, 2, 4, 8):
        module = parameters(nn.Conv2d(CHANNELS, 2 * CHANNELS, KERNEL, stride=(1, 2), groups=groups))
        w = module.weight.unflatten(0, (groups, -1))  # group, output, channel, kt, kf
        keep(f"conv.{groups}.w", w.permute(0, 3, 4, 2, 1))
        keep(f"conv.{groups}.bias", module.bias)
        keep(f"conv.{groups}.y", module(padded)[0].permute(1, 2, 0))


def elu():
    x = torch.linspace(-6.0, 6.0, 33).double()
    keep("elu.x", x)
    keep("elu.y", nn.functional.elu(x))


def norms():
    """PyTorch has no cumulative norm: frame t is layer-normed with frames 0 .. t, each time anew."""
    x = torch.randn(FRAMES, BINS, CHANNELS).mul(2.0).add(3.0).double()
    gamma, beta = torch.randn(2, CHANNELS).double()
    for name, values in (("x", x), ("gamma", gamma), ("beta", beta)):
        keep(f"norm.{name}", values)
    keep("norm.layer", nn.functional.layer_norm(x, (CHANNELS,), gamma, beta))
    keep("norm.cumulative", torch.stack([
        nn.functional.layer_norm(x[:t], x[:t].shape)[-1] * gamma + beta
        for t in range(1, FRAMES + 1)]))


if __name__ == "__main__":
    torch.manual_seed(11)
    for make in (attention, gru, grouped_convolution, elu, norms):
        make()
    (Path(__file__).parent / "ops.txt").write_text("\n".join(lines) + "\n")
