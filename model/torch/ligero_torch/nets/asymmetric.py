# SPDX-License-Identifier: Apache-2.0
"""Spectra of long frames at a short delay: asymmetric windows (Mauler and Martin).

A frame of 512 samples sees 257 bins, but only its last 320 samples are used again, so that a stream
is 20 ms late. Frame t ends with hop t, at sample 160 t + 159, as in features.py. No parameters live
here. Shapes: B items, n samples at 16 kHz, T frames (one a hop, and one that completes the last hop).
"""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F

from .features import HOP_SAMPLES as HOP
from .features import WINDOW_SAMPLES as SYNTHESIS
from .features import num_frames

ANALYSIS = 512  # samples of the analysis window
BINS = ANALYSIS // 2 + 1
GAIN_FRAMES = 100                    # the running level looks back one second
GAIN_FLOOR = 10.0 ** (-50.0 / 20.0)  # -50 dBFS, the quietest level that is brought to 1


def analysis_window() -> torch.Tensor:
    """f64 [512]: a sine rise over 352 samples, then the second half of a square-root Hann(320)."""
    rise, fall = ANALYSIS - SYNTHESIS // 2, SYNTHESIS // 2
    return torch.cat([torch.sin(0.5 * math.pi * torch.arange(rise, dtype=torch.float64) / rise),
                      torch.cos(0.5 * math.pi * torch.arange(fall, dtype=torch.float64) / fall)])


def synthesis_window() -> torch.Tensor:
    """f64 [320]: times the last 320 samples of the analysis window it is a periodic Hann(320),
    whose copies at hop 160 add up to 1."""
    hann = torch.sin(math.pi * torch.arange(SYNTHESIS, dtype=torch.float64) / SYNTHESIS).square()
    return hann / analysis_window()[-SYNTHESIS:]


@functools.lru_cache(maxsize=8)
@torch.inference_mode(False)  # kept, so good for training as well, whoever asks first
def _windows(device, kind):
    return analysis_window().to(device, kind), synthesis_window().to(device, kind)


def analyse(samples):
    """One frame each: the last 512 samples [.., 512] -> complex spectrum [.., 257]."""
    return torch.fft.rfft(samples * _windows(samples.device, samples.dtype)[0])


def synthesise(spectrum):
    """One frame each: [.., 257] -> its share [.., 320] in the two hops that end with it."""
    frames = torch.fft.irfft(spectrum, n=ANALYSIS)[..., -SYNTHESIS:]
    return frames * _windows(frames.device, frames.dtype)[1]


def stft(wave):
    """[B, n] -> complex [B, T, 257]. Outside of the recording there are zeros."""
    frames = num_frames(wave.shape[-1])
    padded = F.pad(wave, (ANALYSIS - HOP, frames * HOP - wave.shape[-1]))
    return analyse(padded.unfold(-1, ANALYSIS, HOP))


def istft(spectrum, samples: int):
    """[B, T, 257] -> [B, n]. Hop h is the second half of frame h plus the first half of h + 1."""
    frames = synthesise(spectrum)
    return (frames[:, :-1, HOP:] + frames[:, 1:, :HOP]).flatten(1)[:, :samples]


def hop_energies(wave):
    """[B, n] -> f64 [B, T]: sum of squares of each hop, the last one padded with zeros."""
    frames = num_frames(wave.shape[-1])
    padded = F.pad(wave, (0, frames * HOP - wave.shape[-1]))
    return padded.unflatten(-1, (frames, HOP)).double().square().sum(-1)


def level_gain(energy, frames):
    """1 / rms, f64, of `frames` hops that hold `energy` (f64), at least -50 dBFS."""
    rms = (energy.clamp(min=0) / (frames * HOP)).sqrt()
    return 1.0 / rms.clamp(min=GAIN_FLOOR)


def running_gain(wave):
    """[B, n] -> [B, T]: 1 / rms of the last 100 hops up to and with hop t (fewer at the start).

    The same level as features.window_gain, with sums in double precision.
    """
    total = torch.cumsum(hop_energies(wave), 1)
    before = F.pad(total, (GAIN_FRAMES, 0))[:, :total.shape[1]]
    frames = torch.arange(1, total.shape[1] + 1, device=wave.device).clamp(max=GAIN_FRAMES)
    return level_gain(total - before, frames).to(wave.dtype)
