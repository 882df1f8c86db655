# SPDX-License-Identifier: Apache-2.0
"""GTCRN: the reference against its authors' output, the runtime against the reference, node by node, and
the tools on it. With random weights, and with its authors' checkpoint where ../shared/models/gtcrn (seen
from the repository's root) has it."""

import copy
import json
import re
import subprocess

import numpy
import pytest
import soundfile
import torch
from safetensors.torch import save_file
from test_parity import read, run
from tools import CONVERT, LIGERO, ROOT, TOLERANCE

from ligero_torch.files.export import exported_tensors, randomise
from ligero_torch.nets import gtcrn
from ligero_torch.nets.systems import find_config, make
from ligero_torch.nets.taps import Recorder

AUTHORS = ROOT / ".." / "shared" / "models" / "gtcrn"
CHECKPOINT = AUTHORS / "model_trained_on_dns3.tar"
CONFIG = ROOT / "model/torch/configs/gtcrn.json"
LIVE = 1e-5  # live to whole, of the largest value
SAMPLES = 40077

tools_built = pytest.mark.skipif(not (LIGERO.exists() and CONVERT.exists()),
                                 reason=f"no tools at {LIGERO} and {CONVERT}")
authors = pytest.mark.skipif(not CHECKPOINT.exists(), reason=f"no {CHECKPOINT}")


def worst(value, expected):
    value, expected = numpy.asarray(value, numpy.float64), numpy.asarray(expected, numpy.float64)
    return abs(value.ravel() - expected.ravel()).max() / abs(expected).max()


def network(weights):
    model = make(find_config("gtcrn")).eval()
    if weights == "random":
        randomise(model, 1)
    else:
        model.load_state_dict(torch.load(CHECKPOINT, map_location="cpu", weights_only=False)["model"])
    return model


def said_by(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def taps(model, mix):
    with torch.no_grad(), Recorder() as recorder:
        model(mix)
    return recorder.values


@authors
def test_the_reference_gives_its_authors_output():
    model = network("authors")
    spectrum, wanted = (torch.from_numpy(numpy.load(AUTHORS / f"spectrum_{n}.npy"))
                        for n in ("in", "out"))
    with torch.no_grad():
        got = torch.view_as_real(model.enhance(torch.view_as_complex(spectrum)[None])[0])
    assert worst(got, wanted) < 1e-6
    # Of the wave only the first frame is another, which the recurrent layers forget.
    mix, enhanced = (soundfile.read(AUTHORS / f"{n}.wav", dtype="float32")[0]
                     for n in ("mix", "enhanced"))
    with torch.no_grad():
        voice = model(torch.from_numpy(mix)[None])[0].numpy()[:len(enhanced)]
    off = abs(voice - enhanced)
    assert off[80000:].max() < 1e-3 * abs(enhanced).max()


def test_a_stream_of_frames_gives_the_signal_back():
    wave = torch.randn(1, 5000, generator=torch.Generator().manual_seed(1))
    assert worst(gtcrn.istft(gtcrn.stft(wave), 5000), wave) < 1e-5
    assert gtcrn.hops(wave).shape == (gtcrn.num_frames(5000), 1, gtcrn.HOP)


@pytest.fixture(params=["random", pytest.param("authors", marks=authors)])
def weights(request):
    return request.param


def checkpoint_of(weights, model, folder):
    if weights == "authors":
        return CHECKPOINT
    save_file(exported_tensors(model), folder / "x.safetensors")
    return folder / "x.safetensors"


def runtime_nodes(model_file, mix, folder):
    numpy.save(folder / "hops.npy", gtcrn.hops(mix).numpy())
    run(LIGERO, "run", "--model", model_file, "--graph", "extract", f"--input=mix_hops={folder}/hops.npy",
        "--samples", mix.shape[1], "--tap", "all", "--output", folder / "nodes")
    return {f.stem: numpy.load(f) for f in (folder / "nodes").glob("*.npy")}


@tools_built
@pytest.mark.parametrize("options", [(), ("--unfolded",)], ids=["folded", "unfolded"])
def test_every_node_equals_pytorch(weights, options, tmp_path):
    """Of the unfolded graph no tap may be left out; the reference computes in double precision."""
    mix = read(AUTHORS / "mix.wav", SAMPLES) if weights == "authors" else read(
        ROOT / "platforms/demo/mixed_pair_mixture.flac", SAMPLES)
    model = network(weights)
    file = tmp_path / "gtcrn.lgm"
    run(CONVERT, checkpoint_of(weights, model, tmp_path), "--config", CONFIG, "-o", file, *options)
    nodes = runtime_nodes(file, mix, tmp_path)
    reference = taps(copy.deepcopy(model).double(), mix.double())
    nodes["sep.istft"] = nodes["sep.istft"][1:].ravel()[:SAMPLES]  # row t is hop t - 1
    found = {name: worst(nodes[name], value) for name, value in reference.items() if name in nodes}
    print(f"gtcrn {weights} {' '.join(options) or 'folded'}: {len(found)} nodes, the worst",
          max(found, key=found.get), f"{max(found.values()):.1e}")
    assert {n: e for n, e in found.items() if not e <= TOLERANCE} == {}
    if options:
        assert reference.keys() - found.keys() == set()


@tools_built
def test_live_equals_whole_and_the_latency_is_its_own(weights, tmp_path):
    file, mix = tmp_path / "gtcrn.lgm", tmp_path / "mix.wav"
    run(CONVERT, checkpoint_of(weights, network(weights), tmp_path), "--config", CONFIG, "-o", file)
    wave = read(ROOT / "platforms/demo/mixed_pair_mixture.flac", SAMPLES)[0].numpy()
    soundfile.write(mix, wave, 16000, subtype="FLOAT")
    voices = []
    for how in ((), ("--stream", "333")):
        run(LIGERO, "extract", "--model", file, mix, "-o", tmp_path / "voice.wav", "--samples", "float",
            *how)
        voices.append(soundfile.read(tmp_path / "voice.wav", dtype="float32")[0])
        (tmp_path / "voice.wav").unlink()
    assert len(voices[0]) == SAMPLES and worst(voices[1], voices[0]) <= LIVE
    info = json.loads(said_by(LIGERO, "info", "--json", file))
    assert info["takes_profile"] is False and info["hop_samples"] == gtcrn.HOP
    assert info["graphs"][0]["latency"]["impulse_delay_ms"] == 32.0
    assert re.search(r"latency +32\.0 ms: 32\.0 ms of window, 0 frames of look-ahead",
                     said_by(LIGERO, "info", file))
