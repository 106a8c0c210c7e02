import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.clustering.distances import TrackletDistances, mixed_distances, with_links
from tracker.clustering.merges import clusters_after
from tracker.clustering.merging import merge_matrix
from tracker.clustering.people import (
    choose_cut,
    least_detections,
    max_distance,
    maybe_the_same,
    name_people,
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


def groups_of(*sizes, between=2.0, within=0.5, pairs=()):
    """Merges of tracklets in groups: `within` apart inside a group, `between` outside."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    distances = np.where(group[:, None] == group[None], within, between)
    np.fill_diagonal(distances, 0)
    count = len(group)
    return merge_matrix(distances, np.ones(count, np.int64), constraints_of(count, pairs), math.inf)


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
    assert distances.matrix()[0, 1] == pytest.approx(max_distance(raw_share, knows_faces, config))


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
    merges = merge_matrix(distances, np.ones(5, np.int64), constraints_of(5), math.inf)
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
    merges = merge_matrix(distances, counts, constraints, math.inf)
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
    merges = merge_matrix(np.zeros((0, 0)), np.zeros(0, np.int64), constraints_of(0), math.inf)
    person = people_of(merges, np.zeros(0, np.int64), ClusteringConfig(people=people))
    assert person.shape == (0,)


def mean_between(one, other, distances, counts):
    """The mean distance of every face of one cluster from every face of another."""
    weights = np.outer(counts[one], counts[other])
    return (weights * distances[np.ix_(one, other)]).sum() / weights.sum()


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


def maybe(person, directions, most, pairs=()):
    person = np.array(person, np.int32)
    counts, apart = np.ones(len(person), np.int64), constraints_of(len(person), pairs)
    return maybe_the_same(person, TrackletDistances(directions), counts, apart, most)


# Four people of one tracklet each: 1 and 2 are 0.5 apart, 2 and 3 are 1, 1 and 3 are 1.5, and
# 4 is at right angles to all others.
LADDER = np.linalg.cholesky(
    [[1, 0.75, 0.25, 0], [0.75, 1, 0.5, 0], [0.25, 0.5, 1, 0], [0, 0, 0, 1]]
)


def test_people_who_may_be_the_same_come_nearest_first():
    a, b, distances = zip(*maybe([1, 2, 3, 4], LADDER, 1.9), strict=True)
    assert (a, b) == ((1, 2, 1), (2, 3, 3))
    assert distances == pytest.approx((0.5, 1.0, 1.5))


@pytest.mark.parametrize(
    ("most", "count"), [(0.49, 0), (0.51, 1), (0.99, 1), (1.01, 2), (2.0, 6), (np.inf, 6)]
)
def test_people_may_be_the_same_up_to_the_distance_given(most, count):
    assert len(maybe([1, 2, 3, 4], LADDER, most)) == count


def test_two_people_seen_together_are_never_the_same():
    found = maybe([1, 2, 3, 4], LADDER, 1.9, pairs=[(0, 1)])
    assert [pair[:2] for pair in found] == [(2, 3), (1, 3)]
    assert (1, 2) not in [pair[:2] for pair in maybe([1, 2, 3, 4], LADDER, np.inf, pairs=[(0, 1)])]


def test_one_tracklet_seen_together_is_enough_to_be_two_people():
    assert maybe([1, 1, 2, 2], np.ones((4, 1)), 2.0, pairs=[(1, 2)]) == []


def test_nobody_is_never_the_same_as_anybody():
    assert maybe([1, -1, -1, 2], np.ones((4, 1)), 2.0) == [(1, 2, 0.0)]


@pytest.mark.parametrize("person", [[], [-1, -1], [1, 1]])
def test_fewer_than_two_people_are_no_pair(person):
    assert maybe(person, np.ones((len(person), 1)), 2.0) == []


@given(problems(), seeds, st.floats(0.1, 4))
def test_people_who_may_be_the_same_are_those_of_plain_loops(problem, seed, most):
    _, counts, constraints = problem
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(len(counts), 3))
    distances = TrackletDistances(directions / np.linalg.norm(directions, axis=1, keepdims=True))
    distances = with_links(distances, rng.integers(0, len(counts), (1, 2)))
    person = rng.integers(1, 5, len(counts)).astype(np.int32)
    person[person == 4] = -1
    found = maybe_the_same(person, distances, counts, constraints, most)
    expected = maybe_by_loops(person, distances.matrix(), counts, constraints, most)
    assert [pair[:2] for pair in found] == [pair[:2] for pair in expected]
    np.testing.assert_allclose(
        [pair[2] for pair in found], [pair[2] for pair in expected], atol=1e-12
    )


@given(problems(), st.one_of(st.none(), st.integers(1, 5)), st.floats(0.1, 20))
def test_names_respect_the_constraints_and_are_ordered_by_time_seen(problem, people, distance):
    distances, counts, constraints = problem
    detections = counts * 3
    config = ClusteringConfig(people=people, min_detections=12)
    merges = merge_matrix(distances, counts, constraints, math.inf)
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
