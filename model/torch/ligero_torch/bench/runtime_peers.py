# SPDX-License-Identifier: Apache-2.0
"""The runtimes that `./run bench` compares, each in a process of its own: python -m
ligero_torch.bench.runtime_peers PEER FOLDER THREADS.

FOLDER has what runtimes.py made: `task.json` (inputs, states, files) and `inputs.npz`. The process loads
the model, then answers a line of stdin with one of JSON: "check FILE" computes everything once from the
start and writes the outputs, "time N" says what N calls took in ms, after as many to warm up as
task.json says, "peak" the most memory that the process has had beyond what it had with the library,
numpy and the inputs loaded. An error is {"error": text}.

A peer's class names the module of its library, has load(library) and compute(t), which takes `now` to
`outputs` and frame t's states to the next.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import importlib
import json
import math
import os
import sys
import time
from pathlib import Path

import numpy as np

from ..files.tools import tool



def resident(field: str) -> int:
    """VmRSS or VmHWM of this process in bytes."""
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return int(line.split()[1]) << 10
    return 0


class Peer:
    """Inputs are arrays; of a step, those of sequences have one more axis in front, the frame. Of each
    turn of a state there are two: one is read while the other is written."""

    module = ""  # of its library
    exported = True  # reads an ONNX file

    @classmethod
    def library(cls):
        return importlib.import_module(cls.module)

    def __init__(self, task: dict, folder: Path, threads: int):
        self.task, self.folder, self.threads = task, folder, threads
        with np.load(folder / "inputs.npz") as z:
            self.inputs = [z[f"i{k}"] for k in range(len(task["inputs"]))]
        self.sequence = [task["step"] and i["sequence"] for i in task["inputs"]]
        self.frames = task["frames"] if task["step"] else 1
        self.now = [x[0].copy() if s else x for x, s in zip(self.inputs, self.sequence)]
        self.moving = [k for k, s in enumerate(self.sequence) if s]
        self.states = [[[np.zeros(s["shape"], np.float32) for _ in range(2)]
                        for _ in range(s["turns"])] for s in task["states"]]
        turns = [s["turns"] for s in task["states"]]
        self.period = 2 * math.lcm(*turns) if turns else 1
        self.names = [f"i{k}" for k in range(len(self.inputs) + len(self.states))]
        self.out_names = [f"o{k}" for k in range(len(task["output_shapes"]) + len(self.states))]
        self.outputs = [np.empty(shape, np.float32) for shape in task["output_shapes"]]

    def reset(self) -> None:
        for x in (x for state in self.states for pair in state for x in pair):
            x[...] = 0.0
        self.t = 0

    def buffers(self, t: int):
        """Of frame t: each state's array to read, and to write."""
        reads, writes = [], []
        for state in self.states:
            turn, side = t % len(state), t // len(state) % 2
            reads.append(state[turn][side])
            writes.append(state[turn][1 - side])
        return reads, writes

    def feed(self, t: int) -> None:
        for k in self.moving:
            np.copyto(self.now[k], self.inputs[k][t % self.frames])

    def step(self) -> float:
        """The next frame, or the whole signal. Returns the ms of computing it."""
        self.feed(self.t)
        start = time.perf_counter_ns()
        self.compute(self.t)
        ms = (time.perf_counter_ns() - start) / 1e6
        self.t += 1
        return ms

    def check(self) -> list:
        """The first output of every frame, from the start."""
        self.reset()
        out = []
        for _ in range(self.frames):
            self.step()
            out.append(np.array(self.output()))
        return out

    def output(self) -> np.ndarray:
        return self.outputs[0]

    def time(self, count: int) -> list:
        for _ in range(self.task["warm_up"]):
            self.step()
        gc.disable()  # as timeit does
        ms = [self.step() for _ in range(count)]
        gc.enable()
        return ms


class OnnxRuntime(Peer):
    """Inputs, outputs and states bound once to memory that is used again and again."""

    module = "onnxruntime"
    file = "f32.onnx"

    def load(self, ort):
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = ort.InferenceSession(str(self.folder / self.file), options,
                                            providers=["CPUExecutionProvider"])
        value = ort.OrtValue.ortvalue_from_numpy  # shares the array's memory
        self.kept, self.bindings = {}, []
        fixed = [value(x) for x in self.now]
        outputs = [value(x) for x in self.outputs]
        for t in range(self.period):
            binding = self.session.io_binding()
            reads, writes = ([self.kept.setdefault(id(x), value(x)) for x in side]
                             for side in self.buffers(t))
            for name, x in zip(self.names, fixed + reads):
                binding.bind_ortvalue_input(name, x)
            for name, x in zip(self.out_names, outputs + writes):
                binding.bind_ortvalue_output(name, x)
            self.bindings.append(binding)

    def compute(self, t):
        self.session.run_with_iobinding(self.bindings[t % self.period])


class OnnxRuntimeInt8(OnnxRuntime):
    """Its dynamic quantization of every op that it knows."""
    file = "int8.onnx"


class OnnxRuntimeInt8Products(OnnxRuntime):
    """Its dynamic quantization without convolutions, which its int8 makes slower."""
    file = "int8-products.onnx"


