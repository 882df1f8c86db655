# SPDX-License-Identifier: Apache-2.0
"""Trains a target speaker extractor: `python -m ligero_torch.train.separator --recipe small`.

A recipe (recipes/<name>.json) names the network's config and every option below; options on the
command line win. The speaker network comes first (speaker.py) and stays frozen: its
embeddings of augmented training clips are computed once into a bank, so no step runs it; with
--freeze local. the local network's maps are too. --init goes on from weights, speaker networks
included; --speaker takes a new one. What a recipe starts from and finds missing (a speaker network,
the weights of the recipe that it names as --after) is trained first.

A run folder holds last.pt (all that resuming needs), best.pt (best on the validation list), log.csv,
curves.png and weights.safetensors (moving average, f16). Every file is replaced atomically. While the file
PAUSE stands in the run folder's parent, the trainer sleeps. On SIGTERM or Ctrl-C it saves and ends.

A recipe with "trainer": "fast" is trained by fast/run.py, with options of its own.

Several processes: `torchrun --nproc-per-node N -m ligero_torch.train.separator ...` (DDP; gloo or nccl).
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

from ..data import audio, lists, mixing
from ..data.corpus import load_corpus
from ..files.weights import Average, load_weights, read_tensors, save_weights
from ..nets.config import ConfigError, to_dict
from ..nets.extractor import Extractor
from ..nets.systems import find_config, from_dict, make
from . import bank, losses, runs
from .shared_norm import share_batch_norms
from .validation import COLUMNS, means, recalibrate, validate


STOPPED = 2.0  # in place of a share of the budget


class Runner(torch.nn.Module):
    """The step's forward pass as one module, for DDP."""

    INPUTS = ("mix", "anchor", "voice", "anchor_samples")  # entries of a batch

    def __init__(self, model: Extractor):
        super().__init__()
        self.model = model

    def forward(self, mix, anchor, voice, lengths):
        """mix [B, L]; anchor [B, m] or None; voice: rows of the bank [B, D] or None; lengths: samples
        of anchors [B], None where all are whole.

        Returns (wave, spectrum, spectrum of a first stage or None).
        """
        embedding, maps = (None, ()) if voice is None else bank.unpack(self.model, voice)
        profile = (self.model.profile(embedding, maps) if anchor is None
                   else self.model.enroll(anchor, lengths, embedding))
        return (*self.model.extract(mix, profile)[:2], self.model.first_stage)


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a = p.add_argument
    a("--recipe", default="small", help="recipes/<name>.json or a file")
    a("--config", help="configs/<name>.json or a file (else the recipe's name)")
    a("--speech", type=Path, default=audio.default_speech())
    a("--libri2talker", type=Path, help="folder that libri2talker.py made, instead of --speech")
    a("--cache", type=Path, default=Path("build/cache"))
    a("--out", type=Path)
    a("--speaker", type=Path, help="speaker.pt of speaker.py (else the one in --init)")
    a("--init", type=Path, help="weights to start from; tensors of other shapes are left out")
    a("--init-only", nargs="*", default=[], help="prefixes of the tensors of --init to take (all)")
    a("--after", help="recipe that makes the weights of --init")
    a("--speaker-minutes", type=float, default=11.0, help="to train --speaker where it is missing")
    a("--fresh", action="store_true", help="ignore last.pt in --out")
    a("--steps", type=int, default=0)
    a("--minutes", type=float, default=0.0, help="wall-clock budget of this call")
    a("--batch", type=int, default=8, help="per process")
    a("--seconds", type=float, default=2.0)
    a("--anchor-seconds", type=float, default=0.5, help="what the local network hears in training")
    a("--lr", type=float, default=2e-3)
    a("--warm-steps", type=int, default=50)
    a("--schedule", choices=("decay", "halving", "constant"), default="decay")
    a("--decay-from", type=float, default=0.5, help="share of the budget at full rate")
    a("--clip", type=float, default=5.0)
    a("--ema", type=float, default=0.998)
    a("--dropout", type=float, default=None, help="override of the config's")
    a("--level0", help="override of the config's: arn, or mag_arn, LGR-TSE's level 0 with the magnitude")
    a("--cross-sex", type=float, nargs=2, default=(0.9, 0.5))
    a("--cross-steps", type=int, default=3000)
    a("--noise", type=float, default=0.2)
    a("--absent", type=float, default=0.03)
    a("--single", type=float, default=0.03)
    a("--rooms", type=float, default=0.0)
    a("--source-eq", type=float, default=0.2)
    a("--anchor-eq", type=float, default=0.5)
    a("--anchor-noise", type=float, default=0.3)
    a("--anchor-reverb", type=float, default=0.2)
    a("--freeze", nargs="*", default=[], help="prefixes of parameters that stay as they are")
    a("--pair", action="store_true", help="each mixture twice in a batch, once for each speaker")
    a("--projection-rate", type=float, default=0.2, help="its learning rate over --lr")
    a("--bank-copies", type=int, default=3)
    a("--loss", type=json.loads, default={}, help="LossWeights as JSON")
    a("--bf16", action="store_true")
    a("--seed", type=int, default=1)
    a("--valid-list", type=Path)
    a("--valid-items", type=int, default=50, help="0: all of the list")
    a("--valid-seconds", type=float, default=6.0, help="of each item")
    a("--valid-minutes", type=float, default=8.0)
    a("--valid-steps", type=int, default=0, help="instead of --valid-minutes")
    a("--save-minutes", type=float, default=3.0)
    a("--threads", type=int, default=0)
    a("--workers", type=int, default=1)
    a("--fixed", type=int, default=0, help="a check: every step sees the same so many mixtures, "
      "of two talkers each; nothing is validated")
    a("--until-gain", type=float, default=math.inf, help="with --fixed: the SI-SNR gain, in dB over "
      "those mixtures, that is enough")
    a("--strict", action="store_true")
    return p


