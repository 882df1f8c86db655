# SPDX-License-Identifier: Apache-2.0
"""The C library, loaded at the first use, and its refusals as exceptions. Not: arrays (sound.py)."""

from __future__ import annotations

import ctypes as c
import os
import threading
from pathlib import Path
from typing import Callable, Optional

API_VERSION = 5
"""LIGERO_API_VERSION that this package is written for."""

MOST_SIDE_OUTPUTS = 4

BANDWIDTHS = ("full", "speech")


class LigeroError(Exception):
    """A refusal. The text says what was wrong, where, and what was expected."""


class BadArgument(LigeroError, ValueError):
    """An argument, an array or a file is not what is expected."""


class BadState(LigeroError, RuntimeError):
    """The call does not fit the state: a closed stream, or a stream that another thread uses now."""


class BadModel(LigeroError):
    """A model or profile file is damaged or inconsistent."""


class UnsupportedModel(LigeroError):
    """The file is valid, but needs something that this build lacks."""


class NewerModel(LigeroError):
    """The file was written by a newer ligero."""


class TooLittleMemory(LigeroError, MemoryError):
    """The machine has too little memory."""


class UnsupportedHardware(LigeroError):
    """The processor or GPU cannot be used."""


class InternalError(LigeroError):
    """A fault of ligero itself. Please report it."""


class LibraryError(LigeroError, ImportError):
    """The C library is missing, of another version, or not for this machine."""


_ERRORS = (BadArgument, BadState, BadModel, UnsupportedModel, NewerModel, TooLittleMemory,
           UnsupportedHardware, InternalError)  # ligero_status, from 1


class ModelInfo(c.Structure):
    """ligero_model_info."""

    _fields_ = [("struct_bytes", c.c_uint32), ("rate_hz", c.c_uint32), ("hop_samples", c.c_uint32),
                ("takes_profile", c.c_uint32), ("side_outputs", c.c_uint32),
                ("side_output_names", c.c_char_p * MOST_SIDE_OUTPUTS)]


class AnchorReport(c.Structure):
    """ligero_anchor_report."""

    _fields_ = [("struct_bytes", c.c_uint32), ("speech_seconds", c.c_float), ("level_db", c.c_float),
                ("noise_db", c.c_float), ("clipped_share", c.c_float), ("cleaned_samples", c.c_int64),
                ("advice", c.c_char_p)]


class SessionConfig(c.Structure):
    """ligero_session_config."""

    _fields_ = [(name, c.c_uint32) for name in
                ("struct_bytes", "rate_hz", "channels", "pass_without_target", "block_hops",
                 "context_hops", "look_ahead_hops", "device", "channel_mask", "bandwidth")]


def bandwidth(name: str) -> int:
    """A ligero_bandwidth."""
    if name not in BANDWIDTHS:
        raise BadArgument(f"bandwidth is {name!r}; expected {' or '.join(map(repr, BANDWIDTHS))}")
    return BANDWIDTHS.index(name)


class Statistics(c.Structure):
    """ligero_statistics."""

    _fields_ = [("struct_bytes", c.c_uint32), ("device", c.c_uint32), ("samples", c.c_int64),
                ("cleaned_samples", c.c_int64), ("healed_hops", c.c_int64),
                ("lost_devices", c.c_int64)]


def sized(struct_type):
    """A zeroed struct whose struct_bytes is set."""
    struct = struct_type()
    struct.struct_bytes = c.sizeof(struct)
    return struct


_handle = c.c_void_p
_out = c.POINTER(c.c_void_p)
_floats = c.c_void_p

