"""Embeddings of ECAPA-TDNN checkpoints in three public layouts, against PyTorch, and against the
packages themselves where they are installed (speechbrain, torchaudio)."""

import json
import subprocess

import numpy
import pytest
import torch
from ecapa_layouts import (TaoEcapa, WeEcapa, kaldi_features, randomised, speechbrain_features,
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
    "speechbrain": (speechbrain_twin, speechbrain_features, {"mfa": 96}),
    "taoruijie": (TaoEcapa, tao_features, {"mfa": 96}),
    "wespeaker": (WeEcapa, kaldi_features, {"mfa": 192}),
    "wespeaker, context": (lambda: WeEcapa(global_context=True), kaldi_features,
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


def check(ours, theirs, what):
    theirs = theirs.detach().numpy().astype(numpy.float64).ravel()
    ours = ours.ravel()
    assert ours.size == theirs.size
    error = abs(ours - theirs).max() / abs(theirs).max()
    cosine = ours @ theirs / numpy.sqrt((ours @ ours) * (theirs @ theirs))
    assert error <= TOLERANCE and cosine >= LEAST_COSINE, f"{what}: {error:.1e}, {cosine:.7f}"


@pytest.mark.parametrize("options", [(), ("--unfolded",), ("--check",)], ids=str)
@pytest.mark.parametrize("twin", TWINS)
def test_embedding_equals_pytorch(twin, options, anchor, tmp_path):
    make, front, sizes = TWINS[twin]
    model = randomised(make(), 5)
    nodes = enroll(model.state_dict(), config(twin.split(",")[0], sizes), anchor, tmp_path, *options)
    with torch.no_grad():
        check(nodes["anchor.fbank"], front(anchor), "front end")
        check(nodes["profile.embedding"], model(front(anchor)), "embedding")


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
    levels = kaldi.fbank(anchor * 32768, num_mel_bins=80, frame_length=25, frame_shift=10,
                         dither=0.0, sample_frequency=16000, window_type="hamming")
    assert (levels - levels.mean(0) - kaldi_features(anchor, False)[0]).abs().max() < 1e-3
