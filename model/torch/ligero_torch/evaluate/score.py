# SPDX-License-Identifier: Apache-2.0
"""Scores a model, or a folder of extracted WAV files, on a list.

    python -m ligero_torch.evaluate.score --weights W.safetensors [--list test.tsv] [--json OUT] ...
    python -m ligero_torch.evaluate.score --ligero M.lgm    the converted model, run by ligero itself
    python -m ligero_torch.evaluate.score --wavs DIR        DIR/<key>.wav, from any other tool

Conditions (rows): clean; noise (5 to 15 dB over the mixture, noises of the test split); rooms (RT60
0.2 to 0.6 s, target and interferer in one room, the anchor in another; the reference is the target
as the microphone hears it); absent (the interferer alone: level of the output over the input);
single (the target alone). All are functions of the list's keys.
Unseparated: an improvement below 1 dB. Wrong speaker: the output gains more on the interferer than on
the target. `--write-wavs DIR` writes the
inputs as DIR/<condition>/<key>.{mix,anchor}.wav for another program to extract from.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np

from ..data import audio, lists, low_cut
from ..data.corpus import Corpus, load_corpus
from ..files.tools import Ligero
from . import metrics
from .peers import PEERS

CONDITIONS = ("clean", "noise", "rooms", "absent", "single")
COLUMNS = (("si_snr", "SI-SNR dB", 2), ("si_snri", "SI-SNRi dB", 2), ("stoi", "STOI", 3),
           ("estoi", "ESTOI", 3), ("pesq_nb_raw", "PESQ nb raw", 2), ("pesq_wb", "PESQ wb", 2),
           ("unseparated", "unseparated %", 1), ("wrong", "wrong speaker %", 1),
           ("tsos", "TSOS", 3), ("tsos_b", "TSOS B", 3), ("level_db", "out/in dB", 1))


class Conditions:
    """Makes the inputs of one condition from a listed mixture."""

    def __init__(self, corpus: Corpus | None, cache: Path, split: str = "test"):
        self.corpus, self.cache, self.split = corpus, cache, split
        self._rooms = None

    def make(self, it: lists.Listed, condition: str):
        """(mix, target, interferer or None, anchor), float32; mix may hold noise besides."""
        rng = np.random.default_rng([zlib.crc32(it.key.encode()), CONDITIONS.index(condition)])
        if condition == "clean":
            return it.mix, it.target, it.interferer, it.anchor
        if condition == "absent":
            return it.interferer, np.zeros_like(it.target), None, it.anchor
        if condition == "single":
            return it.target, it.target, None, it.anchor
        if condition == "noise":
            noises = self.corpus.select(self.split, "noise")
            if not noises:
                raise audio.DataError(f"no noise in split '{self.split}'")
            clip = noises[int(rng.integers(len(noises)))]
            v = self.corpus.audio(clip)
            v = np.tile(v, len(it.mix) // len(v) + 2)
            at = int(rng.integers(0, clip.samples))
            v = v[at:at + len(it.mix)]
            gain = audio.rms(it.mix) / (audio.rms(v) + 1e-7) * 10 ** (-rng.uniform(5, 15) / 20)
            return it.mix + np.float32(gain) * v, it.target, it.interferer, it.anchor
        if self._rooms is None:
            from ..data.rooms import load_bank

            self._rooms = load_bank(self.cache, "test")
        t, v = self._rooms.place(rng, it.target, it.interferer)
        return t + v, t, v, self._rooms.place(rng, it.anchor, None)[0]


def same_utterance(row: dict) -> bool:
    """Whether anchor and target were cut from one utterance (files ending in _a and _b)."""
    a, t = (Path(row[k]).stem for k in ("anchor", "target"))
    return a[:-2] == t[:-2] and {a[-2:], t[-2:]} == {"_a", "_b"}


def _score(job):
    key, estimate, (mix, target, interferer), slow, condition = job
    out = {"key": key}
    level = lambda x: 10.0 * np.log10(np.mean(np.square(x, dtype=np.float64)) + 1e-12)
    if condition == "absent":
        out["level_db"] = float(level(estimate) - level(mix))
        return out
    out.update(metrics.score(estimate, target, None if condition == "single" else mix, interferer,
                             slow))
    return out


def groups(row: dict) -> list[str]:
    """Names of the rows that an item counts in, 'all' first."""
    corpus = {"librispeech": "librispeech", "speechocean762": "speechocean762"}
    pair = "".join(sorted(row.get("target_sex", "?") + row.get("interferer_sex", "?")))
    return ["all", "same sex" if pair in ("FF", "MM") else "other sex", f"pair {pair}",
            f"target {corpus.get(row['target'].split('/')[0], 'other corpus')}",
            "anchor of the same utterance" if same_utterance(row) else
            "anchor of another utterance"]


def summarise(items: list[dict], rows: dict[str, dict]) -> dict:
    """Mean of every column by group: {group: {"count": n, column: mean}}."""
    out: dict[str, dict] = {}
    members: dict[str, list[dict]] = {}
    for it in items:
        for g in groups(rows[it["key"]]):
            members.setdefault(g, []).append(it)
    for g in sorted(members, key=lambda g: (g != "all", g)):
        out[g] = {"count": len(members[g])}
        for name, _, _ in COLUMNS:
            v = np.array([m[name] for m in members[g] if name in m], float)
            v = v[np.isfinite(v)]
            if v.size:
                out[g][name] = float(v.mean())
    return out


def markdown(results: dict) -> str:
    """One table per system: condition and group down, columns across."""
    lines = [f"Unseparated: {metrics.UNSEPARATED}. Wrong speaker: {metrics.WRONG_SPEAKER}.", ""]
    for system, conditions in results.items():
        used = [c for c in COLUMNS if any(c[0] in g for t in conditions.values()
                                          for g in t.values())]
        lines += [f"**{system}**", "", "| condition | group | n | "
                  + " | ".join(c[1] for c in used) + " |", "|---" * (3 + len(used)) + "|"]
        for condition, table in conditions.items():
            for group, row in table.items():
                cells = [f"{row[n]:.{d}f}" if n in row else "" for n, _, d in used]
                lines.append(f"| {condition} | {group} | {row['count']} | "
                             + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def plot(path: Path, per_item: dict) -> None:
    """Sorted improvements of every system and condition."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(7, 4))
    for (system, condition), items in per_item.items():
        v = sorted(i["si_snri"] for i in items if "si_snri" in i)
        if v and system != "mixture":
            ax.plot(np.linspace(0, 100, len(v)), v, label=f"{system}, {condition} "
                    f"({np.mean(v):.2f} dB)")
    ax.axhline(metrics.UNSEPARATED_DB, color="grey", lw=0.7, ls="--")
    ax.set_xlabel("share of the list, %")
    ax.set_ylabel("SI-SNR improvement, dB")
    ax.grid(alpha=0.3)
    ax.legend()
    fig.tight_layout()
    fig.savefig(path, dpi=110)
    plt.close(fig)


