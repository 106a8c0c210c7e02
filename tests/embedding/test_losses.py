import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.embedding.losses import (
    AdaptiveQuadrupletLoss,
    ContrastiveLoss,
    HierarchicalTripletLoss,
    QuadrupletLoss,
    QuadrupletTerm,
    SiameseBceLoss,
    SymTripletLoss,
    TripletLoss,
    squared_distance,
)

TRIPLET = torch.tensor([[0, 1, 2]])
QUADRUPLET = torch.tensor([[0, 1, 2, 3]])
RIGHT_ANGLE = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])  # d(a,p)=1 d(a,n)=4 d(p,n)=5
IN_A_ROW = torch.tensor([[0.0], [1.0], [3.0], [5.0]])  # d(a,p)=1 d(a,n1)=9 d(n1,n2)=4


class WithMargins(HierarchicalTripletLoss):
    """As one of the other losses: the margin of a triplet is 1 + a tenth of the anchor's row."""

    def forward(self, embeddings, triplets):
        return super().forward(embeddings, triplets, 1 + triplets[:, 0].to(embeddings) / 10)


EVERY_LOSS = [
    pytest.param(loss, size, id=type(loss).__name__)
    for loss, size in [
        (SymTripletLoss(10.0), 3),
        (QuadrupletTerm(3.0), 4),
        (TripletLoss(5.0), 3),
        (ContrastiveLoss(4.0), 3),
        (SiameseBceLoss(), 3),
        (QuadrupletLoss(5.0, 3.0), 4),
        (AdaptiveQuadrupletLoss(), 4),
        (WithMargins(), 3),
    ]
]
# The adaptive margins let no gradient through, but finite differences see them move.
DIFFERENTIABLE = [one for one in EVERY_LOSS if one.id != "AdaptiveQuadrupletLoss"]


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
    assert SymTripletLoss(margin=4.0)(RIGHT_ANGLE, TRIPLET).item() == pytest.approx(0.25)


def test_symtriplet_is_zero_beyond_the_margin():
    assert SymTripletLoss(margin=3.5)(RIGHT_ANGLE, TRIPLET).item() == 0
    assert SymTripletLoss(margin=3.6)(RIGHT_ANGLE, TRIPLET).item() == pytest.approx(0.05)


def test_quadruplet_term_by_hand():
    points = torch.tensor([[0.0, 0.0], [2.0, 0.0], [5.0, 0.0], [5.0, 1.0]])  # d(a,p)=4 d(n,n)=1
    assert QuadrupletTerm(margin=0.5)(points, QUADRUPLET).item() == pytest.approx(3.5)


def test_quadruplet_term_is_zero_beyond_the_margin():
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0], [5.0, 2.0]])  # d(a,p)=1 d(n,n)=4
    assert QuadrupletTerm(margin=3.0)(points, QUADRUPLET).item() == 0


def test_triplet_by_hand():
    assert TripletLoss(margin=3.5)(RIGHT_ANGLE, TRIPLET).item() == pytest.approx(0.5)


def test_triplet_is_zero_beyond_the_margin():
    assert TripletLoss(margin=3.0)(RIGHT_ANGLE, TRIPLET).item() == 0


def test_contrastive_by_hand():
    # (1 + max(0, 9 - 4)) / 2 pairs
    assert ContrastiveLoss(margin=3.0)(RIGHT_ANGLE, TRIPLET).item() == pytest.approx(3.0)


def test_contrastive_leaves_alone_what_is_a_margin_apart():
    assert ContrastiveLoss(margin=2.0)(RIGHT_ANGLE, TRIPLET).item() == pytest.approx(0.5)


def test_siamese_bce_by_hand():
    loss = SiameseBceLoss()
    with torch.no_grad():
        loss.log_scale.fill_(math.log(2))
        loss.offset.fill_(5.0)
    # logits 5 - 2 * 1 = 3 of the same, 5 - 2 * 4 = -3 of others: both log(1 + exp(-3))
    expected = math.log1p(math.exp(-3))
    assert loss(RIGHT_ANGLE, TRIPLET).item() == pytest.approx(expected)


