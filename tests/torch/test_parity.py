# SPDX-License-Identifier: Apache-2.0
"""The runtime against the PyTorch reference, node by node, on random non-degenerate weights.

The reference computes in double precision: near-empty bins and random weights amplify rounding, and
what remains here is the runtime's own. Where PyTorch's single precision is no better, that is the
measure. Builds nothing (tools.py). Speech: the demo's recordings, or those under LIGERO_SPEECH. With
LIGERO_PAPER_SIZE=1 every form of every system runs at paper size too, causal and not, which takes half
an hour; `pytest -rP` prints the largest difference of each.
"""

import copy
import json
import os
import subprocess
from pathlib import Path

import numpy
import pytest
import torch
import tools
from safetensors.torch import save_file
from tools import (CONVERT, GATED_CRN, LEAST_COSINE, LIGERO, ROOT, SPEAKERFILTER, SYSTEMS, TEA_PSE,
                   TINY, TOLERANCE, VOICEFILTER)

from ligero_torch.bench import costs
from ligero_torch.nets.systems import from_dict, make
from ligero_torch.files.export import exported_tensors, randomise, record
from ligero_torch.nets.features import hops

SINGLE = 6.0  # or so many times the error of PyTorch in single precision
ANCHOR_SAMPLES = 48000
MIXTURE_SAMPLES = (32000, 32077)
NOISE_FLOOR = 1e-3  # of a microphone, -60 dB full scale
BINS = 4  # of the flattened encoder output

# Only the folded form of an ARN computes these two.
FOLDED_ONLY = ("query_folded", "context")

CAUSAL = {"causal": True, "arn": {"window": 100}, "input_level": "window"}
SWITCHES = {
    "default": {},
    "local": {"form": "local"},
    "global": {"form": "global"},
    "causal": CAUSAL,
    "causal, local": {**CAUSAL, "form": "local"},
    "causal, short window": {**CAUSAL, "arn": {"window": 7}},
    "no level": {"input_level": "none"},
    "compression": {"compression": 0.5},
    "compression 0.3": {"compression": 0.3},
    "re_im": {"mix_feats": "re_im"},
    "level 0 with magnitude": {"level0": "mag_arn"},
    "local spectrum": {"local_feats": "mag_re_im_arn", "level0": "mag_arn"},
    "q_norm": {"arn": {"q_norm": True}},
    "two linear": {"arn": {"feed_forward": "two_linear"}},
    "F2": {"arn_frame": {"size": 4, "form": "F2"}},
    "linear taps": {"last_activation": "linear"},
    "bn_prelu taps": {"last_activation": "bn_prelu"},
    "3 x 5 filter": {"deep_filter": {"frames": 3, "bins": 5}},
    "one slope": {"prelu": "layer"},
    "normalised embedding": {"normalise_embedding": True},
    "final bn": {"ecapa": {"final_bn": True}},
    "zero padding": {"ecapa": {"padding": "zero"}},
    "no context": {"ecapa": {"global_context": False}},
    "causal F2, q_norm": {**CAUSAL, "arn": {"window": 20, "q_norm": True},
                          "arn_frame": {"size": 4, "form": "F2"}},
}

SYSTEM_SWITCHES = {
    "voicefilter, linear magnitudes": {**VOICEFILTER, "compression": 1.0},
    "voicefilter, normalised embedding, no level": {
        **VOICEFILTER, "normalise_embedding": True, "input_level": "none"},
    "speakerfilter, 3 x 5 filter": {**SPEAKERFILTER, "deep_filter": {"frames": 3, "bins": 5}},
    "gated_crn, no level": {**GATED_CRN, "input_level": "none"},
    "tea_pse, linear spectra, no level": {**TEA_PSE, "compression": 1.0, "input_level": "none"},
    "tea_pse, compression 0.3": {**TEA_PSE, "compression": 0.3},
    "tea_pse, F2": {**TEA_PSE, "arn_frame": {"size": 4, "form": "F2"}},
}

pytestmark = pytest.mark.skipif(not (LIGERO.exists() and CONVERT.exists()),
                                reason=f"no tools at {LIGERO} and {CONVERT}")


def merged(base, changes):
    values = copy.deepcopy(base)
    for key, value in changes.items():
        values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
    return values


def read(file, samples):
    """Speech with a microphone's noise floor: where synthesized speech is silent, bins hold nothing
    but the rounding of whoever computes them."""
    floor = NOISE_FLOOR * numpy.random.default_rng(1).standard_normal(samples)
    return tools.read(file, samples) + torch.from_numpy(floor.astype(numpy.float32))


