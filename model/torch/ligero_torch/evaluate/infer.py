"""Offline extraction with PyTorch: one anchor, one mixture, one output file.

python -m ligero_torch.evaluate.infer --config C.json --checkpoint X --enroll A.wav MIX.wav -o OUT.wav
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy
import soundfile
import torch

from ..nets.config import ConfigError, load_config
from ..nets.features import SAMPLE_RATE_HZ
from ..nets.systems import make


class InputError(ValueError):
    """A file that cannot be used; the message says what, where and what was expected."""


def read_audio(file):
    """Samples of a 16 kHz mono file, float32 [1, samples]. Raises InputError."""
    try:
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as e:
        raise InputError(f"{file}: cannot be read as audio: {e}") from e
    if rate != SAMPLE_RATE_HZ or samples.shape[1] != 1:
        raise InputError(f"{file}: {rate} Hz, {samples.shape[1]} channels; expected "
                         f"{SAMPLE_RATE_HZ} Hz, 1 channel")
    if not len(samples):
        raise InputError(f"{file}: no samples; expected at least one")
    return torch.from_numpy(numpy.ascontiguousarray(samples[:, 0]))[None]


def read_tensors(file):
    """Tensors by name from a .safetensors file, or a .pt file of tensors only.

    A .pt file may hold the tensors under "average" (the first choice, as in ligero-convert), under
    "model" or at its top level. Raises InputError.
    """
    file = Path(file)
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file
            return load_file(file)
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as e:  # each reader has errors of its own
        raise InputError(f"{file}: cannot be read as a checkpoint: {e}") from e
    return content.get("average") or content.get("model", content)


def load_tensors(model, tensors, source="checkpoint"):
    """Puts tensors into a model; every one must fit. Raises InputError naming the first misfit."""
    own = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    given = {k: v for k, v in tensors.items() if not k.endswith("num_batches_tracked")}
    for name, tensor in own.items():
        if name not in given:
            raise InputError(f"{source}: tensor {name} is missing; expected {list(tensor.shape)}")
        if given[name].shape != tensor.shape:
            raise InputError(f"{source}: tensor {name} has shape {list(given[name].shape)}; "
                             f"expected {list(tensor.shape)}")
    for name, tensor in given.items():
        if name not in own:
            raise InputError(f"{source}: surplus tensor {name} of shape {list(tensor.shape)}; "
                             "expected none of this name")
    model.load_state_dict({k: v.to(own[k].dtype) for k, v in given.items()}, strict=False)


def load_model(config_file, checkpoint):
    """The network in eval mode. Raises ConfigError or InputError."""
    model = make(load_config(config_file)).eval()
    load_tensors(model, read_tensors(checkpoint), str(checkpoint))
    return model


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--enroll", required=True, metavar="ANCHOR")
    parser.add_argument("mix", metavar="MIX")
    parser.add_argument("-o", "--output", required=True)
    options = parser.parse_args(arguments)
    try:
        model = load_model(options.config, options.checkpoint)
        with torch.inference_mode():
            profile = model.enroll(read_audio(options.enroll))
            wave, _, _ = model.extract(read_audio(options.mix), profile)
        soundfile.write(options.output, wave[0].numpy(), SAMPLE_RATE_HZ, subtype="FLOAT")
    except (ConfigError, InputError, OSError, soundfile.LibsndfileError) as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
