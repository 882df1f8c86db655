# SPDX-License-Identifier: Apache-2.0
"""Voices, streams, threads and lifetimes of the package."""

import gc
import inspect
import pickle
import threading

import numpy as np
import pytest

import ligero

from conftest import DEMO, LIVE, WHOLE


def run(stream, x, step=160):
    return np.concatenate([stream.process(x[k:k + step]) for k in range(0, len(x), step)])


def test_models_names_the_default_first():
    names = [m.name for m in ligero.models()]
    assert names[0] == "bsrnn-live-int8" and {WHOLE, LIVE} <= set(names)
    assert {m.name: m.live for m in ligero.models()}[WHOLE] is False
    assert all(m.rate_hz == 16000 and m.takes_profile and m.path.is_file() for m in ligero.models())


def test_a_voice_survives_bytes_files_and_pickle(tmp_path, voice, mixture):
    voice.save(tmp_path / "v")
    expected = ligero.extract(mixture, 16000, voice)
    for again in (ligero.Voice.load(tmp_path / "v"), ligero.Voice.from_bytes(bytes(voice)),
                  pickle.loads(pickle.dumps(voice))):
        assert bytes(again) == bytes(voice) == (tmp_path / "v").read_bytes()
        assert np.array_equal(ligero.extract(mixture, 16000, again), expected)
    assert pickle.loads(pickle.dumps(voice)).report == voice.report
    assert voice.similarity(voice) == pytest.approx(1.0, abs=1e-6)


def test_arrays_of_any_layout_give_the_same(voice, mixture):
    expected = ligero.extract(mixture, 16000, voice)
    apart = np.empty((len(mixture), 3), np.int16)
    apart[:, 1] = mixture
    locked = mixture.copy()
    locked.flags.writeable = False
    for x in (apart[:, 1], locked, mixture[:, None], np.repeat(mixture[:, None], 2, axis=1),
              mixture.astype(">i2"), list(mixture.astype(np.float64) / 32768)):
        got = ligero.extract(x, 16000, voice)
        if got.dtype == np.int16:
            assert np.array_equal(got, expected)
        else:
            assert np.abs(got * 32768 - expected).max() <= 0.5


def test_several_voices_are_each_voice_alone(voices, mixture):
    x = mixture[:20000].astype(np.float32) / 32768
    alone = [ligero.extract(x, 16000, v) for v in voices]
    assert np.array_equal(ligero.extract(x, 16000, voices), alone)
    assert not np.array_equal(*alone)
    single = []
    for v in voices:
        with ligero.Stream(v, 48000, channels=2) as stream:
            single.append(stream.process(np.stack([x, x], axis=1)))
    with ligero.Stream(voices, 48000, channels=2) as stream:
        both = stream.process(np.stack([x, x], axis=1))
    assert both.shape == (2, 20000, 2) and np.array_equal(both, single)


@pytest.mark.parametrize("rate", [16000, 44100])
def test_blocks_of_any_size_give_the_same_stream(voices, mixture, rate):
    x = mixture[:8000]
    results = []
    for step in (1, 160, 333, 8000):
        with ligero.Stream(voices[0], rate) as stream:
            results.append(run(stream, x, step))
            assert stream.process(x[:0]).shape == (0,)
            assert stream.statistics.samples == len(x)
    assert results[0].dtype == np.int16 and all(np.array_equal(r, results[0]) for r in results)


def above(x, hz, rate):
    """Share of the power above `hz`."""
    power = np.abs(np.fft.rfft(x)) ** 2
    return power[np.fft.rfftfreq(len(x), 1 / rate) > hz].sum() / power.sum()


def test_the_top_follows_the_voice_or_is_left_out(voices):
    x = (0.1 * np.random.default_rng(0).standard_normal(48000)).astype(np.float32)
    x[:24000] = 0.0  # what the share was before does not count
    for rate in (44100, 48000):
        full, speech = (ligero.extract(x, rate, voices[0], bandwidth=b) for b in ("full", "speech"))
        assert np.array_equal(full, ligero.extract(x, rate, voices[0]))
        assert above(speech, 8500, rate) < 1e-4 < above(full, 8500, rate)
        live = []
        for bandwidth in ("full", "speech"):
            with ligero.Stream(voices[0], rate, bandwidth=bandwidth) as stream:
                live.append(run(stream, x, 480))
        assert above(live[1], 8500, rate) < 1e-4 < above(live[0], 8500, rate)
    for call in (ligero.extract, ligero.Stream):
        arguments = (x, 48000, voices[0]) if call is ligero.extract else (voices[0], 48000)
        with pytest.raises(ligero.BadArgument, match="bandwidth is 'wide'; expected 'full' or 'speech'"):
            call(*arguments, bandwidth="wide")


