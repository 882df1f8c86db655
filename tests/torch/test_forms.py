# SPDX-License-Identifier: Apache-2.0
"""What `ligero enroll` and `ligero extract` give, against PyTorch: every form, f32 and f16 weights.

Not: nodes inside the networks (test_parity.py).
"""

import json
import subprocess

import pytest
import soundfile
import torch
from safetensors.torch import save_file
from tools import CONVERT, LIGERO, ROOT, SYSTEMS, TOLERANCE, read

from ligero_torch.bench import costs
from ligero_torch.data import low_cut
from ligero_torch.nets.systems import from_dict, make
from ligero_torch.files.export import exported_tensors, randomise

pytestmark = pytest.mark.skipif(not (LIGERO.exists() and CONVERT.exists()),
                                reason=f"no tools at {LIGERO} and {CONVERT}")
TOLERANCES = {"f32": TOLERANCE, "f16": 5e-3}  # of the output's largest sample
EXPANDS = 4.0  # so much more where two networks in a row end in a power (TEA-PSE)
BEFORE = 0.05  # of the first samples (low_cut.SETTLED_SAMPLES), for networks of random weights
LIVE = {"causal": True, "arn": {"window": 50}, "input_level": "window"}
LITTLE_PAPER = {"channels": [4, 8, 8, 16, 32],
                "ecapa": {"channels": 64, "mfa": 96, "attention": 32, "embedding": 32, "se": 16}}



def values_of(base, **changes):
    """A configuration file's values with changes, nested ones merged."""
    values = json.loads((ROOT / f"{base}.json").read_text())
    for key, value in changes.items():
        values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
    return values


TINY = "tests/golden/tiny"
CONFIGS = "model/torch/configs"
CASES = {
    "lgr": values_of(TINY),
    "local": values_of(TINY, form="local"),
    "global": values_of(TINY, form="global"),
    "live": values_of(TINY, **LIVE),
    "live, local": values_of(TINY, **LIVE, form="local"),
    "live, global": values_of(TINY, **LIVE, form="global"),
    "q_norm, two linear": values_of(TINY, arn={"q_norm": True, "feed_forward": "two_linear"}),
    "F2": values_of(TINY, arn_frame={"form": "F2"}),
    "small": values_of(f"{CONFIGS}/small"),
    "small-live": values_of(f"{CONFIGS}/small-live"),
    "paper in little": values_of(f"{CONFIGS}/paper", **LITTLE_PAPER),
    "paper-live in little": values_of(f"{CONFIGS}/paper-live", **LITTLE_PAPER),
    **SYSTEMS,
}
SAMPLES = {"anchor": 24000, "mixture": 32077}


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def converted(values, folder, *options):
    """The network with random weights; leaves c.json, x.safetensors and x.lgm in `folder`."""
    (folder / "c.json").write_text(json.dumps(values))
    model = make(from_dict(values))
    randomise(model, 1)
    save_file(exported_tensors(model), folder / "x.safetensors")
    run(CONVERT, folder / "x.safetensors", "--config", folder / "c.json", "-o", folder / "x.lgm",
        *options)
    return model


def extracted(folder, *options):
    """What the tool makes of folder/x.lgm and of the demo's recordings, cut."""
    for name, samples in SAMPLES.items():
        wave = read(ROOT / f"platforms/demo/mixed_pair_{name}.flac", samples)
        soundfile.write(folder / f"{name}.wav", wave[0].numpy(), 16000, subtype="FLOAT")
    run(LIGERO, "extract", "--model", folder / "x.lgm", "--enroll", folder / "anchor.wav",
        folder / "mixture.wav", "-o", folder / "voice.wav", "--samples", "float", *options)
    return torch.from_numpy(soundfile.read(folder / "voice.wav", dtype="float32")[0])


def extract_macs(model):
    """Multiply-accumulates per frame of the graph `extract`."""
    graphs = json.loads(run(LIGERO, "info", "--json", model))["graphs"]
    return next(g["macs_per_frame"] for g in graphs if g["name"] == "extract")


