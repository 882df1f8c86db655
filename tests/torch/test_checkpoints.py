# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that torch.save really writes, converted, against the same tensors as safetensors.

Not: hostile files (tests/converter).
"""

import argparse
import collections
import datetime
import json
import pathlib
import random
import subprocess
import types
import zipfile

import numpy
import pytest
import torch
from safetensors.torch import save_file
from tools import CONVERT, ROOT

from ligero_torch.nets.systems import from_dict, make
from ligero_torch.files.export import exported_tensors, randomise

TINY = json.loads((ROOT / "tests/golden/tiny.json").read_text())

pytestmark = pytest.mark.skipif(not CONVERT.exists(), reason=f"no tool at {CONVERT}")


def convert(checkpoint, folder):
    output = folder / "converted.lgm"
    output.unlink(missing_ok=True)
    done = subprocess.run([str(CONVERT), str(checkpoint), "--config", str(folder / "c.json"),
                           "-o", str(output)], capture_output=True, text=True)
    return (output.read_bytes() if output.exists() else None), done.stdout + done.stderr


@pytest.fixture(scope="module")
def model():
    model = make(from_dict(TINY))
    randomise(model, 3)
    return model


@pytest.fixture(scope="module")
def workplace(model, tmp_path_factory):
    """A folder with the configuration, and the model that the safetensors route makes."""
    folder = tmp_path_factory.mktemp("checkpoints")
    (folder / "c.json").write_text(json.dumps(TINY))
    save_file(exported_tensors(model), folder / "x.safetensors")
    expected, text = convert(folder / "x.safetensors", folder)
    assert expected, text
    return folder, expected


def training(model):
    optimizer = torch.optim.Adam(p for p in model.parameters() if p.requires_grad)
    for p in optimizer.param_groups[0]["params"]:
        p.grad = torch.zeros_like(p)
    optimizer.step()
    other = {k: v + 1 for k, v in model.state_dict().items()}
    return {"name": "x", "config": {"channels": [1, 2.5, None, True]}, "step": 2 ** 40,
            "model": other, "average": model.state_dict(), "optimizer": optimizer.state_dict(),
            "rng": torch.get_rng_state(), "size": torch.Size([1, 2])}


def in_one_storage(model):
    """Every tensor a view of one buffer, some of them transposed in it."""
    tensors = model.state_dict()
    floats = {k: v for k, v in tensors.items() if v.is_floating_point()}
    buffer = torch.cat([(v.t().contiguous() if v.dim() == 2 else v).flatten()
                        for v in floats.values()])
    at = 0
    out = {k: v for k, v in tensors.items() if k not in floats}
    for name, value in floats.items():
        shape = value.t().shape if value.dim() == 2 else value.shape
        part = buffer[at:at + value.numel()].view(shape)
        out[name] = part.t() if value.dim() == 2 else part
        at += value.numel()
    return out


def harmless():
    """What trainers store beside the weights, none of it code."""
    return {"best": numpy.float64(1.5), "count": numpy.int64(3), "flag": numpy.bool_(True),
            "curve": numpy.arange(3), "rng": numpy.random.get_state(),
            "generator": numpy.random.default_rng(1),
            "args": argparse.Namespace(lr=1, folder=pathlib.Path("a/b")),
            "space": types.SimpleNamespace(a=1), "lists": collections.defaultdict(list, {"a": [1]}),
            "counter": collections.Counter("aab"), "set": {1, 2}, "frozen": frozenset([1]),
            "path": pathlib.Path("/x/y"), "when": datetime.datetime(2024, 1, 1),
            "device": torch.device("cpu"), "dtype": torch.float32, "bytes": b"abc",
            "queue": collections.deque([1, 2], maxlen=3), "python": random.getstate(),
            "array": bytearray(b"x"), "large": 1 << 4000, "range": range(3), "z": complex(1, 2),
            "loss": torch.tensor(0.5), "mask": torch.tensor([True]), "short": torch.ones(2).short()}


LAYOUTS = {
    "state dict": lambda m: m.state_dict(),
    "plain dict": lambda m: dict(m.state_dict()),
    "parameters": lambda m: {**m.state_dict(), **dict(m.named_parameters())},
    "under model": lambda m: {"model": m.state_dict(), "epoch": 3},
    "under state_dict": lambda m: {"state_dict": collections.OrderedDict(m.state_dict())},
    "parallel": lambda m: {f"module.{k}": v for k, v in m.state_dict().items()},
    "lightning": lambda m: {"state_dict": {f"model.{k}": v for k, v in m.state_dict().items()},
                            "hyper_parameters": argparse.Namespace(lr=1e-3)},
    "compiled": lambda m: {f"module._orig_mod.{k}": v for k, v in m.state_dict().items()},
    "averaged": lambda m: torch.optim.swa_utils.AveragedModel(m).state_dict(),
    "harmless objects": lambda m: {"model_state_dict": m.state_dict(), **harmless()},
    "doubles": lambda m: {k: v.double() for k, v in m.state_dict().items()},
    "training": training,
    "one storage": in_one_storage,
}


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_torch_saves_gives_the_same_model(layout, protocol, model, workplace):
    folder, expected = workplace
    torch.save(LAYOUTS[layout](model), folder / "x.bin", pickle_protocol=protocol)
    made, text = convert(folder / "x.bin", folder)
    assert made == expected, text


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision(kind, model, tmp_path):
    (tmp_path / "c.json").write_text(json.dumps(TINY))
    tensors = {k: v.to(kind) for k, v in exported_tensors(model).items()}
    save_file(tensors, tmp_path / "x.safetensors")
    torch.save(tensors, tmp_path / "x.pth")
    expected, text = convert(tmp_path / "x.safetensors", tmp_path)
    assert expected, text
    assert convert(tmp_path / "x.pth", tmp_path)[0] == expected


def test_a_deflated_archive(model, workplace):
    folder, expected = workplace
    torch.save(model.state_dict(), folder / "x.pt")
    with zipfile.ZipFile(folder / "x.pt") as stored, \
            zipfile.ZipFile(folder / "deflated.pt", "w", zipfile.ZIP_DEFLATED) as deflated:
        for name in stored.namelist():
            deflated.writestr(name, stored.read(name))
    made, text = convert(folder / "deflated.pt", folder)
    assert made == expected, text


def test_a_zip_bomb_is_refused(workplace):
    folder, _ = workplace
    with zipfile.ZipFile(folder / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", bytes(200_000_000))
    made, text = convert(folder / "bomb.pt", folder)
    assert made is None and "would unpack" in text


class OwnClass:
    pass


class Evil:
    def __reduce__(self):
        return print, ("ran",)


@pytest.mark.parametrize("content, name", [
    (lambda m: m, "ligero_torch.nets.lgr_tse.LgrTse"),
    (lambda m: {"model": m.state_dict(), "x": Evil()}, "print"),
    (lambda m: {"model": m.state_dict(), "x": OwnClass()}, "OwnClass"),
])
def test_code_in_a_checkpoint_is_named_and_never_run(content, name, model, workplace):
    folder, _ = workplace
    torch.save(content(model), folder / "x.pt")
    made, text = convert(folder / "x.pt", folder)
    assert made is None
    assert "byte" in text and name in text and "ran\n" not in text


@pytest.mark.parametrize("wrapper", ["model.", "net.module."])
def test_a_prefix_of_all_names_in_safetensors(wrapper, model, workplace):
    folder, expected = workplace
    save_file({wrapper + k: v for k, v in exported_tensors(model).items()}, folder / "p.safetensors")
    made, text = convert(folder / "p.safetensors", folder)
    assert made == expected, text


def test_the_old_format_is_named(model, workplace):
    folder, _ = workplace
    torch.save(model.state_dict(), folder / "old.pt", _use_new_zipfile_serialization=False)
    made, text = convert(folder / "old.pt", folder)
    assert made is None and "before 1.6" in text
