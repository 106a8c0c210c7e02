import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from tracker.clustering.distances import TrackletDistances, with_links
from tracker.clustering.merges import Merges, clusters_after, merges_in_order, merges_within
from tracker.clustering.merging import merge_matrix, merge_tracklets
from tracker.records import Constraints

seeds = st.integers(0, 2**32 - 1)


def constraints_of(count, pairs=()):
    ordered = sorted({(min(pair), max(pair)) for pair in pairs})
    return Constraints(count, np.array(ordered, np.int32).reshape(-1, 2))


def random_distances(rng, count):
    points = rng.normal(size=(count, 3))
    return np.square(points[:, None] - points[None]).sum(axis=2)


@st.composite
def problems(draw, most_pairs=12):
    """Distances, face counts and cannot-links of up to nine tracklets."""
    count = draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(seeds))
    number = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(number, number), max_size=most_pairs))
    pairs = [(a, b) for a, b in pairs if a != b]
    return random_distances(rng, count), rng.integers(1, 20, count), constraints_of(count, pairs)


def mean_between(one, other, distances, counts):
    """The mean distance of every face of one cluster from every face of another."""
    weights = np.outer(counts[one], counts[other])
    return (weights * distances[np.ix_(one, other)]).sum() / weights.sum()


def closest(clusters, distances, counts, constraints):
    """(distance, i, j), i < j, of the two closest, first clusters that may merge, if any may."""
    apart = constraints.matrix()
    found = [
        (mean_between(one, other, distances, counts), i, j)
        for j, other in enumerate(clusters)
        for i, one in enumerate(clusters[:j])
        if not apart[np.ix_(one, other)].any()
    ]
    return min(found, default=None)


def merge_slowly(distances, counts, constraints):
    """Heights and partitions of average linkage, every cluster distance formed anew each time."""
    clusters = [[number] for number in range(len(distances))]
    heights, partitions = [], []
    while best := closest(clusters, distances, counts, constraints):
        mean, i, j = best
        clusters[i] += clusters.pop(j)
        heights.append(mean)
        partitions.append({frozenset(cluster) for cluster in clusters})
    return heights, partitions


def partition_of(cluster):
    return {frozenset(np.flatnonzero(cluster == number)) for number in set(cluster)}


@given(seeds, st.integers(2, 60))
def test_without_constraints_merging_is_the_average_linkage_of_scipy(seed, count):
    distances = random_distances(np.random.default_rng(seed), count)
    merges = merge_matrix(distances, np.ones(count, np.int64), constraints_of(count), math.inf)
    expected = linkage(squareform(distances, checks=False), "average")
    np.testing.assert_allclose(merges.heights, expected[:, 2])
    members = [frozenset([number]) for number in range(count)]
    for step, (a, b) in enumerate(expected[:, :2].astype(int), start=1):
        members.append(members[a] | members[b])
        assert members[-1] in partition_of(clusters_after(merges, step, count))


@given(problems())
def test_merging_is_that_of_a_slow_greedy_search(problem):
    distances, counts, constraints = problem
    merges = merge_matrix(distances, counts, constraints, math.inf)
    heights, partitions = merge_slowly(distances, counts, constraints)
    np.testing.assert_allclose(merges.heights, heights)
    for step, partition in enumerate(partitions, start=1):
        assert partition_of(clusters_after(merges, step, len(counts))) == partition


@given(problems(), seeds)
def test_among_equal_distances_every_merge_is_still_of_the_closest_two(problem, seed):
    _, counts, constraints = problem
    count = len(counts)
    distances = np.random.default_rng(seed).integers(1, 4, (count, count)).astype(float)
    distances = np.minimum(distances, distances.T)  # so few values that most are tied
    merges = merge_matrix(distances, counts, constraints, math.inf)
    for step, height in enumerate(merges.heights):
        cluster = clusters_after(merges, step, count)
        members = [np.flatnonzero(cluster == number) for number in range(cluster.max() + 1)]
        assert height == pytest.approx(closest(members, distances, counts, constraints)[0])
        joined = (members[cluster[number]] for number in merges.pairs[step])
        assert height == pytest.approx(mean_between(*joined, distances, counts))


@given(problems(most_pairs=30))
def test_two_people_are_never_merged(problem):
    distances, counts, constraints = problem
    merges = merge_matrix(distances, counts, constraints, math.inf)
    cluster = clusters_after(merges, len(merges.heights), len(counts))
    a, b = constraints.cannot_link.T
    assert (cluster[a] != cluster[b]).all()


@given(problems())
def test_heights_never_decrease(problem):
    merges = merge_matrix(*problem, math.inf)
    assert (np.diff(merges.heights) >= -1e-12).all()


