# SPDX-License-Identifier: Apache-2.0
"""The paper's data, joined from a made-up LibriSpeech, LibriMix metadata and lists."""

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "model" / "torch"))

import tools  # noqa: E402
from ligero_torch.data import audio, mixing  # noqa: E402
from ligero_torch.data.lists import read_list  # noqa: E402


def libri(tmp_path):
    """A LibriSpeech of three readers, LibriMix metadata and the lists of one test mixture."""
    import soundfile

    rng = np.random.default_rng(3)
    root = tmp_path / "LibriSpeech"
    for subset, readers in (("train-clean-100", (1, 2)), ("train-clean-360", (3,)),
                            ("test-clean", (8, 9))):
        for r in readers:
            for u in range(3):
                p = root / subset / str(r) / "5" / f"{r}-5-000{u}.flac"
                p.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(p, tools.tone(rng, 1.0 + 0.1 * u, 100 + 40 * r), 16000)
    (root / "SPEAKERS.TXT").write_text("; ID\n1 | F | x\n2 | M | x\n8 | F | x\n9 | M | x\n")
    meta = tmp_path / "metadata"
    meta.mkdir()
    head = "mixture_ID,source_1_path,source_1_gain,source_2_path,source_2_gain,noise_path,noise_gain\n"
    (meta / "libri2mix_train-clean-100.csv").write_text(
        head + "1-5-0000_2-5-0001,a,0.5,b,0.25,n,1\n1-5-0001_2-5-0002,a,0.5,b,0.25,n,1\n")
    (meta / "libri2mix_train-clean-360.csv").write_text(head)
    (meta / "libri2mix_test-clean.csv").write_text(head + "8-5-0000_9-5-0001,a,0.5,b,0.25,n,1\n")
    lists = tmp_path / "lists"
    for split, utts in (("cv", ("1-5-0001", "2-5-0002")), ("tt", ("8-5-0000", "9-5-0001"))):
        (lists / split).mkdir(parents=True)
        name = "_".join(utts)
        rows = {"mix": [], "ref": [], "aux": []}
        for side in (0, 1):
            aux = utts[side][:-1] + ("2" if utts[side][-1] != "2" else "0")
            key = f"s{side}_{name}_{aux}"
            rows["mix"].append(f"{key} /x/wav8k/min/test/mix_clean/{name}.wav")
            rows["ref"].append(f"{key} /x/wav8k/min/test/s{side + 1}/{name}.wav")
            rows["aux"].insert(0, f"{key} /y/{aux}.flac")  # another order: join by key
        for k, v in rows.items():
            (lists / split / f"{k}.scp").write_text("\n".join(v) + "\n")
    return root, meta, lists


def test_libri2talker_joins_by_key_mixes_and_resumes(tmp_path, capsys):
    import soundfile

    from ligero_torch.data import libri2talker

    root, meta, lists = libri(tmp_path)
    out = tmp_path / "out"
    assert libri2talker.build(root, meta, lists, out, write_wavs=True) == 3  # counts are not 6000
    said = capsys.readouterr()
    assert "test: 2 items, expected 6000" in said.out and "drawn with seed 72" in said.err
    items = list(read_list(out / "test.tsv", root, strict=True))
    assert len(items) == 2 and items[1].row["target_sex"] == "M"
    assert items[0].row["anchor"].endswith("8-5-0002.flac")
    wav = out / "wav16k/min/test/mix_clean/8-5-0000_9-5-0001.wav"
    mix, rate = soundfile.read(wav, dtype="float32")
    assert rate == 16000 and len(mix) == 16000  # min: the shorter source
    assert np.abs(mix - items[0].mix).max() < 1e-4
    train = audio.read_tsv(out / "train.tsv")  # the cv mixture is left out; anchors are neither
    assert len(train) == 2 and all(r["anchor"] not in (r["target"], r["interferer"])
                                   for r in train)
    before = wav.stat().st_mtime_ns
    other = wav.parent.parent / "s1" / wav.name
    other.write_bytes(b"cut short")
    libri2talker.build(root, meta, lists, out, write_wavs=True)
    assert other.stat().st_size == 44 + 2 * 16000  # an interrupted file is made again
    before = wav.stat().st_mtime_ns
    libri2talker.build(root, meta, lists, out, write_wavs=True)
    assert wav.stat().st_mtime_ns == before
    m = libri2talker.Libri2TalkerMixer(out, "train", mixing.MixOptions(seconds=0.5), 1)
    a, b = m.item(3), libri2talker.Libri2TalkerMixer(out, "train", mixing.MixOptions(seconds=0.5),
                                                     1).item(3)
    assert np.array_equal(a["mix"], b["mix"]) and a["mix"].shape == (8000,)


def test_libri2talker_says_what_is_missing(tmp_path, capsys):
    from ligero_torch.data import libri2talker

    root, meta, lists = libri(tmp_path)
    (root / "test-clean/9/5/9-5-0001.flac").unlink()
    assert libri2talker.build(root, meta, lists, tmp_path / "out") == 3
    assert "no 9-5-0001" in capsys.readouterr().err
    (meta / "libri2mix_test-clean.csv").unlink()
    with pytest.raises(audio.DataError, match="libri2mix_test-clean.csv is missing"):
        libri2talker.build(root, meta, lists, tmp_path / "out")
