# SPDX-License-Identifier: Apache-2.0
"""LGR-TSE (spec 2), after Table 1: deep filter taps from a convolutional recurrent network around an
attentive recurrent one, with global and local features of the speaker.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch

from .arn import Arn
from .config import ArnConfig, ArnFrameSystemConfig, DeepFilterConfig, choice, counts, fail
from .crn import NUM_LAYERS, Crn
from .extractor import Extractor
from .layers import CENTRE_TAP, ConvBlock, DeconvBlock, deep_filter, start_as_centre_tap
from .local import LocalNetwork
from .taps import tap


@dataclass
class LgrTseConfig(ArnFrameSystemConfig):
    """channels: output channels of conv2d_1 .. conv2d_5; the ARN's size is 4 * channels[4]. arn: its
    switches hold for the ARN_frame too."""

    channels: list[int] = counts(16, 32, 64, 128, 256)
    mix_feats: str = choice("mag_re_im", "mag_re_im", "re_im")
    level0: str = choice("arn", "arn", "mag_arn")
    local_feats: str = choice("mag_arn", "mag_arn", "mag_re_im_arn")
    arn: ArnConfig = field(default_factory=ArnConfig)
    last_activation: str = choice("tanh", "tanh", "linear", "bn_prelu")
    deep_filter: DeepFilterConfig = field(default_factory=DeepFilterConfig)
    prelu: str = choice("channel", "channel", "layer")

    @property
    def arn_size(self) -> int:
        """N: 4 bins of the last encoder layer, flattened."""
        return 4 * self.channels[-1]

    def check(self, path):
        super().check(path)
        if self.arn.window and not self.causal:
            fail(f"{path}.arn.window", self.arn.window, "0 where `causal` is false")
        self.deep_filter.check(f"{path}.deep_filter")


class Separator(Crn):
    """Mixture features [B, 2 or 3, T, 161] and a profile to deep filter taps (spec 2.3, 2.4)."""

    def encoder_layer(self, name, inputs, outputs):
        return ConvBlock(name, inputs, outputs, self.config.causal, self.config.prelu)

    def make_recurrent(self):
        self.arn = Arn("sep.arn", self.size, self.config.arn, self.config.causal)

    def recurrent(self, x):
        return self.arn(x)

    def decoder_layer(self, name, inputs, outputs, output_padding, last):
        c = self.config
        return DeconvBlock(name, inputs, outputs, c.causal, c.prelu, output_padding,
                           c.last_activation if last else "bn_prelu")


class LgrTse(Extractor):
    Config = LgrTseConfig

    def local_network(self):
        c = self.config
        widths = [2 if c.local_feats == "mag_arn" else 4, *c.channels]
        return LocalNetwork(c, {
            f"conv2d_{i}": ConvBlock(f"local.conv2d_{i}", widths[i - 1], widths[i], c.causal, c.prelu)
            for i in range(1, NUM_LAYERS)}, c.local_feats, c.level0)

    def separator(self):
        c = self.config
        return Separator(c, 3 if c.mix_feats == "mag_re_im" else 2, 1 if c.level0 == "arn" else 2,
                         2 * c.deep_filter.frames * c.deep_filter.bins)

    def bounded_layers(self):
        return [self.sep.deconv2d_1.conv]

    def warm_start(self):
        """Makes the untrained network pass the mixture, with a mild dependence on the speaker.

        The deep filter starts as its centre tap (the plain random start spends its first thousand
        steps on learning that), and the projected embedding as 1 plus a little.
        """
        c = self.config
        if c.last_activation != "bn_prelu":
            start_as_centre_tap(self.sep.deconv2d_1.conv, c, math.atanh(CENTRE_TAP)
                                if c.last_activation == "tanh" else CENTRE_TAP)
        super().warm_start()

    def _mixture_features(self, seen):
        parts = [seen.real, seen.imag]
        if self.config.mix_feats == "mag_re_im":
            parts.insert(0, tap("mix.mag", seen.abs(), "btf"))
        return tap("mix.feats", torch.stack(parts, dim=1), "bctf")

    def extract(self, mix, profile):
        """As Extractor.extract."""
        spectrum, seen, _ = self._spectra(mix)
        h = self.sep(self._mixture_features(seen), profile, fold=self.training)
        c = self.config
        filtered = deep_filter(h, spectrum, c.deep_filter.frames, c.deep_filter.bins, c.causal)
        tap("sep.filtered", filtered, "complex")
        return self._wave(filtered, mix.shape[-1]), filtered, spectrum
