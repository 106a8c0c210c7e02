from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.errors import VideoOpenError
from tracker.video.container import count_packets


def write_video(path, pictures, sound=False, options=None):
    """A video of so many pictures, 25 a second, with a second of silence or without."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=64, height=48)
        stream.options = options or {}
        audio = container.add_stream("aac", rate=48000) if sound else None
        for level in range(pictures):
            picture = np.full((48, 64, 3), level % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
        if audio is not None:
            write_silence(container, audio)
    return path


def write_silence(container, stream):
    for start in range(0, 48000, 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def count_by_decoding(path):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@given(st.integers(1, 40), st.sampled_from(["mp4", "mkv", "avi"]), st.integers(0, 3))
@settings(max_examples=10)
def test_there_are_as_many_packets_as_pictures(tmp_path_factory, pictures, ending, b_frames):
    path = tmp_path_factory.mktemp("video") / f"a.{ending}"
    write_video(path, pictures, options={"bf": str(b_frames)})
    assert count_packets(path) == count_by_decoding(path) == pictures


def test_sound_is_not_counted(tmp_path):
    assert count_packets(write_video(tmp_path / "a.mp4", 7, sound=True)) == 7


def test_of_a_file_that_breaks_off_no_fewer_are_counted_than_can_be_seen(tmp_path):
    path = write_video(tmp_path / "a.mkv", 40, options={"g": "5"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert 0 < count_by_decoding(path) <= count_packets(path) < 40


def test_sound_alone_has_no_pictures_to_count(tmp_path):
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        write_silence(container, container.add_stream("aac", rate=48000))
    with pytest.raises(VideoOpenError, match="no pictures, only sound"):
        count_packets(path)


@pytest.mark.parametrize("content", [None, b"", b"not a video\n" * 50])
def test_what_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VideoOpenError, match=r"cannot open .*a\.mp4"):
        count_packets(path)
