import numpy as np
import pytest
import torch

from tracker.embedding import parts
from tracker.embedding.preparation import Preparation, principal_directions, standardise_and_mix


def features_of(count, size=12, seed=0):
    """Features of very different scales, along few directions."""
    rng = np.random.default_rng(seed)
    few = rng.normal(size=(count, 5)) @ rng.normal(size=(5, size))
    return (few * np.geomspace(0.01, 100, size) + 3).astype(np.float32)


def rng():
    return np.random.default_rng(1)


def test_a_preparation_by_hand():
    preparation = Preparation(
        np.array([1, 2], np.float32), np.array([[1, 0, 2], [0, 1, 1]], np.float32)
    )
    prepared = preparation.apply(np.array([[2, 4]]))
    np.testing.assert_array_equal(prepared, [[1, 2, 4]])
    assert prepared.dtype == np.float32


def test_a_preparation_of_many_rows_is_that_of_each():
    preparation = standardise_and_mix(features_of(50), 4, rng())
    many = np.tile(features_of(50), (100, 1))  # more than one chunk
    np.testing.assert_allclose(
        preparation.apply(many), np.tile(preparation.apply(features_of(50)), (100, 1)), rtol=1e-4
    )


def test_no_features_are_prepared_to_none():
    preparation = standardise_and_mix(features_of(9), 4, rng())
    assert preparation.apply(np.zeros((0, 12), np.float32)).shape == (0, 4)


def test_mixing_keeps_the_distances_of_the_standardised_features():
    features = features_of(60).astype(np.float64)
    standard = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    # Five directions hold everything, so five are enough.
    prepared = standardise_and_mix(features.astype(np.float32), 5, rng()).apply(features)
    expected = np.linalg.norm(standard[:, None] - standard[None], axis=2)
    distances = np.linalg.norm(prepared[:, None] - prepared[None], axis=2)
    ratio = distances[expected > 0] / expected[expected > 0]
    np.testing.assert_allclose(ratio, ratio.mean(), rtol=1e-3)


def test_mixed_features_are_centred_with_a_variance_of_about_one():
    features = features_of(200)
    prepared = standardise_and_mix(features, 5, rng()).apply(features)
    np.testing.assert_allclose(prepared.mean(axis=0), 0, atol=1e-3)
    assert np.square(prepared).mean() == pytest.approx(1, rel=1e-2)


def test_after_mixing_no_coordinate_holds_only_a_weak_direction():
    strong_first = np.random.default_rng(0).normal(size=(300, 40)).astype(np.float32)
    strong_first[:, :20] += 3 * strong_first[:, :1]  # twenty features say the same
    prepared = standardise_and_mix(strong_first, 20, rng()).apply(strong_first)
    variances = prepared.var(axis=0)
    unmixed = np.linalg.svd(strong_first - strong_first.mean(axis=0))[1][:20] ** 2
    assert variances.max() / variances.mean() < unmixed.max() / unmixed.mean() / 2


@pytest.mark.parametrize(("count", "expected"), [(3, 3), (50, 12)])
def test_there_are_no_more_directions_than_faces_or_features(count, expected):
    features = features_of(count)
    assert standardise_and_mix(features, 256, rng()).apply(features).shape == (count, expected)


@pytest.mark.parametrize("count", [1, 5])
def test_features_that_are_all_one_give_zeros(count):
    features = np.full((count, 12), 7.0, np.float32)
    prepared = standardise_and_mix(features, 4, rng()).apply(features)
    np.testing.assert_array_equal(prepared, 0)


@pytest.mark.parametrize("count", [50, 8100])  # 8100: fitted to some of them only
def test_the_same_generator_prepares_the_same(count):
    features = features_of(count)
    one, other = (standardise_and_mix(features, 4, rng()) for _ in range(2))
    np.testing.assert_array_equal(one.matrix, other.matrix)
    np.testing.assert_array_equal(one.mean, other.mean)


def test_preparing_leaves_the_random_numbers_of_torch_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    standardise_and_mix(features_of(50), 4, rng())
    torch.testing.assert_close(torch.rand(4), expected)


def test_principal_directions_are_those_of_a_singular_value_decomposition():
    centred = np.random.default_rng(0).normal(size=(40, 6)) * [9, 6, 4, 2, 1, 0.5]
    expected = np.linalg.svd(centred)[2][:3]
    found = principal_directions(centred.astype(np.float32), 3)
    np.testing.assert_allclose(np.abs((found * expected).sum(axis=1)), 1, rtol=1e-5)


@pytest.mark.parametrize("count", [4, 40])  # fewer than the features, and more
def test_principal_directions_from_a_centre_are_those_of_what_is_centred_there(monkeypatch, count):
    vectors = features_of(count)
    expected = principal_directions(vectors - vectors.mean(axis=0), 3)
    monkeypatch.setattr(parts, "PART_NUMBERS", 50)  # a few rows
    found = principal_directions(vectors, 3, vectors.mean(axis=0))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_features_are_scaled_by_their_standard_deviation(monkeypatch):
    monkeypatch.setattr(parts, "PART_NUMBERS", 50)  # one feature at a time
    features = features_of(60)
    expected = 1 / (features.std(axis=0) + 1e-6)
    matrix = standardise_and_mix(features, 12, rng()).matrix
    # Twelve directions of twelve features hold all, so that only the scale is left of the rows.
    lengths = np.linalg.norm(matrix, axis=1)
    np.testing.assert_allclose(lengths / lengths[0], expected / expected[0], rtol=1e-4)


def test_the_largest_part_of_a_principal_direction_is_positive():
    centred = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    for features in (centred, -centred):
        found = principal_directions(features, 6)
        assert (found[np.arange(6), np.abs(found).argmax(axis=1)] > 0).all()


def test_beyond_the_size_of_the_features_principal_directions_are_zero():
    centred = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    found = principal_directions(centred, 5)
    assert found.shape == (5, 3)
    np.testing.assert_allclose(found[:3] @ found[:3].T, np.eye(3), atol=1e-5)
    assert not found[3:].any()
