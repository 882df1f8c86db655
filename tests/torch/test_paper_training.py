# SPDX-License-Identifier: Apache-2.0
"""The paper's training, line by line: batch norms over processes, the halving rule, lengths of anchors,
forms and options."""

import json
import os
import subprocess
import sys

import pytest
import torch

import tools
from test_training import ROOT, corpus, folder  # noqa: F401

from ligero_torch.data import lists, mixing
from ligero_torch.nets.config import ConfigError
from ligero_torch.nets.systems import find_config, make
from ligero_torch.train import losses

SHARED = """
import sys
import torch
from torch import nn
sys.path.insert(0, sys.argv[1])
from ligero_torch.train.shared_norm import share_batch_norms
rank, world, folder = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.PReLU(), nn.Conv2d(6, 4, 3),
                    nn.BatchNorm2d(4), nn.Flatten())
x = 3.0 + torch.randn(4, 2, 9, 8)
if world > 1:
    torch.distributed.init_process_group("gloo", f"file://{folder}/meet", rank=rank,
                                         world_size=world)
    share_batch_norms(net)
    net = nn.parallel.DistributedDataParallel(net, broadcast_buffers=False)
x = x.chunk(world)[rank].requires_grad_()
y = net(x)
(y * y.detach().cos()).sum(1).mean().backward()
net = getattr(net, "module", net)
torch.save({"y": y, "x": x.grad / world, "state": net.state_dict(),
            "grads": [p.grad for p in net.parameters()]}, f"{folder}/{world}-{rank}.pt")
"""


def test_batch_norms_of_two_processes_equal_those_of_one_batch(tmp_path):
    def start(rank, world):
        return subprocess.Popen([sys.executable, "-c", SHARED, str(ROOT / "model" / "torch"),
                                 str(rank), str(world), str(tmp_path)])

    for processes in ([start(0, 1)], [start(0, 2), start(1, 2)]):
        assert [p.wait(600) for p in processes] == [0] * len(processes)
    one, *two = (torch.load(tmp_path / f"{n}.pt") for n in ("1-0", "2-0", "2-1"))
    for part in ("y", "x"):
        both = torch.cat([t[part] for t in two])
        assert (both - one[part]).abs().max() <= 1e-5 * one[part].abs().max(), part
    for t in two:
        for mine, wanted in zip(t["grads"], one["grads"]):
            assert (mine - wanted).abs().max() <= 1e-5 * max(1.0, float(wanted.abs().max()))
        for name, wanted in one["state"].items():
            assert (t["state"][name] - wanted).abs().max() <= 1e-5 * wanted.abs().max(), name


def test_the_rate_halves_where_the_validation_loss_has_not_improved_twice():
    from ligero_torch.train import separator

    run = separator.Trainer.__new__(separator.Trainer)
    run.a = separator.parse(["--recipe", "paper"])
    run.best_loss, run.bad_epochs, run.rate = float("inf"), 0, 1.0
    rates = []
    for loss in (3.0, 2.0, 2.5, 2.1, 1.9, 2.0, 1.8, 1.9, 1.9):
        run.halve(loss)
        rates.append(run.rate)
    assert rates == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25]


def test_the_recipe_of_the_paper_says_what_the_paper_does():
    from ligero_torch.train import separator

    a = separator.parse(["--recipe", "paper"])
    assert a.valid_items == 0 and a.projection_rate == 1.0 and a.loss["ceiling_db"] is None
    assert (a.batch, a.seconds, a.lr, a.schedule) == (40, 4.0, 1e-3, "halving")
    for form in ("lgr", "local", "global"):
        config = find_config("paper" if form == "lgr" else f"paper-{form}")
        assert (config.system, config.form, config.ecapa.channels) == ("lgr_tse", form, 2048)


def test_an_anchor_shorter_than_the_crop_passes_its_length(corpus):  # noqa: F811
    o = mixing.MixOptions(seconds=1.0, anchor_seconds=2.4, absent=0, single=0)
    m = mixing.Mixer(corpus, "train", o, 0)
    b = mixing.BatchSource(m, 8)[0]
    clips = [m.clips[m.item(i)["anchor_clip"]].samples for i in range(8)]
    assert b["anchor_samples"].tolist() == [min(n, b["anchor"].shape[1]) for n in clips]
    assert len(set(b["anchor_samples"].tolist())) > 1
    for row, n in zip(b["anchor"], b["anchor_samples"]):
        assert row[n:].abs().sum() == 0 and row[:n].abs().sum() > 0
    whole = mixing.BatchSource(mixing.Mixer(corpus, "train", mixing.MixOptions(anchor_seconds=1.0),
                                            0), 4)[0]
    assert "anchor_samples" not in whole


