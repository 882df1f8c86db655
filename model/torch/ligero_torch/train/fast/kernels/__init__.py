# SPDX-License-Identifier: Apache-2.0
"""The fused kernels: C++ that is compiled once and called through ctypes.

Each function works in one thread, and several threads may call (the interpreter lock is released).
Five variants compute the same thing. `best()` names the one for this machine:

    amx         AVX-512, products in AMX bf16 tiles
    avx512bf16  AVX-512, products with vdpbf16ps
    avx512      AVX-512, products of bf16 expanded to f32
    avx2        AVX2 and FMA, products of bf16 expanded to f32
    plain       no kernels: nets/bsrnn.py in f32

On Intel avx512 goes before avx512bf16: vdpbf16ps takes two cycles there, a multiply-add half a one.
The environment variable LIGERO_TRAIN_KERNELS forces a variant.
"""

from __future__ import annotations

import ctypes
import hashlib
import math
import os
import platform
import subprocess
from ctypes import c_float, c_long, c_void_p
from pathlib import Path

import torch
from torch import Tensor

HERE = Path(__file__).resolve().parent
BANDS, BINS, FEATURES = 32, 257, 2816

# Processor flags that a variant needs (names of /proc/cpuinfo), and the compiler's options for it.
AVX512 = {"avx512f", "avx512bw", "avx512dq", "avx512vl", "fma"}
NEEDS = {
    "amx": AVX512 | {"avx512_bf16", "amx_tile", "amx_bf16"},
    "avx512bf16": AVX512 | {"avx512_bf16"},
    "avx512": AVX512,
    "avx2": {"avx2", "fma"},
    "plain": set(),
}
WIDE = ["-march=x86-64-v4", "-mprefer-vector-width=512"]
OPTIONS = {
    "amx": [*WIDE, "-mavx512bf16", "-mamx-tile", "-mamx-bf16"],
    "avx512bf16": [*WIDE, "-mavx512bf16"],
    "avx512": WIDE,
    "avx2": ["-march=x86-64-v3"],
}
COMMON_OPTIONS = [
    "-std=c++20", "-O3", "-mtune=native",
    "-fno-math-errno", "-fno-trapping-math", "-fassociative-math", "-fno-signed-zeros",
    "-ffp-contract=fast", "-fvisibility-inlines-hidden", "-fPIC", "-shared",
]

SIGNATURES = {  # what a function takes: so many sizes, numbers, tensors
    "half_forward": (7, 1, 10), "half_backward": (7, 1, 15),
    "encoder_forward": (3, 0, 4), "encoder_backward": (3, 0, 4),
    "decoder_forward": (4, 0, 9), "decoder_backward": (4, 0, 16),
    "features": (2, 1, 6),
}


class KernelError(RuntimeError):
    """A variant cannot be built or run here; the message says why."""


def processor() -> tuple[str, set[str]]:
    """Vendor and flags of the first processor; nothing where there is no /proc/cpuinfo."""
    found = {"vendor_id": "", "flags": ""}
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in found:
            found[name.strip()] = value.strip()
    return found["vendor_id"], set(found["flags"].split())


def tiles_permitted() -> bool:
    """Asks the kernel for the AMX state (arch_prctl ARCH_REQ_XCOMP_PERM, XTILEDATA)."""
    if platform.machine() != "x86_64":
        return False
    return ctypes.CDLL(None).syscall(c_long(158), c_long(0x1023), c_long(18)) == 0


def available() -> list[str]:
    """Variants that this machine can run, the best first; the last is `plain`."""
    vendor, flags = processor()
    order = list(NEEDS)
    if vendor == "GenuineIntel":
        order = ["amx", "avx512", "avx512bf16", "avx2", "plain"]
    return [v for v in order if NEEDS[v] <= flags and (v != "amx" or tiles_permitted())]


def best() -> str:
    """The forced variant (LIGERO_TRAIN_KERNELS), else the first available."""
    forced = os.environ.get("LIGERO_TRAIN_KERNELS")
    if not forced:
        return available()[0]
    if forced not in available():
        raise KernelError(f"LIGERO_TRAIN_KERNELS={forced}: this machine runs {', '.join(available())}")
    return forced


