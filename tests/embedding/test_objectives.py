import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from tracker.config import (
    IDENTITY_LOSSES,
    LOSSES,
    MINING,
    PAIR_LOSSES,
    PLUS_QUADRUPLET,
    QUADRUPLET_LOSSES,
    TRIPLET_LOSSES,
    EmbeddingConfig,
)
from tracker.embedding.hierarchy import class_margins
from tracker.embedding.identity_losses import make_identity_loss
from tracker.embedding.losses import (
    AdaptiveQuadrupletLoss,
    ContrastiveLoss,
    HierarchicalTripletLoss,
    QuadrupletLoss,
    QuadrupletTerm,
    SiameseBceLoss,
    SymTripletLoss,
    TripletLoss,
)
from tracker.embedding.objectives import WithQuadruplets
from tracker.embedding.recipes import can_learn, make_objective
from tracker.embedding.sampling import ConstraintSampler
from tracker.records import Constraints

PEOPLE, SHOTS, FACES, SIZE = 3, 4, 5, 8
TRACKLETS = PEOPLE * SHOTS
PERSON = np.tile(np.arange(PEOPLE), SHOTS)
TRACKLET = np.random.default_rng(0).permutation(np.repeat(np.arange(TRACKLETS), FACES))
TOGETHER = [
    (first + a, first + b)
    for first in range(0, TRACKLETS, PEOPLE)
    for a, b in itertools.combinations(range(PEOPLE), 2)
]
CONFIG = EmbeddingConfig(batch_triplets=16, batch_tracklets=8, faces_per_tracklet=3, dim=SIZE)
MINED = tuple(name for name in MINING if name not in ("auto", "offline"))
ON_TRIPLETS = (*TRIPLET_LOSSES, *(f"{name}{PLUS_QUADRUPLET}" for name in TRIPLET_LOSSES))
WAYS = [(loss, "auto") for loss in LOSSES] + [
    (loss, mining) for loss in (*ON_TRIPLETS, *PAIR_LOSSES) for mining in ("offline", *MINED)
]
every_way = pytest.mark.parametrize(("loss", "mining"), WAYS)
every_loss = pytest.mark.parametrize("loss", LOSSES)


def sampler_of(pairs=TOGETHER, tracklet=TRACKLET):
    count = int(tracklet.max()) + 1
    return ConstraintSampler(tracklet, Constraints(count, np.array(pairs, np.int32).reshape(-1, 2)))


def as_they_are(vectors, known):
    """A grouping that always finds the people who are there."""
    return PERSON


def embeddings(seed=0, spread=0.6):
    """Where a network might put all faces: (S, 8) of length 1."""
    rng = np.random.default_rng(seed)
    points = np.eye(PEOPLE, SIZE)[PERSON[TRACKLET]] + spread * rng.normal(
        size=(len(TRACKLET), SIZE)
    )
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def objective_of(
    loss, mining="auto", sampler=None, group=as_they_are, points=None, done=0.5, **settings
):
    """An objective that has been refreshed."""
    config = replace(CONFIG, loss=loss, mining=mining, **settings)
    objective = make_objective(sampler or sampler_of(), group, config)
    points = embeddings() if points is None else points
    wanted = points if objective.wants_embeddings else None
    objective.refresh(wanted, np.random.default_rng(0), done)
    return objective


def draw(objective, seed=0):
    return objective.draw(np.random.default_rng(seed))


def score(objective, batch, points=None):
    """The loss of a batch of faces at `points` (S, D), and its gradient (B, D) there."""
    points = embeddings() if points is None else points
    given = torch.from_numpy(points[batch.faces]).requires_grad_()
    loss = objective(given, batch, torch.Generator().manual_seed(0))
    loss.backward()
    return loss.item(), given.grad


@every_way
def test_every_loss_can_be_drawn_for_and_scored_and_has_gradients(loss, mining):
    objective = objective_of(loss, mining)
    value, gradient = score(objective, draw(objective))
    assert value > 0
    assert torch.isfinite(gradient).all()
    assert gradient.abs().max() > 0
    for parameter in objective.parameters():
        assert torch.isfinite(parameter.grad).all()


@every_way
def test_faces_that_are_all_one_have_finite_gradients(loss, mining):
    points = np.zeros_like(embeddings())
    points[:, 0] = 1
    objective = objective_of(loss, mining, points=points)
    value, gradient = score(objective, draw(objective), points)
    assert np.isfinite(value)
    assert torch.isfinite(gradient).all()


@every_way
def test_a_batch_holds_each_face_once(loss, mining):
    objective = objective_of(loss, mining)
    for seed in range(10):
        batch = draw(objective, seed)
        assert (np.diff(batch.faces) > 0).all()
        assert batch.learner == -1


