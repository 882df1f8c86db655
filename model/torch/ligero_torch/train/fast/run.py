# SPDX-License-Identifier: Apache-2.0
"""Trains bsrnn with fused kernels: prepares all that is missing, then trains until it is stopped.

    ./run train bsrnn-live

The run's folder holds last.pt (to go on from), best.pt and weights.safetensors (best averaged weights
on the valid list), log.csv, commands.txt. The same command goes on where it was stopped. SIGTERM saves
and ends; the process id is in `pid`.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import shlex
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...data.audio import SAMPLE_RATE_HZ
from ...data.scenes import Scenes
from ...nets.bsrnn import BsrnnConfig, operations
from ...nets.config import ConfigError
from ...nets.systems import find_config
from . import checkpoint
from .checkpoint import Checkpoint
from .fused import make_separator
from .loss import training_loss
from .prepare import Prepared, Stop, Stopped, prepare
from .scores import score
from .settings import parse
from .start import starting_point

VALID_SECONDS = 6.0  # of each item of the valid list
LOG_STEPS = 50
LOWEST_RATE = 0.01   # the end of the decay, of --lr

# Large blocks stay in the process and lie on huge pages: a fifth of the time of a step. glibc reads
# these when a process starts.
ALLOCATOR = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": "100000000000", "MALLOC_MMAP_THRESHOLD_": "100000000000",
}


def restart_with_allocator() -> None:
    """Starts this process again (same process id) unless the allocator is set up."""
    missing = {k: v for k, v in ALLOCATOR.items() if k not in os.environ}
    if missing and hasattr(sys, "orig_argv"):  # Python 3.10
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **missing})


def single_thread() -> None:
    """Settings of every thread that computes."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