def recipe_values(argv=None) -> dict:
    """What the recipe that the command line names says."""
    p = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    p.add_argument("--recipe", default="small")
    name = p.parse_known_args(argv)[0].recipe
    path = Path(name)
    if path.suffix != ".json":
        path = Path(__file__).resolve().parents[2] / "recipes" / f"{name}.json"
    if not path.is_file():
        raise audio.DataError(f"no recipe {path}")
    return json.loads(path.read_text())


def parse(argv=None):
    """Arguments with the recipe's values as defaults."""
    p = parser()
    values = recipe_values(argv)
    names = {x.dest: x for x in p._actions}
    for k, v in values.items():
        if k not in names:
            p.error(f"recipe: unknown option {k}")
        values[k] = Path(v) if names[k].type is Path and v is not None else v
    p.set_defaults(**values)
    a = p.parse_args(argv)
    a.config = a.config or Path(a.recipe).stem
    a.out = a.out or Path("build/train") / Path(a.recipe).stem
    if a.fixed:
        a.batch, a.pair, a.absent, a.single = a.fixed, False, 0.0, 0.0
    return a


def missing_stages(a) -> list[list[str]]:
    """Arguments of `python -m` that train what run `a` starts from and does not find, in order."""
    common = ["--speech", str(a.speech), "--cache", str(a.cache)] + ["--strict"] * a.strict
    if (a.out / "last.pt").exists() and not a.fresh:
        return []
    if a.init and a.after and not a.init.exists():
        return [["ligero_torch.train.separator", "--recipe", a.after,
                 "--out", str(a.init.parent), *common]]
    wanted = a.speaker and not a.init and find_config(a.config).has_global
    if wanted and not a.speaker.exists() and not a.libri2talker:
        return [["ligero_torch.train.speaker", "--config", a.config, "--out", str(a.speaker.parent),
                 "--minutes", str(a.speaker_minutes), "--bf16", *common]]
    return []


