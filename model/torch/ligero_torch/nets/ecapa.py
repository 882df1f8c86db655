# SPDX-License-Identifier: Apache-2.0
"""ECAPA-TDNN, the global speaker network (spec 3.1), in SpeechBrain's structure and names.

The front end is in features.fbank; the training head is not here.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .features import NUM_MELS, frame_mask
from .taps import tap

VARIANCE_FLOOR = 1e-12  # SpeechBrain's clamp under the root of the pooled deviation


class Conv1d(nn.Module):
    """Conv1d over time with "same" padding, reflected or zero. [B, in, T] -> [B, out, T]."""

    def __init__(self, inputs, outputs, kernel=1, dilation=1, padding="reflect"):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, dilation=dilation)
        self.pad = (kernel - 1) * dilation // 2
        self.mode = "reflect" if padding == "reflect" else "constant"

    def forward(self, x):
        if self.pad:
            x = F.pad(x, (self.pad, self.pad), mode=self.mode)
        return self.conv(x)


class BatchNorm1d(nn.Module):
    """Wrapper that gives batch norm SpeechBrain's name `norm`."""

    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x):
        return self.norm(x)


class TdnnBlock(nn.Module):
    """Conv, ReLU, batch norm, in this order. [B, in, T] -> [B, out, T]."""

    def __init__(self, name, inputs, outputs, kernel, dilation, padding):
        super().__init__()
        self.tap_name = name
        self.conv = Conv1d(inputs, outputs, kernel, dilation, padding)
        self.norm = BatchNorm1d(outputs)

    def forward(self, x):
        x = tap(self.tap_name + ".conv", self.conv(x), "bct")
        x = tap(self.tap_name + ".relu", F.relu(x), "bct")
        return tap(self.tap_name + ".norm", self.norm(x), "bct")


class Res2NetBlock(nn.Module):
    """Chunk 0 passes; y1 = B1(x1), yi = Bi(xi + y(i-1)). [B, C, T] -> [B, C, T]."""

    def __init__(self, name, channels, scale, kernel, dilation, padding):
        super().__init__()
        self.tap_name = name
        width = channels // scale
        self.scale = scale
        self.blocks = nn.ModuleList(
            TdnnBlock(f"{name}.{j + 1}", width, width, kernel, dilation, padding)
            for j in range(scale - 1))

    def forward(self, x):
        chunks = x.chunk(self.scale, dim=1)
        out = [chunks[0]]
        for j, block in enumerate(self.blocks, start=1):
            y = chunks[j]
            if j > 1:
                y = tap(f"{self.tap_name}.{j}.in", y + out[-1], "bct")
            out.append(block(y))
        return tap(self.tap_name, torch.cat(out, dim=1), "bct")


class SeBlock(nn.Module):
    """Squeeze and excitation over time. [B, C, T] -> [B, C, T]; mask: [B, 1, T] or None."""

    def __init__(self, name, channels, squeezed):
        super().__init__()
        self.tap_name = name
        self.conv1 = Conv1d(channels, squeezed)
        self.conv2 = Conv1d(squeezed, channels)

    def forward(self, x, mask):
        n = self.tap_name
        if mask is None:
            s = x.mean(2, keepdim=True)
        else:
            s = (x * mask).sum(2, keepdim=True) / mask.sum(2, keepdim=True)
        s = tap(n + ".mean", s, "bc1")
        s = tap(n + ".conv1", self.conv1(s), "bc1")
        s = tap(n + ".relu", F.relu(s), "bc1")
        s = tap(n + ".conv2", self.conv2(s), "bc1")
        s = tap(n + ".sigmoid", torch.sigmoid(s), "bc1")
        return tap(n, x * s, "bct")


class SeRes2NetBlock(nn.Module):
    """x + SE(T2(R(T1(x)))). [B, C, T] -> [B, C, T]."""

    def __init__(self, name, c, kernel, dilation):
        super().__init__()
        self.tap_name = name
        self.tdnn1 = TdnnBlock(f"{name}.tdnn1", c.channels, c.channels, 1, 1, c.padding)
        self.res2net_block = Res2NetBlock(f"{name}.res2net", c.channels, c.scale, kernel,
                                          dilation, c.padding)
        self.tdnn2 = TdnnBlock(f"{name}.tdnn2", c.channels, c.channels, 1, 1, c.padding)
        self.se_block = SeBlock(f"{name}.se", c.channels, c.se)

    def forward(self, x, mask):
        y = self.tdnn2(self.res2net_block(self.tdnn1(x)))
        return tap(self.tap_name, x + self.se_block(y, mask), "bct")


