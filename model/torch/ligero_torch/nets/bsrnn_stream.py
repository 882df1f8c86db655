# SPDX-License-Identifier: Apache-2.0
"""BSRNN (bsrnn.py) one hop of 10 ms after the other: what a causal separator carries between hops.

The definition that the runtime's sessions are held to; hop by hop gives the samples of the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .asymmetric import ANALYSIS, GAIN_FRAMES, HOP, analyse, level_gain, synthesise
from .bsrnn import BANDS, BINS, TAPS, Separator, TimeHalf, deep_filter, lstm_cell, norm_maps


@dataclass
class State:
    """What a causal network carries from hop to hop."""

    samples: Tensor     # [B, 352], before the next hop
    energies: Tensor    # f64 [B, 100], of the last hops, the newest last
    hops: int           # since the start
    parts: Tensor       # [B, 2, 2, 257], real and imaginary features of frames t - 1 and t - 2
    cells: list[tuple[Tensor, Tensor]]  # h, c [B, 32, H] of each time half
    spectra: Tensor     # complex [B, 4, 257], frames t - 4 .. t - 1
    overlap: Tensor     # [B, 160], second half of the frame before


def initial_state(net: Separator, batch: int) -> State:
    """The state before the first hop: silence. ValueError for a network that has no stream."""
    if not net.config.causal or net.config.input_level != "window":
        raise ValueError("only a causal network at the level of a window has a stream")
    cells = [(torch.zeros(batch, BANDS, net.config.time_hidden),) * 2 for _ in net.blocks]
    return State(torch.zeros(batch, ANALYSIS - HOP),
                 torch.zeros(batch, GAIN_FRAMES, dtype=torch.float64), 0,
                 torch.zeros(batch, 2, 2, BINS), cells,
                 torch.zeros(batch, TAPS - 1, BINS, dtype=torch.complex64),
                 torch.zeros(batch, HOP))


def time_step(half: TimeHalf, z: Tensor, maps: tuple[Tensor, Tensor],
              state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """One frame: z [B, 32, C], state (h, c) [B, 32, H] each -> z and state."""
    h, c = lstm_cell(half.norm.apply_maps(z, maps), *state, half.weight[0], half.bias[0], half.limit)
    return z + h @ half.out_weight + half.out_bias, (h, c)


def step(net: Separator, hop: Tensor, profile: dict, state: State) -> tuple[Tensor, State]:
    """One hop: hop t [B, 160] -> hop t - 1 of the output [B, 160], and the new state.

    The first output lies before the recording. A hop of zeros at the end brings the last one.
    """
    samples = torch.cat([state.samples, hop], 1)
    energies = torch.cat([state.energies[:, 1:], hop.double().square().sum(1, True)], 1)
    hops = state.hops + 1
    spectrum = analyse(samples)
    gain = level_gain(energies.sum(1), torch.tensor(min(hops, GAIN_FRAMES))).float()

    parts, magnitude = net.features.compress(spectrum, gain)
    before = state.parts.flatten(1, 2)                             # [B, 4, 257]
    planes = torch.cat([parts, magnitude[:, None], before], 1)     # [B, 7, 257]
    z = net.encoder(planes[:, None], profile["encoder"])[:, 0]
    cells = []
    for i, block in enumerate(net.blocks):
        z = block.band(z[:, None], norm_maps(profile, 2 * i))[:, 0]
        z, cell = time_step(block.time, z, norm_maps(profile, 2 * i + 1), state.cells[i])
        cells.append(cell)
    taps = net.decoder(net.decoder.normed(z[:, None], norm_maps(profile, 2 * len(net.blocks))))
    history = torch.cat([state.spectra, spectrum[:, None]], 1)
    share = synthesise(deep_filter(taps, history)[:, 0])
    out = state.overlap + share[:, :HOP]
    return out, State(samples[:, HOP:], energies, hops,
                      torch.stack([parts, state.parts[:, 0]], 1), cells, history[:, 1:],
                      share[:, HOP:])
