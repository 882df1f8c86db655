# SPDX-License-Identifier: Apache-2.0
"""`./run bench`: the network that other runtimes are given is the one that ligero runs, and who computes
another one is found out. Needs none of the other runtimes; not: how fast anyone is."""

import json

import numpy
import pytest
import torch
from safetensors.torch import save_file
from tools import BSRNN, CONVERT, GATED_CRN, LIBRARY, LIGERO, LIVE, ROOT, SPEAKERFILTER, SYSTEMS, TEA_PSE, TINY
from tools import TOLERANCE, VOICEFILTER

from ligero_torch.bench import runtimes as bench
from ligero_torch.nets.systems import from_dict, make
from ligero_torch.data.audio import DataError
from ligero_torch.files.export import exported_tensors, randomise
from ligero_torch.bench.framegraph import network, read_graph
from ligero_torch.bench.network import Network

FRAMES = 130  # more than the longest attention looks back
PRETRAINED = ROOT / "model/pretrained"
NETWORKS = {
    "small": PRETRAINED / "lgr-tse-small",
    "small-live": PRETRAINED / "lgr-tse-small-live",
    "lgr_tse, short window": {**TINY, **LIVE, "arn": {"window": 7}},
    "voicefilter": VOICEFILTER,
    "voicefilter, causal": {**VOICEFILTER, **LIVE},
    "speakerfilter": SPEAKERFILTER,
    "speakerfilter, causal": {**SPEAKERFILTER, **LIVE},
    "gated_crn, causal": {**GATED_CRN, **LIVE},
    "tea_pse": TEA_PSE,
    "bsrnn": BSRNN,
    "bsrnn, causal": SYSTEMS["bsrnn, causal"],
    "bsrnn, causal, bounded": {**BSRNN, **LIVE, "cell_limit": 8.0},
    "bsrnn-live": PRETRAINED / "bsrnn-live",
    "tea_pse, causal, global": SYSTEMS["tea_pse, causal, global"],
    "gtcrn, live": {"system": "gtcrn", "name": "random"},
}

pytestmark = pytest.mark.skipif(not (LIGERO.exists() and CONVERT.exists()),
                                reason=f"no tools at {LIGERO} and {CONVERT}")


@pytest.fixture(autouse=True)
def built(monkeypatch):
    for name, path in (("LIGERO", LIGERO), ("LIGERO_CONVERT", CONVERT), ("LIGERO_LIBRARY", LIBRARY)):
        monkeypatch.setenv(name, str(path))


