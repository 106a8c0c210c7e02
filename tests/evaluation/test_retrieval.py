import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.evaluation.retrieval import Retrieval, retrieve


def distances_on_a_line(*places):
    points = np.array(places, float)
    return np.abs(points[:, None] - points)


@st.composite
def some_tracklets(draw):
    """Distances with many ties, and who each of up to 14 tracklets is."""
    labels = np.array(draw(st.lists(st.integers(-1, 4), max_size=14)), int)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    distances = random.integers(0, 6, (len(labels), len(labels))) / 4
    return distances + distances.T, labels


def asked_one_by_one(distances, labels) -> Retrieval:
    rows = []
    for query in range(len(labels)):
        others = [row for row in range(len(labels)) if row != query]
        others.sort(key=lambda row: (distances[query, row], row))
        hits = [bool(labels[row] == labels[query]) for row in others]
        if any(hits):
            wanted = sum(hits)
            precisions = [sum(hits[: k + 1]) / (k + 1) for k in range(wanted) if hits[k]]
            found = [any(hits[:k]) for k in (1, 5, 10)]
            rows.append([*found, sum(hits[:wanted]) / wanted, sum(precisions) / wanted])
    means = np.mean(rows, axis=0) if rows else np.full(5, np.nan)
    return Retrieval(*means.tolist(), len(rows))


def test_values_computed_by_hand():
    distances = distances_on_a_line(0, 2, 3, 10, 14)
    measured = retrieve(distances, np.array([1, 1, 2, 1, 3]))
    # The neighbours of 0, 1 and 3: hit, miss, hit; miss, hit, hit; miss (4), miss, hit.
    at_1, precision, average = 1 / 3, (1 + 1 + 0) / 6, (1 / 2 + 1 / 4 + 0) / 3
    assert measured == pytest.approx((at_1, 1, 1, precision, average, 3))


def test_people_apart_are_all_found():
    distances = distances_on_a_line(0, 1, 2, 50, 51, 90)
    assert retrieve(distances, np.array([4, 4, 4, 7, 7, 9])) == (1, 1, 1, 1, 1, 5)


def test_of_equal_distances_the_earlier_row_is_nearer():
    labels = np.array([1, 2, 1])
    assert retrieve(np.zeros((3, 3)), labels).r_at_1 == 0.5  # 0 gets 1; 2 gets 0


def test_more_than_ten_others_are_looked_at_as_deep_as_they_are_many():
    labels = np.array([1] * 15 + [2] * 15)
    distances = distances_on_a_line(*range(15), *range(100, 115))
    assert retrieve(distances, labels) == (1, 1, 1, 1, 1, 30)


@given(some_tracklets())
@settings(deadline=None)
def test_measures_are_what_asking_one_by_one_gives(tracklets):
    assert retrieve(*tracklets) == pytest.approx(asked_one_by_one(*tracklets), nan_ok=True)


@given(some_tracklets(), st.floats(0, 100))
@settings(deadline=None)
def test_the_distance_of_a_tracklet_to_itself_does_not_count(tracklets, own):
    distances, labels = tracklets
    other = distances.copy()
    np.fill_diagonal(other, own)
    assert retrieve(other, labels) == pytest.approx(retrieve(distances, labels), nan_ok=True)


@pytest.mark.parametrize("labels", [[], [3], [1, 2, 3]])
def test_nobody_is_asked_for_where_everybody_is_alone(labels):
    count = len(labels)
    measured = retrieve(np.zeros((count, count)), np.array(labels, int))
    assert np.isnan(measured[:5]).all()
    assert measured.queries == 0
