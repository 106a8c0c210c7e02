import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from tracker.config import (
    PAIR_LOSSES,
    PLUS_QUADRUPLET,
    QUADRUPLET_LOSSES,
    TRIPLET_LOSSES,
    EmbeddingConfig,
)
from tracker.embedding.division import DividedObjective
from tracker.embedding.recipes import make_objective
from tracker.embedding.sampling import ConstraintSampler
from tracker.records import Constraints

PEOPLE, SHOTS, FACES = 3, 6, 4
TRACKLETS = PEOPLE * SHOTS
PERSON = np.tile(np.arange(PEOPLE), SHOTS)
TRACKLET = np.repeat(np.arange(TRACKLETS), FACES)
TOGETHER = [
    (first + a, first + b)
    for first in range(0, TRACKLETS, PEOPLE)
    for a, b in itertools.combinations(range(PEOPLE), 2)
]
LATE = np.arange(TRACKLETS) >= TRACKLETS // 2
LEARNERS, SIZE = 2, 4  # each learner has two of the four dimensions
CONFIG = EmbeddingConfig(
    learners=LEARNERS, dim=SIZE, batch_triplets=16, batch_tracklets=8, faces_per_tracklet=3
)
ON_TUPLES = (
    *TRIPLET_LOSSES,
    *(f"{name}{PLUS_QUADRUPLET}" for name in TRIPLET_LOSSES),
    *PAIR_LOSSES,
)
MINED = ("batch-all", "batch-hard", "semi-hard", "distance-weighted")
every_loss = pytest.mark.parametrize("loss", [*ON_TUPLES, *QUADRUPLET_LOSSES])


def sampler_of(pairs=TOGETHER):
    return ConstraintSampler(TRACKLET, Constraints(TRACKLETS, np.array(pairs, np.int32)))


def as_they_are(vectors, known):
    return PERSON


def embeddings(late=LATE, seed=0):
    """Where a network might put all faces: (S, 4) of length 1.

    Its clusters are the `late` tracklets (T,) and the others, far apart in every part.
    """
    rng = np.random.default_rng(seed)
    points = 0.2 * rng.normal(size=(len(TRACKLET), SIZE))
    points += np.where(late[TRACKLET, None], 1, -1)
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def divided(loss="symtriplet", pairs=TOGETHER, done=0.5, points=None, **settings):
    """An objective that has been refreshed."""
    objective = DividedObjective(
        sampler_of(pairs), as_they_are, replace(CONFIG, loss=loss, **settings)
    )
    points = embeddings() if points is None else points
    objective.refresh(points, np.random.default_rng(0), done)
    return objective


def draws(objective, count=20):
    rng = np.random.default_rng(1)
    return [objective.draw(rng) for _ in range(count)]


def gradient(objective, batch, points=None):
    """Of the loss of `batch`, (B, 4)."""
    points = embeddings() if points is None else points
    given = torch.from_numpy(points[batch.faces]).requires_grad_()
    objective(given, batch, torch.Generator().manual_seed(0)).backward()
    return given.grad


def parts_with_gradient(objective):
    """Which dimensions each of several batches has gradients in."""
    return {
        tuple((gradient(objective, batch).abs().amax(dim=0) > 0).nonzero().flatten().tolist())
        for batch in draws(objective)
    }


@every_loss
def test_only_the_part_of_one_learner_has_gradients_until_the_end(loss):
    assert parts_with_gradient(divided(loss)) == {(0, 1), (2, 3)}


@every_loss
def test_at_the_end_all_parts_have_gradients(loss):
    assert parts_with_gradient(divided(loss, done=1.0)) == {(0, 1, 2, 3)}


@every_loss
def test_gradients_are_finite(loss):
    for objective in (divided(loss), divided(loss, done=1.0)):
        for batch in draws(objective):
            assert torch.isfinite(gradient(objective, batch)).all()


@every_loss
def test_more_learners_than_tracklets_stay_finite(loss):
    objective = divided(loss, dim=64, learners=32, points=np.tile(embeddings(), 16) / 4)
    for batch in draws(objective):
        assert torch.isfinite(gradient(objective, batch, np.tile(embeddings(), 16) / 4)).all()


@every_loss
def test_at_the_end_batches_are_those_of_the_undivided_objective(loss):
    config = replace(CONFIG, loss=loss)
    whole = make_objective(sampler_of(), as_they_are, config)
    whole.refresh(
        embeddings() if whole.wants_embeddings else None, np.random.default_rng(0), done=1.0
    )
    batches = draws(divided(loss, done=1.0), 5), draws(whole, 5)
    for one, other in zip(*batches, strict=True):
        assert one.learner == other.learner == -1
        for first, second in zip(one, other, strict=True):
            np.testing.assert_array_equal(first, second)


