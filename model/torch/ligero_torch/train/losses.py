# SPDX-License-Identifier: Apache-2.0
"""The training loss (eq. 5-8 of the paper) and its variants.

Every term returns one value per item of the batch, [B]; `Loss` weighs and averages them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

EPS = 1e-8


def si_snr(estimate: torch.Tensor, target: torch.Tensor, eps: float = EPS,
           ceiling_db: float | None = None) -> torch.Tensor:
    """Scale-invariant SNR in dB, [B], of waveforms [B, L], both made zero-mean first.

    10 log10((|alpha s|^2 + eps) / (|s_hat - alpha s|^2 + eps)), alpha = <s_hat, s> / (|s|^2 + eps).
    ceiling_db: adds 10^(-ceiling/10) |alpha s|^2 to the denominator, so that no item can gain from
    going beyond the ceiling (single-talker items would otherwise rule the batch).
    """
    e = estimate - estimate.mean(-1, keepdim=True)
    s = target - target.mean(-1, keepdim=True)
    alpha = (e * s).sum(-1, keepdim=True) / (s.square().sum(-1, keepdim=True) + eps)
    p = alpha * s
    signal = p.square().sum(-1)
    noise = (e - p).square().sum(-1)
    if ceiling_db is not None:
        noise = noise + 10.0 ** (-ceiling_db / 10.0) * signal
    return 10.0 * torch.log10((signal + eps) / (noise + eps))


def _power(spec: torch.Tensor, eps: float) -> torch.Tensor:
    """|S|^2 + eps of a real pair [..., 2] or a complex tensor [...]."""
    if spec.is_complex():
        spec = torch.view_as_real(spec)
    return spec.square().sum(-1) + eps


def compress(spec: torch.Tensor, p: float = 0.5, eps: float = EPS) -> torch.Tensor:
    """S^(p) = S (|S|^2 + eps)^((p - 1) / 2) as real pairs [..., 2]: |S|^p at the phase of S."""
    scale = _power(spec, eps) ** ((p - 1.0) / 2.0)
    return torch.view_as_real(spec) * scale[..., None]


def l_mag(estimate: torch.Tensor, target: torch.Tensor, p: float = 0.5,
          eps: float = EPS) -> torch.Tensor:
    """(1/T) sum_t sum_f (|S|^p - |S_hat|^p)^2, [B], of complex spectra [B, T, F]."""
    d = _power(target, eps) ** (p / 2.0) - _power(estimate, eps) ** (p / 2.0)
    return d.square().sum(-1).mean(-1)


def l_ri(estimate: torch.Tensor, target: torch.Tensor, p: float = 0.5,
         eps: float = EPS) -> torch.Tensor:
    """(1/T) sum_t sum_f |S^(p) - S_hat^(p)|^2, [B], of complex spectra [B, T, F]."""
    d = compress(target, p, eps) - compress(estimate, p, eps)
    return d.square().sum((-1, -2)).mean(-1)


def l_asym(estimate: torch.Tensor, target: torch.Tensor, p: float = 0.5,
           eps: float = EPS) -> torch.Tensor:
    """TEA-PSE's over-suppression term: mean of max(|S|^p - |S_hat|^p, 0)^2 over t and f, [B]."""
    d = _power(target, eps) ** (p / 2.0) - _power(estimate, eps) ** (p / 2.0)
    return d.clamp(min=0.0).square().mean((-1, -2))


def silence(estimate: torch.Tensor, mix: torch.Tensor, floor_db: float = -40.0) -> torch.Tensor:
    """Level of the output over the input in dB, [B], for items whose target is absent.

    Bounded below by `floor_db`, where it has no gradient left to gain.
    """
    e = estimate.square().mean(-1)
    m = mix.square().mean(-1) + 1e-12
    return 10.0 * torch.log10(e / m + 10.0 ** (floor_db / 10.0))


@dataclass
class LossWeights:
    """Weights of the terms and the level at which the spectral ones are taken.

    level: "data" = the mixture's own level (spec 8.1, weights 1, 1, 1), or "rms1" = after scaling
    mixture and target by the mixture's 1/rms: independent of level; the spectral terms are then
    about thirty times larger than at -29 dBFS, so 0.05 or less keeps the balance.
    """

    si_snr: float = 1.0
    ri: float = 1.0
    mag: float = 1.0
    asym: float = 0.0
    stage1: float = 0.0  # TEA-PSE's first stage: magnitudes, and `asym` of them
    silence: float = 0.3
    p: float = 0.5
    level: str = "data"
    ceiling_db: float | None = 30.0


class Loss:
    """Weighted sum over a batch with absent-target items.

    call: wave, target, mix [B, L], spectrum, target_spectrum complex [B, T, F] at the data's level,
    absent bool [B]; first_stage: the spectrum of a first stage, or None. Returns (loss scalar, dict of detached means of each term).
    """

    def __init__(self, weights: LossWeights):
        self.w = weights

    def __call__(self, wave, target, mix, spectrum, target_spectrum, absent, first_stage=None):
        w = self.w
        if w.level == "rms1":
            g = 1.0 / (mix.square().mean(-1).sqrt() + 1e-7)
            wave, target, mix = wave * g[:, None], target * g[:, None], mix * g[:, None]
            spectrum = spectrum * g[:, None, None]
            target_spectrum = target_spectrum * g[:, None, None]
            first_stage = None if first_stage is None else first_stage * g[:, None, None]
        present = (~absent).float()
        count = present.sum().clamp(min=1.0)
        snr = si_snr(wave, target, ceiling_db=w.ceiling_db)
        snr = (torch.where(absent, torch.zeros_like(snr), snr)).sum() / count
        ri = l_ri(spectrum, target_spectrum, w.p).mean()
        mag = l_mag(spectrum, target_spectrum, w.p).mean()
        # The two means share one divisor with the batch, so that a rare item weighs as one item.
        share = count / absent.shape[0]
        loss = -w.si_snr * snr * share + w.ri * ri + w.mag * mag
        terms = {"si_snr": snr.detach(), "ri": ri.detach(), "mag": mag.detach()}
        if w.asym:
            asym = l_asym(spectrum, target_spectrum, w.p).mean()
            loss = loss + w.asym * asym
            terms["asym"] = asym.detach()
        if w.stage1 and first_stage is not None:
            first = l_mag(first_stage, target_spectrum, w.p).mean()
            if w.asym:
                first = first + w.asym * l_asym(first_stage, target_spectrum, w.p).mean()
            loss = loss + w.stage1 * first
            terms["stage1"] = first.detach()
        if bool(absent.any()):
            quiet = (silence(wave, mix) * (1.0 - present)).sum() / absent.shape[0]
            loss = loss + w.silence * quiet
        return loss, {k: float(v) for k, v in terms.items()}
