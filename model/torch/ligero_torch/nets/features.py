# SPDX-License-Identifier: Apache-2.0
"""From samples to what the networks see and back: STFT and inverse, FBank, input level (spec 10).

No parameters live here. All functions take float waveforms [batch, samples] at 16 kHz.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F

from ..data.audio import SAMPLE_RATE_HZ
from .taps import tap

WINDOW_SAMPLES = 320
HOP_SAMPLES = 160
NUM_BINS = WINDOW_SAMPLES // 2 + 1

FBANK_WINDOW_SAMPLES = 400  # 25 ms, as SpeechBrain's recipe for VoxCeleb
NUM_MELS = 80
FBANK_FLOOR = 1e-10         # smallest mel energy before the logarithm
FBANK_RANGE_DB = 80.0       # dynamic range kept below the loudest bin of the utterance

RMS_EPSILON = 1e-7          # spec 2.1
LEVEL_WINDOW_HOPS = 100     # input_level `window`: one second
COMPRESSION_FLOOR = 1e-8  # under the power of |S|^2
LEVEL_FLOOR = 10.0 ** (-50.0 / 20.0)  # -50 dBFS


def num_hops(num_samples: int) -> int:
    """Hops that hold `num_samples` samples, the last one possibly partial."""
    return -(-num_samples // HOP_SAMPLES)


def num_frames(num_samples: int) -> int:
    """T = 1 + ceil(L / 160) (spec 10)."""
    return 1 + num_hops(num_samples)


def frame_lengths(lengths):
    """Frame counts of padded signals: [batch] samples -> [batch] frames; None stays None."""
    if lengths is None:
        return None
    return 1 + torch.div(lengths + (HOP_SAMPLES - 1), HOP_SAMPLES, rounding_mode="floor")


def frame_mask(lengths_frames, frames: int):
    """[batch] frame counts -> [batch, frames] of 1 inside and 0 in the padding; None stays None."""
    if lengths_frames is None:
        return None
    index = torch.arange(frames, device=lengths_frames.device)
    return (index[None, :] < lengths_frames[:, None]).float()


def _pad_to_hops(wave):
    return F.pad(wave, (0, num_hops(wave.shape[-1]) * HOP_SAMPLES - wave.shape[-1]))


def hops(wave):
    """A frame graph's input: [1, samples] -> [1 + H, 1, 160], the last hop zero."""
    frames = num_frames(wave.shape[-1])
    return F.pad(wave, (0, frames * HOP_SAMPLES - wave.shape[-1])).view(frames, 1, HOP_SAMPLES)


@functools.lru_cache(maxsize=8)
@torch.inference_mode(False)  # kept, so good for training as well, whoever asks first
def _hann(device):
    # Periodic: w(n) = sin^2(pi n / 320).
    return torch.hann_window(WINDOW_SAMPLES, periodic=True, device=device)


def stft(wave):
    """Spectrum frames, unnormalised (spec 10).

    wave: [batch, samples]. Returns complex [batch, frames, 161]; frame t covers the samples
    160 t - 160 .. 160 t + 159, zeros outside the signal.
    """
    padded = F.pad(_pad_to_hops(wave), (HOP_SAMPLES, HOP_SAMPLES))
    frames = padded.unfold(-1, WINDOW_SAMPLES, HOP_SAMPLES)
    return torch.fft.rfft(frames * _hann(wave.device))


def istft(spectrum, num_samples: int):
    """Inverse of `stft`: sum of w * IDFT over sum of w^2, cropped to `num_samples`.

    spectrum: complex [batch, frames, 161]. Returns [batch, num_samples].
    Raises ValueError if the frame count is not that of `num_samples`.
    """
    if spectrum.shape[1] != num_frames(num_samples):
        raise ValueError(f"{spectrum.shape[1]} frames, expected {num_frames(num_samples)} "
                         f"for {num_samples} samples")
    window = _hann(spectrum.device)
    frames = torch.fft.irfft(spectrum, n=WINDOW_SAMPLES) * window
    # Hop h lies in the second half of frame h and the first half of frame h + 1.
    out = frames[:, :-1, HOP_SAMPLES:] + frames[:, 1:, :HOP_SAMPLES]
    out = out / (window[:HOP_SAMPLES] ** 2 + window[HOP_SAMPLES:] ** 2)
    return out.flatten(1)[:, :num_samples]


def mask_samples(wave, lengths):
    """Zeroes the samples past each signal's length. wave: [batch, samples], lengths: [batch]."""
    if lengths is None:
        return wave
    index = torch.arange(wave.shape[-1], device=wave.device)
    return wave * (index[None, :] < lengths[:, None])


