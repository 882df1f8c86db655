# SPDX-License-Identifier: Apache-2.0
"""What each form of each system costs, beside the specification's figures: `./run systems`.

    python -m ligero_torch.bench.costs [--systems gated_crn ...] [--json]

Random weights of paper size are converted without their ECAPA-TDNN (a small one stands in: it runs
at enrolment only, and does not depend on the system), and the tools extract a recording: the form as
the paper has it offline, and its causal twin frame by frame. A network that needs no speaker has one
form, which is causal. The tools come from LIGERO and
LIGERO_CONVERT. Real-time factors are processor time, so that what else runs on the machine counts
little: the best of --repeat runs on one thread, with the loading of the model.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import resource
import sys
import tempfile
from pathlib import Path

import soundfile
import torch

from ..data.audio import DataError
from ..files.tools import run, tool
from ..nets.config import to_dict
from ..nets.systems import SYSTEMS, find_config, from_dict, make

DEMO = Path(__file__).resolve().parents[4] / "platforms" / "demo"
ANCHOR, MIXTURE = DEMO / "mixed_pair_anchor.flac", DEMO / "mixed_pair_mixture.flac"
HOP = "160"
ATTENTION_FRAMES = 100  # of the causal LGR-TSE
SMALL_ECAPA = {"channels": 64, "mfa": 96, "attention": 32, "se": 16}

# Trainable parameters without ECAPA, and multiply-accumulates per 10 ms frame with the local features
# folded, of the non-causal form: the specification's counts, sections 2.8 and 11.
SPECIFICATION = {
    ("voicefilter", "global"): (7_347_561, 94_000_152),
    ("voicefilter", "lgr"): (8_442_762, 94_000_152),
    ("speakerfilter", "local"): (16_783_829, 28_236_732),
    ("speakerfilter", "lgr"): (17_046_997, 28_236_732),
    ("gated_crn", "global"): (7_937_356, 14_299_778),
    ("gated_crn", "lgr"): (8_274_541, 14_299_778),
    ("tea_pse", "global"): (4_587_779, 69_775_296),
    ("tea_pse", "lgr"): (5_309_125, 69_775_296),
    ("lgr_tse", "local"): (15_347_295, 20_003_516),
    ("lgr_tse", "global"): (15_110_414, 20_003_516),
    ("lgr_tse", "lgr"): (15_610_463, 20_003_516),
}
# Of those, made once for each speaker and not for each frame: the embedding's share of the S-TCNs.
SPEAKER_MACS = {"tea_pse": 2 * 4 * 256 * 64}

COLUMNS = (("form", "form"), ("parameters", "parameters"), ("spec_parameters", "in the spec"),
           ("macs", "MACs/frame"), ("spec_macs", "in the spec"), ("file_mb", "file MB"),
           ("offline_rtf", "offline"), ("offline_mb", "MB"), ("live_rtf", "live"),
           ("live_mb", "MB"), ("latency_ms", "ms"))


NO_SPEAKER = "no speaker"  # the one form of a network that takes no profile; it is causal


def forms_of(system: str) -> list[str]:
    """Its forms, LGR last."""
    fields = {f.name: f for f in dataclasses.fields(SYSTEMS[system].Config)}
    return list(reversed(fields["form"].metadata["choices"])) if "form" in fields else [NO_SPEAKER]


def paper_values(system: str, form: str, causal: bool) -> dict:
    """The configuration of paper size as JSON values, with the small ECAPA."""
    name = "paper" if system == "lgr_tse" else system.replace("_", "-")
    if form == NO_SPEAKER:
        return to_dict(find_config(name))
    values = {**to_dict(find_config(name)), "form": form}
    values["ecapa"] = {**values["ecapa"], **SMALL_ECAPA}
    if causal:
        values.update(causal=True, input_level="window")
        if "window" in values.get("arn", {}):
            values["arn"] = {**values["arn"], "window": ATTENTION_FRAMES}
    return values


class Model:
    """A configuration with random weights as a model file, and what the tools say of it."""

    def __init__(self, values: dict, folder: Path):
        from safetensors.torch import save_file

        from ..files.export import exported_tensors

        self.folder = folder
        self.ligero = tool("LIGERO", "platforms/cli/ligero")
        torch.manual_seed(1)
        model = make(from_dict(values)).eval()
        save_file(exported_tensors(model), folder / "x.safetensors")
        (folder / "c.json").write_text(json.dumps(values))
        ecapa = model.ecapa.parameters() if getattr(model.config, "has_global", False) else ()
        self.parameters = (sum(p.numel() for p in model.parameters())
                           - sum(p.numel() for p in ecapa))
        self._convert("extract.lgm", "--only", "extract")
        self.profile = []
        if "form" in values:
            self._convert("whole.lgm")
            run(self.ligero, "enroll", "--model", folder / "whole.lgm", ANCHOR, "-o", folder / "p")
            self.profile = ["--profile", folder / "p"]
        info = json.loads(run(self.ligero, "info", "--json", folder / "extract.lgm"))
        self.file_mb = info["bytes"]["file"] / 1e6
        self.extract = next(g for g in info["graphs"] if g["name"] == "extract")

    def _convert(self, name, *options):
        run(tool("LIGERO_CONVERT", "converter/ligero-convert"), self.folder / "x.safetensors",
            "--config", self.folder / "c.json", "-o", self.folder / name, *options)

    def time(self, repeat: int, *options) -> tuple[float, float]:
        """Processor seconds for a second of sound, and megabytes of work memory."""
        seconds, memory = [], 0
        for _ in range(repeat):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            said = run(self.ligero, "extract", "--model", self.folder / "extract.lgm", *self.profile,
                       MIXTURE, "-o", self.folder / "y.wav", *options)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            memory = int(re.search(r"(\d+) bytes of work memory", said)[1])
        return min(seconds) / soundfile.info(MIXTURE).duration, memory / 1e6


def costs(system: str, form: str, repeat: int) -> dict:
    """One row of the table."""
    row = {"system": system, "form": form}
    row["spec_parameters"], row["spec_macs"] = SPECIFICATION.get((system, form), (None, None))
    with tempfile.TemporaryDirectory() as folder:
        model = Model(paper_values(system, form, False), Path(folder))
        row.update(parameters=model.parameters, macs=model.extract["macs_per_frame"],
                   file_mb=model.file_mb)
        row["offline_rtf"], row["offline_mb"] = model.time(repeat)
    with tempfile.TemporaryDirectory() as folder:
        live = Model(paper_values(system, form, True), Path(folder))
        row["live_rtf"], row["live_mb"] = live.time(repeat, "--stream", HOP)
        row.update(live_parameters=live.parameters, live_macs=live.extract["macs_per_frame"],
                   latency_ms=live.extract["latency"]["impulse_delay_ms"])
    return row


def cells(row: dict) -> list[str]:
    shown = {**row, "form": f"{row['system']}({row['form']})"}
    return [f"{value:.2f}" if isinstance(value, float) else str("-" if value is None else value)
            for value in (shown[key] for key, _ in COLUMNS)]


def main(argv=None) -> int:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--json", action="store_true")
    a = p.parse_args(argv)
    torch.set_num_threads(1)
    rows = []
    try:
        for system in a.systems:
            for form in forms_of(system):
                rows.append(costs(system, form, a.repeat))
                print(f"{system}({form})", file=sys.stderr, flush=True)
    except DataError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    if a.json:
        print(json.dumps(rows, indent=1))
        return 0
    table = [[title for _, title in COLUMNS], *map(cells, rows)]
    widths = [max(len(line[k]) for line in table) for k in range(len(COLUMNS))]
    for line in table:
        print("  ".join(text.ljust(w) if k == 0 else text.rjust(w)
                        for k, (text, w) in enumerate(zip(line, widths))))
    print("\nparameters without ECAPA-TDNN; MACs and file of the graph that extracts; offline, live: "
          "real-time factor\nand work memory of a recording of 4 s, of the form as it is and of its "
          "causal twin hop by hop; ms: the\nlatter's latency; a frame is a hop of the model, 10 ms but where its page says another")
    for system, macs in SPEAKER_MACS.items():
        if system in a.systems:
            print(f"{system}: {macs} of the specification's MACs are made once for each speaker here")
    return 0


if __name__ == "__main__":
    sys.exit(main())
