import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from tracker.clustering import (
    choose_cut,
    clusters_after,
    least_detections,
    max_distance,
    maybe_the_same,
    merge_tracklets,
    mixed_distances,
    name_people,
    separate_conflicts,
    tracklet_distances,
    with_links,
)
from tracker.config import ClusteringConfig
from tracker.records import Constraints

seeds = st.integers(0, 2**32 - 1)
EVERYBODY = {"min_detections": 1, "min_share": 0.0}


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
    """(distance, i, j) of the two closest clusters that may merge; None where none may."""
    apart = constraints.matrix()
    found = [
        (mean_between(one, other, distances, counts), i, j)
        for i, one in enumerate(clusters)
        for j, other in enumerate(clusters[:i])
        if not apart[np.ix_(one, other)].any()
    ]
    return min(found, default=None)


def merge_slowly(distances, counts, constraints):
    """Heights and partitions of average linkage, every cluster distance formed anew each time."""
    clusters = [[number] for number in range(len(distances))]
    heights, partitions = [], []
    while best := closest(clusters, distances, counts, constraints):
        mean, i, j = best
        clusters[j] += clusters.pop(i)
        heights.append(mean)
        partitions.append({frozenset(cluster) for cluster in clusters})
    return heights, partitions


def partition_of(cluster):
    return {frozenset(np.flatnonzero(cluster == number)) for number in set(cluster)}


def distances_by_loops(vectors, tracklet, tracklet_count):
    """The squared distance of every two tracklets' mean directions, one after the other."""
    means = []
    for number in range(tracklet_count):
        directions = [v / math.sqrt(sum(v * v)) for v in vectors[tracklet == number]]
        mean = sum(directions) / len(directions)
        means.append(mean / math.sqrt(sum(mean * mean)))
    return [[sum((one - other) ** 2) for other in means] for one in means]


def test_the_distance_of_two_tracklets_by_hand():
    # The first looks east and north, so north-east on the whole; the second looks east.
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    distances = tracklet_distances(vectors, np.array([0, 0, 1]), 2)
    apart = 2 - 2 * math.cos(math.pi / 4)
    np.testing.assert_allclose(distances, [[0, apart], [apart, 0]], atol=1e-12)


@pytest.mark.parametrize(
    ("other", "expected"), [([3.0, 0.0], 0.0), ([0.0, 3.0], 2.0), ([-3.0, 0.0], 4.0)]
)
def test_tracklets_are_from_nothing_to_four_apart(other, expected):
    distances = tracklet_distances(np.array([[1.0, 0.0], other]), np.array([0, 1]), 2)
    assert distances[0, 1] == pytest.approx(expected)


def random_faces(seed, tracklet_count):
    """Vectors (S, 4) of faces, and the tracklet of each: every one has at least one."""
    rng = np.random.default_rng(seed)
    tracklet = np.concatenate([np.arange(tracklet_count), rng.integers(0, tracklet_count, 8)])
    tracklet = rng.permutation(tracklet)
    return rng.normal(size=(len(tracklet), 4)), tracklet


@given(seeds, st.integers(1, 5))
def test_the_distances_of_tracklets_are_those_of_plain_loops(seed, tracklet_count):
    vectors, tracklet = random_faces(seed, tracklet_count)
    distances = tracklet_distances(vectors, tracklet, tracklet_count)
    expected = distances_by_loops(vectors, tracklet, tracklet_count)
    np.testing.assert_allclose(distances, expected, atol=1e-12)


@given(seeds, st.integers(1, 5))
def test_how_long_a_face_vector_is_changes_no_distance(seed, tracklet_count):
    vectors, tracklet = random_faces(seed, tracklet_count)
    lengths = np.random.default_rng(seed).uniform(0.1, 100, (len(vectors), 1))
    before, after = (
        tracklet_distances(faces, tracklet, tracklet_count)
        for faces in (vectors, vectors * lengths)
    )
    np.testing.assert_allclose(before, after, atol=1e-9)


def test_a_face_that_turns_is_no_farther_from_itself_than_one_that_does_not():
    # Both look north-east on the whole, one of them by turning from north to east.
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 2.0]])
    distances = tracklet_distances(vectors, np.array([0, 0, 1, 1]), 2)
    np.testing.assert_allclose(distances, 0, atol=1e-12)


def test_distances_are_never_below_nothing_or_above_four():
    half = np.full((25, 3), 1234.567)
    distances = tracklet_distances(np.concatenate([half, -half]), np.arange(50), 50)
    assert distances.min() >= 0
    assert distances.max() <= 4