class Trainer:
    """One run. Public: `run()`; everything it keeps is in --out."""

    def __init__(self, a):
        self.a = a
        self.rank = int(os.environ.get("RANK", 0))
        self.world = int(os.environ.get("WORLD_SIZE", 1))
        self.device = torch.device("cpu")
        if torch.cuda.is_available():
            local = int(os.environ.get("LOCAL_RANK", 0))
            torch.cuda.set_device(local)
            self.device = torch.device("cuda", local)
        if self.world > 1:
            torch.distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
        if a.threads:
            torch.set_num_threads(a.threads)
        torch.manual_seed(a.seed)
        self.config = find_config(a.config)
        if a.level0:
            self.config = from_dict({**to_dict(self.config), "level0": a.level0}, a.config)
        self.model = make(self.config)
        if a.dropout is not None:
            for m in self.model.modules():
                if isinstance(m, torch.nn.Dropout):
                    m.p = a.dropout
        self.model.warm_start()
        self.weights = losses.LossWeights(**a.loss)
        self.loss = losses.Loss(self.weights)
        self.step, self.best, self.seconds, self.rate = 0, -1e9, 0.0, 1.0
        self.best_loss, self.bad_epochs = math.inf, 0
        self.stop = False
        self._data()
        self._start()
        self.model.to(self.device)
        self.average = Average(self.model, a.ema)
        for k, p in self.model.named_parameters():
            if any(k.startswith(f) for f in a.freeze):
                p.requires_grad_(False)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        slow = [p for k, p in self.model.named_parameters() if k.startswith("sep.projection.")]
        rest = [p for p in trained if not any(p is q for q in slow)]
        # A row of the projection sums many unit-variance inputs: at the full rate Adam's steps
        # would shake the projected embedding by as much as speakers differ.
        self.opt = torch.optim.Adam(
            [{"params": rest, "scale": 1.0}, {"params": slow, "scale": a.projection_rate}][
                :2 if slow else 1], lr=a.lr, fused=True)
        self.resumed = False
        last = a.out / "last.pt"
        if last.exists() and not a.fresh:
            self._resume(last)
        self.bank = None
        if self.corpus is not None and (self.config.has_global or self.model.local_is_frozen):
            self.bank = bank.load(self.model, self.mixer, a.bank_copies, a.seed, a.cache)
        self.runner = Runner(self.model)
        if self.world > 1:
            share_batch_norms(self.model)
            self.runner = torch.nn.parallel.DistributedDataParallel(
                self.runner, broadcast_buffers=False)

    # -- parts -----------------------------------------------------------------------------------

    def _data(self):
        a = self.a
        options = mixing.MixOptions(
            seconds=a.seconds, anchor_seconds=a.anchor_seconds, cross_sex=tuple(a.cross_sex),
            cross_until=max(1, a.cross_steps * a.batch * self.world), absent=a.absent,
            single=a.single, noise=a.noise, rooms=a.rooms,
            source_eq=a.source_eq, anchor_eq=a.anchor_eq, anchor_noise=a.anchor_noise,
            anchor_reverb=a.anchor_reverb, pair=a.pair)
        if a.libri2talker:
            from ..data.libri2talker import Libri2TalkerMixer

            self.corpus = None
            self.mixer = Libri2TalkerMixer(a.libri2talker, "train", options, a.seed)
        else:
            rooms = None
            with self._first_alone():  # it makes what the cache lacks
                if a.rooms > 0:
                    from ..data.rooms import load_bank

                    rooms = load_bank(a.cache)
                self.corpus = load_corpus(a.speech, a.cache, strict=a.strict)
            self.mixer = mixing.Mixer(self.corpus, "train", options, a.seed, rooms=rooms)
        valid, root = a.valid_list or a.speech / "lists" / "valid.tsv", a.speech
        if a.libri2talker:
            valid, root = a.libri2talker / "valid.tsv", self.mixer.root
        self.valid = None  # a function that reads this process's share of the list
        if valid.is_file() and not a.fixed:
            self.valid = functools.partial(lists.read_list, valid, root, a.strict,
                                           a.valid_items or None, part=(self.rank, self.world))

    @contextlib.contextmanager
    def _first_alone(self):
        """Rank 0 goes through alone, then the others."""
        if self.world > 1 and self.rank:
            torch.distributed.barrier()
        yield
        if self.world > 1 and not self.rank:
            torch.distributed.barrier()

    def _start(self):
        """The weights of --init, and the speaker network of --speaker where that has none."""
        a = self.a
        state = {k: v for k, v in (read_tensors(a.init) if a.init else {}).items()
                 if not a.init_only or k.startswith(tuple(a.init_only))}
        if state:
            kept = [k for k in load_weights(self.model, state) if not k.startswith("ecapa.")]
            print(f"started from {a.init}; {len(kept)} tensors of other names or shapes kept their "
                  f"random start", flush=True)
        if not self.config.has_global or any(k.startswith("ecapa.") for k in state):
            return
        if a.speaker is None or not a.speaker.exists():
            raise runs.CheckpointError(f"--speaker: {a.speaker or 'none given'}: the speaker "
                                       "network is trained first (ligero_torch.train.speaker)")
        ck = torch.load(a.speaker, map_location="cpu", weights_only=True)
        theirs, mine = ck["config"]["ecapa"], to_dict(self.config)["ecapa"]
        if theirs != mine:
            raise runs.CheckpointError(
                f"{a.speaker} was trained with config '{ck['name']}', this run has config "
                f"'{self.config.name}' ({'; '.join(runs.differences(theirs, mine, 'ecapa.'))})")
        self.model.ecapa.load_state_dict(ck["model"])
        if self.corpus is not None:
            some = np.random.default_rng(a.seed).permutation(len(self.mixer.clips))[:1024]
            voices = bank.compute(self.model, self.mixer, some, a.seed)
            bank.standardise(self.model.ecapa,
                             voices[:, :self.config.ecapa.embedding].astype(np.float32))

    def _resume(self, path: Path):
        ck = runs.load_checkpoint(path, self.config.name, to_dict(self.config))
        self.model.load_state_dict(ck["model"])
        for k, v in ck["average"].items():
            if k in self.average.shadow:
                self.average.shadow[k].copy_(v)
        self.average.step = ck["average_step"]
        try:
            self.opt.load_state_dict(ck["optimizer"])
        except ValueError:  # other parameters are trained now: the moments start anew
            print("the optimizer starts anew", flush=True)
        self.step, self.best, self.seconds = ck["step"], ck["best"], ck["seconds"]
        self.bad_epochs, self.rate = ck["bad_epochs"], ck["rate"]
        self.best_loss = ck.get("best_loss", math.inf)
        self.resumed = True
        print(f"resumed {path} at step {self.step} (best {self.best:.2f} dB)", flush=True)

    def save(self, name: str = "last.pt"):
        if self.rank:
            return
        runs.save_atomic({
            "name": self.config.name, "config": to_dict(self.config), "step": self.step,
            "best": self.best, "seconds": self.seconds, "bad_epochs": self.bad_epochs,
            "rate": self.rate, "best_loss": self.best_loss, "model": self.model.state_dict(),
            "average": self.average.full(self.model), "average_step": self.average.step,
            "optimizer": self.opt.state_dict()}, self.a.out / name)

    def _agree(self, *values: float) -> tuple:
        """Rank 0's values, on every rank: all stop, validate and set their rates together."""
        if self.world == 1:
            return values
        t = torch.tensor(values, dtype=torch.float64, device=self.device)
        torch.distributed.broadcast(t, 0)
        return tuple(t.tolist())

    def learning_rate(self, since: int, share: float) -> float:
        """Rate at `since` steps of this call and `share` of its budget."""
        a = self.a
        lr = a.lr * self.rate * min(1.0, (since + 1) / max(a.warm_steps, 1))
        if a.schedule == "decay" and share > a.decay_from:
            f = (share - a.decay_from) / max(1.0 - a.decay_from, 1e-9)
            lr *= max(0.02, 0.5 * (1.0 + math.cos(math.pi * min(f, 1.0))))
        return lr

    def train_step(self, batch: dict) -> dict:
        batch = {k: v.to(self.device, non_blocking=True) for k, v in batch.items()}
        self.model.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.a.bf16):
            wave, spectrum, first = self.runner(*map(batch.get, Runner.INPUTS))
        loss, terms = self.loss(wave.float(), batch["target"], batch["mix"], spectrum,
                                self.model.spectrum(batch["target"]), batch["kind"] == 1, first)
        self.opt.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(
            [p for p in self.model.parameters() if p.requires_grad], self.a.clip)
        if not torch.isfinite(norm):
            return {"loss": float("nan"), "norm": float("nan")}
        self.opt.step()
        self.average.update(self.model)
        mixed = batch["kind"] == 0
        with torch.no_grad():
            gain = (losses.si_snr(wave[mixed].float(), batch["target"][mixed])
                    - losses.si_snr(batch["mix"][mixed], batch["target"][mixed])).mean()
        return {"loss": float(loss.detach()), "norm": float(norm), "gain": float(gain), **terms}

    def check(self) -> None:
        """Validates the average on every process's share of the list; saves best.pt and
        weights.safetensors where SI-SNR improved."""
        live = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.model.load_state_dict(self.average.full(self.model))
        runner, batches = Runner(self.model), (self.source[(1 << 38) + k] for k in range(16))
        recalibrate(self.model, (lambda b=b: runner(
            *(b[k].to(self.device) if k in b else None for k in Runner.INPUTS)) for b in batches))
        state = {k: v.clone() for k, v in self.model.state_dict().items()}
        sums = torch.from_numpy(validate(self.model, self.valid(), self.loss,
                                         self.a.valid_seconds)).to(self.device)
        if self.world > 1:
            torch.distributed.all_reduce(sums)
        v = means(sums.cpu().numpy())
        self.model.load_state_dict(live)
        improved = v["valid"] > self.best
        self.best = max(self.best, v["valid"])
        self.halve(v["valid_loss"])
        if self.rank == 0:
            self.report(v, state if improved else None)

    def halve(self, loss: float) -> None:
        """The paper's rule: the rate halves where the validation loss has not improved twice."""
        self.bad_epochs = 0 if loss < self.best_loss else self.bad_epochs + 1
        self.best_loss = min(self.best_loss, loss)
        if self.a.schedule == "halving" and self.bad_epochs >= 2:
            self.rate, self.bad_epochs = self.rate * 0.5, 0

    def report(self, v: dict, improved: dict | None) -> None:
        """Log, files and curves of a validation; improved: the averaged state, if it is the best."""
        if improved:
            save_weights(self.a.out / "weights.safetensors",
                         {k: x.cpu() for k, x in improved.items()}, self.config,
                         {"step": self.step, "valid_si_snri_db": f"{v['valid']:.3f}"})
        print(f"step {self.step}: valid loss {v['valid_loss']:.3f}, SI-SNRi {v['valid']:.2f} dB, "
              f"unseparated {100 * v['unseparated']:.0f} %, wrong speaker {100 * v['wrong']:.0f} %"
              f"{' *' if improved else ''}", flush=True)
        self.log.write({**self.blank, "step": self.step, "seconds": self.seconds, **v})
        self.save()
        if improved:
            self.save("best.pt")  # the network itself; the averaged one is weights.safetensors
        runs.plot_csv(self.log.path, self.a.out / "curves.png", "step",
                      ["gain", "si_snr", "ri", "mag", "lr", *COLUMNS])

    def _loader(self):
        """This process's batches, from where the run stands on; of --fixed always the first one."""
        a = self.a
        self.source = mixing.BatchSource(
            self.mixer, a.batch, self.bank,
            anchors=self.bank is None or (self.config.has_local and not self.model.local_is_frozen))
        if a.fixed:
            return itertools.repeat(self.source[0])
        order = range(self.rank + self.step * self.world, 1 << 40, self.world)
        return iter(torch.utils.data.DataLoader(
            self.source, batch_size=None, sampler=order, num_workers=a.workers,
            prefetch_factor=8 if a.workers else None))

    def run(self) -> int:
        a = self.a
        columns = ("step", "seconds", "lr", "loss", "si_snr", "ri", "mag", "asym", "stage1", "gain",
                   "norm", *COLUMNS)
        self.blank = dict.fromkeys(columns, "")
        self.log = runs.CsvLog(a.out / "log.csv")
        for s in (signal.SIGTERM, signal.SIGINT):
            signal.signal(s, lambda *_: setattr(self, "stop", True))
        loader = self._loader()
        progress, start, last_save, last_valid = runs.Progress(50), time.time(), 0.0, 0.0
        before, mean, since = self.seconds, {}, 0
        if self.rank == 0:
            n = sum(p.numel() for p in self.model.parameters() if p.requires_grad)
            print(f"{self.config.name}: {n} trained parameters, {len(self.mixer.targets)} target "
                  f"speakers, {len(self.mixer.clips)} clips", flush=True)
        while True:
            if self.rank == 0 and (a.out.parent / "PAUSE").exists():
                began = time.time()
                runs.pause_while(a.out.parent / "PAUSE")
                start += time.time() - began if not a.minutes else 0.0
            spent = time.time() - start
            due = since > 0 and (self.step % a.valid_steps == 0 if a.valid_steps else
                                 spent - last_valid > 60.0 * a.valid_minutes)
            share, due = self._agree(STOPPED if self.stop else
                                     min(spent / (60.0 * a.minutes), 1.0) if a.minutes else
                                     min(since / a.steps, 1.0) if a.steps else 0.0, due)
            if share >= 1.0:
                break
            if due and self.valid:
                self.check()
                last_valid = time.time() - start
            lr = self.learning_rate(since, share)
            for g in self.opt.param_groups:
                g["lr"] = lr * g["scale"]
            terms = self.train_step(next(loader))
            self.step, since = self.step + 1, since + 1
            self.seconds = before + time.time() - start
            # With --fixed a step's terms are already those of every mixture.
            newest = 1.0 if a.fixed else max(1.0 / since, 0.01)
            for k, v in terms.items():
                if math.isfinite(v):
                    mean[k] = mean.get(k, v) + (v - mean.get(k, v)) * newest
            self.stop = self.stop or (a.fixed > 0 and terms["gain"] >= a.until_gain)
            if self.rank == 0:
                progress.show(self.step, f"step {self.step} {spent:.0f} s "
                              f"({(time.time() - start) / since:.2f} s/step) lr {lr:.2e} "
                              + " ".join(f"{k} {v:.3f}" for k, v in mean.items()))
                if self.step % 50 == 0 or (a.fixed and (self.stop or since == a.steps)):
                    self.log.write({**self.blank, "step": self.step, "seconds": self.seconds,
                                    "lr": lr, **mean})
                if spent - last_save > 60.0 * a.save_minutes:
                    last_save = spent
                    self.save()
        if self.valid and share != STOPPED:
            self.check()
        else:
            self.save()
        if self.rank == 0:
            best = f", best valid {self.best:.2f} dB" if self.valid else ""
            print(f"{self.step} steps, {self.seconds / 3600:.2f} h{best}", flush=True)
        return 0


def main(argv=None) -> int:
    try:
        values = recipe_values(argv)
        if values.pop("trainer", "") == "fast":
            from .fast import run

            return run.main(values, argv)
        a = parse(argv)
        if activity := getattr(find_config(a.config), "activity", 0):
            raise ConfigError(f"{a.config}.activity: got {activity}, expected 0; recipes with "
                              '"trainer": "fast" train an activity')
        for stage in missing_stages(a):
            if int(os.environ.get("WORLD_SIZE", 1)) > 1:
                raise runs.CheckpointError("to be trained first: python -m " + " ".join(stage))
            if subprocess.run([sys.executable, "-m", *stage]).returncode:
                return 1
        return Trainer(a).run()
    except (ConfigError, audio.DataError, runs.CheckpointError) as e:
        print(f"error: {e}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
