import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.embedding.training import Curves
from tracker.report.curves import HEIGHT, WIDTH, binned, lay_out_curves, line_path, round_marks

NOTHING = np.zeros(0, np.float32)
NAN = np.nan


def curves_of(steps, accuracy, held_out):
    loss = 1 / np.arange(1, steps + 1, dtype=np.float32)
    return Curves(loss, np.float32(accuracy), np.float32(held_out))


def points_of(path):
    """Where a path goes, as (M or L, x, y)."""
    return [(pen, float(x), float(y)) for pen, x, y in re.findall(r"([ML])(\S+) ([^ML]+)", path)]


def test_where_nothing_was_learned_there_is_no_chart():
    assert lay_out_curves(Curves(NOTHING, NOTHING, NOTHING)) == []


def test_loss_and_accuracy_have_a_chart_each():
    loss, right = lay_out_curves(curves_of(300, [0.7, 0.8, 0.9], [0.6, 0.7, NAN]))
    assert loss.summary == "The loss went from 0.75 to 0.00333 in 300 steps."
    assert "90.0 %" in right.summary
    assert [line.label for line in right.lines] == ["learned from", "held out"]
    assert len(points_of(right.lines[1].path)) == 2
    assert right.heights[0] == (100, "60 %")


def test_without_held_out_triplets_there_is_one_line():
    _, right = lay_out_curves(curves_of(10, [0.7, 0.8], [NAN, NAN]))
    assert [line.label for line in right.lines] == ["learned from"]


@pytest.mark.parametrize("loss", [[0.0], [0.0, 0.0], [5.0]])
def test_a_loss_that_never_changes_is_drawn_all_the_same(loss):
    (chart,) = lay_out_curves(Curves(np.float32(loss), NOTHING, NOTHING))
    assert points_of(chart.lines[0].path)


def test_a_line_is_broken_where_nothing_is_known():
    path = line_path(np.array([0, 0.25, 0.5, 1]), np.array([0, NAN, 1, 0.5]), 0, 1)
    assert points_of(path) == [("M", 0, 100), ("M", 500, 0), ("L", 1000, 50)]


values = st.lists(st.floats(0, 100, width=32), min_size=1, max_size=600).map(np.float32)


@given(values)
def test_lines_stay_in_their_box(loss):
    (chart,) = lay_out_curves(Curves(loss, NOTHING, NOTHING))
    points = points_of(chart.lines[0].path)
    assert len(points) <= 200
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for _, x, y in points)


@given(values, st.integers(1, 50))
def test_bins_hold_equal_parts_in_order(loss, most):
    bins = binned(loss, most)
    count = min(most, len(loss))
    size, longer = divmod(len(loss), count)
    start, expected = 0, []
    for number in range(count):
        stop = start + size + (number < longer)
        expected.append(sum(map(float, loss[start:stop])) / (stop - start))
        start = stop
    np.testing.assert_allclose(bins, expected, rtol=1e-9, atol=1e-12)


@given(st.floats(-1000, 1000), st.floats(1e-3, 1000))
def test_marks_are_few_and_within_their_range(low, length):
    marks = round_marks(low, low + length)
    assert len(marks) <= 6
    assert all(low - 1e-6 * length <= mark <= low + length * (1 + 1e-6) for mark in marks)


def test_marks_are_round_numbers():
    assert round_marks(0, 0.063) == pytest.approx([0, 0.02, 0.04, 0.06])
    assert round_marks(80, 100) == [80, 85, 90, 95, 100]
