import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.embedding import parts
from tracker.embedding.compensation import fit_compensation, tracklet_means, unit_length
from tracker.records import Constraints

NO_PAIRS = np.zeros((0, 2), np.int32)
SHRINKAGE = 0.2


def constraints_of(count, pairs=(), doubtful=()):
    rows = np.array(sorted(pairs), np.int32).reshape(-1, 2)
    return Constraints(count, rows, np.array(doubtful, np.int64))


def everyone_apart(count):
    return constraints_of(count, itertools.combinations(range(count), 2))


def film(people=20, size=40, faces=5, common=10.0, noise=0.1, seed=0):
    """Features (S, size) and tracklets (S,) of people at right angles, plus a `common` part."""
    rng = np.random.default_rng(seed)
    tracklet = np.repeat(np.arange(people), faces)
    features = np.eye(people, size)[tracklet] + noise * rng.normal(size=(len(tracklet), size))
    features[:, -1] += common
    return features.astype(np.float32), tracklet


def compensated(features, tracklet, constraints, same=None):
    same = tracklet if same is None else same
    return fit_compensation(features, tracklet, constraints, same).apply(features)


def cosines(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


def scatter_within(features, number):
    """The mean outer product of the faces' differences from the mean of their number, by loops."""
    total = np.zeros((features.shape[1], features.shape[1]))
    for face, one in zip(features, number, strict=True):
        difference = face - features[number == one].mean(axis=0, dtype=np.float64)
        total += np.outer(difference, difference)
    return total / len(features)


def plain_compensation(features, tracklet, constraints, same):
    """The mean and matrix, each by its definition, whatever memory that takes."""
    features = features.astype(np.float64)
    means = np.stack([features[tracklet == t].mean(axis=0) for t in np.unique(tracklet)])
    people = np.stack([features[same == t].mean(axis=0) for t in np.unique(same)])
    strangers = [means[a] @ means[b] for a, b in constraints.cannot_link]
    if not strangers and len(people) < len(means):
        strangers = [a @ b for a, b in itertools.combinations(people, 2)]
        share = np.mean(strangers or [0.0])
    else:
        share = np.mean(strangers) if strangers else np.inf
    mean = means.mean(axis=0)
    share = np.clip(share / (mean @ mean), 0, 1)
    level = np.trace(scatter_within(features, same)) / features.shape[1]
    shrunk = (1 - SHRINKAGE) * scatter_within(features, same) / level
    strength, directions = np.linalg.eigh(shrunk + SHRINKAGE * np.eye(features.shape[1]))
    return mean * share**2 * (3 - 2 * share), directions / np.sqrt(strength) @ directions.T


def two_people(x):
    """Two people seen together, at (x, 1) and (x, -1): their common part is (x, 0)."""
    return np.array([[x, 1], [x, -1]], np.float32), np.array([0, 1])


def test_the_whole_map_by_hand():
    faces = np.array([[6**0.5, 0], [-(6**0.5), 0], [0, 2**0.5], [0, -(2**0.5)]], np.float32)
    # The scatter is diag(3, 1), of mean 2: in its units diag(1.5, 0.5), shrunk diag(1.4, 0.6).
    found = fit_compensation(
        faces + np.float32(7), np.zeros(4, int), constraints_of(1), np.zeros(4, int)
    )
    np.testing.assert_allclose(found.mean, [7, 7], rtol=1e-6)
    np.testing.assert_allclose(found.matrix, np.diag([1.4**-0.5, 0.6**-0.5]), atol=1e-6)
    assert (found.mean.dtype, found.matrix.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_the_shrunk_scatter_within_tracklets_becomes_a_ball(seed):
    rng = np.random.default_rng(seed)
    tracklet = rng.permutation(np.repeat(np.arange(6), 7))
    features = (rng.normal(size=(42, 5)) * [8, 4, 2, 1, 0.5]).astype(np.float32)
    matrix = fit_compensation(features, tracklet, constraints_of(6), tracklet).matrix
    scatter = scatter_within(features, tracklet)
    level = np.trace(scatter) / 5
    shrunk = (1 - SHRINKAGE) * scatter + SHRINKAGE * level * np.eye(5)
    np.testing.assert_allclose(matrix.T @ shrunk @ matrix, level * np.eye(5), atol=1e-4 * level)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-6)  # stretched, but turned nowhere


def test_what_varies_within_a_face_counts_less_and_what_does_not_counts_more():
    features, tracklet = film(noise=0.0)
    features[:, 30] += 3 * np.tile(np.linspace(-1, 1, 5, dtype=np.float32), 20)
    matrix = fit_compensation(features, tracklet, everyone_apart(20), tracklet).matrix
    lengths = np.linalg.norm(matrix, axis=1)
    assert lengths[30] < 0.5 < 1 < np.delete(lengths, 30).min()


def test_strangers_who_share_most_of_their_faces_become_nearly_orthogonal():
    features, tracklet = film(noise=0.0)
    apart = tracklet[:, None] != tracklet[None]
    assert cosines(features)[apart].min() > 0.98
    after = cosines(compensated(features, tracklet, everyone_apart(20)))
    np.testing.assert_allclose(after[apart], 0, atol=0.06)  # the mean of 20 is 1/20 of each
    np.testing.assert_allclose(after[~apart], 1, rtol=1e-5)


def test_people_who_share_nothing_keep_the_mean():
    features, tracklet = np.eye(2, 8, dtype=np.float32), np.array([0, 1])
    found = fit_compensation(features, tracklet, constraints_of(2, [(0, 1)]), tracklet)
    np.testing.assert_array_equal(found.mean, 0)


def test_people_who_are_opposites_keep_the_mean():
    features, tracklet = two_people(0.5)  # their product is below 0
    found = fit_compensation(features, tracklet, constraints_of(2, [(0, 1)]), tracklet)
    np.testing.assert_array_equal(found.mean, 0)


@pytest.mark.parametrize(
    ("share", "gone"), [(0.0, 0.0), (0.25, 0.15625), (0.5, 0.5), (0.75, 0.84375)]
)
def test_the_mean_goes_as_far_as_people_share_it_pulled_to_the_nearer_end(share, gone):
    x = (1 - share) ** -0.5  # the product is x² - 1, the mean's is x²
    features, tracklet = two_people(x)
    found = fit_compensation(features, tracklet, constraints_of(2, [(0, 1)]), tracklet)
    np.testing.assert_allclose(found.mean, [gone * x, 0], atol=1e-6)


@pytest.mark.parametrize("x", [1.0, 2.0, 5.0])
def test_without_people_seen_together_all_of_the_mean_goes(x):
    features, tracklet = two_people(x)
    found = fit_compensation(features, tracklet, constraints_of(2), tracklet)
    np.testing.assert_allclose(found.mean, [x, 0])


@pytest.mark.parametrize(("share", "gone"), [(0.0, 0.0), (0.25, 0.15625), (0.75, 0.84375)])
def test_where_nobody_is_seen_together_the_people_found_say_what_is_shared(share, gone):
    x = (1 - share) ** -0.5
    features, person = two_people(x)
    twice, same = np.tile(features, (2, 1)), np.tile(person, 2)  # each in two tracklets
    found = fit_compensation(twice, np.arange(4), constraints_of(4), same)
    np.testing.assert_allclose(found.mean, [gone * x, 0], atol=1e-6)


def test_a_single_person_found_keeps_the_mean_which_is_herself():
    features = np.array([[1, 1], [1, -1]], np.float32)
    found = fit_compensation(features, np.arange(2), constraints_of(2), np.zeros(2, int))
    np.testing.assert_array_equal(found.mean, 0)


def test_doubtful_pairs_say_nothing_of_what_people_share():
    features, tracklet = np.eye(2, 8, dtype=np.float32), np.array([0, 1])
    doubtful = constraints_of(2, [(0, 1)], doubtful=[0])
    found = fit_compensation(features, tracklet, doubtful, tracklet)
    np.testing.assert_allclose(found.mean, features.mean(axis=0))


def test_doubtful_pairs_beside_sure_ones_count_as_if_they_were_not_there():
    features, tracklet = np.array([[1, 0], [0, 1], [1, 0]], np.float32), np.arange(3)
    mixed = constraints_of(3, [(0, 1), (0, 2), (1, 2)], doubtful=[1])
    found = fit_compensation(features, tracklet, mixed, tracklet)
    np.testing.assert_array_equal(found.mean, 0)


def test_only_people_seen_together_say_what_people_share():
    # 0 and 2 are one person: that their product is large must not count.
    features = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    seen = constraints_of(3, [(0, 1), (1, 2)])
    found = fit_compensation(features, np.arange(3), seen, np.arange(3))
    np.testing.assert_array_equal(found.mean, 0)


def test_a_long_tracklet_weighs_no_more_in_the_mean_than_a_short_one():
    features = np.array([[0, 0]] * 9 + [[4, 2]], np.float32)
    tracklet = np.array([0] * 9 + [1])
    found = fit_compensation(features, tracklet, constraints_of(2), tracklet)
    np.testing.assert_allclose(found.mean, [2, 1])


def test_what_changes_between_tracklets_of_one_person_is_shrunk_too():
    features, tracklet = film(noise=0.0)
    features[:, 30] += np.where(tracklet < 10, 3, -3)  # another light
    person = tracklet % 10  # tracklets 0 and 10 are one person, 1 and 11, ...
    light = np.eye(40)[30]

    def length_of_light(same):
        matrix = fit_compensation(features, tracklet, constraints_of(20), same).matrix
        return np.linalg.norm(light @ matrix)

    assert length_of_light(person) < 0.5 * length_of_light(tracklet)


def test_the_scatter_of_people_who_span_tracklets_becomes_a_ball():
    rng = np.random.default_rng(0)
    tracklet = np.repeat(np.arange(6), 4)
    person = tracklet // 2
    features = (rng.normal(size=(24, 4)) * [4, 2, 1, 0.5]).astype(np.float32)
    matrix = fit_compensation(features, tracklet, constraints_of(6), person).matrix
    scatter = scatter_within(features, person)
    level = np.trace(scatter) / 4
    shrunk = (1 - SHRINKAGE) * scatter + SHRINKAGE * level * np.eye(4)
    np.testing.assert_allclose(matrix.T @ shrunk @ matrix, level * np.eye(4), atol=1e-4 * level)


def test_who_is_the_same_changes_nothing_in_the_mean():
    features, tracklet = film()
    seen = everyone_apart(20)
    alone = fit_compensation(features, tracklet, seen, tracklet)
    paired = fit_compensation(features, tracklet, seen, tracklet // 2)
    np.testing.assert_array_equal(alone.mean, paired.mean)


def test_turned_features_are_compensated_alike():
    features, tracklet = film()
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(40, 40)))[0].astype(np.float32)
    seen = everyone_apart(20)
    np.testing.assert_allclose(
        compensated(features @ turn, tracklet, seen),
        compensated(features, tracklet, seen) @ turn,
        atol=1e-3,
    )


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_the_scale_of_the_features_is_kept(scale):
    features, tracklet = film()
    seen, scale = everyone_apart(20), np.float32(scale)
    np.testing.assert_allclose(
        compensated(features * scale, tracklet, seen),
        compensated(features, tracklet, seen) * scale,
        atol=1e-3 * scale,
    )