def test_a_face_of_no_direction_is_a_stranger_to_everybody():
    distances = tracklet_distances(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([0, 1]), 2)
    assert distances[0, 1] == 2


def test_no_tracklets_have_no_distances():
    none = tracklet_distances(np.zeros((0, 4)), np.zeros(0, np.int64), 0)
    assert none.shape == (0, 0)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 2.0), (0.25, 2.5), (1.0, 4.0)])
def test_distances_are_mixed_by_their_shares(share, expected):
    learned, raw = np.array([[0.0, 1.0], [2.0, 0.0]]), np.array([[5.0], [-6.0]])
    distances = mixed_distances(learned, raw, share, np.array([0, 1]), 2)
    assert distances[0, 1] == pytest.approx(expected)


def test_linked_tracklets_are_at_no_distance_and_all_others_where_they_were():
    before = np.array([[0.0, 1, 2], [1, 0, 3], [2, 3, 0]])
    after = with_links(before, np.array([[2, 0]]))
    assert after.tolist() == [[0, 1, 0], [1, 0, 3], [0, 3, 0]]
    assert before[0, 2] == 2


@pytest.mark.parametrize("count", [0, 1, 3])
def test_no_links_change_no_distances(count):
    distances = random_distances(np.random.default_rng(0), count)
    linked = with_links(distances, np.zeros((0, 2), np.int32))
    np.testing.assert_array_equal(linked, distances)


@given(seeds, st.integers(2, 12))
@settings(deadline=None)
def test_without_constraints_merging_is_the_average_linkage_of_scipy(seed, count):
    distances = random_distances(np.random.default_rng(seed), count)
    merges = merge_tracklets(distances, np.ones(count, np.int64), constraints_of(count), math.inf)
    expected = linkage(squareform(distances, checks=False), "average")
    np.testing.assert_allclose(merges.heights, expected[:, 2])
    members = [frozenset([number]) for number in range(count)]
    for step, (a, b) in enumerate(expected[:, :2].astype(int), start=1):
        members.append(members[a] | members[b])
        assert members[-1] in partition_of(clusters_after(merges, step, count))


@given(problems())
@settings(deadline=None)
def test_merging_is_that_of_a_slow_greedy_search(problem):
    distances, counts, constraints = problem
    merges = merge_tracklets(distances, counts, constraints, math.inf)
    heights, partitions = merge_slowly(distances, counts, constraints)
    np.testing.assert_allclose(merges.heights, heights)
    for step, partition in enumerate(partitions, start=1):
        assert partition_of(clusters_after(merges, step, len(counts))) == partition


@given(problems(), seeds)
@settings(deadline=None)
def test_among_equal_distances_every_merge_is_still_of_the_closest_two(problem, seed):
    _, counts, constraints = problem
    count = len(counts)
    distances = np.random.default_rng(seed).integers(1, 4, (count, count)).astype(float)
    distances = np.minimum(distances, distances.T)  # so few values that most are tied
    merges = merge_tracklets(distances, counts, constraints, math.inf)
    for step, height in enumerate(merges.heights):
        cluster = clusters_after(merges, step, count)
        members = [np.flatnonzero(cluster == number) for number in range(cluster.max() + 1)]
        assert height == pytest.approx(closest(members, distances, counts, constraints)[0])
        joined = (members[cluster[number]] for number in merges.pairs[step])
        assert height == pytest.approx(mean_between(*joined, distances, counts))


@given(problems(most_pairs=30))
def test_two_people_are_never_merged(problem):
    distances, counts, constraints = problem
    merges = merge_tracklets(distances, counts, constraints, math.inf)
    cluster = clusters_after(merges, len(merges.heights), len(counts))
    a, b = constraints.cannot_link.T
    assert (cluster[a] != cluster[b]).all()


@given(problems())
def test_heights_never_decrease(problem):
    merges = merge_tracklets(*problem, math.inf)
    assert (np.diff(merges.heights) >= -1e-12).all()


@given(problems())
def test_merging_leaves_what_it_was_given_as_it_was(problem):
    distances, counts, constraints = problem
    copies = distances.copy(), counts.copy()
    merge_tracklets(distances, counts, constraints, math.inf)
    np.testing.assert_array_equal(distances, copies[0])
    np.testing.assert_array_equal(counts, copies[1])


