# SPDX-License-Identifier: Apache-2.0
"""Convolution over frames and bins that keeps the frame count, with a constant joined to its input.

Sequences are [batch, channels, frames, bins]; kernels are (frames, bins).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .taps import tap


def _context(reach, causal):
    """Frames before and after the present one that a kernel sees."""
    future = 0 if causal else reach // 2
    return reach - future, future


class TimeConv(nn.Conv2d):
    """[B, in, T, F] -> [B, out, T, F'], centred in time or, causal, of the present and the past.

    name: of its tap; "<stem>.in" is that of an input joined with a constant, where `stem` is given
    (two convolutions of one input record it once). dilation: in time; stride, pad: of the bins.
    """

    def __init__(self, name, inputs, outputs, kernel, causal, stride=1, pad=0, dilation=1,
                 bias=True, stem=None):
        super().__init__(inputs, outputs, kernel, stride=(1, stride), dilation=(dilation, 1),
                         bias=bias)
        self.tap_name, self.stem = name, stem
        self.pad = pad
        self.past, self.future = _context(dilation * (kernel[0] - 1), causal)

    def forward(self, x, constant=None, fold=False):
        """constant: [B, C', F], joined to every frame after x's channels. fold: convolve it once
        for each kernel row instead of once for each frame (spec 2.9)."""
        if constant is None:
            y = self._conv(x, self.weight, self.bias)
        elif fold:
            channels = x.shape[1]
            y = self._conv(x, self.weight[:, :channels], self.bias)
            y = y + self._constant_map(constant, self.weight[:, channels:], x.shape[2])
        else:
            repeated = constant.unsqueeze(2).expand(-1, -1, x.shape[2], -1)
            x = torch.cat([x, repeated], dim=1)
            if self.stem:
                tap(self.stem + ".in", x, "bctf")
            y = self._conv(x, self.weight, self.bias)
        return tap(self.tap_name, y, "bctf")

    def _conv(self, x, weight, bias):
        if self.past == self.future:
            return F.conv2d(x, weight, bias, self.stride, (self.past, self.pad), self.dilation)
        return F.conv2d(F.pad(x, (0, 0, self.past, self.future)), weight, bias, self.stride,
                        (0, self.pad), self.dilation)

    def _constant_map(self, constant, weight, frames):
        """Convolution of a constant over time that is zero outside 0 .. frames - 1."""
        kernel = weight.shape[2]
        # One convolution along the bins gives the map of every kernel row.
        rows = F.conv2d(constant.unsqueeze(2),
                        weight.permute(2, 0, 1, 3).flatten(0, 1).unsqueeze(2),
                        stride=self.stride, padding=(0, self.pad))
        rows = rows.squeeze(2).unflatten(1, (kernel, weight.shape[0]))
        at = torch.arange(frames, device=weight.device)[:, None] - self.past
        at = at + self.dilation[0] * torch.arange(kernel, device=weight.device)
        inside = ((at >= 0) & (at < frames)).to(rows.dtype)  # [T, kernel]
        # Equal runs of frames are summed once: few rows of `inside` differ.
        kinds, which = torch.unique(inside, dim=0, return_inverse=True)
        maps = torch.einsum("nk,bkof->bonf", kinds, rows)
        return maps[:, :, which]


class _TransposedConv(torch.autograd.Function):
    """`F.conv_transpose2d` for 3 bins of kernel, stride (1, 2), as two plain convolutions: the even
    bins of the output and the odd ones. On a CPU twice as fast forward; the gradient is torch's."""

    @staticmethod
    def forward(ctx, x, weight, bias, padding, output_padding):
        ctx.save_for_backward(x, weight)
        ctx.extent = padding, output_padding
        kernel = weight.flip(2).transpose(0, 1)  # a correlation over time: [out, in, time, 3]
        time = kernel.shape[2] - 1 - padding
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


class TimeDeconv(nn.ConvTranspose2d):
    """[B, in, T, F] -> [B, out, T, (F - 1) * stride + kernel + output_padding], centred in time or
    causal. The bins that output padding adds are reached by no tap and hold the bias (spec 2.2)."""

    def __init__(self, name, inputs, outputs, kernel, causal, stride=2, output_padding=0):
        self.past, self.future = _context(kernel[0] - 1, causal)
        super().__init__(inputs, outputs, kernel, stride=(1, stride), padding=(self.future, 0),
                         output_padding=(0, output_padding))
        self.tap_name = name

    def forward(self, x):
        if self.training and not x.is_cuda and self.kernel_size[1] == 3 and self.stride[1] == 2:
            y = _TransposedConv.apply(x, self.weight, self.bias, self.future,
                                      self.output_padding[1])
        else:
            y = super().forward(x)
        return tap(self.tap_name, y[:, :, :x.shape[2]], "bctf")
