# SPDX-License-Identifier: Apache-2.0
"""ligero on a GPU beside PyTorch on it, from the same weights, whole recordings: `./run test-cuda`.

    python -m ligero_torch.bench.cuda_peer [--model paper] [--seconds 10] [--device cuda]

Both enrol the same anchor and extract from the same noise; first their outputs are compared. PyTorch
runs in float32 without TF32. Prints JSON: median milliseconds of each, and their largest difference
in terms of the largest sample. Exits with 1 where that is not under 1e-3, or where ligero was not on
the device asked for.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import soundfile
import torch
from safetensors.torch import save_file

from ..data import low_cut
from ..data.audio import SAMPLE_RATE_HZ, read_audio
from ..files.export import exported_tensors, randomise
from ..files.tools import run, tool
from ..files.weights import load_model
from ..nets.config import to_dict
from ..nets.systems import find_config, from_dict, make

RUNS = 11
WARM_UP = 3
ANCHOR_SECONDS = 3
MOST_DIFFERENCE = 1e-3


def weights_of(name: str, folder: Path) -> tuple:
    """Random weights of a configuration: (.safetensors, .json)."""
    values = to_dict(find_config(name))
    torch.manual_seed(1)
    model = make(from_dict(values))
    randomise(model, 1)
    checkpoint, config = folder / "random.safetensors", folder / "random.json"
    save_file(exported_tensors(model), checkpoint)
    config.write_text(json.dumps(values))
    return checkpoint, config


def torch_times(checkpoint, config, anchor, mixture, device: str) -> tuple:
    """(milliseconds of each run, the voice)."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    model = load_model(config, checkpoint).to(device)
    mix = torch.from_numpy(low_cut.cut(read_audio(mixture)))[None].to(device)
    times = []
    with torch.inference_mode():
        profile = model.enroll(
            torch.from_numpy(low_cut.cut(read_audio(anchor)))[None].to(device))
        for _ in range(WARM_UP + RUNS):
            start = time.perf_counter()
            voice = model.extract(mix, profile)[0].cpu()  # waits for the device
            times.append(1e3 * (time.perf_counter() - start))
    return times[WARM_UP:], torch.from_numpy(low_cut.restore(voice[0].numpy()))


def compare(model: str, seconds: int, device: str, folder: Path) -> dict:
    checkpoint, config = weights_of(model, folder)
    anchor, mixture, voice = (folder / name for name in ("anchor.wav", "mix.wav", "voice.wav"))
    torch.manual_seed(2)
    for path, length in ((anchor, ANCHOR_SECONDS), (mixture, seconds)):
        noise = 0.05 * torch.randn(length * SAMPLE_RATE_HZ)
        soundfile.write(path, noise.numpy(), SAMPLE_RATE_HZ, subtype="FLOAT")
    times, theirs = torch_times(checkpoint, config, anchor, mixture, device)
    file, profile = folder / "model.lgm", folder / "anchor.profile"
    run(tool("LIGERO_CONVERT", "converter/ligero-convert"), checkpoint, "--config", config,
        "-o", file)
    ligero = tool("LIGERO", "platforms/cli/ligero")
    run(ligero, "enroll", "--model", file, anchor, "-o", profile, "--device", device)
    run(ligero, "extract", "--model", file, "--profile", profile, mixture, "-o", voice,
        "--samples", "float", "--device", device)
    ours = torch.from_numpy(read_audio(voice))
    report = json.loads(run(ligero, "bench", "--model", file, "--profile", profile, "--seconds",
                            seconds, "--runs", RUNS, "--on", device, "--json"))
    largest = theirs.abs().max().item()
    return {"model": model, "seconds": seconds, "device": report["device"],
            "pytorch": torch.__version__, "pytorch_ms": statistics.median(times),
            "ligero_ms": report["ms"]["p50"],
            "difference": (ours - theirs[:len(ours)])[low_cut.SETTLED_SAMPLES:].abs().max().item() / largest}


def complaint(report: dict, device: str) -> str:
    """What is wrong with a comparison; empty where nothing is."""
    if not report["difference"] < MOST_DIFFERENCE:  # nor where it is no number
        return f"the two differ by {report['difference']}, at most {MOST_DIFFERENCE} was expected"
    if device == "cuda" and report["device"] != torch.cuda.get_device_name(0):
        return f"ligero ran on {report['device']}, expected {torch.cuda.get_device_name(0)}"
    return ""


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="paper")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    options = parser.parse_args(argv)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("skipped: this PyTorch has no CUDA", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        report = compare(options.model, options.seconds, options.device, Path(folder))
    print(json.dumps(report, indent=2))
    wrong = complaint(report, options.device)
    if wrong:
        print(f"failed: {wrong}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
