# SPDX-License-Identifier: Apache-2.0
"""What the native tool makes of the demo's recordings: models, profiles and voices that the browser's are
compared with. Not: the comparison (web_test.py)."""

from __future__ import annotations

import array
import os
import platform
import subprocess
import wave
from pathlib import Path

PRETRAINED = Path("model/pretrained")
# By LIGERO_CPU_MASK: the reference kernels, and those that are as wide as WebAssembly's vectors.
REFERENCE = "0"
SSE4 = "1"
ON_X86 = platform.machine() in ("x86_64", "AMD64")
FLOAT_MODEL = "bsrnn-live-f16"
FLOAT_RATES = (16000, 44100, 48000, 96000)
INT8_MODELS = ("bsrnn-live-int8", "lgr-tse-small-live-int8", "lgr-tse-tiny-live-int8")
SCALAR_MODEL = "lgr-tse-tiny-live-f16"


def read_wav(path: Path) -> array.array:
    """The floats of a WAV file whose last chunk they are."""
    data = path.read_bytes()
    at = data.index(b"data") + 8
    return array.array("f", data[at:])


def at_rate(samples: array.array, rate: int) -> array.array:
    """Recordings of 16 kHz at another rate, along straight lines: they only have to be the same everywhere."""
    step = 16000 / rate
    out = array.array("f")
    for i in range(int((len(samples) - 1) / step)):
        k, part = divmod(i * step, 1.0)
        out.append(samples[int(k)] * (1 - part) + samples[int(k) + 1] * part)
    return out


class Native:
    """Files of the folder `work`; `build`: the build folder of the tool and the converter."""

    def __init__(self, work: Path, build: Path):
        self.work = work
        self.tool = build / "platforms/cli/ligero"
        self.converter = build / "converter/ligero-convert"
        self.mixture = read_wav(work / "mixture.wav")

    def call(self, *arguments, mask: str = REFERENCE, **options) -> str:
        return subprocess.run(list(map(str, arguments)), check=True, text=True, stdout=subprocess.PIPE,
                              env={**os.environ, "LIGERO_CPU_MASK": mask}, **options).stdout

    def model(self, name: str) -> Path:
        """Converts "NAME-WEIGHTS" and enrols the woman with it."""
        path = self.work / f"{name}.lgm"
        system, weights = name.rsplit("-", 1)
        self.call(self.converter, PRETRAINED / f"{system}.safetensors", "--config", PRETRAINED / f"{system}.json",
                  "--weights", weights, "-o", path)
        said = self.call(self.tool, "enroll", "--model", path, self.work / "anchor.wav", "-o", path.with_suffix(".profile"))
        path.with_suffix(".said").write_text(said)
        return path

    def live(self, name: str, rate: int, mask: str, kernels: str):
        """The mixture as a stream."""
        with open(self.work / f"mixture-{rate}.raw", "rb") as sound, \
                open(self.work / f"{name}-{rate}-{kernels}.raw", "wb") as voice:
            subprocess.run([self.tool, "live", "--model", self.work / f"{name}.lgm", "--profile",
                            self.work / f"{name}.profile", "--raw", f"{rate}:1:f32"], check=True, stdin=sound,
                           stdout=voice, stderr=subprocess.DEVNULL, env={**os.environ, "LIGERO_CPU_MASK": mask})

    def make(self):
        for rate in FLOAT_RATES:
            sound = self.mixture if rate == 16000 else at_rate(self.mixture, rate)
            (self.work / f"mixture-{rate}.raw").write_bytes(sound.tobytes())
        (self.work / "anchor.raw").write_bytes(read_wav(self.work / "anchor.wav").tobytes())
        self.model(FLOAT_MODEL)
        for rate in FLOAT_RATES:
            self.live(FLOAT_MODEL, rate, REFERENCE, "reference")
        self.model(SCALAR_MODEL)
        self.live(SCALAR_MODEL, 16000, REFERENCE, "reference")
        for name in INT8_MODELS:
            self.model(name)
            self.live(name, 16000, REFERENCE, "reference")
            self.live(name, 16000, SSE4, "sse4")
        path = self.work / "whole.wav"
        self.call(self.tool, "extract", "--model", self.work / f"{FLOAT_MODEL}.lgm", "--profile",
                  self.work / f"{FLOAT_MODEL}.profile", self.work / "mixture.wav", "-o", path)
        (self.work / "whole.raw").write_bytes(read_wav(path).tobytes())
        self.make_bad_files()
        self.make_microphone()

    def make_bad_files(self):
        """Of another version, damaged, and of no kind at all."""
        major, any_byte = 8, 200
        for kind in ("lgm", "profile"):
            good = (self.work / f"{INT8_MODELS[0]}.{kind}").read_bytes()
            for name, at, value in (("newer", major, 99), ("damaged", any_byte, good[any_byte] ^ 1)):
                (self.work / f"{name}.{kind}").write_bytes(good[:at] + bytes([value]) + good[at + 1:])
        (self.work / "noise.wav").write_bytes(b"RIFF, but no sound follows")
        (self.work / "empty.html").write_text("<!DOCTYPE html><title>empty</title><link rel='icon' href='data:,'>")

    def make_microphone(self):
        """What the browser's microphone hears over and over."""
        with wave.open(str(self.work / "microphone.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(48000)
            file.writeframes(array.array("h", (int(32767 * x) for x in at_rate(self.mixture, 48000))).tobytes())