def test_siamese_bce_starts_in_doubt_at_a_distance_of_one():
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert SiameseBceLoss()(points, TRIPLET).item() == pytest.approx(math.log(2))


def test_siamese_bce_learns_its_scale_and_offset():
    loss = SiameseBceLoss()
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.5]])  # d(a,p)=1 d(a,n)=2.25
    optimiser = torch.optim.SGD(loss.parameters(), lr=0.1)
    before = loss(points, TRIPLET)
    before.backward()
    optimiser.step()
    assert all(parameter.grad != 0 for parameter in loss.parameters())
    assert loss(points, TRIPLET) < before


def test_quadruplet_loss_by_hand():
    # max(0, 1 - 9 + 10) + max(0, 1 - 4 + 4)
    assert QuadrupletLoss(10.0, 4.0)(IN_A_ROW, QUADRUPLET).item() == pytest.approx(3.0)


@pytest.mark.parametrize(("margins", "expected"), [((8.0, 4.0), 1.0), ((10.0, 3.0), 2.0)])
def test_either_term_of_the_quadruplet_loss_is_zero_beyond_its_margin(margins, expected):
    assert QuadrupletLoss(*margins)(IN_A_ROW, QUADRUPLET).item() == pytest.approx(expected)


def test_adaptive_quadruplet_by_hand():
    # gap (9 + 4) / 2 - 1 = 5.5; max(0, 1 - 9 + 2 * 5.5) + max(0, 1 - 4 + 0.6 * 5.5)
    loss = AdaptiveQuadrupletLoss(weight=2.0, second_weight=0.6)
    assert loss(IN_A_ROW, QUADRUPLET).item() == pytest.approx(3.3)


def test_adaptive_margins_are_not_below_zero():
    points = torch.tensor([[0.0], [3.0], [1.0], [2.0]])  # d(a,p)=9 d(a,n1)=1 d(n1,n2)=1
    assert AdaptiveQuadrupletLoss()(points, QUADRUPLET).item() == pytest.approx(16.0)


def test_hierarchical_triplet_by_hand():
    points = torch.cat([RIGHT_ANGLE, RIGHT_ANGLE])
    triplets, margins = torch.tensor([[0, 1, 2], [3, 4, 5]]), torch.tensor([4.0, 2.0])
    # max(0, 1 - 4 + 4) / 2 and max(0, 1 - 4 + 2) / 2
    loss = HierarchicalTripletLoss()(points, triplets, margins)
    assert loss.item() == pytest.approx(0.25)


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


def triplet_terms(points, triplets):
    """D(a, p) and D(a, n) of every triplet."""
    for a, p, n in triplets.tolist():
        a, p, n = points[a].tolist(), points[p].tolist(), points[n].tolist()
        yield distance(a, p), distance(a, n)


def quadruplet_terms(points, quadruplets):
    """D(a, p), D(a, n1) and D(n1, n2) of every quadruplet."""
    for row in quadruplets.tolist():
        a, p, first, second = (points[index].tolist() for index in row)
        yield distance(a, p), distance(a, first), distance(first, second)


def test_triplet_is_the_mean_of_a_plain_loop():
    points, triplets = random_points(6), random_tuples(20, 3, 6)
    each = [max(0.0, pull - push + 5) for pull, push in triplet_terms(points, triplets)]
    assert TripletLoss(5.0)(points, triplets).item() == pytest.approx(np.mean(each))


def test_contrastive_is_the_mean_of_a_plain_loop():
    points, triplets = random_points(6), random_tuples(20, 3, 6)
    each = []
    for pull, push in triplet_terms(points, triplets):
        each += [pull, max(0.0, 4**2 - push)]
    assert ContrastiveLoss(4.0)(points, triplets).item() == pytest.approx(np.mean(each))


