"""The options of a network, read from one JSON file that the C++ converter reads too.

Keys, types and defaults live here; what the networks do with them lives in lgr_tse.py.
The defaults are those of spec 12 (the table of ambiguities and resolutions).
"""

from __future__ import annotations

import dataclasses
import json
import math
import typing
from dataclasses import dataclass, field
from pathlib import Path


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names the key and what was expected."""


def _choice(default, *values):
    return field(default=default, metadata={"choices": values})


def _count(default, least=1):
    return field(default=default, metadata={"least": least})


def _counts(*default, least=1):
    return field(default_factory=lambda: list(default),
                 metadata={"least": least, "length": len(default)})


@dataclass
class ArnConfig:
    """Switches of the attentive recurrent network (spec 1.2); they hold for the ARN_frame too.

    window: frames that attention sees, the current one and window - 1 past ones; 0 = unbounded.
            Only the separator's attention uses it, and only in a causal network.
    """

    window: int = _count(0, least=0)
    q_norm: bool = False
    feed_forward: str = _choice("split", "split", "two_linear")
    dropout: float = 0.05


@dataclass
class ArnFrameConfig:
    """The ARN along the bins of one anchor frame (spec 1.4)."""

    size: int = _count(32, least=2)
    form: str = _choice("F1", "F1", "F2")


@dataclass
class DeepFilterConfig:
    """Extent of the complex deep filter (spec 2.6), both odd."""

    frames: int = _count(5)
    bins: int = _count(3)


@dataclass
class EcapaConfig:
    """ECAPA-TDNN (spec 3.1); the defaults are the paper's sizes."""

    channels: int = _count(2048)
    mfa: int = _count(6144)
    attention: int = _count(256)
    embedding: int = _count(256)
    scale: int = _count(8, least=2)
    se: int = _count(128)
    kernels: list[int] = _counts(5, 3, 3, 3, 1)
    dilations: list[int] = _counts(1, 2, 3, 4, 1)
    global_context: bool = True
    final_bn: bool = False
    padding: str = _choice("reflect", "reflect", "zero")


@dataclass
class Config:
    """One network. `system` and `name` must be given; all else has the spec's default.

    channels: output channels of conv2d_1 .. conv2d_5; the ARN's size is 4 * channels[4].
    compression: p of S |S|^(p-1), in which the network sees both spectra; 1 (the paper): linear.
    """

    system: str = field(metadata={"choices": ("lgr_tse",)})
    name: str
    form: str = _choice("lgr", "lgr", "local", "global")
    causal: bool = False
    sample_rate: int = field(default=16000, metadata={"choices": (16000,)})
    window: int = field(default=320, metadata={"choices": (320,)})
    hop: int = field(default=160, metadata={"choices": (160,)})
    input_level: str = _choice("file", "file", "window", "none")
    channels: list[int] = _counts(16, 32, 64, 128, 256)
    compression: float = field(default=1.0, metadata={"above": 0.0, "most": 1.0})
    mix_feats: str = _choice("mag_re_im", "mag_re_im", "re_im")
    level0: str = _choice("arn", "arn", "mag_arn")
    local_feats: str = _choice("mag_arn", "mag_arn", "mag_re_im_arn")
    arn: ArnConfig = field(default_factory=ArnConfig)
    arn_frame: ArnFrameConfig = field(default_factory=ArnFrameConfig)
    last_activation: str = _choice("tanh", "tanh", "linear", "bn_prelu")
    deep_filter: DeepFilterConfig = field(default_factory=DeepFilterConfig)
    prelu: str = _choice("channel", "channel", "layer")
    normalise_embedding: bool = False
    ecapa: EcapaConfig = field(default_factory=EcapaConfig)
    licence: str = ""
    training_data: str = ""

    @property
    def arn_size(self) -> int:
        """N: 4 bins of the last encoder layer, flattened."""
        return 4 * self.channels[-1]

    @property
    def has_local(self) -> bool:
        return self.form in ("lgr", "local")

    @property
    def has_global(self) -> bool:
        return self.form in ("lgr", "global")


def _fail(path, got, expected):
    raise ConfigError(f"{path}: got {got!r}, expected {expected}")


def _check_integer(path, value, least):
    if isinstance(value, bool) or not isinstance(value, int):
        _fail(path, value, "an integer")
    if least is not None and value < least:
        _fail(path, value, f"an integer of at least {least}")
    return value


def _value(path, value, kind, metadata):
    if dataclasses.is_dataclass(kind):
        return _build(kind, value, path)
    if kind is bool:
        if not isinstance(value, bool):
            _fail(path, value, "true or false")
    elif kind is int:
        _check_integer(path, value, metadata.get("least"))
    elif kind is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            _fail(path, value, "a number")
        value = float(value)
        if not metadata.get("above", -math.inf) < value <= metadata.get("most", math.inf):
            _fail(path, value, f"a number above {metadata['above']} and at most {metadata['most']}")
    elif kind is str:
        if not isinstance(value, str):
            _fail(path, value, "a string")
    else:  # list[int]
        length = metadata["length"]
        if not isinstance(value, list) or len(value) != length:
            _fail(path, value, f"a list of {length} integers")
        value = [_check_integer(f"{path}[{i}]", v, metadata.get("least"))
                 for i, v in enumerate(value)]
    choices = metadata.get("choices")
    if choices and value not in choices:
        _fail(path, value, "one of " + ", ".join(repr(c) for c in choices))
    return value


def _build(cls, values, path):
    if not isinstance(values, dict):
        _fail(path, values, "an object")
    kinds = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    for key in values:
        if key not in fields:
            raise ConfigError(f"{path}.{key}: unknown key; expected one of {', '.join(fields)}")
    for name, f in fields.items():
        if (name not in values and f.default is dataclasses.MISSING
                and f.default_factory is dataclasses.MISSING):
            raise ConfigError(f"{path}.{name}: missing key; expected a value")
    return cls(**{key: _value(f"{path}.{key}", value, kinds[key], fields[key].metadata)
                  for key, value in values.items()})


def _check_together(c: Config, path):
    if c.arn.window and not c.causal:
        _fail(f"{path}.arn.window", c.arn.window, "0 where `causal` is false")
    if not 0.0 <= c.arn.dropout < 1.0:
        _fail(f"{path}.arn.dropout", c.arn.dropout, "a number in [0, 1)")
    if c.arn_frame.size % 2:
        _fail(f"{path}.arn_frame.size", c.arn_frame.size, "an even integer")
    for key in ("frames", "bins"):
        if getattr(c.deep_filter, key) % 2 == 0:
            _fail(f"{path}.deep_filter.{key}", getattr(c.deep_filter, key), "an odd integer")
    if c.ecapa.channels % c.ecapa.scale:
        _fail(f"{path}.ecapa.channels", c.ecapa.channels,
              f"a multiple of ecapa.scale ({c.ecapa.scale})")
    for i, kernel in enumerate(c.ecapa.kernels):
        if kernel % 2 == 0:
            _fail(f"{path}.ecapa.kernels[{i}]", kernel, "an odd integer")


def from_dict(values: dict, path: str = "config") -> Config:
    """Builds a Config from parsed JSON. Raises ConfigError naming the key at fault."""
    config = _build(Config, values, path)
    _check_together(config, path)
    return config


def load_config(file) -> Config:
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


def to_dict(config: Config) -> dict:
    """The configuration as plain JSON values, every key written out."""
    return dataclasses.asdict(config)
