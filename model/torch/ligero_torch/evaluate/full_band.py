# SPDX-License-Identifier: Apache-2.0
"""What lies above the network's 8 kHz, at 48 kHz: is the interferer's lowered, and the target's kept?

    python -m ligero_torch.evaluate.full_band --voices FOLDER [--voices FOLDER] [--model M.lgm] [--png P]

A FOLDER holds recordings of one voice, or folders of which each does. Voices with at least 16 s of speech at 44.1 kHz
or more and with sound above 8 kHz are used: 10 s to enrol, 6 s to mix. Each voice is extracted

- alone,
- from a mixture with another voice, at 0 dB: mixtures are of two voices each, in a ring,
- from a mixture with keyboard clicks, and with bursts of hiss (fricatives), both above 3 kHz mainly.

The table has what is lowered, in dB, from 4 to 8 kHz (the network's work) and from 8 to 20 kHz: of the
interferer in the frames of 20 ms in which it is at least 20 dB above the target there, and of the target's own
top while it speaks alone. The tool comes from LIGERO.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from ..data.audio import DataError
from ..files.tools import run, tool

RATE_HZ = 48000
FRAME = 960
ANCHOR_S, SCENE_S = 10.0, 6.0
LEAST_RATE_HZ = 44100
PAUSE_DB = 35.0
LEAST_TOP_DB = -45.0  # of 8 to 16 kHz against 4 to 8 kHz
BANDS_HZ = ((4000.0, 8000.0), (8000.0, 20000.0))
ABOVE_DB, BELOW_LOUDEST_DB = 20.0, 30.0
DEFAULT_MODEL = Path("model/pretrained/bsrnn-live-int8.lgm")


def power(x: np.ndarray) -> np.ndarray:
    """[frames, bands] of BANDS_HZ."""
    frames = np.lib.stride_tricks.sliding_window_view(x, FRAME)[::FRAME // 2] * np.hanning(FRAME)
    spectrum = np.abs(np.fft.rfft(frames)) ** 2
    hz = np.fft.rfftfreq(FRAME, 1 / RATE_HZ)
    return np.stack([spectrum[:, (hz >= low) & (hz < high)].sum(1) for low, high in BANDS_HZ], 1)


def without_pauses(x: np.ndarray) -> np.ndarray:
    """The frames of at most PAUSE_DB below the loudest, and their neighbours."""
    frames = x[:len(x) // FRAME * FRAME].reshape(-1, FRAME)
    level = np.mean(frames ** 2, axis=1)
    speech = np.convolve(level > level.max() * 10 ** (-PAUSE_DB / 10), np.ones(5), "same") > 0
    return frames[speech].reshape(-1)


def read_voice(folder: Path):
    """All of a folder end to end at RATE_HZ, without pauses, or None where it is too short or has no top."""
    from scipy.signal import resample_poly

    parts = []
    for path in sorted(folder.iterdir()):
        try:
            x, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, IsADirectoryError):
            continue
        if rate >= LEAST_RATE_HZ and len(x) > FRAME and "noise" not in path.name.lower():
            common = np.gcd(rate, RATE_HZ)
            parts.append(without_pauses(resample_poly(x.mean(1), RATE_HZ // common, rate // common)))
    if sum(map(len, parts)) < (ANCHOR_S + SCENE_S) * RATE_HZ:
        return None
    x = np.concatenate(parts).astype(np.float32)
    low, top = power(x).sum(0)
    return x if 10 * np.log10(top / low) >= LEAST_TOP_DB else None


def read_voices(folders) -> dict:
    found = {}
    for folder in folders:
        for place in sorted([folder, *(p for p in folder.iterdir() if p.is_dir())]):
            x = read_voice(place)
            if x is not None:
                found[place.name] = x
    if len(found) < 2:
        raise DataError(f"{', '.join(map(str, folders))}: {len(found)} voices with a top; expected two or more")
    return found


def scaled(x: np.ndarray) -> np.ndarray:
    return (0.05 * x / np.sqrt(np.mean(x ** 2))).astype(np.float32)


def clicks(n: int, random) -> np.ndarray:
    """A typist: five strokes a second, each two bursts of 4 ms from 2 kHz up."""
    x = np.zeros(n)
    decay = np.exp(-np.arange(RATE_HZ // 50) / (0.004 * RATE_HZ))
    for at in np.sort(random.integers(0, n - RATE_HZ // 10, int(5 * n / RATE_HZ))):
        for late, level in ((0, 1.0), (int(0.06 * RATE_HZ), 0.5)):
            x[at + late:at + late + len(decay)] += level * decay * random.standard_normal(len(decay))
    return x - np.convolve(x, np.ones(24) / 24, "same")


def hiss(n: int, random) -> np.ndarray:
    """Bursts of 150 ms from 3 kHz up, two a second."""
    x = random.standard_normal(n)
    x -= np.convolve(x, np.ones(16) / 16, "same")
    length = int(0.15 * RATE_HZ)
    gate = np.zeros(n)
    for at in range(RATE_HZ // 4, n - length, RATE_HZ // 2):
        gate[at:at + length] = np.hanning(length)
    return x * gate


class Bench:
    """The tool at 48 kHz, on a folder."""

    def __init__(self, model: Path, folder: Path, options):
        self.model, self.folder, self.options = model, folder, options
        self.tool = tool("LIGERO", "platforms/cli/ligero")

    def _write(self, name: str, x: np.ndarray) -> Path:
        soundfile.write(self.folder / name, x, RATE_HZ, subtype="FLOAT")
        return self.folder / name

    def enroll(self, anchor: np.ndarray) -> None:
        run(self.tool, "enroll", "--model", self.model, self._write("anchor.wav", anchor), "-o",
            self.folder / "who.profile")

    def extract(self, mix: np.ndarray, *options: str) -> np.ndarray:
        out = self.folder / "out.wav"
        run(self.tool, "extract", "--model", self.model, "--profile", self.folder / "who.profile",
            self._write("mix.wav", mix), "-o", out, *self.options, *options)
        return soundfile.read(out, dtype="float32")[0]


def lowered(out, mix, wanted, other) -> list:
    """dB by which each band is lower in the frames that belong to `wanted` and not to `other`."""
    mine, theirs = power(wanted), power(other)
    result = []
    for band in range(len(BANDS_HZ)):
        loud = mine[:, band] > mine[:, band].max() * 10 ** (-BELOW_LOUDEST_DB / 10)
        chosen = loud & (mine[:, band] > theirs[:, band] * 10 ** (ABOVE_DB / 10))
        before, after = power(mix)[chosen, band].sum(), power(out)[chosen, band].sum()
        result.append(10 * np.log10(before / max(after, 1e-20)))
    return result


def scenes_of(bench: Bench, voices: dict, png: Path | None) -> dict:
    """{kind: [[dB of 4 to 8 kHz, dB of 8 to 20 kHz] of each scene]}. `png`: the median mixture of two voices."""
    random = np.random.default_rng(0)
    names, rows = list(voices), {"the target alone": [], "another voice": [], "clicks": [], "hiss": []}
    pictured = []
    anchor_end, n = int(ANCHOR_S * RATE_HZ), int(SCENE_S * RATE_HZ)
    for k, name in enumerate(names):
        x = scaled(voices[name])
        target, nothing = x[anchor_end:anchor_end + n], np.zeros(n, np.float32)
        bench.enroll(x[:anchor_end])
        rows["the target alone"].append(lowered(bench.extract(target), target, target, nothing))
        another = scaled(voices[names[(k + 1) % len(names)]])[anchor_end:anchor_end + n]
        for kind, other in (("another voice", another), ("clicks", clicks(n, random)),
                            ("hiss", hiss(n, random))):
            other = scaled(other)
            mix = target + other
            out = bench.extract(mix)
            rows[kind].append(lowered(out, mix, other, target))
            if kind == "another voice":
                pictured.append({"mixture": mix, "extracted": out, "the target alone": target,
                                 "extracted, --bandwidth speech": bench.extract(mix, "--bandwidth", "speech")})
    if png is not None:
        top = [values[1] for values in rows["another voice"]]
        picture(png, pictured[int(np.argsort(top)[len(top) // 2])])
    return rows


def picture(png: Path, sounds: dict) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from PIL import Image

    fig, axes = plt.subplots(len(sounds), figsize=(7, 1.6 * len(sounds)), sharex=True)
    for ax, (title, x) in zip(axes, sounds.items()):
        ax.specgram(x + 1e-7 * np.random.default_rng(0).standard_normal(len(x)), NFFT=1024, Fs=RATE_HZ,
                    noverlap=512, vmin=-130, vmax=-50)
        ax.set_title(title, fontsize=9)
        ax.set_ylim(0, 20000)
        ax.set_ylabel("Hz")
    axes[-1].set_xlabel("s")
    fig.tight_layout()
    drawn = io.BytesIO()
    fig.savefig(drawn, dpi=80)
    Image.open(drawn).convert("RGB").quantize(32, dither=Image.Dither.NONE).save(png, optimize=True)


def table(rows: dict) -> str:
    lines = ["| sound | lowered, 4 to 8 kHz, dB | 8 to 20 kHz, dB | scenes |", "|---" * 4 + "|"]
    for kind, values in rows.items():
        low, top = np.mean(values, axis=0)
        lines.append(f"| {kind} | {low:.1f} | {top:.1f} | {len(values)} |")
    return "\n".join(lines)


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voices", type=Path, action="append", required=True)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--live", action="store_true", help="frame by frame, as a session")
    parser.add_argument("--png", type=Path)
    options = parser.parse_args(arguments)
    try:
        voices = read_voices(options.voices)
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(options.model, Path(folder), ["--stream", "160"] if options.live else [])
            rows = scenes_of(bench, voices, options.png)
    except (DataError, OSError) as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    print(f"voices: {', '.join(voices)}\n\n{table(rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
