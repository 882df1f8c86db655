# SPDX-License-Identifier: Apache-2.0
"""The PyTorch reference against the specification: counts, shapes, conventions, folds."""

import copy
import json
import math
from pathlib import Path

import numpy
import pytest
import torch
import torch.nn.functional as F
from tools import SYSTEMS, TINY

from ligero_torch.nets import features
from ligero_torch.nets.arn import Arn
from ligero_torch.nets.config import ArnConfig, ConfigError, to_dict
from ligero_torch.nets.systems import SYSTEMS as ALL_SYSTEMS, from_dict, load_config, make
from ligero_torch.nets.count import count
from ligero_torch.nets.ecapa import Ecapa
from ligero_torch.files.export import exported_tensors, main as export_main, randomise
from ligero_torch.data import low_cut
from ligero_torch.data.audio import DataError
from ligero_torch.files.weights import load_tensors
from ligero_torch.evaluate.infer import main as infer_main
from ligero_torch.nets.layers import ConvBlock, DeconvBlock, deep_filter
from ligero_torch.nets.conv import TimeConv
from ligero_torch.nets.lgr_tse import LgrTse
from ligero_torch.nets.taps import Recorder

CONFIGS = Path(__file__).resolve().parents[2] / "model" / "torch" / "configs"

def tiny(**changes):
    values = copy.deepcopy(TINY)
    for key, value in changes.items():
        values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
    return from_dict(values)


def random_model(config, seed=1):
    model = LgrTse(config)
    randomise(model, seed)
    return model


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def relative_error(a, b):
    return float((a - b).abs().max() / b.abs().max().clamp(min=1e-9))


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


# Counts and shapes.

@pytest.mark.parametrize("form,expected", [
    ("lgr", 15_610_463), ("local", 15_347_295), ("global", 15_110_414)])
def test_paper_parameters(form, expected):
    config = load_config(CONFIGS / "paper.json")
    config.form = form
    counts = count(config)
    assert counts.parameters == expected
    assert counts.ecapa_parameters == (0 if form == "local" else 78_988_416)


@pytest.mark.parametrize("config,all_parts,audio_path", [
    ("voicefilter-global", 7_347_561, 7_347_561), ("voicefilter", 8_442_762, 7_889_641),
    ("speakerfilter-local", 16_783_829, 15_755_068), ("speakerfilter", 17_046_997, 16_018_236),
    ("gated-crn-global", 7_937_356, 7_937_356), ("gated-crn", 8_274_541, 8_198_668),
    ("tea-pse-global", 4_587_779, 4_587_779), ("tea-pse", 5_309_125, 4_986_115)])
def test_parameters_of_the_compared_systems(config, all_parts, audio_path):
    """Those of the specification's count.py; speaker networks but ECAPA are in the first."""
    with torch.device("meta"):
        model = make(load_config(CONFIGS / f"{config}.json"))

    def size(module):
        return sum(p.numel() for p in module.parameters())

    assert size(model) - (size(model.ecapa) if model.config.has_global else 0) == all_parts
    assert size(model.sep) == audio_path


def test_paper_macs_after_folds():
    counts = count(load_config(CONFIGS / "paper.json"))
    # Spec 2.8: 2,407,680 + 11,534,336 + 2048 * 300 + 5,437,440 + 9,660.
    assert counts.audio_macs == 20_003_516
    # Spec 2.8: 15,239,070 - 391,824 - 2,102,272, and the vector w of the value gate stays.
    assert counts.audio_parameters == 12_744_974 + 1024


def test_arn_frame_parameters():
    for form, expected in (("F1", 10_209), ("F2", 14_305)):
        config = from_dict({"system": "lgr_tse", "name": "x", "arn_frame": {"form": form}})
        with torch.device("meta"):
            local = LgrTse(config).local
        encoder = sum(p.numel() for n, p in local.named_parameters() if n.startswith("conv2d"))
        assert sum(p.numel() for p in local.parameters()) - encoder == expected
        assert encoder == 98_016


@pytest.mark.parametrize("name", ["small", "small-live"])
def test_small_stays_within_its_limits(name):
    counts = count(load_config(CONFIGS / f"{name}.json"))
    assert counts.audio_macs <= 3_500_000
    assert counts.audio_parameters <= 1_200_000
    assert counts.ecapa_parameters + counts.local_parameters <= 2_200_000


