# SPDX-License-Identifier: Apache-2.0
"""Embeddings of ECAPA-TDNN checkpoints in three public layouts, against PyTorch, and against the
packages themselves where they are installed (speechbrain, torchaudio)."""

import json
import subprocess

import numpy
import pytest
import torch
from ecapa_layouts import (FRONTS, TaoEcapa, WeEcapa, kaldi_features, povey, randomised,
                           tao_features)
from tools import CONVERT, LEAST_COSINE, LIGERO, ROOT, TOLERANCE, read

from ligero_torch.nets.config import EcapaConfig
from ligero_torch.nets.ecapa import Ecapa
from ligero_torch.nets.features import hops

pytestmark = pytest.mark.skipif(not (LIGERO.exists() and CONVERT.exists()),
                                reason=f"no tools at {LIGERO} and {CONVERT}")
SAMPLES = 48000
SIZES = {"channels": 64, "embedding": 24}


@pytest.fixture(scope="module")
def anchor():
    return read(ROOT / "platforms/demo/mixed_pair_anchor.flac", SAMPLES)


def speechbrain_twin():
    return Ecapa(EcapaConfig(channels=64, mfa=96, attention=128, embedding=24))


TWINS = {
    "speechbrain": (speechbrain_twin, {"mfa": 96}),
    "taoruijie": (TaoEcapa, {"mfa": 96}),
    "wespeaker": (WeEcapa, {"mfa": 192}),
    "wespeaker, context": (lambda: WeEcapa(global_context=True),
                           {"mfa": 192, "global_context": True}),
}


def config(layout, sizes):
    return {"system": "ecapa_tdnn", "name": "x", "layout": layout, **SIZES, **sizes}


def enroll(state, values, wave, folder, *options):
    """Every node of the graph that the converter makes of a checkpoint, for one recording."""
    torch.save(state, folder / "x.pt")
    (folder / "c.json").write_text(json.dumps(values))
    numpy.save(folder / "hops.npy", hops(wave).numpy())
    for command in (
            (CONVERT, folder / "x.pt", "--config", folder / "c.json", "-o", folder / "x.lgm",
             *options),
            (LIGERO, "run", "--model", folder / "x.lgm", "--graph", "enroll",
             f"--input=anchor_hops={folder / 'hops.npy'}", "--samples", wave.shape[1],
             "--output", folder / "taps", "--tap", "all")):
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return {f.stem: numpy.load(f).astype(numpy.float64) for f in (folder / "taps").glob("*.npy")}


# Povey's window leaks less than Hamming's. Single precision then limits the quiet bands.
FRONT_TOLERANCE = 4 * TOLERANCE


def check(ours, theirs, what, tolerance=TOLERANCE):
    theirs = theirs.detach().numpy().astype(numpy.float64).ravel()
    ours = ours.ravel()
    assert ours.size == theirs.size
    error = abs(ours - theirs).max() / abs(theirs).max()
    cosine = ours @ theirs / numpy.sqrt((ours @ ours) * (theirs @ theirs))
    assert error <= tolerance and cosine >= LEAST_COSINE, f"{what}: {error:.1e}, {cosine:.7f}"


def check_embedding(nodes, model, features):
    check(nodes["anchor.fbank"], features, "front end", FRONT_TOLERANCE)
    with torch.no_grad():
        check(nodes["profile.embedding"], model(features), "embedding")


@pytest.mark.parametrize("options", [(), ("--unfolded",), ("--check",)], ids=str)
@pytest.mark.parametrize("twin", TWINS)
def test_embedding_equals_pytorch(twin, options, anchor, tmp_path):
    make, sizes = TWINS[twin]
    layout = twin.split(",")[0]
    model = randomised(make(), 5)
    nodes = enroll(model.state_dict(), config(layout, sizes), anchor, tmp_path, *options)
    check_embedding(nodes, model, FRONTS[layout](anchor))


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("layout", ["speechbrain", "taoruijie", "wespeaker"])
def test_a_layout_with_the_front_end_that_the_checkpoint_was_trained_on(layout, front, anchor,
                                                                        tmp_path):
    make, sizes = TWINS[layout]
    model = randomised(make(), 5)
    values = config(layout, {**sizes, "front": front})
    nodes = enroll(model.state_dict(), values, anchor, tmp_path)
    check_embedding(nodes, model, FRONTS[front](anchor))