@every_way
def test_the_tuples_of_a_batch_point_at_faces_of_the_right_tracklets(loss, mining):
    apart = sampler_of().apart.toarray()
    objective = objective_of(loss, mining)
    for seed in range(10):
        batch = draw(objective, seed)
        for tuples in (batch.triplets, batch.quadruplets):
            anchor, positive, *others = TRACKLET[batch.faces][tuples].T
            np.testing.assert_array_equal(anchor, positive)
            for one, other in itertools.combinations([anchor, *others], 2):
                assert apart[one, other].all()


@pytest.mark.parametrize(
    ("loss", "triplets", "quadruplets"),
    [
        ("symtriplet", 16, 0),
        ("siamese-bce", 16, 0),
        ("quadruplet", 0, 16),
        ("adaptive-quadruplet", 0, 16),
        ("triplet+quadruplet", 16, 16),
        ("hierarchical-triplet", 0, 0),  # they are mined later
        ("hierarchical-triplet+quadruplet", 0, 16),
        ("arcface", 0, 0),
    ],
)
def test_as_many_tuples_are_drawn_as_the_settings_say(loss, triplets, quadruplets):
    batch = draw(objective_of(loss))
    assert batch.triplets.shape == (triplets, 3)
    assert batch.quadruplets.shape == (quadruplets, 4)


@every_way
def test_the_same_generators_draw_and_score_the_same(loss, mining):
    one, other = (objective_of(loss, mining) for _ in range(2))
    first, second = draw(one), draw(other)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert score(one, first)[0] == score(other, second)[0]


@every_way
def test_going_on_with_a_generator_draws_other_faces(loss, mining):
    objective, rng = objective_of(loss, mining), np.random.default_rng(0)
    assert len({objective.draw(rng).faces.tobytes() for _ in range(10)}) > 1


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("symtriplet", SymTripletLoss(0.5)),
        ("triplet", TripletLoss(0.5)),
        ("contrastive", ContrastiveLoss(1.0)),
        ("siamese-bce", SiameseBceLoss()),
        ("quadruplet", QuadrupletLoss(0.5, 0.25)),
        ("adaptive-quadruplet", AdaptiveQuadrupletLoss()),
    ],
)
def test_what_is_scored_is_the_loss_of_that_name_with_a_margin_that_suits_it(loss, expected):
    objective = objective_of(loss)
    batch = draw(objective)
    tuples = torch.from_numpy(batch.quadruplets if loss in QUADRUPLET_LOSSES else batch.triplets)
    points = torch.from_numpy(embeddings()[batch.faces])
    assert score(objective, batch)[0] == pytest.approx(expected(points, tuples).item(), rel=1e-6)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("symtriplet", SymTripletLoss(0.9)),
        ("triplet", TripletLoss(0.9)),
        ("contrastive", ContrastiveLoss(0.9)),
        ("quadruplet", QuadrupletLoss(0.9, 0.45)),
    ],
)
def test_a_margin_that_is_asked_for_is_heeded(loss, expected):
    objective = objective_of(loss, margin=0.9)
    batch = draw(objective)
    tuples = torch.from_numpy(batch.quadruplets if loss in QUADRUPLET_LOSSES else batch.triplets)
    points = torch.from_numpy(embeddings()[batch.faces])
    assert score(objective, batch)[0] == pytest.approx(expected(points, tuples).item(), rel=1e-6)


def test_what_a_loss_itself_learns_are_parameters_of_the_objective():
    assert {name for name, _ in objective_of("siamese-bce").named_parameters()} == {
        "loss.log_scale",
        "loss.offset",
    }
    assert len(list(objective_of("arcface").parameters())) == 1
    assert not list(objective_of("symtriplet").parameters())


@pytest.mark.parametrize("mining", MINED)
def test_the_negatives_of_mined_triplets_are_cannot_linked_and_their_positives_of_one_tracklet(
    mining,
):
    apart = sampler_of().apart.toarray()
    objective = objective_of("symtriplet", mining)
    for seed in range(10):
        batch = draw(objective, seed)
        points = torch.from_numpy(embeddings()[batch.faces])
        mined, of_face = objective.triplets(points, batch, torch.Generator().manual_seed(seed))
        np.testing.assert_array_equal(of_face, TRACKLET[batch.faces])
        anchor, positive, negative = TRACKLET[batch.faces][mined.numpy()].T
        assert len(mined)
        np.testing.assert_array_equal(anchor, positive)
        assert (mined[:, 0] != mined[:, 1]).all()
        assert apart[anchor, negative].all()


