# SPDX-License-Identifier: Apache-2.0
"""TEA-PSE (spec 7): a network for the magnitude, then one for the complex residual.

No code of it is public. This is the reconstruction of spec 7, from the modules of TaylorSENet and
from memory: sizes, dilations and groups, the way the embedding joins, the mask of stage 1, the
compression of the input (0.5), the norm and the local network in both stages are unverified. Chosen
here: both stages compute on the compressed spectrum, which is expanded again at the end; the norm is
batch norm, which costs nothing once it is folded (the original is thought to have a cumulative one).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from .config import ArnFrameSystemConfig, choice, count, counts, exponent
from .conv import TimeConv, TimeDeconv
from .crn import NUM_LAYERS
from .extractor import Extractor
from .layers import CumulativeNorm, Prelu
from .local import LocalNetwork
from .taps import tap

ENCODER_BINS = 4           # 161, 79, 39, 19, 9, 4
TIME_KERNEL = 2            # the present frame and the one before, in both forms
BIN_KERNELS = (5, 3, 3, 3, 3)
STCM_KERNEL = 5


@dataclass
class TeaPseConfig(ArnFrameSystemConfig):
    """channels: of every layer; squeezed: inside an S-TCM; stcns: groups of S-TCMs, each of them one
    S-TCM for every dilation; norm: every one but those of the speaker networks."""

    form: str = choice("lgr", "lgr", "global")
    compression: float = exponent(0.5)
    channels: int = count(64)
    squeezed: int = count(64)
    stcns: int = count(4)
    dilations: list[int] = counts(1, 2, 5, 9)
    norm: str = choice("batch", "batch", "cumulative")


NORMS = {"batch": nn.BatchNorm2d, "cumulative": CumulativeNorm}


class Gated(nn.Module):
    """a * sigmoid(b) of the two halves [a, b] of what `conv` gives, norm, PReLU."""

    def __init__(self, name, conv, config):
        super().__init__()
        self.tap_name = name
        self.conv = conv
        self.bn = NORMS[config.norm](config.channels)
        self.prelu = Prelu(config.channels, "channel")

    def forward(self, *inputs):
        n = self.tap_name
        a, b = self.conv(*inputs).chunk(2, dim=1)
        y = tap(n + ".gated", a * tap(n + ".sigmoid", torch.sigmoid(b), "bctf"), "bctf")
        return tap(n + ".prelu", self.prelu(tap(n + ".bn", self.bn(y), "bctf")), "bctf")


def gate_conv(name, layer, inputs, config):
    """Layer 1 .. 5 of an encoder."""
    return Gated(name, TimeConv(name + ".conv", inputs, 2 * config.channels,
                                (TIME_KERNEL, BIN_KERNELS[layer - 1]), True, stride=2, stem=name),
                 config)


def gate_deconv(name, layer, config):
    """Layer 5 .. 1 of a decoder."""
    return Gated(name, TimeDeconv(name + ".conv", 2 * config.channels, 2 * config.channels,
                                  (TIME_KERNEL, BIN_KERNELS[layer - 1]), True), config)


class Stcm(nn.Module):
    """Squeezed temporal convolution module on [B, C, T, 1]; a speaker may join its input."""

    def __init__(self, name, config, size, speaker, dilation):
        super().__init__()
        self.tap_name = n = name
        c, norm = config.squeezed, NORMS[config.norm]
        self.squeeze = TimeConv(n + ".squeeze", size + speaker, c, (1, 1), True, bias=False,
                                stem=n)
        for side in ("left", "right"):
            self.add_module(side + "_prelu", Prelu(c, "channel"))
            self.add_module(side + "_bn", norm(c))
            self.add_module(side + "_conv", TimeConv(
                f"{n}.{side}_conv", c, c, (STCM_KERNEL, 1), config.causal, dilation=dilation,
                bias=False))
        self.prelu, self.bn = Prelu(c, "channel"), norm(c)
        self.expand = TimeConv(n + ".expand", c, size, (1, 1), True, bias=False)

    def _side(self, side, x):
        n = f"{self.tap_name}.{side}"
        x = tap(n + "_prelu", self.get_submodule(side + "_prelu")(x), "bctf")
        x = tap(n + "_bn", self.get_submodule(side + "_bn")(x), "bctf")
        return self.get_submodule(side + "_conv")(x)

    def forward(self, x, speaker=None, fold=False):
        n = self.tap_name
        y = self.squeeze(x, speaker, fold)
        g = tap(n + ".sigmoid", torch.sigmoid(self._side("right", y)), "bctf")
        y = tap(n + ".gated", self._side("left", y) * g, "bctf")
        y = tap(n + ".bn", self.bn(tap(n + ".prelu", self.prelu(y), "bctf")), "bctf")
        return tap(n + ".out", x + self.expand(y), "bctf")


class Decoder(nn.Module):
    """Five transposed layers with skips and a layer to one channel: [B, T, 161]."""

    def __init__(self, name, config):
        super().__init__()
        self.tap_name = name
        for i in range(NUM_LAYERS, 0, -1):
            self.add_module(f"deconv2d_{i}", gate_deconv(f"{name}.deconv2d_{i}", i, config))
        self.out = TimeConv(name + ".out", config.channels, 1, (1, 1), True)

    def forward(self, x, skips):
        for i in range(NUM_LAYERS, 0, -1):
            x = tap(f"{self.tap_name}.deconv2d_{i}.in", torch.cat([x, skips[i - 1]], dim=1), "bctf")
            x = self.get_submodule(f"deconv2d_{i}")(x)
        return self.out(x).squeeze(1)


class Stage(nn.Module):
    """What it sees [B, inputs, T, 161] and a profile to one [B, T, 161] for each decoder.

    first_level: of its local maps in the profile.
    """

    def __init__(self, name, config, inputs, first_level, decoders):
        super().__init__()
        c = self.config = config
        self.tap_name, self.first_level, self.decoders = name, first_level, decoders
        own, local = inputs, 2
        for i in range(1, NUM_LAYERS + 1):
            self.add_module(f"conv2d_{i}", gate_conv(
                f"{name}.conv2d_{i}", i, own + (local if c.has_local else 0), c))
            own = local = c.channels
        size = ENCODER_BINS * c.channels
        self.stcms = []
        for group in range(1, c.stcns + 1):
            for k, dilation in enumerate(c.dilations, 1):
                speaker = c.ecapa.embedding if k == 1 else 0
                self.stcms.append((f"stcm_{group}_{k}", speaker > 0))
                self.add_module(f"stcm_{group}_{k}", Stcm(
                    f"{name}.stcm_{group}_{k}", c, size, speaker, dilation))
        for decoder in decoders:
            self.add_module(decoder, Decoder(f"{name}.{decoder}", c))

    def forward(self, x, profile, fold):
        n = self.tap_name
        skips = []
        for i in range(1, NUM_LAYERS + 1):
            local = profile.get(f"local_{self.first_level + i - 1}")
            x = self.get_submodule(f"conv2d_{i}")(x, local, fold)
            skips.append(x)
        # Index c * 4 + f.
        x = tap(n + ".flat", x.transpose(2, 3).flatten(1, 2).unsqueeze(3), "bctf")
        speaker = profile["embedding"].unsqueeze(2)
        for name, with_speaker in self.stcms:
            x = self.get_submodule(name)(x, speaker if with_speaker else None, fold)
        x = x.squeeze(3).unflatten(1, (-1, ENCODER_BINS)).transpose(2, 3)
        x = tap(n + ".unflat", x, "bctf")
        return [self.get_submodule(decoder)(x, skips) for decoder in self.decoders]


class Separator(nn.Module):
    """The compressed spectrum and a profile to the target's and the first stage's, complex
    [B, T, 161] each."""

    def __init__(self, config):
        super().__init__()
        self.mag = Stage("sep.mag", config, 1, 0, ("mask",))
        self.com = Stage("sep.com", config, 4, NUM_LAYERS, ("real", "imag"))

    def forward(self, seen, profile, fold):
        mag = tap("mix.mag", seen.abs(), "btf").unsqueeze(1)
        mask = tap("sep.mask", torch.sigmoid(self.mag(mag, profile, fold)[0]), "btf")
        coarse = tap("sep.coarse", seen * mask, "complex")
        x = torch.stack([seen.real, seen.imag, coarse.real, coarse.imag], dim=1)
        residual = torch.complex(*self.com(tap("sep.com.feats", x, "bctf"), profile, fold))
        return tap("sep.estimate", coarse + residual, "complex"), coarse


class TwoLocalNetworks(nn.Module):
    """One for each stage; the maps of the second follow those of the first."""

    def __init__(self, config):
        super().__init__()
        for k in (1, 2):
            name = f"local.stage_{k}"
            self.add_module(f"stage_{k}", LocalNetwork(config, {
                f"conv2d_{i}": gate_conv(f"{name}.conv2d_{i}", i, 2 if i == 1 else config.channels,
                                        config)
                for i in range(1, NUM_LAYERS)}, name=name, first_level=NUM_LAYERS * (k - 1)))

    def forward(self, spectrum, mask=None):
        return self.stage_1(spectrum, mask) + self.stage_2(spectrum, mask)


class TeaPse(Extractor):
    Config = TeaPseConfig

    def local_network(self):
        return TwoLocalNetworks(self.config)

    def separator(self):
        return Separator(self.config)

    def _expanded(self, spectrum):
        """Without the compression of what the network sees."""
        power = 1.0 / self.config.compression - 1.0
        return spectrum * spectrum.abs().pow(power).to(spectrum.dtype) if power else spectrum

    def extract(self, mix, profile):
        """As Extractor.extract. Compression and level of what the network sees are undone."""
        spectrum, seen, gain = self._spectra(mix)
        estimate, coarse = self.sep(seen, profile, self.training)
        if self.training:  # without taps: the runtime has no use for it
            self.first_stage = self._expanded(coarse)
            if self.config.input_level != "none":
                self.first_stage = self.first_stage / gain.unsqueeze(2)
        if self.config.compression != 1.0:
            estimate = tap("sep.expanded", self._expanded(estimate), "complex")
        if self.config.input_level != "none":
            estimate = tap("sep.unscaled", estimate / gain.unsqueeze(2), "complex")
        return self._wave(estimate, mix.shape[-1]), estimate, spectrum
