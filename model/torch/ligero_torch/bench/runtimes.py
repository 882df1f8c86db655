# SPDX-License-Identifier: Apache-2.0
"""ligero beside other runtimes, from the same weights: `./run bench`.

    python -m ligero_torch.bench.runtimes [--models paper paper-live ...] [--quick] [--out build/bench]

Every runtime gets ligero's own folded graph (framegraph.network): batch norms folded, what depends on
the speaker only as inputs, made of a real enrolment; frame by frame also every state, as inputs and
outputs. The others compute from the spectrum (and the level) to the spectrum; ligero does the STFT, the
level and the inverse STFT besides. First everyone computes the same sound: whose output is off by more
than WRONG (or, with int8 weights, is not LEAST_DB above its error) is an error and no row. Then all
take turns, round by round, each in a process of its own with the same number of threads; a figure is
the median of the rounds' medians.

Everyone has the form that is fastest for him: ONNX Runtime's dynamic int8 with and without int8
convolutions and PyTorch with and without oneDNN, whichever is faster; OpenVINO with its states inside
the model.

ratio: how many times as fast as ONNX Runtime with f32 weights, the median over the rounds of the ratio
within a round, so that what else the machine does counts little. peak_bytes: a fresh process's
largest resident memory from loading the model to its last call, minus what it had resident before with
its library, numpy and the inputs loaded; files that are mapped count. ligero's, frame by frame, is
measured the same way around its shared library, that of whole signals by the tool around itself
(`ligero run --repeat`).

Weights are those that ship (small, small-live), else random ones of the configuration's size. Models
and exports are kept in --out and made again when what they come from has changed. Results:
OUT/bench.json, rows of peer, model, mode, threads, weights, median_ms, ratio, peak_bytes; OUT/bench.png.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from ..data import low_cut
from ..data.audio import DataError
from ..files.tools import run, tool
from ..nets.systems import SYSTEMS
from .costs import ANCHOR, MIXTURE, NO_SPEAKER, SMALL_ECAPA, forms_of
from .framegraph import network, read_graph, read_profile
from .runtime_peers import PEERS

ROOT = Path(__file__).resolve().parents[4]
WRONG = 1e-3  # of the largest value
LEAST_DB = 10.0
STEP_FRAMES = 150
FADE = 50  # hops until a session's new target is all there, and its filters are where they will be
SHIPPED = {"small": "lgr-tse-small", "small-live": "lgr-tse-small-live"}
KEYS = ("peer", "model", "mode", "threads", "weights", "median_ms", "ratio", "peak_bytes")
BASE = ("onnxruntime", "f32")  # what ratios are to


@dataclass(frozen=True)
class Case:
    """One comparison. seconds 0: frame by frame; else so many, of frames of 10 ms."""
    model: str
    seconds: int
    threads: int = 1

    @property
    def mode(self) -> str:
        return f"offline {self.seconds} s" if self.seconds else "frame by frame"

    @property
    def frames(self) -> int:
        return 100 * self.seconds + 1 if self.seconds else STEP_FRAMES


def model_names() -> list:
    """LGR-TSE first, then every form of every other system, offline and live. The forms of bsrnn differ
    in what makes a profile only."""
    names = ["paper", "paper-live", "small", "small-live"]
    for system in SYSTEMS:
        if forms_of(system) == [NO_SPEAKER]:
            names.append(system.replace("_", "-"))
        elif system != "lgr_tse":
            for form in ["lgr"] if system == "bsrnn" else forms_of(system):
                name = system.replace("_", "-") + ("" if form == "lgr" else f"-{form}")
                names += [name, f"{name}-live"]
    return names


def is_live(model: str) -> bool:
    """Whether it hears the past alone, so that it is run frame by frame."""
    system = model.replace("-", "_")
    return model.endswith("-live") or system in SYSTEMS and forms_of(system) == [NO_SPEAKER]


def cases_of(model: str) -> list:
    if is_live(model):
        return [Case(model, 0)]
    return [Case(model, 4)] + ([Case(model, 16), Case(model, 16, 2)] if model == "paper" else [])


# ---- what is compared --------------------------------------------------------------------------

def digest(*parts) -> str:
    """Of texts and files."""
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(part.read_bytes() if isinstance(part, Path) else str(part).encode())
    return hashed.hexdigest()


@contextlib.contextmanager
def made_once(folder: Path, stamp: str):
    """Yields whether `folder` has to be filled; it is whole or it is made again."""
    file = folder / "stamp"
    needed = not file.exists() or file.read_text() != stamp
    if needed:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    yield needed
    if needed:
        file.write_text(stamp)


def random_weights(name: str, folder: Path) -> tuple:
    """PyTorch's own start of a configuration, with a small ECAPA-TDNN: it runs at enrolment only."""
    import torch
    from safetensors.torch import save_file

    from ..nets.systems import find_config, from_dict, make
    from ..nets.config import to_dict
    from ..files.export import exported_tensors

    values = to_dict(find_config(name))
    if "ecapa" in values:
        values["ecapa"] = {**values["ecapa"], **SMALL_ECAPA}
    torch.manual_seed(1)
    save_file(exported_tensors(make(from_dict(values)).eval()), folder / "random.safetensors")
    (folder / "random.json").write_text(json.dumps(values))
    return folder / "random.safetensors", folder / "random.json"


