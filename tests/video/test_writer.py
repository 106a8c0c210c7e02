from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tracker.errors import VideoOpenError, VideoWriteError
from tracker.records import Timeline
from tracker.video.reader import VideoReader, probe_video
from tracker.video.writer import VideoWriter

RATE = Fraction(25)
TICK_S = 1 / RATE
SOUND_RATE = 48000
FRAME_TOLERANCE_S = 1 / 25


def tone(seconds: float) -> np.ndarray:
    return np.sin(np.arange(round(seconds * SOUND_RATE)) * 0.06).astype(np.float32) / 3


def image(level: int = 90, width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def write_frames(path: Path, count: int = 10, **sound: object) -> Path:
    with VideoWriter(path, 64, 48, TICK_S, RATE, **sound) as writer:
        for tick in range(count):
            writer.write(image(20 + tick % 200), tick)
    return path


def write_source(
    path: Path,
    sound_codec: str,
    sound_start_s: float = 0.0,
    seconds: float = 2.0,
    sound_streams: int = 1,
    options: dict[str, str] | None = None,
) -> Path:
    """A source video of 25 frames a second, with a tone, made without our own writer."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=25, width=64, height=48)
        sounds = [
            container.add_stream(
                sound_codec, rate=SOUND_RATE, options=options or {}, layout="stereo"
            )
            for _ in range(sound_streams)
        ]
        for _ in range(round(25 * seconds)):
            frame = av.VideoFrame.from_ndarray(image(), format="rgb24")
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
        for sound in sounds:
            mux_tone(container, sound, seconds, sound_start_s)
    return path


def mux_tone(container, stream, seconds: float, *starts_s: float) -> None:
    samples = np.stack([tone(seconds)] * 2)
    for start_s in starts_s:
        for first in range(0, samples.shape[1], 960):
            chunk = np.ascontiguousarray(samples[:, first : first + 960])
            frame = av.AudioFrame.from_ndarray(chunk, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = SOUND_RATE, round(start_s * SOUND_RATE) + first
            frame.time_base = Fraction(1, SOUND_RATE)
            container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def rewrite(source: Path, target: Path) -> Timeline:
    """What the pipeline does: every picture of `source` again, with its sound."""
    info = probe_video(source)
    with VideoReader(source) as reader:
        frames = list(reader)
        timeline = reader.timeline()
    with VideoWriter(
        target, info.width, info.height, timeline.tick_s, info.frame_rate, sound_from=source
    ) as writer:
        for frame, tick in zip(frames, timeline.ticks.tolist(), strict=True):
            writer.write(frame.image, tick)
        writer.close(timeline.end_tick)
    return timeline


def read_timeline(path: Path) -> Timeline:
    with VideoReader(path) as reader:
        for _ in reader:
            pass
        return reader.timeline()


def sound_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def sound_codec(path: Path) -> str:
    with av.open(str(path)) as container:
        return container.streams.audio[0].codec_context.codec.canonical_name


def when_sound_is_heard(path: Path) -> tuple[float, float]:
    """Start and stop of the tone in seconds, after the first picture."""
    with av.open(str(path)) as container:
        first = next(container.decode(video=0))
        start_s = float(first.pts * first.time_base)
    with av.open(str(path)) as container:
        heard = []
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray().astype(float)
            samples = np.abs(samples if frame.format.is_planar else samples[:, ::2]).max(axis=0)
            samples /= {"fltp": 1, "s16": 2**15, "s16p": 2**15, "s32": 2**31}[frame.format.name]
            loud = np.flatnonzero(samples > 0.05)
            heard += (
                (frame.time - start_s + loud[[0, -1]] / SOUND_RATE).tolist() if loud.size else []
            )
    return min(heard), max(heard)


def duration_s(path: Path) -> float:
    with av.open(str(path)) as container:
        return container.duration / av.time_base


def test_each_frame_is_shown_at_the_tick_it_was_given(tmp_path):
    ticks = [0, 1001, 2002, 2500, 9000, 9001, 20000]
    tick_s = Fraction(1, 30000)
    with VideoWriter(tmp_path / "a.mp4", 64, 48, tick_s, Fraction(30000, 1001)) as writer:
        for tick in ticks:
            writer.write(image(), tick)
    timeline = read_timeline(tmp_path / "a.mp4")
    assert [timeline.start_s(frame) for frame in range(7)] == [tick * tick_s for tick in ticks]


def test_the_last_frame_is_shown_until_the_end_tick(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 64, 48, Fraction(1, 1000), RATE) as writer:
        writer.write(image(), 0)
        writer.write(image(), 40)
        writer.close(end_tick=740)
    assert read_timeline(tmp_path / "a.mp4").stop_s(1) == Fraction(740, 1000)
    assert duration_s(tmp_path / "a.mp4") == pytest.approx(0.74)


def test_the_last_frame_lasts_as_the_frame_rate_says_by_default(tmp_path):
    assert read_timeline(write_frames(tmp_path / "a.mp4", count=10)).stop_s(9) == 10 / RATE


def test_pictures_keep_their_colours_and_the_file_names_them_bt709(tmp_path):
    colours = np.array([[250, 30, 20], [20, 200, 40], [30, 40, 240], [128, 128, 128]], np.uint8)
    bars = np.repeat(np.repeat(colours[None], 48, axis=0), 16, axis=1)
    with VideoWriter(tmp_path / "a.mp4", 64, 48, TICK_S, RATE) as writer:
        writer.write(bars, 0)
    with VideoReader(tmp_path / "a.mp4") as reader:
        np.testing.assert_allclose(next(reader).image[24, 8::16], colours, atol=6)
    with av.open(str(tmp_path / "a.mp4")) as container:
        codec = container.streams.video[0].codec_context
        tags = codec.color_primaries, codec.color_trc, codec.colorspace, codec.color_range
    assert tags == (1, 1, 1, 1)


def test_pictures_lie_in_the_file_in_the_order_they_are_shown(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (48, 120, 3), dtype=np.uint8)
    with VideoWriter(tmp_path / "a.mp4", 64, 48, TICK_S, RATE) as writer:
        for tick in range(40):
            writer.write(noise[:, tick : tick + 64], tick)  # a pan, which invites B-frames
    with av.open(str(tmp_path / "a.mp4")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert [packet.dts for packet in packets] == [packet.pts for packet in packets]


def test_odd_sides_grow_by_one_pixel_that_repeats_the_edge(tmp_path):
    picture = image(40, width=47, height=33)
    picture[:, -8:] = 220
    with VideoWriter(tmp_path / "a.mp4", 47, 33, TICK_S, RATE) as writer:
        writer.write(picture, 0)
    with VideoReader(tmp_path / "a.mp4") as reader:
        written = next(reader).image
    assert written.shape == (34, 48, 3)
    np.testing.assert_allclose(written[:33, :47], picture, atol=12)
    np.testing.assert_allclose(written[:, 47], 220, atol=12)


def test_the_index_comes_first_so_that_browsers_can_start_at_once(tmp_path):
    data = write_frames(tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "aac"), ("a.mkv", "libmp3lame"), ("a.mkv", "libopus"), ("a.mkv", "flac")],
)
def test_sound_that_mp4_can_hold_is_copied_bit_by_bit(tmp_path, name, codec):
    source = write_source(tmp_path / name, codec)
    rewrite(source, tmp_path / "out.mp4")
    assert sound_packets(tmp_path / "out.mp4") == sound_packets(source)
    assert sound_codec(tmp_path / "out.mp4") == sound_codec(source)


def test_every_sound_stream_is_copied(tmp_path):
    source = write_source(tmp_path / "a.mp4", "aac", sound_streams=2)
    rewrite(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert len(container.streams.audio) == 2


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mkv", "pcm_s16le", {}),
        ("a.mkv", "vorbis", {"strict": "experimental"}),
        ("a.ts", "mp2", {}),
    ],
)
def test_sound_that_players_of_mp4_lack_becomes_aac_and_is_heard_when_it_was(
    tmp_path, name, codec, options
):
    source = write_source(tmp_path / name, codec, sound_start_s=0.5, options=options)
    rewrite(source, tmp_path / "out.mp4")
    assert sound_codec(tmp_path / "out.mp4") == "aac"
    np.testing.assert_allclose(
        when_sound_is_heard(tmp_path / "out.mp4"), when_sound_is_heard(source), atol=0.03
    )


def test_sound_that_becomes_aac_has_no_gaps_though_the_source_rounds_its_times(tmp_path):
    source = write_source(tmp_path / "a.mkv", "pcm_s16le")
    rewrite(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        times = [packet.pts for packet in container.demux(audio=0) if packet.size]
    assert set(np.diff(times)) == {1024}  # samples in a packet of AAC


def test_sound_after_a_hole_is_heard_when_it_was(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        pictures = container.add_stream("libx264", rate=25, width=64, height=48)
        sound = container.add_stream("pcm_s16le", rate=SOUND_RATE, layout="stereo")
        frame = av.VideoFrame.from_ndarray(image(), format="rgb24")
        container.mux([*pictures.encode(frame), *pictures.encode(None)])
        mux_tone(container, sound, 0.5, 0.0, 2.0)
    rewrite(tmp_path / "a.mkv", tmp_path / "out.mp4")
    heard = when_sound_is_heard(tmp_path / "out.mp4")
    np.testing.assert_allclose(heard, (0, 2.5), atol=0.03)


def test_copied_sound_whose_times_repeat_is_still_written(tmp_path):
    source = write_source(tmp_path / "a.mkv", "flac", options={"frame_size": "16"})
    with av.open(str(source)) as container:
        times = [packet.dts for packet in container.demux(audio=0) if packet.size]
    assert len(set(times)) < len(times)
    rewrite(source, tmp_path / "out.mp4")
    assert sound_packets(tmp_path / "out.mp4") == sound_packets(source)
    assert when_sound_is_heard(tmp_path / "out.mp4")[1] == pytest.approx(2, abs=0.003)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
@pytest.mark.parametrize("sound_start_s", [0.0, 0.7])
def test_copied_sound_stays_in_step_with_the_pictures(tmp_path, name, sound_start_s):
    source = write_source(tmp_path / name, "aac", sound_start_s)
    rewrite(source, tmp_path / "out.mp4")
    np.testing.assert_allclose(
        when_sound_is_heard(tmp_path / "out.mp4"), when_sound_is_heard(source), atol=0.003
    )


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "pcm_s16le")])
def test_the_video_lasts_as_long_as_its_source_to_within_a_frame(tmp_path, name, codec):
    source = write_source(tmp_path / name, codec)
    timeline = rewrite(source, tmp_path / "out.mp4")
    written = read_timeline(tmp_path / "out.mp4")
    assert duration_s(tmp_path / "out.mp4") == pytest.approx(
        duration_s(source), abs=FRAME_TOLERANCE_S
    )
    assert float(written.stop_s(49)) == pytest.approx(
        float(timeline.stop_s(49)), abs=FRAME_TOLERANCE_S
    )


def test_a_source_without_sound_gives_a_video_without_sound(tmp_path):
    rewrite(write_frames(tmp_path / "a.mp4"), tmp_path / "out.mp4")
    assert not probe_video(tmp_path / "out.mp4").has_sound


@pytest.mark.parametrize("rate", [8000, 48000, 45000])
def test_samples_are_encoded_as_aac_of_the_same_length(tmp_path, rate):
    samples = np.sin(np.arange(2 * rate) * 0.1).astype(np.float32) / 3
    path = write_frames(tmp_path / "a.mp4", count=50, sound=(samples, rate))
    assert sound_codec(path) == "aac"
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(2, abs=0.03)


def test_sound_and_pictures_lie_together_in_the_file(tmp_path):
    path = write_frames(tmp_path / "a.mp4", count=1000, sound=(tone(40), SOUND_RATE))
    with av.open(str(path)) as container:
        packets = [
            (packet.pos, packet.stream.type, float(packet.dts * packet.time_base))
            for packet in container.demux()
            if packet.size
        ]
    latest = {"video": 0.0, "audio": 0.0}
    for _, kind, time_s in sorted(packets):
        latest[kind] = time_s
        assert abs(latest["video"] - latest["audio"]) < 1.5


def test_nothing_has_the_final_name_before_the_end(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 64, 48, TICK_S, RATE) as writer:
        writer.write(image(), 0)
        assert not (tmp_path / "a.mp4").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_an_error_while_writing_leaves_nothing_behind(tmp_path):
    def write_half() -> None:
        with VideoWriter(tmp_path / "a.mp4", 64, 48, TICK_S, RATE) as writer:
            for tick in range(100):
                writer.write(image(), tick)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_an_error_while_writing_leaves_an_older_file_alone(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"older")
    with (
        pytest.raises(VideoWriteError),
        VideoWriter(tmp_path / "a.mp4", 64, 48, TICK_S, RATE) as writer,
    ):
        writer.write(image(width=10), 0)
    assert (tmp_path / "a.mp4").read_bytes() == b"older"


def test_a_missing_source_of_sound_is_an_error_and_leaves_nothing_behind(tmp_path):
    with pytest.raises(VideoOpenError, match="no such file"):
        VideoWriter(tmp_path / "a.mp4", 64, 48, TICK_S, RATE, sound_from=tmp_path / "nothing.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_video_without_frames_is_refused(tmp_path):
    with pytest.raises(VideoWriteError, match="not one frame"):
        write_frames(tmp_path / "a.mp4", count=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("before", "tick"), [([], -1), ([0], 0), ([0, 5], 3)])
def test_times_that_do_not_increase_are_refused(tmp_path, before, tick):
    with VideoWriter(tmp_path / "a.mp4", 64, 48, TICK_S, RATE) as writer:
        for earlier in before:
            writer.write(image(), earlier)
        with pytest.raises(VideoWriteError, match="must increase"):
            writer.write(image(), tick)
        writer.write(image(), 9)  # so that there is something to finish


def test_an_image_of_another_size_is_refused(tmp_path):
    with (
        pytest.raises(VideoWriteError, match="is not"),
        VideoWriter(tmp_path / "a.mp4", 64, 48, TICK_S, RATE) as writer,
    ):
        writer.write(image(width=48, height=64), 0)


def test_a_folder_that_does_not_exist_is_a_clear_error_in_one_line(tmp_path):
    with pytest.raises(VideoWriteError, match="check that its folder exists") as caught:
        VideoWriter(tmp_path / "nowhere" / "a.mp4", 64, 48, TICK_S, RATE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("limit_bytes", [0, 20_000])
def test_a_full_disk_is_a_clear_error_and_leaves_nothing_behind(tmp_path, limit_bytes):
    resource = pytest.importorskip("resource")  # a limit on file sizes stands in for a full disk
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3), dtype=np.uint8)

    def write_noise() -> None:
        with VideoWriter(tmp_path / "a.mp4", 64, 48, TICK_S, RATE) as writer:
            for tick, picture in enumerate(noise):
                writer.write(picture, tick)

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        with pytest.raises(VideoWriteError, match="has space left"):
            write_noise()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_closing_twice_does_nothing_more(tmp_path):
    writer = VideoWriter(tmp_path / "a.mp4", 64, 48, TICK_S, RATE)
    writer.write(image(), 0)
    writer.close()
    writer.close()
    assert (tmp_path / "a.mp4").exists()
