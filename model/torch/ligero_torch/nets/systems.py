"""The systems by name: each an extractor.Extractor, with its configuration as its `Config`."""

from __future__ import annotations

from .gated_crn import GatedCrn
from .lgr_tse import LgrTse
from .speakerfilter import Speakerfilter
from .tea_pse import TeaPse
from .voicefilter import VoiceFilter

SYSTEMS = {
    "lgr_tse": LgrTse,
    "voicefilter": VoiceFilter,
    "speakerfilter": Speakerfilter,
    "gated_crn": GatedCrn,
    "tea_pse": TeaPse,
}


def make(config):
    """The network that a configuration describes. Raises nothing: configurations are checked."""
    return SYSTEMS[config.system](config)
