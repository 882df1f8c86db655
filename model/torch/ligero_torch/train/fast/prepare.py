# SPDX-License-Identifier: Apache-2.0
"""Everything that training needs, made from nothing or taken from the cache."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from ...data.anchors import AnchorOptions, Bank, clip_key
from ...data.audio import DataError
from ...data.corpus import load_corpus
from ...data.rooms import TalkerRooms
from ...data.scenes import SceneOptions, Talkers
from . import bank, kernels
from .voices import Item, SpeakerNetwork, listed


class Stopped(Exception):
    """SIGTERM or SIGINT came while things were being prepared."""


class Stop:
    """SIGTERM and SIGINT: set `asked`, and raise Stopped unless `gently` is set. Python drops the
    exception if the signal meets a destructor or a fork, so that `check` must be called as well."""

    def __init__(self):
        self.asked = self.gently = False
        signal.signal(signal.SIGTERM, self._handle)
        signal.signal(signal.SIGINT, self._handle)

    def _handle(self, *_) -> None:
        self.asked = True
        if not self.gently:
            raise Stopped

    def check(self) -> None:
        if self.asked:
            raise Stopped


@dataclass
class Prepared:
    kernels: kernels.Kernels | None
    talkers: Talkers
    rooms: TalkerRooms | None
    valid: list[Item]
    speaker: SpeakerNetwork


def prepare(args: argparse.Namespace, stop: Stop) -> Prepared:
    """Makes what is missing of the kernels, the rooms, the decoded corpus, the anchor bank and the
    lists. Whatever is finished stays, so that a stopped preparation goes on."""
    start = time.time()
    options: SceneOptions = args.scenes

    def report(what: str) -> None:
        print(f"{time.time() - start:6.0f} s  {what}", flush=True)
        stop.check()

    try:
        fused = kernels.load(args.cache / "kernels", "plain" if args.plain else None)
    except kernels.KernelError as e:
        raise DataError(f"{e}\n--plain trains without the kernels, several times slower") from None
    report(f"kernels: {fused.variant if fused else 'none (plain f32)'}")
    drawn = TalkerRooms.load(args.cache, options.rt60) if options.rooms else None
    report("rooms: " + (f"{len(drawn.responses)}" if drawn else "none"))
    corpus = load_corpus(args.speech, args.cache, strict=args.strict)
    clips = corpus.select("train")
    report(f"corpus: {len(clips)} training clips, {corpus.bad} bad lines left out")
    speaker = SpeakerNetwork(args.speaker)
    path = bank.folder(args.cache, speaker.fingerprint, args.anchors)
    keys = {clip_key(c) for c in clips}
    missing = [c for c in range(bank.COPIES) if not keys <= bank.made(path, c)]
    if missing:
        make_bank(args, missing, stop)
    talkers = Talkers(corpus, Bank(path, clips))
    report(f"anchor bank: {len(talkers.bank.rows)} rows, {len(talkers.speakers)} speakers")
    valid = listed(args.speech, args.cache, "valid", speaker)
    report(f"valid list: {len(valid)} items")
    return Prepared(fused, talkers, drawn, valid, speaker)


def make_bank(args: argparse.Namespace, copies: list[int], stop: Stop) -> None:
    """Makes copies of the bank side by side, each in a process of its own."""
    anchors: AnchorOptions = args.anchors
    command = [sys.executable, "-W", "ignore", "-m", "ligero_torch.train.fast.bank",
               "--speech", str(args.speech), "--cache", str(args.cache),
               "--speaker", str(args.speaker), "--options", json.dumps(asdict(anchors))]
    processes = [subprocess.Popen([*command, "--copy", str(c)]) for c in copies]
    try:
        while any(p.poll() is None for p in processes):
            stop.check()
            time.sleep(0.5)
    except Stopped:
        for p in processes:
            p.terminate()  # it writes what it has
        for p in processes:
            p.wait()
        raise
    if any(p.returncode for p in processes):
        raise DataError("the anchor bank could not be made")
