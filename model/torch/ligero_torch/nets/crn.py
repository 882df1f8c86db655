# SPDX-License-Identifier: Apache-2.0
"""The convolutional recurrent network that LGR-TSE, Speakerfilter and GatedCRN share (spec 2.2, 2.3):
five layers of stride 2 along the bins, a recurrent part, five transposed layers with skips.
"""

from __future__ import annotations

from torch import nn

from .features import NUM_BINS
from .taps import tap

NUM_LAYERS = 5
ENCODER_BINS = 4  # bins left after the encoder: 161, 80, 39, 19, 9, 4


def layer_bins():
    """Bins before and after each encoder layer, kernel 3, stride 2, no padding."""
    bins = [NUM_BINS]
    for _ in range(NUM_LAYERS):
        bins.append((bins[-1] - 3) // 2 + 1)
    return bins


class Crn(nn.Module):
    """What the network sees of the mixture and a profile to the decoder's output.

    mixture, level0: channels of what it sees and of the local map beside it; outputs: the last
    layer's. A subclass makes the layers.
    """

    def __init__(self, config, mixture, level0, outputs):
        super().__init__()
        c = self.config = config
        self.size = ENCODER_BINS * c.channels[-1]
        if c.has_global:
            self.projection = nn.Linear(c.ecapa.embedding, self.size)
        widths = [mixture, *c.channels]
        for i in range(1, NUM_LAYERS + 1):
            local = (level0 if i == 1 else widths[i - 1]) if c.has_local else 0
            self.add_module(f"conv2d_{i}", self.encoder_layer(
                f"sep.conv2d_{i}", widths[i - 1] + local, widths[i]))
        self.make_recurrent()
        self.make_decoder([outputs, *c.channels])

    def encoder_layer(self, name, inputs, outputs):
        """A module (x, constant, fold) -> x, see conv.TimeConv."""
        raise NotImplementedError

    def make_recurrent(self):
        """The modules of `recurrent`: [B, T, size] -> [B, T, size]."""
        raise NotImplementedError

    def recurrent(self, x):
        raise NotImplementedError

    def decoder_layer(self, name, inputs, outputs, output_padding, last):
        """A module (x, skip) -> x."""
        raise NotImplementedError

    def make_decoder(self, widths):
        for i in range(NUM_LAYERS, 0, -1):
            # 39 bins become 79 without the output padding, and the skip has 80 (spec 2.2).
            self.add_module(f"deconv2d_{i}", self.decoder_layer(
                f"sep.deconv2d_{i}", 2 * widths[i], widths[i - 1], int(i == 2), i == 1))

    def decode(self, x, skips):
        for i in range(NUM_LAYERS, 0, -1):
            x = self.get_submodule(f"deconv2d_{i}")(x, skips[i - 1])
        return x

    def forward(self, x, profile, fold):
        """x: [B, mixture, T, 161]; profile: as Extractor.enroll; fold: see TimeConv.forward."""
        skips = []
        for i in range(1, NUM_LAYERS + 1):
            x = self.get_submodule(f"conv2d_{i}")(x, profile.get(f"local_{i - 1}"), fold)
            skips.append(x)
        # reshape_1: index c * 4 + f.
        x = tap("sep.reshape_1", x.transpose(1, 2).flatten(2), "btc")
        if self.config.has_global:
            x = tap("sep.modulated", x * profile["embedding"].unsqueeze(1), "btc")
        x = self.recurrent(x).unflatten(2, (-1, ENCODER_BINS)).transpose(1, 2)
        return self.decode(tap("sep.reshape_2", x, "bctf"), skips)
