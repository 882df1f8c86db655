# SPDX-License-Identifier: Apache-2.0
"""The systems by name: each an extractor.Extractor, or a network that needs no speaker (gtcrn.py), with
its configuration as its `Config`.

Reads configurations, and makes the network that one describes.
"""

from __future__ import annotations

import json
from pathlib import Path

from .bsrnn import Bsrnn
from .config import ConfigError, SystemConfig, build, fail
from .gated_crn import GatedCrn
from .gtcrn import Gtcrn
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
    "bsrnn": Bsrnn,
    "gtcrn": Gtcrn,
}


def make(config):
    """The network that a configuration describes. Raises nothing: configurations are checked."""
    return SYSTEMS[config.system](config)


def from_dict(values: dict, path: str = "config") -> SystemConfig:
    """Builds the configuration of the system that parsed JSON names. Raises ConfigError naming the
    key at fault."""
    if not isinstance(values, dict):
        fail(path, values, "an object")
    system = values.get("system")
    if not isinstance(system, str) or system not in SYSTEMS:
        fail(f"{path}.system", system, "one of " + ", ".join(repr(name) for name in SYSTEMS))
    config = build(SYSTEMS[system].Config, values, path)
    config.check(path)
    return config


def load_config(file) -> SystemConfig:
    """Reads a JSON configuration file. Raises ConfigError: file, key, what was expected."""
    file = Path(file)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as e:
        raise ConfigError(f"{file}: cannot be read: {e.strerror}") from e
    try:
        values = json.loads(text)
    except json.JSONDecodeError as e:
        raise ConfigError(f"{file}: not JSON: line {e.lineno}, column {e.colno}: {e.msg}") from e
    return from_dict(values, str(file))


def find_config(name: str) -> SystemConfig:
    """The configuration of that name in configs/, or of a JSON file. Raises as load_config."""
    path = Path(name)
    if path.suffix != ".json":
        path = Path(__file__).resolve().parents[2] / "configs" / f"{name}.json"
    return load_config(path)