def build(variant: str, folder: Path) -> Path:
    """Compiles a variant into `folder` unless it is there already; returns the shared object.

    The file's name holds a hash of the sources and the command, so a change builds a new one.
    CXX: the compiler (default g++; GCC 11 or Clang 14 and later).
    """
    compiler = os.environ.get("CXX", "g++")
    sources = sorted(HERE.glob("*.cc"))
    command = [compiler, *COMMON_OPTIONS, *OPTIONS[variant]]
    digest = hashlib.sha256(" ".join(command).encode())
    for path in sorted([*sources, *HERE.glob("*.h")]):
        digest.update(path.name.encode() + path.read_bytes())
    target = folder / f"kernels-{variant}-{digest.hexdigest()[:12]}.so"
    if not target.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(f".{os.getpid()}.part")
        try:
            done = subprocess.run([*command, *map(str, sources), "-o", str(part)],
                                  capture_output=True, text=True)
        except FileNotFoundError:
            raise KernelError(f"no compiler: {compiler} (set CXX)") from None
        if done.returncode:
            raise KernelError(f"{' '.join(command)} failed:\n{done.stderr}")
        os.replace(part, target)
    return target


def load(folder: Path, variant: str | None = None) -> Kernels | None:
    """The kernels of a variant (default: best()), built in `folder`; None for `plain`."""
    variant = variant or best()
    if variant == "plain":
        return None
    if variant not in available():
        raise KernelError(f"{variant}: this machine runs {', '.join(available())}")
    return Kernels(variant, build(variant, folder))


def _address(tensor: Tensor | None) -> int | None:
    if tensor is None:
        return None
    if not tensor.is_contiguous() or tensor.device.type != "cpu":
        raise ValueError("a kernel needs contiguous tensors on the CPU")
    return tensor.data_ptr()


