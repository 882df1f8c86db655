# SPDX-License-Identifier: Apache-2.0
"""Fast training: kernels against the definition in double precision, checkpoints, growing, scenes."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "model" / "torch"))

from ligero_torch.data import anchors, low_cut, scenes  # noqa: E402
from ligero_torch.data.audio import DataError  # noqa: E402
from ligero_torch.data.corpus import load_corpus  # noqa: E402
from ligero_torch.evaluate.score import torch_extractor  # noqa: E402
from ligero_torch.files.weights import read_tensors  # noqa: E402
from ligero_torch.nets.asymmetric import BINS  # noqa: E402
from ligero_torch.nets.bsrnn import (BANDS, TAPS, BandHalf, Decoder, Encoder, Features, Separator,
                                     TimeHalf, deep_filter)  # noqa: E402
from ligero_torch.nets.config import to_dict  # noqa: E402
from ligero_torch.nets.systems import find_config  # noqa: E402
from ligero_torch.train import runs  # noqa: E402
from ligero_torch.train.fast import checkpoint, kernels, settings, start  # noqa: E402
from ligero_torch.train.fast.checkpoint import Checkpoint  # noqa: E402
from ligero_torch.train.fast.fused import (FusedDecoder, FusedEncoder, FusedHalf,
                                           FusedSeparator)  # noqa: E402
from ligero_torch.train.fast.grow import grow  # noqa: E402
from ligero_torch.train.fast.prepare import Prepared  # noqa: E402
from ligero_torch.train.fast.voices import SPEAKER_WEIGHTS, SpeakerNetwork  # noqa: E402
from test_training import folder  # noqa: E402, F401

HANDED_OVER = ROOT.parent / "shared" / "voice"
needs_handed_over = pytest.mark.skipif(not HANDED_OVER.is_dir(), reason=f"{HANDED_OVER} is missing")
ITEMS, FRAMES = 2, 64
LIMIT = 0.01          # of an output or a gradient; bf16 has 8 bits
NETWORK_LIMIT = 0.03  # of the output of a whole network
TINY = replace(find_config("bsrnn-tiny-live"), blocks=2, cell_limit=0.0)

VARIANTS = [v for v in kernels.available() if v != "plain"]
needs_kernels = pytest.mark.skipif(not VARIANTS, reason="this processor has no kernels (AVX2)")


def error(a, b):
    a, b = a.detach(), b.detach()
    return float((a.double() - b.double()).norm() / (b.double().norm() + 1e-12))


def largest(a, b):
    return float((a - b).abs().max() / b.abs().max())


# -- kernels -----------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=VARIANTS or ["plain"])
def kernel(request, tmp_path_factory):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return kernels.load(ROOT / "build" / "kernels", request.param)


def gradients(output, weight, inputs):
    return torch.autograd.grad((output * weight.to(output.dtype)).sum(), inputs)


def leaves(values, dtype):
    return [v.detach().to(dtype, copy=True).requires_grad_() for v in values]


def speaker_maps(channels):
    scale, shift = 0.3 * torch.randn(2, ITEMS, BANDS, channels)
    return [1 + scale, shift]


def functional(module, names, values, *inputs):
    return torch.func.functional_call(module, dict(zip(names, values)), inputs)


def check(errors, limit=LIMIT):
    assert max(errors.values()) < limit, errors


@needs_kernels
@pytest.mark.parametrize("channels, hidden, along_time, directions, used, limit", [
    (48, 48, True, 1, 64, 0.0), (48, 48, True, 2, 51, 0.0), (48, 32, False, 2, 64, 0.0),
    (32, 64, True, 1, 33, 0.5), (64, 16, True, 2, 64, 0.25)])
def test_a_half_is_the_definition(kernel, channels, hidden, along_time, directions, used, limit):
    config = replace(TINY, channels=channels, time_hidden=hidden, band_hidden=hidden,
                     causal=directions == 1, cell_limit=limit)
    half = (TimeHalf if along_time else BandHalf)(config).double()
    names = ["weight", "bias", "out_weight", "out_bias"]
    values = [torch.randn_like(half.weight) * 0.15, torch.randn_like(half.bias) * 0.2,
              torch.randn_like(half.out_weight) * 0.2, torch.randn_like(half.out_bias) * 0.1]
    values = [torch.randn(ITEMS, FRAMES, BANDS, channels), *speaker_maps(channels), *values]
    mine, exact = leaves(values, torch.float32), leaves(values, torch.float64)
    y = FusedHalf.apply(kernel, along_time, used, limit, *mine)
    z = exact[0][:, :used] if along_time else exact[0]
    expected = functional(half, names, exact[3:], z, tuple(exact[1:3]))
    expected = torch.cat([expected, exact[0][:, expected.shape[1]:]], 1)
    weight = torch.randn_like(y)
    errors = {"y": error(y - mine[0], expected - exact[0])}
    pairs = zip(gradients(y, weight, mine), gradients(expected, weight, exact))
    for name, (a, b) in zip(["dz", "d_scale", "d_shift", "dw", "d_bias", "d_out_w", "d_out_bias"],
                            pairs):
        errors[name] = error(a - weight, b - weight) if name == "dz" else error(a, b)
    assert errors["y"] < LIMIT
    # The derivative of a bound jumps: a cell that rounds to its other side has another gradient.
    check(errors, 0.1 if limit else LIMIT)


@needs_kernels
def test_features_and_encoder_are_the_definition(kernel):
    config = replace(TINY, channels=48)
    planes, encoder = Features(0.3), Encoder(config).double()
    planes.complex_scale.uniform_(0.5, 2.0)
    planes.magnitude_mean.uniform_(0.1, 0.5)
    planes.magnitude_scale.uniform_(0.5, 2.0)
    spectrum = torch.randn(ITEMS, FRAMES, BINS, dtype=torch.complex64)
    gain = torch.rand(ITEMS, FRAMES) + 0.5
    values = [torch.randn_like(encoder.weight) * 0.1, torch.randn(ITEMS, BANDS, 48)]
    mine, exact = leaves(values, torch.float32), leaves(values, torch.float64)
    made = kernel.features(spectrum, gain, planes.complex_scale, planes.magnitude_mean,
                           planes.magnitude_scale, 0.3)
    z = FusedEncoder.apply(kernel, made, *mine)
    expected = functional(encoder, ["weight"], exact[:1],
                          planes.double()(spectrum.to(torch.complex128), gain.double()), exact[1])
    weight = torch.randn_like(z)
    pairs = zip(gradients(z, weight, mine), gradients(expected, weight, exact))
    check({"z": error(z, expected)} | {
        name: error(a, b) for name, (a, b) in zip(["dw", "d_bias"], pairs)})


@needs_kernels
def test_decoder_and_deep_filter_are_the_definition(kernel):
    decoder = Decoder(replace(TINY, channels=48, decoder_hidden=96)).double()
    names = ["weight1", "bias1", "weight2", "bias2"]
    values = [torch.randn(ITEMS, FRAMES, BANDS, 48), *speaker_maps(48)]
    values += [torch.randn_like(getattr(decoder, n)) * s for n, s in zip(names, (.15, .1, .1, .3))]
    spectrum = torch.randn(ITEMS, FRAMES, BINS, dtype=torch.complex64)
    mine, exact = leaves(values, torch.float32), leaves(values, torch.float64)
    y = FusedDecoder.apply(kernel, torch.view_as_real(spectrum), *mine)
    taps = functional(decoder, names, exact[3:], decoder.normed(exact[0], tuple(exact[1:3])))
    history = nn.functional.pad(spectrum.to(torch.complex128), (0, 0, TAPS - 1, 0))
    expected = torch.view_as_real(deep_filter(taps, history))
    weight = torch.randn_like(y)
    pairs = zip(gradients(y, weight, mine), gradients(expected, weight, exact))
    grads = ["dz", "d_scale", "d_shift", "dw1", "db1", "dw2", "db2"]
    check({"y": error(y, expected)} | {name: error(a, b) for name, (a, b) in zip(grads, pairs)})


@needs_kernels
@pytest.mark.parametrize("form, causal", [("lgr", True), ("lgr", False), ("local", True),
                                          ("global", True)])
def test_a_whole_network_is_the_definition(kernel, form, causal):
    """On a length that is no multiple of a hop; every parameter gets a gradient."""
    config = replace(TINY, form=form, causal=causal, channels=48, time_hidden=48, band_hidden=32)
    plain, fused = Separator(config), FusedSeparator(config, kernel)
    fused.load_state_dict(plain.state_dict())
    wave, voice = 0.1 * torch.randn(ITEMS, 160 * 50 + 77), torch.randn(ITEMS, 128 + 2 * BINS)
    (a, odds), (b, exact_odds) = fused.both(wave, voice), plain.both(wave, voice)
    weight, weight_odds = torch.randn_like(a), torch.randn_like(odds)
    grads = [torch.cat([g.flatten() for g in torch.autograd.grad(
                 (y * weight).sum() + (o * weight_odds).sum(), list(net.parameters()))])
             for y, o, net in ((a, odds, fused), (b, exact_odds, plain))]
    check({"y": error(a, b), "odds": error(odds, exact_odds), "gradient": error(*grads)},
          NETWORK_LIMIT)
    if causal:
        with torch.no_grad():
            longer = fused(torch.cat([wave, torch.zeros(ITEMS, 5000)], 1), voice)
        assert error(longer[:, :wave.shape[1]], a) < 1e-5  # zeros behind the end change nothing


@needs_kernels
def test_a_forced_variant_is_taken_and_an_unknown_one_refused(monkeypatch):
    monkeypatch.setenv("LIGERO_TRAIN_KERNELS", VARIANTS[-1])
    assert kernels.best() == VARIANTS[-1]
    monkeypatch.setenv("LIGERO_TRAIN_KERNELS", "sse9")
    with pytest.raises(kernels.KernelError, match="sse9: this machine runs"):
        kernels.best()


# -- checkpoints -------------------------------------------------------------------------------


def some_checkpoint(config=TINY):
    torch.manual_seed(1)
    net = Separator(config)
    for p in net.parameters():
        p.data += 0.05 * torch.randn_like(p)
    weights = net.state_dict()
    moments = {k: {"step": torch.tensor(3.0), "exp_avg": torch.randn_like(p),
                   "exp_avg_sq": torch.rand_like(p)} for k, p in net.named_parameters()}
    return Checkpoint(config, weights, {k: v + 1 for k, v in weights.items()}, moments, 7, 1.5,
                      0.5, 30.0, 2.0, SpeakerNetwork().fingerprint)


def test_a_checkpoint_comes_back_and_a_misfit_is_named(tmp_path):
    ck = some_checkpoint()
    checkpoint.save(tmp_path / "last.pt", ck)
    back = checkpoint.load(tmp_path / "last.pt")
    assert all(torch.equal(back.model[k], v) for k, v in ck.model.items())
    assert all(torch.equal(back.optimizer[k][n], v)
               for k, m in ck.optimizer.items() for n, v in m.items())
    for name in ("config", "step", "hours_heard", "wall_hours", "run_seconds", "best", "speaker"):
        assert getattr(back, name) == getattr(ck, name)
    lacking = {k: v for k, v in ck.averaged.items() if k != "encoder.weight"}
    for broken in (lacking, {**ck.averaged, "more": torch.zeros(1)},
                   {**ck.averaged, "encoder.weight": torch.zeros(2, 2)}):
        checkpoint.save(tmp_path / "broken.pt", replace(ck, averaged=broken))
        with pytest.raises(DataError, match="1 tensors do not fit the network, first"):
            checkpoint.load(tmp_path / "broken.pt")
    (tmp_path / "junk.pt").write_bytes(b"no checkpoint")
    with pytest.raises(DataError, match="junk.pt: no checkpoint"):
        checkpoint.load(tmp_path / "junk.pt")
    with pytest.raises(DataError, match="small.safetensors: a checkpoint of system lgr_tse, expected"):
        checkpoint.load(SPEAKER_WEIGHTS)


@torch.no_grad()
def test_an_export_is_the_whole_system_and_comes_back(tmp_path):
    ck = some_checkpoint()
    path = tmp_path / "x.safetensors"
    checkpoint.export(path, ck, SpeakerNetwork())
    back = checkpoint.load(path)
    assert (back.config, back.step, back.hours_heard, back.speaker) == (
        ck.config, ck.step, ck.hours_heard, ck.speaker)
    wave, anchor = 0.1 * torch.randn(8000), 0.1 * torch.randn(16000)
    name, run = torch_extractor(path)
    assert name == ck.config.name and json.loads(path.with_suffix(".json").read_text()) == to_dict(
        ck.config)
    ours = torch.from_numpy(run(wave.numpy(), anchor.numpy()))

    def of(net):
        def network(mix, who):
            voice = SpeakerNetwork().voice(torch.from_numpy(who[None]))
            return net(torch.from_numpy(mix[None]), voice)[0].numpy()
        return torch.from_numpy(low_cut.through(network, wave.numpy(), anchor.numpy()))

    assert largest(ours, of(back.separator())) < 1e-5
    assert largest(ours, of(ck.separator())) < 0.02  # f16


@torch.no_grad()
def test_a_grown_network_begins_as_the_old_one():
    ck = some_checkpoint()
    net = ck.separator()
    wave, voice = 0.1 * torch.randn(2, 8000), torch.randn(2, 128 + 2 * BINS).abs()
    before = net(wave, voice)
    assert largest(grow(ck, blocks=4).separator()(wave, voice), before) < 1e-6
    twin = grow(ck, bidirectional=True)
    assert largest(twin.separator()(wave, voice), before) < 1e-6
    assert largest(grow(twin, blocks=3).separator()(wave, voice), before) < 1e-6
    heard = torch.cat([wave[:, :6000], torch.randn(2, 2000)], 1)
    silent = twin.averaged["blocks.0.time.out_weight"]
    twin.averaged["blocks.0.time.out_weight"] = silent + 0.1 * torch.randn_like(silent)
    later = twin.separator()
    assert (later(heard, voice) - later(wave, voice))[:, :4000].abs().max() > 0
    with pytest.raises(DataError, match="fewer"):
        grow(ck, blocks=1)


def test_a_run_goes_on_from_its_own_and_refuses_another_configuration(tmp_path):
    ck = some_checkpoint()
    checkpoint.save(tmp_path / "last.pt", ck)
    args = settings.parse({"init": tmp_path / "last.pt"}, ["--out", str(tmp_path / "new")])
    prepared = Prepared(None, None, None, [], SpeakerNetwork())
    bounded = replace(TINY, blocks=3, cell_limit=8.0)
    got = start.starting_point(args, bounded, prepared, None)
    assert got.config == bounded and got.step == ck.step and got.run_seconds == 0.0
    with pytest.raises(DataError, match=r"another configuration \(channels: 16 != 32\)"):
        start.starting_point(args, replace(TINY, channels=32), prepared, None)
    args.out = tmp_path
    again = start.starting_point(args, TINY, prepared, None)
    assert again.run_seconds == ck.run_seconds and again.optimizer
    with pytest.raises(DataError, match="blocks: 2 != 3"):
        start.starting_point(args, bounded, prepared, None)


@needs_handed_over
def test_the_files_handed_over_are_read():
    for name, size in (("bsrnn-live", "bsrnn-live"), ("bsrnn-live-resume", "bsrnn-live"),
                       ("bsrnn-small-live-resume", "bsrnn-small-live")):
        ck = checkpoint.load(HANDED_OVER / "weights" / f"{name}.safetensors")
        assert ck.config == replace(find_config(size), activity=0, cell_limit=0.0) and ck.hours_heard > 70
        assert ck.speaker == SpeakerNetwork().fingerprint


# -- scenes ------------------------------------------------------------------------------------


def bank_of(clips, path):
    """A bank whose rows tell the clip and the copy, in the files that fast/bank.py writes."""
    path.mkdir(parents=True)
    keys = [anchors.clip_key(c) for c in clips]
    for copy in range(2):
        rows = np.full((len(keys), 642), copy, np.float16) + np.arange(len(keys))[:, None] / 64
        used = np.array([[k] + [""] * (anchors.MOST_CLIPS - 1) for k in keys])
        with open(path / f"{len(keys):06d}-{copy}.npz", "wb") as f:
            np.savez(f, keys=np.array(keys), rows=rows.astype(np.float16), used=used)
    return anchors.Bank(path, clips)


FIELD = scenes.SceneOptions(noise=0.5, jumps=0.3, absent=0.2, alone=0.2, three=0.3)


@pytest.fixture(scope="module")
def talkers(folder, tmp_path_factory):  # noqa: F811
    made = load_corpus(folder, tmp_path_factory.mktemp("cache"), workers=1, quiet=True)
    return scenes.Talkers(made, bank_of(made.select("train"), tmp_path_factory.mktemp("b") / "bank"))


def test_a_batch_depends_on_seed_and_number_alone(talkers):
    a, b = (scenes.Scenes(talkers, FIELD, None, 4, 64, 3) for _ in range(2))
    b[4]
    assert all(torch.equal(x, y) for x, y in zip(a[9], b[9]))
    mixture, target, voice, kind = a[9]
    assert mixture.shape == target.shape == (4, 63 * 160) and voice.shape == (4, 642)
    kinds = torch.cat([a[i][3] for i in range(30)])
    assert {int(k) for k in kinds} == {scenes.MIX, scenes.ABSENT, scenes.ALONE}
    assert not torch.equal(a[9][0], scenes.Scenes(talkers, FIELD, None, 4, 64, 4)[9][0])


def test_a_late_target_is_silent_at_first_and_the_others_go_on(talkers):
    prompt, late = (scenes.Scenes(talkers, scenes.SceneOptions(gaps=gaps, absent=0.2, alone=0.2), None,
                                  4, 64, 3) for gaps in (0.0, 1.0))
    heard = 0
    for k in range(10):
        for a, b in zip(prompt.scene(k), late.scene(k)):
            assert a[3] == b[3] and np.array_equal(a[2], b[2])
            (mixture, target), (late_mixture, late_target) = a[:2], b[:2]
            first = len(target) // 10 - 1
            assert not late_target[:first].any()
            if a[3] != scenes.MIX:
                continue
            # Each item has a gain of its own; a tenth from the end on nothing differs but that.
            gain = np.linalg.norm(late_mixture[-900:]) / np.linalg.norm(mixture[-900:])
            assert np.allclose(late_mixture[-900:], gain * mixture[-900:], atol=1e-5)
            assert np.allclose(late_target[-900:], gain * target[-900:], atol=1e-5)
            others = mixture[:first] - target[:first]
            assert np.allclose(late_mixture[:first], gain * others, atol=1e-5)
            heard += int(target[:first].any())
    assert heard > 5


@needs_handed_over
def test_items_are_those_of_the_program_handed_over(folder, tmp_path):  # noqa: F811
    """Bit by bit, the anchors too: its own modules draw beside ours, in a process of their own."""
    import subprocess

    made = load_corpus(folder, tmp_path / "cache", workers=1, quiet=True)
    clips = made.select("train")
    ours = scenes.Scenes(scenes.Talkers(made, bank_of(clips, tmp_path / "bank")), FIELD, None, 4,
                         64, 3)
    maker = anchors.Maker(made, anchors.AnchorOptions(0.5, 0.5, 0.5, 0.5, 0.5))
    drawn = [maker.anchor(np.random.default_rng(i), i, 48000) for i in range(6)]
    program = f"""