def test_a_list_is_shared_out(folder, tmp_path):  # noqa: F811
    path = tmp_path / "list.tsv"
    line = "c/0/0_0.wav\tc/1/1_0.wav\tc/0/0_1.wav\t0\t0\t16000\n"
    path.write_text("key\ttarget\tinterferer\tanchor\ttarget_gain_db\tinterferer_gain_db\tsamples\n"
                    + "".join(f"k{i}\t{line}" for i in range(5)))
    keys = [[it.key for it in lists.read_list(path, folder, part=(k, 2))] for k in (0, 1)]
    assert keys == [["k0", "k2", "k4"], ["k1", "k3"]]


def test_tea_pses_first_stage_has_a_loss_of_its_own():
    from ligero_torch.nets.systems import from_dict

    model = make(from_dict(tools.TEA_PSE)).train()
    mix, anchor = 0.1 * torch.randn(2, 4000), 0.1 * torch.randn(2, 16000)
    wave, spectrum, _ = model(mix, anchor)
    target, absent = 0.5 * mix, torch.zeros(2, dtype=torch.bool)
    arguments = wave, target, mix, spectrum, model.spectrum(target), absent, model.first_stage
    none, terms = losses.Loss(losses.LossWeights())(*arguments)
    assert "stage1" not in terms
    with_it, terms = losses.Loss(losses.LossWeights(stage1=2.0))(*arguments)
    assert abs(float((with_it - none).detach()) - 2.0 * terms["stage1"]) < 1e-3 * abs(float(with_it.detach()))
    with_it.backward()
    assert model.eval()(mix, anchor)[0].shape == mix.shape
    # The mask of the first stage: no louder than the mixture anywhere.
    assert bool((model.first_stage.abs() <= model.spectrum(mix).abs() * 1.001 + 1e-4).all())


def test_level_0_can_be_chosen_by_the_recipe(folder, tmp_path):  # noqa: F811
    from ligero_torch.train import separator

    a = separator.parse(["--recipe", "compare", "--config", "small-local", "--level0", "mag_arn",
                         "--speech", str(folder), "--cache", str(tmp_path / "cache"),
                         "--out", str(tmp_path / "run"), "--steps", "1"])
    run = separator.Trainer(a)
    assert run.config.level0 == "mag_arn" and find_config("small-local").level0 == "arn"
    with pytest.raises(ConfigError, match="level0: got 'x', expected one of 'arn', 'mag_arn'"):
        a.level0 = "x"
        separator.Trainer(a)


def test_two_processes_share_the_validation(folder, tmp_path):  # noqa: F811
    """Five mixtures, of which one process scores three and the other two; both go on in step."""
    line = "c/0/0_0.wav\tc/1/1_0.wav\tc/0/0_1.wav\t0\t0\t16000\n"
    path, config = tmp_path / "list.tsv", tmp_path / "tiny.json"
    path.write_text("key\ttarget\tinterferer\tanchor\ttarget_gain_db\tinterferer_gain_db\tsamples\n"
                    + "".join(f"k{i}\t{line}" for i in range(5)))
    config.write_text(json.dumps(tools.SYSTEMS["speakerfilter, local"]))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
               "-m", "ligero_torch.train.separator", "--recipe", "compare", "--config", str(config),
               "--speech", str(folder), "--cache", str(tmp_path / "cache"), "--threads", "1",
               "--out", str(tmp_path / "run"), "--batch", "2", "--steps", "2", "--valid-steps", "1",
               "--valid-list", str(path), "--valid-items", "0", "--workers", "0", "--seconds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, env={
        **os.environ, "PYTHONPATH": str(ROOT / "model" / "torch"), "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stdout + done.stderr[:3000]
    assert done.stdout.count("valid loss") == 2  # at step 1, and at the end; once, not twice
    ck = torch.load(tmp_path / "run" / "last.pt")
    assert ck["step"] == 2 and ck["best_loss"] < float("inf")
    norms = [v for k, v in ck["model"].items() if k.endswith("num_batches_tracked")]
    assert norms and all(int(v) == 2 for v in norms)
