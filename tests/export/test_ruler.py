from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.export.ruler import edit_rate, edit_ruler, even_rate, exact_ruler, is_ntsc
from tracker.records import Timeline

NTSC = Fraction(30000, 1001)
MILLISECOND = Fraction(1, 1000)


def timeline_of(ticks, tick_s, last=1):
    return Timeline(np.array(ticks, np.int64), tick_s, int(ticks[-1]) + last)


def rounded(rate, tick_s, count):
    """Frames at `rate`, as a clock of `tick_s` tells their times."""
    return timeline_of([round(frame / rate / tick_s) for frame in range(count)], tick_s)


def film(timeline, rate, tracked):
    return replace(tracked, timeline=timeline, info=replace(tracked.info, frame_rate=rate))


def test_frames_that_lie_exactly_at_the_nominal_rate_lie_evenly():
    assert even_rate(timeline_of([0, 3003, 6006], Fraction(1, 90000)), NTSC) == NTSC


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25), NTSC, Fraction(60)])
def test_frames_that_matroska_rounded_to_milliseconds_lie_evenly(rate):
    assert even_rate(rounded(rate, MILLISECOND, 50_000), rate) == rate


def test_the_rate_of_even_frames_is_their_own_where_the_nominal_one_is_wrong():
    ticks = np.arange(50_000) * 3004
    assert even_rate(timeline_of(ticks, Fraction(1, 90000)), NTSC) == Fraction(90000, 3004)


@pytest.mark.parametrize(
    ("ticks", "tick_s"),
    [
        ([0, 1, 3, 4], Fraction(1, 25)),  # a frame is missing
        ([0, 40, 80, 119, 160, 210], MILLISECOND),
        ([0, 33, 133], MILLISECOND),
    ],
)
def test_frames_of_different_lengths_do_not_lie_evenly(ticks, tick_s):
    assert even_rate(timeline_of(ticks, tick_s), Fraction(25)) is None


def test_a_single_frame_lies_evenly():
    assert even_rate(timeline_of([0], MILLISECOND), NTSC) == NTSC


def test_how_long_the_last_frame_lasts_does_not_matter():
    assert even_rate(timeline_of([0, 40, 80], MILLISECOND, last=500), Fraction(25)) == 25


def test_even_frames_are_their_own_marks_far_into_a_video(tracked):
    frames = rounded(NTSC, MILLISECOND, 210_000)
    for ruler in (
        exact_ruler(film(frames, NTSC, tracked)),
        edit_ruler(film(frames, NTSC, tracked)),
    ):
        assert (ruler.rate, ruler.is_frames) == (NTSC, True)
        assert (ruler.start(200_000), ruler.stop(200_000)) == (200_000, 200_001)


def test_ticks_of_uneven_frames_are_exact(uneven):
    ruler, timeline = exact_ruler(uneven), uneven.timeline
    for frame in range(len(timeline)):
        assert ruler.start(frame) / ruler.rate == timeline.start_s(frame)
        assert ruler.stop(frame) / ruler.rate == timeline.stop_s(frame)


def test_an_edit_lists_marks_are_the_nearest_to_uneven_frames(uneven):
    ruler, timeline = edit_ruler(uneven), uneven.timeline
    assert (ruler.rate, ruler.is_frames) == (NTSC, False)
    for frame in range(len(timeline)):
        assert abs(ruler.start(frame) / ruler.rate - timeline.start_s(frame)) <= 1 / ruler.rate / 2
    assert ruler.stop(7) == ruler.start(8)


def test_every_second_frame_of_a_fast_video_is_one_of_its_edit_list(tracked):
    fast = Fraction(120)
    ruler = edit_ruler(film(timeline_of(np.arange(300), 1 / fast), fast, tracked))
    assert (ruler.rate, ruler.is_frames) == (60, False)
    assert [ruler.start(frame) for frame in (0, 2, 200)] == [0, 1, 100]


@pytest.mark.parametrize(
    ("nominal", "expected"),
    [
        (NTSC, NTSC),
        (Fraction(2997, 100), NTSC),
        (Fraction(24000, 1001), Fraction(24000, 1001)),
        (Fraction(25), Fraction(25)),
        (Fraction(2984, 100), Fraction(30)),
        (Fraction(120000, 1001), Fraction(60000, 1001)),
        (Fraction(240), Fraction(60)),
        (Fraction(100), Fraction(50)),
        (Fraction(1, 4), Fraction(24)),
        (Fraction(19), Fraction(24)),
        (Fraction(48000, 1001), Fraction(50)),
    ],
)
def test_edit_rates_are_those_that_editing_programs_have(nominal, expected):
    assert edit_rate(nominal) == expected


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_no_edit_rate_is_over_60_or_below_films(numerator, denominator):
    assert Fraction(24000, 1001) <= edit_rate(Fraction(numerator, denominator)) <= 60


@given(st.integers(1, 240))
def test_whole_rates_are_not_ntscs_and_their_slowed_ones_are(whole):
    assert not is_ntsc(Fraction(whole))
    assert is_ntsc(Fraction(1000 * whole, 1001))
