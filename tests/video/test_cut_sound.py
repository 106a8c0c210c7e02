from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.video.cut_sound import SoundCutter
from tracker.video.sound import CHUNK_SAMPLES
from tracker.video.writer import VideoWriter

RATE = 48_000
SECONDS = 2
NTSC_FRAME_S = Fraction(1001, 30_000)


def noise(channels: int = 1, seconds: float = SECONDS, seed: int = 0) -> np.ndarray:
    """Sound (channels, S) that 16 bits hold exactly, of which no two samples can be mixed up."""
    whole = np.random.default_rng(seed).integers(-9000, 9000, (channels, round(seconds * RATE)))
    return (whole / 2**15).astype(np.float32)


def write_sound(path: Path, sound: np.ndarray, layout: str, start_s: float = 0.0) -> Path:
    """A second of grey pictures, and `sound` from `start_s` on, none of it lost."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=25, width=64, height=48)
        stream = container.add_stream("pcm_s16le", rate=RATE, layout=layout)
        for _ in range(25):
            grey = np.full((48, 64, 3), 90, np.uint8)
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(pictures.encode(None))
        interleaved = (sound.T.reshape(1, -1) * 2**15).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout=layout)
        frame.sample_rate, frame.pts = RATE, round(start_s * RATE)
        frame.time_base = Fraction(1, RATE)
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_sound(tmp_path_factory.mktemp("sound") / "a.mov", noise(), "mono")


def cut(path: Path, *spans_s: tuple[object, object]) -> np.ndarray:
    """The samples (channels, S) of all spans together."""
    with SoundCutter(path) as sound:
        exact = [(Fraction(start), Fraction(stop)) for start, stop in spans_s]
        pieces = list(sound.cut(exact))
    return np.concatenate(pieces, axis=1)


def samples_by_hand(sound: np.ndarray, spans_s: list[tuple[Fraction, Fraction]]) -> np.ndarray:
    """What `cut` should give, one sample at a time."""
    found: list[float] = []
    total_s = Fraction(0)
    for start_s, stop_s in spans_s:
        total_s += stop_s - start_s
        place = round(start_s * RATE)
        while len(found) < round(total_s * RATE):
            found.append(sound[0, place] if 0 <= place < sound.shape[1] else 0.0)
            place += 1
    return np.array(found, np.float32)


def test_a_span_holds_its_own_samples(source):
    np.testing.assert_array_equal(cut(source, ("1/2", "3/4")), noise()[:, 24_000:36_000])


@settings(max_examples=20)
@given(st.lists(st.integers(0, 90), min_size=2, max_size=12, unique=True))
def test_any_spans_are_cut_as_by_hand(source, frames):
    edges = [frame * NTSC_FRAME_S for frame in sorted(frames)]
    spans_s = list(zip(edges[::2], edges[1::2], strict=False))
    np.testing.assert_array_equal(cut(source, *spans_s)[0], samples_by_hand(noise(), spans_s))


def test_spans_are_cut_in_one_go_over_several_calls(source):
    with SoundCutter(source) as sound:
        first = [*sound.cut([(Fraction(0), Fraction(1, 3))])]
        second = [*sound.cut([(Fraction(1), Fraction(4, 3))])]
    np.testing.assert_array_equal(np.concatenate(first, axis=1), noise()[:, :16_000])
    np.testing.assert_array_equal(np.concatenate(second, axis=1), noise()[:, 48_000:64_000])


def test_hundreds_of_spans_are_as_long_together_as_they_should_be(source):
    spans_s = [(n * 2 * NTSC_FRAME_S, (n * 2 + 1) * NTSC_FRAME_S) for n in range(500)]
    assert cut(source, *spans_s).shape[1] == round(500 * NTSC_FRAME_S * RATE)


def test_pieces_are_small_however_long_a_span(source):
    with SoundCutter(source) as sound:
        assert max(piece.shape[1] for piece in sound.cut([(Fraction(0), Fraction(2))])) <= (
            CHUNK_SAMPLES
        )


def test_after_the_end_of_the_sound_there_is_silence(source):
    samples = cut(source, ("3/2", "5/2"))
    np.testing.assert_array_equal(samples[:, :24_000], noise()[:, 72_000:])
    assert samples.shape == (1, 48_000)
    assert not samples[:, 24_000:].any()


def test_before_the_start_of_the_sound_there_is_silence(tmp_path):
    path = write_sound(tmp_path / "a.mov", noise(), "mono", start_s=0.5)
    samples = cut(path, ("1/4", "1"))
    assert not samples[:, :12_000].any()
    np.testing.assert_array_equal(samples[:, 12_000:], noise()[:, :24_000])


def test_channels_are_kept_apart(tmp_path):
    path = write_sound(tmp_path / "a.mov", noise(channels=2), "stereo")
    np.testing.assert_array_equal(cut(path, (0, 1)), noise(channels=2)[:, :RATE])


def test_channels_that_aac_is_not_asked_to_hold_are_mixed_to_two(tmp_path):
    path = write_sound(tmp_path / "a.mov", noise(channels=4), "quad")
    assert cut(path, (0, 1)).shape == (2, RATE)


def test_times_that_the_container_rounds_leave_no_gaps(tmp_path):
    path = write_sound(tmp_path / "a.mkv", noise(), "mono")
    np.testing.assert_array_equal(cut(path, (0, 2)), noise())


def test_a_video_without_sound_has_no_rate_and_nothing_to_cut(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 64, 48, Fraction(1, 25), Fraction(25)) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0)
    with SoundCutter(tmp_path / "a.mp4") as sound:
        assert sound.rate == 0
        assert list(sound.cut([(Fraction(0), Fraction(1))])) == []


def test_no_spans_have_no_samples(source):
    with SoundCutter(source) as sound:
        assert list(sound.cut([])) == []


def decoded(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def write_one_picture(path: Path, sound: object) -> Path:
    with VideoWriter(path, 64, 48, Fraction(1, 25), Fraction(25), sound=(sound, RATE)) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0)
        writer.close(25)
    return path


def test_sound_in_pieces_is_encoded_as_if_it_were_whole(tmp_path):
    sound = noise(channels=2, seconds=1)
    pieces = (sound[:, first : first + 777] for first in range(0, RATE, 777))
    whole = write_one_picture(tmp_path / "whole.mp4", sound)
    assert write_one_picture(tmp_path / "pieces.mp4", pieces).read_bytes() == whole.read_bytes()


def test_two_channels_are_encoded_as_left_and_right(tmp_path):
    tone = np.sin(np.arange(RATE) * 0.06).astype(np.float32) / 3
    path = write_one_picture(tmp_path / "a.mp4", np.stack([tone, 0 * tone]))
    left, right = np.abs(decoded(path)).mean(axis=1)
    assert left > 0.1 > 0.01 > right


def test_no_pieces_at_all_are_silence(tmp_path):
    path = write_one_picture(tmp_path / "a.mp4", iter(()))
    with av.open(str(path)) as container:
        assert not [
            frame for stream in container.streams.audio for frame in container.decode(stream)
        ]
