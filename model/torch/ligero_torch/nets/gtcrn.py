# SPDX-License-Identifier: Apache-2.0
"""GTCRN: a small denoiser, for networks that need no speaker (Rong, Sun, Zhang, Hu, Zhu and Lu, 2024).

The layers and their names are those of the authors' repository (Xiaobin-Rong/gtcrn at 3862c44), so that
its checkpoints load as they are; every line here is ours. Two things differ from it, for streams: the
signal begins with zeros, where theirs is reflected, and so frame t is samples 256 (t - 1) .. 256 (t + 1).

    wave -> spectrum -> magnitude, re, im -> 129 bands -> encoder -> 2 dual-path blocks -> decoder
         -> 257 bins of a complex mask -> times the spectrum -> wave

Shapes: B items, T frames (16 ms), F bins or bands, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data.audio import SAMPLE_RATE_HZ
from .config import choice
from .taps import tap

WINDOW = 512
HOP = 256
BINS = WINDOW // 2 + 1
LOW = 65         # bins that stay as they are
HIGH = 64        # bands of the 192 bins above
CHANNELS = 16
WIDTH = 33       # bands after the encoder's two strides
FLOOR = 1e-12    # under the power of a bin
NORM_FLOOR = 1e-8
DILATIONS = (1, 2, 5)


@dataclass
class GtcrnConfig:
    """It has no switches: one size, one window."""

    system: str
    name: str
    sample_rate: int = choice(SAMPLE_RATE_HZ, SAMPLE_RATE_HZ)
    window: int = choice(WINDOW, WINDOW)
    hop: int = choice(HOP, HOP)
    licence: str = ""
    training_data: str = ""

    def check(self, path):
        """All that there is to check is in the fields."""


def window(like: Tensor) -> Tensor:
    """The square root of a periodic Hann window, [512]."""
    return torch.hann_window(WINDOW, device=like.device, dtype=like.dtype).sqrt()


def num_frames(samples: int) -> int:
    """One a hop, and one that completes the last hop."""
    return 1 + -(-samples // HOP)


def hops(wave: Tensor) -> Tensor:
    """A frame graph's input: [1, samples] -> [T, 1, 256], the last hop zero."""
    frames = num_frames(wave.shape[-1])
    return F.pad(wave, (0, frames * HOP - wave.shape[-1])).view(frames, 1, HOP)


def stft(wave: Tensor) -> Tensor:
    """[B, samples] -> complex [B, T, 257]; zeros outside of the signal."""
    frames = num_frames(wave.shape[-1])
    padded = F.pad(wave, (HOP, frames * HOP - wave.shape[-1]))
    return torch.fft.rfft(padded.unfold(-1, WINDOW, HOP) * window(wave))


def istft(spectrum: Tensor, samples: int) -> Tensor:
    """[B, T, 257] -> [B, samples]. Hop h is the second half of frame h and the first half of h + 1."""
    frames = torch.fft.irfft(spectrum, n=WINDOW)
    frames = frames * window(frames)
    return (frames[:, :-1, HOP:] + frames[:, 1:, :HOP]).flatten(1)[:, :samples]


class Erb(nn.Module):
    """Equivalent rectangular bandwidths: the upper 192 bins as 64 bands, and back. The filters are
    the checkpoint's."""

    def __init__(self):
        super().__init__()
        self.erb_fc = nn.Linear(BINS - LOW, HIGH, bias=False)
        self.ierb_fc = nn.Linear(HIGH, BINS - LOW, bias=False)

    def bands(self, x: Tensor) -> Tensor:
        """[B, C, T, 257] -> [B, C, T, 129]"""
        return torch.cat([x[..., :LOW], self.erb_fc(x[..., LOW:])], -1)

    def bins(self, x: Tensor) -> Tensor:
        """[B, C, T, 129] -> [B, C, T, 257]"""
        return torch.cat([x[..., :LOW], self.ierb_fc(x[..., LOW:])], -1)


def neighbours(x: Tensor) -> Tensor:
    """Each channel with its two neighbours along bands: [B, C, T, F] -> [B, 3 C, T, F], channel
    3 c + k is channel c at band f + k - 1."""
    padded = F.pad(x, (1, 1)).unfold(-1, 3, 1)
    return padded.permute(0, 1, 4, 2, 3).flatten(1, 2)


