from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tracker.export.edl import write_edl
from tracker.records import Shot, Timeline
from tracker.tracked import Appearance, Person

otio = pytest.importorskip("opentimelineio")
cmx_3600 = pytest.importorskip("otio_cmx3600_adapter.cmx_3600")
pycmx = pytest.importorskip("pycmx")

NTSC = Fraction(30000, 1001)
PAL = Fraction(25)


def film(tracked, rate, shots, stays, timeline=None):
    """`tracked` with other shots and stays (person, shot, first and last frame); even frames."""
    count = shots[-1].stop
    timeline = timeline or Timeline(np.arange(count, dtype=np.int64), 1 / rate, count)
    appearances = {}
    for person, shot, first, last in stays:
        times = timeline.start_s(first), timeline.stop_s(last)
        stay = Appearance(person, shot, first, last, *times)
        appearances.setdefault(person, []).append(stay)
    people = tuple(Person(number, f"P{number}", tuple(of)) for number, of in appearances.items())
    info = replace(tracked.info, frame_rate=rate)
    return replace(tracked, info=info, timeline=timeline, shots=tuple(shots), people=people)


def at_25(tracked):
    stays = [(person.number, stay.shot, stay.first_frame, stay.last_frame)
             for person in tracked.people for stay in person.appearances]  # fmt: skip
    return film(tracked, PAL, tracked.shots, stays)


def text_of(tmp_path, tracked):
    write_edl(tmp_path / "it.edl", tracked)
    return (tmp_path / "it.edl").read_text(encoding="utf-8")


def clips_of(tmp_path, tracked, rate):
    """What OpenTimelineIO's adapter reads."""
    (track,) = cmx_3600.read_from_string(text_of(tmp_path, tracked), rate=float(rate)).tracks
    for clip in track:
        assert track.range_of_child(clip).start_time == clip.source_range.start_time
    return list(track)


def frames_of(clips):
    """First frame, and the one after the last."""
    return [
        (clip.source_range.start_time.value, clip.source_range.end_time_exclusive().value)
        for clip in clips
    ]


def locators_of(text, rate):
    """Frame, colour and name of each, timecode read by OpenTimelineIO."""
    found = []
    for line in text.splitlines():
        if line.startswith("* LOC: "):
            told, colour, name = line.removeprefix("* LOC: ").split(maxsplit=2)
            found.append((otio.opentime.from_timecode(told, float(rate)).value, colour, name))
    return found


def test_a_list_is_laid_out_in_cmxs_columns(tracked, tmp_path):
    assert text_of(tmp_path, at_25(tracked)).splitlines()[:7] == [
        "TITLE: a film",
        "FCM: NON-DROP FRAME",
        "001  AX       V     C        00:00:00:00 00:00:03:15 00:00:00:00 00:00:03:15",
        "* FROM CLIP NAME: a film.mp4",
        "* COMMENT: P1, P2",
        "* LOC: 00:00:00:00 CYAN    P1",
        "* LOC: 00:00:00:20 ORANGE  P2",
    ]


def test_opentimelineio_reads_the_shots_and_where_people_appear(tracked, tmp_path):
    clips = clips_of(tmp_path, at_25(tracked), PAL)
    assert {clip.name for clip in clips} == {"a film.mp4"}
    assert frames_of(clips) == [(0, 90), (90, 200), (200, 300)]
    markers = [
        [(one.marked_range.start_time.value, one.color, one.name) for one in clip.markers]
        for clip in clips
    ]
    assert markers == [
        [(0, "CYAN", "P1"), (20, "ORANGE", "P2")],
        [(90, "CYAN", "P1"), (90, "ORANGE", "P2"), (140, "ORANGE", "P2")],
        [(200, "GREEN", "P3")],
    ]
    assert list(clips[1].metadata["cmx_3600"]["comments"]) == ["COMMENT: P1, P2"]


def test_pycmx_reads_the_same_and_knows_every_line(tracked, tmp_path):
    write_edl(tmp_path / "it.edl", tracked)
    with (tmp_path / "it.edl").open(encoding="utf-8") as file:
        listed = pycmx.parse_cmx3600(file)
    edits = [edit for event in listed.events for edit in event.edits]
    assert listed.title == "a film"
    assert list(listed.unrecognized_statements) == []
    assert [(edit.source, edit.clip_name) for edit in edits] == [("AX", "a film.mp4")] * 3
    assert [(edit.source_in, edit.source_out) for edit in edits] == [
        ("00:00:00;00", "00:00:03;00"),
        ("00:00:03;00", "00:00:06;20"),
        ("00:00:06;20", "00:00:10;00"),
    ]
    for edit in edits:
        assert (edit.record_in, edit.record_out) == (edit.source_in, edit.source_out)