class OpenVino(Peer):
    """States without turns are variables inside its model, which is faster than tensors that come in and
    go out."""

    module = "openvino"

    def load(self, ov):
        from openvino.passes import MakeStateful, Manager

        core = ov.Core()
        model = core.read_model(str(self.folder / "f32.onnx"))
        inputs, outputs = len(self.now), len(self.outputs)
        own = {self.names[inputs + k]: self.out_names[outputs + k]
               for k, state in enumerate(self.states) if len(state) == 1}
        if own:
            passes = Manager()
            passes.register_pass(MakeStateful(own))
            passes.run_passes(model)
        compiled = core.compile_model(model, "CPU", {
            "INFERENCE_NUM_THREADS": self.threads, "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32",
            "ENABLE_CPU_PINNING": False})  # or it waits for a core that is taken
        self.request = compiled.create_infer_request()
        known = {}
        self.tensor = lambda x: known.setdefault(id(x), ov.Tensor(x, shared_memory=True))
        self.place = self._places(self.names, compiled.inputs)
        self.out_place = self._places(self.out_names, compiled.outputs)
        for k, x in enumerate(self.now):
            self.request.set_input_tensor(self.place[k], self.tensor(x))
        for k, x in enumerate(self.outputs):
            self.request.set_output_tensor(self.out_place[k], self.tensor(x))
        self.given = [k for k, state in enumerate(self.states) if len(state) > 1]

    @staticmethod
    def _places(names, ports):
        """Where each of `names` is among the model's inputs or outputs, which may have several names."""
        return {names.index(name): n for n, port in enumerate(ports) for name in port.get_names()
                if name in names}

    def reset(self):
        super().reset()
        self.request.reset_state()

    def compute(self, t):
        if self.given:
            reads, writes = self.buffers(t)
            for k in self.given:
                self.request.set_input_tensor(self.place[len(self.now) + k], self.tensor(reads[k]))
                self.request.set_output_tensor(self.out_place[len(self.outputs) + k],
                                               self.tensor(writes[k]))
        self.request.infer()


class PyTorch(Peer):
    """Traced and frozen."""

    module, exported = "torch", False
    one_dnn = True

    def load(self, torch):
        torch.set_num_threads(self.threads)
        torch.backends.mkldnn.set_flags(self.one_dnn)
        self.inference = torch.inference_mode
        self.network = torch.jit.load(str(self.folder / "f32.pt"))
        self.fixed = [torch.from_numpy(x) for x in self.now]
        self.reset()

    def reset(self):
        import torch

        super().reset()
        self.held = [[torch.from_numpy(pair[0]) for pair in state] for state in self.states]

    def compute(self, t):
        with self.inference():
            reads = [state[t % len(state)] for state in self.held]
            out = self.network(*self.fixed, *reads)
            for state, x in zip(self.held, out[len(self.outputs):]):
                state[t % len(state)] = x
            self.last = out[0]

    def output(self):
        return self.last.numpy()


class PyTorchPlain(PyTorch):
    """Without oneDNN, which packs an LSTM's weights again in each call."""
    one_dnn = False


class Ligero(Peer):
    """A session of the shared library: hops in, hops out, with the transforms around the network."""

    module, exported = "ctypes", False
    weights = "f32"

    @classmethod
    def library(cls):
        return ctypes.CDLL(tool("LIGERO_LIBRARY", "platforms/capi/libligero.so"))

    def load(self, library):
        self.lib = library
        library.ligero_last_error.restype = ctypes.c_char_p
        self.model, profile, hop = ctypes.c_void_p(), ctypes.c_void_p(), self.task["hop"]
        self._ask("model_open", str(self.folder / f"{self.weights}.lgm").encode(),
                  ctypes.byref(self.model))
        if (self.folder / "who.profile").exists():
            self._ask("profile_load", str(self.folder / "who.profile").encode(),
                      ctypes.byref(profile))
        self.session = ctypes.c_void_p()
        self._ask("session_create", self.model, None, None, ctypes.c_size_t(0),
                  ctypes.byref(self.session))
        self._ask("set_target", self.session, profile)  # without effect where there is none
        library.ligero_profile_close(profile)
        pointer = ctypes.POINTER(ctypes.c_float)
        self.hop = np.zeros(hop, np.float32)
        self.channels = (pointer * 1)(self.hop.ctypes.data_as(pointer))
        places = ctypes.c_void_p(ctypes.addressof(self.channels))
        # Arguments converted once: ctypes takes longer over them than over the call.
        self.process = functools.partial(library.ligero_process, self.session, places, places,
                                         ctypes.c_uint32(hop))
        self.sound = np.load(self.folder / "sound.npy").reshape(-1, hop)
        self.reset()

    def _ask(self, function, *arguments):
        if getattr(self.lib, "ligero_" + function)(*arguments):
            raise RuntimeError(self.lib.ligero_last_error().decode())

    def reset(self):
        super().reset()
        self._ask("reset", self.session)

    def feed(self, t):
        np.copyto(self.hop, self.sound[t % len(self.sound)])

    def compute(self, t):
        self.process()

    def output(self):
        return self.hop


class LigeroInt8(Ligero):
    weights = "int8"


PEERS = {"ligero": Ligero, "ligero-int8": LigeroInt8, "onnxruntime": OnnxRuntime,
         "onnxruntime-int8": OnnxRuntimeInt8, "onnxruntime-int8-products": OnnxRuntimeInt8Products,
         "openvino": OpenVino, "pytorch": PyTorch, "pytorch-plain": PyTorchPlain}


def main() -> int:
    name, folder, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    try:
        kind = PEERS[name]
        library = kind.library()
        peer = kind(json.loads((folder / "task.json").read_text()), folder, threads)
        base = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
        peer.load(library)
        peer.reset()
        print(json.dumps("ready"), file=answers)
        for line in sys.stdin:
            word, _, argument = line.strip().partition(" ")
            if word == "check":
                np.save(argument, np.stack(peer.check()))
                said = "done"
            elif word == "time":
                said = peer.time(int(argument))
            else:
                said = resident("VmHWM") - base
            print(json.dumps(said), file=answers)
    except Exception as e:  # whatever a library throws, the answer is one line
        print(json.dumps({"error": f"{type(e).__name__}: {e}"}), file=answers)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
