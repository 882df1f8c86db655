# SPDX-License-Identifier: Apache-2.0
"""ligero: the voice of one enrolled person, out of a recording or a live stream.

    import ligero

    voice = ligero.enroll("ann.wav")
    ann = ligero.extract("meeting.wav", voice=voice)

    with ligero.Stream(voice, 48000) as stream:
        out = stream.process(block)

All errors are subclasses of LigeroError, with the C library's message.
"""

from __future__ import annotations

from .extraction import extract
from .library import (BadArgument, BadModel, BadState, InternalError, LibraryError, LigeroError,
                      NewerModel, TooLittleMemory, UnsupportedHardware, UnsupportedModel)
from .model import ModelInfo, models
from .sound import SoundWarning
from .stream import Statistics, Stream
from .voice import Report, Voice, enroll

__all__ = ["BadArgument", "BadModel", "BadState", "InternalError", "LibraryError", "LigeroError",
           "ModelInfo", "NewerModel", "Report", "SoundWarning", "Statistics", "Stream",
           "TooLittleMemory", "UnsupportedHardware", "UnsupportedModel", "Voice", "enroll", "extract",
           "models"]


def __getattr__(name: str) -> str:
    if name == "__version__":  # the library is loaded at its first use
        from .library import version

        return version()
    raise AttributeError(f"module 'ligero' has no attribute '{name}'")
