# SPDX-License-Identifier: Apache-2.0
"""Whether an installed package works: enrols and extracts, and compares with the tool's files.

    python check.py ANCHOR.wav MIXTURE.wav EXPECTED.wav

The files are WAV; EXPECTED.wav is what `ligero extract` wrote with the default model. The samples must be equal,
also between compilers and processors.
"""

from __future__ import annotations

import resource
import sys
import time

begin = time.perf_counter()
import ligero  # noqa: E402

imported = time.perf_counter() - begin

import numpy as np  # noqa: E402
from pathlib import Path  # noqa: E402

from ligero import sound  # noqa: E402


def main() -> int:
    anchor, mixture, expected = map(Path, sys.argv[1:4])
    started = time.perf_counter()
    voice = ligero.enroll(anchor)
    enrolled = time.perf_counter()
    got = ligero.extract(mixture, voice=voice)
    done = time.perf_counter()
    wanted = sound.read_file(expected)[0][:, 0]
    same = np.array_equal(got, wanted)
    with ligero.Stream(voice, 48000) as stream:
        stream.process(np.zeros(480, np.float32))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"ligero {ligero.__version__} on Python {sys.version.split()[0]}, NumPy {np.__version__}: "
          f"models {', '.join(m.name for m in ligero.models())}; import {imported:.3f} s, enroll "
          f"{enrolled - started:.3f} s, first extraction {done - enrolled:.3f} s, {memory:.0f} MiB; "
          f"{len(wanted)} samples {'equal' if same else 'DIFFER from'} the tool's")
    return int(not same)


if __name__ == "__main__":
    raise SystemExit(main())