class ConvBlock(nn.Module):
    """Convolution along bands, or its transpose, batch norm, PReLU (tanh at the end)."""

    def __init__(self, name, inputs, outputs, groups=1, deconv=False, last=False):
        super().__init__()
        self.name = name
        kind = nn.ConvTranspose2d if deconv else nn.Conv2d
        self.conv = kind(inputs, outputs, (1, 5), stride=(1, 2), padding=(0, 2), groups=groups)
        self.bn = nn.BatchNorm2d(outputs)
        self.act = nn.Tanh() if last else nn.PReLU()

    def forward(self, x):
        x = tap(self.name + ".conv", self.conv(x), "bctf")
        return tap(self.name, self.act(tap(self.name + ".bn", self.bn(x), "bctf")), "bctf")


class Attention(nn.Module):
    """Temporal recurrent attention (TRA): one gain per channel and frame, from the energy over bands."""

    def __init__(self, name, channels):
        super().__init__()
        self.name = name
        self.att_gru = nn.GRU(channels, 2 * channels, batch_first=True)
        self.att_fc = nn.Linear(2 * channels, channels)

    def forward(self, x):
        energy = tap(self.name + ".energy", x.square().mean(-1).transpose(1, 2), "btc")
        gain = tap(self.name + ".att_gru", self.att_gru(energy)[0], "btc")
        gain = tap(self.name + ".att_fc", self.att_fc(gain), "btc").sigmoid()
        gain = tap(self.name + ".gain", gain, "btc")
        return tap(self.name, x * gain.transpose(1, 2)[..., None], "bctf")


class GroupBlock(nn.Module):
    """Half of the channels through a dilated convolution (GTConv); then both halves are interleaved."""

    def __init__(self, name, dilation, deconv=False):
        super().__init__()
        self.name, self.past = name, 2 * dilation
        half = CHANNELS // 2
        kind = nn.ConvTranspose2d if deconv else nn.Conv2d
        self.point_conv1 = kind(3 * half, CHANNELS, 1)
        self.point_bn1 = nn.BatchNorm2d(CHANNELS)
        self.point_act = nn.PReLU()
        # Transposed, with `past` frames before the signal, it is a convolution of the past as well.
        self.depth_conv = kind(CHANNELS, CHANNELS, (3, 3), dilation=(dilation, 1), groups=CHANNELS,
                               padding=(self.past if deconv else 0, 1))
        self.depth_bn = nn.BatchNorm2d(CHANNELS)
        self.depth_act = nn.PReLU()
        self.point_conv2 = kind(CHANNELS, half, 1)
        self.point_bn2 = nn.BatchNorm2d(half)
        self.tra = Attention(name + ".tra", half)

    def forward(self, x):
        def layer(name, y):
            return tap(f"{self.name}.{name}", getattr(self, name)(y), "bctf")

        y, rest = x.chunk(2, 1)
        y = layer("point_act", layer("point_bn1", layer("point_conv1", neighbours(y))))
        y = F.pad(y, (0, 0, self.past, 0))
        y = layer("depth_act", layer("depth_bn", layer("depth_conv", y)))
        y = self.tra(layer("point_bn2", layer("point_conv2", y)))
        return tap(self.name, torch.stack([y, rest], 2).flatten(1, 2), "bctf")


class GroupedGru(nn.Module):
    """Two GRUs, each over half of the channels: [N, steps, 16] -> [N, steps, 16]."""

    def __init__(self, both_ways):
        super().__init__()
        half = CHANNELS // 2
        hidden = half // 2 if both_ways else half
        self.rnn1 = nn.GRU(half, hidden, batch_first=True, bidirectional=both_ways)
        self.rnn2 = nn.GRU(half, hidden, batch_first=True, bidirectional=both_ways)

    def forward(self, x):
        first, second = x.chunk(2, -1)
        return torch.cat([self.rnn1(first)[0], self.rnn2(second)[0]], -1)


