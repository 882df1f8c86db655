# SPDX-License-Identifier: Apache-2.0
"""The ops of a frame graph in PyTorch, for network.py. Their meaning is ops/OPS.md's.

A sequence is in either of two layouts, whichever its producer and readers work in: `frames` [T, F, C]
for products and recurrent layers, `planes` [1, C, T, F] for convolutions; an axis of one bin is left
out. It changes layout when an op asks for the other, once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..data.audio import DataError
from .framegraph import FrameGraph, Node, Tensor

NEVER = -1e9  # the score of a frame outside the signal
ACTIVATIONS = (None, torch.relu, None, torch.tanh, torch.sigmoid, F.gelu, F.elu)  # 2: prelu
UNARY = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "gelu": F.gelu,
         "elu": F.elu, "square": torch.square, "sqrt": lambda x: x.clamp(min=0).sqrt()}
BINARY = {"add": torch.add, "subtract": torch.sub, "multiply": torch.mul, "divide": torch.div}


def wide(x: torch.Tensor, t: Tensor) -> torch.Tensor:
    """Planes or frames with the axis of bins, also where there is one bin."""
    return x if t.bins > 1 else x.unsqueeze(-1)


class Value:
    """A sequence (or a constant, a sequence of one frame that meets all others) in its layouts."""

    def __init__(self, t: Tensor, frames=None, planes=None):
        self.t, self._frames, self._planes = t, frames, planes
        self.in_planes = planes is not None
        self.both = None  # of one direction of a recurrent layer: what both give, [.., 2 C]

    def other(self, t: Tensor) -> "Value":
        """The backward half, of the forward one."""
        half = Value(t, frames=self.both[..., t.channels:])
        half.both = self.both
        return half

    @property
    def frames(self) -> torch.Tensor:
        """[T, F, C], or [T, C]."""
        if self._frames is None:
            order = (2, 3, 1) if self.t.bins > 1 else (2, 1)
            self._frames = self._planes.permute(0, *order).squeeze(0)
        return self._frames

    @property
    def planes(self) -> torch.Tensor:
        """[1, C, T, F], or [1, C, T]."""
        if self._planes is None:
            order = (2, 0, 1) if self.t.bins > 1 else (1, 0)
            self._planes = self._frames.permute(*order)[None]
        return self._planes

    def get(self, planes: bool) -> torch.Tensor:
        return self.planes if planes else self.frames


@dataclass(frozen=True)
class State:
    """One input and output of a step; zero at first. Of its `turns` (network.py) each has the shape."""
    name: str
    shape: tuple
    turns: int = 1


class Op(nn.Module):
    """One node. compute(run, *values) maps the Values of its inputs (None for weights and where absent)
    to that of its output; run is network.Run."""

    def __init__(self, node: Node, graph: FrameGraph, step: bool):
        super().__init__()
        self.node, self.step = node, step
        self.out = graph.tensors[node.output]
        self.given = [graph.tensors[i] if i else None for i in node.inputs]

    def weight(self, k: int):
        t = self.given[k] if k < len(self.given) else None
        return None if t is None else torch.from_numpy(np.array(t.values))

    def keep(self, name: str, value) -> None:
        self.register_buffer(name, value)

    def value(self, x: torch.Tensor, planes: bool) -> Value:
        return Value(self.out, planes=x) if planes else Value(self.out, frames=x)


class Epilogue(Op):
    """What follows the sum of a product: inputs `first` .. first + 3 and the attribute activation."""

    def __init__(self, node, graph, step, first):
        super().__init__(node, graph, step)
        bias, slopes, scale, shift = (self.weight(first + k) for k in range(4))
        self.keep("bias", None if bias is None else bias.reshape(-1))
        self.keep("slopes", None if slopes is None else slopes.reshape(-1))
        self.keep("scale", None if scale is None else scale.reshape(-1))
        self.keep("shift", None if shift is None else shift.reshape(-1))
        self.activation = node.get("activation")

    def finish(self, x, planes):
        if self.activation == 2:
            x = prelu(x, self.slopes, planes)
        elif self.activation:
            x = ACTIVATIONS[self.activation](x)
        return x if self.scale is None else affine(x, self.scale, self.shift, planes)


def channels_second(x, planes):
    return planes or x.dim() == 2


def prelu(x, slopes, planes):
    if channels_second(x, planes):
        return F.prelu(x, slopes)
    return torch.relu(x) - slopes * torch.relu(-x)


def affine(x, scale, shift, planes):
    if not channels_second(x, planes):
        return x * scale + shift
    zeros, ones = torch.zeros_like(scale), torch.ones_like(scale)
    return F.batch_norm(x, zeros, ones, scale, shift, eps=0.0)


class Linear(Epilogue):
    def __init__(self, node, graph, step):
        super().__init__(node, graph, step, 2)
        self.keep("w", self.weight(1).T.contiguous())

    def compute(self, run, x, *_):
        planes = x.in_planes and self.out.bins == 1
        y = F.conv1d(x.planes, self.w[:, :, None], self.bias) if planes else F.linear(
            x.frames, self.w, self.bias)
        return self.value(self.finish(y, planes), planes)


class BandLinear(Op):
    """A matrix for each band of neighbouring bins, of kernel_t frames."""

    def __init__(self, node, graph, step):
        super().__init__(node, graph, step)
        get, x = node.get, self.given[0]
        bands, outputs = self.out.bins, self.out.channels
        self.kernel_t, self.width = get("kernel_t", 1), get("width", 1)
        self.inner = self.kernel_t * self.width * x.channels
        w = self.weight(1).reshape(self.inner, bands, -1)[..., :outputs]
        self.keep("w", w.permute(1, 0, 2).contiguous())
        bias = len(node.inputs) > 2 and self.given[2]
        self.keep("bias", self.weight(2) if bias and bias.kind == "weight" else None)
        first = get("first") + get("stride", 1) * torch.arange(bands)
        bins = (first[:, None] + torch.arange(self.width)).flatten()
        self.pad = max(0, -int(bins.min())), max(0, int(bins.max()) + 1 - x.bins)
        self.keep("bins", bins + self.pad[0])
        self.activation = ACTIVATIONS[get("activation")]

    def compute(self, run, x, w, bias=None):
        x = wide(run.window(self, 0, x, 1)[0], self.given[0])
        x = F.pad(x, self.pad)[0].index_select(2, self.bins)  # [C, frames, bands * width]
        x = x.reshape(*x.shape[:2], self.out.bins, self.width)
        frames = x.shape[1] - self.kernel_t + 1
        x = torch.stack([x[:, i:i + frames] for i in range(self.kernel_t)])
        x = x.permute(3, 2, 0, 4, 1).reshape(self.out.bins, frames, self.inner)
        y = torch.bmm(x, self.w).transpose(0, 1)
        if self.bias is not None or bias is not None:
            y = y + (self.bias if bias is None else bias.frames)
        return self.value(self.activation(y) if self.activation else y, False)


class Conv(Epilogue):
    """conv2d. The bias map of frames is the product of 'this tap lies inside the signal' and it."""

    def __init__(self, node, graph, step):
        super().__init__(node, graph, step, 2)
        get, x = node.get, self.given[0]
        self.kernel = (get("kernel_t", 1), get("kernel_f", 1))
        self.groups = get("groups", 1)
        w = self.weight(1).reshape(self.groups, *self.kernel, x.channels // self.groups, -1)
        w = w.permute(0, 4, 3, 1, 2).reshape(self.out.channels, -1, *self.kernel)
        self.flat = x.bins == 1 and self.out.bins == 1
        self.keep("w", (w[..., 0] if self.flat else w).contiguous())
        self.stride, self.dilation = get("stride_f", 1), (get("dilation_t", 1), get("dilation_f", 1))
        self.pad_f, self.reach = get("pad_f"), (get("past"), get("future"))
        if get("reflect_t"):
            raise DataError(f"node {node.name}: a mirrored convolution has no form for peers")

    def compute(self, run, x, w, *rest):
        bias_map = rest[4] if len(rest) > 4 else None
        x, pad_t, dilation = run.window(self, 0, x, self.dilation[0])
        if self.flat:
            y = F.conv1d(x, self.w, self.bias, 1, pad_t, dilation, self.groups)
        else:
            y = F.conv2d(wide(x, self.given[0]), self.w, self.bias, (1, self.stride),
                         (pad_t, self.pad_f), (dilation, self.dilation[1]), self.groups)
            y = y if self.out.bins > 1 else y.squeeze(-1)
        if bias_map is not None:
            y = y + run.mapped(self, bias_map, self.kernel[0], self.dilation[0])
        return self.value(self.finish(y, True), True)


class ConvTransposed(Epilogue):
    """conv2d_transposed; over time it is a convolution. In a step, frames become channels."""

    def __init__(self, node, graph, step):
        super().__init__(node, graph, step, 2)
        get, x = node.get, self.given[0]
        kt, kf, stride = get("kernel_t", 1), get("kernel_f", 1), get("stride_f", 1)
        self.groups = get("groups", 1)
        if self.groups > 1 and kt > 1:
            raise DataError(f"node {node.name}: groups over time have no form for peers")
        channels, rows, at = x.channels // self.groups, self.weight(1), 0
        w = torch.zeros(self.groups, kt, kf, channels, self.out.channels // self.groups)
        for group in w:
            for phase in range(stride):
                taps = list(range(phase, kf, stride))[::-1]
                count = kt * len(taps) * channels
                group[:, taps] = rows[at:at + count].reshape(kt, len(taps), channels, -1)
                at += count
        w = w.permute(1, 2, 0, 3, 4).flatten(2, 3)  # [kt, kf, C, outputs of a group]
        if step:
            w = w.permute(2, 0, 3, 1).reshape(x.channels * kt, -1, 1, kf)
        else:
            w = w.flip(0).permute(2, 3, 0, 1)
        self.keep("w", w.contiguous())
        self.kt, self.stride, self.out_pad, self.future = kt, stride, get("out_pad_f"), get("future")
        self.pad_f = get("pad_f")

    def compute(self, run, x, *_):
        x = wide(run.window(self, 0, x, 1)[0] if self.step else x.planes, self.given[0])
        pad = 0
        if self.step:
            x = x.reshape(1, -1, 1, self.given[0].bins)
        else:
            frames = x.shape[2]
            pad = min(self.future, self.kt - 1 - self.future)
        y = F.conv_transpose2d(x, self.w, self.bias, (1, self.stride), (pad, self.pad_f),
                               (0, self.out_pad), self.groups)
        if not self.step and y.shape[2] != frames:
            y = y[:, :, self.future - pad:self.future - pad + frames]
        y = y if self.out.bins > 1 else y.squeeze(-1)
        return self.value(self.finish(y, True), True)


SATURATED = 8.0  # from here on tanh of a cell is 1 in f32, to 3e-7


class Recurrent(Op):
    """lstm, gru: along time, every bin with a state of its own, or along the bins of a frame. A forward
    and a backward layer that read the same are one layer of two directions
    (Network._pair_directions)."""

    def __init__(self, node, graph, step):
        super().__init__(node, graph, step)
        self.limit = node.get("cell_limit")
        if self.limit and not (step and self.limit >= SATURATED):
            raise DataError(f"node {node.name}: cells bounded by {self.limit:g} have a form for peers "
                            f"frame by frame, and from {SATURATED:g} on")
        self.reverse, self.partner = node.get("reverse"), None
        self.along_bins = node.get("axis") == 1
        self.size = self.out.channels
        self.kind = nn.LSTM if node.op == "lstm" else nn.GRU
        self.layer = self.kind(self.given[0].channels, self.size)
        self._load("")

    def _load(self, suffix, other=None):
        source = other or self
        biases = [source.weight(3).reshape(-1)]
        biases.append(source.weight(4).reshape(-1) if self.kind is nn.GRU
                      else torch.zeros_like(biases[0]))
        with torch.no_grad():
            getattr(self.layer, "weight_ih_l0" + suffix).copy_(source.weight(1).T)
            getattr(self.layer, "weight_hh_l0" + suffix).copy_(source.weight(2).T)
            getattr(self.layer, "bias_ih_l0" + suffix).copy_(biases[0])
            getattr(self.layer, "bias_hh_l0" + suffix).copy_(biases[1])

    def pair_with(self, backward: "Recurrent") -> None:
        self.layer = self.kind(self.given[0].channels, self.size, bidirectional=True)
        self._load("")
        self._load("_reverse", backward)

    def _step(self, run, x):
        """The next frame [1, F, C], from the states and to them."""
        names = [f"{self.node.name}.{s}" for s in ("hc" if self.kind is nn.LSTM else "h")]
        states = [run.state(State(name, (1, x.shape[1], self.size))) for name in names]
        y, after = self.layer(x, tuple(states) if len(names) == 2 else states[0])
        if self.limit:  # the layer's own output has seen tanh of the free cell: the same number
            after = after[0], after[1].clamp(-self.limit, self.limit)
        for name, state in zip(names, after if len(names) == 2 else [after]):
            run.keep(name, state)
        return y

    def compute(self, run, x, *_):
        x = x.frames if self.given[0].bins > 1 else x.frames[:, None]
        x = x.transpose(0, 1) if self.along_bins else x
        if self.step and not self.along_bins:
            y = self._step(run, x)
        elif self.reverse:  # alone
            y = self.layer(x.flip(0))[0].flip(0)
        else:
            y = self.layer(x)[0]
        y = y.transpose(0, 1) if self.along_bins else y
        y = y if self.out.bins > 1 else y.squeeze(1)
        out = self.value(y[..., :self.size] if self.layer.bidirectional else y, False)
        out.both = y if self.layer.bidirectional else None
        return out


class Attention(Op):
    def __init__(self, node, graph, step):
        super().__init__(node, graph, step)
        if node.get("axis") == 1 or node.get("heads", 1) != 1:
            raise DataError(f"node {node.name}: attention along bins or with heads has no form for peers")
        self.window, self.scale = node.get("window"), node.get("scale", 1.0)

    def compute(self, run, query, key, value):
        q = query.frames if self.scale == 1.0 else query.frames * self.scale
        if self.step:
            keys = run.rows(self, 1, key)
            values = keys if key is value else run.rows(self, 2, value)
            mask = (run.inside(self.window) - 1.0) * -NEVER
        else:
            keys, values = key.frames, value.frames
            mask = run.band(self.window) if self.window else None
        scores = q @ keys.T
        if mask is not None:
            scores = scores + mask
        return self.value(torch.softmax(scores, -1) @ values, False)


class DeepFilter(Op):
    """The spectrum's neighbours are gathered by a convolution with ones and zeros: output (part, tap,
    side) is what tap `side` (0 real, 1 imaginary) is multiplied with in that part of the output."""

    def __init__(self, node, graph, step):
        super().__init__(node, graph, step)
        kt, kf = node.get("kernel_t", 5), node.get("kernel_f", 3)
        pick = torch.zeros(2, kt * kf, 2, 2, kt, kf)
        for tap in range(kt * kf):
            at = divmod(tap, kf)
            pick[(0, tap, 0, 0, *at)] = 1.0
            pick[(0, tap, 1, 1, *at)] = -1.0
            pick[(1, tap, 0, 1, *at)] = 1.0
            pick[(1, tap, 1, 0, *at)] = 1.0
        self.keep("pick", pick.reshape(-1, 2, kt, kf))
        self.pad_f = kf // 2

    def compute(self, run, taps, spectrum):
        x, pad_t, _ = run.window(self, 1, spectrum, 1)
        near = F.conv2d(x, self.pick, padding=(pad_t, self.pad_f))
        h = taps.planes
        near = near.reshape(2, h.shape[1], *near.shape[2:])
        return self.value((near * h).sum(1)[None], True)


class Binary(Op):
    """add, subtract, multiply, divide."""

    def __init__(self, node, graph, step):
        super().__init__(node, graph, step)
        self.activation = ACTIVATIONS[node.get("activation")]
        for k, t in enumerate(self.given):
            if t.kind == "weight":
                self.keep(f"w{k}", self.weight(k).reshape(1, *([t.bins] if t.bins > 1 else []), -1))

    def operand(self, k, v, planes):
        t = self.given[k]
        x = (v or Value(t, frames=getattr(self, f"w{k}", None))).get(planes)
        if t.bins == 1 and self.out.bins > 1:
            x = x.unsqueeze(-1 if planes else -2)
        return x

    def compute(self, run, a, b):
        planes = any(v is not None and v.t.kind == "sequence" and v.in_planes for v in (a, b))
        y = BINARY[self.node.op](self.operand(0, a, planes), self.operand(1, b, planes))
        return self.value(self.activation(y) if self.activation else y, planes)


class Unary(Op):
    def compute(self, run, x):
        return self.value(UNARY[self.node.op](x.get(x.in_planes)), x.in_planes)


class Power(Op):
    def compute(self, run, x):
        y = x.get(x.in_planes).clamp(min=0) ** self.node.get("exponent")
        return self.value(y, x.in_planes)


class Prelu(Op):
    def __init__(self, node, graph, step):
        super().__init__(node, graph, step)
        self.keep("slopes", self.weight(1).reshape(-1).expand(self.out.channels).contiguous())

    def compute(self, run, x, *_):
        return self.value(prelu(x.get(x.in_planes), self.slopes, x.in_planes), x.in_planes)


class BatchNorm(Op):
    def __init__(self, node, graph, step):
        super().__init__(node, graph, step)
        mean, variance, gamma, beta = (self.weight(k).reshape(-1).double() for k in range(1, 5))
        scale = gamma / torch.sqrt(variance + node.get("epsilon", 1e-5))
        self.keep("scale", scale.float())
        self.keep("shift", (beta - mean * scale).float())

    def compute(self, run, x, *_):
        return self.value(affine(x.get(x.in_planes), self.scale, self.shift, x.in_planes), x.in_planes)


class LayerNorm(Op):
    def __init__(self, node, graph, step):
        super().__init__(node, graph, step)
        self.epsilon = node.get("epsilon", 1e-5)
        self.over = (self.out.bins, self.out.channels) if node.get("joint") else (self.out.channels,)
        if self.out.bins == 1:
            self.over = self.over[-1:]
        for name, t in zip(("gamma", "beta"), self.given[1:]):
            values = None if t.kind == "constant" else torch.from_numpy(np.array(t.values))
            self.keep(name, values if values is None or t.bins > 1 else values.reshape(-1))

    def compute(self, run, x, gamma, beta):
        factor, shift = (v.frames if given is None else given
                         for v, given in ((gamma, self.gamma), (beta, self.beta)))
        if factor.shape == shift.shape == self.over:
            return self.value(F.layer_norm(x.frames, self.over, factor, shift, self.epsilon), False)
        y = F.layer_norm(x.frames, self.over, None, None, self.epsilon)
        return self.value(y * factor + shift, False)


class Softmax(Op):
    def __init__(self, node, graph, step):
        super().__init__(node, graph, step)
        if node.get("axis", 2) != 2:
            raise DataError(f"node {node.name}: a softmax over time has no form for peers")

    def compute(self, run, x):
        return self.value(torch.softmax(x.frames, -1), False)


class Concat(Op):
    def __init__(self, node, graph, step):
        super().__init__(node, graph, step)
        self.along_bins = node.get("axis", 2) == 1
        for k, t in enumerate(self.given):
            if t.kind == "weight":
                self.keep(f"w{k}", torch.from_numpy(np.array(t.values)).reshape(1, t.bins, -1))

    def _along_bins(self, run, values):
        parts = [getattr(self, f"w{k}") if v is None else
                 v.frames if v.t.bins > 1 else v.frames[:, None] for k, v in enumerate(values)]
        return torch.cat([p.expand(run.frames, -1, -1) for p in parts], 1)

    def compute(self, run, *values):
        if self.along_bins:
            return self.value(self._along_bins(run, values), False)
        values = [Value(t, frames=getattr(self, f"w{k}") if t.bins > 1 else getattr(self, f"w{k}")[:, 0])
                  if v is None else v for k, (v, t) in enumerate(zip(values, self.given))]
        if len(values) == 2 and values[0].both is not None and values[0].both is values[1].both:
            return self.value(values[0].both, False)
        sequences = [v for v in values if v.t.kind == "sequence"]
        count = sum(v.in_planes for v in sequences)
        planes = count == len(sequences) or count > 0 and self.out.bins > 1
        axis, parts = (2, []) if planes else (0, [])
        for v in values:
            shape = list(v.get(planes).shape)
            shape[axis] = run.frames
            x = v.get(planes)
            parts.append(x if list(x.shape) == shape else x.expand(shape))
        return self.value(torch.cat(parts, 1 if planes else -1), planes)


class Slice(Op):
    def compute(self, run, x):
        begin, count = self.node.get("begin"), self.node.get("count")
        y = x.get(x.in_planes)
        y = y[:, begin:begin + count] if x.in_planes else y[..., begin:begin + count]
        return self.value(y, x.in_planes)


class Reshape(Op):
    def compute(self, run, x):
        if (x.t.bins, x.t.channels) == (self.out.bins, self.out.channels):
            return self.value(x.get(x.in_planes), x.in_planes)
        row = (self.out.bins, self.out.channels) if self.out.bins > 1 else (self.out.channels,)
        return self.value(x.frames.reshape(-1, *row), False)


class Transpose(Op):
    def compute(self, run, x):
        y = x.frames if x.t.bins > 1 else x.frames[:, None]
        y = y.transpose(1, 2)
        return self.value(y if self.out.bins > 1 else y.squeeze(1), False)


class ChannelShuffle(Op):
    def compute(self, run, x):
        groups, y = self.node.get("groups"), x.get(x.in_planes)
        if x.in_planes:
            y = y.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)
        else:
            y = y.unflatten(-1, (groups, -1)).transpose(-1, -2).flatten(-2)
        return self.value(y, x.in_planes)


class SumChunks(Op):
    def compute(self, run, x):
        chunks = self.node.get("chunks")
        y = x.frames.reshape(*x.frames.shape[:-1], chunks, self.out.channels).sum(-2)
        return self.value(y, False)


class Magnitude(Op):
    def compute(self, run, x):
        y = x.planes.square().sum(1, keepdim=True) + self.node.get("floor", 0.0)
        return self.value(y.sqrt(), True)


class Compress(Op):
    def compute(self, run, x):
        energy = x.planes.square().sum(1, keepdim=True) + 1e-8
        gain = energy ** ((self.node.get("exponent", 1.0) - 1.0) / 2.0)
        y = x.planes * gain
        if self.node.get("magnitude"):
            y = torch.cat((y, energy.sqrt() * gain, torch.zeros_like(gain)), 1)
        return self.value(y, True)


class ComplexMultiply(Op):
    def compute(self, run, a, b):
        (ar, ai), (br, bi) = a.planes.split(1, 1), b.planes.split(1, 1)
        return self.value(torch.cat((ar * br - ai * bi, ar * bi + ai * br), 1), True)


OPS = {"linear": Linear, "band_linear": BandLinear, "conv2d": Conv,
       "conv2d_transposed": ConvTransposed, "lstm": Recurrent, "gru": Recurrent,
       "attention": Attention, "deep_filter": DeepFilter, "power": Power, "prelu": Prelu,
       "batch_norm": BatchNorm, "layer_norm": LayerNorm, "softmax": Softmax, "concat": Concat,
       "slice": Slice, "reshape": Reshape, "transpose": Transpose,
       "channel_shuffle": ChannelShuffle, "sum_chunks": SumChunks,
       "magnitude": Magnitude, "compress": Compress, "complex_multiply": ComplexMultiply,
       **dict.fromkeys(BINARY, Binary), **dict.fromkeys(UNARY, Unary)}
