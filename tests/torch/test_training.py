# SPDX-License-Identifier: Apache-2.0
"""Training: loss terms, data simulation, bad input, checkpoints, metrics. No network is trained."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "model" / "torch"))

import tools  # noqa: E402
from ligero_torch.data import audio, lists, loudness, low_cut, mixing  # noqa: E402
from ligero_torch.data.corpus import load_corpus  # noqa: E402
from ligero_torch.evaluate import metrics  # noqa: E402
from ligero_torch.nets.features import stft  # noqa: E402
from ligero_torch.nets.systems import find_config, make  # noqa: E402
from ligero_torch.train import losses, runs  # noqa: E402

SPEECH = audio.default_speech()
needs_speech = pytest.mark.skipif(not (SPEECH / "MANIFEST.tsv").is_file(),
                                  reason=f"{SPEECH} is missing")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A speech folder of synthetic clips: six speakers of three clips, one of one clip, noise."""
    import soundfile

    root = tmp_path_factory.mktemp("speech")
    rng = np.random.default_rng(0)
    lines = ["corpus\tspeaker\tsex\tpath\tseconds\tsplit\tsource_utterances\tage"]
    for s in range(7):
        for u in range(1 if s == 6 else 3):
            path = f"c/{s}/{s}_{u}.wav"
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(root / path, tools.tone(rng, 1.5 + 0.5 * u, 120 + 60 * s), 16000)
            lines.append(f"c\t{s}\t{'MF'[s % 2]}\t{path}\t{1.5 + 0.5 * u}\ttrain\t{s}-{u}\t")
    (root / "MANIFEST.tsv").write_text("\n".join(lines) + "\n")
    (root / "noise").mkdir()
    soundfile.write(root / "noise/n.wav", 0.1 * rng.standard_normal(48000), 16000)
    (root / "noise/NOISE_MANIFEST.tsv").write_text(
        "corpus\tclass\tpath\tseconds\tsplit\nx\thiss\tnoise/n.wav\t3\ttrain\n")
    return root


@pytest.fixture(scope="module")
def corpus(folder, tmp_path_factory):
    return load_corpus(folder, tmp_path_factory.mktemp("cache"), workers=1, quiet=True)


# -- losses ------------------------------------------------------------------------------------


def spectra(seed=0, batch=3, samples=4800):
    rng = np.random.default_rng(seed)
    e, s = (0.05 * rng.standard_normal((batch, samples)).astype(np.float32) for _ in range(2))
    s[:, :1000] = 0.0
    return e, s, stft(torch.from_numpy(e)), stft(torch.from_numpy(s))


def test_si_snr_is_that_of_a_double_computation():
    e, s, _, _ = spectra()
    e += 0.3 * s + 0.02
    got = losses.si_snr(torch.from_numpy(e), torch.from_numpy(s)).numpy()
    for i in range(len(e)):
        a, b = e[i].astype(float) - e[i].mean(), s[i].astype(float) - s[i].mean()
        p = b * sum(a * b) / sum(b * b)
        want = 10 * np.log10(sum(p * p) / sum((a - p) ** 2))
        assert abs(got[i] - want) < 1e-3
        assert abs(metrics.si_snr(e[i], s[i]) - want) < 1e-6


def test_si_snr_ceiling_holds():
    s = torch.randn(2, 1000)
    assert torch.allclose(losses.si_snr(2 * s, s, ceiling_db=30.0), torch.tensor(30.0), atol=0.01)


def test_spectral_terms_are_mean_over_t_and_sum_over_f_of_powers():
    _, _, E, S = spectra()
    e, s = E.numpy().astype(np.complex128), S.numpy().astype(np.complex128)
    ms, me = (np.sqrt(np.abs(x) ** 2 + 1e-8) for x in (s, e))  # spec 8.1: eps under the root
    mag = ((ms ** 0.5 - me ** 0.5) ** 2).sum(2).mean(1)
    ri = np.abs(s / ms ** 0.5 - e / me ** 0.5)
    ri = (ri ** 2).sum(2).mean(1)
    asym = (np.maximum(ms ** 0.5 - me ** 0.5, 0.0) ** 2).mean((1, 2))
    assert np.allclose(losses.l_mag(E, S).numpy(), mag, rtol=1e-4)
    assert np.allclose(losses.l_ri(E, S).numpy(), ri, rtol=1e-4)
    assert np.allclose(losses.l_asym(E, S).numpy(), asym, rtol=1e-4)
    # Away from silence S^(p) has the magnitude |S|^p and the phase of S.
    loud = np.abs(s) > 0.1
    c = torch.view_as_complex(losses.compress(S)).numpy()
    assert np.allclose(c[loud], (np.abs(s) ** 0.5 * np.exp(1j * np.angle(s)))[loud], rtol=1e-3)