@pytest.mark.parametrize("mining", MINED)
def test_what_mined_triplets_lose_is_their_mean_loss(mining):
    objective = objective_of("symtriplet", mining)
    batch = draw(objective)
    points = torch.from_numpy(embeddings()[batch.faces])
    mined, _ = objective.triplets(points, batch, torch.Generator().manual_seed(0))
    expected = SymTripletLoss(0.5)(points, mined).item()
    assert score(objective, batch)[0] == pytest.approx(expected, rel=1e-6)


def test_a_batch_to_mine_from_has_several_faces_of_each_of_its_tracklets():
    objective = objective_of("symtriplet", "batch-hard", sampler_of(TOGETHER), batch_tracklets=6)
    for seed in range(20):
        counts = np.bincount(TRACKLET[draw(objective, seed).faces])
        assert 2 <= np.sum(counts > 0) <= 6
        assert counts.max() <= CONFIG.faces_per_tracklet
        assert counts[counts > 0].min() >= 2  # of 5 faces, 3 are wanted


def test_mined_triplets_are_never_too_many_to_score():
    everyone = sampler_of(list(itertools.combinations(range(TRACKLETS), 2)))
    objective = objective_of(
        "symtriplet", "batch-all", everyone, batch_tracklets=24, batch_triplets=4
    )
    batch = draw(objective)
    points = torch.from_numpy(embeddings()[batch.faces])
    mined, _ = objective.triplets(points, batch, torch.Generator().manual_seed(0))
    assert len(mined) == 16 * 4


def on_a_circle():
    """All faces of a tracklet at one point of a circle, in the order of the tracklets."""
    angle = 2 * np.pi * TRACKLET / TRACKLETS
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def with_neighbours(pair, apart):
    """`pair` and the three tracklets nearest on the circle to either that it must not be."""
    found = set(pair)
    for anchor in pair:
        others = [number for number in range(TRACKLETS) if apart[anchor, number]]
        ways = {number: abs(number - anchor) for number in others}
        ways = {number: min(way, TRACKLETS - way) for number, way in ways.items()}
        found |= set(sorted(others, key=lambda number: (ways[number], number))[:3])
    return found


def test_anchor_neighbour_mining_shows_anchors_with_the_nearest_that_they_cannot_be():
    pairs = [pair for pair in itertools.combinations(range(TRACKLETS), 2) if sum(pair) % 3]
    sampler = sampler_of(pairs)
    objective = objective_of(
        "symtriplet", "anchor-neighbour", sampler, points=on_a_circle(), batch_tracklets=8
    )
    possible = [with_neighbours(pair, sampler.apart.toarray()) for pair in pairs]
    for seed in range(20):
        assert set(TRACKLET[draw(objective, seed).faces].tolist()) in possible


def test_anchor_neighbours_follow_where_the_network_puts_the_faces():
    everyone = sampler_of(list(itertools.combinations(range(TRACKLETS), 2)))
    objective = objective_of(
        "symtriplet", "anchor-neighbour", everyone, points=on_a_circle(), batch_tracklets=8
    )
    before = {draw(objective, seed).faces.tobytes() for seed in range(5)}
    turned = on_a_circle()[np.random.default_rng(1).permutation(len(TRACKLET))]
    objective.refresh(turned, np.random.default_rng(0), done=0.5)
    assert before != {draw(objective, seed).faces.tobytes() for seed in range(5)}


@pytest.mark.parametrize("mining", [name for name in MINED if name != "anchor-neighbour"])
def test_other_mining_needs_not_know_where_all_faces_are(mining):
    assert not objective_of("triplet", mining).wants_embeddings
    assert not objective_of("triplet+quadruplet", mining).wants_embeddings


def test_neighbours_trees_and_identities_need_to_know_where_all_faces_are():
    assert objective_of("triplet", "anchor-neighbour").wants_embeddings
    assert objective_of("triplet+quadruplet", "anchor-neighbour").wants_embeddings
    for mining in ("auto", "offline", "batch-hard"):
        assert objective_of("hierarchical-triplet", mining).wants_embeddings
    for name in IDENTITY_LOSSES:
        assert objective_of(name).wants_embeddings


@pytest.mark.parametrize(
    ("loss", "first"),
    [("symtriplet+quadruplet", SymTripletLoss(0.5)), ("triplet+quadruplet", TripletLoss(0.5))],
)
def test_with_quadruplets_the_loss_is_the_sum_of_both(loss, first):
    objective = objective_of(loss, quadruplet_margin=0.7)
    batch = draw(objective)
    points = torch.from_numpy(embeddings()[batch.faces])
    triplets, quadruplets = (torch.from_numpy(one) for one in (batch.triplets, batch.quadruplets))
    expected = first(points, triplets) + QuadrupletTerm(0.7)(points, quadruplets)
    assert score(objective, batch)[0] == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("mining", ["offline", *MINED])
