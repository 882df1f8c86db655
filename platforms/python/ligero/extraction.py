# SPDX-License-Identifier: Apache-2.0
"""extract(): whole recordings."""

from __future__ import annotations

from typing import Optional, Sequence, Union

import numpy as np

from . import library as lib
from . import sound
from .model import Model, ModelName, choose
from .voice import Voice, check_voice

Voices = Union[Voice, Sequence[Voice], None]


def chosen_model(voices: Sequence[Voice], name: ModelName) -> Model:
    """The model named, else the one that made the first voice, else the default. BadArgument: the model
    needs a voice and none is given, or the other way round."""
    model = choose(name, voices[0].model if voices else None)
    if voices and not model.info.takes_profile:
        raise lib.BadArgument(f"the model '{model.info.name}' takes no voice: it is always on")
    if not voices and model.info.takes_profile:
        raise lib.BadArgument(f"the model '{model.info.name}' needs a voice; expected one from "
                              "enroll() or Voice.load()")
    return model


def voice_list(voice: Voices) -> "tuple[Voice, ...]":
    if voice is None:
        return ()
    if isinstance(voice, (list, tuple)):
        if not voice:
            raise lib.BadArgument("the list of voices is empty; expected a voice, or None")
        return tuple(check_voice(v) for v in voice)
    return (check_voice(voice),)


def extract(recording: sound.Samples, rate: Optional[int] = None, voice: Voices = None, *,
            model: ModelName = None, bandwidth: str = "full") -> np.ndarray:
    """One person's voice out of a recording: what `ligero extract` gives, bit for bit.

    recording: a file, or an array [frames] or [frames, channels] of int16, float32 or float64 (full
    scale 1) with its `rate` in Hz. The mean of the channels that carry sound is taken.
    voice: from enroll() or Voice.load(). A list of n voices gives each person's voice apart. None for
    a model that takes no voice.
    model: a name from models() or a path; default: the one that made the voice, else the first of
    models().
    bandwidth: "full": what lies above the band that the network hears follows the voice; "speech":
    nothing above that band.

    Returns [frames], or [n, frames] for a list, of the recording's rate and length: int16 for int16
    (clipped at full scale), else float32.

    Raises BadArgument for what cannot be read, is empty, or of another shape, type or rate, and for a
    voice of another model family. Samples that are no numbers count as zero, with a SoundWarning. The
    interpreter's lock is released meanwhile. Recordings of more than a minute run frame by frame, or in
    blocks where the model cannot.
    """
    voices = voice_list(voice)
    chosen = chosen_model(voices, model)
    result = extract_sound(sound.read(recording, rate), voices, chosen, bandwidth)
    return result if isinstance(voice, (list, tuple)) else result[0]


def extract_sound(heard: sound.Sound, voices: Sequence[Voice], chosen: Model,
                  bandwidth: str = "full") -> np.ndarray:
    """extract() of what was read already: [n, frames], one row where there is no voice."""
    out = np.empty((max(1, len(voices)), len(heard.samples)), np.float32)
    library = lib.library()
    for row, who in zip(out, voices or (None,)):
        library.ligero_extract(chosen.handle, None if who is None else who._handle,
                               heard.samples.ctypes.data, len(heard.samples), heard.rate_hz,
                               lib.bandwidth(bandwidth), row.ctypes.data)
    return sound.to_int16(out) if heard.sixteen_bit else out
