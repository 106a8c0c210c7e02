import numpy as np
import pytest
import torch

from tracker.embedding.losses import QuadrupletTerm, SymTripletLoss, squared_distance

TRIPLET = torch.tensor([[0, 1, 2]])
QUADRUPLET = torch.tensor([[0, 1, 2, 3]])


def random_points(count, size=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, size, generator=generator, dtype=torch.float64)


def random_tuples(count, size, points, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, points, (count, size)))


def distance(a, b):
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))


def test_squared_distances_by_hand():
    a, b = torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.tensor([[3.0, 4.0], [1.0, 1.0]])
    assert squared_distance(a, b).tolist() == [25.0, 0.0]


def test_symtriplet_by_hand():
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])  # d(a,p)=1 d(a,n)=4 d(p,n)=5
    assert SymTripletLoss(margin=4.0)(points, TRIPLET).item() == pytest.approx(0.25)


def test_symtriplet_is_zero_beyond_the_margin():
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    assert SymTripletLoss(margin=3.5)(points, TRIPLET).item() == 0
    assert SymTripletLoss(margin=3.6)(points, TRIPLET).item() == pytest.approx(0.05)


def test_quadruplet_term_by_hand():
    points = torch.tensor([[0.0, 0.0], [2.0, 0.0], [5.0, 0.0], [5.0, 1.0]])  # d(a,p)=4 d(n,n)=1
    assert QuadrupletTerm(margin=0.5)(points, QUADRUPLET).item() == pytest.approx(3.5)


def test_quadruplet_term_is_zero_beyond_the_margin():
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0], [5.0, 2.0]])  # d(a,p)=1 d(n,n)=4
    assert QuadrupletTerm(margin=3.0)(points, QUADRUPLET).item() == 0


def test_symtriplet_is_the_mean_of_a_plain_loop():
    points, triplets = random_points(6), random_tuples(20, 3, 6)
    total = 0.0
    for a, p, n in triplets.tolist():
        a, p, n = points[a].tolist(), points[p].tolist(), points[n].tolist()
        total += 0.5 * max(0.0, distance(a, p) - (distance(a, n) + distance(p, n)) / 2 + 10)
    assert SymTripletLoss(10.0)(points, triplets).item() == pytest.approx(total / 20)


def test_quadruplet_term_is_the_mean_of_a_plain_loop():
    points, quadruplets = random_points(6), random_tuples(20, 4, 6)
    total = 0.0
    for row in quadruplets.tolist():
        a, p, first, second = (points[index].tolist() for index in row)
        total += max(0.0, distance(a, p) - distance(first, second) + 3)
    assert QuadrupletTerm(3.0)(points, quadruplets).item() == pytest.approx(total / 20)


def test_swapping_anchor_and_positive_changes_nothing():
    points, triplets = random_points(6), random_tuples(20, 3, 6)
    loss = SymTripletLoss(margin=10.0)
    torch.testing.assert_close(loss(points, triplets), loss(points, triplets[:, [1, 0, 2]]))


@pytest.mark.parametrize("swapped", [[1, 0, 2, 3], [0, 1, 3, 2]])
def test_swapping_either_pair_of_a_quadruplet_changes_nothing(swapped):
    points, quadruplets = random_points(6), random_tuples(20, 4, 6)
    term = QuadrupletTerm(margin=3.0)
    torch.testing.assert_close(term(points, quadruplets), term(points, quadruplets[:, swapped]))


def test_the_order_of_the_tuples_changes_nothing():
    points, triplets = random_points(6), random_tuples(20, 3, 6)
    loss = SymTripletLoss(margin=10.0)
    torch.testing.assert_close(loss(points, triplets), loss(points, triplets.flip(0)))


@pytest.mark.parametrize(("loss", "size"), [(SymTripletLoss(10.0), 3), (QuadrupletTerm(3.0), 4)])
def test_gradients_are_those_of_finite_differences(loss, size):
    points = random_points(6, size=4).requires_grad_()
    tuples = random_tuples(12, size, 6)
    assert torch.autograd.gradcheck(lambda x: loss(x, tuples), (points,))


def test_one_step_pulls_the_pair_together_and_pushes_both_from_the_negative():
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]], requires_grad=True)
    SymTripletLoss(margin=10.0)(points, TRIPLET).backward()
    a, p, n = (points - 0.1 * points.grad).detach()
    assert distance(a, p) < 1
    assert distance(a, n) > 4
    assert distance(p, n) > 5


@pytest.mark.parametrize(("loss", "size"), [(SymTripletLoss(10.0), 3), (QuadrupletTerm(3.0), 4)])
def test_no_tuples_give_zero_with_zero_gradients(loss, size):
    points = random_points(6).requires_grad_()
    value = loss(points, torch.zeros(0, size, dtype=torch.int64))
    value.backward()
    assert value.item() == 0
    assert not points.grad.any()