def test_total_is_the_weighted_sum_and_absent_items_leave_si_snr_out():
    e, s, E, S = spectra()
    t = [torch.from_numpy(x) for x in (e, s, e + s)]
    absent = torch.tensor([False, False, True])
    w = losses.LossWeights(ri=2.0, mag=3.0, silence=0.0, ceiling_db=None)
    total, terms = losses.Loss(w)(t[0], t[1], t[2], E, S, absent)
    snr = losses.si_snr(t[0], t[1])[:2]
    want = -snr.sum() / 3 + 2 * losses.l_ri(E, S).mean() + 3 * losses.l_mag(E, S).mean()
    assert abs(float(total - want)) < 1e-4
    assert abs(terms["si_snr"] - float(snr.mean())) < 1e-4


def test_rms1_level_makes_the_loss_independent_of_level():
    e, s, E, S = spectra()
    loss = losses.Loss(losses.LossWeights(ri=0.05, mag=0.05, level="rms1"))
    absent = torch.zeros(3, dtype=torch.bool)
    t = [torch.from_numpy(x) for x in (e, s, e + s)]
    a = loss(*t, E, S, absent)[0]
    b = loss(*(8 * x for x in t), 8 * E, 8 * S, absent)[0]
    assert abs(float(a - b)) < 1e-3


# -- data --------------------------------------------------------------------------------------


def test_items_are_a_function_of_seed_and_number(corpus):
    o = mixing.MixOptions(seconds=1.0, anchor_seconds=0.5, noise=0.5)
    a, b = (mixing.Mixer(corpus, "train", o, seed=3) for _ in range(2))
    b.item(4)
    for k in ("mix", "target", "anchor"):
        assert np.array_equal(a.item(9)[k], b.item(9)[k])
    assert not np.array_equal(a.item(9)["mix"], mixing.Mixer(corpus, "train", o, 4).item(9)["mix"])


def test_speeds_make_new_speakers_who_never_meet_themselves(corpus):
    m = mixing.Mixer(corpus, "train", mixing.MixOptions(seconds=1.0), 0)
    assert len(m.by_speaker) == 21 and len(m.targets) == 18  # one clip: an interferer only
    for i in range(60):
        it = m.item(i, anchor=False)
        c = m.clips
        assert c[it["target_clip"]].base != c[it["interferer_clip"]].base
        assert c[it["anchor_clip"]].speaker == c[it["target_clip"]].speaker
        assert it["anchor_clip"] != it["target_clip"]


def test_levels_of_sources_and_mixtures(corpus):
    clip = corpus.select("train")[0]
    x = corpus.audio(clip)
    o = mixing.MixOptions(seconds=1.0, noise=0, absent=0, single=0, level_dbfs=None, source_eq=0)
    m = mixing.Mixer(corpus, "train", o, 0)
    for i in range(20):
        it = m.item(i, anchor=False)
        assert np.abs(it["mix"]).max() <= mixing.PEAK + 1e-4
        rng = np.random.default_rng(i)
        y = m._source(rng, 0, clip.samples)
        assert mixing.LOUDNESS_RANGE[0] - 0.2 < loudness.loudness(y) < mixing.LOUDNESS_RANGE[1] + 0.2
    m.options.level_dbfs = (-45.0, -15.0)
    levels = [20 * np.log10(audio.rms(m.item(i, anchor=False)["mix"])) for i in range(50)]
    assert -45.1 < min(levels) < -35 and -25 < max(levels) < -14.9
    # BS.1770: a 997 Hz sine of amplitude 1 reads -3.01 LUFS.
    t = np.arange(32000) / 16000.0
    assert abs(loudness.loudness(np.sin(2 * np.pi * 997 * t)) + 3.01) < 0.1
    assert len(x) == clip.samples


