from __future__ import annotations

from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tracker.clips.cut import Clip, write_clips
from tracker.clips.spans import Span
from tracker.errors import StorageError, TrackerError
from tracker.progress import Silence
from tracker.records import Shot, Timeline, Tracks
from tracker.tracked import TrackedVideo
from tracker.video.reader import VideoReader, probe_video
from tracker.video.writer import VideoWriter

WIDTH, HEIGHT = 64, 48
SOUND_RATE = 48_000
BITS = 8  # of a frame's number, each a bar
FILM = Timeline(np.arange(90) * 1001, Fraction(1, 30_000), 90 * 1001)  # 29.97 frames a second
_STEPS = np.random.default_rng(1).integers(15, 120, 60)  # 15 to 120 ms a frame
UNEVEN = Timeline(np.cumsum(_STEPS) - _STEPS[0], Fraction(1, 1000), int(_STEPS.sum()))


def picture(number: int) -> np.ndarray:
    """A picture that says its `number` in bars of black and white."""
    bars = np.array([number >> bit & 1 for bit in range(BITS)], np.uint8) * 215 + 20
    row = np.repeat(bars, WIDTH // BITS)
    return np.repeat(np.repeat(row[None, :, None], HEIGHT, axis=0), 3, axis=2)


def number_of(image: np.ndarray) -> int:
    bars = image[HEIGHT // 2, WIDTH // BITS // 2 :: WIDTH // BITS, 0]
    return sum(int(bar > 127) << bit for bit, bar in enumerate(bars))


def clicks(timeline: Timeline) -> np.ndarray:
    """Silence, but for a click in the middle of every third frame."""
    sound = np.zeros(round(timeline.stop_s(len(timeline) - 1) * SOUND_RATE), np.float32)
    for frame in range(0, len(timeline), 3):
        sound[click_of(frame, timeline)] = 0.9
    return sound


def click_of(frame: int, timeline: Timeline) -> int:
    return round((timeline.start_s(frame) + timeline.stop_s(frame)) / 2 * SOUND_RATE)


def write_source(path: Path, timeline: Timeline, with_sound: bool = True) -> Path:
    sound = (clicks(timeline), SOUND_RATE) if with_sound else None
    with VideoWriter(
        path, WIDTH, HEIGHT, timeline.tick_s, Fraction(30), sound=sound, preset="ultrafast"
    ) as writer:
        for number, tick in enumerate(timeline.ticks.tolist()):
            writer.write(picture(number), tick)
        writer.close(timeline.end_tick)
    return path


def tracked_of(path: Path) -> TrackedVideo:
    with VideoReader(path) as reader:
        count = len(list(reader))
        timeline = reader.timeline()
    nobody = Tracks.empty()
    shots = (Shot(0, count),)
    return TrackedVideo(path.name, probe_video(path), timeline, shots, nobody, nobody, ())


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return write_source(tmp_path_factory.mktemp("film") / "film.mp4", FILM)


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    return write_source(tmp_path_factory.mktemp("uneven") / "uneven.mp4", UNEVEN)


def cut(video: Path, *clips: Clip) -> None:
    write_clips(video, tracked_of(video), clips, Silence())


def cut_one(video: Path, folder: Path, *spans: tuple[int, int]) -> Path:
    clip = Clip(folder / "clip.mp4", tuple(Span(*span) for span in spans))
    cut(video, clip)
    return clip.path


def numbers_in(path: Path) -> list[int]:
    with VideoReader(path) as reader:
        return [number_of(frame.image) for frame in reader]


def timeline_of(path: Path) -> Timeline:
    return tracked_of(path).timeline


def shown_s(timeline: Timeline, *spans: tuple[int, int]) -> Fraction:
    return sum(
        (timeline.stop_s(stop - 1) - timeline.start_s(start) for start, stop in spans), Fraction()
    )


def heard_clicks(path: Path) -> np.ndarray:
    """The number of the sample of each click, in order."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    assert frames[0].pts == 0
    loud = np.abs(np.concatenate([frame.to_ndarray()[0] for frame in frames]))
    peaks = np.flatnonzero(loud > 0.3)
    groups = np.split(peaks, np.flatnonzero(np.diff(peaks) > SOUND_RATE // 200) + 1)
    return np.array([group[np.argmax(loud[group])] for group in groups if len(group)])


def expected_clicks(timeline: Timeline, *spans: tuple[int, int]) -> np.ndarray:
    found, before_s = [], Fraction(0)
    for start, stop in spans:
        for frame in range(start, stop):
            if frame % 3 == 0:
                at_s = Fraction(click_of(frame, timeline), SOUND_RATE) - timeline.start_s(start)
                found.append(round((before_s + at_s) * SOUND_RATE))
        before_s += shown_s(timeline, (start, stop))
    return np.array(found)


@pytest.mark.parametrize("source", ["film", "uneven"])
@pytest.mark.parametrize("span", [(0, 7), (13, 14), (20, 45), (48, 60)])
def test_a_clip_shows_the_frames_of_its_span_each_for_its_own_time(tmp_path, request, source, span):
    video = request.getfixturevalue(source)
    clip = cut_one(video, tmp_path, span)
    assert numbers_in(clip) == list(range(*span))
    known, written = timeline_of(video), timeline_of(clip)
    for frame in range(span[1] - span[0]):
        start_s = known.start_s(span[0] + frame) - known.start_s(span[0])
        assert written.start_s(frame) == start_s
        assert written.stop_s(frame) == start_s + shown_s(
            known, (span[0] + frame, span[0] + frame + 1)
        )


@pytest.mark.parametrize("source", ["film", "uneven"])
@pytest.mark.parametrize("span", [(0, 7), (20, 45), (48, 60)])
def test_what_is_heard_in_a_clip_is_heard_to_the_sample_when_it_should_be(
    tmp_path, request, source, span
):
    video = request.getfixturevalue(source)
    heard = heard_clicks(cut_one(video, tmp_path, span))
    np.testing.assert_allclose(heard, expected_clicks(timeline_of(video), span), atol=2)


def test_the_sound_of_a_clip_is_as_long_as_its_pictures_to_a_millisecond(tmp_path, film):
    with av.open(str(cut_one(film, tmp_path, (20, 45)))) as container:
        sound, pictures = container.streams.audio[0], container.streams.video[0]
        sound_s = sound.duration * sound.time_base
        pictures_s = pictures.duration * pictures.time_base
    assert pictures_s == shown_s(FILM, (20, 45))
    assert abs(sound_s - pictures_s) < Fraction(1, 1000)


def test_a_clip_at_the_very_end_lasts_as_long_as_the_video(tmp_path, film):
    clip = cut_one(film, tmp_path, (80, 90))
    assert numbers_in(clip) == list(range(80, 90))
    assert timeline_of(clip).stop_s(9) == shown_s(FILM, (80, 90))


@pytest.mark.parametrize("source", ["film", "uneven"])
def test_a_supercut_shows_its_spans_one_after_another(tmp_path, request, source):
    video, spans = request.getfixturevalue(source), [(0, 7), (20, 31), (48, 60)]
    clip = cut_one(video, tmp_path, *spans)
    assert numbers_in(clip) == [frame for span in spans for frame in range(*span)]
    written = timeline_of(clip)
    assert written.stop_s(len(written) - 1) == shown_s(timeline_of(video), *spans)
    assert written.start_s(7) == shown_s(timeline_of(video), (0, 7))


@pytest.mark.parametrize("source", ["film", "uneven"])
def test_the_sound_of_a_supercut_does_not_drift(tmp_path, request, source):
    video = request.getfixturevalue(source)
    spans = [(frame, frame + 1) for frame in range(0, 60, 3)]  # each frame with a click
    heard = heard_clicks(cut_one(video, tmp_path, *spans))
    np.testing.assert_allclose(heard, expected_clicks(timeline_of(video), *spans), atol=2)


def test_several_clips_are_cut_in_one_pass(tmp_path, film):
    spans = [(0, 3), (10, 20), (87, 90)]
    clips = [Clip(tmp_path / f"{span[0]}.mp4", (Span(*span),)) for span in spans]
    cut(film, *clips)
    for clip, span in zip(clips, spans, strict=True):
        assert numbers_in(clip.path) == list(range(*span))
        np.testing.assert_allclose(heard_clicks(clip.path), expected_clicks(FILM, span), atol=2)


def test_a_clip_plays_in_browsers(tmp_path, film):
    clip = cut_one(film, tmp_path, (10, 20))
    with av.open(str(clip)) as container:
        pictures, sound = container.streams.video[0], container.streams.audio[0]
        assert (pictures.codec_context.name, pictures.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert sound.codec_context.name == "aac"
        assert next(container.decode(video=0)).pts == 0
    content = clip.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_a_video_without_sound_gives_clips_without(tmp_path):
    video = write_source(tmp_path / "silent.mp4", FILM, with_sound=False)
    clip = cut_one(video, tmp_path, (3, 9))
    assert not probe_video(clip).has_sound
    assert numbers_in(clip) == list(range(3, 9))


def test_no_clips_are_written_where_none_are_wanted(tmp_path, film):
    cut(film)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_made_where_there_is_none(tmp_path, film):
    assert cut_one(film, tmp_path / "new" / "clips", (0, 2)).is_file()


def test_an_older_clip_of_the_same_name_is_replaced(tmp_path, film):
    cut_one(film, tmp_path, (0, 9))
    assert numbers_in(cut_one(film, tmp_path, (20, 22))) == [20, 21]


def test_the_video_itself_is_never_overwritten(tmp_path):
    video = write_source(tmp_path / "clip.mp4", UNEVEN)
    before = video.read_bytes()
    with pytest.raises(TrackerError, match="would be overwritten"):
        cut_one(video, tmp_path, (0, 9))
    assert video.read_bytes() == before


def test_nor_is_it_by_a_link_to_it(tmp_path, film):
    (tmp_path / "clip.mp4").symlink_to(film)
    with pytest.raises(TrackerError, match="would be overwritten"):
        cut_one(film, tmp_path, (0, 9))


def test_a_video_that_ends_too_early_is_an_error_and_leaves_nothing_behind(tmp_path, film, uneven):
    clip = Clip(tmp_path / "clip.mp4", (Span(50, 70),))
    with pytest.raises(TrackerError, match="ends before frame 69"):
        write_clips(uneven, tracked_of(film), [clip], Silence())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path, film):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="choose another folder"):
        cut_one(film, tmp_path / "file" / "clips", (0, 2))


def test_progress_counts_the_frames_that_are_passed_over_too(tmp_path, film):
    class Counted(Silence):
        done = 0
        total = 0

        def stage(self, name, total, unit):
            self.total = total
            return nullcontext(self.advance)

        def advance(self, count):
            self.done += count

    counted = Counted()
    write_clips(film, tracked_of(film), [Clip(tmp_path / "a.mp4", (Span(30, 40),))], counted)
    assert counted.done == counted.total == 40
