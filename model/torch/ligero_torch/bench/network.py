# SPDX-License-Identifier: Apache-2.0
"""A frame graph (framegraph.network) as a PyTorch module: the peer PyTorch of `./run bench`, and what
is exported for the other peers.

It computes a whole signal, or a step of one frame: then the history that windows reach back to, the
states of LSTMs and which frames lie inside the signal come in and go out. A history that is read at
every `dilation`-th frame only is `dilation` states that take turns, so that nobody copies frames that
nobody reads: number t % turns is that of frame t.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..data.audio import DataError
from .framegraph import FrameGraph
from .network_ops import NEVER, OPS, Conv, Op, Recurrent, State, Value


class Run:
    """One forward pass: Values by tensor name, what windows read, states in and out."""

    def __init__(self, network: "Network", given: dict, states: dict | None):
        self.network, self.given, self.frames = network, given, network.frames
        self.states, self.found, self.after = states, {}, {}
        self.windows, self._inside = {}, None

    def state(self, state: State) -> torch.Tensor:
        self.found[state.name] = state
        if self.states is None:  # finding out which there are
            return torch.zeros(state.shape)
        return self.states[state.name]

    def keep(self, name: str, x: torch.Tensor) -> None:
        self.after[name] = x

    def _history(self, x: Value, rows: int, turns: int, planes: bool) -> torch.Tensor:
        """The last `rows` frames (of each `turns`-th) and this one."""
        key = (x.t.name, rows, turns, planes)
        if key not in self.windows:
            now, axis = x.get(planes), 2 if planes else 0
            shape = list(now.shape)
            shape[axis] = rows
            name = f"{x.t.name}.{rows}" + (f"x{turns}" if turns > 1 else "")
            seen = torch.cat((self.state(State(name, tuple(shape), turns)), now), axis)
            self.keep(name, seen[:, :, 1:] if planes else seen[1:])
            self.windows[key] = seen
        return self.windows[key]

    def window(self, op: Op, k: int, x: Value, dilation: int):
        """What input k is convolved over time as: planes, the padding in time, and the dilation."""
        _, past, future = op.node.time[k]
        if not past and not future:
            return x.planes, 0, dilation
        if op.step:
            return self._history(x, past // dilation, dilation, True), 0, 1
        if past == future:
            return x.planes, past, dilation
        pad = (past, future) if x.t.bins == 1 else (0, 0, past, future)
        return F.pad(x.planes, pad), 0, dilation

    def rows(self, op: Op, k: int, x: Value) -> torch.Tensor:
        return self._history(x, op.node.time[k][1], 1, False)

    def inside(self, count: int, dilation: int = 1) -> torch.Tensor:
        """Of the last `count` frames, each `dilation`-th: 1 inside the signal, 0 before it."""
        longest = self.network.longest
        if self._inside is None:
            state = self.state(State("inside", (longest,)))
            self._inside = torch.cat((state, torch.ones(1)))
            self.keep("inside", self._inside[1:])
            self.windows["inside"] = {}
        known = self.windows["inside"]
        if (count, dilation) not in known:
            known[count, dilation] = self._inside[longest - (count - 1) * dilation::dilation]
        return known[count, dilation]

    def band(self, window: int) -> torch.Tensor:
        t = torch.arange(self.frames)
        age = t[:, None] - t
        return torch.where((age >= 0) & (age < window), 0.0, NEVER)

    def mapped(self, op: Conv, bias_map: torch.Tensor, taps: int, dilation: int) -> torch.Tensor:
        """The sum of the rows of a bias map whose frames lie inside the signal, as planes."""
        if taps == 1:
            return bias_map
        if op.step:
            row = self.inside(taps, dilation)[None] @ bias_map
            return row.reshape(1, op.out.channels, 1, *([op.out.bins] if op.out.bins > 1 else []))
        t = torch.arange(self.frames)[:, None] - op.reach[0] + dilation * torch.arange(taps)
        inside = ((t >= 0) & (t < self.frames)).float()
        return inside @ bias_map if op.out.bins > 1 else bias_map @ inside.T


class Network(nn.Module):
    """forward(*inputs) -> outputs: the graph's (tensors `input_names`, `output_names`), and of a step
    the states after them, in the order of `states`. arrange() and restore() translate between what
    ligero has and what forward() takes and gives."""

    def __init__(self, graph: FrameGraph, frames: int = 0):
        """frames: of the whole signal; 0: a step of one frame."""
        super().__init__()
        self.graph, self.step, self.frames = graph, frames == 0, frames or 1
        for node in graph.nodes:
            if node.op not in OPS:
                raise DataError(f"node {node.name}: op {node.op} has no form for peers")
            if self.step and any(use == "whole" or future for use, _, future in node.time):
                raise DataError(f"node {node.name}: looks ahead, so there is no step of one frame")
        self.ops = nn.ModuleList(OPS[n.op](n, graph, self.step) for n in graph.nodes)
        self.maps = {n.input(6): op for n, op in zip(graph.nodes, self.ops)
                     if n.op == "conv2d" and n.input(6)}
        self.longest = max((past for n in graph.nodes for _, past, _ in n.time), default=0)
        self.input_names, self.output_names = graph.inputs, graph.outputs
        self._pair_directions()
        self.eval()
        self.states: list = []
        if self.step:
            zeros = {i: np.zeros(self._shape(i), np.float32) for i in graph.inputs}
            with torch.inference_mode():
                run = self._run(self.arrange(zeros), None)
            self.states = list(run.found.values())

    def _shape(self, name: str) -> tuple:
        t = self.graph.tensors[name]
        return ((self.frames,) if t.kind == "sequence" else ()) + t.dims

    def _pair_directions(self) -> None:
        forward = {(op.node.op, op.node.input(0)): op for op in self.ops
                   if isinstance(op, Recurrent) and not op.reverse}
        for op in self.ops:
            if isinstance(op, Recurrent) and op.reverse and (op.node.op, op.node.input(0)) in forward:
                op.partner = forward.pop((op.node.op, op.node.input(0))).node.output
                self.ops[[n.output for n in self.graph.nodes].index(op.partner)].pair_with(op)

    def arrange(self, tensors: dict) -> list:
        """Arrays as `ligero run` reads and writes them, by tensor name, as inputs of forward()."""
        return [self._arranged(name, torch.from_numpy(np.ascontiguousarray(tensors[name])))
                for name in self.input_names]

    def _arranged(self, name, x):
        t = self.graph.tensors[name]
        if name in self.maps:
            bins, outputs = self.maps[name].out.bins, self.maps[name].out.channels
            x = x.reshape(-1, bins, outputs).permute(2, 0, 1)  # [outputs, taps, bins]
            if self.step and x.shape[1] > 1:
                return x.permute(1, 0, 2).reshape(x.shape[1], -1).contiguous()
            return (x if bins > 1 else x[..., 0])[None].contiguous()
        x = x.reshape(-1, t.bins, t.channels)
        if t.bins == 1:
            return x[:, 0].contiguous()
        return x.permute(2, 0, 1)[None].contiguous()

    def restore(self, outputs) -> dict:
        """What forward() gives as [frames, bins, channels] by tensor name."""
        return {name: np.asarray(y)[0].reshape(2, -1, self.graph.tensors[name].bins)
                .transpose(1, 2, 0) for name, y in zip(self.output_names, outputs)}

    def first_states(self) -> list:
        return [torch.zeros(s.shape) for s in self.states]

    def example(self, tensors: dict) -> tuple:
        """Of arrays of a whole signal: all that forward() takes at first, as tensors; and the inputs as
        arrays, in a step those of sequences for every frame."""
        if not self.step:
            inputs = self.arrange(tensors)
            return inputs, [x.numpy() for x in inputs]
        inputs = []
        for name in self.input_names:
            x = torch.from_numpy(np.ascontiguousarray(tensors[name]))
            rows = x if self.graph.tensors[name].kind == "sequence" else [x]
            arranged = np.stack([self._arranged(name, row).numpy() for row in rows])
            inputs.append(arranged if len(rows) > 1 else arranged[0])
        first = self.arrange({n: tensors[n][:1] if self.graph.tensors[n].kind == "sequence"
                              else tensors[n] for n in self.input_names})
        return first + self.first_states(), inputs

    def _run(self, inputs, states) -> Run:
        run = Run(self, {}, states)
        for name, x in zip(self.input_names, inputs):
            t = self.graph.tensors[name]
            run.given[name] = (x if name in self.maps else
                               Value(t, planes=x) if t.bins > 1 else Value(t, frames=x))
        for node, op in zip(self.graph.nodes, self.ops):
            partner = getattr(op, "partner", None)
            values = [run.given.get(i) for i in node.inputs]
            run.given[node.output] = (run.given[partner].other(op.out) if partner
                                      else op.compute(run, *values))
        return run

    def forward(self, *inputs):
        count = len(self.input_names)
        states = {s.name: x for s, x in zip(self.states, inputs[count:])}
        run = self._run(inputs[:count], states)
        outputs = [run.given[name].planes for name in self.output_names]
        return tuple(outputs + [run.after[s.name] for s in self.states])
