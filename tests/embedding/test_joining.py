import numpy as np
import pytest
import torch
from torch import nn

from tracker.embedding import parts
from tracker.embedding.inputs import FeatureInputs, embed
from tracker.embedding.joining import join_outputs
from tracker.embedding.training import Lesson

CPU = torch.device("cpu")


def features(count=200, size=6, seed=0):
    return np.random.default_rng(seed).normal(1, 1, (count, size)).astype(np.float32)


def lesson_of(seed, count=200, dim=8):
    """A network that is taught nothing: how it came to say what it says plays no part."""
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(6, dim), nn.Tanh())
    nothing = nn.Module()
    none = np.zeros((0, 3), np.int64)
    inputs = FeatureInputs(features(count), CPU)
    return Lesson(network, inputs, nothing, nothing, [], none, none, seed, CPU)


def lessons_of(networks=3, **sizes):
    return [lesson_of(seed, **sizes) for seed in range(networks)]


def squared_distances(points):
    return np.square(points[:, None] - points[None]).sum(axis=2)


def plainly_joined(lessons, dim):
    """All outputs at once, and a singular value decomposition of them."""
    outputs = [embed(one.network, one.inputs).numpy().astype(np.float64) for one in lessons]
    together = np.concatenate(outputs, axis=1)
    together = (together - together.mean(axis=0)) / len(lessons) ** 0.5
    return together @ np.linalg.svd(together, full_matrices=False)[2][:dim].T


@pytest.mark.parametrize("networks", [1, 3])
@pytest.mark.parametrize("part_numbers", [1, 1000, 1 << 20])
@pytest.mark.parametrize("count", [5, 200])  # fewer faces than directions, and more
def test_the_embedding_is_that_of_all_outputs_at_once(monkeypatch, networks, part_numbers, count):
    monkeypatch.setattr(parts, "PART_NUMBERS", part_numbers)
    lessons = lessons_of(networks, count=count)
    joined, directions = join_outputs(lessons, 4)
    expected = plainly_joined(lessons, 4)
    np.testing.assert_allclose(np.abs(joined), np.abs(expected), atol=2e-6)  # up to their signs
    assert (joined.dtype, directions.shape) == (np.float32, (4, 8 * networks))
    np.testing.assert_allclose(directions @ directions.T, np.eye(4), atol=1e-5)


def test_with_room_for_all_directions_squared_distances_are_the_mean_of_the_networks():
    lessons = lessons_of(3)
    joined, _ = join_outputs(lessons, 24)
    each = [squared_distances(embed(one.network, one.inputs).numpy()) for one in lessons]
    np.testing.assert_allclose(squared_distances(joined), np.mean(each, axis=0), atol=1e-4)


def test_with_more_room_than_directions_the_rest_is_zero():
    joined, directions = join_outputs(lessons_of(1), 12)
    assert not joined[:, 8:].any()
    assert not directions[8:].any()


def test_no_faces_are_joined_to_none():
    joined, directions = join_outputs(lessons_of(2, count=0), 4)
    assert joined.shape == (0, 4)
    assert directions.shape == (4, 16)