def test_table_1_shapes():
    config = load_config(CONFIGS / "paper.json")
    # The sizes of ECAPA do not matter here and would take most of the time.
    config.ecapa.channels, config.ecapa.mfa = 64, 192
    model = LgrTse(config).eval()
    mix, anchor = noise(1, 4000), noise(1, 6400)
    with torch.no_grad(), Recorder() as recorder:
        model(mix, anchor)
    shape = {k: tuple(v.shape) for k, v in recorder.values.items()}
    t, t2 = 26, 41
    encoder = [(80, 16), (39, 32), (19, 64), (9, 128), (4, 256)]
    inputs = [(161, 4), (80, 32), (39, 64), (19, 128), (9, 256)]
    for i in range(5):
        assert shape[f"sep.conv2d_{i + 1}.in"] == (t, *inputs[i])
        assert shape[f"sep.conv2d_{i + 1}.prelu"] == (t, *encoder[i])
    for i in range(4):
        assert shape[f"local.conv2d_{i + 1}.prelu"] == (t2, *encoder[i])
        assert shape[f"local.mean_{i + 1}"] == encoder[i]
    assert shape["local.mean_0"] == (161, 1)
    assert shape["local.feats"] == (t2, 161, 2)
    assert shape["sep.reshape_1"] == shape["sep.arn.out"] == (t, 1, 1024)
    assert shape["sep.projection"] == (1024,)
    assert shape["sep.reshape_2"] == (t, 4, 256)
    decoder = [(161, 30), (80, 16), (39, 32), (19, 64), (9, 128)]
    decoder_inputs = [(80, 32), (39, 64), (19, 128), (9, 256), (4, 512)]
    for i in range(5):
        assert shape[f"sep.deconv2d_{i + 1}.in"] == (t, *decoder_inputs[i])
        assert shape[f"sep.deconv2d_{i + 1}.conv"] == (t, *decoder[i])
    assert shape["sep.filtered"] == shape["mix.stft"] == (t, 161, 2)
    assert shape["sep.istft"] == (4000,)
    assert shape["ecapa.embedding"] == (256,)
    assert shape["anchor.fbank"] == (t2, 1, 80)


# Features.

@pytest.mark.parametrize("length", [64000, 64077, 1, 160])
def test_inverse_stft_restores(length):
    x = noise(2, length)
    spectrum = features.stft(x)
    assert spectrum.shape == (2, 1 + math.ceil(length / 160), 161)
    y = features.istft(spectrum, length)
    assert y.shape == x.shape
    ratio = x.square().sum() / (y - x).square().sum().clamp(min=1e-30)
    assert 10 * math.log10(ratio) >= 100


def test_inverse_stft_refuses_other_lengths():
    with pytest.raises(ValueError, match="expected 11"):
        features.istft(features.stft(noise(1, 800)), 1600)


def test_stft_is_the_literal_transform():
    x = noise(1, 1000)[0].double().numpy()
    window = numpy.sin(numpy.pi * numpy.arange(320) / 320) ** 2
    padded = numpy.concatenate([numpy.zeros(160), x, numpy.zeros(120 + 160)])
    spectrum = features.stft(torch.from_numpy(x)[None].float())[0].numpy()
    for t in (0, 3, 7):
        frame = numpy.fft.rfft(padded[160 * t:160 * t + 320] * window)
        assert numpy.abs(spectrum[t] - frame).max() < 1e-4


