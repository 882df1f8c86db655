# SPDX-License-Identifier: Apache-2.0
"""Scores of one output against its target, numpy in and floats out.

STOI, ESTOI and PESQ come from pystoi and pesq; SI-SNR and TSOS are written out here.
"""

from __future__ import annotations

import math

import numpy as np

from ..data.audio import SAMPLE_RATE_HZ

TSOS_P, TSOS_GAMMA = 0.3, 0.1
UNSEPARATED_DB = 1.0
# In one line each, as cards and tables say it:
UNSEPARATED = "an improvement below 1 dB"
WRONG_SPEAKER = "the output gains more on the interferer than on the target"


def si_snr(estimate: np.ndarray, target: np.ndarray, eps: float = 1e-8) -> float:
    """Scale-invariant SNR in dB of zero-mean versions of [n], [n], in double precision."""
    e = estimate.astype(np.float64) - estimate.mean(dtype=np.float64)
    s = target.astype(np.float64) - target.mean(dtype=np.float64)
    p = s * (np.dot(e, s) / (np.dot(s, s) + eps))
    d = e - p
    return float(10.0 * np.log10((np.dot(p, p) + eps) / (np.dot(d, d) + eps)))


def spectrum(x: np.ndarray) -> np.ndarray:
    """Magnitudes [T, 161] of the systems' unnormalised 320/160 Hann STFT."""
    hops = -(-len(x) // 160)
    y = np.zeros((hops + 2) * 160)
    y[160:160 + len(x)] = x
    w = np.sin(np.pi * np.arange(320) / 320.0) ** 2
    frames = np.lib.stride_tricks.sliding_window_view(y, 320)[::160]
    return np.abs(np.fft.rfft(frames * w, axis=1))


def tsos(estimate: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Target speaker over-suppression: shares of frames, (A, B).

    Frame t counts iff sum_f h(|S|^p - |S_hat|^p)^2 > gamma sum_f |S|^p, h(x) = max(x, 0), p = 0.3,
    gamma = 0.1 (A, depends on level: samples in [-1, 1] at the data's own level); B has |S|^2p on
    the right and does not depend on level.
    """
    s, e = spectrum(target) ** TSOS_P, spectrum(estimate) ** TSOS_P
    lost = np.square(np.maximum(s - e, 0.0)).sum(1)
    a = lost > TSOS_GAMMA * s.sum(1)
    b = lost > TSOS_GAMMA * np.square(s).sum(1)
    return float(a.mean()), float(b.mean())


def pesq_raw(mos_lqo: float) -> float:
    """Raw P.862 score from the P.862.1 mapping's output (which `pesq` returns in 'nb' mode)."""
    y = min(max(mos_lqo, 0.999 + 1e-6), 4.999 - 1e-6)
    return (4.6607 - math.log((4.999 - y) / (y - 0.999))) / 1.4945


def score(estimate: np.ndarray, target: np.ndarray, mix: np.ndarray | None = None,
          interferer: np.ndarray | None = None, slow: bool = True) -> dict:
    """All columns of one item. `mix` gives the improvement and "unseparated" (0 or 100), with
    `interferer` "wrong" (0 or 100); slow=False leaves STOI and PESQ out."""
    n = len(target)
    estimate = np.nan_to_num(np.pad(estimate[:n], (0, max(0, n - len(estimate)))))
    out = {"si_snr": si_snr(estimate, target)}
    if mix is not None:
        out["si_snri"] = out["si_snr"] - si_snr(mix, target)
        out["unseparated"] = 100.0 * (out["si_snri"] < UNSEPARATED_DB)
    if mix is not None and interferer is not None:
        theirs = si_snr(estimate, interferer) - si_snr(mix, interferer)
        out["wrong"] = 100.0 * (theirs > out["si_snri"])
    out["tsos"], out["tsos_b"] = tsos(estimate, target)
    if slow:
        import pystoi
        from pesq import PesqError, pesq

        out["stoi"] = float(pystoi.stoi(target, estimate, SAMPLE_RATE_HZ, extended=False))
        out["estoi"] = float(pystoi.stoi(target, estimate, SAMPLE_RATE_HZ, extended=True))
        for mode, name in (("nb", "pesq_nb_raw"), ("wb", "pesq_wb")):
            try:
                v = float(pesq(SAMPLE_RATE_HZ, target, estimate, mode))
                out[name] = pesq_raw(v) if mode == "nb" else v
            except PesqError:  # no utterance found: the output is silent
                out[name] = float("nan")
    return out