class Kernels:
    """The functions of one variant, tensors in and out. Shapes: B items, T frames (a multiple of
    32), 32 bands, C channels; f32 unless said otherwise."""

    def __init__(self, variant: str, path: Path):
        self.variant = variant
        self._library = ctypes.CDLL(str(path))
        for name, (sizes, numbers, tensors) in SIGNATURES.items():
            function = getattr(self._library, name)
            function.argtypes = [c_long] * sizes + [c_float] * numbers + [c_void_p] * tensors
            function.restype = None

    def _call(self, name: str, sizes: tuple[float, ...], *tensors: Tensor | None) -> None:
        for t in tensors:
            if t is not None and t.dtype not in (torch.float32, torch.bfloat16):
                raise ValueError(f"{name}: {t.dtype}, expected float32")
        getattr(self._library, name)(*sizes, *map(_address, tensors))

    def features(self, spectrum: Tensor, gain: Tensor, complex_scale: Tensor,
                 magnitude_mean: Tensor, magnitude_scale: Tensor, power: float) -> Tensor:
        """spectrum complex [B, T, 257], gain [B, T], three times [257] -> bf16 [B, T, 2816]."""
        batch, frames, _ = spectrum.shape
        out = torch.empty(batch, frames, FEATURES, dtype=torch.bfloat16)
        self._library.features(batch, frames, power, *map(_address, (
            torch.view_as_real(spectrum), gain, complex_scale, magnitude_mean, magnitude_scale,
            out)))
        return out

    def encoder_forward(self, features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """bf16 [B, T, 2816], [2240, C], [B, 32, C] -> [B, T, 32, C]."""
        batch, frames, _ = features.shape
        channels = weight.shape[1]
        z = torch.empty(batch, frames, BANDS, channels)
        self._call("encoder_forward", (batch, frames, channels), features, weight, bias, z)
        return z

    def encoder_backward(self, dz: Tensor, features: Tensor,
                         rows: list[int]) -> tuple[Tensor, Tensor]:
        """Gradients by weight and bias; rows: inputs of each band."""
        batch, frames, _, channels = dz.shape
        weight, bias = torch.zeros(BANDS, 128, channels), torch.zeros(batch, BANDS, channels)
        self._call("encoder_backward", (batch, frames, channels), dz, features, weight, bias)
        return torch.cat([w[:n] for w, n in zip(weight, rows)]), bias

    def half_forward(self, z: Tensor, scale: Tensor, shift: Tensor, weight: Tensor, bias: Tensor,
                     out_weight: Tensor, out_bias: Tensor, along_time: bool, used: int,
                     limit: float, keep: bool) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """z [B, T, 32, C]; scale, shift [B, 32, C]; weight [D, C + H, 4 H]; bias [D, 4 H];
        out_weight [D H, C]; out_bias [C]; used: frames with signal; limit: of |c|, 0 for none -> y
        like z, and what the way back needs (keep), both bf16."""
        batch, frames, _, channels = z.shape
        directions, hidden = weight.shape[0], weight.shape[2] // 4
        sequences = batch * used * BANDS if along_time else batch * frames * BANDS
        y, kept, states = torch.empty_like(z), None, None
        if keep:
            kept = torch.empty(sequences * directions * 5 * hidden, dtype=torch.bfloat16)
            states = torch.empty(sequences * directions * hidden, dtype=torch.bfloat16)
        sizes = (batch, frames, used, channels, hidden, directions, int(along_time),
                 limit or math.inf)
        self._call("half_forward", sizes, z, scale, shift, weight, bias, out_weight, out_bias, y,
                   kept, states)
        return y, kept, states

    def half_backward(self, dy: Tensor, z: Tensor, scale: Tensor, shift: Tensor, weight: Tensor,
                      out_weight: Tensor, kept: Tensor, states: Tensor, along_time: bool,
                      used: int, limit: float) -> tuple[Tensor, ...]:
        """Gradients by z, scale, shift, weight, bias, out_weight, out_bias."""
        batch, frames, _, channels = z.shape
        directions, hidden = weight.shape[0], weight.shape[2] // 4
        out = (torch.empty_like(z), torch.zeros_like(scale), torch.zeros_like(shift),
               torch.zeros_like(weight), torch.zeros(directions, 4 * hidden),
               torch.zeros_like(out_weight), torch.zeros(channels))
        sizes = (batch, frames, used, channels, hidden, directions, int(along_time),
                 limit or math.inf)
        self._call("half_backward", sizes, dy, z, scale, shift, weight, out_weight, kept, states,
                   *out)
        return out

    def decoder_forward(self, z: Tensor, scale: Tensor, shift: Tensor, weight1: Tensor,
                        bias1: Tensor, weight2: Tensor, bias2: Tensor, spectrum: Tensor) -> Tensor:
        """z [B, T, 32, C]; maps [B, 32, C]; [32, C, H]; [32, H]; [H, 2560]; [2560]; spectrum real
        [B, T, 257, 2] -> filtered spectrum like it."""
        batch, frames, _, channels = z.shape
        y = torch.empty(batch, frames, BINS, 2)
        self._call("decoder_forward", (batch, frames, channels, weight1.shape[2]), z, scale, shift,
                   weight1, bias1, weight2, bias2, spectrum, y)
        return y

    def decoder_backward(self, dy: Tensor, z: Tensor, scale: Tensor, shift: Tensor, weight1: Tensor,
                         bias1: Tensor, weight2: Tensor, bias2: Tensor, spectrum: Tensor,
                         columns: list[int]) -> tuple[Tensor, ...]:
        """Gradients by z, scale, shift, weight1, bias1, weight2, bias2; columns: taps of each
        band."""
        batch, frames, _, channels = z.shape
        hidden = weight1.shape[2]
        weight, bias = torch.zeros(BANDS, hidden, 160), torch.zeros(BANDS, 160)
        out = (torch.empty_like(z), torch.zeros_like(scale), torch.zeros_like(shift),
               torch.zeros_like(weight1), torch.zeros_like(bias1))
        self._call("decoder_backward", (batch, frames, channels, hidden), dy, z, scale, shift,
                   weight1, bias1, weight2, bias2, spectrum, *out, weight, bias)
        return (*out, torch.cat([w[:, :n] for w, n in zip(weight, columns)], 1),
                torch.cat([b[:n] for b, n in zip(bias, columns)]))