def torch_extractor(weights: Path):
    """(name, function (mix [n], anchor [m]) -> estimate [n]) of a weights file."""
    import torch
    from safetensors import safe_open

    from ..files.weights import load_tensors, read_tensors
    from ..nets.systems import from_dict, load_config, make

    tensors = read_tensors(weights)
    with safe_open(str(weights), "pt") as f:
        meta = f.metadata() or {}
    config = (from_dict(json.loads(meta["config"])) if "config" in meta else
              load_config(weights.with_suffix(".json")))
    model = make(config).eval()
    load_tensors(model, tensors, str(weights))

    @torch.no_grad()
    def network(mix, anchor):
        return model(torch.from_numpy(mix[None]), torch.from_numpy(anchor[None]))[0][0].numpy()

    return config.name, lambda mix, anchor: low_cut.through(network, mix, anchor)


def main(argv=None) -> int:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--weights", type=Path, action="append", default=[])
    p.add_argument("--ligero", type=Path, action="append", default=[],
                   help="model file, or weights to convert, run by ligero")
    p.add_argument("--wavs", type=Path, action="append", default=[],
                   help="folder of <key>.wav, or <condition>/<key>.wav")
    p.add_argument("--peer", choices=PEERS, action="append", default=[])
    p.add_argument("--speech", type=Path, default=audio.default_speech())
    p.add_argument("--list", type=Path, help="default: lists/test.tsv of --speech")
    p.add_argument("--cache", type=Path, default=Path("build/cache"))
    p.add_argument("--conditions", nargs="+", choices=CONDITIONS, default=["clean"])
    p.add_argument("--limit", type=int)
    p.add_argument("--fast", action="store_true", help="SI-SNR and TSOS only")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--json", type=Path)
    p.add_argument("--markdown", type=Path)
    p.add_argument("--png", type=Path)
    p.add_argument("--write-wavs", type=Path, help="write the inputs here and end")
    p.add_argument("--write-outputs", type=Path, help="write the outputs as DIR/<condition>/<key>")
    p.add_argument("--strict", action="store_true")
    a = p.parse_args(argv)
    try:
        return _evaluate(a)
    except audio.DataError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1


