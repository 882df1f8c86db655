# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of a fast run: written whole or not at all, and read in every form that exists.

    run      .pt of run.py: weights, averaged weights, Adam's moments by name, counters
    export   .safetensors of `export`: the whole system, averaged weights in f16
    older    either of them as the program wrote it that this one came from: the separator alone

In a run's checkpoint the tensors are the separator's alone, without the prefix `sep.`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ...data.audio import DataError
from ...files.weights import save_weights
from ...nets.bsrnn import BsrnnConfig, Separator
from ...nets.config import to_dict
from ...nets.systems import find_config, from_dict
from .voices import SpeakerNetwork

Weights = dict[str, Tensor]


@dataclass
class Checkpoint:
    """A separator and how far its training went."""

    config: BsrnnConfig
    averaged: Weights             # running mean of the weights: what is evaluated and exported
    model: Weights                # the weights that training goes on with
    optimizer: dict[str, dict[str, Tensor]] | None = None  # Adam's state by parameter
    step: int = 0
    hours_heard: float = 0.0      # of mixtures
    wall_hours: float = 0.0
    run_seconds: float = 0.0      # in this run alone: where its learning rate stands
    best: float = -99.0           # dB on the valid list
    speaker: str = ""             # fingerprint of the speaker network (voices.py)

    def separator(self, averaged: bool = True) -> Separator:
        """The plain network with one of the two sets of weights."""
        net = Separator(self.config)
        net.load_state_dict(self.averaged if averaged else self.model)
        return net.eval()


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a run's checkpoint; an interruption leaves the file that was there."""
    document = {**checkpoint.__dict__, "config": to_dict(checkpoint.config)}
    part = path.with_name(path.name + ".part")
    torch.save(document, part)
    os.replace(part, path)


def load(path: Path) -> Checkpoint:
    """Reads any of the forms; DataError where the file, a tensor or the configuration does not fit."""
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            checkpoint = _from_export(path)
        else:
            document = torch.load(path, map_location="cpu", weights_only=True)
            checkpoint = Checkpoint(_config(document.pop("config")), **document)
    except DataError as e:
        raise DataError(f"{path}: {e}") from None
    except Exception as e:  # each reader has errors of its own
        raise DataError(f"{path}: no checkpoint of bsrnn: {e}") from e
    for weights in (checkpoint.averaged, checkpoint.model):
        _check(path, checkpoint.config, weights)
    return checkpoint


def _config(values: dict) -> BsrnnConfig:
    """From its JSON values; the older program wrote sizes alone, of a network at the level of a
    window in form lgr, without an activity and without a bound of its cells."""
    if "system" in values:
        config = from_dict(values)
        if not isinstance(config, BsrnnConfig):
            raise DataError(f"a checkpoint of system {config.system}, expected bsrnn")
        return config
    size = "bsrnn" if values["blocks"] >= 8 else "bsrnn-small"
    config = find_config(size + ("-live" if values["causal"] else ""))
    if values["embedding"] != config.ecapa.embedding:
        raise DataError(f"an embedding of {values['embedding']} values, "
                        f"expected {config.ecapa.embedding}")
    sizes = {k: v for k, v in values.items() if k != "embedding"}
    return replace(config, activity=0, cell_limit=0.0, **sizes)


def _check(path: Path, config: BsrnnConfig, weights: Weights) -> None:
    expected = {k: tuple(v.shape) for k, v in Separator(config).state_dict().items()}
    found = {k: tuple(v.shape) for k, v in weights.items()}
    wrong = sorted(k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k))
    if wrong:
        raise DataError(f"{path}: {len(wrong)} tensors do not fit the network, first {wrong[0]}: "
                        f"{found.get(wrong[0])}, expected {expected.get(wrong[0])}")


FACTS = ("step", "hours_heard", "wall_hours", "speaker")


def _from_export(path: Path) -> Checkpoint:
    from safetensors import safe_open

    with safe_open(str(path), "pt") as file:
        meta = file.metadata() or {}
        weights = {k: file.get_tensor(k).float() for k in file.keys() if not k.startswith("ecapa.")}
    if "bsrnn" in meta:  # the older program's
        facts = json.loads(meta["bsrnn"])
        config = _config(facts["config"])
    elif "config" in meta:
        config = _config(json.loads(meta["config"]))
        facts = {k: type(getattr(Checkpoint, k))(meta[k]) for k in FACTS if k in meta}
    else:
        raise DataError("no configuration in the file, so no weights of a fast run")
    weights = {k.removeprefix("sep."): v for k, v in weights.items()}
    return Checkpoint(config, weights, {k: v.clone() for k, v in weights.items()},
                      **{k: facts[k] for k in FACTS if k in facts})


def export(path: Path, checkpoint: Checkpoint, speaker: SpeakerNetwork | None) -> None:
    """Writes the averaged weights (f16 safetensors, configuration in the metadata) and PATH's .json:
    the whole system, or the separator alone (None), which is enough to go on training from."""
    weights = {f"sep.{k}": v.half() for k, v in checkpoint.averaged.items()}
    for name, value in weights.items():
        if not torch.isfinite(value).all():
            raise DataError(f"{name} is not finite in f16")
    if speaker and checkpoint.config.has_global:
        weights |= speaker.tensors
    save_weights(path, weights, checkpoint.config,
                 {k: getattr(checkpoint, k) for k in FACTS})
    path.with_suffix(".json").write_text(json.dumps(to_dict(checkpoint.config), indent=2) + "\n")


def main(argv=None) -> int:
    """python -m ligero_torch.train.fast.checkpoint CHECKPOINT OUT.safetensors: exports."""
    import argparse
    import sys

    parser = argparse.ArgumentParser(description="Exports a checkpoint's averaged weights.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path, help="OUT.safetensors; OUT.json is written beside it")
    parser.add_argument("--alone", action="store_true", help="without the speaker network")
    a = parser.parse_args(argv)
    try:
        export(a.out, load(a.checkpoint), None if a.alone else SpeakerNetwork())
    except DataError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