class Trainer:
    """A network, its averaged weights and its optimizer; steps and validations."""

    def __init__(self, ck: Checkpoint, prepared: Prepared, args: argparse.Namespace):
        self.ck, self.args, self.valid = ck, args, prepared.valid
        self.net = make_separator(ck.config, prepared.kernels)
        self.net.load_state_dict(ck.model)
        self.judged = make_separator(ck.config, prepared.kernels).eval()
        self.averaged = {k: v.clone() for k, v in ck.averaged.items()}
        for k, p in self.net.named_parameters():
            p.requires_grad_(k.startswith(args.only))
        trained = {k: p for k, p in self.net.named_parameters() if p.requires_grad}
        if not trained:
            raise ConfigError(f"--only {args.only}: no parameter's name begins so")
        self.names, self.parameters = list(trained), list(trained.values())
        self.optimizer = torch.optim.AdamW(self.parameters, lr=args.lr, betas=(0.9, 0.99),
                                           weight_decay=1e-3, fused=True)
        if ck.optimizer:
            document = self.optimizer.state_dict()
            document["state"] = {i: ck.optimizer[k] for i, k in enumerate(self.names)
                                 if k in ck.optimizer}
            self.optimizer.load_state_dict(document)
        moments = ck.optimizer or {}
        # Age of the youngest of Adam's moments: a parameter without any is new.
        self.adam_steps = min(int(moments[k]["step"]) if k in moments else 0 for k in self.names)
        self.step, self.heard, self.best = ck.step, ck.hours_heard, ck.best
        self.pool = ThreadPoolExecutor(args.threads, initializer=single_thread)

    def work(self, part: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Loss, SI-SNR of the items and gradients of a part of a batch."""
        mixture, target, voice, kind = part
        loss, si_snr = training_loss(*self.net.both(mixture, voice), target, mixture, kind)
        return loss.detach(), si_snr, torch.autograd.grad(loss, self.parameters)

    def train(self, batch: tuple[Tensor, ...], rate: float) -> tuple[float, float, float]:
        """One step; every thread takes its part of the batch. -> loss, SI-SNR, gradient norm."""
        threads = self.args.threads
        parts = list(self.pool.map(self.work, zip(*(x.chunk(threads) for x in batch))))
        for p, *gradients in zip(self.parameters, *(g for _, _, g in parts)):
            p.grad = sum(gradients) / threads
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.args.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if torch.isfinite(norm):
            self.optimizer.step()
            self.adam_steps += 1
        else:
            print(f"step {self.step}: the gradient is not finite, left out", flush=True)
        self.step += 1
        self.heard += batch[0].numel() / SAMPLE_RATE_HZ / 3600
        weight = 1 - min(self.args.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_([self.averaged[k] for k in self.names],
                                 [p.detach() for p in self.parameters], weight)
        loss = torch.stack([x for x, _, _ in parts]).mean()
        return float(loss), float(torch.cat([x for _, x, _ in parts]).nanmean()), float(norm)

    def validate(self) -> tuple[bool, list[str]]:
        """Scores the averaged weights. Whether they are the best so far, and columns of the log."""
        self.judged.load_state_dict(self.averaged)
        s = score(self.judged, self.valid, VALID_SECONDS, self.args.threads)
        gain, unseparated = s.improvement, s.unseparated
        better = gain.mean() > self.best
        self.best = max(self.best, float(gain.mean()))
        return better, [f"{x:.3f}" for x in (gain[:50].mean(), unseparated[:50].mean(), gain.mean(),
                                             unseparated.mean(), s.wrong.mean())]

    def checkpoint(self, seconds: float) -> Checkpoint:
        """The state of the run; seconds: since this start."""
        state = self.optimizer.state_dict()["state"]
        return replace(self.ck, averaged=self.averaged, model=self.net.state_dict(),
                       optimizer={self.names[i]: s for i, s in state.items()}, step=self.step,
                       hours_heard=self.heard, wall_hours=self.ck.wall_hours + seconds / 3600,
                       run_seconds=self.ck.run_seconds + seconds, best=self.best)


class Log:
    """log.csv and the lines on the screen."""

    COLUMNS = ["step", "seconds", "hours_heard", "wall_hours", "lr", "loss", "train_si_snr", "norm",
               "audio_seconds_per_second", "valid_50", "unseparated_50", "valid", "unseparated",
               "wrong_speaker"]

    def __init__(self, path: Path):
        self.file = open(path, "a", newline="")
        self.table = csv.writer(self.file)
        if self.file.tell() == 0:
            self.table.writerow(self.COLUMNS)

    def write(self, place: list[str], training: list[str], validation: list[str]) -> None:
        self.table.writerow(place + (training or [""] * 4) + (validation or [""] * 5))
        self.file.flush()


def learning_rate(args: argparse.Namespace, adam_steps: int, share: float) -> float:
    """share: of --minutes that are over, all starts of the run together."""
    rate = args.lr * min(1.0, (adam_steps + 1) / args.warm_up)
    if args.decay:
        rate *= max(LOWEST_RATE, 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))
    return rate


class Run:
    """A run in its folder: the loop, its log and its files."""

    def __init__(self, args: argparse.Namespace, config: BsrnnConfig, prepared: Prepared):
        self.args, self.folder, self.prepared = args, args.out, prepared
        with open(self.folder / "commands.txt", "a") as file:
            file.write(f"{time.ctime()}  {shlex.join(sys.argv)}\n")
        data = Scenes(prepared.talkers, args.scenes, prepared.rooms, args.batch, args.frames,
                      args.seed)
        self.ck = starting_point(args, config, prepared, data)
        self.loader = iter(torch.utils.data.DataLoader(
            data, batch_size=None, sampler=range(self.ck.step, len(data)), num_workers=1,
            prefetch_factor=12))
        self.trainer = Trainer(self.ck, prepared, args)
        self.log = Log(self.folder / "log.csv")
        self.rate = 0.0
        self.start = self.saved = self.validated = self.ticked = time.time()
        self.figures: list[tuple[float, float, float]] = []  # loss, SI-SNR, norm since `ticked`
        size = sum(p.numel() for p in self.trainer.parameters)
        print(f"{self.ck.config}\n{size} parameters, "
              f"{operations(self.ck.config)['total'] / 1e6:.2f} M multiply-adds a frame\n"
              f"{args.scenes}", flush=True)

    def loop(self, stop: Stop) -> None:
        """Trains until stopped, or until --minutes or --stop-hours are over."""
        args, trainer = self.args, self.trainer
        length = 60 * args.minutes if args.minutes else math.inf
        while not stop.asked and trainer.heard < args.stop_hours:
            seconds = self.ck.run_seconds + time.time() - self.start
            if seconds >= length:
                break
            self.rate = learning_rate(args, trainer.adam_steps, seconds / length)
            batch = next(self.loader)
            self.figures.append(trainer.train(batch, self.rate))
            if trainer.step % LOG_STEPS == 0:
                self.report(batch[0].numel() / SAMPLE_RATE_HZ)
            if time.time() - self.saved > 60 * args.save_minutes:
                self.save()
            if time.time() - self.validated > 60 * args.valid_minutes:
                self.validate()
        self.save()
        if not stop.asked:
            self.validate()
            self.save()

    def place(self) -> list[str]:
        wall = self.ck.wall_hours + (time.time() - self.start) / 3600
        return [str(self.trainer.step), f"{3600 * wall:.0f}", f"{self.trainer.heard:.3f}",
                f"{wall:.4f}", f"{self.rate:.2e}"]

    def report(self, seconds: float) -> None:
        """The training since the last report; seconds: of mixtures in a batch."""
        loss, si_snr, norm = np.nanmean(self.figures, 0)
        step_time = (time.time() - self.ticked) / len(self.figures)
        self.log.write(self.place(), [f"{loss:.3f}", f"{si_snr:.3f}", f"{norm:.2f}",
                                      f"{seconds / step_time:.0f}"], [])
        print(f"step {self.trainer.step}, {self.trainer.heard:.2f} h heard, lr {self.rate:.2e}, "
              f"loss {loss:.2f}, SI-SNR {si_snr:.2f} dB, norm {norm:.1f}, "
              f"{1000 * step_time:.0f} ms/step, {seconds / step_time:.0f} h heard an hour", flush=True)
        self.figures, self.ticked = [], time.time()

    def validate(self) -> None:
        better, columns = self.trainer.validate()
        if better:
            best = self.trainer.checkpoint(time.time() - self.start)
            best = replace(best, model=best.averaged, optimizer=None)
            checkpoint.save(self.folder / "best.pt", best)
            checkpoint.export(self.folder / "weights.safetensors", best, self.prepared.speaker)
        self.log.write(self.place(), [], columns)
        print(f"  valid at step {self.trainer.step}, {self.trainer.heard:.2f} h heard: "
              f"{columns[2]} dB (first 50 {columns[0]}), unseparated {columns[3]}, "
              f"wrong speaker {columns[4]}", flush=True)
        self.figures = []
        self.validated = self.ticked = time.time()

    def save(self) -> None:
        now = time.time()
        checkpoint.save(self.folder / "last.pt", self.trainer.checkpoint(now - self.start))
        self.saved = now


def main(values: dict, argv=None) -> int:
    """values: of a recipe. DataError and ConfigError are the caller's to print."""
    args = parse(values, argv)
    config = find_config(args.config)
    if not isinstance(config, BsrnnConfig):
        raise ConfigError(f"{args.config}: system {config.system}; the fast trainer knows bsrnn only")
    restart_with_allocator()
    single_thread()
    stop = Stop()
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "pid").write_text(str(os.getpid()))
    try:
        prepared = prepare(args, stop)
    except Stopped:
        print("stopped while preparing; the same command goes on", flush=True)
        return 0
    stop.gently = True
    Run(args, config, prepared).loop(stop)
    return 0
