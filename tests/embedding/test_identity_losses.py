import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.config import IDENTITY_LOSSES
from tracker.embedding.identity_losses import make_identity_loss

CLASSES, SIZE = 4, 6
WITH_PROXIES = [name for name in IDENTITY_LOSSES if name != "multi-similarity"]
LABELS = torch.tensor([0, 1, 2, 0, 3, 1, 1, 2])
AXES = torch.eye(3)  # three classes at right angles


def random_points(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(count, SIZE, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(points, dim=1)


def means():
    return random_points(CLASSES, seed=1)


def proxies_of(loss):
    """The proxies as rows: of D values, one a class, or several a class one after another."""
    (weights,) = loss.parameters()
    weights = weights.detach().double().numpy()
    return weights if weights.shape[1] == SIZE else weights.T


def cosine(x, y):
    return float(np.dot(x, y) / (np.linalg.norm(x) * np.linalg.norm(y)))


def cross_entropy(logits, label):
    return math.log(sum(math.exp(logit - logits[label]) for logit in logits))


def slow_proxy_nca(x, label, proxies):
    return cross_entropy([-9 * (2 - 2 * cosine(x, proxy)) for proxy in proxies], label)


def slow_soft_triple(x, label, centres):
    logits = []
    for number in range(CLASSES):
        cosines = [cosine(x, centre) for centre in centres[10 * number : 10 * number + 10]]
        weights = [math.exp(10 * value) for value in cosines]
        similarity = np.average(cosines, weights=weights)
        logits.append(20 * (similarity - 0.01 * (number == label)))
    return cross_entropy(logits, label)


def slow_arcface(x, label, proxies):
    angles = [math.acos(cosine(x, proxy)) for proxy in proxies]
    angles[label] += math.radians(28.6)
    assert angles[label] <= math.pi
    return cross_entropy([64 * math.cos(angle) for angle in angles], label)


def slow_cosface(x, label, proxies):
    cosines = [cosine(x, proxy) for proxy in proxies]
    cosines[label] -= 0.35
    return cross_entropy([64 * value for value in cosines], label)


def slow_multi_similarity(points, labels):
    each = []
    for i, x in enumerate(points):
        positives = [
            math.exp(-2 * (cosine(x, y) - 0.5))
            for j, y in enumerate(points)
            if j != i and labels[j] == labels[i]
        ]
        negatives = [
            math.exp(50 * (cosine(x, y) - 0.5))
            for j, y in enumerate(points)
            if labels[j] != labels[i]
        ]
        each.append(math.log(1 + sum(positives)) / 2 + math.log(1 + sum(negatives)) / 50)
    return np.mean(each)


SLOW = {
    "proxy-nca": slow_proxy_nca,
    "soft-triple": slow_soft_triple,
    "arcface": slow_arcface,
    "cosface": slow_cosface,
}


def test_proxy_nca_by_hand():
    loss = make_identity_loss("proxy-nca", AXES)
    # D is 0 to its own proxy, 2 to both others
    expected = math.log(1 + 2 * math.exp(-18))
    assert loss(AXES[:1], torch.tensor([0])).item() == pytest.approx(expected, abs=1e-7)
    # D is 2 to its own, 0 to one other and 2 to the third
    expected = math.log(2 + math.exp(18))
    assert loss(AXES[:1], torch.tensor([1])).item() == pytest.approx(expected)


def test_arcface_by_hand():
    loss = make_identity_loss("arcface", AXES)
    # the angle of 90 degrees to its own proxy counts as 118.6; the others' are 0 and 90
    expected = 64 - 64 * math.cos(math.radians(118.6))
    assert loss(AXES[:1], torch.tensor([1])).item() == pytest.approx(expected)


def test_cosface_by_hand():
    loss = make_identity_loss("cosface", AXES)
    # cosines 0 - .35 to its own proxy, 1 and 0 to the others'
    assert loss(AXES[:1], torch.tensor([1])).item() == pytest.approx(64 * 1.35)


def test_soft_triple_by_hand():
    loss = make_identity_loss("soft-triple", AXES)
    (centres,) = loss.parameters()
    with torch.no_grad():
        centres.copy_(AXES.repeat_interleave(10, dim=0).T)
    # similarities 0 - .01 to its own class, 1 and 0 to the others
    expected = math.log(1 + math.exp(20.2) + math.exp(0.2))
    assert loss(AXES[:1], torch.tensor([1])).item() == pytest.approx(expected)


def test_multi_similarity_by_hand():
    loss = make_identity_loss("multi-similarity", AXES)
    points, labels = AXES[[0, 0, 1]], torch.tensor([0, 1, 1])
    # cosines: 1 to and from a negative, 0 from the first to another negative, 0 of the positive
    positive = math.log(1 + math.exp(1)) / 2
    negatives = [math.exp(25) + math.exp(-25), math.exp(25), math.exp(-25)]
    expected = (2 * positive + sum(math.log(1 + one) / 50 for one in negatives)) / 3
    assert loss(points, labels).item() == pytest.approx(expected)


@pytest.mark.parametrize("name", WITH_PROXIES)
def test_a_loss_on_proxies_is_the_mean_of_a_plain_loop(name):
    points, loss = random_points(8), make_identity_loss(name, means())
    proxies = proxies_of(loss)
    each = [
        SLOW[name](x, label, proxies)
        for x, label in zip(points.numpy(), LABELS.tolist(), strict=True)
    ]
    assert loss(points, LABELS).item() == pytest.approx(np.mean(each))


def test_multi_similarity_is_the_mean_of_a_plain_loop():
    points, loss = random_points(8), make_identity_loss("multi-similarity", means())
    expected = slow_multi_similarity(points.numpy(), LABELS.tolist())
    assert loss(points, LABELS).item() == pytest.approx(expected)


@pytest.mark.parametrize("name", IDENTITY_LOSSES)
def test_gradients_are_those_of_finite_differences(name):
    loss = make_identity_loss(name, means())
    points = random_points(8).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, LABELS), (points,))