import sys, types
from pathlib import Path
import numpy as np
sys.path.insert(0, {str(ROOT / 'model' / 'torch')!r})
sys.path.insert(0, {str(HANDED_OVER / 'trainer')!r})
import ligero_torch
from ligero_torch.data import audio, augment, corpus, mixing, rooms
old = types.ModuleType("ligero_torch.data")
for m in (audio, augment, corpus, mixing):
    old.__dict__.update({{k: v for k, v in vars(m).items() if not k.startswith("__")}})
ligero_torch.data, ligero_torch.rooms = old, rooms
sys.modules.update({{"ligero_torch.data": old, "ligero_torch.rooms": rooms}})
stand_in = types.ModuleType("corpus")
stand_in.clip_key = lambda clip: f"{{clip.path}}@{{clip.speed:g}}"
sys.modules["corpus"] = stand_in
import bank, mixtures, options
work = Path({str(tmp_path)!r})
made = corpus.load_corpus({str(folder)!r}, work / "cache", workers=1, quiet=True)
talkers = mixtures.Talkers(made, bank.Bank(work / "bank", made.select("train")))
theirs = mixtures.Mixtures(talkers, options.MixtureOptions(noise=0.5, jumps=0.3, absent=0.2, alone=0.2,
                           three=0.3), None, 4, 64, 3)