def test_absent_and_single_items(corpus):
    o = mixing.MixOptions(seconds=1.0, noise=0, absent=1.0)
    it = mixing.Mixer(corpus, "train", o, 0).item(0)
    assert it["kind"] == "absent" and not it["target"].any() and it["mix"].any()
    o = mixing.MixOptions(seconds=1.0, noise=0, absent=0.0, single=1.0)
    it = mixing.Mixer(corpus, "train", o, 0).item(0)
    assert it["kind"] == "single" and np.array_equal(it["mix"], it["target"])


def test_batches_carry_embeddings_of_the_anchor_clip(corpus):
    m = mixing.Mixer(corpus, "train", mixing.MixOptions(seconds=1.0, anchor_seconds=0.5), 0)
    bank = np.arange(len(m.clips), dtype=np.float32)[:, None, None].repeat(2, 1)
    b = mixing.BatchSource(m, 4, bank)[2]
    want = [m.item(i)["anchor_clip"] for i in range(8, 12)]
    assert b["voice"][:, 0].tolist() == want
    assert b["mix"].shape == (4, 16000) and b["anchor"].shape == (4, 8000)


def test_bad_manifest_lines_are_named_and_counted(folder, tmp_path, capsys):
    import soundfile

    root = tmp_path / "speech"
    (root / "c").mkdir(parents=True)
    rng = np.random.default_rng(1)
    soundfile.write(root / "c/a.wav", tools.tone(rng, 2, 200), 16000)
    soundfile.write(root / "c/b.wav", tools.tone(rng, 2, 300), 16000)
    soundfile.write(root / "c/rate.wav", tools.tone(rng, 2, 300), 8000)
    soundfile.write(root / "c/short.wav", tools.tone(rng, 0.3, 300), 16000)
    (root / "c/junk.wav").write_bytes(b"no audio")
    names = ("a", "b", "rate", "short", "junk", "gone")
    (root / "MANIFEST.tsv").write_text(
        "corpus\tspeaker\tsex\tpath\tsplit\n"
        + "".join(f"c\t{i % 2}\tF\tc/{n}.wav\ttrain\n" for i, n in enumerate(names))
        + "c\t1\tF\t\ttrain\n")
    c = load_corpus(root, tmp_path / "cache", workers=1, quiet=True)
    said = capsys.readouterr().err
    assert c.bad == 5 and len(c.select("train", speeds=(1.0,))) == 2
    for text in ("rate.wav", "8000 Hz", "short.wav", "junk.wav", "gone.wav", "missing",
                 "lacks path", "5 bad line(s)"):
        assert text in said
    with pytest.raises(audio.DataError):
        load_corpus(root, tmp_path / "cache2", workers=1, quiet=True, strict=True)
    with pytest.raises(audio.DataError, match="two speakers"):
        mixing.Mixer(c, "train", mixing.MixOptions(), 0)
    with pytest.raises(audio.DataError, match="'test' is empty"):
        mixing.Mixer(c, "test", mixing.MixOptions(), 0)
    with pytest.raises(audio.DataError, match="MANIFEST.tsv is missing"):
        load_corpus(tmp_path / "nowhere", tmp_path)


def test_bad_list_lines_are_named_and_counted(folder, tmp_path, capsys):
    head = "key\ttarget\tinterferer\tanchor\ttarget_gain_db\tinterferer_gain_db\tsamples\n"
    good = "c/0/0_0.wav\tc/1/1_0.wav\tc/0/0_1.wav\t-3\t0\t16000\n"
    path = tmp_path / "list.tsv"
    path.write_text(head + "k0\t" + good + "k1\t" + good.replace("0_1", "0_9")
                    + "k2\t" + good.replace("16000", "many")
                    + "k3\t" + good.replace("16000", "999999"))
    bad = audio.BadLines()
    items = list(lists.read_list(path, folder, bad=bad))
    assert [i.key for i in items] == ["k0"] and len(bad) == 3
    assert np.allclose(items[0].mix, items[0].target + items[0].interferer)
    said = capsys.readouterr().err
    assert "k1" in said and "0_9.wav: missing" in said and "k2" in said and "k3" in said
    with pytest.raises(audio.DataError):
        list(lists.read_list(path, folder, strict=True))


@needs_speech
def test_list_of_the_shared_folder_reads():
    items = list(lists.read_list(SPEECH / "lists" / "valid.tsv", SPEECH, strict=True, limit=2))
    assert len(items) == 2
    for it in items:
        assert abs(metrics.si_snr(it.mix, it.target)) < 15