class AttentivePooling(nn.Module):
    """Attentive statistics pooling. [B, M, T] -> [B, 2 M, 1]: weighted mean, then deviation."""

    def __init__(self, c):
        super().__init__()
        self.global_context = c.global_context
        self.tdnn = TdnnBlock("ecapa.asp.tdnn", c.mfa * (3 if c.global_context else 1),
                              c.attention, 1, 1, c.padding)
        self.conv = Conv1d(c.attention, c.mfa)

    @staticmethod
    def _statistics(x, weight):
        mean = (x * weight).sum(2, keepdim=True)
        variance = ((x - mean).square() * weight).sum(2, keepdim=True)
        return mean, variance.clamp(min=VARIANCE_FLOOR).sqrt()

    def forward(self, x, mask):
        n = "ecapa.asp"
        y = x
        if self.global_context:
            count = x.new_ones(1, 1, x.shape[2]) if mask is None else mask
            mean, std = self._statistics(x, count / count.sum(2, keepdim=True))
            tap(n + ".mean", mean, "bc1")
            tap(n + ".std", std, "bc1")
            y = torch.cat([x, mean.expand_as(x), std.expand_as(x)], dim=1)
            tap(n + ".in", y, "bct")
        y = tap(n + ".tanh", torch.tanh(self.tdnn(y)), "bct")
        y = tap(n + ".conv", self.conv(y), "bct")
        if mask is not None:
            y = y.masked_fill(mask == 0, float("-inf"))
        weight = tap(n + ".softmax", torch.softmax(y, dim=2), "bct")
        mean, std = self._statistics(x, weight)
        tap(n + ".w_mean", mean, "bc1")
        tap(n + ".w_std", std, "bc1")
        return tap(n + ".pool", torch.cat([mean, std], dim=1), "bc1")


class Ecapa(nn.Module):
    """FBank frames to a speaker embedding.

    config: a Config or its `ecapa` part.
    forward: fbank [B, T, 80] (features.fbank), lengths [B] in frames or None (all of T).
    Returns the raw embedding [B, E], no length normalisation. Padded frames are left out of the
    means, the deviations and the softmax; near a padded signal's end the convolutions see zeros
    in place of reflected frames.
    """

    def __init__(self, config):
        super().__init__()
        c = getattr(config, "ecapa", config)
        self.blocks = nn.ModuleList([TdnnBlock("ecapa.blocks.0", NUM_MELS, c.channels,
                                               c.kernels[0], c.dilations[0], c.padding)])
        for i in range(1, 4):
            self.blocks.append(SeRes2NetBlock(f"ecapa.blocks.{i}", c, c.kernels[i],
                                              c.dilations[i]))
        self.mfa = TdnnBlock("ecapa.mfa", 3 * c.channels, c.mfa, c.kernels[4], c.dilations[4],
                             c.padding)
        self.asp = AttentivePooling(c)
        self.asp_bn = BatchNorm1d(2 * c.mfa)
        self.fc = Conv1d(2 * c.mfa, c.embedding)
        self.fc_bn = BatchNorm1d(c.embedding) if c.final_bn else None

    def forward(self, fbank, lengths=None):
        x = fbank.transpose(1, 2)
        mask = frame_mask(lengths, x.shape[2])
        mask = None if mask is None else mask[:, None, :]
        x = self.blocks[0](x)
        outputs = []
        for block in self.blocks[1:]:
            x = block(x, mask)
            outputs.append(x)
        x = self.mfa(tap("ecapa.cat", torch.cat(outputs, dim=1), "bct"))
        x = tap("ecapa.asp_bn", self.asp_bn(self.asp(x, mask)), "bc1")
        x = self.fc(x)
        if self.fc_bn is not None:
            tap("ecapa.fc", x, "bc1")
            x = self.fc_bn(x)
        return tap("ecapa.embedding", x.squeeze(2), "bc")
