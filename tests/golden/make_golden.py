# SPDX-License-Identifier: Apache-2.0
"""Makes the golden vectors in this folder from the PyTorch reference: a tiny network with random
weights (tiny.safetensors), two pieces of the demo's recordings, and of every node's activations the
largest value and a few others (nodes.json).

    PYTHONPATH=model/torch python tests/golden/make_golden.py
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import soundfile

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1] / "platforms" / "demo"
SEED = 7
ANCHOR = (16000, 16000)  # begin and length in samples: 1 s, the least an anchor may have
MIXTURE = (16000, 6477)  # not a whole number of hops
VALUES = 6
STEP = 7  # beside even spacing, so that not all come from one channel


def cut(source, target, begin, samples):
    audio, rate = soundfile.read(DEMO / source, dtype="int16")
    soundfile.write(HERE / target, audio[begin:begin + samples], rate, subtype="PCM_16")


def summary(path):
    values = numpy.load(path).reshape(-1)
    at = [(values.size * (2 * k + 1) // (2 * VALUES) + STEP * k) % values.size
          for k in range(VALUES)]
    return {"size": int(values.size), "max": float(f"{numpy.abs(values).max():.9g}"), "at": at,
            "values": [float(f"{values[i]:.9g}") for i in at]}


def main():
    cut("mixed_pair_anchor.flac", "anchor.flac", *ANCHOR)
    cut("mixed_pair_mixture.flac", "mixture.flac", *MIXTURE)
    with tempfile.TemporaryDirectory() as dump:
        subprocess.run([sys.executable, "-m", "ligero_torch.files.export", "--config", HERE / "tiny.json",
                        "--random", str(SEED), "--f16", "-o", HERE / "tiny.safetensors",
                        "--dump", dump, "--anchor", HERE / "anchor.flac", "--mix",
                        HERE / "mixture.flac"], check=True)
        (HERE / "tiny.safetensors").chmod(0o644)
        nodes = {graph: {path.stem: summary(path) for path in sorted(Path(dump, graph).glob("*.npy"))}
                 for graph in ("enroll", "extract")}
    rows = [f'"{graph}": {{\n' + ",\n".join(f"{json.dumps(n)}: {json.dumps(s)}" for n, s in of.items())
            + "\n}" for graph, of in nodes.items()]
    (HERE / "nodes.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    main()
