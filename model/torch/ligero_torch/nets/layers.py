# SPDX-License-Identifier: Apache-2.0
"""LGR-TSE's blocks of the encoder, the local encoder and the decoder (spec 2.2, 2.3), deep filter.

Sequences are [batch, channels, frames, bins]; kernels are 3 frames x 3 bins, stride (1, 2).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .conv import TimeConv, TimeDeconv
from .taps import tap

KERNEL = (3, 3)
CENTRE_TAP = 0.6  # the untrained deep filter passes the mixture at this gain


class _PreluGradient(torch.autograd.Function):
    """PReLU with one pass for both gradients: torch's own writes the slopes' out element by element."""

    @staticmethod
    def forward(ctx, x, slope):
        ctx.save_for_backward(x, slope)
        return F.prelu(x, slope)

    @staticmethod
    def backward(ctx, grad):
        x, slope = ctx.saved_tensors
        above = torch.ops.aten.threshold_backward(grad, x, 0)
        below = grad - above
        d_slope = (below * x).sum((0, 2, 3))
        if slope.numel() == 1:
            d_slope = d_slope.sum(0, keepdim=True)
        return torch.addcmul(above, below, slope.view(1, -1, 1, 1)), d_slope


class Prelu(nn.PReLU):
    """PReLU of [B, C, T, F]: a slope per channel (kind "channel") or one (kind "layer")."""

    def __init__(self, channels, kind):
        super().__init__(channels if kind == "channel" else 1)

    def forward(self, x):
        if self.training and not x.is_cuda:
            return _PreluGradient.apply(x, self.weight)
        return super().forward(x)


class CumulativeNorm(nn.LayerNorm):
    """Frame t of [B, C, T, F] to mean 0 and variance 1 of frames 0 .. t, then a gain and an offset per
    channel (Conv-TasNet's cLN)."""

    def forward(self, x):
        count = torch.arange(1, x.shape[2] + 1, device=x.device, dtype=torch.float64)
        mean, square = (v.mean((1, 3)).double().cumsum(1) / count for v in (x, x.square()))
        scale = (square - mean.square()).clamp(min=0.0).add(self.eps).rsqrt()
        mean, scale = (v.to(x.dtype)[:, None, :, None] for v in (mean, scale))
        return (x - mean) * scale * self.weight[:, None, None] + self.bias[:, None, None]


class ConvBlock(nn.Module):
    """Conv2d, batch norm, PReLU. [B, in, T, F] -> [B, out, T, (F - 3) // 2 + 1].

    name: prefix of the taps. kind: "channel" or "layer", the slopes of the PReLU.
    """

    def __init__(self, name, inputs, outputs, causal, kind):
        super().__init__()
        self.tap_name = name
        self.conv = TimeConv(name + ".conv", inputs, outputs, KERNEL, causal, stride=2, stem=name)
        self.bn = nn.BatchNorm2d(outputs)
        self.prelu = Prelu(outputs, kind)

    def forward(self, x, constant=None, fold=False):
        """x: [B, C, T, F]; constant, fold: see TimeConv.forward."""
        y = tap(self.tap_name + ".bn", self.bn(self.conv(x, constant, fold)), "bctf")
        return tap(self.tap_name + ".prelu", self.prelu(y), "bctf")


class DeconvBlock(nn.Module):
    """Transposed conv2d, then batch norm and PReLU, or the activation of the last layer.

    [B, in, T, F] -> [B, out, T, 2 F + 1 + output_padding].
    activation: "bn_prelu", "tanh" or "linear".
    """

    def __init__(self, name, inputs, outputs, causal, kind, output_padding=0,
                 activation="bn_prelu"):
        super().__init__()
        self.tap_name = name
        self.activation = activation
        self.conv = TimeDeconv(name + ".conv", inputs, outputs, KERNEL, causal, 2, output_padding)
        if activation == "bn_prelu":
            self.bn = nn.BatchNorm2d(outputs)
            self.prelu = Prelu(outputs, kind)

    def forward(self, x, skip):
        """x: decoder path, skip: encoder output, both [B, C, T, F]; joined in this order."""
        n = self.tap_name
        y = self.conv(tap(n + ".in", torch.cat([x, skip], dim=1), "bctf"))
        if self.activation == "tanh":
            return tap(n + ".tanh", torch.tanh(y), "bctf")
        if self.activation == "linear":
            return y
        y = tap(n + ".bn", self.bn(y), "bctf")
        return tap(n + ".prelu", self.prelu(y), "bctf")


def _near(spectrum, frames, bins, causal):
    """Real and imaginary parts of X(t + l, f + i), {(l, i) as indices: ([B, T, F], [B, T, F])}."""
    past = frames - 1 if causal else frames // 2
    padded = F.pad(spectrum, (bins // 2, bins // 2, past, frames - 1 - past))
    re, im = padded.real.contiguous(), padded.imag.contiguous()
    t, f = spectrum.shape[1:]
    return {(l, i): (re[:, l:l + t, i:i + f], im[:, l:l + t, i:i + f])
            for l in range(frames) for i in range(bins)}


class _DeepFilter(torch.autograd.Function):
    """Sums tap by tap, without a product array of all taps; no gradient to the spectrum."""

    @staticmethod
    def forward(ctx, h, spectrum, frames, bins, causal):
        ctx.save_for_backward(spectrum)
        ctx.extent = frames, bins, causal
        taps = h.unflatten(1, (frames, bins, 2))
        re, im = torch.zeros_like(spectrum.real), torch.zeros_like(spectrum.real)
        for (l, i), (x_re, x_im) in _near(spectrum, frames, bins, causal).items():
            h_re, h_im = taps[:, l, i].unbind(1)
            re.addcmul_(h_re, x_re).addcmul_(h_im, x_im, value=-1)
            im.addcmul_(h_re, x_im).addcmul_(h_im, x_re)
        return torch.complex(re, im)

    @staticmethod
    def backward(ctx, grad):
        spectrum, = ctx.saved_tensors
        frames, bins, causal = ctx.extent
        g_re, g_im = grad.real.contiguous(), grad.imag.contiguous()
        batch, t, f = spectrum.shape
        out = g_re.new_empty(batch, frames, bins, 2, t, f)
        for (l, i), (x_re, x_im) in _near(spectrum, frames, bins, causal).items():
            d_re, d_im = out[:, l, i].unbind(1)
            torch.mul(g_re, x_re, out=d_re).addcmul_(g_im, x_im)
            torch.mul(g_im, x_re, out=d_im).addcmul_(g_re, x_im, value=-1)
        return out.flatten(1, 3), None, None, None, None


def deep_filter(h, spectrum, frames: int, bins: int, causal: bool):
    """S(t, f) = sum over l, i of H[l, i](t, f) * X(t + l, f + i), X zero outside (spec 2.6).

    h: [B, 2 * frames * bins, T, F], channel ((l + 2) * 3 + (i + 1)) * 2 + c for 5 x 3 taps, c = 0
    real, 1 imaginary. spectrum: complex [B, T, F], which gets no gradient. Centred offsets, or
    frames t - 4 .. t when causal. Returns complex [B, T, F].
    """
    return _DeepFilter.apply(h, spectrum, frames, bins, causal)


@torch.no_grad()
def start_as_centre_tap(conv, config, value):
    """Makes the untrained `conv`, which gives a deep filter's taps, give nearly `value` for the real
    part of its centre tap and nearly nothing else: the filter passes the mixture."""
    frames, bins = config.deep_filter.frames, config.deep_filter.bins
    now = frames - 1 if config.causal else frames // 2
    conv.weight.mul_(0.1)
    conv.bias.zero_()
    conv.bias[(now * bins + bins // 2) * 2] = value