def model_of(values, folder):
    """A model's folder; of values a random one."""
    weights, config = folder / "x.safetensors", folder / "c.json"
    if isinstance(values, dict):
        model = make(from_dict(values))
        randomise(model, 1)
        if values.get("cell_limit"):  # cells that reach the bound, and come back from it
            for block in model.sep.blocks:
                block.time.weight.data *= 3.0
                block.time.bias.data[:, :block.time.weight.shape[2] // 2] += 4.0
        save_file(exported_tensors(model), weights)
        config.write_text(json.dumps(values))
    else:
        weights, config = values.with_suffix(".safetensors"), values.with_suffix(".json")
    bench.make_model(weights, config, folder)
    return folder


def steps(net, tensors):
    """The output of a step a frame, [frames, bins, 2]."""
    first, inputs = net.example(tensors)
    moving = [net.graph.tensors[i].kind == "sequence" for i in net.input_names]
    states = [[torch.zeros(s.shape) for _ in range(s.turns)] for s in net.states]
    outputs = []
    for t in range(FRAMES):
        now = [torch.from_numpy(x[t] if m else x) for x, m in zip(inputs, moving)]
        out, *after = net(*now, *(turns[t % len(turns)] for turns in states))
        for turns, state in zip(states, after):
            turns[t % len(turns)] = state
        outputs.append(net.restore([out])[net.output_names[0]])
    return numpy.concatenate(outputs)


@pytest.mark.parametrize("name", NETWORKS)
@torch.inference_mode()
def test_the_peers_network_gives_what_ligero_gives_whole_and_step_by_step(name, tmp_path):
    model = model_of(NETWORKS[name], tmp_path)
    hop = read_graph(model / "f32.lgm").hop
    graph, tensor = bench.record(model, bench.hops_of(bench.MIXTURE, FRAMES, hop), tmp_path)
    tensors = {i: tensor(i) for i in graph.inputs}
    wanted = tensor(graph.outputs[0])
    tolerance = TOLERANCE * abs(wanted).max()
    if any(node.get("cell_limit") for node in graph.nodes):
        with pytest.raises(DataError, match="frame by frame, and from 8 on"):
            Network(graph, FRAMES)
    else:
        whole = Network(graph, FRAMES)
        given = whole.restore(whole(*whole.arrange(tensors)))[graph.outputs[0]]
        assert abs(given - wanted).max() < tolerance
    if "live" in name or "causal" in name or "short" in name:
        assert abs(steps(Network(graph), tensors) - wanted).max() < tolerance
    else:
        with pytest.raises(DataError, match="looks ahead, so there is no step"):
            Network(graph)


def test_int8_weights_and_ops_without_a_form_for_peers_are_refused(tmp_path):
    model = model_of(PRETRAINED / "lgr-tse-small-live", tmp_path)
    with pytest.raises(DataError, match="int8"):
        read_graph(model / "int8.lgm")
    with pytest.raises(DataError, match="no graph enroll"):
        read_graph(model / "f32.lgm", "enroll")
    graph = network(read_graph(model / "f32.lgm"))
    graph.nodes[3].op = "cumulative_norm"
    with pytest.raises(DataError, match=f"node {graph.nodes[3].name}.*cumulative_norm"):
        Network(graph)


@pytest.mark.skipif(not LIBRARY.exists(), reason=f"no library at {LIBRARY}")
def test_rows_have_their_keys_and_a_peer_with_another_output_is_refused(tmp_path, capsys):
    line = ["--models", "small-live", "--quick", "--out", str(tmp_path), "--peers", "ligero",
            "ligero-int8", "pytorch"]
    assert bench.main(line) == 0
    rows = json.loads((tmp_path / "bench.json").read_text())
    assert [(r["peer"], r["weights"]) for r in rows] == [
        ("ligero", "f32"), ("ligero", "int8"), ("pytorch", "f32")]
    for row in rows:
        assert tuple(row) == bench.KEYS
        assert row["median_ms"] > 0 and row["peak_bytes"] > 0 and row["threads"] == 1
        assert row["model"] == "small-live" and row["mode"] == "frame by frame"
        assert row["ratio"] is None  # without ONNX Runtime there is nothing to compare with

    traced = tmp_path / "tasks/small-live-step/f32.pt"
    wrong = torch.jit.load(str(traced))
    biases = [c for c in wrong.graph.findAllNodes("prim::Constant") if c.output().type().kind() ==
              "TensorType" and c.hasAttribute("value") and c.t("value").shape == (256,)]
    for constant in biases:
        constant.t_("value", constant.t("value") + 0.1)
    wrong.save(str(traced))
    assert bench.main(line) == 1
    assert "pytorch: small-live, frame by frame: its output is off by" in capsys.readouterr().err
    assert {r["peer"] for r in json.loads((tmp_path / "bench.json").read_text())} == {"ligero"}


def test_ratios_are_within_a_round_and_the_better_of_two_forms_counts():
    class Timed:
        def __init__(self, peer, weights):
            self.peer, self.weights = peer, weights

        def peak(self):
            return 1

    peers = [Timed("ligero", "f32"), Timed("onnxruntime", "f32"), Timed("onnxruntime", "int8"),
             Timed("onnxruntime", "int8")]
    times = [[1.0, 10.0, 1.0], [2.0, 20.0, 2.0], [4.0, 40.0, 4.0], [1.0, 10.0, 1.0]]
    rows = bench.rows_of(bench.Case("paper", 16, 2), peers, times)
    assert [(r["peer"], r["weights"], r["ratio"]) for r in rows] == [
        ("ligero", "f32", 2.0), ("onnxruntime", "f32", 1.0), ("onnxruntime", "int8", 2.0)]
    assert {(r["mode"], r["threads"]) for r in rows} == {("offline 16 s", 2)}


def test_every_system_is_compared_offline_and_live():
    names = bench.model_names()
    assert len(names) == len(set(names)) == 23
    for name in names:
        assert (ROOT / "model/torch/configs" / f"{name}.json").is_file()
    for name in names:
        assert (ROOT / f"model/torch/configs/{name}.json").exists()
    assert [c.seconds for name in ("tea-pse-global-live", "gtcrn") for c in bench.cases_of(name)] == [0, 0]
    assert [(c.seconds, c.threads) for c in bench.cases_of("paper")] == [(4, 1), (16, 1), (16, 2)]
