import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tracker.errors import TrackerError
from tracker.export.otio import write_otio
from tracker.records import Shot, Timeline
from tracker.tracked import Appearance, Person

otio = pytest.importorskip("opentimelineio")

NTSC = Fraction(30000, 1001)


def read_back(path, tracked, video=None):
    write_otio(path / "it.otio", tracked, video)
    return otio.adapters.read_from_file(str(path / "it.otio"))


def marks(span):
    """The start of a range and its end, which is not in it; both whole."""
    start, stop = span.start_time.value, span.end_time_exclusive().value
    assert start == int(start)
    assert stop == int(stop)
    return int(start), int(stop)


def frames(stay):
    return stay.first_frame, stay.last_frame + 1


def ticks(stay, timeline):
    edges = [*timeline.ticks.tolist(), timeline.end_tick]
    return edges[stay.first_frame], edges[stay.last_frame + 1]


def long_film(tracked):
    """A shot and an appearance after frame 200,000, in ticks as MP4 has them."""
    timeline = Timeline(np.arange(210_000, dtype=np.int64) * 3003, Fraction(1, 90000), 630_630_000)
    stay = Appearance(1, 1, 200_003, 200_100, timeline.start_s(200_003), timeline.stop_s(200_100))
    shots = (Shot(0, 200_000), Shot(200_000, 210_000))
    return replace(tracked, timeline=timeline, shots=shots, people=(Person(1, "Zoë", (stay,)),))


def test_the_first_track_has_a_clip_a_shot(tracked, tmp_path):
    shots = read_back(tmp_path, tracked).tracks[0]
    assert shots.name == "Shots"
    assert [clip.name for clip in shots] == ["Shot 1", "Shot 2", "Shot 3"]
    assert [marks(clip.source_range) for clip in shots] == [(0, 90), (90, 200), (200, 300)]


def test_each_shot_has_a_marker_for_each_appearance_in_it(tracked, tmp_path):
    shots = read_back(tmp_path, tracked).tracks[0]
    found = [
        [(marker.name, marks(marker.marked_range), marker.color) for marker in clip.markers]
        for clip in shots
    ]
    assert found == [
        [("Zoë O'Brien", (0, 90), "CYAN"), ("Person 2", (20, 90), "ORANGE")],
        [
            ("Zoë O'Brien", (90, 150), "CYAN"),
            ("Person 2", (90, 95), "ORANGE"),
            ("Person 2", (140, 160), "ORANGE"),
        ],
        [("Bo & <Co>", (200, 300), "GREEN")],
    ]


@pytest.mark.parametrize("film", ["tracked", "uneven"])
def test_each_person_has_a_track_with_a_clip_an_appearance(film, request, tmp_path):
    tracked = request.getfixturevalue(film)
    tracks = read_back(tmp_path, tracked).tracks[1:]
    assert [track.name for track in tracks] == ["Zoë O'Brien", "Person 2", "Bo & <Co>"]
    for track, person in zip(tracks, tracked.people, strict=True):
        clips = list(track.find_clips())
        assert {clip.name for clip in clips} == {person.name}
        spans = [
            frames(stay) if film == "tracked" else ticks(stay, tracked.timeline)
            for stay in person.appearances
        ]
        assert [marks(clip.source_range) for clip in clips] == spans


@pytest.mark.parametrize("film", ["tracked", "uneven"])
def test_every_clip_lies_where_it_lies_in_the_video(film, request, tmp_path):
    for track in read_back(tmp_path, request.getfixturevalue(film)).tracks:
        for clip in track.find_clips():
            assert track.range_of_child(clip) == clip.source_range


def test_times_of_even_frames_are_frame_numbers_at_the_exact_rate(tracked, tmp_path):
    timeline = read_back(tmp_path, tracked)
    rates = {clip.source_range.start_time.rate for clip in timeline.find_clips()}
    assert rates == {30000 / 1001}
    assert timeline.metadata["multiface"] == {"times": "frames", "rate": "30000/1001"}


def test_times_of_uneven_frames_are_ticks_and_exact(uneven, tmp_path):
    timeline = read_back(tmp_path, uneven)
    shots = list(timeline.tracks[0])
    for clip, shot in zip(shots, uneven.shots, strict=True):
        start, stop = marks(clip.source_range)
        assert clip.source_range.start_time.rate == 1000
        assert Fraction(start, 1000) == uneven.timeline.start_s(shot.start)
        assert Fraction(stop, 1000) == uneven.timeline.stop_s(shot.stop - 1)
    assert "ticks" in timeline.metadata["multiface"]["times"]


def test_frames_do_not_drift_far_into_a_long_video(tracked, tmp_path):
    shots, person = read_back(tmp_path, long_film(tracked)).tracks
    assert marks(shots[1].source_range) == (200_000, 210_000)
    assert marks(shots[1].markers[0].marked_range) == (200_003, 200_101)
    assert marks(person[1].source_range) == (200_003, 200_101)
    assert person.range_of_child(person[1]).start_time.value == 200_003


def test_clips_refer_to_the_whole_video_by_its_url(tracked, tmp_path):
    video = tmp_path / "a film é.mp4"
    for clip in read_back(tmp_path, tracked, video).find_clips():
        media = clip.media_reference
        assert media.target_url == video.as_uri()
        assert media.target_url.endswith("/a%20film%20%C3%A9.mp4")
        assert marks(media.available_range) == (0, 300)


def test_a_video_that_lies_nowhere_is_referred_to_by_name(tracked, tmp_path):
    clip = next(iter(read_back(tmp_path, tracked).find_clips()))
    assert clip.media_reference.target_url == "a%20film.mp4"
    assert otio.url_utils.filepath_from_url(clip.media_reference.target_url) == "a film.mp4"


def test_a_relative_path_becomes_a_full_url(tracked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clip = next(iter(read_back(tmp_path, tracked, Path("b.mp4")).find_clips()))
    assert clip.media_reference.target_url == (tmp_path / "b.mp4").as_uri()


def test_names_that_are_no_text_are_written(tracked, tmp_path):
    people = (replace(tracked.people[0], name="Zo\udceb\n"), *tracked.people[1:])
    odd = replace(tracked, name="caf\udce9.mp4", people=people)
    timeline = read_back(tmp_path, odd, tmp_path / odd.name)
    assert timeline.tracks[1].name == "Zo\ufffd"
    media = next(iter(timeline.find_clips())).media_reference
    assert media.target_url.endswith("/caf%E9.mp4")


def test_a_video_without_people_has_its_shots_only(tracked, tmp_path):
    (shots,) = read_back(tmp_path, replace(tracked, people=())).tracks
    assert len(shots) == 3


def test_the_same_video_gives_the_same_bytes(uneven, tmp_path):
    for name in ("a", "b"):
        write_otio(tmp_path / name, uneven, None)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_without_opentimelineio_the_extra_is_named(tracked, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentimelineio", None)
    with pytest.raises(TrackerError, match=r"pip install 'multiface\[otio\]'"):
        write_otio(tmp_path / "it.otio", tracked, None)