@pytest.fixture(scope="session")
def speech():
    """Anchor and mixture, [1, samples] each."""
    folder = os.environ.get("LIGERO_SPEECH")
    if not folder:
        demo = ROOT / "platforms" / "demo"
        return (read(demo / "mixed_pair_anchor.flac", ANCHOR_SAMPLES),
                read(demo / "mixed_pair_mixture.flac", max(MIXTURE_SAMPLES)))
    header, first = [line.split("\t") for line in
                     (Path(folder) / "lists" / "test.tsv").read_text().splitlines()[:2]]
    row = dict(zip(header, first))
    mixture = sum(read(Path(folder) / row[who], max(MIXTURE_SAMPLES))
                  * 10.0 ** (float(row[who + "_gain_db"]) / 20.0)
                  for who in ("target", "interferer"))
    return read(Path(folder) / row["anchor"], ANCHOR_SAMPLES), mixture


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@torch.no_grad()
def calibrate(model, anchor, mix):
    """Batch-norm statistics, disturbed, of these recordings. With those of another signal and
    random weights, the tanh in ECAPA's pooling saturates so far that it shows only rounding."""
    generator = torch.Generator().manual_seed(2)

    def take(norm, inputs):
        x = inputs[0].transpose(0, 1).flatten(1)
        if x.shape[1] < 2:  # after pooling
            return
        deviation, mean = torch.std_mean(x, dim=1)
        deviation = deviation.clamp(min=0.3 * deviation.mean())
        first, second = torch.randn(2, len(mean), generator=generator)
        norm.running_mean.copy_(mean + 0.3 * deviation * first)
        norm.running_var.copy_((deviation * torch.exp(0.2 * second)).square())

    hooks = [m.register_forward_pre_hook(take) for m in model.modules()
             if isinstance(m, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d))]
    model.eval()(mix, anchor)
    for hook in hooks:
        hook.remove()


class Twins:
    """A network in PyTorch and as model files, folded and unfolded."""

    def __init__(self, values, folder, anchor, mix):
        """values: the configuration as JSON, which the converter gets as it is: what it leaves out
        has the same default there."""
        self.folder = folder
        self.config = from_dict(values)
        self.model = make(self.config)
        randomise(self.model, 1)
        calibrate(self.model, anchor, mix)
        save_file(exported_tensors(self.model), folder / "x.safetensors")
        (folder / "c.json").write_text(json.dumps(values))

    def convert(self, *options):
        output = self.folder / f"model{''.join(options)}.lgm"
        if not output.exists():
            run(CONVERT, self.folder / "x.safetensors", "--config", self.folder / "c.json",
                "-o", output, *options)
        return output

    def nodes(self, model, anchor, mix):
        """Every node of both graphs, {"enroll": {...}, "extract": {...}}."""
        graphs = {}
        inputs = {}
        for graph, name, wave in (("enroll", "anchor_hops", anchor), ("extract", "mix_hops", mix)):
            numpy.save(self.folder / f"{name}.npy", hops(wave).numpy())
            inputs[name] = self.folder / f"{name}.npy"
            given = [f"--input={n}={f}" for n, f in inputs.items()]
            output = self.folder / f"{graph}-{wave.shape[1]}-{model.stem}"
            command = (LIGERO, "run", "--model", model, "--graph", graph, *given,
                       "--samples", wave.shape[1])
            run(*command, "--output", output, "--tap", "all")
            graphs[graph] = {f.stem: numpy.load(f) for f in output.glob("*.npy")}
            inputs = {f.stem: f for f in output.glob("profile.*.npy")}
        return graphs