@pytest.mark.parametrize("loss", TRIPLET_LOSSES)
def test_with_quadruplets_the_loss_of_triplets_stays_what_it_is(loss, mining):
    both = objective_of(f"{loss}{PLUS_QUADRUPLET}", mining)
    batch = draw(both)
    points = torch.from_numpy(embeddings()[batch.faces])
    alone = score(objective_of(loss, mining), batch._replace(quadruplets=np.zeros((0, 4), int)))[0]
    term = QuadrupletTerm(CONFIG.quadruplet_margin)(points, torch.from_numpy(batch.quadruplets))
    assert score(both, batch)[0] == pytest.approx(alone + term.item(), rel=1e-6)


@pytest.mark.parametrize("loss", TRIPLET_LOSSES)
def test_the_quadruplet_term_is_left_out_where_no_three_people_are_apart(loss):
    in_pairs = sampler_of(TOGETHER[::3])
    plain = objective_of(loss, sampler=in_pairs)
    with_term = objective_of(f"{loss}{PLUS_QUADRUPLET}", sampler=in_pairs)
    assert not isinstance(with_term, WithQuadruplets)
    for one, other in zip(draw(plain), draw(with_term), strict=True):
        np.testing.assert_array_equal(one, other)


def slow_hierarchical_loss(points, tracklet, triplets, margins):
    total = 0.0
    for a, p, n in triplets:
        pull, push = (np.square(points[a] - points[other]).sum() for other in (p, n))
        total += max(0.0, pull - push + margins[tracklet[a], tracklet[n]]) / 2
    return total / len(triplets)


@pytest.mark.parametrize("mining", ["auto", "offline", *MINED])
def test_hierarchical_margins_are_those_of_the_tracklets_of_each_triplet(mining):
    objective = objective_of("hierarchical-triplet", mining)
    moved = embeddings(seed=1)  # since it was refreshed, the network has learned
    for seed in range(3):
        batch = draw(objective, seed)
        points = torch.from_numpy(moved[batch.faces])
        triplets = batch.triplets
        if mining != "offline":
            generator = torch.Generator().manual_seed(0)
            triplets = objective.triplets(points, batch, generator)[0].numpy()
        expected = slow_hierarchical_loss(
            points.numpy(), TRACKLET[batch.faces], triplets, class_margins(embeddings(), TRACKLET)
        )
        assert score(objective, batch, moved)[0] == pytest.approx(expected, rel=1e-5)


def test_hierarchical_margins_are_made_anew_at_every_refresh():
    objective = objective_of("hierarchical-triplet", "offline")
    objective.refresh(embeddings(seed=2), np.random.default_rng(0), done=0.5)
    batch = draw(objective)
    margins = class_margins(embeddings(seed=2), TRACKLET)
    expected = slow_hierarchical_loss(
        embeddings()[batch.faces], TRACKLET[batch.faces], batch.triplets, margins
    )
    assert score(objective, batch)[0] == pytest.approx(expected, rel=1e-5)


def test_hierarchical_triplets_are_those_of_anchor_neighbour_mining_unless_told_otherwise():
    tree, neighbours = (
        objective_of(loss, mining)
        for loss, mining in (("hierarchical-triplet", "auto"), ("triplet", "anchor-neighbour"))
    )
    np.testing.assert_array_equal(draw(tree).faces, draw(neighbours).faces)
    assert isinstance(tree.loss, HierarchicalTripletLoss)


@pytest.mark.parametrize("loss", IDENTITY_LOSSES)
def test_identities_are_those_that_the_grouping_finds(loss):
    seen = []

    def group(vectors, known):
        seen.append((vectors, known.cannot_link.tolist()))
        return np.where(PERSON == 1, 7, 2)  # two people, whatever their numbers

    objective = objective_of(loss, group=group)
    np.testing.assert_array_equal(seen[0][0], embeddings())
    assert seen[0][1] == [list(pair) for pair in TOGETHER]
    batch = draw(objective)
    label = (PERSON[TRACKLET] == 1).astype(np.int64)
    sums = np.stack([embeddings()[label == number].sum(axis=0) for number in range(2)])
    expected = make_identity_loss(loss, torch.from_numpy(sums))
    points = torch.from_numpy(embeddings()[batch.faces])
    value = expected(points, torch.from_numpy(label[batch.faces])).item()
    assert score(objective, batch)[0] == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("loss", IDENTITY_LOSSES)
