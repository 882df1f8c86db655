# SPDX-License-Identifier: Apache-2.0
"""BSRNN in PyTorch: its windows, its forms, hop by hop against whole, the outputs handed over with its
weights."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "model" / "torch"))

from ligero_torch.files.export import randomise, record  # noqa: E402
from ligero_torch.nets import asymmetric, bsrnn, bsrnn_stream  # noqa: E402
from ligero_torch.nets.config import ConfigError  # noqa: E402
from ligero_torch.nets.systems import find_config, from_dict, make  # noqa: E402
from tools import BSRNN, CONVERT, LIGERO  # noqa: E402

HANDED_OVER = ROOT.parent / "shared" / "voice"
needs_handed_over = pytest.mark.skipif(not HANDED_OVER.is_dir(), reason=f"{HANDED_OVER} is missing")
FORMS = [(form, causal) for form in ("lgr", "local", "global") for causal in (True, False)]


def network(seed=1, **changes):
    model = make(from_dict({**BSRNN, **changes}))
    randomise(model, seed)
    return model


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def error(a, b):
    return float((a - b).abs().max() / b.abs().max())


def voices(model, batch=2):
    return torch.randn(batch, model.config.ecapa.embedding + 2 * asymmetric.BINS).abs()


def test_windows_give_the_input_back():
    wave = torch.randn(2, 48077)
    assert error(asymmetric.istft(asymmetric.stft(wave), wave.shape[1]), wave) < 1e-5
    hann = asymmetric.analysis_window()[-asymmetric.SYNTHESIS:] * asymmetric.synthesis_window()
    hop = asymmetric.HOP
    assert float((hann[:hop] + hann[hop:] - 1).abs().max()) < 1e-12


@pytest.mark.parametrize("limit", [0.0, 0.3])
def test_lstm_is_its_cell_along_the_sequence(limit):
    torch.manual_seed(0)
    x, weight, bias = torch.randn(3, 20, 8), torch.randn(2, 13, 20) * 0.5, torch.randn(2, 20)
    outputs, largest = [], 0.0
    for direction, (w, b) in enumerate(zip(weight, bias)):
        h, c, out = torch.zeros(3, 5), torch.zeros(3, 5), []
        for frame in x.flip(1).unbind(1) if direction else x.unbind(1):
            h, c = bsrnn.lstm_cell(frame, h, c, w, b, limit)
            largest = max(largest, float(c.abs().max()))
            out.append(h)
        outputs.append(torch.stack(out[::-1] if direction else out, 1))
    assert error(bsrnn.lstm(x, weight, bias, limit), torch.cat(outputs, -1)) < 1e-5
    assert largest == pytest.approx(limit) if limit else largest > 0.3


@torch.no_grad()
@pytest.mark.parametrize("form", ["lgr", "local", "global"])
@pytest.mark.parametrize("limit", [0.0, 0.2])
def test_hop_by_hop_is_the_whole(form, limit):
    model = network(form=form, causal=True, cell_limit=limit)
    samples = 120 * asymmetric.HOP  # longer than the level looks back
    wave = 0.1 * torch.randn(2, samples) * torch.linspace(0.01, 1, samples)
    profile = model.enroll(0.1 * torch.randn(2, 32000))
    whole = model.extract(wave, profile)[0]
    state, hops = bsrnn_stream.initial_state(model.sep, 2), []
    for hop in [*wave.split(asymmetric.HOP, 1), torch.zeros(2, asymmetric.HOP)]:
        out, state = bsrnn_stream.step(model.sep, hop, profile, state)
        hops.append(out)
    assert error(torch.cat(hops[1:], 1), whole) < 1e-5
    with pytest.raises(ValueError, match="causal"):
        bsrnn_stream.initial_state(network(causal=False).sep, 1)


@torch.no_grad()
def test_a_causal_network_looks_ahead_20_ms_and_no_further():
    model = network(causal=True)
    wave, voice = 0.1 * torch.randn(1, 8000), voices(model, 1)
    other, at = wave.clone(), 25 * asymmetric.HOP
    other[:, at] += 1.0
    changed = (model.sep(other, voice) - model.sep(wave, voice)).abs()[0]
    first = at - asymmetric.SYNTHESIS + 1
    assert changed[:first].max() == 0 and changed[first:at].max() > 0


@pytest.mark.parametrize("form, causal", FORMS)
def test_every_parameter_is_trained(form, causal):
    model = make(from_dict({**BSRNN, "form": form, "causal": causal})).train()
    profile = model.enroll(0.1 * torch.randn(2, 16000))
    filtered, _, odds = model.sep.filtered(0.1 * torch.randn(2, 4000), profile)
    model.sep.blocks[0].band.norm.speaker.weight.data.normal_()
    (filtered.abs().square().sum() + odds.square().sum()).backward()
    for name, p in model.named_parameters():
        if p.requires_grad:
            assert p.grad is not None, name


@torch.no_grad()
@pytest.mark.parametrize("form, causal", FORMS)
def test_a_form_uses_what_its_name_says_and_taps_are_recorded_once(form, causal):
    model = network(form=form, causal=causal)
    mix, anchor = 0.1 * torch.randn(1, 4000), 0.1 * torch.randn(1, 16000)
    graphs = record(model, anchor, mix)
    assert ("speaker.embedding" in graphs["enroll"]) == (form != "local")
    assert ("anchor.magnitude" in graphs["enroll"]) == (form != "global")
    assert graphs["extract"]["sep.block_1.time"].shape == (26, 32, 16)
    assert graphs["enroll"]["profile.scale_4"].shape == (32, 16)
    # A profile is all that the network knows of a speaker: its maps.
    profile = model.enroll(anchor)
    assert list(profile) == ["encoder"] + [f"{k}_{i}" for i in range(5) for k in ("scale", "shift")]
    assert error(model.extract(mix, profile)[0], model(mix, anchor)[0]) == 0.0


@torch.no_grad()
def test_padding_of_an_anchor_changes_nothing():
    model = network(form="local")  # ECAPA-TDNN pads its own way
    long, short = 0.1 * torch.randn(32000), 0.1 * torch.randn(20000)
    padded = torch.stack([long, torch.cat([short, torch.randn(12000)])])
    both = model.enroll(padded, torch.tensor([32000, 20000]))
    for row, wave in enumerate((long, short)):
        for name, value in model.enroll(wave[None]).items():
            assert error(both[name][row], value[0]) < 1e-4, name


def test_a_config_that_cannot_be_is_named():
    with pytest.raises(ConfigError, match=r"config\.normalise_embedding: got True"):
        from_dict({**BSRNN, "normalise_embedding": True})
    with pytest.raises(ConfigError, match=r"config\.window: got 320, expected one of 512"):
        from_dict({**BSRNN, "window": 320})


@torch.no_grad()
@needs_handed_over
def test_the_weights_handed_over_give_the_outputs_handed_over():
    """At every part. The runs that ship are made by train/fast; these figures are those of the
    prototype that it came from."""
    from safetensors.torch import load_file

    net = bsrnn.Separator(replace(find_config("bsrnn-live"), activity=0, cell_limit=0.0)).eval()
    net.load_state_dict({k: v.float() for k, v in load_file(
        str(HANDED_OVER / "weights" / "bsrnn-live.safetensors")).items()})
    wanted = load_file(str(HANDED_OVER / "reference" / "bsrnn-live.safetensors"))
    wave, voice = wanted["wave"][None], wanted["voice"][None]
    assert error(net(wave, voice)[0], wanted["output"]) < 1e-4
    profile = net.of_voice(voice)
    assert error(profile["encoder"][0], wanted["encoder_bias"]) < 1e-4
    for i in range(2 * net.config.blocks + 1):
        for k in ("scale", "shift"):
            assert error(profile[f"{k}_{i}"][0], wanted[f"norm{i}.{k}"]) < 1e-4
    spectrum = asymmetric.stft(wave)
    planes = net.features(spectrum, asymmetric.running_gain(wave))
    assert error(planes[0], wanted["features"]) < 1e-4
    z = net.encoder(planes, profile["encoder"])
    assert error(z[0], wanted["encoder"]) < 1e-4
    for i, block in enumerate(net.blocks):
        for k, half in enumerate((block.band, block.time)):
            z = half(z, bsrnn.norm_maps(profile, 2 * i + k))
            assert error(z[0], wanted[f"block{i}.{('band', 'time')[k]}"]) < 1e-4


@pytest.fixture(scope="module")
def handed_over(tmp_path_factory):
    """The weights handed over, in the names and files of today."""
    from ligero_torch.train.fast import checkpoint
    from ligero_torch.train.fast.voices import SpeakerNetwork

    path = tmp_path_factory.mktemp("handed_over") / "bsrnn-live.safetensors"
    checkpoint.export(path, checkpoint.load(HANDED_OVER / "weights" / path.name), SpeakerNetwork())
    return path.with_suffix("")


@torch.no_grad()
@needs_handed_over
def test_the_weights_handed_over_give_the_output_handed_over(handed_over):
    """From the demo's recordings to the voice, the speaker network included."""
    from ligero_torch.data.audio import read_audio
    from ligero_torch.files.weights import load_model
    from safetensors.torch import load_file

    model = load_model(handed_over.with_suffix(".json"), handed_over.with_suffix(".safetensors"))
    wanted = load_file(str(HANDED_OVER / "reference" / "bsrnn-live.safetensors"))
    anchor, mix = (torch.from_numpy(read_audio(ROOT / f"platforms/demo/mixed_pair_{name}.flac"))[None]
                   for name in ("anchor", "mixture"))
    assert torch.equal(mix[0, 16000:24000], wanted["wave"])
    voice = torch.cat([model.embed(anchor), model.local_maps(anchor)[0].flatten(1)], 1)
    assert error(voice[0], wanted["voice"]) < 1e-4
    assert error(model(mix[:, 16000:24000], anchor)[0][0], wanted["output"]) < 1e-4


