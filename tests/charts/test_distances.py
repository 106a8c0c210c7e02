import numpy as np
import pytest

from tracker.charts.distances import DistancePanel, draw_distances

NOTHING = np.zeros(0)


@pytest.mark.parametrize("count", [0, 1, 500])
@pytest.mark.parametrize("panels", [1, 3])
@pytest.mark.parametrize("threshold", [None, 0.6])
def test_any_number_of_pairs_becomes_a_picture(count, panels, threshold, pixels):
    rng = np.random.default_rng(0)
    panel = DistancePanel("raw", rng.random(count), 1 + rng.random(count), threshold, 0.75)
    picture = pixels(draw_distances([panel] * panels))
    assert picture.shape == (60 + 135 * panels, 350, 3)
    assert picture.std() > 5


def test_no_panels_are_an_empty_figure():
    assert draw_distances([]).axes == []


def test_pairs_that_are_all_at_zero_are_drawn(pixels):
    assert pixels(draw_distances([DistancePanel("raw", np.zeros(5), np.zeros(5))])).std() > 5


@pytest.mark.parametrize("kinds", [(1, 0), (0, 1)])
def test_either_kind_of_pairs_shows(kinds, pixels):
    values = np.random.default_rng(0).random(200)
    must, cannot = (values[: 200 * kind] for kind in kinds)
    nothing = pixels(draw_distances([DistancePanel("raw", NOTHING, NOTHING, 1.0)]))
    assert (pixels(draw_distances([DistancePanel("raw", must, cannot, 1.0)])) != nothing).any()


def test_the_area_of_either_kind_is_one():
    rng = np.random.default_rng(0)
    (axes,) = draw_distances([DistancePanel("raw", rng.random(90), 2 * rng.random(500))]).axes
    for stairs in axes.patches:
        values, edges, _ = stairs.get_data()
        assert (values * np.diff(edges)).sum() == pytest.approx(1)


def test_all_panels_have_one_axis_of_distance():
    near, far = np.random.default_rng(0).random(90), 4 * np.random.default_rng(1).random(90)
    axes = draw_distances([DistancePanel("a", near, near), DistancePanel("b", far, far)]).axes
    assert axes[0].get_xlim() == axes[1].get_xlim() == (0, far.max())


def test_auc_is_written_where_it_is_known():
    panels = [DistancePanel("raw", NOTHING, NOTHING, None, auc) for auc in (0.8751, np.nan)]
    titles = [axes.get_title(loc="right") for axes in draw_distances(panels).axes]
    assert titles == ["AUC of these 0.875", ""]


def test_the_threshold_shows():
    (axes,) = draw_distances([DistancePanel("raw", NOTHING, NOTHING, 1.25)]).axes
    assert list(axes.get_lines()[-1].get_xdata()) == [1.25, 1.25]