def test_a_stream_of_a_live_model_is_its_recording_later(voices, mixture):
    x = mixture.astype(np.float32) / 32768
    with ligero.Stream(voices[0]) as stream:
        got = np.concatenate([run(stream, x), stream.flush()])[stream.latency:]
        again = np.concatenate([run(stream, x), stream.flush()])[stream.latency:]
    assert np.abs(got - ligero.extract(x, 16000, voices[0])).max() < 1e-6
    assert np.array_equal(got, again)


def test_a_model_that_looks_ahead_runs_in_blocks(anchor, mixture):
    voice = ligero.enroll(anchor, 16000, model=WHOLE)
    with pytest.raises(ligero.BadArgument):
        ligero.Stream(voice)
    with ligero.Stream(voice, block=0.5, look_ahead=0.5) as stream:
        assert stream.latency >= 16000
        assert stream.process(mixture).shape == mixture.shape


def test_8_streams_in_8_threads_give_what_one_gives(voices, mixture):
    x = mixture[:24000]
    with ligero.Stream(voices[0]) as stream:
        expected = run(stream, x)
    results, start = [None] * 8, threading.Barrier(8)

    def work(k):
        with ligero.Stream(voices[0]) as stream:
            start.wait()
            results[k] = run(stream, x)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(np.array_equal(r, expected) for r in results)


def test_the_interpreters_lock_is_released_meanwhile(voices, mixture):
    """Another thread counts while one call computes."""
    x = np.tile(mixture, 8)
    count, done = [0], threading.Event()

    def compute():
        with ligero.Stream(voices[0]) as stream:
            stream.process(x)
        done.set()

    thread = threading.Thread(target=compute)
    thread.start()
    while not done.wait(0.001):
        count[0] += 1
    thread.join()
    assert count[0] >= 10


def test_a_second_thread_in_one_stream_is_refused(voices, mixture):
    x = np.tile(mixture, 8)  # a call takes far longer than the start of another
    made, refused, start = [], [], threading.Barrier(2)

    def work():
        start.wait()
        try:
            made.append(stream.process(x))
        except ligero.BadState as e:
            refused.append(str(e))

    with ligero.Stream(voices[0]) as stream:
        threads = [threading.Thread(target=work) for _ in range(2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert stream.statistics.samples == len(x)
    assert len(made) == len(refused) == 1 and "another thread" in refused[0]


def test_a_closed_stream_says_so(voices):
    stream = ligero.Stream(voices[0])
    stream.close()
    stream.close()
    for call in (lambda: stream.process(np.zeros(1, np.float32)), stream.reset, stream.flush,
                 lambda: stream.set_voice(voices[0]), lambda: stream.set_strength(1.0),
                 lambda: stream.set_bypass(True), lambda: stream.statistics, lambda: stream.activity,
                 stream.__enter__):
        with pytest.raises(ligero.BadState, match="closed"):
            call()


def test_strength_bypass_reset_and_a_new_voice_reach_the_session(voices, mixture):
    x = mixture[:16000].astype(np.float32) / 32768
    with ligero.Stream(voices[0], strength=0.0) as stream:
        dry = np.concatenate([stream.process(x), stream.flush()])[stream.latency:]
        assert np.array_equal(dry[320:], x[320:])
        stream.set_strength(1.0)
        stream.reset()
        first = stream.process(x)
        stream.set_bypass(True)
        stream.reset()
        assert np.array_equal(stream.process(x)[640:], np.pad(x, (stream.latency, 0))[640:len(x)])
        stream.set_bypass(False)
        stream.set_voice(voices[1])
        stream.reset()
        second = stream.process(x)
    with ligero.Stream(voices[1]) as stream:
        fresh = stream.process(x)
    assert np.array_equal(second, fresh) and not np.array_equal(first, second)


def test_no_sound_in_a_stream_is_counted(voices):
    with ligero.Stream(voices[0]) as stream:
        x = np.zeros(1600, np.float32)
        x[:3] = np.nan, np.inf, 9.0
        assert np.isfinite(stream.process(x)).all()
        assert stream.statistics.cleaned_samples == 3


def test_only_a_model_with_that_side_output_has_activity(voices):
    with ligero.Stream(voices[0]) as stream:
        stream.process(np.zeros(160, np.float32))
        with pytest.raises(ligero.BadArgument, match="activity"):
            stream.activity


def test_a_stream_outlives_the_names_of_its_voice_and_model(anchor, mixture):
    stream = ligero.Stream(ligero.enroll(anchor, 16000, model=LIVE))
    from ligero import model

    model._opened.cache_clear()
    gc.collect()
    assert stream.process(mixture).any()


def test_public_names_have_annotations_and_say_what_they_raise():
    for name in ligero.__all__:
        thing = getattr(ligero, name)
        assert thing.__doc__, name
    for function in (ligero.enroll, ligero.extract, ligero.Stream.process, ligero.Voice.load):
        assert "Raises" in function.__doc__
        assert inspect.signature(function).return_annotation is not inspect.Signature.empty
    assert (DEMO.parent / "python/ligero/py.typed").is_file()