class DualPath(nn.Module):
    """Along the bands of a frame, both ways; then along time, every band with the same weights
    (DPGRNN). [B, C, T, F] -> the same."""

    def __init__(self, name):
        super().__init__()
        self.name = name
        for part, both_ways in (("intra", True), ("inter", False)):
            self.add_module(part + "_rnn", GroupedGru(both_ways))
            self.add_module(part + "_fc", nn.Linear(CHANNELS, CHANNELS))
            self.add_module(part + "_ln", nn.LayerNorm((WIDTH, CHANNELS), eps=NORM_FLOOR))

    def half(self, part, x, along_time):
        """x [B, T, F, C] plus what the GRUs of `part` make of it."""
        def layer(name, y):
            return tap(f"{self.name}.{part}_{name}", y, "btfc")

        y = x.transpose(1, 2) if along_time else x
        y = self.get_submodule(part + "_rnn")(y.flatten(0, 1)).view(y.shape)
        y = layer("rnn", y.transpose(1, 2) if along_time else y)
        y = layer("fc", self.get_submodule(part + "_fc")(y))
        return layer("out", x + layer("ln", self.get_submodule(part + "_ln")(y)))

    def forward(self, x):
        y = self.half("intra", x.permute(0, 2, 3, 1), along_time=False)
        return self.half("inter", y, along_time=True).permute(0, 3, 1, 2)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        name = "encoder.en_convs."
        self.en_convs = nn.ModuleList([
            ConvBlock(name + "0", 9, CHANNELS), ConvBlock(name + "1", CHANNELS, CHANNELS, groups=2),
            *(GroupBlock(f"{name}{i}", d) for i, d in enumerate(DILATIONS, 2))])

    def forward(self, x):
        """The output of every layer."""
        outputs = []
        for layer in self.en_convs:
            x = layer(x)
            outputs.append(x)
        return outputs


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        name = "decoder.de_convs."
        self.de_convs = nn.ModuleList([
            *(GroupBlock(f"{name}{i}", d, deconv=True) for i, d in enumerate(reversed(DILATIONS))),
            ConvBlock(name + "3", CHANNELS, CHANNELS, groups=2, deconv=True),
            ConvBlock(name + "4", CHANNELS, 2, deconv=True, last=True)])

    def forward(self, x, levels):
        for i, (layer, level) in enumerate(zip(self.de_convs, reversed(levels))):
            x = layer(tap(f"decoder.de_convs.{i}.in", x + level, "bctf"))
        return x


class Gtcrn(nn.Module):
    """Waveforms are float [B, samples] at 16 kHz."""

    Config = GtcrnConfig
    recordings = 1  # that `forward` takes: a mixture

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.erb = Erb()
        self.encoder = Encoder()
        self.dpgrnn1 = DualPath("dpgrnn1")
        self.dpgrnn2 = DualPath("dpgrnn2")
        self.decoder = Decoder()

    def bounded_layers(self):
        """As Extractor's: batch norm keeps the tanh of the mask where it is neither linear nor
        saturated."""
        return ()

    def randomise(self, generator):
        """As Extractor's: every parameter is in a layer of PyTorch."""

    def enhance(self, spectrum: Tensor) -> Tensor:
        """Complex [B, T, 257], as torch.stft or this file's gives it -> the voice's."""
        power = spectrum.real.square() + spectrum.imag.square()
        magnitude = tap("mix.magnitude", (power + FLOOR).sqrt(), "btf")
        x = torch.stack([magnitude, spectrum.real, spectrum.imag], 1)
        x = tap("erb.bands", self.erb.bands(x), "bctf")
        levels = self.encoder(tap("neighbours", neighbours(x), "bctf"))
        x = self.dpgrnn2(self.dpgrnn1(levels[-1]))
        mask = tap("mask", self.erb.bins(self.decoder(x, levels)), "bctf")
        return tap("sep.masked", torch.complex(mask[:, 0], mask[:, 1]) * spectrum, "complex")

    def forward(self, mix: Tensor) -> Tensor:
        """[B, samples] -> the voice, as long and aligned to it."""
        voice = istft(self.enhance(tap("mix.stft", stft(mix), "complex")), mix.shape[-1])
        return tap("sep.istft", voice[0], "tfc")[None] if len(voice) == 1 else voice