def test_what_a_learner_loses_is_the_loss_in_its_part_on_the_unit_sphere():
    objective = divided("triplet")
    for batch in draws(objective):
        points = torch.from_numpy(embeddings()[batch.faces])
        loss = objective(points, batch, torch.Generator().manual_seed(0)).item()
        anchor, positive, negative = batch.triplets.T
        of_part = []
        for part in (slice(0, 2), slice(2, 4)):
            own = points[:, part].numpy() / np.linalg.norm(points[:, part], axis=1, keepdims=True)
            pull = np.square(own[anchor] - own[positive]).sum(axis=1)
            push = np.square(own[anchor] - own[negative]).sum(axis=1)
            of_part.append(np.maximum(pull - push + 0.5, 0).mean())
        assert loss == pytest.approx(of_part[batch.learner], rel=1e-5)


def shown_to(objective, count=40):
    """The tracklets that each learner is shown, over several batches."""
    shown = {}
    for batch in draws(objective, count):
        shown.setdefault(batch.learner, set()).update(TRACKLET[batch.faces].tolist())
    return sorted(sorted(tracklets) for tracklets in shown.values())


HALVES = [list(range(TRACKLETS // 2)), list(range(TRACKLETS // 2, TRACKLETS))]


@pytest.mark.parametrize("loss", [*ON_TUPLES, *QUADRUPLET_LOSSES])
def test_a_learner_is_shown_its_own_cluster(loss):
    assert shown_to(divided(loss)) == HALVES  # whole shots: no pair reaches from one to the other


def test_a_pair_across_clusters_is_shown_to_both_learners():
    across = (0, TRACKLETS - 1)
    first, second = shown_to(divided(pairs=[*TOGETHER, across]))
    assert TRACKLETS - 1 in first
    assert 0 in second


@pytest.mark.parametrize("loss", [*ON_TUPLES, *QUADRUPLET_LOSSES])
def test_a_cluster_without_constraints_takes_no_part(loss):
    early = [pair for pair in TOGETHER if max(pair) < TRACKLETS // 2]
    objective = divided(loss, pairs=early)
    assert shown_to(objective) == HALVES[:1]
    (part,) = parts_with_gradient(objective)
    assert part in ((0, 1), (2, 3))


@pytest.mark.parametrize("loss", QUADRUPLET_LOSSES)
def test_a_cluster_in_which_no_three_people_meet_takes_no_part_in_a_loss_on_quadruplets(loss):
    early, late = TOGETHER[: len(TOGETHER) // 2], TOGETHER[len(TOGETHER) // 2 :]
    assert shown_to(divided(loss, pairs=early + late[::3])) == HALVES[:1]


@pytest.mark.parametrize("loss", QUADRUPLET_LOSSES)
def test_where_no_cluster_holds_two_of_three_people_the_whole_embedding_learns(loss):
    rng = np.random.default_rng(0)
    points = np.eye(PEOPLE, 6)[PERSON[TRACKLET]] + 0.01 * rng.normal(size=(len(TRACKLET), 6))
    points = points.astype(np.float32)
    objective = divided(loss, dim=6, learners=3, margin=3.0, points=points)
    for batch in draws(objective):
        assert batch.learner == -1
        slopes = gradient(objective, batch, points)
        assert torch.isfinite(slopes).all()
        assert (slopes.abs().amax(dim=0) > 0).all()


def test_clusters_follow_where_the_network_puts_the_faces():
    objective = divided()
    odd_shots = np.arange(TRACKLETS) // PEOPLE % 2 == 1
    objective.refresh(embeddings(odd_shots), np.random.default_rng(0), done=0.5)
    odd, even = np.flatnonzero(odd_shots).tolist(), np.flatnonzero(~odd_shots).tolist()
    assert shown_to(objective) == [even, odd]


def test_every_learner_has_its_turn_about_equally_often():
    parts = [batch.learner for batch in draws(divided(), 400)]
    assert np.bincount(parts).tolist() == pytest.approx([200, 200], abs=50)


@every_loss
def test_the_same_generators_draw_and_score_the_same(loss):
    one, other = divided(loss), divided(loss)
    for first, second in zip(draws(one, 5), draws(other, 5), strict=True):
        np.testing.assert_array_equal(first.faces, second.faces)
        assert torch.equal(gradient(one, first), gradient(other, second))


@pytest.mark.parametrize("loss", ["siamese-bce"])
def test_what_the_losses_of_the_learners_learn_are_parameters_of_the_objective(loss):
    objective = divided(loss)
    objective.zero_grad()
    for batch in draws(objective):
        gradient(objective, batch)
    assert [one for one in objective.parameters() if one.grad is not None]


@pytest.mark.parametrize("done", [0.0, 1.0])
@pytest.mark.parametrize("mining", MINED)
def test_dividing_changes_nothing_about_how_batches_to_mine_from_are_drawn(mining, done):
    objective = divided(mining=mining, done=done, batch_tracklets=2)
    # Two tracklets of one pair, not four with their neighbours.
    for batch in draws(objective):
        assert len(np.unique(TRACKLET[batch.faces])) == 2


def test_faces_that_are_all_one_are_divided_without_a_warning():
    points = np.zeros_like(embeddings())
    points[:, 0] = 1
    objective = divided(points=points)
    for batch in draws(objective):
        assert torch.isfinite(gradient(objective, batch, points)).all()
