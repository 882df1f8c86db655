# SPDX-License-Identifier: Apache-2.0
"""Trains several networks from one seed by one recipe for the same steps, and scores them alike
(`python -m ligero_torch.train.compare`, `./run compare`).

    ... compare small-local small-global small --recipe ablation       the paper's Table 2 in small
    ... compare gated-crn-small-global gated-crn-small                 and Table 3
    ... compare --fixed 8 gated-crn-small                              does it learn eight mixtures?

Every argument is a config; its run lies in build/train/compare/<config>, and one that has ended is
not trained again. The table is printed, and written with --markdown and --json; where a system is
there with local and global features (LGR) and without, a second one has the two side by side.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from ..data import audio
from ..nets.config import ConfigError
from ..nets.systems import find_config
from . import runs

FIXED_STEPS = 500
ENOUGH_DB = {"voicefilter": 6.0}  # of gain on fixed mixtures; a mask leaves the mixture's phase
ENOUGH_DB_ELSE = 10.0
COLUMNS = (("si_snri", "SI-SNRi dB", 2), ("estoi", "ESTOI", 3), ("pesq_wb", "PESQ wb", 2),
           ("unseparated", "unseparated %", 1), ("wrong", "wrong speaker %", 1), ("tsos", "TSOS", 3))


def enough(config: str) -> float:
    """SI-SNR improvement, dB, at which a network has learnt a few fixed mixtures."""
    return ENOUGH_DB.get(find_config(config).system, ENOUGH_DB_ELSE)


def train(config: str, out: Path, a) -> None:
    """One run; raises DataError if it fails."""
    command = [sys.executable, "-m"]
    if a.processes > 1:
        command += ["torch.distributed.run", "--standalone", "--nproc-per-node", str(a.processes),
                    "-m"]
    command += ["ligero_torch.train.separator", "--recipe", a.recipe, "--config", config,
                "--out", str(out),
                "--speech", str(a.speech), "--cache", str(a.cache),
                "--threads", str(a.threads or max(1, (os.cpu_count() or 1) // a.processes))]
    if a.fixed:
        command += ["--fixed", str(a.fixed), "--until-gain", str(enough(config))]
    if a.batch:
        command += ["--batch", str(a.batch)]
    if a.steps or a.fixed:
        command += ["--steps", str(a.steps or FIXED_STEPS)]
    if subprocess.run(command).returncode:
        raise audio.DataError(f"the training of {config} failed")


def score(weights: Path, a) -> dict:
    """Means over the list, by group."""
    table = weights.with_name("scores.json")
    command = [sys.executable, "-m", "ligero_torch.evaluate.score", "--weights", str(weights),
               "--speech", str(a.speech), "--cache", str(a.cache), "--json", str(table)]
    if a.limit:
        command += ["--limit", str(a.limit)]
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
        raise audio.DataError(f"{weights} could not be scored")
    results = json.loads(table.read_text())["results"]
    results.pop("mixture", None)
    (conditions,) = results.values()
    return conditions["clean"]


def fixed_row(config: str, out: Path, a) -> dict:
    """What a network reaches on --fixed mixtures that are all it is trained on."""
    if not (out / "last.pt").exists():
        train(config, out, a)
    gain, steps, seconds = runs.last_row(out / "log.csv", "gain", "step", "seconds")
    return {"gain": gain, "enough": enough(config), "steps": int(steps), "minutes": seconds / 60.0}


def row(config: str, out: Path, a) -> dict:
    """Scores of a network after its training."""
    weights = out / "weights.safetensors"
    if not weights.exists():
        train(config, out, a)
    steps, seconds = runs.last_row(out / "log.csv", "step", "seconds")
    found = find_config(config)
    return {"system": found.system, "form": found.form, "steps": int(steps),
            "hours": seconds / 3600.0, **score(weights, a)}


def fixed_markdown(rows: dict[str, dict]) -> str:
    lines = ["| network | SI-SNRi dB | enough | steps | minutes |", "|---" * 5 + "|"]
    lines += [f"| {name} | {r['gain']:.1f} | {r['enough']:.0f} | {r['steps']} | {r['minutes']:.1f} |"
              for name, r in rows.items()]
    return "\n".join(lines) + "\n"


def side_by_side(rows: dict[str, dict]) -> str:
    """The paper's Table 3: each backbone in its own form and with LGR; "" where none has both."""
    lgr = {r["system"]: r["all"] for r in rows.values() if r["form"] == "lgr"}
    pairs = [(r, lgr[r["system"]]) for r in rows.values()
             if r["form"] != "lgr" and r["system"] in lgr]
    lines = ["| backbone | its own | SI-SNRi dB | with LGR | TSOS | with LGR |", "|---" * 6 + "|"]
    lines += [f"| {r['system']} | {r['form']} | {r['all']['si_snri']:.2f} | {both['si_snri']:.2f} | "
              f"{r['all']['tsos']:.3f} | {both['tsos']:.3f} |" for r, both in pairs]
    return "\n" + "\n".join(lines) + "\n" if pairs else ""


def markdown(rows: dict[str, dict]) -> str:
    lines = ["| network | steps | hours | " + " | ".join(c[1] for c in COLUMNS) + " |",
             "|---" * (3 + len(COLUMNS)) + "|"]
    for name, row in rows.items():
        cells = [f"{row['all'][key]:.{digits}f}" for key, _, digits in COLUMNS]
        lines.append(f"| {name} | {row['steps']} | {row['hours']:.2f} | " + " | ".join(cells)
                     + " |")
    return "\n".join(lines) + "\n" + side_by_side(rows)


def main(argv=None) -> int:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("configs", nargs="+")
    p.add_argument("--recipe", default="compare")
    p.add_argument("--steps", type=int, default=0,
                   help=f"instead of the recipe's, or of {FIXED_STEPS} with --fixed")
    p.add_argument("--batch", type=int, default=0, help="instead of the recipe's")
    p.add_argument("--fixed", type=int, default=0, metavar="N",
                   help="train on N fixed mixtures until they are learnt; fails where one is not")
    p.add_argument("--processes", type=int, default=1)
    p.add_argument("--threads", type=int, default=0,
                   help="of each process; default: the cores, shared out")
    p.add_argument("--limit", type=int, help="so many mixtures of lists/test.tsv")
    p.add_argument("--speech", type=Path, default=audio.default_speech())
    p.add_argument("--cache", type=Path, default=Path("build/cache"))
    p.add_argument("--out", type=Path,
                   help="default: build/train/compare, build/train/fixed with --fixed")
    p.add_argument("--markdown", type=Path)
    p.add_argument("--json", type=Path)
    a = p.parse_args(argv)
    a.out = a.out or Path("build/train", "fixed" if a.fixed else "compare")
    measure, table = (fixed_row, fixed_markdown) if a.fixed else (row, markdown)
    rows = {}
    try:
        names = {config: find_config(config).name for config in a.configs}
        for config, name in names.items():
            rows[name] = measure(config, a.out / Path(config).stem, a)
            print(table(rows), flush=True)
    except (ConfigError, audio.DataError) as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    if a.markdown:
        a.markdown.write_text(table(rows))
    if a.json:
        a.json.write_text(json.dumps(rows, indent=1))
    if a.fixed and any(r["gain"] < r["enough"] for r in rows.values()):
        print("error: not all mixtures were learnt", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
