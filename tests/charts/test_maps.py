import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.charts.maps import Map, draw_maps, flatten


def labels_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()] if figure.legends else []


@pytest.mark.parametrize("count", [0, 1, 40, 3000])
@pytest.mark.parametrize("panels", [1, 2, 3])
def test_any_number_of_faces_becomes_a_picture(count, panels, pixels):
    rng = np.random.default_rng(0)
    maps = [Map(f"map {number}", rng.random((count, 2))) for number in range(panels)]
    picture = pixels(draw_maps(maps, rng.integers(-1, 40, count)))
    assert picture.shape[1] == (350 if panels == 1 else 700 if panels == 2 else 720)
    assert picture.std() > 5


def test_no_maps_are_an_empty_figure():
    assert draw_maps([], np.zeros(0, int)).axes == []


def test_the_legend_tells_people_by_number_after_false_detections():
    labels = np.array([7, 0, 7, 2, 11])
    figure = draw_maps([Map("raw", np.zeros((5, 2)))], labels)
    assert labels_of(figure) == ["false", "2", "7", "11"]


def test_the_legend_ends_after_24_people():
    labels = np.arange(41)
    figure = draw_maps([Map("raw", np.zeros((41, 2)))], labels)
    assert labels_of(figure) == ["false", *map(str, range(1, 25))]


def test_24_people_look_different():
    figure = draw_maps([Map("raw", np.zeros((24, 2)))], np.arange(1, 25))
    looks = {
        (points.get_paths()[0].vertices.tobytes(), points.get_facecolor().tobytes())
        for points in figure.axes[0].collections
    }
    assert len(looks) == 24


def test_people_differ_in_grey_by_shape():
    figure = draw_maps([Map("raw", np.zeros((13, 2)))], np.arange(13))
    shapes = {points.get_paths()[0].vertices.tobytes() for points in figure.axes[0].collections}
    assert len(shapes) == 13  # false detections too


def test_faces_lie_together_on_the_plane_where_their_vectors_do():
    rng = np.random.default_rng(0)
    people = np.repeat([0, 1, 2], 20)
    vectors = 9 * np.eye(3, 16)[people] + rng.normal(size=(60, 16)) / 4
    points = flatten(vectors, seed=1)
    gaps = ((points[:, None] - points) ** 2).sum(axis=2)
    np.fill_diagonal(gaps, np.inf)
    assert (people[gaps.argmin(axis=1)] == people).all()


def test_the_same_seed_gives_the_same_points():
    vectors = np.random.default_rng(0).normal(size=(50, 8))
    assert (flatten(vectors, seed=3) == flatten(vectors, seed=3)).all()


@given(st.integers(0, 6), st.integers(0, 3))
@settings(deadline=None, max_examples=15)
def test_few_faces_of_few_dimensions_have_points(count, dimensions):
    points = flatten(np.random.default_rng(0).normal(size=(count, dimensions)), seed=0)
    assert points.shape == (count, 2)
    assert np.isfinite(points).all()


def test_fewer_than_four_faces_keep_their_first_coordinates():
    vectors = np.array([[1.0], [2.0], [5.0]])
    assert flatten(vectors, seed=0).tolist() == [[1, 0], [2, 0], [5, 0]]


def test_equal_faces_lie_on_one_point():
    points = flatten(np.full((9, 5), 2.0), seed=0)
    assert (points == points[0]).all()
