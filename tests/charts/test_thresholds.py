import numpy as np
import pytest

from tracker.charts.thresholds import ThresholdPanel, draw_precision_recall

RISING = np.linspace(0.1, 0.9, 50)


def panel_of(count, chosen=None):
    threshold = RISING[:count]
    return ThresholdPanel("boxes", "score", threshold, threshold, 1 - threshold, chosen)


@pytest.mark.parametrize("count", [0, 1, 50])
@pytest.mark.parametrize("panels", [1, 2])
@pytest.mark.parametrize("chosen", [None, 0.6])
def test_any_number_of_thresholds_becomes_a_picture(count, panels, chosen, pixels):
    picture = pixels(draw_precision_recall([panel_of(count, chosen)] * panels))
    assert picture.shape == (240, 350 * panels, 3)
    assert picture.std() > 5


def test_no_panels_are_an_empty_figure():
    assert draw_precision_recall([]).axes == []


def test_the_chosen_threshold_shows():
    (axes,) = draw_precision_recall([panel_of(50, 0.625)]).axes
    assert [text.get_text().strip() for text in axes.texts] == ["0.625"]
    assert list(axes.get_lines()[-1].get_xdata()) == [0.625, 0.625]


def test_precision_and_recall_differ_in_grey():
    (axes,) = draw_precision_recall([panel_of(50)]).axes
    assert [line.get_linestyle() for line in axes.get_lines()] == ["-", "--"]


def test_a_panel_without_thresholds_says_so():
    (axes,) = draw_precision_recall([panel_of(0)]).axes
    assert [text.get_text() for text in axes.texts] == ["nothing to judge"]
