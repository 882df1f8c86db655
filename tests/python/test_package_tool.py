# SPDX-License-Identifier: Apache-2.0
"""The package gives what the tool gives, bit for bit."""

import numpy as np
import pytest

import ligero
from ligero import sound

from conftest import DEMO, LIVE, WHOLE, model_path, tool, write_floats

DEFAULT = "bsrnn-live-int8"


def by_tool(folder, model, mixture, anchors, *options):
    """(samples as written, profile) of the tool."""
    profile, out = folder / "p.profile", folder / "out.wav"
    tool("enroll", "--model", model_path(model), *anchors, "-o", profile)
    tool("extract", "--model", model_path(model), "--profile", profile, mixture, "-o", out, *options)
    return sound.read_file(out)[0][:, 0], profile.read_bytes()


@pytest.mark.parametrize("model", [DEFAULT, WHOLE, LIVE])
def test_a_recording_of_16_bits_gives_the_tools_profile_and_voice(tmp_path, model):
    mixture, anchor = DEMO / "mixed_pair_mixture.flac", DEMO / "mixed_pair_anchor.flac"
    expected, profile = by_tool(tmp_path, model, mixture, [anchor])
    voice = ligero.enroll(anchor, model=model)
    assert bytes(voice) == profile
    got = ligero.extract(mixture, voice=voice)
    assert got.dtype == np.int16 and np.array_equal(got, expected)


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_other_rates_channels_and_floats_are_the_tools(tmp_path, mixture, anchor, rate):
    x = mixture[:40000].astype(np.float32) / 32768
    # The last two, silence and an offset, are left out of the mean.
    stereo = np.stack([x, 0.3 * x[::-1], 1e-6 * x, np.full_like(x, 0.2)], axis=1)
    stereo[100, 0] = np.nan
    stereo[200, :3] = 100.0
    anchors = [write_floats(tmp_path / f"{k}.wav", a.astype(np.float32) / 32768, hz)
               for k, (a, hz) in enumerate(((anchor, rate), (anchor[:50000], 32000)))]
    file = write_floats(tmp_path / "mix.wav", stereo, rate)
    expected, profile = by_tool(tmp_path, LIVE, file, anchors)
    voice = ligero.enroll(anchors, model=LIVE)
    assert bytes(voice) == profile
    with pytest.warns(ligero.SoundWarning, match="3 samples"):
        got = ligero.extract(stereo, rate, voice)
    assert got.dtype == np.float32 and np.array_equal(got, expected)


@pytest.mark.parametrize("model", [WHOLE, LIVE])
def test_more_than_a_minute_runs_as_the_tool_runs_it(tmp_path, mixture, anchor, model):
    x = np.tile(mixture, 16)[:16000 * 61 + 77]
    x[16000 * 20:16000 * 23] = 0  # the network rests
    file = tmp_path / "long.wav"
    sound.write_wav(file, x, 16000)
    expected, _ = by_tool(tmp_path, model, file, [DEMO / "mixed_pair_anchor.flac"])
    got = ligero.extract(file, voice=ligero.enroll(anchor, 16000, model=model))
    assert np.array_equal(got, expected)


def test_a_stream_gives_the_tools_stream(tmp_path, mixture, anchor):
    file = tmp_path / "mix.wav"
    x = mixture.astype(np.float32) / 32768
    sound.write_wav(file, x, 16000)
    expected, _ = by_tool(tmp_path, LIVE, file, [DEMO / "mixed_pair_anchor.flac"], "--stream", 160)
    with ligero.Stream(ligero.enroll(anchor, 16000, model=LIVE)) as stream:
        got = np.concatenate([stream.process(x), stream.flush()])[stream.latency:]
    # Only the tool knows before the last hops that the recording ends.
    assert np.array_equal(got[:-stream.latency], expected[:-stream.latency])


def test_floats_of_integer_size_are_scaled_as_the_tool_does(tmp_path, mixture, voices):
    x = mixture.astype(np.float32)
    expected, _ = by_tool(tmp_path, LIVE, write_floats(tmp_path / "mix.wav", x, 16000),
                          [DEMO / "mixed_pair_anchor.flac"])
    with pytest.warns(ligero.SoundWarning, match="16-bit integers"):
        got = ligero.extract(x, 16000, voices[0])
    assert np.array_equal(got, expected)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
def test_wav_files_read_as_libsndfile_reads_them(tmp_path, mixture, subtype, form):
    soundfile = pytest.importorskip("soundfile")
    x = np.stack([mixture[:999], mixture[1:1000]], axis=1).astype(np.float64) / 32768
    soundfile.write(tmp_path / "x.wav", x, 22050, subtype=subtype, format=form)
    got, rate = sound.read_file(tmp_path / "x.wav")
    expected = soundfile.read(tmp_path / "x.wav", dtype="float32")[0]
    assert rate == 22050 and np.array_equal(sound.to_float(got), expected)
    soundfile.write(tmp_path / "y.wav", sound.to_float(got), 22050, subtype="FLOAT")
    assert np.array_equal(sound.read_file(tmp_path / "y.wav")[0], expected)


def test_what_write_wav_writes_is_read_by_libsndfile(tmp_path, mixture):
    soundfile = pytest.importorskip("soundfile")
    for x, kind in ((mixture[:99], "int16"), (mixture[:99].astype(np.float32), "float32")):
        sound.write_wav(tmp_path / "x.wav", x, 48000)
        got, rate = soundfile.read(tmp_path / "x.wav", dtype=kind)
        assert rate == 48000 and np.array_equal(got, x)
