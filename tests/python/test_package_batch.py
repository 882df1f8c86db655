# SPDX-License-Identifier: Apache-2.0
"""Lists of recordings: each done once, resumed, failures told, inputs never overwritten."""

import os
import subprocess
import sys

import numpy as np
import pytest

import ligero
from ligero import batch, sound

from conftest import LIVE, PACKAGE, model_path, tool


@pytest.fixture
def archive(tmp_path, mixture, anchor):
    """A folder with 6 recordings, an enrolment, a profile and LIST.tsv."""
    sound.write_wav(tmp_path / "ann.wav", anchor, 16000)
    ligero.enroll(anchor, 16000, model=LIVE).save(tmp_path / "ann.profile")
    lines = ["# recording\tenrolment", ""]
    for k in range(6):
        sound.write_wav(tmp_path / f"r{k}.wav", mixture[k * 4000:k * 4000 + 16000], 16000)
        lines.append(f"r{k}.wav\tann.{'profile' if k % 2 else 'wav'}")
    (tmp_path / "LIST.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path


def start(archive, *options, out="out"):
    return batch.main([str(archive / "LIST.tsv"), "-o", str(archive / out), "--model", LIVE, *options])


def outputs(folder):
    return {p.name: p.read_bytes() for p in folder.glob("*.wav")}


def test_the_outputs_are_those_of_extract_on_any_number_of_workers(archive):
    assert start(archive, "--jobs", "1", out="one") == 0 and start(archive, "--jobs", "4", out="four") == 0
    voice = ligero.Voice.load(archive / "ann.profile")
    one = outputs(archive / "one")
    assert len(one) == 6 and one == outputs(archive / "four")
    expected = ligero.extract(archive / "r3.wav", voice=voice, model=LIVE)
    assert np.array_equal(sound.read_file(archive / "one/r3.wav")[0][:, 0], expected)
    assert (archive / "one" / batch.FAILURES).read_text() == "line\trecording\tenrolment\treason\n"


@pytest.mark.parametrize("samples", ["auto", "pcm16", "float"])
def test_samples_are_those_of_the_tools_option_of_that_name(archive, mixture, samples):
    """Of a recording with 16-bit samples, and of one with floats that is too loud for 16 bits."""
    sound.write_wav(archive / "f.wav", mixture[:16000].astype(np.float32) * np.float32(2.0 ** -12), 16000)
    (archive / "LIST.tsv").write_text("r0.wav\tann.profile\nf.wav\tann.profile\n")
    assert start(archive, "--samples", samples) == 0
    for name in ("r0.wav", "f.wav"):
        tool("extract", "--model", model_path(LIVE), "--profile", archive / "ann.profile", "--samples", samples,
             archive / name, "-o", archive / "tool.wav")
        expected, _ = sound.read_file(archive / "tool.wav")
        made, _ = sound.read_file(archive / "out" / name)
        assert made.dtype == expected.dtype and np.array_equal(made, expected)
    assert np.abs(sound.to_float(made)).max() >= 1.0 or samples == "pcm16"  # it is indeed too loud


def test_samples_of_another_kind_are_refused(archive, capsys):
    with pytest.raises(SystemExit) as refused:
        start(archive, "--samples", "int16")
    assert refused.value.code == 2 and "'pcm16'" in capsys.readouterr().err
    assert not (archive / "out").exists()


def test_a_second_start_makes_only_what_is_missing(archive, capsys):
    assert start(archive) == 0
    whole = outputs(archive / "out")
    (archive / "out/r2.wav").unlink()
    before = {p: p.stat().st_mtime_ns for p in (archive / "out").glob("*.wav")}
    assert start(archive) == 0 and "1 made, 5 already there" in capsys.readouterr().out
    assert outputs(archive / "out") == whole
    assert all(p.stat().st_mtime_ns == t for p, t in before.items())


def test_a_run_that_is_killed_leaves_whole_files_and_goes_on(archive):
    code = ("import os, sys; from ligero import batch, sound; real = sound.write_wav; n = [0]\n"
            "def write(*a):\n    n[0] += 1\n    if n[0] == 3: os._exit(9)\n    real(*a)\n"
            "sound.write_wav = write\nbatch.main(sys.argv[1:])")
    done = subprocess.run([sys.executable, "-c", code, str(archive / "LIST.tsv"), "-o",
                           str(archive / "out"), "--model", LIVE, "--jobs", "1"],
                          env={**os.environ, "PYTHONPATH": str(PACKAGE)})
    assert done.returncode == 9 and len(outputs(archive / "out")) == 2
    assert start(archive) == 0 and start(archive, out="fresh") == 0
    assert outputs(archive / "out") == outputs(archive / "fresh")


def test_what_fails_is_told_and_the_rest_goes_on(archive):
    (archive / "bad.wav").write_bytes(b"no sound")
    with open(archive / "LIST.tsv", "a") as file:
        file.write("none.wav\tann.wav\nbad.wav\tann.wav\nr0.wav\tr0.wav\nonly one field\n"
                   "a\tb\tc\n../r1.wav\tann.wav\nx.wav\t\n")
    assert start(archive) == 1
    rows = [r.split("\t") for r in (archive / "out" / batch.FAILURES).read_text().splitlines()[1:]]
    assert [int(r[0]) for r in rows] == list(range(9, 16))
    for row, message in zip(rows, ("No such file", "not a WAV", "line 3", "1 fields", "3 fields", "line 4",
                                   "2 fields")):
        assert message in row[3] or "not a sound file" in row[3], row
    assert len(outputs(archive / "out")) == 6


def test_an_output_never_overwrites_an_input(archive):
    before = outputs(archive)
    assert start(archive, out=".") == 1
    assert outputs(archive) == before
    assert (archive / batch.FAILURES).read_text().count("would overwrite an input") == 6


@pytest.mark.parametrize("content", [None, b"", b"\n\n# nothing\n"])
def test_a_list_that_cannot_be_read_or_is_empty(archive, capsys, content):
    (archive / "LIST.tsv").unlink()
    if content is not None:
        (archive / "LIST.tsv").write_bytes(content)
    assert start(archive) == 1 and "LIST.tsv" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made(archive, capsys):
    assert start(archive, out="ann.wav") == 1 and "folder" in capsys.readouterr().err
    (archive / "out" / batch.FAILURES).mkdir(parents=True)
    assert start(archive) == 1 and "cannot write" in capsys.readouterr().err


def test_two_nodes_of_a_ray_cluster_of_which_one_is_killed(archive):
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    os.environ["PYTHONPATH"] = str(PACKAGE)  # of the nodes' workers
    assert start(archive, "--jobs", "1", out="here") == 0
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        second = cluster.add_node(num_cpus=1)
        jobs, _ = batch.read_list(archive / "LIST.tsv", archive / "out")
        (archive / "out").mkdir()
        model = str(batch.find(LIVE).resolve())
        results = batch.run_on_ray(jobs, model, cluster.address)
        first = next(results)
        cluster.remove_node(second, allow_graceful=False)
        assert [first, *results] == [None] * 6
    finally:
        cluster.shutdown()
    assert outputs(archive / "out") == outputs(archive / "here")