maker = bank.Maker(made, options.AnchorOptions(0.5, 0.5, 0.5, 0.5, 0.5))
anchors = [maker.anchor(np.random.default_rng(i), i, 48000) for i in range(6)]
np.savez(work / "theirs.npz", **{{f"{{b}}-{{j}}": x.numpy() for b in range(8)
                                 for j, x in enumerate(theirs[b])}},
         **{{f"anchor-{{i}}": x for i, (x, _) in enumerate(anchors)}},
         **{{f"used-{{i}}": u for i, (_, u) in enumerate(anchors)}})
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    theirs = np.load(tmp_path / "theirs.npz")
    for b in range(8):
        for j, x in enumerate(ours[b]):
            want = theirs[f"{b}-{j}"]
            assert np.array_equal(low_cut.cut(want) if j < 2 else want, x.numpy()), (b, j)
    for i, (x, used) in enumerate(drawn):
        assert np.array_equal(theirs[f"anchor-{i}"], x) and theirs[f"used-{i}"].tolist() == used


def test_too_few_speakers_are_named(talkers):
    few = [c for c in talkers.clips if c.base in talkers.clips[0].base]
    corpus = type("", (), {"select": lambda self, split, kind="speech": few if kind == "speech"
                           else []})()
    with pytest.raises(DataError, match="1 speakers with a clip"):
        scenes.Talkers(corpus, talkers.bank)