def _wav_extractor(folder: Path, condition: str):
    base = folder / condition if (folder / condition).is_dir() else folder
    return lambda key: audio.read_audio(base / f"{key}.wav")


def _evaluate(a) -> int:
    from concurrent.futures import ProcessPoolExecutor

    import soundfile

    path = a.list or a.speech / "lists" / "test.tsv"
    bad = audio.BadLines(a.strict)
    corpus = (load_corpus(a.speech, a.cache, strict=a.strict) if "noise" in a.conditions
              else None)
    maker = Conditions(corpus, a.cache, "valid" if path.stem == "valid" else "test")
    items = list(lists.read_list(path, a.speech, a.strict, a.limit, bad))
    if a.write_wavs:
        for c in a.conditions:
            (a.write_wavs / c).mkdir(parents=True, exist_ok=True)
            for it in items:
                mix, _, _, anchor = maker.make(it, c)
                for name, x in (("mix", mix), ("anchor", anchor)):
                    soundfile.write(a.write_wavs / c / f"{it.key}.{name}.wav", x,
                                    audio.SAMPLE_RATE_HZ, "FLOAT")
        bad.report()
        return 0
    rows = {it.key: it.row for it in items}
    systems = [("mixture", None, None)] if not a.fast else []
    systems += [(*torch_extractor(w), None) for w in a.weights]
    systems += [(*PEERS[name](), None) for name in a.peer]
    scratch = tempfile.TemporaryDirectory()
    for m in a.ligero:
        folder = Path(scratch.name) / str(len(systems))
        folder.mkdir()
        systems.append((f"{m.stem} by ligero", Ligero(m, folder), None))
    systems += [(str(w), None, w) for w in a.wavs]
    results: dict = {}
    per_item: dict = {}
    with ProcessPoolExecutor(a.jobs) as pool:
        for name, run, folder in systems:
            for condition in a.conditions:
                if name == "mixture" and condition in ("absent", "single"):
                    continue
                read = _wav_extractor(folder, condition) if folder else None
                pending = []
                for k, it in enumerate(items):
                    *signals, anchor = maker.make(it, condition)
                    mix = signals[0]
                    if read:
                        try:
                            estimate = read(it.key)
                        except audio.DataError as e:
                            bad.add(f"{folder}/{it.key}.wav ({condition})", str(e))
                            continue
                    else:
                        estimate = mix if run is None else run(mix, anchor)
                    if a.write_outputs and run:
                        out = a.write_outputs / condition
                        out.mkdir(parents=True, exist_ok=True)
                        soundfile.write(out / f"{it.key}.wav", estimate, audio.SAMPLE_RATE_HZ, "FLOAT")
                    pending.append(pool.submit(_score, (it.key, estimate, signals, not a.fast,
                                                        condition)))
                    if sys.stderr.isatty():
                        print(f"\r{name} {condition} {k + 1}/{len(items)}", end="",
                              file=sys.stderr)
                scored = [f.result() for f in pending]
                if not scored:
                    continue
                per_item[name, condition] = scored
                results.setdefault(name, {})[condition] = summarise(scored, rows)
    text = markdown(results)
    print(text)
    bad.report()
    if a.markdown:
        a.markdown.write_text(text)
    if a.json:
        a.json.write_text(json.dumps({
            "list": path.name, "bad_lines": len(bad), "results": results,
            "items": {f"{s}/{c}": v for (s, c), v in per_item.items()}}, indent=1))
    if a.png:
        plot(a.png, per_item)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
