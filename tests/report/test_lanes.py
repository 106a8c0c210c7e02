from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.records import Shot
from tracker.report.timeline import MAX_CUTS, joined_stays, lay_out_lanes, lay_out_ticks
from tracker.tracked import Appearance

FOUR_SHOTS = (Shot(0, 25), Shot(25, 50), Shot(50, 75), Shot(75, 100))


def stays_of(*times):
    return [Appearance(1, 0, 0, 0, Fraction(start), Fraction(stop)) for start, stop in times]


def test_bars_are_where_somebody_is_seen(film):
    tracked = film([(f, 1) for f in (*range(0, 20), *range(80, 100))], FOUR_SHOTS)
    (bars,) = lay_out_lanes(tracked, tracked.people).bars
    assert [(bar.left, bar.width) for bar in bars] == [(0, 20), (80, 20)]
    assert bars[1].title == "Person 1, 0:00:03.2 to 0:00:04.0"


def test_stays_that_follow_each_other_at_a_cut_are_one_bar_that_says_so(film):
    tracked = film([(f, 1) for f in range(30)], FOUR_SHOTS)
    ((bar,),) = lay_out_lanes(tracked, tracked.people).bars
    assert (bar.left, bar.width) == (0, 30)
    assert bar.title.endswith("2 appearances")


def test_cuts_are_between_shots(film):
    tracked = film([(0, 1)], FOUR_SHOTS)
    lanes = lay_out_lanes(tracked, tracked.people)
    assert lanes.cuts == [25, 50, 75]
    assert lanes.densities == []


def test_too_many_cuts_are_told_by_where_there_are_many(film):
    frames = MAX_CUTS + 2
    shots = [Shot(frame, frame + 1) for frame in range(frames)]
    tracked = film([(0, 1)], [*shots, Shot(frames, 4 * frames)])
    lanes = lay_out_lanes(tracked, tracked.people)
    assert lanes.cuts == []
    assert lanes.cut_count == frames
    assert max(bin.left for bin in lanes.densities) < 26
    assert max(bin.opacity for bin in lanes.densities) <= 1


def test_a_single_shot_has_no_cuts(film):
    tracked = film([], [Shot(0, 10)])
    lanes = lay_out_lanes(tracked, tracked.people)
    assert (lanes.cuts, lanes.densities, lanes.cut_count, lanes.bars) == ([], [], 0, [])


times = st.lists(st.integers(0, 400), max_size=40, unique=True).map(sorted)


@given(times, st.integers(1, 50))
def test_joined_stays_are_all_the_stays_and_only_far_ones_are_apart(edges, gap):
    stays = stays_of(*zip(edges[::2], edges[1::2], strict=False))
    groups = list(joined_stays(stays, Fraction(gap)))
    assert [stay for group in groups for stay in group] == stays
    for one, other in pairwise(stays):
        together = any(one in group and other in group for group in groups)
        assert together == (other.start_s - one.stop_s < gap)


@given(st.fractions(Fraction(1, 1000), 10**6))
def test_marks_are_few_evenly_apart_and_within_the_video(length_s):
    ticks = lay_out_ticks(length_s)
    assert 1 <= len(ticks) <= 11
    assert ticks[0].left == 0
    assert ticks[-1].left <= 100
    steps = [b.left - a.left for a, b in pairwise(ticks)]
    assert all(step == pytest.approx(steps[0], abs=0.01) for step in steps)
    assert len({tick.label for tick in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("length_s", "labels"),
    [
        (Fraction(1, 2), ["0:00.0", "0:00.1", "0:00.2", "0:00.3", "0:00.4"]),
        (Fraction(20), [f"0:{second:02d}" for second in range(0, 20, 2)]),
        (Fraction(5400), [f"{m // 60}:{m % 60:02d}:00" for m in range(0, 90, 10)]),
    ],
)
def test_marks_are_at_round_times(length_s, labels):
    assert [tick.label for tick in lay_out_ticks(length_s)] == labels


def test_a_video_of_no_length_has_no_marks():
    assert lay_out_ticks(Fraction(0)) == []
