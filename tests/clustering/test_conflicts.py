import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracker.clustering.conflicts import separate_conflicts
from tracker.clustering.distances import TrackletDistances, with_links
from tracker.records import Constraints

seeds = st.integers(0, 2**32 - 1)


def constraints_of(count, pairs=()):
    ordered = sorted({(min(pair), max(pair)) for pair in pairs})
    return Constraints(count, np.array(ordered, np.int32).reshape(-1, 2))


@st.composite
def problems(draw, most=12):
    """Distances, face counts and cannot-links of a few tracklets, some of which are linked."""
    count = draw(st.integers(1, most))
    rng = np.random.default_rng(draw(seeds))
    directions = rng.normal(size=(count, 4))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    apart = np.triu(rng.random((count, count)) < draw(st.sampled_from([0.1, 0.3, 0.7])), 1)
    links = np.argwhere(np.triu(rng.random((count, count)) < 0.1, 1) & ~apart)
    distances = with_links(TrackletDistances(directions), links)
    return distances, rng.integers(1, 20, count), constraints_of(count, np.argwhere(apart))


def mean_distance(one, members, matrix, counts):
    others = [other for other in members if other != one]
    faces = sum(counts[other] for other in others)
    return sum(counts[other] * matrix[one, other] for other in others) / faces if faces else np.inf


def separate_slowly(cluster, distances, counts, constraints, max_distance):
    """Every fit formed anew before each move."""
    matrix, apart, cluster = distances.matrix(), constraints.matrix(), cluster.copy()
    pairs = constraints.cannot_link.tolist()
    while conflicts := [pair for pair in pairs if cluster[pair[0]] == cluster[pair[1]]]:
        fits = {}
        for one in sorted({one for pair in conflicts for one in pair}):
            friends = np.flatnonzero((cluster == cluster[one]) & ~apart[one])
            fits[one] = round(mean_distance(one, friends, matrix, counts), 6)
        worst = max(fits, key=fits.get)  # the first of equals
        nearest, nearest_gap = cluster.max() + 1, max_distance
        for other in sorted(set(cluster) - {cluster[worst]}):
            members = np.flatnonzero(cluster == other)
            gap = mean_distance(worst, members, matrix, counts)
            if not apart[worst, members].any() and gap < nearest_gap:
                nearest, nearest_gap = other, gap
        cluster[worst] = nearest
    return np.unique(cluster, return_inverse=True)[1]


@given(problems(), seeds, st.integers(1, 5), st.floats(0.1, 4))
def test_who_moves_where_is_as_by_forming_every_fit_anew(problem, seed, clusters, max_distance):
    distances, counts, constraints = problem
    cluster = np.random.default_rng(seed).integers(0, clusters, len(counts)).astype(np.int32)
    found = separate_conflicts(cluster, distances, counts, constraints, max_distance)
    slow = separate_slowly(cluster, distances, counts, constraints, max_distance)
    assert found.tolist() == slow.tolist()


@given(problems(most=40), st.floats(0.1, 4))
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


def test_the_clusters_given_stay_as_they_were():
    together = np.zeros(3, np.int32)
    distances, counts = TrackletDistances(np.eye(3)), np.ones(3, np.int64)
    separate_conflicts(together, distances, counts, constraints_of(3, [(0, 1)]), 1.0)
    assert together.tolist() == [0, 0, 0]


def seen_at(*angles):
    """The distances of tracklets that look in these directions of a plane."""
    return TrackletDistances(np.stack([np.cos(angles), np.sin(angles)], axis=1))


def test_of_two_in_conflict_the_one_that_fits_worse_leaves():
    # 3 is farther from 0 and 1 than 2 is, and nearest to 4.
    cluster = separate_conflicts(
        np.array([0, 0, 0, 0, 1], np.int32),
        seen_at(0.0, 0.1, 0.2, 1.0, 1.3),
        np.ones(5, np.int64),
        constraints_of(5, [(2, 3)]),
        max_distance=0.5,
    )
    assert cluster.tolist() == [0, 0, 0, 1, 1]


def test_who_fits_nowhere_else_is_alone():
    # The three are 2 apart, and 1 is what may be.
    distances, counts = TrackletDistances(np.eye(3)), np.ones(3, np.int64)
    cluster = separate_conflicts(
        np.zeros(3, np.int32), distances, counts, constraints_of(3, [(0, 1)]), 1.0
    )
    assert len(set(cluster)) == 2


def test_of_two_that_fit_equally_the_first_leaves():
    distances, counts = seen_at(-0.1, 0.1, 0.0), np.ones(3, np.int64)
    apart = constraints_of(3, [(0, 1)])
    cluster = separate_conflicts(np.zeros(3, np.int32), distances, counts, apart, 1.0)
    assert cluster.tolist() == [1, 0, 0]


def test_without_tracklets_there_is_no_conflict():
    nobody = TrackletDistances(np.zeros((0, 4)))
    none = np.zeros(0, np.int32)
    assert len(separate_conflicts(none, nobody, none, constraints_of(0), 1.0)) == 0