@needs_handed_over
@pytest.mark.skipif(not (LIGERO.exists() and CONVERT.exists()), reason=f"no tools at {LIGERO}")
@pytest.mark.parametrize("weights", ["f32", "int8"])
def test_the_runtime_gives_the_output_handed_over(weights, handed_over, tmp_path):
    """The weights handed over, converted: the profile's maps, every half of every block, the output."""
    from ligero_torch.data.audio import read_audio
    from ligero_torch.nets.features import hops
    from safetensors.torch import load_file

    wanted = load_file(str(HANDED_OVER / "reference" / "bsrnn-live.safetensors"))
    anchor, mix = (torch.from_numpy(read_audio(ROOT / f"platforms/demo/mixed_pair_{name}.flac"))[None]
                   for name in ("anchor", "mixture"))
    run(CONVERT, f"{handed_over}.safetensors", "--config", f"{handed_over}.json", "-o", tmp_path / "x.lgm",
        "--weights", weights)
    inputs, nodes = {}, {}
    for graph, name, wave in (("enroll", "anchor_hops", anchor),
                              ("extract", "mix_hops", mix[:, 16000:24000])):
        numpy.save(tmp_path / f"{name}.npy", hops(wave).numpy())
        inputs[name] = tmp_path / f"{name}.npy"
        run(LIGERO, "run", "--model", tmp_path / "x.lgm", "--graph", graph, "--output",
            tmp_path / graph, "--samples", wave.shape[1], "--tap", "all",
            *[f"--input={n}={f}" for n, f in inputs.items()])
        nodes[graph] = {f.stem: torch.from_numpy(numpy.load(f))
                        for f in (tmp_path / graph).glob("*.npy")}
        inputs = {f.stem: f for f in (tmp_path / graph).glob("profile.*.npy")
                  if f.stem != "profile.voice"}
    most = {"f32": 1e-4, "int8": 0.05}[weights]
    inside = {"f32": 1e-3, "int8": 0.1}[weights]  # the features of bins that hold only rounding
    enrolled, extracted = nodes["enroll"], nodes["extract"]
    assert error(enrolled["profile.encoder"].squeeze(), wanted["encoder_bias"]) < most
    for i in range(17):
        for k in ("scale", "shift"):
            got = enrolled[f"profile.{k}_{i}"].squeeze()
            assert error(got, wanted[f"norm{i}.{k}"]) < most, (k, i)
    for i in range(8):
        for k in ("band", "time"):
            assert error(extracted[f"sep.block_{i}.{k}"], wanted[f"block{i}.{k}"]) < inside, (k, i)
    samples = extracted["sep.istft"].flatten()[asymmetric.HOP:]
    assert error(samples[:wanted["output"].numel()], wanted["output"]) < most


@pytest.mark.parametrize("name", ["bsrnn", "bsrnn-small", "bsrnn-tiny"])
def test_named_sizes_have_a_live_twin(name):
    values = [json.loads((ROOT / f"model/torch/configs/{n}.json").read_text())
              for n in (name, f"{name}-live")]
    assert values[1] == {**values[0], "name": f"{name}-live", "causal": True}
    macs = bsrnn.operations(find_config(f"{name}-live"))["total"]
    assert macs <= {"bsrnn": 11.9e6, "bsrnn-small": 6.2e6, "bsrnn-tiny": 1.1e6}[name]
