"""Convolution blocks of the encoder, the local encoder and the decoder (spec 2.2, 2.3).

Sequences are [batch, channels, frames, bins]; kernels are 3 frames x 3 bins, stride (1, 2).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .taps import tap

KERNEL = 3
PAST_FRAMES = KERNEL - 1  # frames of context; centred: one on each side, causal: both before


def pad_time(x, causal: bool):
    """Zero frames around x so that a 3-frame kernel keeps the frame count."""
    return F.pad(x, (0, 0, PAST_FRAMES, 0) if causal else (0, 0, 1, 1))


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


class ConvBlock(nn.Module):
    """Conv2d, batch norm, PReLU. [B, in, T, F] -> [B, out, T, (F - 3) // 2 + 1].

    name: prefix of the taps. kind: "channel" or "layer", the slopes of the PReLU.
    """

    def __init__(self, name, inputs, outputs, causal, kind):
        super().__init__()
        self.tap_name = name
        self.causal = causal
        self.conv = nn.Conv2d(inputs, outputs, KERNEL, stride=(1, 2))
        self.bn = nn.BatchNorm2d(outputs)
        self.prelu = Prelu(outputs, kind)

    def forward(self, x, constant=None, fold=False):
        """x: [B, C, T, F]; constant: [B, C', F], joined to every frame after x's channels.

        fold: convolve the constant once per kernel row instead of once per frame (spec 2.9).
        """
        if constant is None:
            y = self._conv(x, self.conv.weight)
        elif fold:
            channels = x.shape[1]
            y = self._conv(x, self.conv.weight[:, :channels])
            y = y + self.constant_map(constant, self.conv.weight[:, channels:], x.shape[2])
        else:
            repeated = constant.unsqueeze(2).expand(-1, -1, x.shape[2], -1)
            x = tap(self.tap_name + ".in", torch.cat([x, repeated], dim=1), "bctf")
            y = self._conv(x, self.conv.weight)
        n = self.tap_name
        y = tap(n + ".bn", self.bn(tap(n + ".conv", y, "bctf")), "bctf")
        return tap(n + ".prelu", self.prelu(y), "bctf")

    def _conv(self, x, weight):
        if self.causal:
            return F.conv2d(pad_time(x, True), weight, self.conv.bias, (1, 2))
        return F.conv2d(x, weight, self.conv.bias, (1, 2), (1, 0))

    def constant_map(self, constant, weight, frames):
        """Convolution of a constant over time, zero outside 0 .. frames - 1 (spec 2.9).

        constant: [B, C', F]; weight: [out, C', 3, 3]. Returns [B, out, frames, F'].
        """
        outputs = weight.shape[0]
        # One frequency-only convolution gives the map of every kernel row.
        rows = F.conv2d(constant.unsqueeze(2),
                        weight.permute(2, 0, 1, 3).flatten(0, 1).unsqueeze(2), stride=(1, 2))
        rows = rows.squeeze(2).unflatten(1, (KERNEL, outputs)).unbind(1)
        first = -PAST_FRAMES if self.causal else -1  # frame offset under kernel row 0
        cache = {}
        maps = []
        for t in range(frames):
            inside = tuple(k for k in range(KERNEL) if 0 <= t + first + k < frames)
            if inside not in cache:
                cache[inside] = sum(rows[k] for k in inside)
            maps.append(inside)
        # Runs of equal frames are expanded, not computed again.
        parts = []
        t = 0
        while t < frames:
            run = 1
            while t + run < frames and maps[t + run] == maps[t]:
                run += 1
            parts.append(cache[maps[t]].unsqueeze(2).expand(-1, -1, run, -1))
            t += run
        return torch.cat(parts, dim=2)


class _TransposedConv(torch.autograd.Function):
    """`F.conv_transpose2d` for 3 x 3 kernels, stride (1, 2), as two plain convolutions: the even
    bins of the output and the odd ones. On a CPU twice as fast forward; the gradient is torch's."""

    @staticmethod
    def forward(ctx, x, weight, bias, padding, output_padding):
        ctx.save_for_backward(x, weight)
        ctx.extent = padding, output_padding
        kernel = weight.flip(2).transpose(0, 1)  # a correlation over time: [out, in, 3, 3]
        time = KERNEL - 1 - padding
        even = F.conv2d(x, kernel[..., [2, 0]], bias, 1, (time, 1))  # bins f - 1, f of x
        odd = F.conv2d(x, kernel[..., 1:2], bias, 1, (time, 0))
        bins = 2 * x.shape[3] + 1
        out = x.new_empty(*odd.shape[:3], bins + output_padding)
        out[..., 0:bins:2] = even
        out[..., 1:bins:2] = odd
        out[..., bins:] = bias.view(-1, 1, 1)  # reached by no tap
        return out

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        padding, output_padding = ctx.extent
        return *torch.ops.aten.convolution_backward(
            grad, x, weight, [weight.shape[1]], [1, 2], [padding, 0], [1, 1], True,
            [0, output_padding], 1, [True, True, True]), None, None


class DeconvBlock(nn.Module):
    """Transposed conv2d, then batch norm and PReLU, or the activation of the last layer.

    [B, in, T, F] -> [B, out, T, 2 F + 1 + output_padding].
    activation: "bn_prelu", "tanh" or "linear".
    The bin that output padding adds is reached by no tap and holds the bias (spec 2.2).
    """

    def __init__(self, name, inputs, outputs, causal, kind, output_padding=0,
                 activation="bn_prelu"):
        super().__init__()
        self.tap_name = name
        self.causal = causal
        self.output_padding = output_padding
        self.activation = activation
        self.conv = nn.ConvTranspose2d(inputs, outputs, KERNEL, stride=(1, 2), padding=(1, 0),
                                       output_padding=(0, output_padding))
        if activation == "bn_prelu":
            self.bn = nn.BatchNorm2d(outputs)
            self.prelu = Prelu(outputs, kind)

    def transposed_conv(self, x):
        """Centred: output frame t takes input frames t - 1 .. t + 1; causal: t - 2 .. t."""
        padding = 0 if self.causal else 1
        args = x, self.conv.weight, self.conv.bias
        if self.training and not x.is_cuda:
            y = _TransposedConv.apply(*args, padding, self.output_padding)
        else:
            y = F.conv_transpose2d(*args, (1, 2), (padding, 0), (0, self.output_padding))
        return y[:, :, :x.shape[2]]

    def forward(self, x, skip):
        """x: decoder path, skip: encoder output, both [B, C, T, F]; joined in this order."""
        n = self.tap_name
        x = tap(n + ".in", torch.cat([x, skip], dim=1), "bctf")
        y = tap(n + ".conv", self.transposed_conv(x), "bctf")
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
