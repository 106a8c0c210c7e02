import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.clustering.distances import TrackletDistances
from tracker.clustering.sureness import measure_sureness


def directions(count, seed):
    vectors = np.random.default_rng(seed).normal(size=(count, 5))
    return TrackletDistances(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def mean_distance(distances, faces, ones, others):
    """The mean over all pairs of faces of different tracklets, one by one."""
    matrix = distances.matrix()
    pairs = [(a, b) for a in ones for b in others if a != b]
    weights = [faces[a] * faces[b] for a, b in pairs]
    return sum(w * matrix[pair] for pair, w in zip(pairs, weights, strict=True)) / sum(weights)


@given(st.integers(0, 99), st.lists(st.sampled_from([-1, 1, 2, 7]), min_size=1, max_size=12))
def test_it_is_the_mean_over_all_pairs_of_faces(seed, people):
    distances, person = directions(len(people), seed), np.array(people, np.int32)
    faces = np.random.default_rng(seed).integers(1, 5, len(people))
    members = {p: np.flatnonzero(person == p) for p in set(people) - {-1}}

    found = measure_sureness(person, distances, faces)

    assert found.keys() == members.keys()
    for number, own in members.items():
        if len(own) == 1:
            assert found[number].spread is None
        else:
            wanted = mean_distance(distances, faces, own, own)
            assert found[number].spread == pytest.approx(wanted, abs=1e-9)
        gaps = {
            other: mean_distance(distances, faces, own, rows)
            for other, rows in members.items()
            if other != number
        }
        if not gaps:
            assert found[number].nearest is None
        else:
            other, gap = found[number].nearest
            assert gap == pytest.approx(min(gaps.values()), abs=1e-9)
            assert gaps[other] == pytest.approx(gap, abs=1e-9)


def test_alike_tracklets_have_no_spread():
    same = TrackletDistances(np.array([[1.0, 0.0], [1.0, 0.0]], np.float32))
    found = measure_sureness(np.array([1, 1], np.int32), same, np.array([3, 1]))
    assert found[1].spread == pytest.approx(0, abs=1e-6)


def test_where_all_are_nobody_there_is_nothing_to_say():
    assert measure_sureness(np.full(3, -1, np.int32), directions(3, 0), np.ones(3, int)) == {}
