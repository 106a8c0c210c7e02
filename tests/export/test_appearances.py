from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.export.appearances import find_appearances
from tracker.records import Shot, Timeline, Tracks
from tracker.tracked import Appearance

RATE = 25
FRAMES = 200
STEADY = Timeline(np.arange(FRAMES, dtype=np.int64), Fraction(1, RATE), FRAMES)
ONE_SHOT = [Shot(0, FRAMES)]


def tracks_of(cells):
    """Tracks from (frame, person) in any order."""
    table = np.array(sorted(cells), np.int32).reshape(-1, 2)
    count = len(table)
    return Tracks(
        table[:, 0], table[:, 1], np.zeros((count, 4), np.float32), np.ones(count, np.float32)
    )


def frames_of(appearances):
    return [(stay.person, stay.first_frame, stay.last_frame) for stay in appearances]


def test_a_stay_is_timed_from_its_first_frame_to_the_end_of_its_last():
    found = find_appearances(tracks_of([(t, 4) for t in range(50, 75)]), ONE_SHOT, STEADY)
    assert found == [Appearance(4, 0, 50, 74, Fraction(2), Fraction(3))]


def test_a_single_frame_is_a_stay_of_its_own_length():
    (stay,) = find_appearances(tracks_of([(7, 1)]), ONE_SHOT, STEADY)
    assert stay.stop_s - stay.start_s == Fraction(1, 25)


def test_times_are_exact_at_an_uneven_rate():
    tick = Fraction(1001, 30000)
    timeline = Timeline(np.array([0, 1, 5, 6]), tick, 9)
    (stay,) = find_appearances(tracks_of([(2, 1), (3, 1)]), [Shot(0, 4)], timeline)
    assert (stay.start_s, stay.stop_s) == (5 * tick, 9 * tick)


def test_a_stay_ends_at_a_cut():
    tracks = tracks_of([(t, 1) for t in range(10, 30)])
    found = find_appearances(tracks, [Shot(0, 20), Shot(20, FRAMES)], STEADY)
    assert frames_of(found) == [(1, 10, 19), (1, 20, 29)]
    assert [stay.shot for stay in found] == [0, 1]
    assert found[0].stop_s == found[1].start_s


def test_somebody_unseen_for_long_has_left_and_come_back():
    tracks = tracks_of([(t, 1) for t in [*range(10), *range(60, 70)]])
    assert frames_of(find_appearances(tracks, ONE_SHOT, STEADY)) == [(1, 0, 9), (1, 60, 69)]


def test_somebody_unseen_for_a_moment_has_stayed():
    tracks = tracks_of([(t, 1) for t in [*range(10), *range(30, 40)]])
    assert frames_of(find_appearances(tracks, ONE_SHOT, STEADY)) == [(1, 0, 39)]


def test_absence_is_measured_in_time_and_not_in_frames():
    slow = Timeline(np.arange(20, dtype=np.int64), Fraction(1, 2), 20)  # two frames a second
    found = find_appearances(tracks_of([(0, 1), (4, 1)]), [Shot(0, 20)], slow)
    assert frames_of(found) == [(1, 0, 0), (1, 4, 4)]


def test_somebody_unseen_for_exactly_one_second_has_stayed():
    tracks = tracks_of([(0, 1), (1 + RATE, 1)])  # frames 1 to 25 are missing
    assert frames_of(find_appearances(tracks, ONE_SHOT, STEADY)) == [(1, 0, 26)]


def test_stays_come_by_person_and_then_by_time():
    cells = [(0, 2), (0, 1), (100, 1), (100, 3), (150, 2)]
    found = frames_of(find_appearances(tracks_of(cells), ONE_SHOT, STEADY))
    assert found == [(1, 0, 0), (1, 100, 100), (2, 0, 0), (2, 150, 150), (3, 100, 100)]


@pytest.mark.parametrize("shots", [[], ONE_SHOT])
def test_nobody_has_no_stays(shots):
    assert find_appearances(Tracks.empty(), shots, STEADY) == []


@given(st.sets(st.tuples(st.integers(0, FRAMES - 1), st.integers(1, 3)), max_size=40))
def test_every_sight_lies_in_exactly_one_stay_of_its_person_and_shot(cells):
    shots = [Shot(0, 70), Shot(70, 71), Shot(71, FRAMES)]
    found = find_appearances(tracks_of(cells), shots, STEADY)
    for frame, person in cells:
        stays = [
            stay
            for stay in found
            if stay.person == person and stay.first_frame <= frame <= stay.last_frame
        ]
        assert len(stays) == 1
        assert shots[stays[0].shot].start <= frame < shots[stays[0].shot].stop
    for stay in found:
        assert {(stay.first_frame, stay.person), (stay.last_frame, stay.person)} <= cells
