from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.clips.spans import Span, joined, spans_of
from tracker.records import Timeline
from tracker.tracked import Appearance

RATE = 25
FRAMES = 100
STEADY = Timeline(np.arange(FRAMES, dtype=np.int64), Fraction(1, RATE), FRAMES)
UNEVEN = Timeline(np.array([0, 10, 11, 12, 50, 60]), Fraction(1, 100), 80)


def stay(first: int, last: int, timeline: Timeline = STEADY, person: int = 1) -> Appearance:
    return Appearance(person, 0, first, last, timeline.start_s(first), timeline.stop_s(last))


def spans_by_hand(stays: list[Appearance], timeline: Timeline, handle_s: Fraction) -> list[Span]:
    """Frame by frame: is it shown within the handles of any stay?"""
    wanted = [
        any(
            stay.start_s - handle_s <= timeline.start_s(frame)
            and timeline.stop_s(frame) <= stay.stop_s + handle_s
            for stay in stays
        )
        for frame in range(len(timeline))
    ]
    edges = np.flatnonzero(np.diff([False, *wanted, False])).tolist()
    return [Span(*edge) for edge in zip(edges[::2], edges[1::2], strict=True)]


def test_without_handles_a_span_is_the_appearance():
    assert spans_of([stay(10, 19)], STEADY, Fraction(0)) == [Span(10, 20)]


def test_handles_are_added_at_both_sides():
    assert spans_of([stay(50, 59)], STEADY, Fraction(1)) == [Span(25, 85)]


def test_of_a_handle_only_whole_frames_are_shown():
    assert spans_of([stay(50, 59)], STEADY, Fraction(1, 2)) == [Span(38, 72)]  # 12.5 frames


def test_handles_end_where_the_video_does():
    assert spans_of([stay(0, 99)], STEADY, Fraction(1, 2)) == [Span(0, 100)]


def test_no_handle_is_too_long():
    assert spans_of([stay(50, 50)], STEADY, Fraction(10) ** 40) == [Span(0, FRAMES)]


def test_handles_are_times_and_not_numbers_of_frames():
    assert spans_of([stay(3, 3, UNEVEN)], UNEVEN, Fraction(2, 100)) == [Span(1, 4)]


def test_appearances_that_touch_are_one_span():
    assert spans_of([stay(10, 19), stay(20, 29)], STEADY, Fraction(0)) == [Span(10, 30)]


def test_appearances_a_frame_apart_are_two_spans():
    found = spans_of([stay(10, 19), stay(21, 29)], STEADY, Fraction(0))
    assert found == [Span(10, 20), Span(21, 30)]


def test_one_appearance_within_another_adds_nothing():
    found = spans_of([stay(10, 60), stay(20, 30, person=2)], STEADY, Fraction(0))
    assert found == [Span(10, 61)]


def test_spans_come_by_time_whatever_the_order_of_the_appearances():
    found = spans_of([stay(80, 81), stay(10, 11, person=2)], STEADY, Fraction(0))
    assert found == [Span(10, 12), Span(80, 82)]


def test_no_appearances_have_no_spans():
    assert spans_of([], STEADY, Fraction(1)) == []


@pytest.mark.parametrize("timeline", [STEADY, UNEVEN], ids=["steady", "uneven"])
@given(data=st.data())
def test_spans_are_as_by_hand(timeline, data):
    frame = st.integers(0, len(timeline) - 1)
    pairs = data.draw(st.lists(st.tuples(frame, frame).map(sorted), max_size=5))
    handle_s = data.draw(st.fractions(0, 1, max_denominator=200))
    stays = [stay(first, last, timeline) for first, last in pairs]
    assert spans_of(stays, timeline, handle_s) == spans_by_hand(stays, timeline, handle_s)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=12))
def test_joining_neither_adds_nor_loses_a_frame(drawn):
    spans = [Span(start, start + count) for start, count in drawn]
    found = joined(spans)
    frames = [frame for span in found for frame in range(span.start, span.stop)]
    assert frames == sorted({frame for span in spans for frame in range(span.start, span.stop)})
    assert all(a.stop < b.start for a, b in itertools.pairwise(found))
