# SPDX-License-Identifier: Apache-2.0
"""Bad input is refused with an exception that says what was wrong and what was expected."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import ligero
from ligero import sound

from conftest import LIVE, PACKAGE, model_path

GOOD = np.zeros(16000, np.float32)


@pytest.mark.parametrize("x, rate, message", [
    (np.zeros((2, 3, 4), np.float32), 16000, "shape"),
    (np.zeros((100, 33), np.float32), 16000, "shape"),
    (np.zeros((100, 0), np.float32), 16000, "shape"),
    (np.float32(1.0), 16000, "shape"),
    (np.zeros(100, np.int32), 16000, "int32"),
    (np.zeros(100, np.uint8), 16000, "uint8"),
    (np.zeros(100, np.complex64), 16000, "complex64"),
    (np.zeros(100, np.float16), 16000, "float16"),
    (np.array(["a"]), 16000, "type"),
    ([[1.0], [1.0, 2.0]], 16000, "array"),
    (None, 16000, "type"),
    (np.zeros(0, np.float32), 16000, "empty"),
    (np.zeros((0, 2), np.float32), 16000, "empty"),
    (np.full(16000, 1e30, np.float32), 16000, "full scale"),
    (GOOD, None, "rate"),
    (GOOD, 0, "rate"),
    (GOOD, -16000, "rate"),
    (GOOD, 7999, "rate"),
    (GOOD, 192001, "rate"),
    (GOOD, 16000.5, "rate"),
    (GOOD, float("nan"), "rate"),
    (GOOD, "16 kHz", "rate"),
    (GOOD, True, "rate"),
])
def test_arrays_and_rates(voices, x, rate, message):
    for call in (lambda: ligero.extract(x, rate, voices[0]),
                 lambda: ligero.enroll([x] if isinstance(x, list) else x, rate, model=LIVE)):
        with pytest.raises(ligero.BadArgument, match=message):
            call()


def test_no_numbers_are_zero_and_warned_of(voices, mixture):
    x = mixture.astype(np.float32) / 32768
    clean, x[50:60] = x.copy(), np.nan
    clean[50:60] = 0
    with pytest.warns(ligero.SoundWarning, match="10 samples"):
        got = ligero.extract(x, 16000, voices[0])
    assert np.array_equal(got, ligero.extract(clean, 16000, voices[0]))


@pytest.mark.parametrize("content, message", [
    (b"", "empty"), (b"no sound at all", "not a "), (b"RIFF\0\0\0\0WAVE", "header"),
    (b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff", "header"),
    (b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", "header"),
    (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + b"\x07\0\1\0\x80\x3e\0\0\0\0\0\0\1\0\x08\0data\0\0\0\0", "coding 7"),
    (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + b"\1\0\1\0\x80\x3e\0\0\0\0\0\0\2\0\x10\0data\0\0\0\0", "empty"),
])
def test_files_that_are_no_sound(tmp_path, voices, content, message):
    file = tmp_path / "x.wav"
    file.write_bytes(content)
    with pytest.raises(ligero.BadArgument, match=message):
        ligero.extract(file, voice=voices[0])
    with pytest.raises(ligero.BadArgument, match=message):
        ligero.enroll(file, model=LIVE)


def test_files_and_models_that_are_not_there(tmp_path, voices):
    for path in (tmp_path / "none.wav", tmp_path, "none\0.wav"):
        with pytest.raises((ligero.BadArgument, ValueError)):
            ligero.extract(path, voice=voices[0])
    with pytest.raises(ligero.BadArgument, match="own"):
        ligero.extract(tmp_path / "none.wav", 16000, voices[0])
    for name in ("none", tmp_path / "none.lgm", b"bytes"):
        with pytest.raises(ligero.BadArgument, match="model"):
            ligero.enroll(GOOD, 16000, model=name)
    (tmp_path / "bad.lgm").write_bytes(model_path(LIVE).read_bytes()[:5000])
    with pytest.raises(ligero.BadModel):
        ligero.enroll(GOOD, 16000, model=tmp_path / "bad.lgm")


def test_recordings_that_hold_no_voice():
    for x, message in ((GOOD, "silent"), (GOOD[:8000], "at least 1 s"), ([], "no recording")):
        with pytest.raises(ligero.BadArgument, match=message):
            ligero.enroll(x, 16000, model=LIVE)


def test_voices_that_do_not_fit(tmp_path, voice, voices, mixture):
    with pytest.raises(ligero.BadArgument, match="family"):
        ligero.extract(mixture, 16000, voice, model=LIVE)
    with pytest.raises(ligero.BadArgument, match="family"):
        ligero.Stream(voice, model=LIVE)
    with pytest.raises(ligero.BadArgument):
        voice.similarity(voices[0])
    for bad in (None, "ann.profile", [], [voices[0], None], 3):
        with pytest.raises(ligero.BadArgument, match="voice"):
            ligero.extract(mixture, 16000, bad)
        with pytest.raises(ligero.BadArgument, match="voice"):
            ligero.Stream(bad)
    whole = bytes(voice)
    for data in (b"", b"x" * 500, whole[:-1], whole[:3000] + b"\1" + whole[3001:]):
        with pytest.raises((ligero.BadModel, ligero.BadArgument)):
            ligero.Voice.from_bytes(data)
    with pytest.raises(ligero.BadArgument):
        ligero.Voice.load(tmp_path / "none")
    with pytest.raises(ligero.LigeroError, match="none"):
        voice.save(tmp_path / "none" / "v")


@pytest.mark.parametrize("options", [
    {"rate": 0}, {"rate": 500000}, {"channels": 0}, {"channels": 33}, {"channels": "2"},
    {"channels": True}, {"block": -1.0}, {"block": 61.0}, {"block": float("nan")},
    {"block": 1.0, "look_ahead": 100.0}])
def test_options_of_a_stream(voices, options):
    with pytest.raises(ligero.BadArgument):
        ligero.Stream(voices[0], **options)


def test_blocks_of_a_stream(voices):
    with ligero.Stream(voices[0], channels=2) as stream:
        for x in (np.zeros(160, np.float32), np.zeros((160, 3), np.float32), np.zeros((160, 2), np.int8),
                  None, np.zeros((1, 160, 2), np.float32)):
            with pytest.raises(ligero.BadArgument):
                stream.process(x)
        with pytest.raises(ligero.BadArgument):
            stream.set_voice(voices[1], 1)
        assert not stream.process(np.zeros((160, 2), np.float32)).any()


def in_a_process(library, code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={**os.environ, "LIGERO_LIBRARY": str(library), "PYTHONPATH": str(PACKAGE)})
    assert done.returncode == 0, done.stderr
    return done.stdout


SAY = """
import ligero
try:
    ligero.models()
except ligero.LibraryError as e:
    print(e)
"""


def test_a_library_that_is_missing_or_of_another_version(tmp_path):
    assert "is not there" in in_a_process(tmp_path / "none.so", SAY)
    (tmp_path / "text.so").write_text("no library")
    assert "cannot be loaded" in in_a_process(tmp_path / "text.so", SAY)
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to make libraries of other versions")
    for source, message in (("int nothing;", "no ligero_version"),
                            ("unsigned ligero_version(void) { return 4; }", "version 4"),
                            ("unsigned ligero_version(void) { return 5; }", "another version")):
        (tmp_path / "x.c").write_text(source)
        library = tmp_path / f"{len(source)}.so"
        subprocess.run([compiler, "-shared", "-fPIC", tmp_path / "x.c", "-o", library], check=True)
        assert message in in_a_process(library, SAY)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(ligero.BadArgument, match="cannot write"):
        sound.write_wav(tmp_path / "none" / "x.wav", GOOD, 16000)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ligero.BadArgument, match="cannot write"):
        sound.write_wav(tmp_path / "folder", GOOD, 16000)
    assert os.listdir(tmp_path) == ["folder"]
