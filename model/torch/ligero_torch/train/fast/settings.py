# SPDX-License-Identifier: Apache-2.0
"""The options of a fast run: a recipe's values, and the command line, which wins."""

from __future__ import annotations

import argparse
import math
from dataclasses import fields, replace
from pathlib import Path

from ...data.anchors import AnchorOptions
from ...data.audio import default_speech
from ...data.scenes import SceneOptions
from .voices import SPEAKER_WEIGHTS


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run train", description="Trains bsrnn with fused kernels, until it is stopped.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add("--recipe", default="bsrnn-live", help="recipes/<name>.json or a file")
    add("--config", default="bsrnn-live", help="configs/<name>.json or a file")
    add("--speech", type=Path, default=default_speech())
    add("--cache", type=Path, default=Path("build/cache"), help="4 GB, kept for the next run")
    add("--out", type=Path, help="the run's folder (build/train/RECIPE)")
    add("--speaker", type=Path, default=SPEAKER_WEIGHTS, help="weights whose ecapa.* is used")
    add("--init", type=Path, help="start from this checkpoint or exported network; where --config "
        "has more blocks or is not causal, it grows")
    add("--only", default="", metavar="PREFIX", help="train the parameters whose names begin so, such "
        "as activity, and leave all others as they are")
    add("--minutes", type=float, help="of the run, all its starts together; none: endless")
    add("--stop-hours", type=float, default=math.inf, help="end when so much was heard in total")
    add("--decay", action="store_true", help="cosine decay of --lr to 1 %% over --minutes")
    add("--lr", type=float, default=2e-3)
    add("--warm-up", type=int, default=200, help="steps, while Adam's moments are new")
    add("--batch", type=int, default=8)
    add("--frames", type=int, default=320, help="of an item, 10 ms each; a multiple of 32")
    add("--clip", type=float, default=5.0, help="norm of the gradient")
    add("--ema", type=float, default=0.999, help="decay of the averaged weights, per step")
    add("--seed", type=int, default=1)
    add("--plain", action="store_true", help="f32 PyTorch, without the kernels")
    add("--threads", type=int, default=2, help="each takes a part of the batch")
    add("--valid-minutes", type=float, default=10.0)
    add("--save-minutes", type=float, default=2.0)
    add("--strict", action="store_true", help="the first bad line of the manifest ends the run")
    group = parser.add_argument_group("scenes", "shares are probabilities; 0 turns a thing off")
    group.add_argument("--field", action="store_true", help=f"preset: {field_preset()}")
    for f in fields(SceneOptions):
        pair = isinstance(f.default, tuple)
        group.add_argument(
            f"--{f.name.replace('_', '-')}", type=float, nargs=2 if pair else None,
            default=argparse.SUPPRESS, metavar=("LOW", "HIGH") if pair else "SHARE",
            help=f"{f.metadata['help']} (default {_text(f.default)})")
    group.add_argument("--anchor-eq", type=float, metavar="SHARE", default=argparse.SUPPRESS,
                       help="anchors that pass a random filter of +-6 dB (default 0.4; where a "
                       "speaker has two clips, 0.7 and +-9 dB). Another share needs another bank")
    return parser


def parse(values: dict, argv=None) -> argparse.Namespace:
    """values: of the recipe. Adds `scenes` and `anchors`."""
    p = parser()
    known = {x.dest: x for x in p._actions}
    for name, value in values.items():
        if name not in known:
            p.error(f"recipe: unknown option {name}")
        if known[name].type is Path and value is not None:
            values = {**values, name: Path(value)}
    p.set_defaults(**values)
    a = p.parse_args(argv)
    a.out = a.out or Path("build/train") / Path(a.recipe).stem
    if a.decay and not a.minutes:
        p.error("--decay needs --minutes")
    if a.batch % (2 * a.threads) or a.frames % 32:
        p.error("--batch must be a multiple of twice the threads, --frames of 32")
    a.scenes = scene_options(a)
    eq = getattr(a, "anchor_eq", None)
    a.anchors = (AnchorOptions() if eq is None
                 else AnchorOptions(equalizer=eq, equalizer_pair=min(1.0, round(1.75 * eq, 6))))
    return a


def field_preset() -> str:
    """What --field changes, as options."""
    usual, changed = SceneOptions(), SceneOptions().for_field()
    names = [f.name for f in fields(SceneOptions)
             if getattr(changed, f.name) != getattr(usual, f.name)]
    return ", ".join(f"{name.replace('_', '-')} {_text(getattr(changed, name))}" for name in names)


def _text(value: float | tuple[float, float]) -> str:
    return " ".join(f"{x:.2g}" for x in (value if isinstance(value, tuple) else (value,)))


def scene_options(a: argparse.Namespace) -> SceneOptions:
    """The defaults or the preset, with the options that were given."""
    options = SceneOptions().for_field() if a.field else SceneOptions()
    given = {f.name: getattr(a, f.name) for f in fields(SceneOptions) if hasattr(a, f.name)}
    return replace(options, **{k: tuple(v) if isinstance(v, (list, tuple)) else v
                               for k, v in given.items()})