# -- a whole run -------------------------------------------------------------------------------


def test_the_recipes_are_read_and_the_command_line_wins():
    from ligero_torch.train import separator

    for path in sorted((ROOT / "model" / "torch" / "recipes").glob("bsrnn*.json")):
        values = separator.recipe_values(["--recipe", path.stem])
        assert values.pop("trainer") == "fast"
        args = settings.parse(values, ["--recipe", path.stem, "--lr", "1e-4", "--field",
                                       "--rooms", "0"])
        assert find_config(args.config).system == "bsrnn" and args.lr == 1e-4
        assert args.scenes.rooms == 0.0 and args.scenes.three == 0.10
        assert args.out == Path("build/train") / path.stem


def test_a_run_stops_resumes_and_leaves_weights_that_separate(folder, tmp_path):  # noqa: F811
    """Two starts of two steps each, on made-up tones, plain and small: files, counters, the log."""
    import os
    import shutil
    import subprocess

    import soundfile

    speech = tmp_path / "speech"
    shutil.copytree(folder, speech)
    (speech / "lists").mkdir()
    clips = [f"c/{s}/{s}_{u}.wav" for s, u in ((0, 0), (1, 0), (0, 1))]
    samples = min(soundfile.info(speech / c).frames for c in clips[:2])
    (speech / "lists" / "valid.tsv").write_text(
        "key\ttarget\tinterferer\tanchor\tsamples\ttarget_gain_db\tinterferer_gain_db\n"
        f"v0\t{clips[0]}\t{clips[1]}\t{clips[2]}\t{samples}\t0\t0\n")
    config = tmp_path / "tiny.json"
    config.write_text(json.dumps(to_dict(TINY)))
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps({"trainer": "fast", "config": str(config), "plain": True}))
    step = 4 * 63 * 160 / 16000 / 3600
    command = [sys.executable, "-m", "ligero_torch.train.separator", "--recipe", str(recipe),
               "--speech", str(speech), "--cache", str(tmp_path / "cache"),
               "--out", str(tmp_path / "run"), "--batch", "4", "--frames", "64"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "model" / "torch")}
    for steps in (2, 4):
        done = subprocess.run([*command, "--stop-hours", str((steps - 0.5) * step)],
                              capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        ck = checkpoint.load(tmp_path / "run" / "last.pt")
        assert ck.step == steps and ck.optimizer["encoder.weight"]["step"] == steps
    assert "going on from" in done.stdout
    other = [*command, "--out", str(tmp_path / "only"), "--init", str(tmp_path / "run" / "last.pt"),
             "--only", "activity"]
    done = subprocess.run([*other, "--stop-hours", str(5.5 * step)], capture_output=True, text=True,
                          env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    only = checkpoint.load(tmp_path / "only" / "last.pt")
    changed = {k for k, v in only.model.items() if not torch.equal(v, ck.model[k])}
    assert only.step == 6 and changed == {k for k in ck.model if k.startswith("activity.")}
    done = subprocess.run([*other[:-1], "nothing"], capture_output=True, text=True, env=environment)
    assert done.returncode == 1 and "no parameter's name begins so" in done.stderr
    assert (tmp_path / "run" / "log.csv").read_text().count("\n") == 3  # header, two validations
    assert runs.last_row(tmp_path / "run" / "log.csv", "step", "seconds")[0] == 4  # for compare.py
    name, _ = torch_extractor(tmp_path / "run" / "weights.safetensors")
    assert name == TINY.name
    assert set(read_tensors(SPEAKER_WEIGHTS)) & set(
        read_tensors(tmp_path / "run" / "weights.safetensors"))