def hops_of(path: Path, frames: int, hop: int) -> np.ndarray:
    """[frames, 1, hop] of a recording, repeated where it is shorter; the last hop is silent."""
    hops = np.resize(soundfile.read(path, dtype="float32")[0], (frames, 1, hop))
    hops[-1] = 0.0
    return hops


def make_model(weights: Path, config: Path, folder: Path) -> None:
    """f32.lgm, int8.lgm and, where the network takes one, who.profile of ANCHOR, and profile/*.npy, the
    same as arrays."""
    convert, ligero = (tool("LIGERO_CONVERT", "converter/ligero-convert"),
                       tool("LIGERO", "platforms/cli/ligero"))
    for file, options in (("f32.lgm", ("--weights", "f32", "--only", "extract")),
                          ("int8.lgm", ("--weights", "int8", "--only", "extract"))):
        run(convert, weights, "--config", config, "-o", folder / file, *options)
    if len(read_graph(folder / "f32.lgm").inputs) == 1:
        return
    run(convert, weights, "--config", config, "-o", folder / "whole.lgm")
    run(ligero, "enroll", "--model", folder / "whole.lgm", ANCHOR, "-o", folder / "who.profile")
    (folder / "whole.lgm").unlink()
    (folder / "profile").mkdir(exist_ok=True)
    for name, values in read_profile(folder / "who.profile").items():
        np.save(folder / "profile" / f"{name}.npy", values)


def model_folder(name: str, out: Path) -> Path:
    """What make_model() makes of a shipped or random model, kept."""
    folder, base = out / "models" / name, ROOT / "model" / "pretrained" / SHIPPED.get(name, "")
    files = ([base.with_suffix(".safetensors"), base.with_suffix(".json")] if name in SHIPPED
             else [ROOT / "model/torch/configs" / f"{name}.json"])
    convert = Path(tool("LIGERO_CONVERT", "converter/ligero-convert"))
    with made_once(folder, digest(Path(__file__), convert, *files)) as needed:
        if needed:
            weights, config = files if name in SHIPPED else random_weights(name, folder)
            make_model(weights, config, folder)
            (folder / "random.safetensors").unlink(missing_ok=True)
    return folder


def run_arguments(model: Path, hops: Path) -> list:
    """Inputs of `ligero run --graph extract`."""
    pairs = [(i, hops if i == "mix_hops" else model / "profile" / f"{i}.npy")
             for i in read_graph(model / "f32.lgm").inputs]
    return [a for name, file in pairs for a in ("--input", f"{name}={file}")]


def record(model: Path, hops: np.ndarray, folder: Path):
    """The network of a model, and a function from a tensor's name to what ligero computes for it of a
    sound. Leaves the sound in hops.npy."""
    np.save(folder / "hops.npy", hops)
    taps = folder / "taps"
    run(tool("LIGERO", "platforms/cli/ligero"), "run", "--model", model / "f32.lgm", "--graph",
        "extract", *run_arguments(model, folder / "hops.npy"), "--tap", "all", "--output", taps)

    def tensor(name):
        file = taps / f"{name}.npy"
        return np.load(file if file.exists() else model / "profile" / f"{name}.npy")

    return network(read_graph(model / "f32.lgm")), tensor


