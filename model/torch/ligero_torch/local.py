"""The local speaker network (spec 1.4 and 2.5): anchor spectrum to five time-averaged maps."""

from __future__ import annotations

import torch
from torch import nn

from .arn import Arn
from .features import NUM_BINS
from .layers import ConvBlock
from .taps import tap


class ArnFrame(Arn):
    """The ARN along the bins of one frame: [S, F, 1] -> [S, F, N] (spec 1.4).

    F1: no LN_in, BLSTM(1 -> N / 2 per direction). F2: Linear(1 -> N), then the unchanged ARN(N).
    """

    def __init__(self, config):
        size, form = config.arn_frame.size, config.arn_frame.form
        super().__init__("local.arn_frame", size, config.arn, causal=False,
                         inputs=1 if form == "F1" else size, norm_input=form == "F2",
                         layout="tfc")
        self.linear_in = nn.Linear(1, size) if form == "F2" else None

    def forward(self, x):
        if self.linear_in is not None:
            x = tap("local.arn_frame.linear_in", self.linear_in(x), "tfc")
        return super().forward(x)


def map_shapes(config):
    """(C_l, F_l) of the five maps."""
    channels = (1 if config.level0 == "arn" else 2, *config.channels[:4])
    bins = [NUM_BINS]
    for _ in range(4):
        bins.append((bins[-1] - 3) // 2 + 1)
    return list(zip(channels, bins))


class LocalNetwork(nn.Module):
    """Anchor spectrum complex [B, T2, 161] -> five maps [B, C_l, F_l], averaged over time.

    The convolutions pad time as the separator's do (causal: two frames before). mask: [B, T2],
    0 in padded frames, which then act as the zeros outside a signal and are left out of the
    means; None where nothing is padded.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.arn_frame = ArnFrame(config)
        self.linear = nn.Linear(config.arn_frame.size, 1)
        inputs = 2 if config.local_feats == "mag_arn" else 4
        for i in range(4):
            self.add_module(f"conv2d_{i + 1}", ConvBlock(
                f"local.conv2d_{i + 1}", inputs, config.channels[i], config.causal, config.prelu))
            inputs = config.channels[i]

    def forward(self, spectrum, mask=None):
        batch, frames, bins = spectrum.shape
        mag = tap("anchor.mag", spectrum.abs(), "btf")
        o = self.arn_frame(mag.reshape(batch * frames, bins, 1))
        o = tap("local.linear", self.linear(o), "tfc").view(batch, frames, bins)
        parts = [mag, o]
        if self.config.local_feats == "mag_re_im_arn":
            parts = [mag, spectrum.real, spectrum.imag, o]
        x = torch.stack(parts, dim=1)
        if mask is not None:
            mask = mask[:, None, :, None]
            x = x * mask
        tap("local.feats", x, "bctf")
        level0 = x[:, -1:] if self.config.level0 == "arn" else x[:, [0, -1]]
        maps = [self._mean(0, level0, mask)]
        for i in range(1, 5):
            x = self.get_submodule(f"conv2d_{i}")(x)
            if mask is not None:
                x = x * mask
            maps.append(self._mean(i, x, mask))
        return maps

    @staticmethod
    def _mean(level, x, mask):
        if mask is None:
            mean = x.mean(2)
        else:
            mean = x.sum(2) / mask.sum(2)
        return tap(f"local.mean_{level}", mean, "bcf")
