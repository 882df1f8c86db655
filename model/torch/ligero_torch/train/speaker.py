# SPDX-License-Identifier: Apache-2.0
"""Trains the speaker network (ECAPA-TDNN, spec 3) with additive angular margin softmax.

    python -m ligero_torch.train.speaker --config small --minutes 15 --out build/train/speaker

Classes are the training speakers at each speed. The equal-error rate on the held-out speakers of
the valid and test splits is printed at the end: all pairs of clips, cosine score.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from ..data import audio, mixing
from ..data.corpus import load_corpus
from ..nets.config import to_dict
from ..nets.ecapa import Ecapa
from ..nets.features import fbank
from ..nets.systems import find_config
from . import runs


class AamSoftmax(torch.nn.Module):
    """Additive angular margin softmax: cross entropy of s*cos(theta + m [y]); embeddings [B, D]."""

    def __init__(self, dim: int, classes: int, scale: float = 30.0):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.empty(classes, dim))
        torch.nn.init.xavier_normal_(self.weight)
        self.scale = scale

    def forward(self, e: torch.Tensor, y: torch.Tensor, margin: float):
        """Returns (loss, share of right answers)."""
        c = F.linear(F.normalize(e), F.normalize(self.weight)).clamp(-1 + 1e-6, 1 - 1e-6)
        own = c.gather(1, y[:, None])
        s = torch.sqrt(1.0 - own * own)
        moved = own * math.cos(margin) - s * math.sin(margin)
        # Past pi - m the angle would wrap: keep it monotone, as the reference recipes do.
        moved = torch.where(own > math.cos(math.pi - margin), moved,
                            own - math.sin(math.pi - margin) * margin)
        logits = self.scale * c.scatter(1, y[:, None], moved)
        right = (c.argmax(1) == y).float().mean()
        return F.cross_entropy(logits, y), right


class SpeakerBatches:
    """Element k: (crops float32 [B, n] augmented, class int64 [B]); a function of (seed, k)."""

    def __init__(self, mixer: mixing.Mixer, batch: int, steps: int, seconds: float, seed: int):
        self.mixer, self.batch, self.steps, self.seconds, self.seed = (mixer, batch, steps,
                                                                       seconds, seed)
        self.speakers = sorted(mixer.by_speaker)

    def __len__(self):
        return self.steps

    def __getitem__(self, k: int):
        rng = np.random.default_rng([self.seed, k, 2])
        n = int(self.seconds * audio.SAMPLE_RATE_HZ)
        who = rng.choice(len(self.speakers), self.batch, replace=False)
        x = np.empty((self.batch, n), np.float32)
        for i, s in enumerate(who):
            clips = self.mixer.by_speaker[self.speakers[s]]
            crop = self.mixer._crop(rng, clips[int(rng.integers(len(clips)))], n)
            x[i] = self.mixer.augment_anchor(rng, crop)
        return torch.from_numpy(x), torch.from_numpy(who.astype(np.int64))


def equal_error_rate(scores: np.ndarray, same: np.ndarray) -> float:
    """Rate at which false accepts equal false rejects; scores, same (bool) [N]."""
    order = np.argsort(-scores, kind="stable")
    same = same[order]
    accepted_same = np.cumsum(same)
    accepted_other = np.cumsum(~same)
    miss = 1.0 - accepted_same / max(accepted_same[-1], 1)
    alarm = accepted_other / max(accepted_other[-1], 1)
    i = int(np.argmin(np.abs(miss - alarm)))
    return float((miss[i] + alarm[i]) / 2.0)


@torch.no_grad()
def embed_clips(model, corpus, clips) -> np.ndarray:
    """Embeddings [N, D] of whole clips, one at a time (no padding)."""
    model.eval()
    return np.stack([model(fbank(torch.from_numpy(corpus.audio(c))[None]))[0].numpy()
                     for c in clips])


def held_out_eer(model, corpus, split: str) -> dict:
    """EER of a split over all pairs; `apart` leaves out pairs cut from one utterance (_a, _b)."""
    clips = corpus.select(split)
    e = embed_clips(model, corpus, clips)
    e = e / np.linalg.norm(e, axis=1, keepdims=True)
    i, j = np.triu_indices(len(clips), 1)
    score = np.sum(e[i] * e[j], axis=1)
    same = np.array([clips[a].base == clips[b].base for a, b in zip(i, j)])
    stem = [c.path.rsplit(".", 1)[0] for c in clips]
    cut = np.array([stem[a][:-2] == stem[b][:-2] and stem[a][-2:] in ("_a", "_b")
                    for a, b in zip(i, j)])
    return {"eer": equal_error_rate(score, same), "pairs": int(len(same)),
            "same": int(same.sum()), "eer_apart": equal_error_rate(score[~cut], same[~cut])}


def main(argv=None) -> int:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--config", default="small")
    p.add_argument("--speech", type=Path, default=audio.default_speech())
    p.add_argument("--cache", type=Path, default=Path("build/cache"))
    p.add_argument("--out", type=Path, default=Path("build/train/speaker"))
    p.add_argument("--minutes", type=float, default=15.0, help="wall-clock budget")
    p.add_argument("--steps", type=int, default=0, help="instead of --minutes")
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--seconds", type=float, default=2.0)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--margin", type=float, default=0.2)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--init", type=Path, help="speaker.pt to start from")
    p.add_argument("--bf16", action="store_true")
    p.add_argument("--strict", action="store_true")
    a = p.parse_args(argv)
    torch.manual_seed(a.seed)
    corpus = load_corpus(a.speech, a.cache, strict=a.strict)
    options = mixing.MixOptions(anchor_eq=0.5, anchor_noise=0.5, anchor_reverb=0.3)
    mixer = mixing.Mixer(corpus, "train", options, a.seed)
    cfg = find_config(a.config)
    model = Ecapa(cfg)
    batches = SpeakerBatches(mixer, a.batch, 1 << 30, a.seconds, a.seed)
    head = AamSoftmax(cfg.ecapa.embedding, len(batches.speakers))
    if a.init:
        ck = torch.load(a.init, weights_only=True)
        model.load_state_dict(ck["model"])
        if ck["head"]["weight"].shape == head.weight.shape:
            head.load_state_dict(ck["head"])
    opt = torch.optim.AdamW([*model.parameters(), *head.parameters()], lr=a.lr,
                            weight_decay=1e-4)
    print(f"{len(batches.speakers)} classes, {sum(q.numel() for q in model.parameters())} "
          f"parameters", flush=True)
    loader = iter(torch.utils.data.DataLoader(batches, batch_size=None, num_workers=1,
                                              sampler=range(a.steps or 1 << 22),
                                              prefetch_factor=4))
    log = runs.CsvLog(a.out / "log.csv")
    start, step, mean, hit = time.time(), 0, 0.0, 0.0
    while True:
        runs.pause_while(a.out.parent / "PAUSE")
        f = step / a.steps if a.steps else (time.time() - start) / (60.0 * a.minutes)
        if f >= 1.0:
            break
        for g in opt.param_groups:
            g["lr"] = a.lr * runs.warm_cosine(f, 0.05, 0.01)
        x, y = next(loader)
        model.train()
        with torch.no_grad():
            feats = fbank(x)
        with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
            e = model(feats)
        loss, right = head(e.float(), y, a.margin * min(1.0, f / 0.3))
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        opt.step()
        step += 1
        mean += (loss.item() - mean) / min(step, 50)
        hit += (right.item() - hit) / min(step, 50)
        if step % 50 == 0:
            print(f"step {step} {time.time() - start:.0f} s loss {mean:.3f} right {hit:.3f}",
                  flush=True)
            log.write({"step": step, "seconds": time.time() - start, "loss": mean, "right": hit})
        if step % 200 == 0:
            v = held_out_eer(model, corpus, "valid")
            print(f"  valid EER {100 * v['eer']:.2f} %", flush=True)
            runs.save_atomic({"name": a.config, "config": to_dict(cfg), "step": step,
                              "model": model.state_dict(), "head": head.state_dict()},
                             a.out / "speaker.pt")
    model.eval()
    runs.save_atomic({"name": a.config, "config": to_dict(cfg), "step": step,
                      "model": model.state_dict(), "head": head.state_dict()},
                     a.out / "speaker.pt")
    for split in ("valid", "test"):
        v = held_out_eer(model, corpus, split)
        print(f"{split}: EER {100 * v['eer']:.2f} % over {v['pairs']} pairs ({v['same']} same), "
              f"{100 * v['eer_apart']:.2f} % without pairs cut from one utterance", flush=True)
    print(f"{step} steps in {(time.time() - start) / 60:.1f} minutes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
