# SPDX-License-Identifier: Apache-2.0
"""ligero_torch.bench.cuda_peer with the processor in the GPU's place: the comparison itself."""

import pytest
import torch
from tools import CONVERT, LIGERO

from ligero_torch.bench import cuda_peer


@pytest.mark.skipif(not (LIGERO.exists() and CONVERT.exists()),
                    reason=f"no tools at {LIGERO} and {CONVERT}")
def test_both_compute_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("LIGERO", str(LIGERO))
    monkeypatch.setenv("LIGERO_CONVERT", str(CONVERT))
    torch.manual_seed(1)
    report = cuda_peer.compare("small", 1, "cpu", tmp_path)
    assert report["difference"] < 1e-4
    assert report["ligero_ms"] > 0 and report["pytorch_ms"] > 0


def test_a_gpu_that_is_not_there_is_skipped(capsys):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    assert cuda_peer.main([]) == 0
    assert "skipped" in capsys.readouterr().err


@pytest.mark.parametrize("difference, status", [(1e-5, 0), (1e-2, 1), (float("nan"), 1)])
def test_a_difference_is_a_failure(monkeypatch, capsys, difference, status):
    monkeypatch.setattr(cuda_peer, "compare",
                        lambda *_: {"difference": difference, "device": "cpu"})
    assert cuda_peer.main(["--device", "cpu"]) == status
    assert ("failed" in capsys.readouterr().err) == (status == 1)


def test_ligero_beside_the_gpu_is_a_failure(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "a GPU")
    assert cuda_peer.complaint({"difference": 0.0, "device": "a GPU"}, "cuda") == ""
    assert "cpu" in cuda_peer.complaint({"difference": 0.0, "device": "cpu"}, "cuda")