# -- metrics -----------------------------------------------------------------------------------


def test_tsos_is_that_of_a_literal_loop():
    rng = np.random.default_rng(5)
    s = tools.tone(rng, 1.0, 200)
    e = s * np.where(np.arange(len(s)) % 4000 < 1500, 0.05, 1.0).astype(np.float32)
    S, E = (stft(torch.from_numpy(x[None]))[0].abs().double().numpy() for x in (s, e))
    count = count_b = 0
    for t in range(S.shape[0]):
        lost = level = level_b = 0.0
        for f in range(161):
            lost += max(S[t, f] ** 0.3 - E[t, f] ** 0.3, 0.0) ** 2
            level += S[t, f] ** 0.3
            level_b += S[t, f] ** 0.6
        count += lost > 0.1 * level
        count_b += lost > 0.1 * level_b
    a, b = metrics.tsos(e, s)
    assert 0 < count < S.shape[0]
    assert abs(a - count / S.shape[0]) < 0.011 and abs(b - count_b / S.shape[0]) < 0.011
    assert metrics.tsos(s, s) == (0.0, 0.0)


def test_pesq_raw_inverts_the_mapping():
    for raw in (0.5, 1.76, 3.3):
        mapped = 0.999 + 4.0 / (1.0 + np.exp(-1.4945 * raw + 4.6607))
        assert abs(metrics.pesq_raw(mapped) - raw) < 1e-6


def test_equal_error_rate():
    from ligero_torch.train.speaker import equal_error_rate

    score = np.array([0.9, 0.8, 0.7, 0.6, 0.2, 0.1])
    assert equal_error_rate(score, np.array([1, 1, 1, 0, 0, 0], bool)) == 0.0
    assert abs(equal_error_rate(score, np.array([1, 1, 0, 1, 0, 0], bool)) - 1 / 3) < 1e-9


def test_evaluate_scores_a_folder_of_outputs(folder, tmp_path):
    import soundfile

    from ligero_torch.evaluate import score as evaluate

    path = tmp_path / "list.tsv"
    path.write_text(
        "key\ttarget\tinterferer\tanchor\ttarget_gain_db\tinterferer_gain_db\tsamples\t"
        "target_sex\tinterferer_sex\n"
        "k0\tc/0/0_0.wav\tc/1/1_0.wav\tc/0/0_1.wav\t0\t0\t16000\tM\tF\n"
        "k1\tc/1/1_0.wav\tc/0/0_0.wav\tc/1/1_1.wav\t0\t0\t16000\tF\tM\n")
    out = tmp_path / "out"
    out.mkdir()
    it = next(lists.read_list(path, folder))
    soundfile.write(out / "k0.wav", it.target + 0.01 * it.interferer, 16000, "FLOAT")
    result = tmp_path / "r.json"
    assert evaluate.main(["--wavs", str(out), "--speech", str(folder), "--list", str(path), "--fast",
                          "--json", str(result), "--jobs", "1"]) == 0
    doc = json.loads(result.read_text())
    row = doc["results"][str(out)]["clean"]["all"]
    assert doc["bad_lines"] == 1 and row["count"] == 1  # k1.wav is missing: named, counted
    assert row["si_snri"] > 30 and row["unseparated"] == row["wrong"] == 0.0


def test_unseparated_and_wrong_speaker_are_two_things():
    target, interferer = 0.1 * np.random.default_rng(0).standard_normal((2, 16000))
    mix = target + interferer

    def shares(estimate):
        row = metrics.score(estimate, target, mix, interferer, slow=False)
        return row["unseparated"], row["wrong"]

    assert shares(mix) == (100.0, 0.0)                    # untouched
    assert shares(interferer + 0.1 * target) == (100.0, 100.0)
    assert shares(target + 0.1 * interferer) == (0.0, 0.0)
    quiet = 0.05 * target + interferer                    # the target lies far below the other
    row = metrics.score(quiet, 0.05 * target, quiet, interferer, slow=False)
    assert (row["unseparated"], row["wrong"]) == (100.0, 0.0)


# -- checkpoints -------------------------------------------------------------------------------


