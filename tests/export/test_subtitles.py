import html
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import numpy as np
import pytest

from tracker.export.appearances import people_of
from tracker.export.subtitles import write_srt, write_vtt
from tracker.records import Shot, Timeline, Tracks

srt = pytest.importorskip("srt")
webvtt = pytest.importorskip("webvtt")

NTSC = Fraction(30000, 1001)
HALF_MS = Fraction(1, 2000)
# Where each cue of the fixtures starts, and the frame after its last.
CUE_FRAMES = [(0, 20), (20, 95), (95, 140), (140, 150), (150, 160), (200, 300)]
WRITERS = [write_vtt, write_srt]


def named(tracked, *names):
    people = (replace(one, name=name) for one, name in zip(tracked.people, names, strict=False))
    return replace(tracked, people=tuple(people))


def read_vtt(path):
    """Start and stop in exact seconds, and the text, of each cue."""
    cues = []
    for cue in webvtt.read(path):
        times = [
            3600 * time.hours + 60 * time.minutes + time.seconds + Fraction(time.milliseconds, 1000)
            for time in (cue.start_time, cue.end_time)
        ]
        cues.append((*times, html.unescape(cue.text)))
    return cues


def read_srt(path):
    cues = []
    for number, cue in enumerate(srt.parse(path.read_text(encoding="utf-8")), start=1):
        assert cue.index == number
        times = [Fraction(time // timedelta(milliseconds=1), 1000) for time in (cue.start, cue.end)]
        cues.append((*times, cue.content))
    return cues


FORMATS = pytest.mark.parametrize(
    ("write", "read"), [(write_vtt, read_vtt), (write_srt, read_srt)], ids=["vtt", "srt"]
)


@FORMATS
@pytest.mark.parametrize("film", ["tracked", "uneven"])
def test_the_times_read_back_are_those_of_the_frames(write, read, film, request, tmp_path):
    tracked = request.getfixturevalue(film)
    write(tmp_path / "it", tracked)
    cues = read(tmp_path / "it")
    for (start_s, stop_s, _), (first, after) in zip(cues, CUE_FRAMES, strict=True):
        assert abs(start_s - tracked.timeline.start_s(first)) <= HALF_MS
        assert abs(stop_s - tracked.timeline.stop_s(after - 1)) <= HALF_MS


@FORMATS
def test_times_do_not_drift_far_into_a_long_video(write, read, tracked, tmp_path):
    ticks = [0, 200_000, 200_001, 12_000_000]  # at last, 111 hours
    timeline = Timeline(np.array(ticks), 1 / NTSC, ticks[-1] + 1)
    seen = np.array([1, 3], np.int32)
    faces = Tracks(seen, np.ones(2, np.int32), np.zeros((2, 4), np.float32), np.ones(2, np.float32))
    people = people_of(faces, [Shot(0, 4)], timeline, {})
    write(tmp_path / "it", replace(tracked, timeline=timeline, people=people))
    for (start_s, stop_s, _), frame in zip(
        read(tmp_path / "it"), (200_000, 12_000_000), strict=True
    ):
        assert abs(start_s - frame * Fraction(1001, 30000)) <= HALF_MS
        assert abs(stop_s - (frame + 1) * Fraction(1001, 30000)) <= HALF_MS


def test_names_read_back_from_vtt_are_what_they_were(tracked, tmp_path):
    write_vtt(tmp_path / "it.vtt", named(tracked, "Zoë --> <v Bo>", "&amp; 지연", "7"))
    texts = [text for *_, text in read_vtt(tmp_path / "it.vtt")]
    assert texts[1] == "Zoë --> <v Bo>, &amp; 지연"
    assert texts[-1] == "7"


def test_vtt_holds_no_character_of_markup_but_its_arrows(tracked, tmp_path):
    write_vtt(tmp_path / "it.vtt", named(tracked, "<b>&--></b>", "&", ">"))
    lines = (tmp_path / "it.vtt").read_text(encoding="utf-8").splitlines()
    texts = [line for line in lines if " --> " not in line]
    assert not any(character in text for text in texts for character in "<>")


def test_names_in_srt_are_no_tags_and_no_arrows(tracked, tmp_path):
    write_srt(tmp_path / "it.srt", named(tracked, "<b>Zoë</b> -->", r"{\an8}Bo", "3"))
    texts = [text for *_, text in read_srt(tmp_path / "it.srt")]
    assert texts[1] == r"‹b›Zoë‹/b› --›, (\an8)Bo"  # noqa: RUF001
    assert texts[-1] == "3"


@FORMATS
def test_a_name_of_many_lines_is_one_line(write, read, tracked, tmp_path):
    write(tmp_path / "it", named(tracked, "Bo\n\n5\n00:00:00.000 \r Lee"))
    assert {text for *_, text in read(tmp_path / "it")} == {"Bo 5 00:00:00.000 Lee"}


@FORMATS
def test_a_video_without_people_has_no_cues(write, read, tracked, tmp_path):
    write(tmp_path / "it", replace(tracked, people=()))
    assert read(tmp_path / "it") == []


@pytest.mark.parametrize("write", WRITERS)
def test_the_same_video_gives_the_same_bytes(write, uneven, tmp_path):
    for name in ("a", "b"):
        write(tmp_path / name, uneven)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert b"\r" not in (tmp_path / "a").read_bytes()
