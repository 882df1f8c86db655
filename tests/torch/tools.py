# SPDX-License-Identifier: Apache-2.0
"""Where the built tools are, and recordings to try them on. Builds nothing."""

import os
from pathlib import Path

import numpy
import soundfile
import torch

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("LIGERO_BUILD", "build/native")
LIGERO = Path(os.environ.get("LIGERO", BUILD / "platforms/cli/ligero"))
CONVERT = Path(os.environ.get("LIGERO_CONVERT", BUILD / "converter/ligero-convert"))
LIBRARY = BUILD / "platforms/capi/libligero.so"

ECAPA = {"channels": 16, "mfa": 24, "attention": 8, "embedding": 10, "se": 4}
CHANNELS = [2, 3, 4, 5, 6]
TINY = {"system": "lgr_tse", "name": "tiny", "channels": CHANNELS, "arn_frame": {"size": 4},
        "ecapa": ECAPA}
VOICEFILTER = {"system": "voicefilter", "name": "tiny", "channels": 5, "reduced": 2, "lstm": 6,
               "hidden": 7, "arn_frame": {"size": 4}, "ecapa": ECAPA}
SPEAKERFILTER = {"system": "speakerfilter", "name": "tiny", "channels": CHANNELS,
                 "ecapa": ECAPA}
GATED_CRN = {"system": "gated_crn", "name": "tiny", "channels": CHANNELS,
             "arn_frame": {"size": 4}, "ecapa": ECAPA}
TEA_PSE = {"system": "tea_pse", "name": "tiny", "channels": 4, "squeezed": 3, "stcns": 2,
           "arn_frame": {"size": 4}, "ecapa": ECAPA}
BSRNN = {"system": "bsrnn", "name": "tiny", "channels": 16, "time_hidden": 8, "band_hidden": 8,
         "blocks": 2, "speaker": 6, "decoder_hidden": 12, "activity": 5, "ecapa": ECAPA}
LIVE = {"causal": True, "input_level": "window"}
# The systems that LGR-TSE is compared with, tiny, every form.
SYSTEMS = {
    "voicefilter": VOICEFILTER,
    "voicefilter, global": {**VOICEFILTER, "form": "global"},
    "voicefilter, causal": {**VOICEFILTER, **LIVE},
    "voicefilter, causal, global": {**VOICEFILTER, **LIVE, "form": "global"},
    "speakerfilter": SPEAKERFILTER,
    "speakerfilter, local": {**SPEAKERFILTER, "form": "local"},
    "speakerfilter, causal": {**SPEAKERFILTER, **LIVE},
    "speakerfilter, causal, local": {**SPEAKERFILTER, **LIVE, "form": "local"},
    "gated_crn": GATED_CRN,
    "gated_crn, global": {**GATED_CRN, "form": "global"},
    "gated_crn, causal": {**GATED_CRN, **LIVE},
    "gated_crn, causal, global": {**GATED_CRN, **LIVE, "form": "global"},
    "tea_pse": TEA_PSE,
    "tea_pse, global": {**TEA_PSE, "form": "global"},
    "tea_pse, causal": {**TEA_PSE, **LIVE},
    "tea_pse, causal, global": {**TEA_PSE, **LIVE, "form": "global"},
    "bsrnn": BSRNN,
    "bsrnn, local": {**BSRNN, "form": "local"},
    "bsrnn, global": {**BSRNN, "form": "global"},
    "bsrnn, causal": {**BSRNN, **LIVE},
    "bsrnn, causal, local": {**BSRNN, **LIVE, "form": "local"},
    "bsrnn, causal, global": {**BSRNN, **LIVE, "form": "global"},
    "bsrnn, causal, bounded cells": {**BSRNN, **LIVE, "cell_limit": 0.2, "activity": 0},
    "tea_pse, causal, cumulative norm": {**TEA_PSE, **LIVE, "norm": "cumulative"},
}

TOLERANCE = 1e-4  # of a node's largest value
LEAST_COSINE = 0.999999


def read(file, samples):
    """That many samples of a 16 kHz mono file, repeated where it is shorter, [1, samples]."""
    wave, rate = soundfile.read(file, dtype="float32")
    assert rate == 16000
    return torch.from_numpy(numpy.tile(wave, -(-samples // len(wave)))[:samples])[None]


def tone(rng, seconds, hz):
    """A swelling tone with a little noise, float32 [seconds * 16000]."""
    t = numpy.arange(int(seconds * 16000)) / 16000.0
    x = numpy.sin(2 * numpy.pi * hz * t) * (1 + 0.5 * numpy.sin(2 * numpy.pi * 3 * t))
    return (0.1 * x + 0.01 * rng.standard_normal(len(t))).astype(numpy.float32)
