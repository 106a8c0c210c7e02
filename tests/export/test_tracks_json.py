import json
from fractions import Fraction

import numpy as np
import pytest

from tracker.export.appearances import find_appearances
from tracker.export.tracks_json import FORMAT_VERSION, seconds, tracks_as_dict
from tracker.records import Shot, Timeline, Tracks, VideoInfo

INFO = VideoInfo(640, 360, Fraction(30000, 1001), 6, has_sound=True)
TIMELINE = Timeline(np.array([0, 1, 2, 3, 4, 6]), Fraction(1001, 30000), 7)
SHOTS = [Shot(0, 4), Shot(4, 6)]
TRACKS = Tracks(
    np.array([0, 1, 1, 4], np.int32),
    np.array([2, 1, 2, 2], np.int32),
    np.array(
        [[0, 0, 10, 20], [1.004, 2, 3.5, 4.25], [1, 1, 11, 21], [5, 5, 6, 6]],
        np.float32,
    ),
    np.array([0.98761, 0.5, 0.0, 1.0], np.float32),
)


@pytest.fixture
def exported():
    """As it is read back from a file."""
    stays = find_appearances(TRACKS, SHOTS, TIMELINE)
    maybe_same = [(1, 2, 1.23456), (2, 7, np.float64(1.5))]
    plain = tracks_as_dict("some film.mp4", INFO, TIMELINE, SHOTS, TRACKS, stays, maybe_same)
    return json.loads(json.dumps(plain, allow_nan=False))


def test_the_format_is_numbered(exported):
    assert exported["format"] == FORMAT_VERSION


def test_the_video_is_described_with_exact_times(exported):
    assert exported["video"] == {
        "name": "some film.mp4",
        "width": 640,
        "height": 360,
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
        (2, "Person 2"),
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


def test_a_video_without_people_is_still_described():
    plain = tracks_as_dict("empty.mp4", INFO, TIMELINE, SHOTS, Tracks.empty(), [], [])
    assert plain["people"] == plain["maybe_the_same"] == []
    assert len(plain["shots"]) == 2
    json.dumps(plain)


def test_seconds_are_rounded_to_microseconds():
    assert seconds(Fraction(1, 3)) == 0.333333
    assert seconds(0) == 0.0