def reference_of(name, reference):
    """The reference's values of a node, or None where it has no such tap."""
    by_bin = name.endswith(".by_bin")
    name = name.removesuffix(".by_bin")
    name = "sep.projection" if name == "profile.embedding" else name
    name = name.replace("profile.local_", "local.mean_")
    if name not in reference:
        return None
    value = reference[name].numpy()
    if by_bin:
        value = value.reshape(-1, value.shape[-1] // BINS, BINS).transpose(0, 2, 1)
    return value.astype(numpy.float64).ravel()


def error(value, expected):
    return abs(value.ravel() - expected).max() / abs(expected).max()


def compare(nodes, reference, single):
    """Error of each node compared, and PyTorch's in single precision; fails for a node that
    differs."""
    compared = {}
    bad = []
    for name, value in nodes.items():
        expected = reference_of(name, reference)
        if expected is None:
            continue
        if name == "sep.istft":  # row t is hop t - 1
            value = value[1:].ravel()[:expected.size]
        assert value.size == expected.size, f"{name}: {value.shape}, expected {expected.size}"
        ours = error(value, expected)
        theirs = error(reference_of(name, single), expected)
        if not ours <= max(TOLERANCE, SINGLE * theirs):
            bad.append(f"{name}: {ours:.2e} (PyTorch {theirs:.2e})")
        compared[name] = ours, theirs
    assert not bad, "; ".join(sorted(bad))
    return compared


def report(config, kind, compared):
    """Prints the largest error of the speaker network that all share, and that of all else."""
    causal = "causal" if config.causal else "whole"
    line = f"{config.system} {config.form} {causal} {kind}: {len(compared)} nodes"
    for shared in (False, True):
        names = [n for n in compared if n.startswith("ecapa.") == shared]
        if names:
            worst = max(names, key=compared.get)
            ours, theirs = compared[worst]
            line += f"; {worst} {ours:.1e} (PyTorch {theirs:.1e})"
    print(line)


def check(twins, anchor, mix):
    """Folded and unfolded against PyTorch; of the unfolded graph no tap may be left out."""
    single = record(twins.model.eval(), anchor, mix)
    double = copy.deepcopy(twins.model).double()
    reference = record(double, anchor.double(), mix.double())
    expected_left = {"mix.gain", "mix.scaled"} if twins.config.input_level == "none" else set()
    for options in ((), ("--unfolded",)):
        nodes = twins.nodes(twins.convert(*options), anchor, mix)
        compared = {}
        for graph in ("enroll", "extract"):
            compared |= compare(nodes[graph], reference[graph], single[graph])
        report(twins.config, " ".join(options) or "folded", compared)
        if twins.config.has_global:
            assert cosine(nodes["enroll"]["ecapa.embedding"].ravel(),
                          reference["enroll"]["ecapa.embedding"].numpy()) >= LEAST_COSINE
    taps = {name for values in reference.values() for name in values
            if not name.endswith(FOLDED_ONLY)}
    assert taps - compared.keys() == expected_left


def cosine(a, b):
    a, b = a.astype(numpy.float64), b.astype(numpy.float64)
    return a @ b / numpy.sqrt((a @ a) * (b @ b))


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_node_of_every_switch_equals_pytorch(switch, speech, tmp_path):
    anchor, mix = speech
    anchor, mix = anchor[:, :20000], mix[:, :24077]
    twins = Twins(merged(TINY, SWITCHES[switch]), tmp_path, anchor, mix)
    check(twins, anchor, mix)


@pytest.mark.parametrize("values", [*SYSTEMS.values(), *SYSTEM_SWITCHES.values()],
                         ids=[*SYSTEMS, *SYSTEM_SWITCHES])
def test_every_node_of_every_system_equals_pytorch(values, speech, tmp_path):
    anchor, mix = speech
    anchor, mix = anchor[:, :20000], mix[:, :24077]
    check(Twins(values, tmp_path, anchor, mix), anchor, mix)


@pytest.fixture(scope="module", params=["small", "small-live", "paper"])
def named(request, tmp_path_factory, speech):
    file = ROOT / "model" / "torch" / "configs" / f"{request.param}.json"
    return Twins(json.loads(file.read_text()), tmp_path_factory.mktemp(request.param),
                 *speech)


@pytest.mark.parametrize("samples", MIXTURE_SAMPLES)
def test_every_node_of_the_named_sizes_equals_pytorch(named, samples, speech):
    anchor, mix = speech
    check(named, anchor, mix[:, :samples])


PAPER_SIZE = [(*of, causal) for of in costs.SPECIFICATION for causal in (False, True)
              if os.environ.get("LIGERO_PAPER_SIZE")]


@pytest.mark.parametrize("system, form, causal", PAPER_SIZE)
def test_every_node_of_every_system_at_paper_size_equals_pytorch(system, form, causal, speech,
                                                                 tmp_path):
    """With a small ECAPA-TDNN, which all share: `named` has it at paper size."""
    anchor, mix = speech
    anchor, mix = anchor[:, :20000], mix[:, :24077]
    check(Twins(costs.paper_values(system, form, causal), tmp_path, anchor, mix), anchor, mix)