def test_checkpoint_of_another_config_is_refused_with_both_named(tmp_path):
    path = tmp_path / "last.pt"
    runs.save_atomic({"name": "lgr-tse-small", "config": {"causal": False, "arn": {"window": 0}},
                      "step": 7}, path)
    assert runs.load_checkpoint(path, "x", {"causal": False, "arn": {"window": 0}})["step"] == 7
    with pytest.raises(runs.CheckpointError) as e:
        runs.load_checkpoint(path, "lgr-tse-small-live", {"causal": True, "arn": {"window": 9}})
    for text in ("lgr-tse-small'", "lgr-tse-small-live", "causal: False != True", "arn.window"):
        assert text in str(e.value)


def test_failed_save_keeps_the_last_checkpoint(tmp_path):
    path = tmp_path / "last.pt"
    runs.save_atomic({"step": 1}, path)
    with pytest.raises(Exception):
        runs.save_atomic({"step": lambda: 0}, path)  # cannot be pickled
    assert torch.load(path, weights_only=True)["step"] == 1
    assert os.listdir(tmp_path) == ["last.pt"]


def test_killed_save_keeps_the_last_checkpoint(tmp_path):
    path = tmp_path / "last.pt"
    code = (f"import sys, torch; sys.path.insert(0, {str(ROOT / 'model' / 'torch')!r})\n"
            "from ligero_torch.train import runs\n"
            f"x = torch.zeros(2000000)\nfor i in range(10 ** 6):\n"
            f"    runs.save_atomic({{'step': i, 'x': x + i}}, {str(path)!r})\n")
    p = subprocess.Popen([sys.executable, "-c", code])
    try:
        for _ in range(6000):  # importing PyTorch takes a minute on a busy machine
            if path.exists():
                break
            time.sleep(0.05)
        time.sleep(0.2)
    finally:
        p.send_signal(signal.SIGKILL)
        p.wait()
    ck = torch.load(path, weights_only=True)
    assert (ck["x"] == ck["step"]).all()


def test_warm_start_passes_the_mixture():
    from ligero_torch.nets.layers import CENTRE_TAP

    for name in ("small", "small-live", "speakerfilter-small"):
        torch.manual_seed(0)
        model = make(find_config(name))
        model.warm_start()
        model.eval()
        mix = 0.05 * torch.randn(1, 8000)
        with torch.no_grad():
            wave = model(mix, torch.randn(1, 8000), embedding=torch.randn(1, 128))[0]
        assert float(losses.si_snr(wave, mix)) > 5.0
        assert abs(float((wave * mix).sum() / mix.square().sum()) - CENTRE_TAP) < 0.2


def test_weights_file_round_trip(tmp_path):
    from ligero_torch.evaluate.score import torch_extractor
    from ligero_torch.nets.lgr_tse import LgrTse
    from ligero_torch.files.weights import load_weights, read_tensors, save_weights

    model = LgrTse(find_config("small")).eval()
    path = tmp_path / "w.safetensors"
    save_weights(path, model.state_dict(), model.config, {"step": 3})
    assert path.stat().st_size < 7e6
    name, run = torch_extractor(path)
    assert name == "lgr-tse-small"
    mix = 0.05 * np.random.default_rng(0).standard_normal(8000).astype(np.float32)

    @torch.no_grad()
    def network(mix, anchor):
        return model(torch.from_numpy(mix[None]), torch.from_numpy(anchor[None]))[0][0].numpy()

    assert metrics.si_snr(run(mix, mix), low_cut.through(network, mix, mix)) > 35
    live = LgrTse(find_config("small-live"))
    assert all(k.endswith("num_batches_tracked") for k in load_weights(live, read_tensors(path)))


def test_a_recipe_names_what_it_starts_from(tmp_path, monkeypatch, capsys):
    from ligero_torch.train import separator as train

    monkeypatch.chdir(tmp_path)
    small, = train.missing_stages(train.parse(["--recipe", "small"]))
    assert small[:3] == ["ligero_torch.train.separator", "--recipe", "small-start"]
    start, = train.missing_stages(train.parse(small[1:]))
    assert start[:3] == ["ligero_torch.train.speaker", "--config", "small"]
    (tmp_path / "build/train/speaker").mkdir(parents=True)
    (tmp_path / "build/train/speaker/speaker.pt").touch()
    assert not train.missing_stages(train.parse(small[1:]))
    monkeypatch.setenv("WORLD_SIZE", "2")  # several processes do not train it each
    assert train.main(["--recipe", "small"]) == 1
    assert "small-start" in capsys.readouterr().err