def file_gain(wave, lengths=None):
    """1 / (rms + 1e-7) over the whole signal (spec 2.1). Returns [batch, 1].

    Samples past `lengths` must be zero.
    """
    count = wave.shape[-1] if lengths is None else lengths[:, None].to(wave.dtype)
    rms = (wave.square().sum(-1, keepdim=True) / count).sqrt()
    return 1.0 / (rms + RMS_EPSILON)


def window_gain(wave):
    """g(t) = 1 / max(rms of hops max(0, t - 99) .. t, -50 dBFS).

    Hop h is samples 160 h .. 160 h + 159. Returns [batch, frames]; the last frame's own hop is
    the zero hop after the signal.
    """
    energy = _pad_to_hops(wave).unflatten(-1, (-1, HOP_SAMPLES)).square().sum(-1)
    energy = F.pad(energy, (LEVEL_WINDOW_HOPS - 1, 1))
    frames = energy.shape[-1] - LEVEL_WINDOW_HOPS + 1
    total = energy.unfold(-1, LEVEL_WINDOW_HOPS, 1).sum(-1)
    counted = torch.arange(1, frames + 1, device=wave.device).clamp(max=LEVEL_WINDOW_HOPS)
    return 1.0 / (total / (HOP_SAMPLES * counted)).sqrt().clamp(min=LEVEL_FLOOR)


def compress(spectrum, exponent: float):
    """S |S|^(p-1), complex [..., bins]: magnitudes to the power p, phases kept (spec 8.1's S^(p)).

    What networks see where the configuration's `compression` p is below 1 (TEA-PSE's 0.5): on a
    linear scale, all but the loudest bins vanish.
    """
    return spectrum * (spectrum.real.square() + spectrum.imag.square()
                       + COMPRESSION_FLOOR).pow((exponent - 1.0) / 2.0)


def input_gain(wave, level: str):
    """Gain of each spectrum frame that the separator sees: [batch, frames].

    level: "file", "window" or "none" (the configuration's `input_level`).
    """
    frames = num_frames(wave.shape[-1])
    if level == "window":
        return window_gain(wave)
    if level == "file":
        return file_gain(wave).expand(-1, frames)
    return wave.new_ones(wave.shape[0], frames)


def mel_filters():
    """80 triangular filters on the HTK mel scale, 0 .. 8000 Hz, as SpeechBrain's Filterbank.

    Both slopes of a filter use the distance to the next lower filter edge. Returns [201, 80],
    computed in double precision and rounded once.
    """
    top = 2595.0 * torch.log10(torch.tensor(1.0 + SAMPLE_RATE_HZ / 2 / 700.0, dtype=torch.double))
    mel = torch.linspace(0.0, 1.0, NUM_MELS + 2, dtype=torch.double) * top
    hz = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    band = (hz[1:] - hz[:-1])[:-1]
    centre = hz[1:-1]
    bins = torch.linspace(0.0, SAMPLE_RATE_HZ / 2, FBANK_WINDOW_SAMPLES // 2 + 1,
                          dtype=torch.double)
    slope = (bins[:, None] - centre) / band
    return torch.minimum(slope + 1.0, 1.0 - slope).clamp(min=0.0).float()


@functools.lru_cache(maxsize=8)
@torch.inference_mode(False)
def _fbank_constants(device):
    window = torch.hamming_window(FBANK_WINDOW_SAMPLES, periodic=True, device=device)
    return window, mel_filters().to(device)


def fbank(wave, lengths=None):
    """Log mel energies with the time mean of each bin removed (spec 3.1, SpeechBrain's recipe).

    wave: [batch, samples], zero past `lengths` ([batch] samples, optional). Frames are centred at
    160 t: samples 160 t - 200 .. 160 t + 199. Returns [batch, frames, 80]; padded frames are zero.
    """
    window, filters = _fbank_constants(wave.device)
    half = FBANK_WINDOW_SAMPLES // 2
    frames = F.pad(_pad_to_hops(wave), (half, half)).unfold(-1, FBANK_WINDOW_SAMPLES, HOP_SAMPLES)
    spectrum = torch.fft.rfft(frames * window)
    power = spectrum.real.square() + spectrum.imag.square()
    log_mel = 10.0 * torch.log10((power @ filters.to(power)).clamp(min=FBANK_FLOOR))
    log_mel = torch.maximum(log_mel, log_mel.amax((1, 2), keepdim=True) - FBANK_RANGE_DB)
    tap("anchor.fbank.log", log_mel, "btc")
    mask = frame_mask(frame_lengths(lengths), log_mel.shape[1])
    if mask is None:
        out = log_mel - log_mel.mean(1, keepdim=True)
    else:
        mask = mask[:, :, None]
        out = (log_mel - (log_mel * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True)) * mask
    return tap("anchor.fbank", out, "btc")
