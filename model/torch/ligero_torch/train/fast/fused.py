# SPDX-License-Identifier: Apache-2.0
"""BSRNN (nets/bsrnn.py) with its large parts computed by the fused kernels.

Same parameters, same outputs up to the kernels' precision (bf16 products with f32 sums).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...nets.asymmetric import HOP, istft, stft
from ...nets.bsrnn import PLANES, TAPS, WIDTHS, BsrnnConfig, Half, Separator, norm_maps
from ...nets.config import ConfigError
from ...nets.features import num_frames
from .kernels import Kernels

UNIT = 32  # the kernels work on whole groups of 32 frames

INPUTS = [PLANES * (width + 2) for width in WIDTHS]  # of each band's encoder
COLUMNS = [2 * TAPS * width for width in WIDTHS]     # of each band's taps


class FusedEncoder(torch.autograd.Function):
    """Encoder.forward on what Kernels.features made."""

    @staticmethod
    def forward(ctx, kernels: Kernels, features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.kernels = kernels
        ctx.save_for_backward(features)
        return kernels.encoder_forward(features, weight, bias)

    @staticmethod
    def backward(ctx, dz: Tensor):
        (features,) = ctx.saved_tensors
        return None, None, *ctx.kernels.encoder_backward(dz.contiguous(), features, INPUTS)


class FusedHalf(torch.autograd.Function):
    """BandHalf.forward or TimeHalf.forward."""

    @staticmethod
    def forward(ctx, kernels: Kernels, along_time: bool, used: int, limit: float, z: Tensor,
                scale: Tensor, shift: Tensor, weight: Tensor, bias: Tensor, out_weight: Tensor,
                out_bias: Tensor) -> Tensor:
        y, kept, states = kernels.half_forward(
            z, scale, shift, weight, bias, out_weight, out_bias, along_time, used, limit,
            keep=any(ctx.needs_input_grad))
        ctx.kernels, ctx.sequence = kernels, (along_time, used, limit)
        ctx.save_for_backward(z, scale, shift, weight, out_weight, kept, states)
        return y

    @staticmethod
    def backward(ctx, dy: Tensor):
        return None, None, None, None, *ctx.kernels.half_backward(
            dy.contiguous(), *ctx.saved_tensors, *ctx.sequence)


class FusedDecoder(torch.autograd.Function):
    """Decoder.forward and deep_filter: -> filtered spectrum [B, T, 257, 2]."""

    @staticmethod
    def forward(ctx, kernels: Kernels, spectrum: Tensor, z: Tensor, scale: Tensor, shift: Tensor,
                weight1: Tensor, bias1: Tensor, weight2: Tensor, bias2: Tensor) -> Tensor:
        inputs = z, scale, shift, weight1, bias1, weight2, bias2, spectrum
        ctx.kernels = kernels
        ctx.save_for_backward(*inputs)
        return kernels.decoder_forward(*inputs)

    @staticmethod
    def backward(ctx, dy: Tensor):
        return None, None, *ctx.kernels.decoder_backward(dy.contiguous(), *ctx.saved_tensors,
                                                         COLUMNS)


class FusedSeparator(Separator):
    """A Separator whose `both` and `forward` use the kernels."""

    def __init__(self, config: BsrnnConfig, kernels: Kernels):
        hidden = config.time_hidden, config.band_hidden
        if (config.channels % 16 or config.channels > 128 or any(h % 16 or h > 64 for h in hidden)
                or config.decoder_hidden % 32 or config.decoder_hidden > 160):
            raise ConfigError(f"{config.name}: the kernels need channels in steps of 16 up to 128, "
                             "hidden of 16, 32, 48 or 64, decoder_hidden in steps of 32 up to 160")
        if config.input_level != "window":
            raise ConfigError(f"{config.name}: the kernels need input_level \"window\"")
        super().__init__(config)
        self.kernels = kernels

    def both(self, wave: Tensor, voice: Tensor) -> tuple[Tensor, Tensor | None]:
        samples, used = wave.shape[-1], num_frames(wave.shape[-1])
        frames = -(-used // UNIT) * UNIT
        wave = F.pad(wave, (0, (frames - 1) * HOP - samples))
        profile = self.of_voice(voice)
        spectrum = stft(wave)
        f = self.features
        features = self.kernels.features(spectrum, self.level(wave), f.complex_scale,
                                         f.magnitude_mean, f.magnitude_scale, f.power)
        z = FusedEncoder.apply(self.kernels, features, self.encoder.weight, profile["encoder"])
        for i, block in enumerate(self.blocks):
            z = self.half(block.band, False, used, z, norm_maps(profile, 2 * i))
            z = self.half(block.time, True, used, z, norm_maps(profile, 2 * i + 1))
        d, maps = self.decoder, norm_maps(profile, 2 * len(self.blocks))
        filtered = FusedDecoder.apply(self.kernels, torch.view_as_real(spectrum), z, *maps, d.weight1,
                                      d.bias1, d.weight2, d.bias2)
        wave = istft(torch.view_as_complex(filtered), wave.shape[-1])[:, :samples]
        return wave, self.activity(d.normed(z, maps)[:, :used]) if self.config.activity else None

    def half(self, half: Half, along_time: bool, used: int, z: Tensor,
             maps: tuple[Tensor, Tensor]) -> Tensor:
        return FusedHalf.apply(self.kernels, along_time, used, half.limit, z, *maps, half.weight,
                               half.bias, half.out_weight, half.out_bias)


def make_separator(config: BsrnnConfig, kernels: Kernels | None) -> Separator:
    """The separator with kernels, or as it is defined (None)."""
    return Separator(config) if kernels is None else FusedSeparator(config, kernels)
