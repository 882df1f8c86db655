# SPDX-License-Identifier: Apache-2.0
"""Stream: live sound, block by block."""

from __future__ import annotations

import ctypes as c
import threading
import weakref
from dataclasses import dataclass
from typing import Any, Callable, Optional

import numpy as np

from . import library as lib
from . import sound
from .extraction import Voices, chosen_model, voice_list
from .model import ModelName
from .voice import Voice, check_voice

MOST_FRAMES = 2**31 - 1
ACTIVITY = "activity"


@dataclass(frozen=True)
class Statistics:
    """Counters since the stream began or was reset."""

    samples: int
    """Processed samples, per channel."""
    cleaned_samples: int
    """Samples that were no numbers or beyond 8 times full scale, and counted as zero."""
    healed_hops: int
    """Hops for which the network gave no number and was reset."""


def _destroy(library: c.CDLL, batch: c.c_void_p, _model: object) -> None:
    library.ligero_batch_destroy(batch)


class Stream:
    """A live session: sound in, the voice out, `latency` frames later.

    voice: from enroll() or Voice.load(); a list of n voices gives each person's voice apart, and they
    share one copy of the weights. None for a model that takes no voice.
    rate: of input and output, in Hz, 8000 to 192000. channels: 1 to 32, mixed to one.
    model: a name from models() or a path; default: the one that made the voice, else the first of
    models(). block: seconds per block for a model that is not `live`; it then sees `context` seconds
    before a block and `look_ahead` seconds after it. strength: 1 the voice alone, 0 the input.
    limit_db: most by which everything else is attenuated; 100: no limit. bandwidth: "full": what lies
    above the band that the network hears follows the voice; "speech": nothing above that band.

    Raises BadArgument for arguments out of range, and for a model that needs `block`.

    One thread at a time: a second one gets BadState. Streams in different threads run at the same time,
    because process() releases the interpreter's lock. Use it in a `with`, or call close().
    """

    def __init__(self, voice: Voices = None, rate: int = 16000, *, channels: int = 1,
                 model: ModelName = None, block: float = 0.0, context: float = 2.0,
                 look_ahead: float = 1.0, strength: float = 1.0, limit_db: float = 100.0,
                 bandwidth: str = "full"):
        voices = voice_list(voice)
        self._lock = threading.Lock()
        self._library = lib.library()
        self._model = chosen_model(voices, model)
        self._one = not isinstance(voice, (list, tuple))
        self._rate, self._channels = sound.check_rate(rate), _check_channels(channels)
        self._seats = max(1, len(voices))
        batch = c.c_void_p()
        config = self._config(block, context, look_ahead)
        config.bandwidth = lib.bandwidth(bandwidth)
        self._library.ligero_batch_create(self._model.handle, c.byref(config), self._seats,
                                          c.byref(batch))
        self._batch: Optional[c.c_void_p] = batch
        self._close = weakref.finalize(self, _destroy, self._library, batch, self._model)
        self._sessions = [c.c_void_p(self._library.ligero_batch_session(batch, k))
                          for k in range(self._seats)]
        pointers = c.c_void_p * (self._seats * self._channels)
        self._in, self._out = pointers(), pointers()
        self._in_at, self._out_at = c.addressof(self._in), c.addressof(self._out)
        self._latency = int(self._library.ligero_latency(self._sessions[0]))
        for session, who in zip(self._sessions, voices):
            self._library.ligero_set_target(session, who._handle)
        self.set_strength(strength, limit_db)

    def _config(self, block: float, context: float, look_ahead: float) -> lib.SessionConfig:
        config = lib.sized(lib.SessionConfig)
        config.rate_hz, config.channels = self._rate, self._channels
        for name, seconds in (("block", block), ("context", context), ("look_ahead", look_ahead)):
            if not 0.0 <= seconds <= 60.0:
                raise lib.BadArgument(f"{name} is {seconds} s; expected 0 to 60 s")
        if block > 0.0:
            config.block_hops = max(1, self._model.hops(block))
            config.context_hops = self._model.hops(context)
            config.look_ahead_hops = self._model.hops(look_ahead)
        return config

    def _open(self) -> None:
        if self._batch is None:
            raise lib.BadState("the stream is closed")

    def _enter(self) -> None:
        if not self._lock.acquire(False):
            raise lib.BadState("another thread uses this stream now; expected one stream per thread")
        if self._batch is None:
            self._lock.release()
            raise lib.BadState("the stream is closed")

    def process(self, block: Any) -> np.ndarray:
        """Takes the next frames and returns as many, delayed by `latency`.

        block: [frames], or [frames, channels] for several channels, of int16, float32 or float64 (full
        scale 1). Any number of frames, also 0 and a different number each time.

        Returns an array of the block's shape, int16 for int16, else float32; for a list of n voices
        [n, frames] or [n, frames, channels]. All channels hold the same voice.

        Raises BadArgument for another shape or type; BadState where the stream is closed, or in use by
        another thread. Samples that are no numbers count as zero; `statistics` has their number.
        """
        x = block if type(block) is np.ndarray and block.dtype == np.float32 else sound.as_array(block)
        frames = self._check_shape(x)
        given = sound.to_float(x)
        planes = np.ascontiguousarray(given if given.ndim == 1 else given.T)
        out = np.empty((self._seats, self._channels, frames), np.float32)
        self._enter()
        try:
            at, size = planes.__array_interface__["data"][0], 4 * frames
            to = out.__array_interface__["data"][0]
            for k in range(self._seats * self._channels):
                self._in[k] = at + k % self._channels * size
                self._out[k] = to + k * size
            if frames:
                self._library.ligero_batch_process(self._batch, self._in_at, self._out_at, frames)
        finally:
            self._lock.release()
        result = out[:, 0] if given.ndim == 1 else out.transpose(0, 2, 1)
        if self._one:
            result = result[0]
        return sound.to_int16(result) if x.dtype.kind == "i" else result

    def _check_shape(self, x: np.ndarray) -> int:
        if x.ndim == 1 and self._channels == 1 or x.ndim == 2 and x.shape[1] == self._channels:
            if x.shape[0] <= MOST_FRAMES:
                return x.shape[0]
        expected = "[frames]" if self._channels == 1 else f"[frames, {self._channels}]"
        raise lib.BadArgument(f"the block has the shape {x.shape}; expected {expected}")

    def flush(self) -> np.ndarray:
        """The last `latency` frames, as at the end of a recording. What follows is a new signal."""
        self._each(self._library.ligero_finish)
        shape = (self._latency,) if self._channels == 1 else (self._latency, self._channels)
        rest = self.process(np.zeros(shape, np.float32))
        self.reset()
        return rest

    def reset(self) -> None:
        """Forgets the signal; voice and settings stay."""
        self._each(self._library.ligero_reset)

    def _each(self, call: Callable[[c.c_void_p], object]) -> None:
        self._enter()
        try:
            for session in self._sessions:
                call(session)
        finally:
            self._lock.release()

    def set_voice(self, voice: Voice, index: int = 0) -> None:
        """Changes the person from the next hop on, over 50 ms, without a click. index: which of several
        voices. Raises BadArgument for a voice of another model family. May be called while another
        thread is in process()."""
        self._open()
        if not 0 <= index < self._seats:
            raise lib.BadArgument(f"the stream has no voice {index}; expected 0 to {self._seats - 1}")
        self._library.ligero_set_target(self._sessions[index], check_voice(voice)._handle)

    def set_strength(self, strength: float, limit_db: float = 100.0) -> None:
        """strength: 1 the voice alone, 0 the input. limit_db: most attenuation of everything else."""
        self._open()
        for session in self._sessions:
            self._library.ligero_set_strength(session, strength, limit_db)

    def set_bypass(self, bypass: bool) -> None:
        """True: the output is the input, with the same latency. The change fades."""
        self._open()
        for session in self._sessions:
            self._library.ligero_set_bypass(session, int(bypass))

    def side_output(self, name: str, index: int = 0) -> float:
        """A value that the network gives for each hop, of the hop that was output last.

        Raises BadArgument where the model has none of that name (`models()[i].side_outputs`).
        """
        self._open()
        value = c.c_float()
        self._library.ligero_side_output(self._sessions[index], name.encode(), c.byref(value))
        return value.value

    @property
    def activity(self) -> float:
        """How much the person speaks now, 0 to 1. BadArgument: the model has no side output "activity"."""
        return self.side_output(ACTIVITY)

    @property
    def latency(self) -> int:
        """Delay from input to output, in frames at the stream's rate."""
        return self._latency

    @property
    def rate(self) -> int:
        return self._rate

    @property
    def channels(self) -> int:
        return self._channels

    @property
    def statistics(self) -> Statistics:
        """Counters of the first voice."""
        self._open()
        raw = lib.sized(lib.Statistics)
        self._library.ligero_get_statistics(self._sessions[0], c.byref(raw))
        return Statistics(raw.samples, raw.cleaned_samples, raw.healed_hops)

    def close(self) -> None:
        """Frees the session. A second call does nothing. BadState: another thread is in process()."""
        if self._batch is None:
            return
        self._enter()
        self._batch = None
        self._lock.release()
        self._close()

    def __enter__(self) -> "Stream":
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_channels(channels: int) -> int:
    if isinstance(channels, bool) or not isinstance(channels, (int, np.integer)) or not (
            1 <= channels <= sound.MOST_CHANNELS):
        raise lib.BadArgument(f"channels is {channels!r}; expected 1 to {sound.MOST_CHANNELS}")
    return int(channels)