def test_a_tracklet_of_more_faces_weighs_more():
    # 0 and 1 merge first; 2 is then at (3 * 10 + 1 * 50) / 4 = 20 from them.
    distances = np.array([[0.0, 1, 10], [1, 0, 50], [10, 50, 0]])
    merges = merge_tracklets(distances, np.array([3, 1, 1]), constraints_of(3), math.inf)
    np.testing.assert_allclose(merges.heights, [1, 20])
    assert merges.pairs.tolist() == [[0, 1], [0, 2]]


def test_a_constraint_is_inherited_by_the_cluster():
    # 0 is nearest to 1, and 1 cannot be 2: then 0 and 2 may no longer merge.
    distances = np.array([[0.0, 1, 2], [1, 0, 3], [2, 3, 0]])
    merges = merge_tracklets(distances, np.ones(3, np.int64), constraints_of(3, [(1, 2)]), math.inf)
    assert merges.pairs.tolist() == [[0, 1]]


def test_a_stray_tracklet_does_not_keep_a_person_apart():
    # Two halves of a person, 20 tracklets each; one of the first cannot be one of the second.
    distances = np.kron([[0.1, 0.5], [0.5, 0.1]], np.ones((20, 20)))
    apart = constraints_of(40, [(0, 20)])
    counts = np.ones(40, np.int64)
    strict = merge_tracklets(distances, counts, apart, math.inf)
    lenient = merge_tracklets(distances, counts, apart, 50.0)
    assert len(strict.heights) == 38
    assert lenient.heights[-1] == pytest.approx(0.5 + 50 / 400)


@given(problems(most_pairs=30), st.floats(0.1, 10))
def test_no_cannot_link_pair_stays_in_one_cluster(problem, max_distance):
    distances, counts, constraints = problem
    together = np.zeros(len(counts), np.int32)
    cluster = separate_conflicts(together, distances, counts, constraints, max_distance)
    a, b = constraints.cannot_link.T
    assert (cluster[a] != cluster[b]).all()
    assert set(cluster) == set(range(cluster.max() + 1))


@given(problems())
def test_where_nothing_is_in_conflict_nobody_moves(problem):
    distances, counts, constraints = problem
    alone = np.arange(len(counts), dtype=np.int32)
    cluster = separate_conflicts(alone, distances, counts, constraints, 1.0)
    assert cluster.tolist() == alone.tolist()


def test_of_two_in_conflict_the_one_that_fits_worse_leaves():
    # 3 is farther from 0 and 1 than 2 is, and nearest to 4.
    places = np.array([0.0, 0.1, 0.2, 1.0, 1.3])
    distances = np.square(places[:, None] - places[None])
    cluster = separate_conflicts(
        np.array([0, 0, 0, 0, 1], np.int32),
        distances,
        np.ones(5, np.int64),
        constraints_of(5, [(2, 3)]),
        max_distance=0.5,
    )
    assert cluster.tolist() == [0, 0, 0, 1, 1]


def test_who_fits_nowhere_else_is_alone():
    distances = np.full((3, 3), 4.0)
    cluster = separate_conflicts(
        np.zeros(3, np.int32), distances, np.ones(3, np.int64), constraints_of(3, [(0, 1)]), 1.0
    )
    assert len(set(cluster)) == 2


def test_one_tracklet_or_none_is_never_merged():
    for count in (0, 1):
        empty = np.zeros((count, count))
        merges = merge_tracklets(empty, np.ones(count, np.int64), constraints_of(count), math.inf)
        assert merges.pairs.shape == (0, 2)
        assert merges.heights.shape == (0,)


def test_no_merges_leave_every_tracklet_alone():
    merges = merge_tracklets(np.ones((4, 4)), np.ones(4, np.int64), constraints_of(4), math.inf)
    assert clusters_after(merges, 0, 4).tolist() == [0, 1, 2, 3]