def test_the_order_of_the_faces_changes_nothing():
    features, tracklet = film()
    order = np.random.default_rng(2).permutation(len(tracklet))
    seen = everyone_apart(20)
    np.testing.assert_allclose(
        compensated(features[order], tracklet[order], seen),
        compensated(features, tracklet, seen)[order],
        atol=1e-3,
    )


def test_the_same_features_are_compensated_to_the_same_bytes():
    features, tracklet = film()
    one, other = (compensated(features, tracklet, everyone_apart(20)) for _ in range(2))
    assert one.tobytes() == other.tobytes()


def test_compensating_leaves_the_features_as_they_were():
    features, tracklet = film()
    copy = features.copy()
    compensated(features, tracklet, everyone_apart(20))
    np.testing.assert_array_equal(features, copy)


def test_without_faces_nothing_is_changed():
    found = fit_compensation(
        np.zeros((0, 3), np.float32), np.zeros(0, int), constraints_of(0), np.zeros(0, int)
    )
    np.testing.assert_array_equal(found.mean, np.zeros(3, np.float32), strict=True)
    np.testing.assert_array_equal(found.matrix, np.eye(3, dtype=np.float32), strict=True)


@pytest.mark.parametrize("faces", [1, 6])
def test_a_single_tracklet_is_centred(faces):
    features, tracklet = film(people=1, faces=faces)
    after = compensated(features, tracklet, constraints_of(1))
    assert np.isfinite(after).all()
    np.testing.assert_allclose(after.mean(axis=0), 0, atol=1e-4)


