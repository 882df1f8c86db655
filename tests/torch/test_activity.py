# SPDX-License-Identifier: Apache-2.0
"""When a person speaks: the truth that the activity is trained and judged by, and the measures of a
conversation."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "model" / "torch"))

from ligero_torch.data.activity import BRIDGE, active_hops  # noqa: E402
from ligero_torch.data.lists import Listed  # noqa: E402
from ligero_torch.data.scenes import ABSENT, MIX  # noqa: E402
from ligero_torch.evaluate import conversation  # noqa: E402
from ligero_torch.files import export  # noqa: E402
from ligero_torch.nets.asymmetric import HOP  # noqa: E402
from ligero_torch.train.fast.loss import training_loss  # noqa: E402
from tools import BSRNN, CONVERT, LIBRARY, LIGERO, LIVE  # noqa: E402


def speech(hops, bursts, level=0.1):
    """Noise of `level` in the hops of the bursts (first, behind the last), float32 [hops * 160]."""
    x = np.zeros((hops, HOP), np.float32)
    for first, last in bursts:
        x[first:last] = np.random.default_rng(first).standard_normal((last - first, HOP)) * level
    return x.reshape(-1)


def test_a_person_speaks_from_the_first_sound_to_the_last_and_in_the_gaps_of_words():
    active = conversation.spoken(speech(400, [(100, 150), (158, 200), (300, 340)]))
    assert active.shape == (400,)
    inside = np.r_[100:200, 300:340]
    assert active[inside].all()
    near = BRIDGE + 1
    assert not active[:100 - near].any() and not active[200 + near:300 - near].any()


def test_a_quiet_voice_counts_as_a_loud_one_does_and_its_faint_noise_does_not():
    x = speech(400, [(100, 200)])
    noisy = x + speech(400, [(0, 400)], 0.001)  # 40 dB below
    for gain in (1.0, 0.01):
        assert np.array_equal(conversation.spoken(noisy * np.float32(gain)), conversation.spoken(x))
    assert not conversation.spoken(np.zeros(1000, np.float32)).any()
    brief = conversation.spoken(speech(400, [(100, 105)]))  # less than a twentieth of the time
    assert brief[100:105].all() and brief.sum() < 30


def test_hops_of_a_batch_do_not_see_each_other():
    energy = torch.rand(3, 50)
    energy[1] = 0.0
    assert torch.equal(active_hops(energy)[2], active_hops(energy[2:])[0])
    assert not active_hops(energy)[1].any()


def test_equal_error_rate():
    truth = np.arange(1000) >= 600
    values = np.arange(1000) / 1000
    assert conversation.equal_error_rate(values, truth) < 0.2
    assert conversation.equal_error_rate(-values, truth) > 99.0
    rng = np.random.default_rng(0)
    assert conversation.equal_error_rate(rng.random(1000), truth) == pytest.approx(50.0, abs=5.0)
    wrong = truth.copy()
    wrong[rng.permutation(600)[:60]] = True  # a tenth of the false is called true
    wrong[600 + rng.permutation(400)[:40]] = False
    assert conversation.equal_error_rate(wrong + 0.1 * values, truth) == pytest.approx(10.0, abs=0.5)


def test_gaps_and_onsets_of_a_known_output():
    target = speech(2000, [(300, 500), (900, 1100), (1150, 1200), (1600, 1900)])
    mix = target + speech(2000, [(0, 2000)], 0.05)
    active = conversation.spoken(target)
    others = mix - target
    assert conversation.gap_db(mix, target + 0.1 * others, active) == pytest.approx(-20.0, abs=0.01)
    assert conversation.gap_db(mix, mix, active) == 0.0
    late = target.copy().reshape(-1, HOP)
    late[900:920] = 0.0
    late[1600:1900] = 0.0
    found = conversation.lateness_ms(target, late.reshape(-1), active)
    assert len(found) == 3  # that of hop 1150 has no pause before it
    assert found[0] == 0.0 and found[1] == pytest.approx(200.0, abs=40.0) and found[2] == 1000.0


def test_a_short_word_that_is_missed_is_a_second_late():
    target = speech(1000, [(300, 330), (900, 980)])
    active = conversation.spoken(target)
    assert conversation.lateness_ms(target, np.zeros_like(target), active) == [1000.0, 1000.0]
    assert conversation.lateness_ms(target, target, active) == [0.0, 0.0]


def listed(number, target, interferer):
    def clip(name):
        return speech(400, [(20, 380)], 0.05 * (1 + int(name[-1])))
    row = {"target_speaker": target, "interferer_speaker": interferer, "target": f"{target}/{number}",
           "anchor": f"{target}/anchor"}
    t, v = clip(target), clip(interferer)
    return Listed(f"k{number}", t + v, t, v, clip(target), row)


def test_conversations_are_functions_of_the_lists_keys():
    people = ["a1", "b2", "c3", "d4"]
    items = [listed(i, people[i % 4], people[(i + 1) % 4]) for i in range(12)]
    made = conversation.conversations(items, 3)
    assert [c.key for c in made] == ["k0", "k4", "k8"]
    for c, again in zip(made, conversation.conversations(items, 3)):
        assert np.array_equal(c.mix, again.mix) and len(c.mix) == conversation.SECONDS * 16000
        assert np.count_nonzero(c.target) == pytest.approx(0.18 * len(c.mix), rel=0.02)
        gaps = c.target == 0
        assert np.count_nonzero(c.mix[gaps]) > 0.7 * gaps.sum()  # the others go on
        pauses = np.diff(np.flatnonzero(np.diff(conversation.spoken(c.target).astype(int)) == 1))
        assert len(pauses) > 10 and pauses.min() > 300  # turns never overlap


def test_the_loss_falls_with_what_is_left_while_the_target_is_silent():
    target = torch.from_numpy(speech(300, [(150, 300)]))[None]
    others = torch.from_numpy(speech(300, [(0, 300)]))[None]
    kind = torch.tensor([MIX])
    def loss(before, after, odds=None, kind=kind, target=target):
        leak = others.clone()
        leak[:, :150 * HOP] *= before
        leak[:, 150 * HOP:] *= after
        return float(training_loss(target + leak, odds, target, target + others, kind)[0])
    assert loss(0.01, 0.3) < loss(0.1, 0.3) < loss(0.3, 0.3) < loss(1.0, 0.3)
    silent, absent = torch.zeros_like(target), torch.tensor([ABSENT])
    assert loss(0.1, 0.1, None, absent, silent) == pytest.approx(
        loss(1.0, 1.0, None, absent, silent) - 3.0, abs=0.1)  # 0.15 of 20 dB
    assert loss(0.1, 0.1, None, kind, silent) == loss(0.1, 0.1, None, absent, silent)
    right = torch.full((1, 301), -4.0)
    right[:, 150:300] = 4.0
    assert loss(0.1, 0.3, right) < loss(0.1, 0.3, torch.zeros(1, 301)) < loss(0.1, 0.3, -right)


def test_a_recipe_that_would_leave_the_activity_untrained_is_refused(tmp_path, capsys):
    from ligero_torch.train import separator

    assert separator.main(["--recipe", "small-start", "--config", "bsrnn-live", "--out",
                           str(tmp_path / "run")]) == 1
    assert "bsrnn-live.activity: got 16, expected 0" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(not all(p.exists() for p in (LIGERO, CONVERT, LIBRARY)),
                    reason=f"no tools at {LIGERO}, no library at {LIBRARY}")
@pytest.mark.parametrize("activity", [5, 0])
def test_a_model_is_measured_through_the_tool(activity, tmp_path, monkeypatch):
    for name, path in (("LIGERO", LIGERO), ("LIGERO_CONVERT", CONVERT), ("LIGERO_LIBRARY", LIBRARY)):
        monkeypatch.setenv(name, str(path))
    weights = tmp_path / "net.safetensors"
    weights.with_suffix(".json").write_text(json.dumps({**BSRNN, **LIVE, "activity": activity}))
    assert export.main(["--config", str(weights.with_suffix(".json")), "--random", "1", "-o",
                        str(weights)]) == 0
    people = ["a1", "b2", "c3", "d4"]
    items = [listed(i, people[i % 4], people[(i + 1) % 4]) for i in range(4)]
    found = conversation.measure(conversation.Runner(weights, tmp_path), items, 1)
    assert found["conversations"] == 1 and found["onsets"] > 10
    assert np.isfinite(list(found.values())).all()
    rates = {k: v for k, v in found.items() if k.startswith("eer_")}
    assert len(rates) == (3 if activity else 0)
    assert all(0.0 <= v <= 100.0 for v in rates.values())