def test_fixed_mixtures_are_trained_on_until_they_are_learnt(folder, tmp_path):
    from ligero_torch.train import separator as train

    (tmp_path / "tiny.json").write_text(json.dumps(tools.SYSTEMS["speakerfilter, local"]))
    for enough, steps in ((-100.0, 1), (100.0, 3)):
        out = tmp_path / str(steps)
        assert train.main(["--recipe", "compare", "--config", str(tmp_path / "tiny.json"),
                           "--speech", str(folder), "--cache", str(tmp_path), "--out", str(out),
                           "--seconds", "1", "--fixed", "3", "--until-gain", str(enough),
                           "--steps", "3"]) == 0
        assert runs.last_row(out / "log.csv", "step") == [steps]


def test_speaker_networks_of_other_weights_are_taken_and_stay(folder, tmp_path):
    """The ablation's start: --init-only takes what it names, --freeze keeps it."""
    from ligero_torch.train import separator as train
    from ligero_torch.files.weights import read_tensors, save_weights

    config = tmp_path / "tiny.json"
    config.write_text(json.dumps(tools.SYSTEMS["speakerfilter, local"]))
    trained = make(find_config(config))
    for p in trained.parameters():
        torch.nn.init.normal_(p, std=0.5)
    save_weights(tmp_path / "w.safetensors", trained.state_dict(), trained.config)
    assert train.main(["--recipe", "compare", "--config", str(config), "--speech", str(folder),
                       "--cache", str(tmp_path), "--out", str(tmp_path / "out"), "--seconds", "1",
                       "--init", str(tmp_path / "w.safetensors"), "--init-only", "local.",
                       "--freeze", "local.", "--fixed", "2", "--steps", "1"]) == 0
    before, after = read_tensors(tmp_path / "w.safetensors"), torch.load(
        tmp_path / "out" / "last.pt", weights_only=True)["model"]
    same = {k for k, v in before.items() if torch.equal(v.float(), after[k].half().float())}
    assert {k for k in before if k.startswith("local.")} <= same
    assert not any(k.startswith("sep.") and k.endswith("conv.weight") for k in same)
    # Its own start, and not that of the other weights less one step of the optimizer.
    own = [k for k in before if k.startswith("sep.") and k.endswith("conv.weight")]
    assert own and all((after[k] - before[k].float()).abs().max() > 0.1 for k in own)


def test_compare_refuses_a_network_that_did_not_learn_its_mixtures(tmp_path, monkeypatch, capsys):
    from ligero_torch.train import compare

    def train(config, out, a):
        out.mkdir(parents=True)
        (out / "last.pt").touch()
        (out / "log.csv").write_text("step,seconds,gain\n50,60,3\n70,90,9.5\n")

    monkeypatch.setattr(compare, "train", train)
    arguments = ["--fixed", "8", "--out", str(tmp_path)]
    assert compare.main([*arguments, "voicefilter-small"]) == 0
    assert "| voicefilter-small | 9.5 | 6 | 70 | 1.5 |" in capsys.readouterr().out
    assert compare.main([*arguments, "voicefilter-small", "gated-crn-small"]) == 1
    said = capsys.readouterr()
    assert "| gated-crn-small | 9.5 | 10 |" in said.out and "not all mixtures" in said.err


@pytest.mark.skipif(not (ROOT / "build/venv").is_dir(), reason="no environment in build/venv")
def test_the_wrapper_runs_the_job_that_it_is_told():
    said = subprocess.run([ROOT / "run", "compare", "--help"], capture_output=True, text=True)
    assert said.stdout.startswith("usage: compare.py"), said.stderr


def test_a_bad_config_is_refused_before_anything_is_trained(tmp_path, monkeypatch, capsys):
    from ligero_torch.train import compare, separator as train

    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps({**tools.TINY, "chanels": 3}))
    monkeypatch.setattr(compare, "train", None)
    assert compare.main(["small", str(bad)]) == 1
    assert "bad.json.chanels: unknown key; expected one of system" in capsys.readouterr().err
    assert train.main(["--recipe", "compare", "--config", str(bad), "--out", str(tmp_path)]) == 1
    assert "bad.json.chanels: unknown key; expected one of system" in capsys.readouterr().err


