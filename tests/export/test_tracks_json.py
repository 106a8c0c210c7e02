import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tracker.errors import StorageError
from tracker.export.appearances import people_of
from tracker.export.tracks_json import (
    FORMAT_VERSION,
    TRACKS_JSON,
    read_tracked,
    seconds,
    tracked_as_dict,
    write_tracked,
)
from tracker.records import Shot, Timeline, Tracks, VideoInfo
from tracker.storage import save_json
from tracker.tracked import TrackedVideo

INFO = VideoInfo(640, 360, Fraction(30000, 1001), 6, has_sound=True)
TIMELINE = Timeline(np.array([0, 1, 2, 3, 4, 6]), Fraction(1001, 30000), 7)
SHOTS = (Shot(0, 4), Shot(4, 6))
TRACKS = Tracks(
    np.array([0, 1, 1, 4], np.int32),
    np.array([2, 1, 2, 2], np.int32),
    np.array(
        [[0, 0, 10, 20], [1.004, 2, 3.5, 4.25], [1, 1, 11, 21], [5, 5, 6, 6]],
        np.float32,
    ),
    np.array([0.98761, 0.5, 0.0, 1.0], np.float32),
)


NOBODY_S = Tracks(
    np.array([3], np.int32),
    np.array([-1], np.int32),
    np.array([[7, 8, 9.5, 10]], np.float32),
    np.array([0.00001], np.float32),
)
EMPTY = TrackedVideo("empty.mp4", INFO, TIMELINE, SHOTS, Tracks.empty(), Tracks.empty(), ())


def people():
    first, second = people_of(TRACKS, SHOTS, TIMELINE, {2: "Zoë"})
    return replace(first, nearest=(2, 1.98765)), replace(second, spread=0.25, nearest=(1, 1.5))


TRACKED = TrackedVideo(
    "some film.mp4",
    INFO,
    TIMELINE,
    SHOTS,
    TRACKS,
    NOBODY_S,
    people(),
    ((1, 2, 1.23456), (2, 7, np.float64(1.5))),
)


@pytest.fixture
def exported():
    """As it is read back from a file."""
    return json.loads(json.dumps(tracked_as_dict(TRACKED), allow_nan=False))


def written(run, tracked):
    write_tracked(run, tracked)
    return run


def test_the_format_is_numbered(exported):
    assert exported["format"] == FORMAT_VERSION


def test_the_video_is_described_with_exact_times(exported):
    assert exported["video"] == {
        "name": "some film.mp4",
        "width": 640,
        "height": 360,
        "frame_rate": "30000/1001",
        "has_sound": True,
        "frames": 6,
        "tick_s": "1001/30000",
        "ticks": [0, 1, 2, 3, 4, 6],
        "end_tick": 7,
    }
    assert Fraction(exported["video"]["tick_s"]) == TIMELINE.tick_s


def test_shots_have_their_first_and_last_frames_and_their_times(exported):
    assert exported["shots"] == [
        {"first_frame": 0, "last_frame": 3, "start_s": 0.0, "stop_s": 0.133467},
        {"first_frame": 4, "last_frame": 5, "start_s": 0.133467, "stop_s": 0.233567},
    ]


def test_people_are_in_order_with_a_name(exported):
    assert [(person["id"], person["name"]) for person in exported["people"]] == [
        (1, "Person 1"),
        (2, "Zoë"),
    ]


def test_boxes_are_frame_x_y_width_height_and_score(exported):
    assert exported["people"][1]["boxes"] == [
        [0, 0.0, 0.0, 10.0, 20.0, 0.9876],
        [1, 1.0, 1.0, 10.0, 20.0, 0.0],
        [4, 5.0, 5.0, 1.0, 1.0, 1.0],
    ]


def test_coordinates_have_hundredths_of_a_pixel(exported):
    assert exported["people"][0]["boxes"] == [[1, 1.0, 2.0, 2.5, 2.25, 0.5]]


def test_a_person_has_their_own_stays_only(exported):
    first, second = exported["people"]
    assert first["appearances"] == [
        {"shot": 0, "first_frame": 1, "last_frame": 1, "start_s": 0.033367, "stop_s": 0.066733}
    ]
    assert [stay["shot"] for stay in second["appearances"]] == [0, 1]


def test_screen_time_is_the_sum_of_the_stays_rounded_once(exported):
    # Frames 0 and 1 of the first shot, frame 4 of the second, which is shown for two ticks.
    assert exported["people"][1]["screen_time_s"] == round(4 * 1001 / 30000, 6)