def literal_fbank(x):
    hops = -(-len(x) // 160)
    padded = numpy.concatenate([numpy.zeros(200), x, numpy.zeros(hops * 160 - len(x) + 200)])
    window = 0.54 - 0.46 * numpy.cos(2 * numpy.pi * numpy.arange(400) / 400)
    mel = numpy.linspace(0, 2595 * numpy.log10(1 + 8000 / 700), 82)
    hz = 700 * (10 ** (mel / 2595) - 1)
    out = numpy.zeros((hops + 1, 80))
    for t in range(hops + 1):
        power = numpy.abs(numpy.fft.rfft(padded[160 * t:160 * t + 400] * window)) ** 2
        for m in range(80):
            band = hz[m + 1] - hz[m]
            total = 0.0
            for k in range(201):
                slope = (k * 40.0 - hz[m + 1]) / band
                total += power[k] * max(0.0, min(slope + 1.0, 1.0 - slope))
            out[t, m] = 10 * numpy.log10(max(total, 1e-10))
    out = numpy.maximum(out, out.max() - 80.0)
    return out - out.mean(0)


def test_fbank_is_the_literal_computation():
    x = noise(1, 3277)[0].double().numpy()
    x[800:1800] *= 1e-6  # below the floor of 80 dB
    ours = features.fbank(torch.from_numpy(x)[None].float())[0].double().numpy()
    theirs = literal_fbank(x.astype(numpy.float32).astype(float))
    assert ours.shape == theirs.shape == (22, 80)
    assert numpy.abs(ours - theirs).max() < 2e-3


def test_input_levels():
    x = noise(2, 20000) * torch.tensor([[0.1], [1e-4]])
    gain = features.input_gain(x, "file")
    assert gain.shape == (2, 126)
    assert torch.allclose(gain[:, 5], 1 / (x.square().mean(1).sqrt() + 1e-7))
    gain = features.input_gain(x, "window")
    hops = F.pad(x, (0, 160 * 126 - 20000)).view(2, 126, 160)
    for t in (0, 1, 99, 100, 125):
        rms = hops[:, max(0, t - 99):t + 1].square().mean((1, 2)).sqrt()
        expected = 1 / rms.clamp(min=10 ** (-50 / 20))
        assert torch.allclose(gain[:, t], expected, rtol=1e-5)
    assert torch.equal(features.input_gain(x, "none"), torch.ones(2, 126))


# Layers.

def test_deep_filter_is_the_literal_sum():
    t, f = 7, 6
    h = noise(2, 30, t, f)
    x = torch.view_as_complex(noise(2, t, f, 2, seed=1).contiguous())
    for causal, offsets in ((False, range(-2, 3)), (True, range(-4, 1))):
        expected = torch.zeros(2, t, f, dtype=torch.complex64)
        for time in range(t):
            for bin_ in range(f):
                for k, l in enumerate(offsets):
                    for i in (-1, 0, 1):
                        if 0 <= time + l < t and 0 <= bin_ + i < f:
                            c = (k * 3 + i + 1) * 2
                            tap = torch.complex(h[:, c, time, bin_], h[:, c + 1, time, bin_])
                            expected[:, time, bin_] += tap * x[:, time + l, bin_ + i]
        got = deep_filter(h, x, 5, 3, causal)
        assert (got - expected).abs().max() < 1e-5


def test_deep_filter_gradient():
    h = noise(1, 30, 4, 5).double().requires_grad_()
    x = torch.view_as_complex(noise(1, 4, 5, 2, seed=1).double().contiguous())
    assert torch.autograd.gradcheck(lambda h: torch.view_as_real(deep_filter(h, x, 5, 3, False)), h)
    assert torch.autograd.gradcheck(lambda h: torch.view_as_real(deep_filter(h, x, 3, 5, True)), h)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("output_padding", [0, 1])
def test_transposed_conv_is_the_literal_sum(causal, output_padding):
    block = DeconvBlock("d", 3, 2, causal, "channel", output_padding)
    t, f = 5, 4
    x = noise(1, 3, t, f)
    with torch.no_grad():
        got = block.conv(x)[0]
        weight = block.conv.weight
        expected = block.conv.bias[:, None, None].repeat(1, t, 2 * f + 1 + output_padding)
        for time in range(t):
            for k in range(3):
                source = time - k + (0 if causal else 1)
                if 0 <= source < t:
                    for b in range(f):
                        for j in range(3):
                            expected[:, time, 2 * b + j] += x[0, :, source, b] @ weight[:, :, k, j]
    assert got.shape == expected.shape
    assert (got - expected).abs().max() < 1e-5
    if output_padding:
        assert torch.equal(got[:, :, -1], block.conv.bias.detach()[:, None].expand(-1, t))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("frames", [1, 2, 3, 9])
def test_folded_constant_equals_unfolded(causal, frames):
    block = ConvBlock("c", 5, 4, causal, "channel").eval()
    x, constant = noise(2, 3, frames, 11), noise(2, 2, 11, seed=1)
    with torch.no_grad():
        folded, unfolded = block(x, constant, fold=True), block(x, constant)
    for t in range(frames):
        assert relative_error(folded[:, :, t], unfolded[:, :, t]) < 1e-5


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("frames", [1, 3, 40])
def test_folded_constant_of_a_dilated_kernel_equals_unfolded(causal, frames):
    """VoiceFilter's kernels reach over more frames than a short signal has."""
    conv = TimeConv("c", 5, 4, (5, 3), causal, pad=1, dilation=4)
    x, constant = noise(2, 3, frames, 11), noise(2, 2, 11, seed=1)
    with torch.no_grad():
        folded, unfolded = conv(x, constant, fold=True), conv(x, constant)
    assert folded.shape == (2, 4, frames, 11)
    for t in range(frames):
        assert relative_error(folded[:, :, t], unfolded[:, :, t]) < 1e-5


@pytest.mark.parametrize("causal,window", [(False, 0), (True, 0), (True, 4)])
@pytest.mark.parametrize("q_norm", [False, True])
def test_attention_folds(causal, window, q_norm):
    arn = Arn("a", 16, ArnConfig(window=window, q_norm=q_norm), causal).eval()
    r, u = noise(2, 13, 16) * 3, noise(2, 13, 16, seed=1) * 3
    with torch.no_grad():
        assert relative_error(arn.attend(r, u), arn.attend_unfolded(r, u)) < 1e-5
        # The fold into the weights: rows of W_q, or the norm's gain and bias.
        scale = torch.sigmoid(arn.g_q) * torch.sigmoid(arn.g_k) / 4.0
        folded = arn.query(r) * torch.sigmoid(arn.g_k) / 4.0
        holder = arn.q_norm if q_norm else arn.w_q
        holder.weight.mul_(scale if q_norm else scale[:, None])
        holder.bias.mul_(scale)
        weights = arn.w_q(r) if not q_norm else arn.q_norm(arn.w_q(r))
        assert relative_error(weights, folded) < 1e-5


def test_banded_attention_sees_its_window():
    arn = Arn("a", 8, ArnConfig(window=3), True)
    seen = arn.mask(6, "cpu")
    for t in range(6):
        for j in range(6):
            assert bool(seen[t, j]) == (t - 2 <= j <= t)


def test_ecapa_padding_is_left_out_of_the_statistics():
    config = tiny(ecapa={"padding": "zero", "kernels": [1, 1, 1, 1, 1]})
    model = Ecapa(config).eval()
    x = noise(1, 50, 80)
    with torch.no_grad():
        short = model(x)
        padded = model(F.pad(x, (0, 0, 0, 30)), torch.tensor([50]))
        sub = Ecapa(config.ecapa)
    assert relative_error(padded, short) < 1e-4
    assert sub.fc.conv.weight.shape == (10, 48, 1)


# Systems.

def test_padded_anchors_give_the_same_profile():
    model = random_model(tiny(form="local"))
    a = noise(1, 8000) * 0.1
    with torch.no_grad():
        alone = model.enroll(a)
        padded = model.enroll(torch.cat([F.pad(a, (0, 3000)), noise(1, 11000, seed=2)]),
                              torch.tensor([8000, 11000]))
    for name, value in alone.items():
        assert relative_error(padded[name][:1], value) < 1e-4, name


def test_level_of_the_anchor_does_not_matter():
    model = random_model(tiny())
    a = noise(1, 16000) * 0.1
    with torch.no_grad():
        loud, soft = model.enroll(a * 3), model.enroll(a)
    for name in loud:
        assert relative_error(loud[name], soft[name]) < 1e-3, name


def test_causal_does_not_look_ahead():
    model = random_model(tiny(causal=True, input_level="window", arn={"window": 20}))
    anchor, mix = noise(1, 16000) * 0.1, noise(1, 9600) * 0.1
    with torch.no_grad():
        profile = model.enroll(anchor)
        before, spectrum, _ = model.extract(mix, profile)
        changed = mix.clone()
        changed[:, 4800:] += 0.1 * noise(1, 4800, seed=3)
        after, changed_spectrum, _ = model.extract(changed, profile)
    # Frame 30 is the first that covers sample 4800; its samples begin at 4640.
    assert (spectrum - changed_spectrum)[:, :30].abs().max() < 1e-5
    assert (before - after)[:, :4640].abs().max() < 1e-6
    assert (spectrum - changed_spectrum)[:, 30].abs().max() > 1e-4


def test_training_fold_equals_evaluation():
    for causal in (False, True):
        model = random_model(tiny(causal=causal))
        mix, profile = noise(2, 4000) * 0.1, None
        with torch.no_grad():
            profile = model.enroll(noise(2, 9000, seed=4) * 0.1)
            feats = model._mixture_features(model._spectra(mix)[1])
            folded = model.sep(feats, profile, fold=True)
            unfolded = model.sep(feats, profile, fold=False)
        assert relative_error(folded, unfolded) < 1e-4


SWITCHES = [
    {"form": "local"}, {"form": "global"}, {"input_level": "window"}, {"input_level": "none"},
    {"mix_feats": "re_im", "level0": "mag_arn"}, {"level0": "mag_arn"},
    {"local_feats": "mag_re_im_arn"}, {"arn": {"q_norm": True}},
    {"arn": {"feed_forward": "two_linear"}}, {"arn_frame": {"form": "F2"}},
    {"last_activation": "linear"}, {"last_activation": "bn_prelu"},
    {"deep_filter": {"frames": 3, "bins": 5}}, {"prelu": "layer"},
    {"normalise_embedding": True}, {"ecapa": {"global_context": False}},
    {"ecapa": {"final_bn": True}}, {"ecapa": {"padding": "zero"}},
    {"causal": True}, {"causal": True, "arn": {"window": 5}}]


def check_training_reaches_all(model, mix, anchor):
    """Shapes of the outputs, and a gradient for all but the frozen network and the activity, which
    train/fast alone trains."""
    wave, estimate, spectrum = model.train()(mix, anchor, lengths=torch.tensor([4000, 3700]))
    assert wave.shape == mix.shape
    assert estimate.shape == spectrum.shape == (2, 12, model.config.window // 2 + 1)
    wave.square().mean().backward()
    for name, p in model.named_parameters():
        if name.startswith(("ecapa.", "sep.activity.")):
            assert p.grad is None
        else:
            assert p.grad is not None and torch.isfinite(p.grad).all(), name


@pytest.mark.parametrize("switch", SWITCHES, ids=json.dumps)
def test_every_switch_runs_and_trains(switch):
    model = random_model(tiny(**switch))
    mix, anchor = noise(2, 1700), noise(2, 4000)
    check_training_reaches_all(model, mix, anchor)
    model.eval()
    with torch.no_grad(), Recorder() as recorder:
        recorded = model(mix[:1], anchor[:1])[0]
        values = recorder.values
    with torch.no_grad():
        assert torch.equal(model(mix[:1], anchor[:1])[0], recorded)
    assert torch.equal(values["sep.istft"], recorded[0])
    attention = values["sep.arn.attention"]
    assert relative_error(values["sep.arn.context"] * model.sep.arn.value_gate().detach(),
                          attention) < 1e-4


def random_system(name, seed=1):
    model = make(from_dict(SYSTEMS[name]))
    randomise(model, seed)
    return model


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_trains_all_of_itself(name):
    check_training_reaches_all(random_system(name), noise(2, 1700), noise(2, 4000))


@pytest.mark.parametrize("name", [n for n, values in SYSTEMS.items() if values.get("causal")])
def test_causal_systems_do_not_look_ahead(name):
    model = random_system(name)
    anchor, mix = noise(1, 16000) * 0.1, noise(1, 9600) * 0.1
    changed = mix.clone()
    changed[:, 4800:] += 0.1 * noise(1, 4800, seed=3)
    with torch.no_grad():
        profile = model.enroll(anchor)
        before, after = (model.extract(x, profile)[0] for x in (mix, changed))
    # Frame 30 is the first that covers sample 4800; its samples begin at 4640.
    assert (before - after)[:, :4640].abs().max() < 1e-6 * before.abs().max()
    assert (before - after)[:, 4800:].abs().max() > 1e-4 * before.abs().max()


@pytest.mark.parametrize("name", ["voicefilter", "speakerfilter", "gated_crn", "tea_pse"])
def test_padding_of_an_anchor_changes_no_map(name):
    model = random_system(name)
    a = noise(1, 8000) * 0.1
    with torch.no_grad():
        alone = model.local_maps(a)
        padded = model.local_maps(torch.cat([F.pad(a, (0, 3000)), noise(1, 11000, seed=2)]),
                                  torch.tensor([8000, 11000]))
    assert [tuple(level.shape[1:]) for level in alone] == model.map_shapes
    for mine, theirs in zip(padded, alone):
        assert relative_error(mine[:1], theirs) < 1e-4


def test_form_local_has_no_embedding():
    with pytest.raises(ValueError, match="no global"):
        LgrTse(tiny(form="local")).embed(noise(1, 4000))


def test_given_embedding_replaces_the_computed_one():
    model = random_model(tiny())
    anchor = noise(1, 8000) * 0.1
    with torch.no_grad():
        own = model.enroll(anchor)
        given = model.enroll(anchor, embedding=model.embed(anchor))
    assert torch.equal(own["embedding"], given["embedding"])


def test_ecapa_stays_frozen_in_training():
    model = LgrTse(tiny()).train()
    assert model.sep.training and not model.ecapa.training
    assert not any(p.requires_grad for p in model.ecapa.parameters())


# Configuration.

def test_configurations_load_and_round_trip():
    for file in sorted(CONFIGS.glob("*.json")):
        config = load_config(file)
        assert from_dict(to_dict(config)) == config
        assert to_dict(config).items() >= flat_only(json.loads(file.read_text())).items()


def flat_only(values):
    return {key: value for key, value in values.items() if not isinstance(value, dict)}


@pytest.mark.parametrize("change,message", [
    ({"windw": 3}, r"config\.windw: unknown key; expected one of system"),
    ({"arn": {"windows": 3}}, r"config\.arn\.windows: unknown key; expected one of q_norm"),
    ({"form": "both"}, r"config\.form: got 'both', expected one of 'lgr'"),
    ({"causal": 1}, r"config\.causal: got 1, expected true or false"),
    ({"channels": [1, 2, 3, 4]}, r"config\.channels: .* expected a list of 5 integers"),
    ({"channels": [1, 2, 0, 4, 5]}, r"config\.channels\[2\]: got 0, expected an integer of at"),
    ({"channels": [1, 2, True, 4, 5]}, r"config\.channels\[2\]: got True, expected an integer"),
    ({"arn": 3}, r"config\.arn: got 3, expected an object"),
    ({"arn": {"dropout": "much"}}, r"config\.arn\.dropout: got 'much', expected a number"),
    ({"arn": {"dropout": 1.0}}, r"config\.arn\.dropout: .*\[0, 1\)"),
    ({"arn": {"window": 9}}, r"config\.arn\.window: got 9, expected 0 where `causal` is false"),
    ({"name": 5}, r"config\.name: got 5, expected a string"),
    ({"ecapa": {"channels": 12}}, r"config\.ecapa\.channels: got 12, expected a multiple"),
    ({"deep_filter": {"bins": 2}}, r"config\.deep_filter\.bins: got 2, expected an odd integer"),
    ({"arn_frame": {"size": 5}}, r"config\.arn_frame\.size: got 5, expected an even integer"),
    ({"system": "tasnet"}, r"config\.system: got 'tasnet', expected one of "
     + ", ".join(f"'{name}'" for name in ALL_SYSTEMS)),
    ({"system": "gated_crn", "compression": 0.5}, r"config\.compression: got 0.5, expected 1.0"),
    ({"system": "voicefilter", "channels": 5, "form": "local"},
     r"config\.form: got 'local', expected one of 'lgr', 'global'"),
    ({"system": ["lgr_tse"]}, r"config\.system: got \['lgr_tse'\], expected one of"),
])
def test_bad_configurations(change, message):
    with pytest.raises(ConfigError, match=message):
        from_dict({**TINY, **change})


def test_missing_key_and_bad_files(tmp_path):
    with pytest.raises(ConfigError, match=r"config\.system: got None, expected one of 'lgr_tse'"):
        from_dict({"name": "x"})
    with pytest.raises(ConfigError, match=r"config\.name: missing key; the keys are system, name"):
        from_dict({"system": "tea_pse"})
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ConfigError, match="not JSON: line 1"):
        load_config(tmp_path / "bad.json")


# Export.

def test_random_weights_are_repeatable_and_sane():
    config = tiny()
    one, two = random_model(config, 3), random_model(config, 3)
    for (name, a), b in zip(exported_tensors(one).items(), exported_tensors(two).values()):
        assert torch.equal(a, b), name
        assert "num_batches" not in name
    with torch.no_grad(), Recorder() as recorder:
        one(noise(1, 16000) * 0.1, noise(1, 32000, seed=1) * 0.1)
    for name, value in recorder.values.items():
        assert torch.isfinite(value).all(), name
        assert 1e-4 < value.abs().max() < 1e4, name


def test_load_names_the_tensor_at_fault():
    model = LgrTse(tiny())
    tensors = exported_tensors(model)
    missing = {k: v for k, v in tensors.items() if k != "sep.arn.g_q"}
    with pytest.raises(DataError, match=r"sep\.arn\.g_q is missing; expected \[24\]"):
        load_tensors(model, missing)
    with pytest.raises(DataError, match=r"surplus tensor extra of shape \[2\]"):
        load_tensors(model, {**tensors, "extra": torch.zeros(2)})
    with pytest.raises(DataError, match=r"sep\.arn\.g_q has shape \[3\]; expected \[24\]"):
        load_tensors(model, {**tensors, "sep.arn.g_q": torch.zeros(3)})


def test_export_dump_and_infer(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    (tmp_path / "c.json").write_text(json.dumps(TINY))
    soundfile.write(tmp_path / "a.wav", noise(16000).numpy() * 0.1, 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "m.wav", noise(5077, seed=1).numpy() * 0.1, 16000, subtype="FLOAT")
    config, checkpoint = ["--config", str(tmp_path / "c.json")], str(tmp_path / "x.safetensors")
    audio = []
    for name, option in (("a", "--anchor"), ("m", "--mix")):  # what the network hears of them
        heard = low_cut.cut(soundfile.read(tmp_path / f"{name}.wav", dtype="float32")[0])
        soundfile.write(tmp_path / f"{name}_heard.wav", heard, 16000, subtype="FLOAT")
        audio += [option, str(tmp_path / f"{name}_heard.wav")]
    assert export_main([*config, "--random", "5", "-o", checkpoint,
                        "--dump", str(tmp_path / "d"), *audio]) == 0
    assert export_main([*config, "--checkpoint", checkpoint, "--f16",
                        "-o", str(tmp_path / "h.safetensors")]) == 0
    assert infer_main([*config, "--checkpoint", checkpoint, "--enroll", str(tmp_path / "a.wav"),
                       str(tmp_path / "m.wav"), "-o", str(tmp_path / "o.wav")]) == 0
    out, rate = soundfile.read(tmp_path / "o.wav", dtype="float32")
    assert rate == 16000 and out.shape == (5077,)
    dumped = numpy.load(tmp_path / "d" / "extract" / "sep.istft.npy")
    assert numpy.abs(out - low_cut.restore(dumped)).max() < 1e-6
    assert numpy.load(tmp_path / "d" / "inputs" / "mix_hops.npy").shape == (33, 1, 160)
    assert numpy.load(tmp_path / "d" / "enroll" / "sep.projection.npy").shape == (24,)
    assert json.loads((tmp_path / "d" / "inputs" / "lengths.json").read_text()) == {
        "anchor_samples": 16000, "mix_samples": 5077}
    assert infer_main([*config, "--checkpoint", str(tmp_path / "none.pt"), "--enroll",
                       str(tmp_path / "a.wav"), str(tmp_path / "m.wav"),
                       "-o", str(tmp_path / "o2.wav")]) == 1
    assert not (tmp_path / "o2.wav").exists()