# Functions that return a ligero_status. A call raises where the status is not LIGERO_OK.
_CHECKED = {
    "ligero_model_open": (c.c_char_p, _out),
    "ligero_get_model_info": (_handle, c.POINTER(ModelInfo)),
    "ligero_enroll": (_handle, _floats, c.c_size_t, c.c_uint32, c.c_uint32, _out,
                      c.POINTER(AnchorReport)),
    "ligero_profile_load": (c.c_char_p, _out),
    "ligero_profile_save": (_handle, c.c_char_p),
    "ligero_profile_similarity": (_handle, _handle, c.POINTER(c.c_float)),
    "ligero_session_bytes": (_handle, c.POINTER(SessionConfig), c.POINTER(c.c_size_t)),
    "ligero_batch_create": (_handle, c.POINTER(SessionConfig), c.c_uint32, _out),
    "ligero_batch_process": (_handle, c.c_void_p, c.c_void_p, c.c_uint32),
    "ligero_set_target": (_handle, _handle),
    "ligero_set_strength": (_handle, c.c_float, c.c_float),
    "ligero_set_bypass": (_handle, c.c_int),
    "ligero_side_output": (_handle, c.c_char_p, c.POINTER(c.c_float)),
    "ligero_finish": (_handle,),
    "ligero_reset": (_handle,),
    "ligero_get_statistics": (_handle, c.POINTER(Statistics)),
    "ligero_resample": (_floats, c.c_size_t, c.c_uint32, c.c_uint32, _floats, c.c_size_t),
    "ligero_extract": (_handle, _handle, _floats, c.c_size_t, c.c_uint32, c.c_uint32, _floats),
}
_OTHER = {
    "ligero_version": (c.c_uint32, ()),
    "ligero_version_string": (c.c_char_p, ()),
    "ligero_last_error": (c.c_char_p, ()),
    "ligero_model_close": (None, (_handle,)),
    "ligero_profile_close": (None, (_handle,)),
    "ligero_batch_destroy": (None, (_handle,)),
    "ligero_batch_session": (_handle, (_handle, c.c_uint32)),
    "ligero_latency": (c.c_uint32, (_handle,)),
}


def path() -> Path:
    """The library's file: LIGERO_LIBRARY, or libligero.so in the package."""
    given = os.environ.get("LIGERO_LIBRARY")
    return Path(given) if given else Path(__file__).resolve().parent / "libligero.so"


def _open(file: Path) -> c.CDLL:
    if not file.is_file():
        raise LibraryError(f"'{file}' is not there; expected the C library of ligero "
                           "(the wheel has it; LIGERO_LIBRARY names another one)")
    try:
        lib = c.CDLL(str(file))
    except OSError as e:
        raise LibraryError(f"'{file}' cannot be loaded: {e}") from e
    try:
        lib.ligero_version.restype = c.c_uint32
        version = lib.ligero_version()
    except AttributeError:
        raise LibraryError(f"'{file}' is not the C library of ligero: it has no "
                           "ligero_version()") from None
    if version != API_VERSION:
        raise LibraryError(f"'{file}' has version {version} of the C API; expected {API_VERSION}")
    return lib


def _check(lib: c.CDLL) -> Callable:
    def check(status: int, _function, _arguments) -> int:
        if status:
            message = lib.ligero_last_error().decode(errors="replace")
            known = 1 <= status <= len(_ERRORS)
            raise (_ERRORS[status - 1] if known else InternalError)(message)
        return status

    return check


def _load(file: Path) -> c.CDLL:
    lib = _open(file)
    check = _check(lib)
    try:
        for name, (result, arguments) in _OTHER.items():
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
        for name, arguments in _CHECKED.items():
            function = getattr(lib, name)
            function.restype, function.argtypes, function.errcheck = c.c_int, arguments, check
    except AttributeError as e:
        raise LibraryError(f"'{file}' is of another version of ligero: {e}") from None
    return lib


_loaded: Optional[c.CDLL] = None
_lock = threading.Lock()


def library() -> c.CDLL:
    """The loaded library. LibraryError: it is missing, of another version or for another machine."""
    global _loaded
    if _loaded is None:
        with _lock:
            if _loaded is None:
                _loaded = _load(path())
    return _loaded


def version() -> str:
    """Version of the library, MAJOR.MINOR.PATCH."""
    return library().ligero_version_string().decode()


def file_name(name: "os.PathLike[str] | str") -> bytes:
    """A path as the library takes it. BadArgument: it holds a zero byte."""
    encoded = os.fsencode(name)
    if b"\0" in encoded:
        raise BadArgument(f"the name {name!r} holds a zero byte")
    return encoded