@pytest.mark.parametrize("name", IDENTITY_LOSSES)
def test_gradients_flow_to_embeddings_and_proxies(name):
    loss = make_identity_loss(name, means().float())
    points = random_points(8).float().requires_grad_()
    loss(points, LABELS).backward()
    assert points.grad.any()
    assert len(list(loss.parameters())) == (name in WITH_PROXIES)
    assert all(parameter.grad.any() for parameter in loss.parameters())


@pytest.mark.parametrize("name", IDENTITY_LOSSES)
def test_small_steps_lower_the_loss(name):
    loss = make_identity_loss(name, means())
    points = random_points(8).requires_grad_()
    optimiser = torch.optim.SGD([points, *loss.parameters()], lr=1e-4)
    losses = []
    for _ in range(10):
        optimiser.zero_grad()
        losses.append(loss(points, LABELS))
        losses[-1].backward()
        optimiser.step()
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["proxy-nca", "arcface", "cosface"])
def test_proxies_start_at_the_class_means_made_unit_length(name):
    proxies = proxies_of(make_identity_loss(name, 3 * means()))
    np.testing.assert_allclose(proxies, means().numpy(), rtol=1e-6)


def test_soft_triple_starts_with_ten_different_centres_near_each_class_mean():
    centres = proxies_of(make_identity_loss("soft-triple", means())).reshape(CLASSES, 10, SIZE)
    gaps = np.linalg.norm(centres - means().numpy()[:, None], axis=2)
    assert gaps.max() < 0.25
    assert gaps.mean() == pytest.approx(0.1, abs=0.03)
    assert len(np.unique(centres.reshape(-1, SIZE), axis=0)) == 10 * CLASSES
    np.testing.assert_allclose(np.linalg.norm(centres, axis=2), 1, rtol=1e-6)


@pytest.mark.parametrize("name", IDENTITY_LOSSES)
def test_the_same_means_give_the_same_loss_without_torchs_random_numbers(name):
    before = torch.get_rng_state()
    one, other = make_identity_loss(name, means()), make_identity_loss(name, means())
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one(random_points(8), LABELS), other(random_points(8), LABELS))


@pytest.mark.parametrize("name", IDENTITY_LOSSES)
def test_learning_proxies_leaves_the_class_means_as_they_were(name):
    start = means().requires_grad_()
    loss = make_identity_loss(name, start)
    loss(random_points(8).requires_grad_(), LABELS).backward()
    with torch.no_grad():
        for parameter in loss.parameters():
            parameter += 1
    assert torch.equal(start, means())
    assert start.grad is None


@pytest.mark.parametrize("name", IDENTITY_LOSSES)
@given(seed=st.integers(0, 1000))
@settings(max_examples=30)
def test_the_order_of_the_faces_changes_nothing(name, seed):
    points, loss = random_points(8), make_identity_loss(name, means())
    order = torch.randperm(8, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(loss(points[order], LABELS[order]), loss(points, LABELS))


@pytest.mark.parametrize("name", IDENTITY_LOSSES)
@given(scale=st.floats(0.1, 10))
@settings(max_examples=30)
def test_only_the_directions_of_embeddings_count(name, scale):
    points, loss = random_points(8), make_identity_loss(name, means())
    torch.testing.assert_close(loss(scale * points, LABELS), loss(points, LABELS))


@pytest.mark.parametrize("name", IDENTITY_LOSSES)
def test_classes_of_one_face_each_start_with_finite_gradients(name):
    near = torch.nn.functional.normalize(torch.tensor([[1.0, 0.01, 0.0]]), dim=1)
    start = torch.cat([AXES, near])  # every cosine to the own proxy is 1
    points = start.clone().requires_grad_()
    loss = make_identity_loss(name, start)
    loss(points, torch.arange(4)).backward()
    gradients = [points.grad, *(parameter.grad for parameter in loss.parameters())]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("name", IDENTITY_LOSSES)
def test_no_faces_give_zero_with_zero_gradients(name):
    points = torch.zeros(0, SIZE, requires_grad=True)
    value = make_identity_loss(name, means())(points, torch.zeros(0, dtype=torch.int64))
    value.backward()
    assert value.item() == 0
    assert points.grad.shape == (0, SIZE)


@pytest.mark.parametrize("name", IDENTITY_LOSSES)
def test_one_face_of_one_class_has_a_finite_loss(name):
    value = make_identity_loss(name, means()[:1])(random_points(1), torch.tensor([0]))
    assert torch.isfinite(value)


def test_an_unknown_loss_is_named():
    with pytest.raises(ValueError, match=r"no identity loss is named 'hinge'; there are proxy-nca"):
        make_identity_loss("hinge", means())
