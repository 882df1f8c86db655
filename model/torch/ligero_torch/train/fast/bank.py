# SPDX-License-Identifier: Apache-2.0
"""The anchor bank: what the separator is told of every training voice, computed once.

    python -m ligero_torch.train.fast.bank --speech S --cache C --copy 0

Two copies draw differently and can be made side by side. Rows are written in parts. A stopped command
goes on where it stopped, with the same result; a grown corpus gets the missing rows only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from ...data.anchors import MOST_CLIPS, AnchorOptions, Maker, clip_key
from ...data.audio import SAMPLE_RATE_HZ, default_speech
from ...data.corpus import load_corpus
from .voices import SPEAKER_WEIGHTS, SpeakerNetwork

COPIES = 2
BATCH = 16  # anchors of one length
PART = 50   # batches per file


def folder(cache: Path, fingerprint: str, options: AnchorOptions) -> Path:
    """Where the bank of a speaker network and these options lies."""
    text = json.dumps([fingerprint, asdict(options)])
    return cache / f"bank-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def made(path: Path, copy: int) -> set[str]:
    """Keys of the clips that a copy holds."""
    return {k for file in path.glob(f"*-{copy}.npz") for k in np.load(file)["keys"].tolist()}


def number_of(text: str) -> int:
    """A number that is the same in every process."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def make(speech: Path, cache: Path, weights: Path, copy: int, options: AnchorOptions,
         stop: list) -> None:
    """Makes the missing rows of a copy. Once `stop` holds something, writes what is done, ends."""
    speaker = SpeakerNetwork(weights)
    maker = Maker(load_corpus(speech, cache, quiet=True), options)
    path = folder(cache, speaker.fingerprint, options)
    path.mkdir(parents=True, exist_ok=True)
    keys = [clip_key(c) for c in maker.clips]
    done = made(path, copy)
    # An order by hashes makes the same batches whatever is done already.
    order = sorted((i for i, k in enumerate(keys) if k not in done),
                   key=lambda i: number_of(f"{copy} {keys[i]}"))
    start, rows, used = time.time(), [], []
    for at in range(0, len(order), BATCH):
        batch = order[at:at + BATCH]
        rng = np.random.default_rng([copy, number_of(keys[batch[0]])])
        seconds = int(rng.integers(3, 9) if rng.random() < 0.5 else rng.integers(5, 8))
        anchors = [maker.anchor(rng, i, seconds * SAMPLE_RATE_HZ) for i in batch]
        voices = speaker.voice(torch.from_numpy(np.stack([x for x, _ in anchors])))
        rows.append(voices.numpy().astype(np.float16))
        used += [[keys[j] for j in u] + [""] * (MOST_CLIPS - len(u)) for _, u in anchors]
        end = at + len(batch)
        if len(rows) == PART or end == len(order) or stop:
            mine = [keys[i] for i in order[end - len(used):end]]
            name = f"{len(done) + end:06d}-{copy}.npz"
            part = path / f"{name}.part"
            with open(part, "wb") as file:
                np.savez(file, keys=np.array(mine), rows=np.concatenate(rows),
                         used=np.array(used))
            os.replace(part, path / name)
            print(f"bank, copy {copy}: {end} of {len(order)}, {time.time() - start:.0f} s",
                  flush=True)
            rows, used = [], []
        if stop:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speech", type=Path, default=default_speech())
    parser.add_argument("--cache", type=Path, default=Path("build/cache"))
    parser.add_argument("--speaker", type=Path, default=SPEAKER_WEIGHTS)
    parser.add_argument("--copy", type=int, choices=range(COPIES), required=True)
    parser.add_argument("--options", type=json.loads, default={}, help="JSON of AnchorOptions")
    a = parser.parse_args()
    stop: list = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    signal.signal(signal.SIGINT, lambda *_: stop.append(1))
    torch.set_num_threads(1)
    make(a.speech, a.cache, a.speaker, a.copy, AnchorOptions(**a.options), stop)


if __name__ == "__main__":
    main()
