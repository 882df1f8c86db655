# SPDX-License-Identifier: Apache-2.0
"""The local speaker network (spec 1.4 and 2.5): anchor spectrum to time-averaged maps."""

from __future__ import annotations

import torch
from torch import nn

from .arn import Arn
from .taps import tap


class ArnFrame(Arn):
    """The ARN along the bins of one frame: [S, F, 1] -> [S, F, N] (spec 1.4).

    F1: no LN_in, BLSTM(1 -> N / 2 per direction). F2: Linear(1 -> N), then the unchanged ARN(N).
    """

    def __init__(self, name, config):
        size, form = config.arn_frame.size, config.arn_frame.form
        super().__init__(name, size, config.arn, causal=False,
                         inputs=1 if form == "F1" else size, norm_input=form == "F2",
                         layout="tfc")
        self.linear_in = nn.Linear(1, size) if form == "F2" else None

    def forward(self, x):
        if self.linear_in is not None:
            x = tap(self.tap_name + ".linear_in", self.linear_in(x), "tfc")
        return super().forward(x)


class LocalNetwork(nn.Module):
    """Anchor spectrum complex [B, T2, 161] -> maps [B, C_l, F_l], averaged over time.

    layers: {name: module [B, C, T, F] -> [B, C', T, F']}, run one after the other; the maps are
    those of level 0, their input, and of each layer. feats: what they see, of the magnitude, the
    complex spectrum and the output of the ARN_frame; level0: which of it is level 0. name,
    first_level: of the taps.
    """

    def __init__(self, config, layers, feats="mag_arn", level0="mag_arn", name="local",
                 first_level=0):
        super().__init__()
        self.feats, self.level0 = feats, level0
        self.tap_name, self.first_level = name, first_level
        self.make_front(config)
        self.layers = tuple(layers)
        for name, layer in layers.items():
            self.add_module(name, layer)

    def make_front(self, config):
        """The modules that `front` needs."""
        self.arn_frame = ArnFrame(self.tap_name + ".arn_frame", config)
        self.linear = nn.Linear(config.arn_frame.size, 1)

    def front(self, mag, spectrum, mask):
        """What the layers see, [B, C, T2, 161]. mag: [B, T2, 161]; mask: as in `forward`."""
        batch, frames, bins = mag.shape
        o = self.arn_frame(mag.reshape(batch * frames, bins, 1))
        o = tap(self.tap_name + ".linear", self.linear(o), "tfc").view(batch, frames, bins)
        parts = [mag, o]
        if self.feats == "mag_re_im_arn":
            parts = [mag, spectrum.real, spectrum.imag, o]
        return torch.stack(parts, dim=1)

    def forward(self, spectrum, mask=None):
        """mask: [B, T2], 0 in padded frames, which then act as the zeros outside a signal and are
        left out of the means; None where nothing is padded."""
        x = self.front(spectrum.abs(), spectrum, mask)
        if mask is not None:
            mask = mask[:, None, :, None]
            x = x * mask
        tap(self.tap_name + ".feats", x, "bctf")
        maps = [self._mean(0, x[:, -1:] if self.level0 == "arn" else x[:, [0, -1]], mask)]
        for i, name in enumerate(self.layers, 1):
            x = self.get_submodule(name)(x)
            if mask is not None:
                x = x * mask
            maps.append(self._mean(i, x, mask))
        return maps

    def _mean(self, level, x, mask):
        mean = x.mean(2) if mask is None else x.sum(2) / mask.sum(2)
        return tap(f"local.mean_{self.first_level + level}", mean, "bcf")
