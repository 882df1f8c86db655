# SPDX-License-Identifier: Apache-2.0
"""How well profiles tell people apart: enrols clips of a split with the tool and compares their voices.

    python -m ligero_torch.evaluate.voices --model M.lgm --speech DIR [--split valid] [--clips 4]

DIR holds MANIFEST.tsv (speaker, path, seconds, split). Prints, for thresholds, how often two clips of
one person fall below (refused) and of two people reach it (accepted). This is where kSamePerson of
model/session/verify.h comes from.
"""

from __future__ import annotations

import argparse
import csv
import os
import struct
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

LEAST_SECONDS = 2.5
HEADER, ENTRY, NAME = 64, 128, 96  # bytes; model/format/profile.h


def voice_of(profile: bytes) -> np.ndarray:
    """The tensor profile.voice, of length one."""
    (count,) = struct.unpack_from("<I", profile, 12)
    for i in range(count):
        at = HEADER + ENTRY * i
        if profile[at:at + NAME].rstrip(b"\0") == b"profile.voice":
            dims = struct.unpack_from("<4i", profile, at + NAME + 4)
            (offset,) = struct.unpack_from("<Q", profile, at + NAME + 24)
            voice = np.frombuffer(profile, "<f4", int(np.prod(dims)), offset)
            return voice / np.linalg.norm(voice)
    raise SystemExit("the model's profiles hold no profile.voice")


def clips_of(speech: Path, split: str, most: int) -> list[tuple[str, Path]]:
    chosen = defaultdict(list)
    with open(speech / "MANIFEST.tsv", newline="") as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            if row["split"] == split and float(row["seconds"]) >= LEAST_SECONDS:
                chosen[row["speaker"]].append(speech / row["path"])
    return [(speaker, path) for speaker in sorted(chosen) for path in chosen[speaker][:most]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--split", default="valid")
    parser.add_argument("--clips", type=int, default=4, help="of each speaker, at most")
    args = parser.parse_args()
    tool = os.environ.get("LIGERO", "ligero")
    clips = clips_of(args.speech, args.split, args.clips)
    voices = []
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder, "p")
        for _, path in clips:
            subprocess.run([tool, "enroll", "--model", args.model, path, "-o", profile], check=True,
                           stdout=subprocess.DEVNULL)
            voices.append(voice_of(profile.read_bytes()))
    pairs = np.triu_indices(len(clips), 1)
    speakers = np.array([speaker for speaker, _ in clips])
    same = (speakers[:, None] == speakers)[pairs]
    cosine = (np.array(voices) @ np.array(voices).T)[pairs]
    print(f"{len(set(speakers))} speakers, {len(clips)} clips: {same.sum()} pairs of one person, "
          f"{(~same).sum()} of two")
    for threshold in np.arange(0.4, 0.91, 0.05):
        print(f"{threshold:.2f}  refused {100 * np.mean(cosine[same] < threshold):5.1f} %  "
              f"accepted {100 * np.mean(cosine[~same] >= threshold):5.1f} %")


if __name__ == "__main__":
    main()