class Task:
    """A case's folder: the peers' files, inputs, and what the outputs must be."""

    def __init__(self, case: Case, model: Path, folder: Path):
        self.case, self.model, self.folder = case, model, folder
        here = Path(__file__).parent
        files = [f for f in ("f32.lgm", "int8.lgm", "who.profile") if (model / f).exists()]
        stamp = digest(case.mode, *(model / f for f in files), *(
            here / f"{m}.py" for m in ("runtimes", "framegraph", "network", "network_ops")))
        with made_once(folder, stamp) as needed:
            if needed:
                self._make()
        for file in files:
            link = folder / file
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(model / file, folder))
        with np.load(folder / "wanted.npz") as z:
            self.wanted, self.wanted_hops = z["spectrum"], z["hops"]

    def _network(self, graph):
        from .network import Network

        return Network(graph, self.case.frames if self.case.seconds else 0)

    def _make(self) -> None:
        import torch

        case, at = self.case, self.folder
        hop = read_graph(self.model / "f32.lgm").hop
        sound = hops_of(MIXTURE, case.frames, hop)
        np.save(at / "sound.npy", sound)  # what a session takes; the networks take what it lets through
        heard = low_cut.cut(sound.reshape(-1)).reshape(sound.shape)
        graph, tensor = record(self.model, heard, at)
        net = self._network(graph)
        first, inputs = net.example({i: tensor(i) for i in graph.inputs})
        np.savez(at / "inputs.npz", **{f"i{k}": x for k, x in enumerate(inputs)})
        np.savez(at / "wanted.npz", spectrum=tensor(graph.outputs[0]), hops=tensor("sep.istft"))
        shutil.rmtree(at / "taps")
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(net, tuple(first), check_trace=False)
            torch.jit.freeze(traced).save(str(at / "f32.pt"))
        torch.save(first, at / "first.pt")
        bins = graph.tensors[graph.outputs[0]].bins
        (at / "task.json").write_text(json.dumps({
            "step": net.step, "frames": case.frames, "hop": graph.hop, "warm_up": 20 if net.step else 1,
            "output_shapes": [[1, 2, 1 if net.step else case.frames, bins]],
            "inputs": [{"name": i, "sequence": graph.tensors[i].kind == "sequence"}
                       for i in graph.inputs],
            "states": [{"shape": s.shape, "turns": s.turns} for s in net.states]}))

    def export(self) -> None:
        """f32.onnx, and what ONNX Runtime makes of it in int8."""
        import logging

        import torch
        from onnxruntime.quantization import quantize_dynamic

        at = self.folder
        if (at / "int8-products.onnx").exists():
            return
        net, first = self._network(network(read_graph(at / "f32.lgm"))), torch.load(at / "first.pt")
        outputs = [f"o{k}" for k in range(len(net.output_names) + len(net.states))]
        with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            torch.onnx.export(net, tuple(first), str(at / "f32.onnx"), dynamo=False,
                              opset_version=17, output_names=outputs,
                              input_names=[f"i{k}" for k in range(len(first))])
            logging.getLogger().setLevel(logging.ERROR)
            quantize_dynamic(at / "f32.onnx", at / "int8.onnx")
            quantize_dynamic(at / "f32.onnx", at / "int8-products.onnx",
                             op_types_to_quantize=["MatMul", "Gemm", "LSTM"])

    def refuse_wrong(self, output: np.ndarray, wanted: np.ndarray, weights: str) -> None:
        """DataError where an output is not what ligero's f32 gives."""
        error = output - wanted
        off = float(np.abs(error).max() / np.abs(wanted).max())
        energy = float((error.astype(np.float64) ** 2).sum())
        db = 10 * np.log10((wanted.astype(np.float64) ** 2).sum() / max(energy, 1e-30))
        if weights == "f32" and not off <= WRONG:
            raise DataError(f"its output is off by {off:.1e} of the largest value; at most {WRONG} "
                            "is the same network")
        if not db >= LEAST_DB:
            raise DataError(f"its output is {db:.1f} dB above its error; expected {LEAST_DB} dB")


# ---- who is compared ---------------------------------------------------------------------------

