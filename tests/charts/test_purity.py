import numpy as np
import pytest

from tracker.charts.purity import draw_purity


def rising(seeds, count):
    return np.tile(np.linspace(0.2, 1, count), (seeds, 1)) - 0.05 * np.arange(seeds)[:, None]


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()] if figure.legends else []


@pytest.mark.parametrize("rows", [0, 1, 5, 20])
def test_any_number_of_rows_becomes_a_picture(rows, pixels):
    picture = pixels(draw_purity({f"row {row}": rising(2, 90) for row in range(rows)}, 6))
    assert picture.shape[1] == 720
    assert picture.std() > 5


@pytest.mark.parametrize("curve", [np.zeros((0, 9)), np.zeros((3, 0)), np.ones((1, 1))])
def test_rows_with_hardly_a_number_are_drawn(curve, pixels):
    assert pixels(draw_purity({"row": curve}, 3)).std() > 2


def test_the_legend_tells_the_purity_at_the_number_of_people_best_first():
    curves = {"low": rising(1, 9) / 2, "none": rising(1, 3), "high": rising(1, 9)}
    assert legend_of(draw_purity(curves, 5)) == ["high  0.600", "low  0.300", "none"]


def test_where_a_hierarchy_ends_its_line_does(pixels):
    whole, ended = rising(1, 30), rising(1, 30)
    ended[0, :8] = np.nan
    assert legend_of(draw_purity({"row": ended}, 4)) == ["row"]
    assert (pixels(draw_purity({"row": whole}, 0)) != pixels(draw_purity({"row": ended}, 0))).any()


def test_the_spread_of_the_seeds_shows(pixels):
    level = np.tile(rising(1, 30), (3, 1))
    spread = level + np.array([[-0.1], [0.0], [0.1]])
    assert (pixels(draw_purity({"row": level}, 4)) != pixels(draw_purity({"row": spread}, 4))).any()


def test_the_true_number_of_people_is_marked():
    (axes,) = draw_purity({"row": rising(1, 30)}, 4).axes
    assert [text.get_text() for text in axes.texts] == ["4 people"]
    assert list(axes.get_lines()[-1].get_xdata()) == [4, 4]


def test_zero_people_are_not_marked():
    (axes,) = draw_purity({"row": rising(1, 30)}, 0).axes
    assert len(axes.texts) == 0
    assert len(axes.get_lines()) == 1


def test_a_name_may_hold_dollars(pixels):
    pixels(draw_purity({"$A$AP$ \\frac": rising(1, 9)}, 2))