def test_identities_are_not_looked_for_before_a_third_of_the_steps_is_over(loss):
    taught, teacher = objective_of(loss, group=pytest.fail, done=0.3), objective_of("symtriplet")
    for seed in range(5):
        for one, other in zip(draw(taught, seed), draw(teacher, seed), strict=True):
            np.testing.assert_array_equal(one, other)
    batch = draw(taught)
    assert score(taught, batch)[0] == score(teacher, batch)[0]
    found = objective_of(loss, done=1 / 3)
    assert not len(draw(found).triplets)


@pytest.mark.parametrize("loss", IDENTITY_LOSSES)
def test_faces_held_out_are_never_shown(loss):
    held = np.array(TOGETHER[:3], np.int32)  # the first shot
    kept = np.array(TOGETHER[3:], np.int32)
    sampler = ConstraintSampler(
        TRACKLET, Constraints(TRACKLETS, kept), Constraints(TRACKLETS, held)
    )
    for done in (0.0, 0.5, 1.0):
        objective = objective_of(loss, sampler=sampler, done=done)
        shown = np.concatenate([draw(objective, seed).faces for seed in range(30)])
        assert set(TRACKLET[shown].tolist()) == set(range(PEOPLE, TRACKLETS))


@pytest.mark.parametrize("loss", [name for name in IDENTITY_LOSSES if name != "multi-similarity"])
def test_identities_start_anew_at_every_refresh(loss):
    objective = objective_of(loss)
    (learned,) = objective.parameters()
    before = learned.detach().clone()
    score(objective, draw(objective))
    with torch.no_grad():
        learned -= learned.grad
    assert not torch.equal(learned, before)
    objective.refresh(embeddings(), np.random.default_rng(0), done=0.5)
    (anew,) = objective.parameters()
    assert torch.equal(anew, before)


@pytest.mark.parametrize("loss", IDENTITY_LOSSES)
def test_identities_may_become_more_or_fewer(loss):
    groups = iter([PERSON, np.arange(TRACKLETS), np.zeros(TRACKLETS, np.int32)])
    objective = objective_of(loss, group=lambda vectors, known: next(groups))
    for _ in range(2):
        objective.refresh(embeddings(), np.random.default_rng(0), done=0.5)
        value, gradient = score(objective, draw(objective))
        assert np.isfinite(value)
        assert torch.isfinite(gradient).all()


def test_every_identity_is_drawn_about_equally_often_however_long_it_is_seen():
    lengths = np.array([2, 4, 60])
    tracklet = np.repeat(np.arange(3), lengths)
    sampler = sampler_of([(0, 1), (0, 2), (1, 2)], tracklet)
    points = np.eye(3, SIZE, dtype=np.float32)[tracklet]
    objective = objective_of(
        "arcface", sampler=sampler, group=lambda vectors, known: np.arange(3), points=points
    )
    # With 24 draws, 8 of each: both faces of the first are nearly always among them.
    drawn = np.concatenate([draw(objective, seed).faces for seed in range(300)])
    counts = np.bincount(drawn, minlength=66)
    chance = 1 - (1 - 1 / (3 * lengths)) ** 24
    expected = np.repeat(300 * chance, lengths)
    spread = np.sqrt(300 * np.repeat(chance * (1 - chance), lengths))
    assert (np.abs(counts - expected) <= 5 * spread + 1).all()


@every_loss
def test_without_pairs_there_is_nothing_to_learn(loss):
    assert not can_learn(sampler_of([]), loss)


@every_loss
def test_two_people_are_enough_for_all_but_the_losses_on_quadruplets(loss):
    assert can_learn(sampler_of([(0, 1)]), loss) == (loss not in QUADRUPLET_LOSSES)


@every_loss
def test_three_people_seen_together_are_enough_for_every_loss(loss):
    assert can_learn(sampler_of([(0, 1), (0, 2), (1, 2)]), loss)


@pytest.mark.parametrize(
    ("loss", "mining"), [way for way in WAYS if way[0] not in QUADRUPLET_LOSSES]
)
def test_two_faces_seen_together_are_enough_to_be_scored(loss, mining):
    pair = sampler_of([(0, 1)], np.array([0, 1]))
    points = np.eye(2, SIZE, dtype=np.float32)
    objective = objective_of(
        loss, mining, pair, group=lambda vectors, known: np.arange(2), points=points
    )
    value, gradient = score(objective, draw(objective), points)
    assert np.isfinite(value)
    assert torch.isfinite(gradient).all()
