import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.clustering.distances import (
    TrackletDistances,
    mean_directions,
    mixed_distances,
    tracklet_distances,
    with_links,
)

seeds = st.integers(0, 2**32 - 1)


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
    distances = tracklet_distances(vectors, np.array([0, 0, 1]), 2).matrix()
    apart = 2 - 2 * math.cos(math.pi / 4)
    np.testing.assert_allclose(distances, [[0, apart], [apart, 0]], atol=1e-6)


@pytest.mark.parametrize(
    ("other", "expected"), [([3.0, 0.0], 0.0), ([0.0, 3.0], 2.0), ([-3.0, 0.0], 4.0)]
)
def test_tracklets_are_from_nothing_to_four_apart(other, expected):
    distances = tracklet_distances(np.array([[1.0, 0.0], other]), np.array([0, 1]), 2).matrix()
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
    distances = tracklet_distances(vectors, tracklet, tracklet_count).matrix()
    expected = distances_by_loops(vectors, tracklet, tracklet_count)
    np.testing.assert_allclose(distances, expected, atol=1e-6)


@given(seeds, st.integers(1, 5))
def test_how_long_a_face_vector_is_changes_no_distance(seed, tracklet_count):
    vectors, tracklet = random_faces(seed, tracklet_count)
    lengths = np.random.default_rng(seed).uniform(0.1, 100, (len(vectors), 1))
    before, after = (
        tracklet_distances(faces, tracklet, tracklet_count).matrix()
        for faces in (vectors, vectors * lengths)
    )
    np.testing.assert_allclose(before, after, atol=1e-6)


def test_a_face_that_turns_is_no_farther_from_itself_than_one_that_does_not():
    # Both look north-east on the whole, one of them by turning from north to east.
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 2.0]])
    distances = tracklet_distances(vectors, np.array([0, 0, 1, 1]), 2).matrix()
    np.testing.assert_allclose(distances, 0, atol=1e-6)


def test_distances_are_never_below_nothing_or_above_four():
    half = np.full((25, 3), 1234.567)
    distances = tracklet_distances(np.concatenate([half, -half]), np.arange(50), 50).matrix()
    assert distances.min() >= 0
    assert distances.max() <= 4


def test_a_face_of_no_direction_is_a_stranger_to_everybody():
    distances = tracklet_distances(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([0, 1]), 2).matrix()
    assert distances[0, 1] == 2


def test_no_tracklets_have_no_distances():
    none = tracklet_distances(np.zeros((0, 4)), np.zeros(0, np.int64), 0).matrix()
    assert none.shape == (0, 0)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 2.0), (0.25, 2.5), (1.0, 4.0)])
def test_distances_are_mixed_by_their_shares(share, expected):
    learned, raw = np.array([[0.0, 1.0], [2.0, 0.0]]), np.array([[5.0], [-6.0]])
    distances = mixed_distances(learned, raw, share, np.array([0, 1]), 2).matrix()
    assert distances[0, 1] == pytest.approx(expected)


def unit_directions(seed, count, size=4):
    directions = np.random.default_rng(seed).normal(size=(count, size))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def test_what_is_mixed_is_the_sum_of_its_shares():
    (learned, tracklet), (raw, _) = random_faces(0, 5), random_faces(1, 5)
    mixed = mixed_distances(learned, raw, 0.3, tracklet, 5).matrix()
    alone = [tracklet_distances(vectors, tracklet, 5).matrix() for vectors in (learned, raw)]
    np.testing.assert_allclose(mixed, 0.7 * alone[0] + 0.3 * alone[1], atol=1e-6)


def test_a_group_of_no_faces_has_no_direction():
    means = mean_directions(np.array([[3.0, 4.0]]), np.array([1]), 3)
    np.testing.assert_allclose(means, [[0, 0], [0.6, 0.8], [0, 0]])


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 600])
def test_every_block_of_the_matrix_is_that_of_plain_differences(count):
    directions = unit_directions(0, count)
    slow = np.square(directions[:, None] - directions[None]).sum(axis=2)
    np.testing.assert_allclose(TrackletDistances(directions).matrix(), slow, atol=1e-12)


@pytest.mark.parametrize("count", [3, 300])
def test_the_matrix_is_symmetric_to_the_last_bit(count):
    directions = unit_directions(0, count, 128).astype(np.float32)
    matrix = TrackletDistances(directions).matrix()
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, matrix.T)


@st.composite
def linked_distances(draw):
    """Distances of up to nine tracklets, some of them linked, and some of their numbers."""
    count = draw(st.integers(1, 9))
    number = st.integers(0, count - 1)
    links = draw(st.lists(st.tuples(number, number), max_size=6))
    links = np.array([pair for pair in links if pair[0] != pair[1]], np.int32).reshape(-1, 2)
    alone = TrackletDistances(unit_directions(draw(seeds), count))
    rows, columns = (draw(st.lists(number, unique=True)) for _ in range(2))
    return with_links(alone, links), np.array(rows, np.intp), np.array(columns, np.intp)


@given(linked_distances())
def test_distances_between_some_are_a_part_of_the_matrix(problem):
    distances, rows, columns = problem
    matrix = distances.matrix()
    for part, expected in (
        (distances.between(rows, columns), matrix[np.ix_(rows, columns)]),
        (distances.between(rows), matrix[rows]),
        (distances.among(rows), matrix[np.ix_(rows, rows)]),
    ):
        np.testing.assert_allclose(part, expected, atol=1e-12)


@given(linked_distances())
def test_linked_tracklets_are_at_no_distance_and_all_others_where_they_were(problem):
    distances, _, _ = problem
    expected = TrackletDistances(distances.directions).matrix()
    for a, b in distances.links:
        expected[a, b] = expected[b, a] = 0
    np.testing.assert_array_equal(distances.matrix(), expected)


def test_links_are_added_to_those_there_are():
    alone = TrackletDistances(np.eye(4))
    linked = with_links(with_links(alone, np.array([[2, 0]])), np.array([[1, 3]]))
    apart = linked.matrix()
    assert apart[0, 2] == apart[2, 0] == apart[1, 3] == 0
    assert apart[0, 1] == alone.matrix()[0, 2] == 2
