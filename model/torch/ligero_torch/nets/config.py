# SPDX-License-Identifier: Apache-2.0
"""The options of a network, as one JSON file holds them that the C++ converter reads too.

What all systems share lives here; a system's own keys are beside its network (systems.py lists
them, and reads the files). The defaults are those of spec 12 (the table of ambiguities and
resolutions).
"""

from __future__ import annotations

import dataclasses
import math
import typing
from dataclasses import dataclass, field

from ..data.audio import SAMPLE_RATE_HZ


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names the key and what was expected."""


def choice(default, *values):
    return field(default=default, metadata={"choices": values})


def count(default, least=1):
    return field(default=default, metadata={"least": least})


def counts(*default, least=1):
    return field(default_factory=lambda: list(default),
                 metadata={"least": least, "length": len(default)})


def exponent(default):
    """Of a compression: above 0, at most 1."""
    return field(default=default, metadata={"above": 0.0, "most": 1.0})


@dataclass
class ArnSwitches:
    """Switches of the attentive recurrent network (spec 1.2)."""

    q_norm: bool = False
    feed_forward: str = choice("split", "split", "two_linear")
    dropout: float = 0.05


@dataclass
class ArnConfig(ArnSwitches):
    """An ARN along time; its switches hold for the ARN_frame too.

    window: frames that attention sees, the current one and window - 1 past ones; 0 = unbounded.
            Only in a causal network.
    """

    window: int = count(0, least=0)


@dataclass
class ArnFrameConfig:
    """The ARN along the bins of one anchor frame (spec 1.4)."""

    size: int = count(32, least=2)
    form: str = choice("F1", "F1", "F2")


@dataclass
class DeepFilterConfig:
    """Extent of the complex deep filter (spec 2.6), both odd."""

    frames: int = count(5)
    bins: int = count(3)

    def check(self, path):
        for key in ("frames", "bins"):
            if getattr(self, key) % 2 == 0:
                fail(f"{path}.{key}", getattr(self, key), "an odd integer")


@dataclass
class EcapaConfig:
    """ECAPA-TDNN (spec 3.1); the defaults are the paper's sizes."""

    channels: int = count(2048)
    mfa: int = count(6144)
    attention: int = count(256)
    embedding: int = count(256)
    scale: int = count(8, least=2)
    se: int = count(128)
    kernels: list[int] = counts(5, 3, 3, 3, 1)
    dilations: list[int] = counts(1, 2, 3, 4, 1)
    global_context: bool = True
    final_bn: bool = False
    padding: str = choice("reflect", "reflect", "zero")


@dataclass
class SystemConfig:
    """What every system has. `system` and `name` must be given; all else has the spec's default.

    form: which of the speaker's representations the network uses (a system names those it has).
    compression: p of S |S|^(p-1), in which the network sees both spectra; 1: linear.
    """

    system: str
    name: str
    form: str = choice("lgr", "lgr", "local", "global")
    causal: bool = False
    sample_rate: int = field(default=SAMPLE_RATE_HZ, metadata={"choices": (SAMPLE_RATE_HZ,)})
    window: int = field(default=320, metadata={"choices": (320,)})
    hop: int = field(default=160, metadata={"choices": (160,)})
    input_level: str = choice("file", "file", "window", "none")
    compression: float = exponent(1.0)
    normalise_embedding: bool = False
    ecapa: EcapaConfig = field(default_factory=EcapaConfig)
    licence: str = ""
    training_data: str = ""

    @property
    def has_local(self) -> bool:
        return self.form in ("lgr", "local")

    @property
    def has_global(self) -> bool:
        return self.form in ("lgr", "global")

    def check(self, path):
        """Raises ConfigError where keys do not go together."""
        e = self.ecapa
        if e.channels % e.scale:
            fail(f"{path}.ecapa.channels", e.channels, f"a multiple of ecapa.scale ({e.scale})")
        for i, kernel in enumerate(e.kernels):
            if kernel % 2 == 0:
                fail(f"{path}.ecapa.kernels[{i}]", kernel, "an odd integer")


@dataclass
class ArnFrameSystemConfig(SystemConfig):
    """A system whose local network begins with the ARN along the bins. arn: switches of that."""

    arn: ArnSwitches = field(default_factory=ArnSwitches)
    arn_frame: ArnFrameConfig = field(default_factory=ArnFrameConfig)

    def check(self, path):
        super().check(path)
        if not 0.0 <= self.arn.dropout < 1.0:
            fail(f"{path}.arn.dropout", self.arn.dropout, "a number in [0, 1)")
        if self.arn_frame.size % 2:
            fail(f"{path}.arn_frame.size", self.arn_frame.size, "an even integer")


def fail(path, got, expected):
    raise ConfigError(f"{path}: got {got!r}, expected {expected}")


def _check_integer(path, value, least):
    if isinstance(value, bool) or not isinstance(value, int):
        fail(path, value, "an integer")
    if least is not None and value < least:
        fail(path, value, f"an integer of at least {least}")
    return value


def _value(path, value, kind, metadata):
    if dataclasses.is_dataclass(kind):
        return build(kind, value, path)
    if kind is bool:
        if not isinstance(value, bool):
            fail(path, value, "true or false")
    elif kind is int:
        _check_integer(path, value, metadata.get("least"))
    elif kind is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            fail(path, value, "a number")
        value = float(value)
        if not metadata.get("above", -math.inf) < value <= metadata.get("most", math.inf):
            fail(path, value, f"a number above {metadata['above']} and at most {metadata['most']}")
    elif kind is str:
        if not isinstance(value, str):
            fail(path, value, "a string")
    else:  # list[int]
        length = metadata["length"]
        if not isinstance(value, list) or len(value) != length:
            fail(path, value, f"a list of {length} integers")
        value = [_check_integer(f"{path}[{i}]", v, metadata.get("least"))
                 for i, v in enumerate(value)]
    choices = metadata.get("choices")
    if choices and value not in choices:
        fail(path, value, "one of " + ", ".join(repr(c) for c in choices))
    return value


def build(cls, values, path):
    """A dataclass of this module from parsed JSON. Raises ConfigError naming the key at fault."""
    if not isinstance(values, dict):
        fail(path, values, "an object")
    kinds = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    for key in values:
        if key not in fields:
            raise ConfigError(f"{path}.{key}: unknown key; expected one of {', '.join(fields)}")
    for name, f in fields.items():
        if (name not in values and f.default is dataclasses.MISSING
                and f.default_factory is dataclasses.MISSING):
            raise ConfigError(f"{path}.{name}: missing key; the keys are {', '.join(fields)}")
    return cls(**{key: _value(f"{path}.{key}", value, kinds[key], fields[key].metadata)
                  for key, value in values.items()})


def to_dict(config: SystemConfig) -> dict:
    """The configuration as plain JSON values, every key written out."""
    return dataclasses.asdict(config)