def test_compare_puts_a_backbone_with_lgr_beside_its_own_form():
    from ligero_torch.train import compare

    def scores(system, form, gain, tsos):
        return {"system": system, "form": form, "steps": 500, "hours": 0.1,
                "all": {"si_snri": gain, "estoi": 0.6, "pesq_wb": 1.4, "unseparated": 50.0,
                        "wrong": 3.0, "tsos": tsos}}

    rows = {"a": scores("gated_crn", "global", 1.0, 0.2), "b": scores("gated_crn", "lgr", 2.0, 0.1),
            "c": scores("lgr_tse", "local", 3.0, 0.3)}
    table = compare.markdown(rows)
    assert "| gated_crn | global | 1.00 | 2.00 | 0.200 | 0.100 |" in table
    assert "| lgr_tse | local |" not in table


def test_training_blocks_have_the_gradients_of_torchs_own():
    from ligero_torch.nets.layers import DeconvBlock

    torch.manual_seed(2)
    for causal in (False, True):
        for padding, kind in ((0, "channel"), (1, "layer")):
            block = DeconvBlock("d", 12, 5, causal, kind, padding)
            x = torch.randn(2, 12, 9, 7, requires_grad=True)
            results = []
            for mode in (True, False):  # in eval mode the block calls torch's functions
                block.train(mode)
                y = block.prelu(block.conv(x))
                inputs = [x, block.conv.weight, block.conv.bias, block.prelu.weight]
                results.append([y, *torch.autograd.grad(y.square().sum(), inputs)])
            for mine, theirs in zip(*results):
                assert torch.allclose(mine, theirs, rtol=1e-4, atol=1e-4)


def test_a_bank_row_makes_the_profile_of_its_anchor():
    from ligero_torch.train import bank
    from ligero_torch.nets.lgr_tse import LgrTse

    torch.manual_seed(3)
    model = LgrTse(find_config("small"))
    anchors = 0.1 * torch.randn(2, 16000)
    assert bank.unpack(model, bank.rows(model.eval(), anchors))[1] == ()  # local is trained
    model.local.requires_grad_(False)
    assert not model.train().local.training
    model.eval()
    with torch.no_grad():
        want = model.enroll(anchors)
        got = model.profile(*bank.unpack(model, bank.rows(model, anchors)))
    assert want.keys() == got.keys()
    assert all(torch.allclose(want[k], got[k], atol=1e-5) for k in want)


def test_causal_start_equals_a_centred_network_that_ignores_the_future():
    from ligero_torch.nets.layers import deep_filter
    from ligero_torch.nets.lgr_tse import LgrTse
    from ligero_torch.files.weights import causal_state

    torch.manual_seed(1)
    old, new = (LgrTse(find_config(n)).eval() for n in ("small", "small-live"))
    state = old.state_dict()
    for k, w in state.items():
        if k.startswith("sep.conv2d_") and k.endswith("conv.weight"):
            w[:, :, 2] = 0.0
        if k.startswith("sep.deconv2d_") and k.endswith("conv.weight"):
            w[:, :, 0] = 0.0
    state["sep.deconv2d_1.conv.weight"][:, 18:] = 0.0  # taps t+1, t+2
    state["sep.deconv2d_1.conv.bias"][18:] = 0.0
    new.load_state_dict(causal_state(state, new.config))
    x, skip = torch.randn(1, 3, 20, 161), torch.randn(1, 16, 20, 80)
    profile = {"local_0": torch.randn(1, 1, 161)}
    spectrum = torch.randn(1, 20, 161, dtype=torch.complex64)
    outs = []
    with torch.no_grad():
        for m in (old, new):
            y = m.sep.conv2d_1(x, profile["local_0"])
            h = m.sep.deconv2d_1(y, skip)
            outs.append((y, deep_filter(h, spectrum, 5, 3, m.config.causal)))
    # A constant next to zero padding differs in the first frame, where the causal kernel sees less.
    assert torch.allclose(outs[0][0][:, :, 2:], outs[1][0][:, :, 2:], atol=1e-5)
    assert torch.allclose(outs[0][1][:, 4:], outs[1][1][:, 4:], atol=1e-4)
    assert new.sep.arn.lstm.weight_hh_l0.shape == (1024, 256)