@pytest.mark.parametrize("pairs", [[], [(0, 1)]])
@pytest.mark.parametrize("value", [0.0, 7.0])
def test_faces_that_are_all_one_stay_finite(value, pairs):
    features = np.full((6, 4), value, np.float32)
    after = compensated(features, np.arange(6) // 3, constraints_of(2, pairs))
    np.testing.assert_array_equal(after, 0)


@pytest.mark.parametrize("part_numbers", [1, 100, 1 << 20])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("are_together", [False, True])
@pytest.mark.parametrize("are_known", [False, True])
def test_the_map_is_that_of_its_definition_whatever_part_is_looked_at_at_a_time(
    monkeypatch, part_numbers, seed, are_together, are_known
):
    monkeypatch.setattr(parts, "PART_NUMBERS", part_numbers)
    features, tracklet = film(people=8, size=12, common=1.0, noise=0.5, seed=seed)
    same = tracklet // 2 if are_known else tracklet
    seen = everyone_apart(8) if are_together else constraints_of(8)
    found = fit_compensation(features, tracklet, seen, same)
    mean, matrix = plain_compensation(features, tracklet, seen, same)
    np.testing.assert_allclose(found.mean, mean, atol=1e-6)
    np.testing.assert_allclose(found.matrix, matrix, atol=1e-6)


def test_tracklet_means_by_hand():
    features = np.array([[1, 2], [3, 4], [5, 0]], np.float32)
    assert tracklet_means(features, np.array([1, 0, 1]), 2).tolist() == [[3, 4], [3, 1]]


@given(st.lists(st.integers(0, 4), max_size=30))
def test_tracklet_means_are_those_of_a_plain_loop(numbers):
    tracklet = np.unique(numbers, return_inverse=True)[1]
    count = len(set(numbers))
    features = np.random.default_rng(0).normal(size=(len(numbers), 3))
    expected = [features[tracklet == t].mean(axis=0) for t in range(count)]
    np.testing.assert_allclose(
        tracklet_means(features, tracklet, count), np.reshape(expected, (count, 3))
    )


def test_unit_length_by_hand():
    unit = unit_length(np.array([[3.0, 4.0], [0.0, -2.0], [0.0, 0.0]]))
    np.testing.assert_allclose(unit, [[0.6, 0.8], [0, -1], [0, 0]], rtol=1e-6)
    assert unit.dtype == np.float32


def test_vectors_can_be_scaled_where_they_lie():
    vectors = film(common=1.0)[0]
    expected = vectors / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    assert unit_length(vectors, out=vectors) is vectors
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_no_vectors_have_no_length():
    assert unit_length(np.zeros((0, 5))).shape == (0, 5)