class Worker:
    """A peer in a process of its own (runtime_peers.py). DataError with what it said where it fails."""

    def __init__(self, name: str, task: Task):
        self.task, self.name = task, name
        self.peer, _, kind = name.partition("-")
        self.weights = "int8" if "int8" in kind else "f32"
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "model" / "torch"),
                       "OMP_NUM_THREADS": str(task.case.threads)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ligero_torch.bench.runtime_peers", name, str(task.folder),
             str(task.case.threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=environment)
        self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        said = json.loads(line) if line else {"error": "the process ended"}
        if isinstance(said, dict) and "error" in said:
            raise DataError(said["error"])
        return said

    def ask(self, line: str):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer()

    def check(self) -> None:
        file = self.task.folder / f"{self.name}.npy"
        self.ask(f"check {file}")
        out = np.load(file)
        file.unlink()
        if self.peer == "ligero":
            frames = len(self.task.wanted_hops)
            hops = out.reshape(frames, -1)[FADE + 1:]  # a session is a hop behind its graph
            wanted = low_cut.restore(self.task.wanted_hops.reshape(-1)).reshape(frames, -1)[FADE:]
            self.task.refuse_wrong(hops, wanted[:len(hops)], self.weights)
        else:
            spectrum = out[:, 0].transpose(0, 2, 3, 1).reshape(self.task.wanted.shape)
            self.task.refuse_wrong(spectrum, self.task.wanted, self.weights)

    def time(self, count: int) -> list:
        return self.ask(f"time {count}")

    def peak(self) -> int:
        return self.ask("peak")

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class Tool:
    """ligero on whole signals: its own tool, a process for each round."""

    peer = "ligero"

    def __init__(self, weights: str, task: Task):
        self.task, self.weights, self.most = task, weights, 0
        self.folder = task.folder / f"ligero-{weights}"
        self.command = [tool("LIGERO", "platforms/cli/ligero"), "run", "--model",
                        task.folder / f"{weights}.lgm", "--graph", "extract", "--threads",
                        task.case.threads, *run_arguments(task.model, task.folder / "hops.npy"),
                        "--output", self.folder, "--repeat"]

    def check(self) -> None:
        self.time(1)
        self.task.refuse_wrong(np.load(self.folder / "sep.istft.npy"), self.task.wanted_hops,
                               self.weights)

    def time(self, count: int) -> list:
        said = json.loads(run(*self.command, count))
        self.most = max(self.most, said["peak_bytes"])
        return said["ms"]

    def peak(self) -> int:
        return self.most

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def open_peers(task: Task, names: list, complain) -> list:
    """Those that open and give the right output, ready to be timed."""
    peers = []
    for name in names:
        try:
            whole = name.startswith("ligero") and task.case.seconds
            peer = Tool("int8" if "int8" in name else "f32", task) if whole else Worker(name, task)
            try:
                peer.check()
            except DataError:
                peer.close()
                raise
            peers.append(peer)
        except DataError as e:
            complain(f"{name}: {task.case.model}, {task.case.mode}: {e}")
    return peers


# ---- timing ------------------------------------------------------------------------------------

def compare(case: Case, out: Path, names: list, quick: bool, complain) -> list:
    """Rows of one case."""
    task = Task(case, model_folder(case.model, out),
                out / "tasks" / f"{case.model}-{case.seconds or 'step'}")
    if any(PEERS[name].exported for name in names):
        task.export()
    peers = open_peers(task, names, complain)
    rounds, count = (5, 2) if quick else (11, 3)
    if not case.seconds:
        rounds, count = (7, 60) if quick else (21, 100)
    try:
        times = [[] for _ in peers]
        for k in range(rounds):
            for i in range(len(peers)):
                i = (i + k) % len(peers)  # not always after the same one
                times[i].append(statistics.median(peers[i].time(count)))
        return rows_of(case, peers, times)
    finally:
        for peer in peers:
            peer.close()


def rows_of(case: Case, peers: list, times: list) -> list:
    base = next((t for p, t in zip(peers, times) if (p.peer, p.weights) == BASE), None)
    best = {}
    for peer, ms in zip(peers, times):
        ratio = base and statistics.median(b / t for b, t in zip(base, ms))
        row = dict(zip(KEYS, (peer.peer, case.model, case.mode, case.threads, peer.weights,
                              statistics.median(ms), ratio, peer.peak())))
        key = (peer.peer, peer.weights)
        if key not in best or row["median_ms"] < best[key]["median_ms"]:
            best[key] = row
    return list(best.values())