def test_people_who_may_be_the_same_are_in_the_order_given(exported):
    assert exported["maybe_the_same"] == [
        {"people": [1, 2], "distance": 1.2346},
        {"people": [2, 7], "distance": 1.5},
    ]


def test_how_sure_a_person_is_goes_with_it(exported):
    first, second = exported["people"]
    assert (first["spread"], first["nearest"]) == (None, {"id": 2, "distance": 1.9876})
    assert (second["spread"], second["nearest"]) == (0.25, {"id": 1, "distance": 1.5})


def test_faces_of_nobody_are_kept_and_a_small_score_is_not_taken_for_none(exported):
    assert exported["nobody"]["boxes"] == [[3, 7.0, 8.0, 2.5, 2.0, 0.0001]]


def test_a_video_without_people_is_still_described():
    plain = tracked_as_dict(EMPTY)
    assert plain["people"] == plain["maybe_the_same"] == []
    assert len(plain["shots"]) == 2
    json.dumps(plain)


def test_what_is_read_back_is_what_was_written(tmp_path):
    back = read_tracked(written(tmp_path, TRACKED))
    assert tracked_as_dict(back) == tracked_as_dict(TRACKED)
    assert back.info == INFO
    assert back.shots == SHOTS
    assert back.people[1].appearances == TRACKED.people[1].appearances
    assert back.people[1].screen_s == 4 * TIMELINE.tick_s
    np.testing.assert_array_equal(back.timeline.ticks, TIMELINE.ticks)
    np.testing.assert_array_equal(back.tracks.frame, TRACKS.frame)
    np.testing.assert_array_equal(back.tracks.person, TRACKS.person)
    np.testing.assert_allclose(back.tracks.boxes, TRACKS.boxes, atol=0.0051)


def test_a_video_without_people_is_read_back(tmp_path):
    back = read_tracked(written(tmp_path, EMPTY))
    assert (len(back.tracks), len(back.nobody), back.people) == (0, 0, ())


def test_a_folder_without_tracks_is_no_run(tmp_path):
    with pytest.raises(StorageError, match="name the folder of a finished run"):
        read_tracked(tmp_path)


def test_tracks_of_another_version_are_refused(tmp_path):
    save_json(tmp_path / TRACKS_JSON, tracked_as_dict(TRACKED) | {"format": 1})
    with pytest.raises(StorageError, match="run the tracker again"):
        read_tracked(tmp_path)


def test_damaged_tracks_are_refused(tmp_path):
    save_json(tmp_path / TRACKS_JSON, tracked_as_dict(TRACKED) | {"people": [{"id": 1}]})
    with pytest.raises(StorageError, match="delete it"):
        read_tracked(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"video__ticks": []},
        {"video__tick_s": "0"},
        {"video__end_tick": 6},
        {"video__ticks": [0, 1, 1, 3, 4, 6]},
        {"video__width": 0},
        {"video__name": "a\0b"},
        {"shots": []},
        {"people__0__id": 2},
        {"people__0__id": 0},
        {"people__0__appearances": []},
        {"people__0__appearances__0__last_frame": 6},
        {"people__0__appearances__0__first_frame": -1},
        {"people__0__appearances__0__shot": 2},
        {"people__0__boxes": [[6, 0, 0, 1, 1, 1]]},
        {"people__0__boxes": [[0, 0, 0, float("nan"), 1, 1]]},
        {"nobody__boxes": [[-1, 0, 0, 1, 1, 1]]},
    ],
)
def test_what_no_run_writes_is_refused(exported, tmp_path, changes):
    for place, value in changes.items():
        *path, last = place.split("__")
        part = exported
        for key in path:
            part = part[int(key) if key.isdigit() else key]
        part[last] = value
    (tmp_path / TRACKS_JSON).write_text(json.dumps(exported))
    with pytest.raises(StorageError, match=r"tracks\.json: .*; delete it"):
        read_tracked(tmp_path)


def test_a_file_nested_too_deeply_is_refused(tmp_path):
    (tmp_path / TRACKS_JSON).write_text("[" * 100_000)
    with pytest.raises(StorageError, match="delete it"):
        read_tracked(tmp_path)


def test_the_file_has_a_line_a_person_and_a_shot(tmp_path):
    write_tracked(tmp_path, TRACKED)
    lines = (tmp_path / TRACKS_JSON).read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith('{"id": ') for line in lines) == 2
    assert sum(line.startswith('{"first_frame": ') for line in lines) == 2


def test_seconds_are_rounded_to_microseconds():
    assert seconds(Fraction(1, 3)) == 0.333333
    assert seconds(0) == 0.0