def test_siamese_bce_is_the_mean_of_a_plain_loop():
    points, triplets = random_points(6) / 3, random_tuples(20, 3, 6)
    each = []
    for pull, push in triplet_terms(points, triplets):
        p_pull, p_push = (1 / (1 + math.exp(4 * d - 4)) for d in (pull, push))
        each += [-math.log(p_pull), -math.log(1 - p_push)]
    assert SiameseBceLoss()(points, triplets).item() == pytest.approx(np.mean(each), rel=1e-5)


def test_quadruplet_loss_is_the_mean_of_a_plain_loop():
    points, quadruplets = random_points(6), random_tuples(20, 4, 6)
    each = [
        max(0.0, pull - push + 5) + max(0.0, pull - between + 3)
        for pull, push, between in quadruplet_terms(points, quadruplets)
    ]
    assert QuadrupletLoss(5.0, 3.0)(points, quadruplets).item() == pytest.approx(np.mean(each))


def test_adaptive_quadruplet_is_the_mean_of_a_plain_loop():
    points, quadruplets = well_apart(), random_tuples(20, 4, 6) + 6
    quadruplets[:, :2] -= 6
    terms = list(quadruplet_terms(points, quadruplets))
    negatives = [push for _, push, _ in terms] + [between for *_, between in terms]
    gap = np.mean(negatives) - np.mean([pull for pull, *_ in terms])
    assert gap > 1
    each = [
        max(0.0, pull - push + gap) + max(0.0, pull - between + gap / 2)
        for pull, push, between in terms
    ]
    loss = AdaptiveQuadrupletLoss()(points, quadruplets)
    assert loss.item() == pytest.approx(np.mean(each))


def test_adaptive_quadruplet_learns_as_if_its_margins_were_fixed():
    quadruplets = random_tuples(20, 4, 6) + 6
    quadruplets[:, :2] -= 6
    terms = list(quadruplet_terms(well_apart(), quadruplets))
    gap = np.mean([(push + between) / 2 - pull for pull, push, between in terms])
    gradients = []
    for loss in (AdaptiveQuadrupletLoss(), QuadrupletLoss(gap, gap / 2)):
        points = well_apart().requires_grad_()
        loss(points, quadruplets).backward()
        gradients.append(points.grad)
    assert gradients[0].any()
    torch.testing.assert_close(*gradients)


def well_apart():
    """Six points close to each other, and six that are not."""
    return torch.cat([random_points(6) / 3, random_points(6, seed=1)])


def test_hierarchical_triplet_is_the_mean_of_a_plain_loop():
    points, triplets = random_points(6), random_tuples(20, 3, 6)
    margins = torch.linspace(0, 9, 20, dtype=torch.float64)
    each = [
        max(0.0, pull - push + margin) / 2
        for (pull, push), margin in zip(
            triplet_terms(points, triplets), margins.tolist(), strict=True
        )
    ]
    loss = HierarchicalTripletLoss()(points, triplets, margins)
    assert loss.item() == pytest.approx(np.mean(each))


def test_hierarchical_triplet_of_one_margin_is_half_the_triplet_loss():
    points, triplets = random_points(6), random_tuples(20, 3, 6)
    loss = HierarchicalTripletLoss()(points, triplets, torch.full((20,), 5.0))
    torch.testing.assert_close(loss, TripletLoss(5.0)(points, triplets) / 2)


def test_swapping_anchor_and_positive_changes_nothing():
    points, triplets = random_points(6), random_tuples(20, 3, 6)
    loss = SymTripletLoss(margin=10.0)
    torch.testing.assert_close(loss(points, triplets), loss(points, triplets[:, [1, 0, 2]]))


@pytest.mark.parametrize("swapped", [[1, 0, 2, 3], [0, 1, 3, 2]])
def test_swapping_either_pair_of_a_quadruplet_changes_nothing(swapped):
    points, quadruplets = random_points(6), random_tuples(20, 4, 6)
    term = QuadrupletTerm(margin=3.0)
    torch.testing.assert_close(term(points, quadruplets), term(points, quadruplets[:, swapped]))


