# SPDX-License-Identifier: Apache-2.0
"""Other people's extractors, as they install, behind the interface of `evaluate`.

Each peer is a function that returns (name, run), run(mix [n], anchor [m]) -> estimate [n], float32
at 16 kHz, aligned with the mixture. Its delay is not trusted from documents: a peer is run on its
own input and shifted by the lag at which output and mixture agree best.
"""

from __future__ import annotations

import numpy as np

from ..data import audio

LONGEST_DELAY = int(0.3 * audio.SAMPLE_RATE_HZ)


def delay(mix: np.ndarray, output: np.ndarray, longest: int = LONGEST_DELAY) -> int:
    """Samples by which `output` lags behind `mix`, 0 .. longest: where they correlate best."""
    size = 1 << (len(mix) + len(output)).bit_length()
    spectrum = np.fft.rfft(output, size) * np.conj(np.fft.rfft(mix, size))
    return int(np.argmax(np.fft.irfft(spectrum, size)[:longest + 1]))


def open_voicefilter_lite():
    """The streaming VoiceFilter-Lite of PyPI with the ONNX models of its wheel (Apache-2.0)."""
    try:
        from voicefilter_lite import StreamingVoiceFilter
    except ImportError as e:
        raise audio.DataError("--peer open-voicefilter-lite: pip install open-voicefilter-lite "
                             f"({e})") from None
    peer = StreamingVoiceFilter()
    hop = peer.hop_length
    lags = []

    def run(mix, anchor):
        peer.set_enrollment(anchor)
        padded = np.pad(mix, (0, LONGEST_DELAY + -(len(mix) + LONGEST_DELAY) % hop))
        out = np.concatenate([peer.step(padded[i:i + hop]) for i in range(0, len(padded), hop)])
        lags.append(delay(mix, out))
        lag = int(np.median(lags[:9]))  # one lag for all, found on the first recordings
        return out[lag:lag + len(mix)].astype(np.float32)

    return "open-voicefilter-lite", run


PEERS = {"open-voicefilter-lite": open_voicefilter_lite}
