import re

import numpy as np
import pytest

from tracker.charts.distances import DistancePanel, draw_distances
from tracker.charts.files import save_chart
from tracker.charts.maps import Map, draw_maps
from tracker.charts.purity import draw_purity
from tracker.charts.thresholds import ThresholdPanel, draw_precision_recall
from tracker.charts.timeline import Spans, Switches, draw_timeline
from tracker.errors import StorageError


def a_purity(rng):
    return draw_purity({"raw": rng.random((3, 9)), "learned": rng.random((1, 9))}, 4)


def a_map(rng):
    maps = [Map("before", rng.random((2500, 2))), Map("after", rng.random((2500, 2)))]
    return draw_maps(maps, rng.integers(0, 15, 2500))  # so many become pixels


def a_timeline(rng):
    starts = rng.random(30) * 50
    spans = Spans(rng.integers(0, 3, 30), starts, starts + 5, rng.integers(1, 5, 30))
    return draw_timeline("abc", spans, spans, Switches(spans.row, spans.start_s))


def a_precision_recall(rng):
    return draw_precision_recall([ThresholdPanel("pairs", "distance", *rng.random((3, 7)), 0.5)])


def a_histogram(rng):
    return draw_distances([DistancePanel("raw", rng.random(90), 1 + rng.random(90), 1.0, 0.9)])


CHARTS = [a_purity, a_map, a_timeline, a_precision_recall, a_histogram]


@pytest.mark.parametrize("draw", CHARTS)
def test_the_same_chart_is_the_same_files_byte_for_byte(draw, tmp_path):
    for name in ("once", "again"):
        save_chart(draw(np.random.default_rng(0)), tmp_path / name)
    for suffix in (".svg", ".png"):
        once, again = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("once", "again"))
        assert once == again


@pytest.mark.parametrize("draw", CHARTS)
def test_a_chart_says_neither_when_nor_by_what_it_was_made(draw, tmp_path):
    save_chart(draw(np.random.default_rng(0)), tmp_path / "chart")
    assert not re.search(b"metadata|<dc:", (tmp_path / "chart.svg").read_bytes())
    assert not re.search(b"tEXt|tIME", (tmp_path / "chart.png").read_bytes())


def test_a_stem_keeps_its_dots_and_nothing_else_is_left(tmp_path):
    save_chart(a_purity(np.random.default_rng(0)), tmp_path / "film.v1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.v1.png", "film.v1.svg"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"cannot write .*absent"):
        save_chart(a_purity(np.random.default_rng(0)), tmp_path / "absent" / "chart")
