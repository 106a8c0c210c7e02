import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracker.clustering.clusters import NEVER, UNREACHABLE, clusters_of_one
from tracker.clustering.distances import TrackletDistances, with_links
from tracker.records import Constraints

seeds = st.integers(0, 2**32 - 1)


@st.composite
def clusterings(draw):
    """Up to twelve tracklets, some linked, and a cluster each: distances, counts, pairs, label."""
    count = draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(seeds))
    directions = rng.normal(size=(count, 5))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    pairs = np.argwhere(
        np.triu(rng.random((count, count)) < draw(st.sampled_from([0, 0.2, 0.9])), 1)
    )
    links = np.argwhere(np.triu(rng.random((count, count)) < 0.2, 1))
    distances = with_links(TrackletDistances(directions), links)
    label = np.unique(rng.integers(0, 5, count), return_inverse=True)[1]
    return distances, rng.integers(1, 9, count), Constraints(count, pairs.astype(np.int32)), label


def mean_by_loops(label, matrix, counts, a, b):
    """The mean distance of every face of one cluster from every face of another."""
    total = faces = 0
    for one in np.flatnonzero(label == a):
        for other in np.flatnonzero(label == b):
            total += matrix[one, other] * counts[one] * counts[other]
            faces += counts[one] * counts[other]
    return total / faces


@given(clusterings(), st.sampled_from([0.0, 1.5, 50.0]))
def test_the_mean_distance_of_clusters_is_that_of_plain_loops(problem, far):
    distances, counts, constraints, label = problem
    clusters = clusters_of_one(distances, counts, constraints, far).joined(label)
    matrix = distances.matrix() + far * constraints.matrix()
    for a in range(len(clusters)):
        for b in range(a):
            expected = mean_by_loops(label, matrix, counts, a, b)
            np.testing.assert_allclose(clusters.matrix()[a, b], expected, atol=1e-12)


@given(clusterings())
def test_clusters_that_hold_two_who_cannot_be_one_are_out_of_reach(problem):
    distances, counts, constraints, label = problem
    gaps = clusters_of_one(distances, counts, constraints, np.inf).joined(label).matrix()
    apart = np.zeros(gaps.shape, np.bool_)
    a, b = label[constraints.cannot_link.T]
    apart[a, b] = apart[b, a] = True
    others = ~np.eye(len(gaps), dtype=np.bool_)
    np.testing.assert_array_equal((gaps > UNREACHABLE)[others], apart[others])


@given(clusterings(), seeds)
def test_the_distances_of_some_clusters_are_rows_of_all(problem, seed):
    distances, counts, constraints, label = problem
    clusters = clusters_of_one(distances, counts, constraints, 50.0).joined(label)
    rows = np.random.default_rng(seed).permutation(len(clusters))[:3]
    expected = clusters.matrix()
    np.fill_diagonal(expected, np.inf)
    np.testing.assert_allclose(clusters.distances(rows), expected[rows], atol=1e-12)


@given(clusterings())
def test_joining_twice_is_joining_once(problem):
    distances, counts, constraints, label = problem
    alone = clusters_of_one(distances, counts, constraints, 50.0)
    halves = np.unique(label // 2, return_inverse=True)[1]
    of_label = np.unique(np.stack([label, halves]), axis=1)[1]
    once, twice = alone.joined(halves), alone.joined(label).joined(of_label)
    np.testing.assert_allclose(twice.means, once.means, atol=1e-12)
    np.testing.assert_allclose(twice.extra.toarray(), once.extra.toarray(), atol=1e-9)
    np.testing.assert_array_equal(twice.weights, once.weights)
    np.testing.assert_array_equal(twice.first, once.first)


@given(clusterings())
def test_a_cluster_is_known_by_its_first_tracklet(problem):
    distances, counts, constraints, label = problem
    clusters = clusters_of_one(distances, counts, constraints, NEVER).joined(label)
    first = [int(np.flatnonzero(label == number)[0]) for number in range(len(clusters))]
    assert clusters.first.tolist() == first


def test_who_is_left_out_is_in_no_cluster():
    distances = TrackletDistances(np.eye(3))
    alone = clusters_of_one(
        distances, np.array([1, 2, 3]), Constraints(3, np.zeros((0, 2), np.int32)), NEVER
    )
    clusters = alone.joined(np.array([-1, 0, 0]))
    assert clusters.weights.tolist() == [5]
    np.testing.assert_allclose(clusters.means, [[0, 0.4, 0.6]])


def test_nobody_makes_no_clusters():
    distances = TrackletDistances(np.zeros((0, 3)))
    alone = clusters_of_one(
        distances, np.zeros(0, np.int64), Constraints(0, np.zeros((0, 2), np.int32)), NEVER
    )
    assert alone.joined(np.zeros(0, np.intp)).matrix().shape == (0, 0)
