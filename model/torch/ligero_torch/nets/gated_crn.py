# SPDX-License-Identifier: Apache-2.0
"""GatedCRN (spec 6): the official GCRN, which maps the complex spectrum, with a speaker.

Encoder, grouped LSTM and the two decoders are read from the official code. Choices of spec 6: the
embedding multiplies the LSTM's input, non-causal means LSTMs of half the size in both directions,
and the form of the local features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .config import ArnFrameSystemConfig, choice, counts, fail
from .conv import TimeConv, TimeDeconv
from .crn import NUM_LAYERS, Crn
from .extractor import Extractor
from .features import NUM_BINS
from .local import LocalNetwork
from .taps import tap

KERNEL = (1, 3)
GROUPS = 2
PARTS = ("real", "imag")


@dataclass
class GatedCrnConfig(ArnFrameSystemConfig):
    """channels: of conv2d_1 .. conv2d_5; each of the two groups of an LSTM has 2 * channels[4]."""

    form: str = choice("lgr", "lgr", "global")
    channels: list[int] = counts(16, 32, 64, 128, 256)

    def check(self, path):
        super().check(path)
        if self.compression != 1.0:
            fail(f"{path}.compression", self.compression, "1.0: this network's output is a spectrum")


class GluConv(nn.Module):
    """conv * sigmoid(conv'), batch norm, ELU; kernel 1 x 3, stride (1, 2)."""

    def __init__(self, name, inputs, outputs):
        super().__init__()
        self.tap_name = name
        self.conv = TimeConv(name + ".conv", inputs, outputs, KERNEL, True, stride=2, stem=name)
        self.gate = TimeConv(name + ".gate", inputs, outputs, KERNEL, True, stride=2)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x, constant=None, fold=False):
        n = self.tap_name
        g = tap(n + ".sigmoid", torch.sigmoid(self.gate(x, constant, fold)), "bctf")
        y = tap(n + ".gated", self.conv(x, constant, fold) * g, "bctf")
        return tap(n + ".elu", F.elu(tap(n + ".bn", self.bn(y), "bctf")), "bctf")


class GluDeconv(nn.Module):
    """deconv * sigmoid(deconv'), batch norm; the transposed GluConv without its ELU."""

    def __init__(self, name, inputs, outputs, output_padding):
        super().__init__()
        self.tap_name = name
        self.conv, self.gate = (
            TimeDeconv(f"{name}.{part}", inputs, outputs, KERNEL, True, 2, output_padding)
            for part in ("conv", "gate"))
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        n = self.tap_name
        g = tap(n + ".sigmoid", torch.sigmoid(self.gate(x)), "bctf")
        return tap(n + ".bn", self.bn(tap(n + ".gated", self.conv(x) * g, "bctf")), "bctf")


class Decoder(nn.Module):
    """One part of the spectrum, [B, T, 161], from the two tensors that the skips end on."""

    def __init__(self, name, widths):
        super().__init__()
        self.tap_name = name
        for i in range(NUM_LAYERS, 0, -1):
            self.add_module(f"deconv2d_{i}", GluDeconv(
                f"{name}.deconv2d_{i}", 2 * widths[i], widths[i - 1], int(i == 2)))
        self.linear = nn.Linear(NUM_BINS, NUM_BINS)

    def forward(self, x, skips):
        """x: [B, 2 C, T, 4], joined with its skip."""
        for i in range(NUM_LAYERS, 0, -1):
            n = f"{self.tap_name}.deconv2d_{i}"
            x = self.get_submodule(f"deconv2d_{i}")(x)
            if i > 1:
                x = tap(n + ".joined", torch.cat([x, skips[i - 2]], dim=1), "bctf")
            x = tap(n + ".elu", F.elu(x), "bctf")
        return tap(self.tap_name + ".linear", self.linear(x.squeeze(1)), "btc")


class Separator(Crn):
    """Spectrum [B, 2, T, 161] and a profile to the target's, complex [B, T, 161]."""

    def encoder_layer(self, name, inputs, outputs):
        return GluConv(name, inputs, outputs)

    def make_recurrent(self):
        causal = self.config.causal
        size = self.size // GROUPS
        for layer in (1, 2):
            for group in range(1, GROUPS + 1):
                self.add_module(f"lstm_{layer}_{group}", nn.LSTM(
                    size, size if causal else size // 2, batch_first=True,
                    bidirectional=not causal))
            self.add_module(f"ln_{layer}", nn.LayerNorm(self.size))

    def _grouped(self, layer, x):
        parts = x.chunk(GROUPS, dim=2)
        return [tap(f"sep.lstm_{layer}_{k}", self.get_submodule(f"lstm_{layer}_{k}")(part)[0], "btc")
                for k, part in enumerate(parts, 1)]

    def recurrent(self, x):
        # The groups of the first layer are interleaved, so that those of the second see both.
        x = tap("sep.interleaved", torch.stack(self._grouped(1, x), dim=-1).flatten(2), "btc")
        x = tap("sep.ln_1", self.ln_1(x), "btc")
        x = tap("sep.grouped", torch.cat(self._grouped(2, x), dim=2), "btc")
        return tap("sep.ln_2", self.ln_2(x), "btc")

    def make_decoder(self, widths):
        for part in PARTS:
            self.add_module(part, Decoder("sep." + part, widths))

    def decode(self, x, skips):
        x = tap("sep.decoder.in", torch.cat([x, skips[-1]], dim=1), "bctf")
        real, imag = (self.get_submodule(part)(x, skips) for part in PARTS)
        return tap("sep.estimate", torch.complex(real, imag), "complex")


class GatedCrn(Extractor):
    Config = GatedCrnConfig

    def local_network(self):
        widths = [2, *self.config.channels]
        return LocalNetwork(self.config, {
            f"conv2d_{i}": GluConv(f"local.conv2d_{i}", widths[i - 1], widths[i])
            for i in range(1, NUM_LAYERS)})

    def separator(self):
        return Separator(self.config, 2, 2, 1)

    def extract(self, mix, profile):
        """As Extractor.extract. The estimate is at the level that the network sees: that is undone."""
        spectrum, seen, gain = self._spectra(mix)
        feats = tap("mix.feats", torch.stack([seen.real, seen.imag], dim=1), "bctf")
        estimate = self.sep(feats, profile, self.training)
        if self.config.input_level != "none":
            estimate = tap("sep.unscaled", estimate / gain.unsqueeze(2), "complex")
        return self._wave(estimate, mix.shape[-1]), estimate, spectrum