@pytest.mark.parametrize(("loss", "size"), EVERY_LOSS)
def test_the_order_of_the_tuples_changes_nothing(loss, size):
    points, tuples = random_points(6), random_tuples(20, size, 6)
    torch.testing.assert_close(loss(points, tuples), loss(points, tuples.flip(0)))


@pytest.mark.parametrize(("loss", "size"), EVERY_LOSS)
def test_every_tuple_twice_changes_nothing(loss, size):
    points, tuples = random_points(6), random_tuples(20, size, 6)
    torch.testing.assert_close(loss(points, tuples), loss(points, tuples.repeat(2, 1)))


@pytest.mark.parametrize(("loss", "size"), EVERY_LOSS)
@given(seed=st.integers(0, 1000), shift=st.floats(-3, 3))
@settings(max_examples=30)
def test_moving_all_embeddings_alike_changes_nothing(loss, size, seed, shift):
    points, tuples = random_points(6, seed=seed), random_tuples(5, size, 6, seed)
    torch.testing.assert_close(loss(points + shift, tuples), loss(points, tuples))


@pytest.mark.parametrize(("loss", "size"), EVERY_LOSS)
@given(seed=st.integers(0, 1000))
@settings(max_examples=30)
def test_a_loss_is_never_negative(loss, size, seed):
    points, tuples = random_points(6, seed=seed), random_tuples(5, size, 6, seed)
    assert loss(points, tuples).item() >= 0


@pytest.mark.parametrize(
    ("make_loss", "size"),
    [
        (lambda square: SymTripletLoss(4 * square), 3),
        (lambda square: QuadrupletTerm(4 * square), 4),
        (lambda square: TripletLoss(4 * square), 3),
        (lambda square: ContrastiveLoss(2 * square**0.5), 3),
        (lambda square: QuadrupletLoss(4 * square, 2 * square), 4),
        (lambda square: AdaptiveQuadrupletLoss(), 4),
    ],
)
@given(scale=st.floats(0.1, 10))
@settings(max_examples=30)
def test_embeddings_and_margin_scaled_alike_scale_the_loss_by_the_square(make_loss, size, scale):
    points, tuples = random_points(6), random_tuples(5, size, 6)
    scaled = make_loss(scale**2)(scale * points, tuples)
    torch.testing.assert_close(scaled, scale**2 * make_loss(1.0)(points, tuples))


@pytest.mark.parametrize(("loss", "size"), DIFFERENTIABLE)
def test_gradients_are_those_of_finite_differences(loss, size):
    points = random_points(6, size=4).requires_grad_()
    tuples = random_tuples(12, size, 6)
    assert torch.autograd.gradcheck(lambda x: loss(x, tuples), (points,))


def test_one_step_pulls_the_pair_together_and_pushes_both_from_the_negative():
    points = RIGHT_ANGLE.clone().requires_grad_()
    SymTripletLoss(margin=10.0)(points, TRIPLET).backward()
    a, p, n = (points - 0.1 * points.grad).detach()
    assert distance(a, p) < 1
    assert distance(a, n) > 4
    assert distance(p, n) > 5


@pytest.mark.parametrize(("loss", "size"), EVERY_LOSS)
def test_no_tuples_give_zero_with_zero_gradients(loss, size):
    points = random_points(6).requires_grad_()
    value = loss(points, torch.zeros(0, size, dtype=torch.int64))
    value.backward()
    assert value.item() == 0
    assert not points.grad.any()


def test_no_tuples_teach_a_siamese_head_nothing():
    loss = SiameseBceLoss()
    loss(random_points(6), torch.zeros(0, 3, dtype=torch.int64)).backward()
    assert [parameter.grad.item() for parameter in loss.parameters()] == [0, 0]