@given(problems())
def test_merging_leaves_what_it_was_given_as_it_was(problem):
    distances, counts, constraints = problem
    copies = distances.copy(), counts.copy()
    merge_matrix(distances, counts, constraints, math.inf)
    np.testing.assert_array_equal(distances, copies[0])
    np.testing.assert_array_equal(counts, copies[1])


def test_a_tracklet_of_more_faces_weighs_more():
    # 0 and 1 merge first; 2 is then at (3 * 10 + 1 * 50) / 4 = 20 from them.
    distances = np.array([[0.0, 1, 10], [1, 0, 50], [10, 50, 0]])
    merges = merge_matrix(distances, np.array([3, 1, 1]), constraints_of(3), math.inf)
    np.testing.assert_allclose(merges.heights, [1, 20])
    assert merges.pairs.tolist() == [[0, 1], [0, 2]]


def test_a_constraint_is_inherited_by_the_cluster():
    # 0 is nearest to 1, and 1 cannot be 2: then 0 and 2 may no longer merge.
    distances = np.array([[0.0, 1, 2], [1, 0, 3], [2, 3, 0]])
    merges = merge_matrix(distances, np.ones(3, np.int64), constraints_of(3, [(1, 2)]), math.inf)
    assert merges.pairs.tolist() == [[0, 1]]


def test_a_stray_tracklet_does_not_keep_a_person_apart():
    # Two halves of a person, 20 tracklets each; one of the first cannot be one of the second.
    distances = np.kron([[0.1, 0.5], [0.5, 0.1]], np.ones((20, 20)))
    apart = constraints_of(40, [(0, 20)])
    counts = np.ones(40, np.int64)
    strict = merge_matrix(distances, counts, apart, math.inf)
    lenient = merge_matrix(distances, counts, apart, 50.0)
    assert len(strict.heights) == 38
    assert lenient.heights[-1] == pytest.approx(0.5 + 50 / 400)


def clusters_ever(merges, count):
    """Every cluster of several tracklets that there is after any number of merges."""
    ever = set()
    for step in range(1, len(merges.heights) + 1):
        ever |= partition_of(clusters_after(merges, step, count))
    return {cluster for cluster in ever if len(cluster) > 1}


@given(problems(), st.floats(0, 100))
def test_a_finite_distance_of_those_apart_is_added_to_theirs(problem, far):
    distances, counts, constraints = problem
    merges = merge_matrix(distances, counts, constraints, far)
    farther = distances + far * constraints.matrix()
    heights, partitions = merge_slowly(farther, counts, constraints_of(len(counts)))
    np.testing.assert_allclose(merges.heights, heights)
    for step, partition in enumerate(partitions, start=1):
        assert partition_of(clusters_after(merges, step, len(counts))) == partition


@given(problems(), seeds)
def test_among_pairs_at_no_distance_the_first_merge_first(problem, seed):
    distances, counts, _ = problem
    linked = np.random.default_rng(seed).random(distances.shape) < 0.3
    distances[linked | linked.T] = 0
    merges = merge_matrix(distances, counts, constraints_of(len(counts)), math.inf)
    heights, partitions = merge_slowly(distances, counts, constraints_of(len(counts)))
    np.testing.assert_allclose(merges.heights, heights)
    expected = {cluster for partition in partitions for cluster in partition if len(cluster) > 1}
    assert clusters_ever(merges, len(counts)) == expected


def test_where_all_are_equally_far_all_join_the_first():
    merges = merge_matrix(np.ones((5, 5)), np.arange(1, 6), constraints_of(5), math.inf)
    assert merges.pairs.tolist() == [[0, 1], [0, 2], [0, 3], [0, 4]]
    assert merges.heights.tolist() == [1] * 4


@given(problems(), st.sampled_from([0.5, 50.0, math.inf]))
def test_half_the_precision_finds_the_same_heights(problem, far):
    distances, counts, constraints = problem
    merges = merge_matrix(distances.astype(np.float32), counts, constraints, far)
    expected = merge_matrix(distances, counts, constraints, far)
    np.testing.assert_allclose(merges.heights, expected.heights, rtol=1e-4)


