"""Trains several networks from one seed by one recipe for the same steps, and scores them alike.

    python -m ligero_torch.compare small-local small-global small      the paper's Table 2 in small

Every argument is a config; its run lies in build/train/compare/<config>, and one that has ended is
not trained again. The table is printed, and written with --markdown and --json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from . import data, runs

COLUMNS = (("si_snri", "SI-SNRi dB", 2), ("wrong", "wrong speaker %", 1), ("tsos", "TSOS", 3))


def train(config: str, out: Path, a) -> None:
    """One run; raises DataError if it fails."""
    command = [sys.executable, "-m"]
    if a.processes > 1:
        command += ["torch.distributed.run", "--standalone", "--nproc-per-node", str(a.processes),
                    "-m"]
    command += ["ligero_torch.train", "--recipe", a.recipe, "--config", config, "--out", str(out),
                "--speech", str(a.speech), "--cache", str(a.cache),
                "--threads", str(max(1, (os.cpu_count() or 1) // a.processes))]
    if a.steps:
        command += ["--steps", str(a.steps)]
    if subprocess.run(command).returncode:
        raise data.DataError(f"the training of {config} failed")


def score(weights: Path, a) -> dict:
    """Means over the list, by group."""
    table = weights.with_name("scores.json")
    command = [sys.executable, "-m", "ligero_torch.evaluate", "--weights", str(weights), "--fast",
               "--speech", str(a.speech), "--cache", str(a.cache), "--json", str(table)]
    if a.limit:
        command += ["--limit", str(a.limit)]
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
        raise data.DataError(f"{weights} could not be scored")
    (conditions,) = json.loads(table.read_text())["results"].values()
    return conditions["clean"]


def markdown(rows: dict[str, dict]) -> str:
    lines = ["| network | steps | hours | " + " | ".join(c[1] for c in COLUMNS) + " |",
             "|---" * (3 + len(COLUMNS)) + "|"]
    for name, row in rows.items():
        cells = [f"{row['all'][key]:.{digits}f}" for key, _, digits in COLUMNS]
        lines.append(f"| {name} | {row['steps']} | {row['hours']:.2f} | " + " | ".join(cells)
                     + " |")
    return "\n".join(lines) + "\n"


def main(argv=None) -> int:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("configs", nargs="+")
    p.add_argument("--recipe", default="compare")
    p.add_argument("--steps", type=int, default=0, help="instead of the recipe's")
    p.add_argument("--processes", type=int, default=1)
    p.add_argument("--limit", type=int, help="so many mixtures of lists/test.tsv")
    p.add_argument("--speech", type=Path, default=data.default_speech())
    p.add_argument("--cache", type=Path, default=Path("build/cache"))
    p.add_argument("--out", type=Path, default=Path("build/train/compare"))
    p.add_argument("--markdown", type=Path)
    p.add_argument("--json", type=Path)
    a = p.parse_args(argv)
    rows = {}
    try:
        for config in a.configs:
            name = runs.find_config(config).name
            out = a.out / Path(config).stem
            weights = out / "weights.safetensors"
            if not weights.exists():
                train(config, out, a)
            steps, seconds = runs.last_row(out / "log.csv", "step", "seconds")
            rows[name] = {"steps": int(steps), "hours": seconds / 3600.0, **score(weights, a)}
            print(markdown(rows), flush=True)
    except data.DataError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    if a.markdown:
        a.markdown.write_text(markdown(rows))
    if a.json:
        a.json.write_text(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