@pytest.mark.parametrize(
    ("rate", "mode"),
    [
        (NTSC, "DROP FRAME"),
        (2 * NTSC, "DROP FRAME"),
        (Fraction(24000, 1001), "NON-DROP FRAME"),
        (PAL, "NON-DROP FRAME"),
        (Fraction(30), "NON-DROP FRAME"),
    ],
)
def test_frames_do_not_drift_far_into_a_long_video(rate, mode, tracked, tmp_path):
    shots = [Shot(0, 200_000), Shot(200_000, 200_001), Shot(200_001, 210_000)]
    long = film(tracked, rate, shots, [(1, 0, 54_321, 60_000), (2, 2, 200_001, 200_001)])
    text = text_of(tmp_path, long)
    assert text.splitlines()[1] == f"FCM: {mode}"
    assert frames_of(clips_of(tmp_path, long, rate)) == [(one.start, one.stop) for one in shots]
    assert [frame for frame, *_ in locators_of(text, rate)] == [54_321, 200_001]


def test_an_event_names_each_person_once_and_nobody_where_nobody_is(tracked, tmp_path):
    shots = [Shot(0, 100), Shot(100, 110)]
    text = text_of(
        tmp_path, film(tracked, PAL, shots, [(2, 0, 0, 3), (1, 0, 9, 20), (2, 0, 60, 80)])
    )
    assert [line for line in text.splitlines() if "COMMENT" in line] == ["* COMMENT: P2, P1"]


def test_frames_that_last_unequally_go_to_the_nearest_one_and_a_comment_says_so(uneven, tmp_path):
    clips, timeline = clips_of(tmp_path, uneven, NTSC), uneven.timeline
    for (start, stop), shot in zip(frames_of(clips), uneven.shots, strict=True):
        assert abs(int(start) / NTSC - timeline.start_s(shot.start)) <= 1 / NTSC / 2
        assert abs(int(stop) / NTSC - timeline.stop_s(shot.stop - 1)) <= 1 / NTSC / 2
    comments = clips[0].metadata["cmx_3600"]["comments"]
    assert comments[0] == "COMMENT: TIMES ARE TO THE NEAREST FRAME AT 29.97 FPS"
    assert "NEAREST" not in str(clips[1].metadata)


def test_no_comment_is_made_where_frames_are_exact(tracked, tmp_path):
    assert "NEAREST" not in text_of(tmp_path, tracked)


def test_shots_too_short_to_tell_apart_are_one_event(tracked, tmp_path):
    ticks = np.array([0, 1000, 1004, 1008, 2000, 2003])
    timeline = Timeline(ticks, Fraction(1, 1000), 2005)
    shots = [Shot(0, 1), Shot(1, 2), Shot(2, 4), Shot(4, 5), Shot(5, 6)]
    stays = [(number, number - 1, shot.start, shot.start) for number, shot in enumerate(shots, 1)]
    short = film(tracked, PAL, shots, stays, timeline)
    assert frames_of(clips_of(tmp_path, short, PAL)) == [(0, 25), (25, 50), (50, 51)]
    found = [(frame, name) for frame, _, name in locators_of(text_of(tmp_path, short), PAL)]
    assert found == [(0, "P1"), (25, "P2"), (25, "P3"), (50, "P4"), (50, "P5")]


def test_a_locator_lies_in_its_event_though_the_nearest_frame_is_the_next_ones(tracked, tmp_path):
    ticks = Timeline(np.array([0, 990, 1000, 1500]), Fraction(1, 1000), 2000)
    shots = [Shot(0, 2), Shot(2, 4)]
    text = text_of(tmp_path, film(tracked, PAL, shots, [(1, 0, 1, 1)], ticks))
    assert "* LOC: 00:00:00:24 " in text  # 0.99 s is nearest to frame 25, where the next begins


def test_more_than_999_events_have_four_digits(tracked, tmp_path):
    shots = [Shot(number, number + 1) for number in range(1200)]
    clips = clips_of(tmp_path, many := film(tracked, PAL, shots, []), PAL)
    assert frames_of(clips) == [(number, number + 1) for number in range(1200)]
    with (tmp_path / "it.edl").open(encoding="utf-8") as file:
        assert [event.number for event in pycmx.parse_cmx3600(file).events] == list(range(1, 1201))
    assert "\n999  AX" in text_of(tmp_path, many)


def test_names_keep_their_letters_and_lose_their_line_breaks(tracked, tmp_path):
    people = (replace(tracked.people[0], name="지연\n001  AX é"), *tracked.people[1:])
    odd = replace(tracked, name="caf\udce9 ñ.mp4", people=people)
    text = text_of(tmp_path, odd)
    assert "* FROM CLIP NAME: caf\ufffd ñ.mp4\n" in text
    assert locators_of(text, NTSC)[0] == (0, "CYAN", "지연 001 AX é")


def test_a_video_without_people_has_its_shots_only(tracked, tmp_path):
    nobody = replace(tracked, people=())
    assert len(clips_of(tmp_path, nobody, NTSC)) == 3
    assert "COMMENT" not in text_of(tmp_path, nobody)


def test_the_same_video_gives_the_same_bytes(uneven, tmp_path):
    assert text_of(tmp_path, uneven) == text_of(tmp_path, uneven)
    assert b"\r" not in (tmp_path / "it.edl").read_bytes()