def test_the_front_end_is_named(tmp_path):
    torch.save(randomised(speechbrain_twin(), 5).state_dict(), tmp_path / "x.pt")

    def convert(**more):
        (tmp_path / "c.json").write_text(json.dumps(config("speechbrain", {"mfa": 96, **more})))
        return subprocess.run([CONVERT, tmp_path / "x.pt", "--config", tmp_path / "c.json",
                               "-o", tmp_path / "x.lgm"], capture_output=True, text=True)

    assert "front end speechbrain: " in convert().stdout
    assert "front end 3dspeaker: " in convert(front="3dspeaker").stdout
    info = subprocess.run([LIGERO, "info", tmp_path / "x.lgm"], capture_output=True, text=True)
    assert "3dspeaker" in info.stdout
    wrong = convert(front="mfcc")
    assert wrong.returncode == 1
    assert 'front: found "mfcc", expected one of "speechbrain"' in wrong.stderr


def test_a_checkpoint_of_the_whole_training(anchor, tmp_path):
    model = randomised(TaoEcapa(), 6)
    state = {f"speaker_encoder.{k}": v for k, v in model.state_dict().items()}
    state["speaker_loss.weight"] = torch.zeros(5, 24)
    state["speaker_encoder.torchfbank.0.flipped_filter"] = torch.zeros(1, 1, 2)
    nodes = enroll(state, config("taoruijie", {"mfa": 96}), anchor, tmp_path)
    with torch.no_grad():
        check(nodes["profile.embedding"], model(tao_features(anchor)), "embedding")


def test_tensors_that_do_not_fit_are_named_as_in_the_checkpoint(tmp_path):
    state = WeEcapa().state_dict()
    del state["layer2.se_res2block.1.convs.3.weight"]
    torch.save(state, tmp_path / "x.pt")
    (tmp_path / "c.json").write_text(json.dumps(config("wespeaker", {"mfa": 192, "embedding": 25})))
    done = subprocess.run([CONVERT, tmp_path / "x.pt", "--config", tmp_path / "c.json",
                           "-o", tmp_path / "x.lgm"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "missing tensor layer2.se_res2block.1.convs.3.weight" in done.stderr
    assert "tensor linear.weight has shape [24, 384], expected [25, 384, 1]" in done.stderr


def test_speechbrain_itself(anchor, tmp_path):
    lobes = pytest.importorskip("speechbrain.lobes.models.ECAPA_TDNN")
    from speechbrain.lobes.features import Fbank
    model = randomised(lobes.ECAPA_TDNN(80, lin_neurons=24, channels=[64] * 4 + [96]), 7)
    with torch.no_grad():
        feats = Fbank(n_mels=80)(anchor)
        feats = feats - feats.mean(1, keepdim=True)
        nodes = enroll(model.state_dict(), config("speechbrain", {"mfa": 96}), anchor, tmp_path)
        check(nodes["anchor.fbank"], feats, "front end")
        check(nodes["profile.embedding"], model(feats), "embedding")


def test_torchaudio_front_ends(anchor):
    transforms = pytest.importorskip("torchaudio.transforms")
    from torchaudio.compliance import kaldi
    mel = transforms.MelSpectrogram(16000, 512, 400, 160, f_min=20, f_max=7600, n_mels=80,
                                    window_fn=torch.hamming_window)
    emphasised = anchor - 0.97 * torch.nn.functional.pad(
        anchor[:, None], (1, 0), "reflect")[:, 0, :-1]
    levels = (mel(emphasised) + 1e-6).log().transpose(1, 2)
    assert (levels - levels.mean(1, keepdim=True) - tao_features(anchor)).abs().max() < 1e-3
    hamming = torch.hamming_window(400, False, dtype=torch.double)
    for window, name, scale in ((hamming, "hamming", 32768), (povey(), "povey", 32768),
                                (povey(), "povey", 1)):
        levels = kaldi.fbank(anchor * scale, num_mel_bins=80, frame_length=25, frame_shift=10,
                             dither=0.0, sample_frequency=16000, window_type=name)
        expected = kaldi_features(anchor, window, scale, mirrored=False)[0]
        assert (levels - levels.mean(0) - expected).abs().max() < 1e-3, (name, scale)