def groups_of(*sizes, between=2.0, within=0.5, pairs=()):
    """Merges of tracklets in groups: `within` apart inside a group, `between` outside."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    distances = np.where(group[:, None] == group[None], within, between)
    np.fill_diagonal(distances, 0)
    count = len(group)
    return merge_tracklets(
        distances, np.ones(count, np.int64), constraints_of(count, pairs), math.inf
    )


def people_of(merges, detection_counts, config, max_distance=1.0, sure_counts=None):
    """The person of every tracklet; all detections are surely faces unless told otherwise."""
    sure_counts = detection_counts if sure_counts is None else sure_counts
    count = choose_cut(merges, detection_counts, sure_counts, max_distance, config)
    cluster = clusters_after(merges, count, len(detection_counts))
    return name_people(cluster, detection_counts, sure_counts, config)


def test_merging_stops_at_the_greatest_distance():
    person = people_of(groups_of(2, 2), np.full(4, 10), ClusteringConfig(**EVERYBODY))
    assert person[0] == person[1]
    assert person[2] == person[3]
    assert set(person) == {1, 2}


@pytest.mark.parametrize(("most", "people"), [(0.4, 4), (0.5, 2), (1.9, 2), (2.0, 1)])
def test_the_greatest_distance_is_included(most, people):
    person = people_of(groups_of(2, 2), np.full(4, 10), ClusteringConfig(**EVERYBODY), most)
    assert len(set(person)) == people


@pytest.mark.parametrize("knows_faces", [True, False])
@pytest.mark.parametrize(
    ("raw_share", "most"), [(0.0, 1.5), (0.5, 1.25), (0.75, 1.125), (1.0, 1.0)]
)
def test_the_greatest_distance_is_mixed_as_the_distances_are(knows_faces, raw_share, most):
    other = {"max_hog_distance" if knows_faces else "max_raw_distance": 77.0}
    raw = {"max_raw_distance" if knows_faces else "max_hog_distance": 1.0}
    config = ClusteringConfig(max_learned_distance=1.5, **raw, **other)
    assert max_distance(raw_share, knows_faces, config) == pytest.approx(most)


def test_features_that_know_no_faces_may_be_farther_apart():
    config = ClusteringConfig()
    assert max_distance(1.0, False, config) > max_distance(1.0, True, config)


@given(seeds, st.floats(0, 1), st.booleans())
def test_two_faces_at_both_greatest_distances_are_at_the_mixed_one(seed, raw_share, knows_faces):
    config = ClusteringConfig()
    one, other = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 2)))[0].T
    learned, raw = (
        np.stack([one, cosine * one + math.sqrt(1 - cosine**2) * other])
        for share in (0.0, 1.0)
        for cosine in [1 - max_distance(share, knows_faces, config) / 2]
    )
    distances = mixed_distances(learned, raw, raw_share, np.array([0, 1]), 2)
    assert distances[0, 1] == pytest.approx(max_distance(raw_share, knows_faces, config))


def test_people_are_numbered_by_how_long_they_are_seen():
    counts, config = np.array([20, 30, 90, 5]), ClusteringConfig(**EVERYBODY)
    assert people_of(groups_of(2, 1, 1), counts, config).tolist() == [2, 2, 1, 3]


def test_of_two_people_seen_equally_long_the_first_comes_first():
    config = ClusteringConfig(**EVERYBODY)
    assert people_of(groups_of(1, 1, 1), np.full(3, 10), config).tolist() == [1, 2, 3]


def test_a_cluster_of_too_few_detections_is_nobody():
    counts, config = np.array([20, 9, 10]), ClusteringConfig(min_detections=10)
    assert people_of(groups_of(1, 1, 1), counts, config).tolist() == [1, -1, 2]


def test_a_cluster_of_too_small_a_share_is_nobody():
    config = ClusteringConfig(min_detections=1, min_share=0.1)
    assert people_of(groups_of(1, 1), np.array([95, 5]), config).tolist() == [1, -1]
    assert people_of(groups_of(1, 1), np.array([90, 10]), config).tolist() == [1, 2]


@pytest.mark.parametrize(("sure", "person"), [(0, -1), (29, -1), (30, 2), (100, 2)])
def test_a_cluster_that_is_hardly_ever_surely_a_face_is_nobody(sure, person):
    config = ClusteringConfig(min_sure_share=0.3)
    counts, sure_counts = np.array([200, 100]), np.array([200, sure])
    found = people_of(groups_of(1, 1), counts, config, sure_counts=sure_counts)
    assert found.tolist() == [1, person]


def test_a_tracklet_that_is_never_sure_counts_with_the_person_it_belongs_to():
    config = ClusteringConfig(min_sure_share=0.3)
    counts, sure_counts = np.array([60, 90, 20]), np.array([60, 0, 0])
    found = people_of(groups_of(2, 1), counts, config, sure_counts=sure_counts)
    assert found.tolist() == [1, 1, -1]


def test_without_a_least_share_nobody_need_ever_be_sure():
    config = ClusteringConfig(min_sure_share=0.0, **EVERYBODY)
    found = people_of(groups_of(1, 1), np.full(2, 10), config, sure_counts=np.zeros(2, np.int64))
    assert found.tolist() == [1, 2]


@pytest.mark.parametrize(("seen", "person"), [(99, -1), (100, 2)])
def test_somebody_seen_often_enough_is_kept_however_small_the_share(seen, person):
    config = ClusteringConfig(min_detections=1, min_share=0.1, enough_detections=100)
    counts = np.array([1_000_000, seen])
    assert people_of(groups_of(1, 1), counts, config).tolist() == [1, person]


@pytest.mark.parametrize(
    ("total", "least"), [(0, 10), (500, 10), (4000, 40), (10_000, 100), (10**6, 100)]
)
def test_the_least_detections_of_a_person_by_hand(total, least):
    config = ClusteringConfig(min_detections=10, min_share=0.01, enough_detections=100)
    assert least_detections(np.array([total]), config) == pytest.approx(least)


def test_the_least_detections_outweigh_those_that_are_enough():
    config = ClusteringConfig(min_detections=200, enough_detections=100)
    assert least_detections(np.array([10**6]), config) == 200


@pytest.mark.parametrize("people", [1, 2, 3, 4, 5])
def test_as_many_people_are_named_as_there_are_said_to_be(people):
    config = ClusteringConfig(people=people, **EVERYBODY)
    person = people_of(groups_of(2, 2, 1), np.full(5, 10), config)
    assert set(person) == set(range(1, people + 1))


def test_the_number_of_people_outweighs_the_greatest_distance():
    config = ClusteringConfig(people=2, **EVERYBODY)
    person = people_of(groups_of(2, 2), np.full(4, 10), config, max_distance=0.01)
    assert person.tolist() == [1, 1, 2, 2]


def test_stray_faces_do_not_count_as_people():
    # The two groups are nearer to each other than to the stray face, which is seen too little.
    distances = np.full((5, 5), 9.0)
    distances[:4, :4] = np.kron(np.eye(2), np.full((2, 2), -1.5)) + 2.0
    np.fill_diagonal(distances, 0)
    merges = merge_tracklets(distances, np.ones(5, np.int64), constraints_of(5), math.inf)
    config = ClusteringConfig(people=2, min_detections=10)
    person = people_of(merges, np.array([30, 30, 20, 20, 3]), config)
    assert person.tolist() == [1, 1, 2, 2, -1]


def test_clusters_that_are_hardly_ever_sure_do_not_count_as_people():
    # Three groups; the last is seen most, but is no face. Two people are the other two.
    counts, sure_counts = np.array([30, 30, 20, 20, 500]), np.array([30, 30, 20, 20, 3])
    config = ClusteringConfig(people=2, **EVERYBODY)
    found = people_of(groups_of(2, 2, 1), counts, config, sure_counts=sure_counts)
    assert found.tolist() == [1, 1, 2, 2, -1]


def slow_number_of_people(merges, count, detection_counts, sure_counts, config):
    """How many are somebody after `count` merges, were all of them to be kept."""
    cluster = clusters_after(merges, count, len(detection_counts))
    everybody = dataclasses.replace(config, people=None)
    return len(set(name_people(cluster, detection_counts, sure_counts, everybody)) - {-1})


@given(problems(), seeds, st.integers(1, 5))
def test_the_cut_leaves_the_people_wanted_wherever_any_cut_does(problem, seed, people):
    distances, counts, constraints = problem
    detections = counts * 3
    sure = np.random.default_rng(seed).integers(0, detections + 1)
    config = ClusteringConfig(people=people, min_detections=12)
    merges = merge_tracklets(distances, counts, constraints, math.inf)
    cut = choose_cut(merges, detections, sure, 1.0, config)
    numbers = [
        slow_number_of_people(merges, step, detections, sure, config)
        for step in range(len(merges.heights) + 1)
    ]
    assert numbers[cut] == people or people not in numbers


def test_more_people_than_tracklets_leave_every_tracklet_alone():
    config = ClusteringConfig(people=9, **EVERYBODY)
    assert people_of(groups_of(2, 1), np.full(3, 10), config).tolist() == [1, 2, 3]


def test_fewer_people_than_constraints_allow_are_those_seen_most():
    merges = groups_of(1, 1, 1, pairs=[(0, 1), (0, 2), (1, 2)])
    config = ClusteringConfig(people=2, **EVERYBODY)
    assert people_of(merges, np.array([10, 40, 20]), config).tolist() == [-1, 1, 2]


@pytest.mark.parametrize("people", [None, 1, 3])
def test_without_tracklets_there_is_nobody(people):
    merges = merge_tracklets(np.zeros((0, 0)), np.zeros(0, np.int64), constraints_of(0), math.inf)
    person = people_of(merges, np.zeros(0, np.int64), ClusteringConfig(people=people))
    assert person.shape == (0,)


def maybe_by_loops(person, distances, counts, constraints, most):
    """Every two people that may be one, from the mean over every two of their faces."""
    apart, found = constraints.matrix(), []
    for b in range(1, max(person, default=0) + 1):
        for a in range(1, b):
            in_a, in_b = np.flatnonzero(person == a), np.flatnonzero(person == b)
            if len(in_a) == 0 or len(in_b) == 0 or apart[np.ix_(in_a, in_b)].any():
                continue
            mean = mean_between(in_a, in_b, distances, counts)
            if mean <= most:
                found.append((mean, a, b))
    return [(a, b, mean) for mean, a, b in sorted(found)]


def maybe(person, distances, most, pairs=()):
    person = np.array(person, np.int32)
    counts = np.ones(len(person), np.int64)
    return maybe_the_same(person, distances, counts, constraints_of(len(person), pairs), most)


# Four people of one tracklet each: 1 and 2 are 0.5 apart, 1 and 3 are 1.5, and so on.
LADDER = np.array([[0, 0.5, 1.5, 9], [0.5, 0, 1.0, 9], [1.5, 1.0, 0, 9], [9, 9, 9, 0]])


def test_people_who_may_be_the_same_come_nearest_first():
    expected = [(1, 2, 0.5), (2, 3, 1.0), (1, 3, 1.5)]
    assert maybe([1, 2, 3, 4], LADDER, 2.0) == expected


@pytest.mark.parametrize(("most", "count"), [(0.49, 0), (0.5, 1), (0.99, 1), (1.0, 2), (9.0, 6)])
def test_people_may_be_the_same_up_to_the_distance_given(most, count):
    assert len(maybe([1, 2, 3, 4], LADDER, most)) == count


def test_two_people_seen_together_are_never_the_same():
    assert maybe([1, 2, 3, 4], LADDER, 2.0, pairs=[(0, 1)]) == [(2, 3, 1.0), (1, 3, 1.5)]


def test_one_tracklet_seen_together_is_enough_to_be_two_people():
    assert maybe([1, 1, 2, 2], np.zeros((4, 4)), 2.0, pairs=[(1, 2)]) == []


def test_nobody_is_never_the_same_as_anybody():
    assert maybe([1, -1, -1, 2], np.zeros((4, 4)), 2.0) == [(1, 2, 0.0)]


@pytest.mark.parametrize("person", [[], [-1, -1], [1, 1]])
def test_fewer_than_two_people_are_no_pair(person):
    assert maybe(person, np.zeros((len(person), len(person))), 2.0) == []


@given(problems(), seeds, st.floats(0, 20))
def test_people_who_may_be_the_same_are_those_of_plain_loops(problem, seed, most):
    distances, counts, constraints = problem
    person = np.random.default_rng(seed).integers(1, 5, len(counts)).astype(np.int32)
    person[person == 4] = -1
    found = maybe_the_same(person, distances, counts, constraints, most)
    expected = maybe_by_loops(person, distances, counts, constraints, most)
    assert [pair[:2] for pair in found] == [pair[:2] for pair in expected]
    np.testing.assert_allclose([pair[2] for pair in found], [pair[2] for pair in expected])


@given(problems(), st.one_of(st.none(), st.integers(1, 5)), st.floats(0.1, 20))
def test_names_respect_the_constraints_and_are_ordered_by_time_seen(problem, people, distance):
    distances, counts, constraints = problem
    detections = counts * 3
    config = ClusteringConfig(people=people, min_detections=12)
    merges = merge_tracklets(distances, counts, constraints, math.inf)
    person = people_of(merges, detections, config, distance)
    a, b = constraints.cannot_link.T
    assert ((person[a] != person[b]) | (person[a] == -1)).all()
    named = sorted(set(person) - {-1})
    assert named == list(range(1, len(named) + 1))
    seen = [detections[person == number].sum() for number in named]
    assert seen == sorted(seen, reverse=True)
    assert all(total >= 12 for total in seen)
    if people is not None:
        assert len(named) <= people