@pytest.mark.parametrize("weights", TOLERANCES)
@pytest.mark.parametrize("case", CASES)
def test_the_tools_extract_what_pytorch_does(case, weights, tmp_path):
    model = converted(CASES[case], tmp_path, "--weights", weights)
    ours = extracted(tmp_path)
    with torch.no_grad():
        anchor, mixture = (torch.from_numpy(low_cut.cut(read(tmp_path / f"{name}.wav", samples).numpy()))
                           for name, samples in SAMPLES.items())
        expected = model.eval().extract(mixture, model.enroll(anchor))[0][0]
        expected = torch.from_numpy(low_cut.restore(expected.numpy()))
    assert ours.shape == expected.shape
    errors = (ours - expected).abs() / expected.abs().max()
    error = float(errors[low_cut.SETTLED_SAMPLES:].max())
    assert float(errors.max()) <= BEFORE
    spread = EXPANDS if weights == "f16" and CASES[case]["system"] == "tea_pse" else 1.0
    assert error <= spread * TOLERANCES[weights]


@pytest.mark.parametrize("case", [name for name, values in CASES.items() if values.get("causal")])
def test_a_live_session_gives_what_the_whole_recording_does(case, tmp_path):
    converted(CASES[case], tmp_path)
    whole = extracted(tmp_path)
    live = extracted(tmp_path, "--stream", "100")
    assert float((live - whole).abs().max() / whole.abs().max()) <= 1e-5


@pytest.mark.parametrize("case", SYSTEMS)
def test_every_pass_keeps_every_node(case, tmp_path):
    """The converter's own check, 1e-5 for each node of a signal with its first and last frames."""
    converted(SYSTEMS[case], tmp_path, "--check")


@pytest.mark.parametrize("system", ["lgr_tse", "voicefilter", "speakerfilter", "gated_crn",
                                    "tea_pse"])
def test_local_features_cost_nothing_on_the_audio_path(system, tmp_path):
    """Spec 2.9: folded, LGR has the cost of the other form, and less than unfolded."""
    values = CASES["lgr"] if system == "lgr_tse" else SYSTEMS[system]
    macs = {}
    for form in ("lgr", "local" if system == "speakerfilter" else "global"):
        folder = tmp_path / form
        folder.mkdir()
        converted({**values, "form": form}, folder)
        macs[form] = extract_macs(folder / "x.lgm")
        if form == "lgr":
            run(CONVERT, folder / "x.safetensors", "--config", folder / "c.json", "-o",
                folder / "unfolded.lgm", "--unfolded")
            assert extract_macs(folder / "unfolded.lgm") > macs[form]
    assert len(set(macs.values())) == 1


@pytest.mark.parametrize("system, form", costs.SPECIFICATION)
def test_info_states_the_specified_cost_at_paper_size(system, form, tmp_path):
    values = costs.paper_values(system, form, False)
    (tmp_path / "c.json").write_text(json.dumps(values))
    save_file(exported_tensors(make(from_dict(values)).eval()), tmp_path / "x.safetensors")
    run(CONVERT, tmp_path / "x.safetensors", "--config", tmp_path / "c.json", "-o",
        tmp_path / "x.lgm", "--only", "extract")
    specified = costs.SPECIFICATION[system, form][1] - costs.SPEAKER_MACS.get(system, 0)
    assert extract_macs(tmp_path / "x.lgm") == specified


def refused(values, folder):
    """What the converter says of folder/x.safetensors with another configuration."""
    (folder / "other.json").write_text(json.dumps(values))
    done = subprocess.run([str(CONVERT), str(folder / "x.safetensors"), "--config",
                           str(folder / "other.json"), "-o", str(folder / "other.lgm")],
                          capture_output=True, text=True)
    assert done.returncode == 1 and not (folder / "other.lgm").exists()
    return done.stderr


def test_a_checkpoint_of_another_form_or_system_is_refused(tmp_path):
    converted(SYSTEMS["gated_crn, global"], tmp_path)
    said = refused(SYSTEMS["gated_crn"], tmp_path)
    assert 'form "lgr" needs a local speaker network, and there is no tensor local.*' in said
    assert "missing tensor sep." in refused(SYSTEMS["voicefilter, global"], tmp_path)
    assert "needs a local speaker network" in refused(SYSTEMS["speakerfilter, local"], tmp_path)
    unknown = {**SYSTEMS["gated_crn"], "system": "convtasnet"}
    assert 'found "convtasnet", expected one of "lgr_tse" "voicefilter"' in refused(unknown, tmp_path)
    spectral = {**SYSTEMS["gated_crn, global"], "compression": 0.5}
    assert "compression: found 0.5" in refused(spectral, tmp_path)
