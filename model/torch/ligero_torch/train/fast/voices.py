# SPDX-License-Identifier: Apache-2.0
"""What the separator is told of a voice, and the lists with it.

A voice is [E + 514]: the speaker network's embedding, then the anchor's statistics (nets/bsrnn.py).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...data.audio import SAMPLE_RATE_HZ, DataError
from ...data.lists import read_list
from ...files.weights import read_tensors
from ...nets.bsrnn import Bsrnn
from ...nets.systems import find_config

ROOT = Path(__file__).resolve().parents[5]
SPEAKER_WEIGHTS = ROOT / "model" / "pretrained" / "lgr-tse-small.safetensors"


class SpeakerNetwork:
    """The frozen ECAPA-TDNN of `weights` (tensors ecapa.*), as bsrnn's configs have it.

    fingerprint: of its weights, hexadecimal. tensors: by name, as the file has them.
    """

    def __init__(self, weights: Path = SPEAKER_WEIGHTS):
        self.tensors = {k: v for k, v in read_tensors(weights).items() if k.startswith("ecapa.")}
        digest = hashlib.sha256()
        for name in sorted(self.tensors):
            digest.update(name[6:].encode() + self.tensors[name].numpy().tobytes())
        self.fingerprint = digest.hexdigest()[:8]
        self.net = Bsrnn(find_config("bsrnn-live")).eval().requires_grad_(False)
        state = self.net.state_dict()
        mine = {k for k in state if k.startswith("ecapa.") and not k.endswith("num_batches_tracked")}
        wrong = sorted(k for k in mine | set(self.tensors) if k not in mine
                       or k not in self.tensors or state[k].shape != self.tensors[k].shape)
        if wrong:
            raise DataError(f"{weights}: {len(wrong)} tensors do not fit the speaker network, "
                            f"first {wrong[0]}")
        self.net.load_state_dict({k: v.float() for k, v in self.tensors.items()}, strict=False)

    @torch.no_grad()
    def voice(self, anchor: Tensor) -> Tensor:
        """Anchors [B, n] -> voices [B, E + 514]."""
        return torch.cat([self.net.embed(anchor), self.net.local_maps(anchor)[0].flatten(1)], 1)


@dataclass
class Item:
    """One mixture of a list: target + interferer, and the voice that is asked for."""

    key: str
    mix: Tensor         # [n]
    target: Tensor
    interferer: Tensor
    voice: Tensor       # [E + 514]
    target_sex: str     # M, F or U
    interferer_sex: str
    anchor_seconds: float

    @property
    def same_sex(self) -> bool:
        return self.target_sex == self.interferer_sex


def listed(speech: Path, cache: Path, name: str, speaker: SpeakerNetwork) -> list[Item]:
    """The items of lists/<name>.tsv ("valid" or "test"), kept in the cache."""
    path = speech / "lists" / f"{name}.tsv"
    if not path.is_file():
        raise DataError(f"{path} is missing: a list of mixtures to validate on")
    digest = hashlib.sha256(speaker.fingerprint.encode() + path.read_bytes()).hexdigest()[:8]
    kept = cache / f"{name}-{digest}.pt"
    if not kept.is_file():
        items = []
        for it in read_list(path, speech):
            anchor = torch.from_numpy(it.anchor)
            items.append(dict(
                key=it.key, mix=torch.from_numpy(it.mix), target=torch.from_numpy(it.target),
                interferer=torch.from_numpy(it.interferer), voice=speaker.voice(anchor[None])[0],
                target_sex=it.row.get("target_sex", "U"),
                interferer_sex=it.row.get("interferer_sex", "U"),
                anchor_seconds=len(anchor) / SAMPLE_RATE_HZ))
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        torch.save(items, part)
        os.replace(part, kept)
    return [Item(**it) for it in torch.load(kept, weights_only=True)]