@st.composite
def looks(draw):
    """Distances of up to 30 tracklets by their looks, face counts and cannot-links; some linked."""
    count = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(seeds))
    directions = rng.normal(size=(count, 8))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    number = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(number, number), max_size=40))
    links = rng.permutation(count)[: count // 2 * 2].reshape(-1, 2)[: draw(st.integers(0, 4))]
    linked = {tuple(sorted(link)) for link in links.tolist()}
    apart = {tuple(sorted(pair)) for pair in pairs if pair[0] != pair[1]} - linked
    distances = with_links(TrackletDistances(directions), links)
    return distances, rng.integers(1, 20, count), constraints_of(count, apart)


@given(looks(), st.sampled_from([0.5, 50.0, math.inf]), st.integers(0, 30))
def test_without_a_matrix_of_all_tracklets_the_merges_are_the_same(problem, far, most):
    distances, counts, constraints = problem
    merges = merge_tracklets(distances, counts, constraints, far, matrix_clusters=most)
    expected = merge_matrix(distances.matrix(), counts, constraints, far)
    np.testing.assert_allclose(merges.heights, expected.heights, rtol=1e-9, atol=1e-12)
    assert clusters_ever(merges, len(counts)) == clusters_ever(expected, len(counts))


@given(looks(), st.integers(0, 30))
def test_tracklets_that_look_the_same_to_the_last_bit_are_merged_too(problem, most):
    distances, counts, constraints = problem
    same = TrackletDistances(np.tile(distances.directions[:1], (len(counts), 1)))
    merges = merge_tracklets(same, counts, constraints, 50.0, matrix_clusters=most)
    assert len(merges.pairs) == len(counts) - 1
    within = clusters_after(merges, merges_within(merges, 1e-9), len(counts))
    a, b = constraints.cannot_link.T
    assert (within[a] != within[b]).all()


@pytest.mark.parametrize("most", [1, 3, 100])
def test_many_tracklets_in_blocks_merge_as_by_their_matrix(most):
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(700, 16)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    apart = np.unique(np.sort(rng.choice(700, (900, 2)), axis=1), axis=0)
    constraints = Constraints(700, apart[apart[:, 0] != apart[:, 1]].astype(np.int32))
    distances, counts = TrackletDistances(directions), rng.integers(1, 50, 700)
    merges = merge_tracklets(distances, counts, constraints, 50.0, matrix_clusters=most)
    expected = merge_tracklets(distances, counts, constraints, 50.0)
    np.testing.assert_allclose(merges.heights, expected.heights, rtol=1e-4)


@pytest.mark.parametrize("most", [0, 2, 9])
def test_where_nobody_may_be_anybody_else_nobody_is_merged(most):
    pairs = [(a, b) for b in range(4) for a in range(b)]
    distances = TrackletDistances(np.eye(4))
    counts = np.ones(4, np.int64)
    merges = merge_tracklets(distances, counts, constraints_of(4, pairs), math.inf, most)
    assert len(merges.pairs) == 0


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("most", [0, 5])
def test_one_look_or_none_is_never_merged(count, most):
    distances, counts = TrackletDistances(np.ones((count, 1))), np.ones(count, np.int64)
    merges = merge_tracklets(distances, counts, constraints_of(count), 50.0, most)
    assert (merges.pairs.shape, merges.heights.shape) == ((0, 2), (0,))


def test_one_tracklet_or_none_is_never_merged():
    for count in (0, 1):
        empty = np.zeros((count, count))
        merges = merge_matrix(empty, np.ones(count, np.int64), constraints_of(count), math.inf)
        assert merges.pairs.shape == (0, 2)
        assert merges.heights.shape == (0,)


def test_no_merges_leave_every_tracklet_alone():
    merges = merge_matrix(np.ones((4, 4)), np.ones(4, np.int64), constraints_of(4), math.inf)
    assert clusters_after(merges, 0, 4).tolist() == [0, 1, 2, 3]


def test_merges_are_ordered_by_height_and_parts_come_before_the_whole():
    pairs = np.array([[3, 4], [0, 1], [0, 2]])
    merges = merges_in_order(pairs, np.array([3.0, 2.0, 2.0 - 1e-9]))
    assert merges.pairs.tolist() == [[0, 1], [0, 2], [3, 4]]
    assert merges.heights.tolist() == [2, 2, 3]


def clusters_slowly(merges, count, tracklet_count):
    cluster = np.arange(tracklet_count)
    for a, b in merges.pairs[:count]:
        cluster[cluster == cluster[b]] = cluster[a]
    return np.unique(cluster, return_inverse=True)[1]


@given(problems())
def test_the_clusters_are_those_of_one_merge_after_the_other(problem):
    merges, count = merge_matrix(*problem, math.inf), len(problem[1])
    for step in range(len(merges.heights) + 1):
        slow = clusters_slowly(merges, step, count)
        assert clusters_after(merges, step, count).tolist() == slow.tolist()


def test_merges_up_to_a_distance_include_those_at_it():
    merges = Merges(np.array([[0, 1], [0, 2], [0, 3]], np.int32), np.array([1.0, 2.0, 2.0]))
    assert [merges_within(merges, most) for most in (0.5, 1.0, 1.5, 2.0)] == [0, 1, 1, 3]
