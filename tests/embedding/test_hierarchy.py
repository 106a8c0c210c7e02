import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.embedding.hierarchy import class_distances, class_margins, nearest_apart

NO_FACES = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)


def faces(counts, size=4, spread=0.5, seed=0):
    """Faces of length 1 around one direction a class, and the class of each, shuffled."""
    rng = np.random.default_rng(seed)
    tracklet = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    vectors = rng.normal(size=(len(counts), size))[tracklet]
    vectors += spread * rng.normal(size=vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), tracklet


def at_angles(*degrees):
    """Points of the unit circle."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def slow_distance(embeddings, tracklet, p, q):
    members = [np.flatnonzero(tracklet == number) for number in (p, q)]
    pairs = [(i, j) for i, j in itertools.product(*members) if i != j]
    squares = [float(((embeddings[i] - embeddings[j]) ** 2).sum()) for i, j in pairs]
    return np.mean(squares) if squares else 0.0


def slow_distances(embeddings, tracklet):
    count = tracklet.max() + 1
    return np.array(
        [[slow_distance(embeddings, tracklet, p, q) for q in range(count)] for p in range(count)]
    )


def slow_groups(distances, threshold):
    """Average linkage up to a threshold: the two nearest groups are joined, again and again."""
    groups = [[number] for number in range(len(distances))]
    while len(groups) > 1:
        one, other = min(
            itertools.combinations(groups, 2), key=lambda two: distances[np.ix_(*two)].mean()
        )
        if distances[np.ix_(one, other)].mean() >= threshold:
            break
        groups = [group for group in groups if group not in (one, other)] + [one + other]
    return groups


def slow_margins(embeddings, tracklet):
    distances = slow_distances(embeddings, tracklet)
    within = np.diagonal(distances)
    thresholds = [level * (4 - within.mean()) / 16 + within.mean() for level in range(17)]
    margins = 0.1 + thresholds[-1] - np.repeat(within[:, None], len(within), axis=1)
    for threshold in reversed(thresholds):
        for group in slow_groups(distances, threshold):
            margins[np.ix_(group, group)] = 0.1 + threshold - within[group][:, None]
    return margins


def without_diagonal(matrix):
    return matrix[~np.eye(len(matrix), dtype=bool)]


def test_class_distances_by_hand():
    embeddings = np.array([[0.0], [2.0], [3.0], [1.0]], np.float32)
    # within 0: 4; between: mean of 9, 1, 1, 1; within 1: 4
    distances = class_distances(embeddings, np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(distances, [[4, 3], [3, 4]])


def test_a_class_of_one_face_is_no_distance_across():
    distances = class_distances(*faces([1, 3, 1]))
    assert distances[0, 0] == pytest.approx(0, abs=1e-12)
    assert distances[2, 2] == pytest.approx(0, abs=1e-12)
    assert distances[1, 1] > 0.01


@given(counts=st.lists(st.integers(1, 6), min_size=1, max_size=6), seed=st.integers(0, 100))
def test_class_distances_are_means_over_pairs_of_faces(counts, seed):
    embeddings, tracklet = faces(counts, seed=seed)
    expected = slow_distances(embeddings, tracklet)
    np.testing.assert_allclose(class_distances(embeddings, tracklet), expected, atol=1e-6)


def test_class_distances_of_equal_faces_are_not_below_zero():
    embeddings = np.repeat(faces([1], size=64)[0], 9, axis=0)
    distances = class_distances(embeddings, np.arange(9) % 3)
    assert (distances >= 0).all()
    np.testing.assert_allclose(distances, 0, atol=1e-12)


def test_margins_by_hand():
    # Each class is one face, so d_0 = 0 and d_l = l / 4. Squared chords: 2 - 2 cos(angle).
    margins = class_margins(at_angles(0, 50, 180), np.arange(3))
    near = 0.75  # 2 - 2 cos 50 = .71
    far = 3.75  # the mean of 4 and 2 - 2 cos 130 = 3.29 is 3.64
    expected = [[near, far], [near, far], [far, far]]
    found = without_diagonal(margins).reshape(3, 2)
    np.testing.assert_allclose(found, 0.1 + np.array(expected), rtol=1e-6)


def test_the_spread_of_the_anchors_class_lowers_its_margin():
    embeddings, tracklet = at_angles(0, 60, 180), np.array([0, 0, 1])
    # s = (1, 0), d_0 = .5, d_l = l * 3.5 / 16 + .5; mean of 4 and 3 is 3.5, below d_14 = 3.5625
    margins = class_margins(embeddings, tracklet)
    assert margins[0, 1] == pytest.approx(0.1 + 3.5625 - 1)
    assert margins[1, 0] == pytest.approx(0.1 + 3.5625)


def test_classes_nearer_than_their_spread_join_at_the_lowest_level():
    embeddings, tracklet = at_angles(0, 90, 0, 90), np.array([0, 0, 1, 1])
    # s = 2 of either, and of what is between them 1: d_0 = 2
    assert class_margins(embeddings, tracklet)[0, 1] == pytest.approx(0.1 + 2 - 2)


def test_opposite_classes_join_at_the_last_level():
    assert class_margins(at_angles(0, 180), np.arange(2))[0, 1] == pytest.approx(4.1)


@given(
    counts=st.lists(st.integers(1, 4), min_size=1, max_size=7),
    spread=st.floats(0, 2),
    seed=st.integers(0, 100),
)
def test_margins_are_those_of_groups_joined_one_by_one(counts, spread, seed):
    embeddings, tracklet = faces(counts, spread=spread, seed=seed)
    margins = class_margins(embeddings, tracklet)
    expected = slow_margins(embeddings, tracklet)
    np.testing.assert_allclose(without_diagonal(margins), without_diagonal(expected), atol=1e-5)


@given(seed=st.integers(0, 100))
def test_classes_numbered_otherwise_have_the_same_margins(seed):
    embeddings, tracklet = faces([3, 1, 4, 2, 5])
    order = np.random.default_rng(seed).permutation(5)
    margins = class_margins(embeddings, order[tracklet])
    np.testing.assert_allclose(
        without_diagonal(margins[np.ix_(order, order)]),
        without_diagonal(class_margins(embeddings, tracklet)),
        atol=1e-6,
    )


def test_margins_are_float32():
    assert class_margins(*faces([2, 3])).dtype == np.float32


def test_no_faces_have_no_classes():
    assert class_distances(*NO_FACES).shape == (0, 0)
    assert class_margins(*NO_FACES).shape == (0, 0)


def test_one_class_has_no_other_to_keep_a_margin_from():
    assert class_margins(*faces([3])).shape == (1, 1)


DISTANCES = np.array([[0, 5, 2, 1], [5, 0, 3, 3], [2, 3, 0, 4], [1, 3, 4, 0]], np.float64)


def apart_where(*pairs, count=4):
    apart = np.zeros((count, count), bool)
    for a, b in pairs:
        apart[a, b] = apart[b, a] = True
    return apart


def test_neighbours_are_the_nearest_classes_that_are_apart():
    apart = apart_where((0, 1), (0, 2), (1, 3), (2, 3))  # 3, the nearest to 0, may be the same
    nearest = nearest_apart(DISTANCES, apart[[0, 3]], np.array([0, 3]), 1)
    assert nearest.tolist() == [[2], [1]]


def test_neighbours_come_nearest_first_and_end_with_minus_one():
    apart = apart_where((0, 1), (0, 2), (0, 3))
    nearest = nearest_apart(DISTANCES, apart[[0, 1]], np.array([0, 1]), 5)
    assert nearest.tolist() == [[3, 2, 1, -1, -1], [0, -1, -1, -1, -1]]


def test_neighbours_at_one_distance_come_by_number():
    apart = ~np.eye(4, dtype=bool)
    assert nearest_apart(DISTANCES, apart[[1]], np.array([1]), 3).tolist() == [[2, 3, 0]]


def test_an_anchor_that_is_apart_from_nobody_has_no_neighbours():
    nearest = nearest_apart(DISTANCES, apart_where()[[2]], np.array([2]), 2)
    assert nearest.tolist() == [[-1, -1]]


def test_no_anchors_have_no_neighbours():
    nearest = nearest_apart(DISTANCES, apart_where()[:0], np.zeros(0, np.int64), 2)
    assert nearest.shape == (0, 2)


@given(seed=st.integers(0, 1000), count=st.integers(0, 7))
def test_neighbours_are_those_of_sorting_by_distance(seed, count):
    rng = np.random.default_rng(seed)
    distances = rng.integers(0, 4, size=(6, 6)) / 2
    apart = np.triu(rng.random((6, 6)) < 0.5, 1)
    apart |= apart.T
    anchors = rng.integers(6, size=4)
    nearest = nearest_apart(distances, apart[anchors], anchors, count).tolist()
    for anchor, found in zip(anchors, nearest, strict=True):
        known = sorted(np.flatnonzero(apart[anchor]), key=lambda one: distances[anchor, one])
        assert found == [*known, *[-1] * count][:count]
