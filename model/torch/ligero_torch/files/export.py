# SPDX-License-Identifier: Apache-2.0
"""Checkpoints and recorded activations for the C++ converter and its parity tests.

python -m ligero_torch.files.export --config C.json (--checkpoint X | --random SEED) -o X.safetensors
    [--f16] [--dump DIR --anchor A.wav --mix M.wav]

--random gives non-degenerate weights: batch-norm statistics, affine parameters, gates and PReLU
slopes all differ from their initial values, and activations keep a sane size through the depth.
--dump writes every tap as DIR/<graph>/<name>.npy (graph: enroll or extract), the inputs of both
graphs as DIR/inputs/{anchor,mix}_hops.npy [1 + H, 1, 160] with a final zero hop, and their lengths
in samples as DIR/inputs/lengths.json. The activations are those of the weights as written, so with
--f16 of the rounded ones.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file
from torch import nn

from ..data.audio import DataError, read_audio
from ..nets import features
from ..nets.arn import Arn
from ..nets.config import ConfigError
from ..nets.systems import load_config, make
from ..nets.taps import Recorder
from .weights import load_tensors, read_tensors

EXTRACT_PREFIXES = ("mix.", "sep.", "activity")
SHARPNESS = 8.0  # gain on random query weights
ENROLL_NAMES = ("sep.projection", "sep.embedding_normalised")  # run once per speaker


def exported_tensors(model, f16=False):
    """The state of a model by name, float32 or float16; counters of batch norm are left out."""
    kind = torch.float16 if f16 else torch.float32
    return {name: tensor.detach().to(kind).contiguous()
            for name, tensor in model.state_dict().items()
            if not name.endswith("num_batches_tracked")}


def _probe(samples, generator):
    """Noise with the envelope and spectral tilt of speech, [1, samples], for calibration only."""
    noise = torch.randn(samples, generator=generator)
    spectrum = torch.fft.rfft(noise)
    hz = torch.linspace(0.0, features.SAMPLE_RATE_HZ / 2, spectrum.numel())
    noise = torch.fft.irfft(spectrum / (1.0 + (hz / 500.0)), n=samples)
    seconds = torch.arange(samples) / features.SAMPLE_RATE_HZ
    envelope = 0.05 + torch.sin(2 * math.pi * 2.0 * seconds).clamp(min=0.0) ** 2
    wave = noise * envelope
    return (0.1 * wave / wave.square().mean().sqrt())[None]


def _spread(tensor, mean, deviation, generator):
    tensor.copy_(mean + deviation * torch.randn(tensor.shape, generator=generator))


@torch.no_grad()
def randomise(model, seed):
    """Non-degenerate random weights, the same for the same seed. Leaves the model in eval mode.

    Batch-norm statistics are those of a probe signal, disturbed; layers before a last, bounded
    activation are scaled so that it is neither linear nor saturated.
    """
    g = torch.Generator().manual_seed(seed)
    model.eval()
    for module in model.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.RNNBase)):
            for name, p in module.named_parameters(recurse=False):
                if p.dim() > 1:
                    transposed = isinstance(module, nn.ConvTranspose2d)
                    inputs = p[:, 0].numel() if transposed else p[0].numel()
                    _spread(p, 0.0, 1.0 / math.sqrt(inputs), g)
                else:
                    _spread(p, 0.0, 0.1, g)
        elif isinstance(module, (nn.LayerNorm, nn.BatchNorm1d, nn.BatchNorm2d)):
            _spread(module.weight, 1.0, 0.2, g)
            _spread(module.bias, 0.0, 0.2, g)
        elif isinstance(module, nn.PReLU):
            _spread(module.weight, 0.25, 0.1, g)
    for name, p in model.named_parameters():
        if name.rsplit(".", 1)[-1] in ("g_q", "g_k", "g_v"):
            _spread(p, 0.0, 1.0, g)
    model.randomise(g)
    # Without this the scores of attention are so small that every frame weighs the same.
    for module in model.modules():
        if isinstance(module, Arn):
            module.w_q.weight.mul_(SHARPNESS)

    def calibrate(norm, inputs):
        x = inputs[0].transpose(0, 1).flatten(1)
        if x.shape[1] > 1:
            deviation, mean = torch.std_mean(x, dim=1)
        else:  # one value per channel, as after pooling: subtracting it would leave nothing
            deviation, mean = x[:, 0].abs().mean().expand(x.shape[0]), torch.zeros(x.shape[0])
        # A channel that the probe hardly moves must not be amplified without bound.
        deviation = deviation.clamp(min=0.3 * deviation.mean())
        shape = mean.shape
        norm.running_mean.copy_(mean + 0.3 * deviation * torch.randn(shape, generator=g))
        norm.running_var.copy_((deviation.clamp(min=1e-3) * torch.exp(
            0.2 * torch.randn(shape, generator=g))).square())

    def scale_bounded(layer, inputs):
        layer.weight.mul_(0.7 / layer.forward(*inputs).std().clamp(min=1e-3))

    hooks = [m.register_forward_pre_hook(calibrate) for m in model.modules()
             if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]

    def scale_projection(projection, inputs):
        projection.weight.div_(inputs[0].std().clamp(min=1e-3))

    if hasattr(getattr(model, "sep", None), "projection"):
        hooks.append(model.sep.projection.register_forward_pre_hook(scale_projection))
    hooks += [m.register_forward_pre_hook(scale_bounded) for m in model.bounded_layers()]
    model(*(_probe(2 * features.SAMPLE_RATE_HZ, g) for _ in range(model.recordings)))
    for hook in hooks:
        hook.remove()


def record(model, anchor, mix):
    """Every tap of one enrolment and one extraction, {"enroll": {...}, "extract": {...}}.

    anchor, mix: [1, samples]. Names and layouts: taps.py and the modules.
    """
    with torch.no_grad(), Recorder() as recorder:
        model.extract(mix, model.enroll(anchor))
    graphs = {"enroll": {}, "extract": {}}
    for name, value in recorder.values.items():
        extract = name.startswith(EXTRACT_PREFIXES) and name not in ENROLL_NAMES
        graphs["extract" if extract else "enroll"][name] = value
    return graphs


def dump(model, anchor, mix, folder):
    """Writes `record` and the inputs as .npy files under `folder`."""
    folder = Path(folder)
    graphs = record(model, anchor, mix)
    graphs["inputs"] = {"anchor_hops": features.hops(anchor), "mix_hops": features.hops(mix)}
    for graph, values in graphs.items():
        (folder / graph).mkdir(parents=True, exist_ok=True)
        for name, value in values.items():
            numpy.save(folder / graph / f"{name}.npy", value.numpy())
    lengths = {"anchor_samples": anchor.shape[-1], "mix_samples": mix.shape[-1]}
    (folder / "inputs" / "lengths.json").write_text(json.dumps(lengths) + "\n", encoding="utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint")
    source.add_argument("--random", type=int, metavar="SEED")
    parser.add_argument("-o", "--output")
    parser.add_argument("--f16", action="store_true", help="write float16 tensors")
    parser.add_argument("--dump", metavar="DIR", help="write every activation; needs both below")
    parser.add_argument("--anchor")
    parser.add_argument("--mix")
    options = parser.parse_args(arguments)
    if not options.output and not options.dump:
        parser.error("nothing to do: expected -o, --dump or both")
    if options.dump and not (options.anchor and options.mix):
        parser.error("--dump: expected --anchor and --mix too")
    try:
        config = load_config(options.config)
        model = make(config).eval()
        if options.checkpoint:
            load_tensors(model, read_tensors(options.checkpoint), options.checkpoint)
        else:
            randomise(model, options.random)
        tensors = exported_tensors(model, options.f16)
        if options.f16:
            load_tensors(model, tensors)
        if options.output:
            save_file(tensors, options.output, metadata={
                "name": config.name, "licence": config.licence,
                "training_data": config.training_data})
        if options.dump:
            anchor, mix = (torch.from_numpy(read_audio(file))[None]
                           for file in (options.anchor, options.mix))
            dump(model, anchor, mix, options.dump)
    except (ConfigError, DataError, OSError) as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
