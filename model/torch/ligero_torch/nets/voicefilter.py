# SPDX-License-Identifier: Apache-2.0
"""VoiceFilter (spec 5): dilated convolutions, an LSTM, a mask on the mixture's magnitude.

Sizes are those of Table 1 of the VoiceFilter paper as spec 5 has them; the compression of the input
(0.3) and the causal form's LSTM (one direction, the original's 400) are from memory of that paper,
unverified. How the local features join (LGR) is a choice of spec 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from .config import ArnFrameSystemConfig, choice, count, exponent
from .conv import TimeConv
from .extractor import Extractor
from .features import NUM_BINS
from .local import LocalNetwork
from .taps import tap

# (kernel in frames, in bins, dilation in time) of cnn_1 .. cnn_7.
LAYERS = ((1, 7, 1), (7, 1, 1), (5, 5, 1), (5, 5, 2), (5, 5, 4), (5, 5, 8), (5, 5, 16))


@dataclass
class VoiceFilterConfig(ArnFrameSystemConfig):
    """channels: of cnn_1 .. cnn_7; reduced: of the 1 x 1 layer after them; lstm: its size (each
    direction's, where it has two); hidden: of the linear layer before the mask's."""

    form: str = choice("lgr", "lgr", "global")
    compression: float = exponent(0.3)
    channels: int = count(64)
    reduced: int = count(8)
    lstm: int = count(400)
    hidden: int = count(600)


class CnnBlock(nn.Module):
    """Convolution that keeps frames and bins, batch norm, ReLU; a constant may join the input."""

    def __init__(self, name, inputs, outputs, kernel_t, kernel_f, dilation, causal):
        super().__init__()
        self.tap_name = name
        self.conv = TimeConv(name + ".conv", inputs, outputs, (kernel_t, kernel_f), causal,
                             pad=kernel_f // 2, dilation=dilation, stem=name)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x, constant=None, fold=False):
        y = tap(self.tap_name + ".bn", self.bn(self.conv(x, constant, fold)), "bctf")
        return tap(self.tap_name + ".relu", torch.relu(y), "bctf")


class Separator(nn.Module):
    """Magnitudes [B, 1, T, 161] and a profile to a mask [B, T, 161]."""

    def __init__(self, config):
        super().__init__()
        c = self.config = config
        share = 2 if c.has_local else 1  # half of a layer's inputs are the local map's
        inputs = 1 + (2 if c.has_local else 0)
        for i, (kernel_t, kernel_f, dilation) in enumerate(LAYERS, 1):
            self.add_module(f"cnn_{i}", CnnBlock(f"sep.cnn_{i}", inputs, c.channels, kernel_t,
                                                 kernel_f, dilation, c.causal))
            inputs = share * c.channels
        self.cnn_8 = CnnBlock("sep.cnn_8", inputs, c.reduced, 1, 1, 1, c.causal)
        self.lstm = nn.LSTM(c.reduced * NUM_BINS + c.ecapa.embedding, c.lstm, batch_first=True,
                            bidirectional=not c.causal)
        self.fc_1 = nn.Linear(c.lstm * (1 if c.causal else 2), c.hidden)
        self.fc_2 = nn.Linear(c.hidden, NUM_BINS)

    def forward(self, mag, profile, fold):
        x = mag
        for i in range(1, len(LAYERS) + 2):
            x = self.get_submodule(f"cnn_{i}")(x, profile.get(f"local_{i - 1}"), fold)
        # Index c * 161 + f.
        x = tap("sep.flat", x.transpose(1, 2).flatten(2), "btc")
        e = profile["embedding"].unsqueeze(1).expand(-1, x.shape[1], -1)
        x = tap("sep.lstm.in", torch.cat([x, e], dim=2), "btc")
        x = tap("sep.lstm", self.lstm(x)[0], "btc")
        x = tap("sep.lstm.relu", torch.relu(x), "btc")
        x = tap("sep.fc_1.relu", torch.relu(tap("sep.fc_1", self.fc_1(x), "btc")), "btc")
        return tap("sep.mask", torch.sigmoid(tap("sep.fc_2", self.fc_2(x), "btc")), "btc")


class VoiceFilter(Extractor):
    Config = VoiceFilterConfig

    def local_network(self):
        c = self.config
        layers, inputs = {}, 2
        for i, (kernel_t, kernel_f, dilation) in enumerate(LAYERS, 1):
            layers[f"cnn_{i}"] = CnnBlock(f"local.cnn_{i}", inputs, c.channels, kernel_t, kernel_f,
                                          dilation, c.causal)
            inputs = c.channels
        return LocalNetwork(c, layers)

    def separator(self):
        return Separator(self.config)

    def extract(self, mix, profile):
        """As Extractor.extract. The mask acts on the mixture at its own level, with its phase."""
        spectrum, seen, _ = self._spectra(mix)
        mag = tap("mix.mag", seen.abs(), "btf").unsqueeze(1)
        masked = tap("sep.masked", spectrum * self.sep(mag, profile, self.training), "complex")
        return self._wave(masked, mix.shape[-1]), masked, spectrum
