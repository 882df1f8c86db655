# SPDX-License-Identifier: Apache-2.0
"""A model file's graph as Python objects: what `ligero info --json --nodes` says, with the weights; and
the tensors of a profile.

`network()` is what the peers of `./run bench` are given: the folded graph between the STFT and the
inverse STFT. What a graph takes from the sound otherwise (its level) and what depends on the speaker
only are inputs.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..data.audio import DataError
from ..files.tools import run, tool

PANEL = 16  # outputs of a panel
SIGNAL = ("stft", "istft", "rms", "input_level")  # ops of the application around a network


@dataclass
class Tensor:
    """kind: sequence, constant or weight; dims of one frame, [bins, channels]; values: a weight's."""
    name: str
    kind: str
    dims: tuple
    values: np.ndarray | None = None

    @property
    def bins(self) -> int:
        return self.dims[-2] if len(self.dims) > 1 else 1

    @property
    def channels(self) -> int:
        return self.dims[-1]


@dataclass
class Node:
    """inputs: tensor names, None where absent; time: (use, past, future) of each input (ops/OPS.md)."""
    name: str
    op: str
    inputs: list
    output: str
    attributes: dict
    time: list

    def get(self, name: str, default=0):
        return self.attributes.get(name, [default])[0]

    def input(self, k: int):
        return self.inputs[k] if k < len(self.inputs) else None


@dataclass
class FrameGraph:
    """hop: samples of a frame at the model's rate_hz."""
    tensors: dict
    nodes: list
    inputs: list
    outputs: list
    hop: int
    rate_hz: int
    weights: int = field(default=0)  # elements

    def reads(self, node: Node, kind: str) -> bool:
        return any(i and self.tensors[i].kind == kind for i in node.inputs)


def _panels(raw: np.ndarray, dims) -> np.ndarray:
    """[panels][inner][16] to [inner, outputs]."""
    inner, outputs = dims
    panels = raw.reshape(-(-outputs // PANEL), inner, PANEL)
    return np.ascontiguousarray(panels.transpose(1, 0, 2).reshape(inner, -1)[:, :outputs])


def _values(file: np.memmap, t: dict) -> np.ndarray:
    if t["type"] == "int8":
        raise DataError(f"tensor {t['name']} is int8; peers get the weights of the f32 or f16 model")
    kind = np.float32 if t["type"] == "f32" else np.float16
    raw = np.frombuffer(file, kind, t["bytes"] // np.dtype(kind).itemsize, t["offset"])
    raw = raw.astype(np.float32)
    return _panels(raw, t["dims"]) if t["layout"] == "panels" else raw.reshape(t["dims"])


def read_graph(model: Path, name: str = "extract") -> FrameGraph:
    """DataError where the file is no model, has no such graph, or int8 weights."""
    said = json.loads(run(tool("LIGERO", "platforms/cli/ligero"), "info", "--json", "--nodes", model))
    found = [g["graph"] for g in said["graphs"] if g["name"] == name]
    if not found:
        raise DataError(f"model {model} has no graph {name}")
    graph, file = found[0], np.memmap(model, np.uint8, "r")
    tensors = {t["name"]: Tensor(t["name"], t["kind"], tuple(t["dims"]),
                                 _values(file, t) if t["kind"] == "weight" else None)
               for t in graph["tensors"]}
    nodes = [Node(n["name"], n["op"], n["inputs"], n["outputs"][0], n["attributes"], n["time"])
             for n in graph["nodes"]]
    return FrameGraph(tensors, nodes, graph["inputs"], graph["outputs"], said["hop_samples"],
                      said["rate_hz"])


def read_profile(path: Path) -> dict:
    """Arrays by name (model/format/profile.h). `ligero enroll` has just written it: nothing is checked."""
    file = path.read_bytes()
    tensors = {}
    for k in range(struct.unpack_from("<I", file, 12)[0]):
        name, rank, *dims, _, offset = struct.unpack_from("<96sI4iIQ", file, 64 + 128 * k)
        values = np.frombuffer(file, "<f4", int(np.prod(dims[:rank])), offset)
        tensors[name.rstrip(b"\0").decode()] = values.reshape(dims[:rank])
    return tensors


def network(graph: FrameGraph) -> FrameGraph:
    """Without the ops of SIGNAL and those that compute constants; what they give becomes input."""
    nodes = [n for n in graph.nodes if n.op not in SIGNAL and graph.reads(n, "sequence")]
    made = {n.output for n in nodes}
    read = dict.fromkeys(i for n in nodes for i in n.inputs if i)
    inputs = [i for i in read if i not in made and graph.tensors[i].kind != "weight"]
    outputs = [n.inputs[0] for n in graph.nodes if n.op == "istft"]
    weights = sum(t.values.size for name, t in graph.tensors.items()
                  if t.kind == "weight" and name in read)
    return replace(graph, nodes=nodes, inputs=inputs, outputs=outputs, weights=weights)
