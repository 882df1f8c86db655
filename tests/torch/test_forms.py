"""What `ligero enroll` and `ligero extract` give, against PyTorch: every form, f32 and f16 weights.

Not: nodes inside the networks (test_parity.py).
"""

import json
import subprocess

import pytest
import soundfile
import torch
from safetensors.torch import save_file
from tools import CONVERT, LIGERO, ROOT, TOLERANCE, read

from ligero_torch.config import from_dict
from ligero_torch.export import exported_tensors, randomise
from ligero_torch.systems import make

pytestmark = pytest.mark.skipif(not (LIGERO.exists() and CONVERT.exists()),
                                reason=f"no tools at {LIGERO} and {CONVERT}")
TOLERANCES = {"f32": TOLERANCE, "f16": 5e-3}  # of the output's largest sample
LIVE = {"causal": True, "arn": {"window": 50}, "input_level": "window"}
LITTLE_PAPER = {"channels": [4, 8, 8, 16, 32],
                "ecapa": {"channels": 64, "mfa": 96, "attention": 32, "embedding": 32, "se": 16}}

CASES = {
    "lgr": ("tests/golden/tiny", {}),
    "local": ("tests/golden/tiny", {"form": "local"}),
    "global": ("tests/golden/tiny", {"form": "global"}),
    "live": ("tests/golden/tiny", LIVE),
    "live, local": ("tests/golden/tiny", {**LIVE, "form": "local"}),
    "live, global": ("tests/golden/tiny", {**LIVE, "form": "global"}),
    "q_norm, two linear": ("tests/golden/tiny",
                           {"arn": {"q_norm": True, "feed_forward": "two_linear"}}),
    "F2": ("tests/golden/tiny", {"arn_frame": {"form": "F2"}}),
    "small": ("model/torch/configs/small", {}),
    "small-live": ("model/torch/configs/small-live", {}),
    "paper in little": ("model/torch/configs/paper", LITTLE_PAPER),
    "paper-live in little": ("model/torch/configs/paper-live", LITTLE_PAPER),
}


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@pytest.mark.parametrize("weights", TOLERANCES)
@pytest.mark.parametrize("case", CASES)
def test_the_tools_extract_what_pytorch_does(case, weights, tmp_path):
    base, changes = CASES[case]
    values = json.loads((ROOT / f"{base}.json").read_text())
    for key, value in changes.items():
        values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
    (tmp_path / "c.json").write_text(json.dumps(values))
    model = make(from_dict(values))
    randomise(model, 1)
    save_file(exported_tensors(model), tmp_path / "x.safetensors")
    for name, samples in (("anchor", 24000), ("mixture", 32077)):
        wave = read(ROOT / f"platforms/demo/mixed_pair_{name}.flac", samples)
        soundfile.write(tmp_path / f"{name}.wav", wave[0].numpy(), 16000, subtype="FLOAT")
    run(CONVERT, tmp_path / "x.safetensors", "--config", tmp_path / "c.json",
        "-o", tmp_path / "x.lgm", "--weights", weights)
    run(LIGERO, "extract", "--model", tmp_path / "x.lgm", "--enroll", tmp_path / "anchor.wav",
        tmp_path / "mixture.wav", "-o", tmp_path / "voice.wav", "--samples", "float")
    ours = torch.from_numpy(soundfile.read(tmp_path / "voice.wav", dtype="float32")[0])
    with torch.no_grad():
        anchor, mixture = (read(tmp_path / f"{name}.wav", samples)
                           for name, samples in (("anchor", 24000), ("mixture", 32077)))
        expected = model.eval().extract(mixture, model.enroll(anchor))[0][0]
    assert ours.shape == expected.shape
    error = float((ours - expected).abs().max() / expected.abs().max())
    assert error <= TOLERANCES[weights]
