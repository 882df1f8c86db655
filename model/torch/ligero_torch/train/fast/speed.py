# SPDX-License-Identifier: Apache-2.0
"""Times a training step of every variant of the kernels, one after the other in each round.

    python -m ligero_torch.train.fast.speed [--cache C] [--blocks 4 8] [--rounds 5] [--variants amx avx512 plain]

One thread computes a batch of 8 items of 3.19 s as the trainer does (two halves of 4), with AdamW.
CPU time counts; wall time is shown beside it. On a machine with other work, the ratio to the first
variant is steadier than the milliseconds: it is the median of the ratios within a round.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from ...data.audio import SAMPLE_RATE_HZ
from ...nets.asymmetric import BINS, HOP
from ...nets.bsrnn import Separator
from ...nets.systems import find_config
from . import kernels
from .fused import make_separator
from .loss import training_loss

BATCH, FRAMES, PARTS = 8, 320, 2


def training_step(net: Separator, optimizer: torch.optim.Optimizer, data: tuple) -> None:
    parameters = list(net.parameters())
    gradients = []
    for mixture, target, voice, kind in zip(*(x.chunk(PARTS) for x in data)):
        loss, _ = training_loss(net(mixture, voice), target, mixture, kind)
        gradients.append(torch.autograd.grad(loss, parameters))
    for p, *g in zip(parameters, *gradients):
        p.grad = sum(g) / PARTS
    optimizer.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=Path("build/cache"))
    parser.add_argument("--blocks", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--variants", nargs="+", default=kernels.available())
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    samples = (FRAMES - 1) * HOP
    data = (0.05 * torch.randn(BATCH, samples), 0.03 * torch.randn(BATCH, samples),
            torch.randn(BATCH, 128 + 2 * BINS), torch.zeros(BATCH, dtype=torch.long))
    for blocks in args.blocks:
        runs = []
        for variant in args.variants:
            net = make_separator(replace(find_config("bsrnn-live"), blocks=blocks),
                                     kernels.load(args.cache / "kernels", variant))
            runs.append((net, torch.optim.AdamW(net.parameters(), lr=1e-4)))
        cpu: list[list[float]] = []
        wall: list[list[float]] = []
        for _ in range(args.rounds + 1):
            cpu.append([])
            wall.append([])
            for net, optimizer in runs:
                start, start_cpu = time.perf_counter(), time.thread_time()
                training_step(net, optimizer, data)
                cpu[-1].append(1000 * (time.thread_time() - start_cpu))
                wall[-1].append(1000 * (time.perf_counter() - start))
        for i, variant in enumerate(args.variants):
            rounds = range(1, args.rounds + 1)  # the first one warms up
            ratio = median(cpu[r][i] / cpu[r][0] for r in rounds)
            ms, ms_wall = (median(t[r][i] for r in rounds) for t in (cpu, wall))
            hours = BATCH * samples / SAMPLE_RATE_HZ / ms
            print(f"{blocks} blocks  {variant:<11} {ms:7.0f} ms CPU  {ms_wall:7.0f} ms wall"
                  f"  {ratio:5.2f} x  {1000 * hours:6.0f} h heard an hour and core", flush=True)


if __name__ == "__main__":
    main()
