from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.errors import VideoOpenError
from tracker.video.reader import VideoReader, _Clock, probe_video

NTSC = Fraction(30000, 1001)
TURN_MATRICES = {  # of the track header, by degrees clockwise: a b u c d v x y w
    90: (0, 1, 0, -1, 0, 0, 0, 0, 0x4000),
    180: (-1, 0, 0, 0, -1, 0, 0, 0, 0x4000),
    270: (0, -1, 0, 1, 0, 0, 0, 0, 0x4000),
}


def flat(level: int, width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def write_video(
    path: Path,
    images: Sequence[np.ndarray],
    ticks: Sequence[int] | None = None,
    time_base: Fraction = 1 / NTSC,
    options: dict[str, str] | None = None,
    faststart: bool = True,
) -> Path:
    movflags = {"movflags": "+faststart"} if faststart and path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=movflags) as container:
        stream = container.add_stream("libx264", rate=round(1 / time_base), options=options or {})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv444p" if images[0].shape[0] % 2 else "yuv420p"
        stream.codec_context.time_base = time_base
        for tick, image in zip(ticks or range(len(images)), images, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = tick, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        for start in range(0, 48000, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp")
            frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def turn_by_metadata(path: Path, degrees_clockwise: int) -> None:
    """Write a rotation into the track header, as phones do."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40
    matrix = np.array(TURN_MATRICES[degrees_clockwise], np.int32) << 16
    data[start : start + 36] = matrix.astype(">i4").tobytes()
    path.write_bytes(data)


def brightness(image: np.ndarray) -> float:
    return float(image.mean())


def levels(count: int) -> list[np.ndarray]:
    return [flat(20 + 4 * index) for index in range(count)]


def test_probing_tells_size_rate_count_and_that_there_is_no_sound(tmp_path):
    info = probe_video(write_video(tmp_path / "a.mp4", levels(10)))
    assert (info.width, info.height, info.frame_count, info.has_sound) == (64, 48, 10, False)
    assert info.frame_rate == NTSC


def test_frames_are_numbered_from_0_and_are_rgb(tmp_path):
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 0] = 255
    with VideoReader(write_video(tmp_path / "a.mp4", [red] * 3)) as reader:
        frames = list(reader)
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert frames[0].image.shape == (48, 64, 3)
    assert frames[0].image.dtype == np.uint8
    np.testing.assert_allclose(frames[0].image[20, 20], [255, 0, 0], atol=6)


def test_times_at_30000_1001_frames_a_second_are_exact(tmp_path):
    with VideoReader(write_video(tmp_path / "a.mp4", levels(40))) as reader:
        times = [frame.time for frame in reader]
    assert times == [index / NTSC for index in range(40)]


def test_times_of_a_variable_frame_rate_are_those_of_the_frames(tmp_path):
    ticks = [0, 40, 80, 95, 300, 301]
    path = write_video(tmp_path / "a.mp4", levels(6), ticks, Fraction(1, 1000))
    with VideoReader(path) as reader:
        assert [frame.time for frame in reader] == [Fraction(tick, 1000) for tick in ticks]


def test_time_starts_at_0_whatever_the_container_calls_it(tmp_path):
    path = write_video(tmp_path / "a.ts", levels(5), time_base=Fraction(1, 25))
    with VideoReader(path) as reader:
        assert [frame.time for frame in reader] == [Fraction(index, 25) for index in range(5)]
        assert reader.start_s() > 0


def test_frames_come_in_the_order_they_are_shown_despite_b_frames(tmp_path):
    options = {"bf": "3", "b-adapt": "0", "g": "12"}
    path = write_video(tmp_path / "a.mp4", levels(24), options=options)
    with av.open(str(path)) as container:
        stamps = [packet.pts for packet in container.demux(video=0) if packet.size]
    with VideoReader(path) as reader:
        shown = [brightness(frame.image) for frame in reader]
    assert stamps != sorted(stamps)
    np.testing.assert_allclose(shown, [20 + 4 * index for index in range(24)], atol=3)


@pytest.mark.parametrize(
    ("degrees_clockwise", "corner"), [(90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))]
)
def test_a_picture_is_put_upright_as_its_rotation_metadata_says(
    tmp_path, degrees_clockwise, corner
):
    image = flat(0)
    image[:16, :16] = 255  # top left as stored
    path = write_video(tmp_path / "a.mp4", [image] * 2)
    turn_by_metadata(path, degrees_clockwise)
    with VideoReader(path) as reader:
        upright = next(reader).image
    assert upright.shape == ((48, 64, 3) if degrees_clockwise == 180 else (64, 48, 3))
    assert upright[corner].min() > 200
    info = probe_video(path)
    assert (info.height, info.width) == upright.shape[:2]


def test_odd_sizes_are_read_as_they_are(tmp_path):
    path = write_video(tmp_path / "a.mkv", [flat(100, 47, 33)] * 2)
    with VideoReader(path) as reader:
        assert next(reader).image.shape == (33, 47, 3)


def test_a_picture_of_another_size_is_scaled_to_the_first(tmp_path):
    big, small = flat(60, 64, 48), flat(200, 32, 96)
    first = write_video(tmp_path / "a.h264", [big] * 3)
    second = write_video(tmp_path / "b.h264", [small] * 3)
    first.write_bytes(first.read_bytes() + second.read_bytes())
    with VideoReader(first) as reader:
        frames = list(reader)
    assert [frame.image.shape for frame in frames] == [(48, 64, 3)] * 6
    assert brightness(frames[-1].image) == pytest.approx(200, abs=4)


@pytest.mark.parametrize(
    ("matrix", "full_range", "rgb"),
    [
        ("bt709", False, (190, 79, 17)),
        ("smpte170m", False, (181, 70, 21)),
        ("bt709", True, (182, 83, 29)),
    ],
)
def test_colours_follow_the_matrix_and_range_a_video_is_tagged_with(
    tmp_path, matrix, full_range, rgb
):
    planes = [np.full((48, 64), 100), np.full((24, 32), 90), np.full((24, 32), 180)]
    packed = np.concatenate([plane.ravel() for plane in planes]).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(packed.reshape(72, 64), format="yuv420p")
    params = f"colormatrix={matrix}:fullrange={'on' if full_range else 'off'}"
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        options = {"x264-params": params, "crf": "1"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height = 64, 48
        stream.codec_context.colorspace = {"bt709": 1, "smpte170m": 6}[matrix]
        stream.codec_context.color_range = 2 if full_range else 1
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with VideoReader(tmp_path / "a.mp4") as reader:
        np.testing.assert_allclose(next(reader).image[24, 32], rgb, atol=4)


def test_only_the_wanted_frames_are_given_with_their_own_numbers_and_times(tmp_path):
    path = write_video(tmp_path / "a.mp4", levels(20))
    with VideoReader(path, wanted=np.array([3, 4, 11])) as reader:
        frames = list(reader)
    assert [frame.index for frame in frames] == [3, 4, 11]
    assert [frame.time for frame in frames] == [index / NTSC for index in (3, 4, 11)]
    assert brightness(frames[2].image) == pytest.approx(20 + 4 * 11, abs=3)


def test_wanting_no_frames_gives_none(tmp_path):
    path = write_video(tmp_path / "a.mp4", levels(3))
    with VideoReader(path, wanted=np.zeros(0, np.int64)) as reader:
        assert list(reader) == []


def test_the_timeline_has_every_tick_and_ends_when_the_last_frame_does(tmp_path):
    ticks = [0, 40, 80, 95, 300, 340]
    path = write_video(tmp_path / "a.mkv", levels(6), ticks, Fraction(1, 1000))
    with VideoReader(path) as reader:
        frames = list(reader)
        timeline = reader.timeline()
    assert [timeline.start_s(index) for index in range(6)] == [frame.time for frame in frames]
    assert timeline.ticks.dtype == np.int64
    assert timeline.stop_s(5) > timeline.start_s(5)


def test_the_timeline_of_a_steady_video_lasts_as_many_frames_as_there_are(tmp_path):
    with VideoReader(write_video(tmp_path / "a.mp4", levels(40))) as reader:
        assert sum(1 for _ in reader) == 40
        timeline = reader.timeline()
    assert timeline.stop_s(39) == 40 / NTSC


def test_the_timeline_is_refused_while_frames_are_left(tmp_path):
    with VideoReader(write_video(tmp_path / "a.mp4", levels(5))) as reader:
        next(reader)
        with pytest.raises(ValueError, match="once all frames were read"):
            reader.timeline()


def test_a_whole_video_gives_no_warning(tmp_path):
    with VideoReader(write_video(tmp_path / "a.mp4", levels(30))) as reader:
        assert len(list(reader)) == 30
    assert reader.warning is None


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_truncated_video_gives_its_beginning_and_a_warning(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), dtype=np.uint8)
    path = write_video(tmp_path / name, list(noise), options={"g": "10"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with VideoReader(path) as reader:
        count = len(list(reader))
    assert 20 <= count <= 40
    assert f"stopped after frame {count - 1}: the file is truncated" in reader.warning
    assert "\n" not in reader.warning


def test_a_broken_packet_is_skipped_and_reading_goes_on(tmp_path):
    path = write_video(tmp_path / "a.mp4", levels(30), options={"g": "5", "bf": "0"})
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    position, size = packets[10]  # a keyframe
    data[position : position + size] = b"\x55" * size
    path.write_bytes(data)
    with VideoReader(path) as reader:
        frames = list(reader)
    assert 25 <= len(frames) < 30
    assert brightness(frames[-1].image) == pytest.approx(20 + 4 * 29, abs=3)
    assert "broken packet" in reader.warning


def test_a_missing_file_is_a_clear_error(tmp_path):
    with pytest.raises(VideoOpenError, match="there is no such file"):
        probe_video(tmp_path / "nothing.mp4")


def test_a_directory_is_a_clear_error(tmp_path):
    with pytest.raises(VideoOpenError, match="it is a directory"):
        probe_video(tmp_path)


@pytest.mark.parametrize("content", [b"", b"this is text\n" * 50, bytes(range(256)) * 20])
def test_what_is_no_video_is_a_clear_error_in_one_line(tmp_path, content):
    path = tmp_path / "notes.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoOpenError, match=r"notes\.mp4") as caught:
        probe_video(path)
    assert "\n" not in str(caught.value)
    assert "ffprobe" in str(caught.value)


def test_a_sound_file_is_a_clear_error(tmp_path):
    with pytest.raises(VideoOpenError, match="no pictures"):
        VideoReader(write_sound(tmp_path / "a.m4a"))


def test_the_cover_of_a_sound_file_is_no_video(tmp_path):
    cover = cv2.imencode(".jpg", flat(90))[1].tobytes()
    with av.open(str(tmp_path / "a.mp3"), "w") as container:
        sound = container.add_stream("libmp3lame", rate=48000)
        picture = container.add_stream("mjpeg", rate=1, width=64, height=48)
        picture.pix_fmt = "yuvj420p"
        picture.disposition = av.stream.Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 4800), np.float32), "fltp")
        frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
        packet = av.Packet(cover)
        packet.stream, packet.pts, packet.dts = picture, 0, 0
        container.mux(packet)
        container.mux([*sound.encode(frame), *sound.encode(None)])
    with pytest.raises(VideoOpenError, match="no pictures"):
        VideoReader(tmp_path / "a.mp3")


def test_a_video_of_which_no_frame_decodes_is_a_clear_error(tmp_path):
    path = write_video(tmp_path / "a.mp4", levels(5))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start:] = b"\x55" * (len(data) - start)
    path.write_bytes(data)
    with pytest.raises(VideoOpenError, match="not one frame"):
        probe_video(path)
    with VideoReader(path) as reader, pytest.raises(VideoOpenError, match="not one frame"):
        list(reader)


def test_a_closed_reader_gives_no_more_frames(tmp_path):
    with VideoReader(write_video(tmp_path / "a.mp4", levels(5))) as reader:
        next(reader)
    assert list(reader) == []


def clock_of(timestamps: Sequence[int | None]) -> list[int]:
    """What a clock of 25 frames a second, in milliseconds, makes of `timestamps`."""
    rate = Fraction(25)
    stream = SimpleNamespace(time_base=Fraction(1, 1000), guessed_rate=rate, average_rate=rate)
    clock = _Clock(stream)
    return [clock.tick(SimpleNamespace(pts=pts, duration=40)) for pts in timestamps]


def test_a_frame_without_a_timestamp_comes_a_nominal_duration_after_the_one_before():
    assert clock_of([100, 140, None, 220]) == [0, 40, 80, 120]
    assert clock_of([None, None, 500, 540]) == [0, 40, 80, 120]


def test_a_frame_that_is_not_later_comes_one_tick_after_the_one_before_and_moves_no_other():
    assert clock_of([0, 40, 40, 80, 70, 120]) == [0, 40, 41, 80, 81, 120]


def test_time_goes_on_where_joined_recordings_start_again():
    assert clock_of([5000, 7000, 0, 40, 90]) == [0, 2000, 2040, 2080, 2130]


@given(st.lists(st.none() | st.integers(-(2**40), 2**40), max_size=50))
def test_ticks_always_start_at_0_and_increase(timestamps):
    ticks = clock_of(timestamps)
    assert ticks[:1] in ([], [0])
    assert np.all(np.diff(ticks) > 0)


@pytest.mark.parametrize(("codec", "name"), [("qtrle", "a.mov"), ("cinepak", "a.avi")])
def test_drawing_on_a_frame_leaves_those_after_it_as_they_are(tmp_path, codec, name):
    with av.open(str(tmp_path / name), "w") as container:  # these codecs keep pictures in RGB
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 64, "rgb24"
        for number in range(4):
            picture = flat(90, 640, 64)
            picture[:8, number * 8 : number * 8 + 8] = 200
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    with VideoReader(tmp_path / name) as reader:
        for frame in reader:
            assert np.abs(frame.image[40:].astype(int) - 90).max() < 5
            frame.image[40:] = 0