# ---- what is said of it ------------------------------------------------------------------------

def table(rows: list) -> str:
    lines = [("model", "mode", "threads", "peer", "weights", "ms", "as fast as ONNX Runtime f32", "MB")]
    for r in rows:
        lines.append((r["model"], r["mode"], str(r["threads"]), r["peer"], r["weights"],
                      f"{r['median_ms']:.3f}", f"{r['ratio']:.2f}" if r["ratio"] else "-",
                      f"{r['peak_bytes'] / 1e6:.1f}"))
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return "\n".join("  ".join(cell.rjust(w) if k in (2, 5, 6, 7) else cell.ljust(w)
                               for k, (cell, w) in enumerate(zip(line, widths))) for line in lines)


def draw(rows: list, path: Path) -> None:
    """A bar for each row: how many times as fast as ONNX Runtime with f32 weights."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    cases = list(dict.fromkeys((r["model"], r["mode"], r["threads"]) for r in rows))
    kinds = list(dict.fromkeys((r["peer"], r["weights"]) for r in rows))
    colours = dict(zip(kinds, pyplot.get_cmap("tab10").colors))
    height, y, labels = 0.35 * len(rows) + 0.4 * len(cases) + 1.2, 0.0, []
    figure, axes = pyplot.subplots(figsize=(9, height), layout="constrained")
    for case in cases:
        mine = [r for r in rows if (r["model"], r["mode"], r["threads"]) == case and r["ratio"]]
        for r in mine:
            axes.barh(y, r["ratio"], color=colours[r["peer"], r["weights"]])
            axes.text(max(r["ratio"], 1.0), y, f" {r['ratio']:.2f}  {r['peer']} {r['weights']}, "
                      f"{r['median_ms']:.2f} ms, {r['peak_bytes'] / 1e6:.0f} MB", va="center",
                      fontsize=8)
            y += 1.0
        threads = f", {case[2]} threads" if case[2] > 1 else ""
        labels.append((y - len(mine) / 2 - 0.5, f"{case[0]}\n{case[1]}{threads}"))
        y += 0.8
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_yticks([at for at, _ in labels], [text for _, text in labels])
    axes.set_xlim(0, 1.6 * max((r["ratio"] or 0) for r in rows))
    axes.set_ylim(y - 0.6, -0.8)
    axes.set_xlabel("times as fast as ONNX Runtime with f32 weights")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)


def installed(names: list) -> list:
    """Those whose library is there; of the others that is said."""
    found = []
    for name in names:
        if importlib.util.find_spec(PEERS[name].module) is not None:
            found.append(name)
        else:
            print(f"skipped: {name}: {PEERS[name].module} is not installed "
                  "(model/torch/requirements-bench.txt)", file=sys.stderr)
    return found


def main(argv=None) -> int:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--models", nargs="+", choices=model_names(), default=model_names(),
                   metavar="MODEL", help=f"of {' '.join(model_names())}")
    p.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER",
                   help=f"of {' '.join(PEERS)}")
    p.add_argument("--quick", action="store_true", help="fewer rounds")
    p.add_argument("--out", type=Path, default=Path("build/bench"))
    a = p.parse_args(argv)
    names, rows, faults = installed(a.peers), [], []

    def complain(text):
        faults.append(text)
        print(f"error: {text}", file=sys.stderr, flush=True)

    a.out.mkdir(parents=True, exist_ok=True)
    for case in (c for m in a.models for c in cases_of(m)):
        try:
            found = compare(case, a.out, names, a.quick, complain)
        except DataError as e:
            complain(f"{case.model}, {case.mode}: {e}")
            continue
        rows += found
        print(table(found) + "\n", flush=True)
        (a.out / "bench.json").write_text(json.dumps(rows, indent=1) + "\n")
    if any(r["ratio"] for r in rows):
        draw(rows, a.out / "bench.png")
    if rows:
        print(f"{a.out / 'bench.json'}, {a.out / 'bench.png'}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
