import numpy as np
import pytest

from tracker.charts.timeline import Spans, Switches, draw_timeline
from tracker.errors import RecordError

NO_SWITCH = Switches(np.zeros(0, int), np.zeros(0))


def spans_of(*rows):
    """Spans of rows of row, start, stop, person."""
    table = np.array(rows, float).reshape(-1, 4)
    return Spans(table[:, 0].astype(int), table[:, 1], table[:, 2], table[:, 3].astype(int))


def numbers_in(figure):
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("people", [0, 1, 2, 25])
@pytest.mark.parametrize("end_s", [4.0, 5000.0])
def test_films_of_any_size_become_a_picture(people, end_s, pixels):
    rng = np.random.default_rng(0)
    starts = rng.random(20 * people) * end_s * 0.9
    row = np.arange(20 * people) // 20
    spans = Spans(row, starts, starts + end_s * 0.1 * rng.random(len(row)), 1 + row)
    switches = Switches(row[::5], starts[::5])
    figure = draw_timeline([f"person {row}" for row in range(people)], spans, spans, switches)
    picture = pixels(figure)
    assert picture.shape == (75 + 24 * max(people, 1), 720, 3)
    assert picture.std() > 5


def test_only_wide_bars_tell_their_number():
    tracked = spans_of((0, 0, 50, 17), (0, 50, 50.1, 4), (1, 20, 100, 3))
    assert numbers_in(draw_timeline(["a", "b"], tracked, tracked, NO_SWITCH)) == ["17", "3"]


def test_a_gap_in_the_tracks_shows(pixels):
    truth = spans_of((0, 0, 100, 0))
    whole = draw_timeline(["a"], truth, spans_of((0, 0, 100, 1)), NO_SWITCH)
    broken = draw_timeline(["a"], truth, spans_of((0, 0, 50, 1), (0, 52, 100, 1)), NO_SWITCH)
    assert pixels(broken)[:60].mean() > pixels(whole)[:60].mean()  # more of the paper


def test_who_is_there_in_truth_shows_where_nobody_is_tracked(pixels):
    tracked = spans_of((0, 0, 10, 1))
    there, gone = (
        draw_timeline(["a"], truth, tracked, NO_SWITCH)
        for truth in (spans_of((0, 0, 10, 0), (0, 20, 90, 0)), spans_of((0, 0, 10, 0)))
    )
    there.axes[0].set_xlim(0, 90)
    gone.axes[0].set_xlim(0, 90)
    assert pixels(there).mean() < pixels(gone).mean()


def test_another_person_in_a_bar_has_another_colour(pixels):
    truth = spans_of((0, 0, 10, 0))
    pictures = {
        pixels(draw_timeline(["a"], truth, spans_of((0, 0, 0.2, person)), NO_SWITCH)).tobytes()
        for person in range(1, 13)
    }
    assert len(pictures) == 12


def test_a_switch_has_a_triangle_at_its_time():
    spans = spans_of((0, 0, 10, 1), (1, 0, 10, 2))
    switches = Switches(np.array([1]), np.array([4.0]))
    line = draw_timeline(["a", "b"], spans, spans, switches).axes[0].get_lines()[-1]
    assert line.get_marker() == "v"
    assert line.get_xdata().tolist() == [4]
    assert 0.5 < line.get_ydata()[0] < 1  # above the middle of the second row, below the first


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(RecordError, match=r"different lengths: \[1, 2\]"):
        Spans(np.zeros(2, int), np.zeros(2), np.zeros(2), np.zeros(1, int))
