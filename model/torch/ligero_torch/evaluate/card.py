# SPDX-License-Identifier: Apache-2.0
"""Measures a model that ships and writes the scores into its card.

    python -m ligero_torch.evaluate.card model/pretrained/lgr-tse-small.safetensors

The card is the .md beside the weights; its section "## Scores" is replaced, the rest stays. Scores
that are newer than the weights are taken from --scores (JSON files of evaluate) and not measured
again.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from ..data import audio
from . import metrics

ROWS = (("clean", "all", "clean"),
        ("clean", "other sex", "clean, opposite sex"),
        ("clean", "pair FF", "clean, both female"),
        ("clean", "pair MM", "clean, both male"),
        ("clean", "target librispeech", "clean, target of LibriSpeech"),
        ("clean", "target speechocean762", "clean, target of speechocean762"),
        ("clean", "anchor of the same utterance",
         "clean, anchor cut from the target's utterance"),
        ("clean", "anchor of another utterance", "clean, anchor of another utterance"),
        ("noise", "all", "noise, 5 to 15 dB"),
        ("rooms", "all", "simulated rooms, RT60 0.2 to 0.6 s"))
COLUMNS = (("si_snr", "SI-SNR dB", "{:.2f}"), ("si_snri", "SI-SNRi dB", "{:.2f}"),
           ("estoi", "ESTOI", "{:.3f}"), ("pesq_wb", "PESQ wb", "{:.2f}"),
           ("unseparated", "unseparated", "{:.1f} %"), ("wrong", "wrong speaker", "{:.1f} %"),
           ("tsos", "TSOS", "{:.3f}"), ("tsos_b", "TSOS B", "{:.3f}"), ("stoi", "STOI", "{:.3f}"),
           ("pesq_nb_raw", "PESQ nb raw", "{:.2f}"))


def table(columns, rows) -> str:
    """Markdown of rows (label, means)."""
    lines = ["| | n | " + " | ".join(c[1] for c in columns) + " |",
             "|---" * (2 + len(columns)) + "|"]
    for label, means in rows:
        cells = [form.format(means[key]) if key in means else "" for key, _, form in columns]
        lines.append(f"| {label} | {means['count']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def measured(weights: Path, name: str, options: list[str], folder: Path) -> dict:
    """{system: {condition: {group: means}}} of one call of evaluate."""
    path = folder / f"{weights.stem}-{name}.json"
    if not path.exists() or path.stat().st_mtime < weights.stat().st_mtime:
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "ligero_torch.evaluate.score", "--json", str(path),
                   *options]
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
            raise audio.DataError("failed: " + " ".join(command[1:]))
    return json.loads(path.read_text())["results"]


def scores(weights: Path, folder: Path) -> str:
    """The text of the section."""
    conditions = ["--conditions", "clean", "noise", "rooms", "absent", "single"]
    both = measured(weights, "all", ["--weights", str(weights), *conditions], folder)
    mixture, (got,) = both.pop("mixture"), both.values()
    (_, tool), = measured(weights, "tool", ["--ligero", str(weights), "--fast"], folder).items()
    first, ours = got["clean"]["all"], tool["clean"]["all"]
    rows = [(f"the mixtures as they are, {c}", mixture[c]["all"])
            for c in ("clean", "noise", "rooms")]
    rows += [(label, got[c][g]) for c, g, label in ROWS if g in got.get(c, {})]
    return "\n\n".join([
        f"On {first['count']} two-talker mixtures (about 0 dB) of speakers never heard in training. "
        f"\nUnseparated: {metrics.UNSEPARATED}. Wrong speaker: {metrics.WRONG_SPEAKER}.",
        table(COLUMNS, rows),
        f"Target absent: the output is {-got['absent']['all']['level_db']:.1f} dB below the input. "
        f"Target alone: SI-SNR {got['single']['all']['si_snr']:.1f} dB.\n"
        f"Converted and run by ligero itself: {ours['si_snri']:.2f} dB, {ours['unseparated']:.1f} % "
        f"unseparated, {ours['wrong']:.1f} % wrong speaker.",
        f"Command: `./run card {weights}`."])


def main(argv=None) -> int:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("weights", type=Path)
    p.add_argument("--scores", type=Path, default=Path("build/eval"))
    a = p.parse_args(argv)
    card = a.weights.with_suffix(".md")
    try:
        if not card.is_file():
            raise audio.DataError(f"{card} is missing: a card to write the scores into")
        section = f"## Scores\n{scores(a.weights, a.scores)}\n\n"  # minutes: the rest is read after
        text, count = re.subn(r"(?ms)^## Scores\n.*?(?=^## |\Z)", lambda _: section,
                              card.read_text())
        if count != 1:
            raise audio.DataError(f"{card} has {count} sections '## Scores', expected one")
    except audio.DataError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    part = card.with_name(card.name + ".part")
    part.write_text(text)
    os.replace(part, card)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
