# SPDX-License-Identifier: Apache-2.0
"""Speakerfilter (spec 4): gated convolutions around two BLSTMs, a deep filter; a BGRU on the anchor.

The baseline of spec 4 at 161 bins, a choice there: the original at another STFT size is not public.
Its causal form (LSTMs of the same width, everything else as in LGR-TSE) is a choice made here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import nn

from .config import DeepFilterConfig, SystemConfig, choice, counts
from .conv import TimeConv, TimeDeconv
from .crn import NUM_LAYERS, Crn
from .extractor import Extractor
from .features import NUM_BINS
from .layers import CENTRE_TAP, deep_filter, start_as_centre_tap
from .local import LocalNetwork
from .taps import tap

KERNEL = (3, 3)
OPEN = 0.9  # of the untrained gates of the deep filter's taps


@dataclass
class SpeakerfilterConfig(SystemConfig):
    """channels: of conv2d_1 .. conv2d_5; each direction of a BLSTM has half of 4 * channels[4]."""

    form: str = choice("lgr", "lgr", "local")
    channels: list[int] = counts(16, 32, 64, 128, 256)
    deep_filter: DeepFilterConfig = field(default_factory=DeepFilterConfig)

    def check(self, path):
        super().check(path)
        self.deep_filter.check(f"{path}.deep_filter")


class GatedConv(nn.Module):
    """ELU(BN(conv)) * sigmoid(BN(conv')), kernel 3 x 3, stride (1, 2)."""

    def __init__(self, name, inputs, outputs, causal):
        super().__init__()
        self.tap_name = name
        self.conv = TimeConv(name + ".conv", inputs, outputs, KERNEL, causal, stride=2, stem=name)
        self.gate = TimeConv(name + ".gate", inputs, outputs, KERNEL, causal, stride=2)
        self.bn, self.gate_bn = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)

    def forward(self, x, constant=None, fold=False):
        n = self.tap_name
        y = tap(n + ".bn", self.bn(self.conv(x, constant, fold)), "bctf")
        g = tap(n + ".gate_bn", self.gate_bn(self.gate(x, constant, fold)), "bctf")
        y, g = tap(n + ".elu", F.elu(y), "bctf"), tap(n + ".sigmoid", torch.sigmoid(g), "bctf")
        return tap(n + ".gated", y * g, "bctf")


class GatedDeconv(nn.Module):
    """ELU(BN(ELU(deconv))) * sigmoid(BN(deconv')); of the last layer tanh(deconv) *
    sigmoid(deconv')."""

    def __init__(self, name, inputs, outputs, causal, output_padding, last):
        super().__init__()
        self.tap_name, self.last = name, last
        self.conv, self.gate = (
            TimeDeconv(f"{name}.{part}", inputs, outputs, KERNEL, causal, 2, output_padding)
            for part in ("conv", "gate"))
        if not last:
            self.bn, self.gate_bn = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)

    def forward(self, x, skip):
        n = self.tap_name
        x = tap(n + ".in", torch.cat([x, skip], dim=1), "bctf")
        y, g = self.conv(x), self.gate(x)
        if self.last:
            y = tap(n + ".tanh", torch.tanh(y), "bctf")
        else:
            y = tap(n + ".bn", self.bn(tap(n + ".elu_1", F.elu(y), "bctf")), "bctf")
            y = tap(n + ".elu", F.elu(y), "bctf")
            g = tap(n + ".gate_bn", self.gate_bn(g), "bctf")
        return tap(n + ".gated", y * tap(n + ".sigmoid", torch.sigmoid(g), "bctf"), "bctf")


class Separator(Crn):
    """Magnitudes [B, 1, T, 161] and a profile to deep filter taps."""

    def encoder_layer(self, name, inputs, outputs):
        return GatedConv(name, inputs, outputs, self.config.causal)

    def make_recurrent(self):
        causal = self.config.causal
        hidden = self.size if causal else self.size // 2
        self.lstm_1, self.lstm_2 = (
            nn.LSTM(self.size, hidden, batch_first=True, bidirectional=not causal)
            for _ in range(2))

    def recurrent(self, x):
        x = tap("sep.lstm_1", self.lstm_1(x)[0], "btc")
        return tap("sep.lstm_2", self.lstm_2(x)[0], "btc")

    def decoder_layer(self, name, inputs, outputs, output_padding, last):
        return GatedDeconv(name, inputs, outputs, self.config.causal, output_padding, last)


class BgruNetwork(LocalNetwork):
    """The local network behind a BGRU along the anchor's frames, in place of the ARN_frame."""

    def make_front(self, config):
        self.gru_1 = nn.GRU(NUM_BINS, NUM_BINS, batch_first=True, bidirectional=True)
        self.gru_2 = nn.GRU(2 * NUM_BINS, NUM_BINS, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * NUM_BINS, NUM_BINS)

    def front(self, mag, spectrum, mask):
        x = mag
        for name in ("gru_1", "gru_2"):
            x = tap("local." + name, self._run(self.get_submodule(name), x, mask), "btc")
        return tap("local.linear", self.linear(x), "btc").unsqueeze(1)

    @staticmethod
    def _run(gru, x, mask):
        """Both directions of each anchor begin and end with it, not with its padding."""
        if mask is None:
            return gru(x)[0]
        packed = nn.utils.rnn.pack_padded_sequence(x, mask.sum(1).long().cpu(), batch_first=True,
                                                   enforce_sorted=False)
        return nn.utils.rnn.pad_packed_sequence(gru(packed)[0], batch_first=True,
                                                total_length=x.shape[1])[0]


class Speakerfilter(Extractor):
    Config = SpeakerfilterConfig

    def local_network(self):
        c = self.config
        widths = [1, *c.channels]
        return BgruNetwork(c, {
            f"conv2d_{i}": GatedConv(f"local.conv2d_{i}", widths[i - 1], widths[i], c.causal)
            for i in range(1, NUM_LAYERS)}, level0="arn")

    def separator(self):
        c = self.config
        return Separator(c, 1, 1, 2 * c.deep_filter.frames * c.deep_filter.bins)

    def bounded_layers(self):
        return [self.sep.deconv2d_1.conv, self.sep.deconv2d_1.gate]

    def warm_start(self):
        """The untrained deep filter passes the mixture, as LgrTse's."""
        last = self.sep.deconv2d_1
        start_as_centre_tap(last.conv, self.config, math.atanh(CENTRE_TAP / OPEN))
        with torch.no_grad():
            last.gate.weight.mul_(0.1)
            last.gate.bias.fill_(math.log(OPEN / (1.0 - OPEN)))
        super().warm_start()

    def extract(self, mix, profile):
        """As Extractor.extract."""
        spectrum, seen, _ = self._spectra(mix)
        mag = tap("mix.mag", seen.abs(), "btf").unsqueeze(1)
        h = self.sep(mag, profile, self.training)
        c = self.config
        filtered = deep_filter(h, spectrum, c.deep_filter.frames, c.deep_filter.bins, c.causal)
        tap("sep.filtered", filtered, "complex")
        return self._wave(filtered, mix.shape[-1]), filtered, spectrum
