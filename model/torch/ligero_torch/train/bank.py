# SPDX-License-Identifier: Apache-2.0
"""What frozen speaker networks say of every training clip, computed once, so that no step runs them.

A row of the bank is the raw embedding, then the local maps, flat: the parts that the form has
and that are frozen (the local maps only where the local network is).
"""

from __future__ import annotations

import hashlib
import os
import sys
from math import prod
from pathlib import Path

import numpy as np
import torch

from ..data import audio, mixing
from ..nets.extractor import Extractor

VERSION = 2  # of how rows are computed; a bank of another is made anew
CROP_SECONDS = 2.0  # one length: allocators that keep freed memory would pile up many sizes


def standardise(ecapa, embeddings: np.ndarray) -> None:
    """Folds an affine map into the last layer of the frozen network so that `embeddings` [N, D]
    (its outputs on training clips) get zero mean and unit variance per dimension."""
    mean, std = embeddings.mean(0), embeddings.std(0) + 1e-6
    last = ecapa.fc.conv
    with torch.no_grad():
        last.weight.div_(torch.from_numpy(std).float()[:, None, None])
        last.bias.copy_((last.bias - torch.from_numpy(mean).float())
                        / torch.from_numpy(std).float())


def unpack(model, rows):
    """Rows [B, D] as (embedding [B, E] or None, maps: a list of [B, C_l, F_l], or ())."""
    embedding = None
    if model.config.has_global:
        size = model.config.ecapa.embedding
        embedding, rows = rows[:, :size], rows[:, size:]
    if not rows.shape[1]:
        return embedding, ()
    shapes = model.map_shapes
    parts = rows.split([prod(shape) for shape in shapes], 1)
    return embedding, [part.unflatten(1, shape) for part, shape in zip(parts, shapes)]


@torch.no_grad()
def rows(model: Extractor, anchors, lengths=None):
    """The bank's rows of anchors [B, m], float32 [B, D]. lengths: [B] samples where padded."""
    parts = []
    if model.config.has_global:
        parts.append(model.embed(anchors, lengths))
    if model.local_is_frozen:
        parts += [level.flatten(1) for level in model.local_maps(anchors, lengths)]
    return torch.cat(parts, 1)


def compute(model: Extractor, mixer: mixing.Mixer, clips, seed: int, batch: int = 8) -> np.ndarray:
    """float16 [clips, D]: one augmented crop of each clip of the mixer that `clips` names."""
    model.eval()
    rng = np.random.default_rng([seed, 77])
    out = []
    for start in range(0, len(clips), batch):
        part = clips[start:start + batch]
        n = int(CROP_SECONDS * audio.SAMPLE_RATE_HZ)
        crops = [mixer.augment_anchor(rng, mixer.anchor_crop(rng, i, n)) for i in part]
        lengths = torch.tensor([len(x) for x in crops]) if min(map(len, crops)) < n else None
        x = torch.from_numpy(np.stack([np.pad(x, (0, n - len(x))) for x in crops]))
        out.append(rows(model, x, lengths).numpy().astype(np.float16))
        if start // batch % 100 == 0:
            print(f"bank of voices: {start} of {len(clips)}", file=sys.stderr, flush=True)
    return np.concatenate(out)


def load(model: Extractor, mixer: mixing.Mixer, copies: int, seed: int, folder: Path) -> np.ndarray:
    """float16 [clips, copies, D], of `folder` where these networks made it before.

    Of several processes each makes its share of the copies.
    """
    o = mixer.options
    digest = hashlib.sha256(repr((VERSION, model.config.system, model.config.causal, seed, CROP_SECONDS,
                                  len(mixer.clips), o.anchor_eq, o.anchor_noise,
                                  o.anchor_reverb)).encode())
    frozen = ("ecapa.", "local.") if model.local_is_frozen else ("ecapa.",)
    for name, value in sorted(model.state_dict().items()):
        if name.startswith(frozen):
            digest.update(value.cpu().numpy().tobytes())
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"bank-{digest.hexdigest()[:16]}-{k}.npy" for k in range(copies)]
    several = torch.distributed.is_initialized()
    world = torch.distributed.get_world_size() if several else 1
    for k, path in enumerate(paths):
        if not path.is_file() and (not several or k % world == torch.distributed.get_rank()):
            part = path.with_suffix(".part.npy")
            np.save(part, compute(model, mixer, range(len(mixer.clips)), seed + k))
            os.replace(part, path)
    if several:
        torch.distributed.barrier()
    return np.stack([np.load(path) for path in paths], 1)
