import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracker.export.on_screen import Stretch, who_is_on_screen
from tracker.records import Shot, Timeline, Tracks, VideoInfo
from tracker.tracked import Appearance, Person, TrackedVideo

NTSC = Fraction(30000, 1001)
LONGEST_US = 20_000


def film(stays_of):
    """People by number, each with stays (start, stop) in exact seconds."""
    people = tuple(
        Person(number, f"P{number}", tuple(Appearance(number, 0, 0, 0, *stay) for stay in stays))
        for number, stays in sorted(stays_of.items())
    )
    timeline = Timeline(np.zeros(1, np.int64), Fraction(1), 1)
    info = VideoInfo(2, 2, Fraction(25), 1, has_sound=False)
    none = Tracks.empty()
    return TrackedVideo("a.mp4", info, timeline, (Shot(0, 1),), none, none, people)


def looked_at_each_millisecond(tracked):
    """The same, slowly: who is there in every millisecond, and where that changes."""
    there = []
    for millisecond in range(LONGEST_US // 1000 + 2):
        there.append(
            {
                person.number
                for person in tracked.people
                for stay in person.appearances
                if round(stay.start_s * 1000) <= millisecond < round(stay.stop_s * 1000)
            }
        )
    runs = itertools.groupby(enumerate(there), key=lambda item: item[1])
    found = []
    for people, run in runs:
        milliseconds = [millisecond for millisecond, _ in run]
        if people:
            found.append((milliseconds[0], milliseconds[-1] + 1, people))
    return found


@st.composite
def films(draw):
    """Up to four people with stays that may touch, in microseconds."""
    moments = st.lists(st.integers(0, LONGEST_US), min_size=2, max_size=8, unique=True)
    stays_of = {}
    for number in range(1, draw(st.integers(0, 4)) + 1):
        times = [Fraction(us, 1_000_000) for us in sorted(draw(moments))]
        pairs = list(itertools.pairwise(times))
        stays_of[number] = pairs if draw(st.booleans()) else pairs[::2]
    return film(stays_of)


def at(frame):
    return round(frame / NTSC * 1000)


def test_stretches_are_those_of_the_frames_and_a_cut_is_none(tracked):
    assert who_is_on_screen(tracked) == [
        Stretch(at(0), at(20), (1,)),
        Stretch(at(20), at(95), (1, 2)),
        Stretch(at(95), at(140), (1,)),
        Stretch(at(140), at(150), (1, 2)),
        Stretch(at(150), at(160), (2,)),
        Stretch(at(200), at(300), (3,)),
    ]


def test_who_came_first_in_the_video_stands_first_all_through():
    second = Fraction(1)
    tracked = film(
        {1: [(second, 3 * second)], 2: [(0 * second, 2 * second)], 3: [(second, 2 * second)]}
    )
    assert [stretch.people for stretch in who_is_on_screen(tracked)] == [(2,), (2, 1, 3), (1,)]


def test_a_stretch_under_a_millisecond_joins_its_neighbours():
    ms = Fraction(1, 1000)
    tracked = film({1: [(0 * ms, 100 * ms)], 2: [(50 * ms, Fraction(501, 10) * ms)]})
    assert who_is_on_screen(tracked) == [Stretch(0, 100, (1,))]


def test_nobody_on_screen_is_no_stretch(tracked):
    assert who_is_on_screen(replace(tracked, people=())) == []


@given(films())
def test_it_is_what_looking_at_each_millisecond_gives(tracked):
    found = who_is_on_screen(tracked)
    assert [(one.start_ms, one.stop_ms, set(one.people)) for one in found] == (
        looked_at_each_millisecond(tracked)
    )


@given(films())
def test_stretches_are_never_empty_and_never_overlap(tracked):
    found = who_is_on_screen(tracked)
    assert all(one.start_ms < one.stop_ms for one in found)
    for one, following in itertools.pairwise(found):
        assert one.stop_ms <= following.start_ms
        assert one.stop_ms < following.start_ms or one.people != following.people
