import itertools

import numpy as np
import pytest
import torch

from tracker.config import IDENTITY_LOSSES, LOSSES, QUADRUPLET_LOSSES, EmbeddingConfig
from tracker.embedding.backbones import Trunk, choose_backbone
from tracker.embedding.division import DividedObjective
from tracker.embedding.evidence import Evidence
from tracker.embedding.inputs import CropInputs, FeatureInputs, embed
from tracker.embedding.lessons import Task, head_inputs, head_lessons, trunk_lesson
from tracker.embedding.metric import Metric
from tracker.embedding.network import CorrectingHead, EmbeddingHead
from tracker.embedding.preparation import principal_directions
from tracker.records import Constraints

CPU = torch.device("cpu")
PEOPLE, SHOTS, FACES, SIZE = 3, 14, 3, 12
TRACKLETS = PEOPLE * SHOTS
PERSON = np.tile(np.arange(PEOPLE), SHOTS)
TRACKLET = np.repeat(np.arange(TRACKLETS), FACES)
TOGETHER = [
    (first + a, first + b)
    for first in range(0, TRACKLETS, PEOPLE)
    for a, b in itertools.combinations(range(PEOPLE), 2)
]
both_kinds = pytest.mark.parametrize("knows_faces", [False, True])


def task_of(pairs=TOGETHER, doubtful=(), **settings):
    rows = np.array(pairs, np.int32).reshape(-1, 2)
    constraints = Constraints(TRACKLETS, rows, np.array(doubtful, np.int64))
    config = EmbeddingConfig(**{"heads": 2, "dim": 8, **settings})
    return Task(TRACKLET, constraints, lambda vectors, known: PERSON, config, CPU)


def metric_of(knows_faces=False, size=SIZE, seed=0):
    vectors = np.random.default_rng(seed).normal(1, 1, (len(TRACKLET), size))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return Metric(vectors, knows_faces, Evidence(0.5, 0), vectors.mean(axis=0), ())


def lessons_of(*metrics, seed=0, **settings):
    metrics = metrics or (metric_of(),)
    return head_lessons(metrics, task_of(**settings), np.random.default_rng(seed))


def crops(side=16):
    return np.random.default_rng(0).integers(0, 256, (len(TRACKLET), side, side, 3), np.uint8)


def trunk_lesson_of(seed=0, **settings):
    task = task_of(trunk="finetune", **settings)
    return trunk_lesson(choose_backbone("small"), crops(), task, np.random.default_rng(seed))


def bytes_of(lesson):
    return [value.numpy().tobytes() for value in lesson.network.state_dict().values()]


def tracklets_of(faces):
    return set(TRACKLET[faces].ravel().tolist())


def shown_by(objective, done, count=60):
    """The tracklets whose faces an objective shows in several batches."""
    points = np.eye(PEOPLE, 8, dtype=np.float32)[PERSON[TRACKLET]]
    rng = np.random.default_rng(0)
    objective.refresh(points if objective.wants_embeddings else None, rng, done)
    return tracklets_of(np.concatenate([objective.draw(rng).faces for _ in range(count)]))


def test_there_are_several_heads_for_each_metric():
    lessons = lessons_of(metric_of(size=12), metric_of(size=7), heads=3)
    assert [lesson.inputs.of(np.array([0])).shape[1] for lesson in lessons] == [12] * 3 + [7] * 3


@both_kinds
def test_heads_have_different_seeds_starts_and_constraints_to_be_judged_by(knows_faces):
    lessons = lessons_of(metric_of(knows_faces), heads=3)
    assert len({lesson.seed for lesson in lessons}) == 3
    assert len({b"".join(bytes_of(lesson)) for lesson in lessons}) == 3
    assert len({lesson.held_out.tobytes() for lesson in lessons}) == 3


@both_kinds
def test_the_same_generator_makes_the_same_lessons_and_another_others(knows_faces):
    one, same, other = (lessons_of(metric_of(knows_faces), seed=seed)[1] for seed in (0, 0, 1))
    assert bytes_of(one) == bytes_of(same) != bytes_of(other)
    assert one.held_out.tobytes() == same.held_out.tobytes() != other.held_out.tobytes()
    assert one.learned.tobytes() == same.learned.tobytes()
    assert one.seed == same.seed


def test_features_that_know_faces_are_corrected_and_others_get_a_new_metric():
    new, corrected = lessons_of(metric_of(False), metric_of(True), heads=1)
    assert isinstance(new.network, EmbeddingHead)
    assert isinstance(corrected.network, CorrectingHead)


def test_each_kind_of_features_is_learned_at_a_rate_of_its_own():
    lessons = lessons_of(
        metric_of(False), metric_of(True), heads=1, learning_rate=0.5, correction_rate=0.25
    )
    assert [[group["lr"] for group in lesson.rates] for lesson in lessons] == [[0.5], [0.25]]
    for lesson in lessons:
        (group,) = lesson.rates
        assert {id(one) for one in group["params"]} == {
            id(one) for one in lesson.network.parameters()
        }


def given_to_heads(metric):
    return head_inputs(metric, CPU).of(np.arange(len(TRACKLET))).numpy()


def test_vectors_that_know_faces_are_centred_where_the_metric_says():
    metric = metric_of(True)
    np.testing.assert_allclose(
        given_to_heads(metric), metric.vectors - metric.centre, rtol=1e-6, atol=1e-7
    )


def test_other_vectors_have_coordinates_of_about_unit_size():
    metric = metric_of(False)
    np.testing.assert_allclose(given_to_heads(metric), metric.vectors * 12**0.5, rtol=1e-6)
    assert np.square(given_to_heads(metric)).mean() == pytest.approx(1, rel=1e-5)


@both_kinds
def test_heads_are_given_the_vectors_so_prepared(knows_faces):
    metric = metric_of(knows_faces)
    (lesson,) = lessons_of(metric, heads=1)
    assert isinstance(lesson.inputs, FeatureInputs)
    given = lesson.inputs.of(np.arange(len(TRACKLET)))
    np.testing.assert_array_equal(given.numpy(), given_to_heads(metric))


def test_a_correction_starts_at_the_main_directions_of_the_features():
    metric = metric_of(True)
    (lesson,) = lessons_of(metric, heads=1, dim=5)
    centred = metric.vectors - metric.centre
    expected = centred @ principal_directions(centred, 5).T
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(embed(lesson.network, lesson.inputs).numpy(), expected, atol=1e-5)


@both_kinds
@pytest.mark.parametrize(("dim", "unit_length"), [(3, True), (16, False)])
def test_heads_are_as_the_settings_say(knows_faces, dim, unit_length):
    (lesson,) = lessons_of(metric_of(knows_faces), heads=1, dim=dim, unit_length=unit_length)
    embedded = embed(lesson.network, lesson.inputs)
    assert embedded.shape == (len(TRACKLET), dim)
    lengths = embedded.norm(dim=1)
    assert torch.allclose(lengths, torch.ones(()), atol=1e-5) == unit_length


@both_kinds
def test_heads_drop_as_much_as_the_settings_say(knows_faces):
    shares = []
    for dropout in (0.0, 0.4):
        (lesson,) = lessons_of(metric_of(knows_faces), heads=1, dropout=dropout)
        (share,) = {module.share for module in lesson.network.modules() if hasattr(module, "share")}
        shares.append(share)
    assert shares == [0.0, 0.4]


def test_a_trunk_is_given_pictures_and_learns_at_the_rates_of_the_settings():
    lesson = trunk_lesson_of(trunk_rate=1e-3, dim=5, unit_length=False)
    assert isinstance(lesson.network, Trunk)
    assert isinstance(lesson.inputs, CropInputs)
    assert [group["lr"] for group in lesson.rates] == pytest.approx([1e-3, 1e-2])
    embedded = embed(lesson.network, lesson.inputs)
    assert embedded.shape == (len(TRACKLET), 5)
    assert not torch.allclose(embedded.norm(dim=1), torch.ones(()), atol=1e-3)


def test_a_trunk_is_given_pictures_no_larger_than_it_wants():
    large = np.zeros((len(TRACKLET), 100, 100, 3), np.uint8)
    task, rng = task_of(trunk="finetune"), np.random.default_rng(0)
    lesson = trunk_lesson(choose_backbone("small"), large, task, rng)
    assert lesson.inputs.of(np.array([0])).shape == (1, 3, 64, 64)


def test_only_on_a_gpu_a_trunk_computes_in_half_precision():
    assert not trunk_lesson_of().half


def test_the_same_generator_makes_the_same_trunk_and_another_another():
    one, same, other = (trunk_lesson_of(seed) for seed in (0, 0, 1))
    assert bytes_of(one) == bytes_of(same) != bytes_of(other)
    assert one.held_out.tobytes() == same.held_out.tobytes() != other.held_out.tobytes()


@pytest.mark.parametrize(
    ("loss", "learners"),
    [(loss, 1) for loss in LOSSES] + [(loss, 2) for loss in LOSSES if loss not in IDENTITY_LOSSES],
)
def test_faces_held_out_are_not_shown_before_the_end(loss, learners):
    for lesson in lessons_of(loss=loss, learners=learners):
        held = tracklets_of(lesson.held_out)
        assert held
        for done in (0.0, 0.5):
            assert not shown_by(lesson.objective, done) & held
        assert shown_by(lesson.last_objective, 1.0) == set(range(TRACKLETS))


@pytest.mark.parametrize("mining", ["batch-hard", "anchor-neighbour"])
def test_faces_held_out_are_not_mined_before_the_end(mining):
    for lesson in lessons_of(mining=mining):
        assert not shown_by(lesson.objective, 0.5) & tracklets_of(lesson.held_out)
        assert shown_by(lesson.last_objective, 1.0) == set(range(TRACKLETS))


def test_accuracy_is_measured_on_what_is_learned_from_and_on_what_is_not():
    for lesson in lessons_of():
        learned, held = tracklets_of(lesson.learned), tracklets_of(lesson.held_out)
        assert not learned & held
        assert learned | held == set(range(TRACKLETS))
        assert len(held) == pytest.approx(0.15 * TRACKLETS, abs=3)


def test_identities_are_found_without_what_is_held_out():
    known = []

    def group(vectors, constraints):
        known.append(set(map(tuple, constraints.cannot_link.tolist())))
        return PERSON

    config = EmbeddingConfig(heads=1, dim=8, loss="arcface")
    constraints = Constraints(TRACKLETS, np.array(TOGETHER, np.int32))
    task = Task(TRACKLET, constraints, group, config, CPU)
    (lesson,) = head_lessons([metric_of()], task, np.random.default_rng(0))
    held = tracklets_of(lesson.held_out)
    shown_by(lesson.objective, 0.5)
    shown_by(lesson.last_objective, 1.0)
    assert known[0] == {pair for pair in TOGETHER if not set(pair) & held}
    assert known[1] == set(TOGETHER)


def test_with_no_share_held_out_everything_is_learned_from():
    for lesson in lessons_of(held_out_share=0.0):
        assert lesson.held_out.shape == (0, 3)
        assert shown_by(lesson.objective, 0.0) == set(range(TRACKLETS))


@pytest.mark.parametrize("loss", QUADRUPLET_LOSSES)
def test_where_all_people_who_meet_in_threes_would_be_held_out_nobody_is(loss):
    in_pairs = [pair for shot in range(1, SHOTS) for pair in TOGETHER[3 * shot : 3 * shot + 1]]
    for seed in range(10):  # the only shot of three people may be held out, or not
        (lesson,) = lessons_of(
            seed=seed, heads=1, loss=loss, pairs=TOGETHER[:3] + in_pairs, held_out_share=0.4
        )
        assert not tracklets_of(lesson.held_out) & {0, 1, 2}
        assert shown_by(lesson.objective, 0.0) == {0, 1, 2}


def test_doubtful_pairs_are_neither_learned_from_nor_judged_by():
    doubtful = np.arange(3)  # those of the first shot
    for lesson in lessons_of(doubtful=doubtful):
        for objective, done in ((lesson.objective, 0.0), (lesson.last_objective, 1.0)):
            assert not shown_by(objective, done) & {0, 1, 2}
        assert not (tracklets_of(lesson.learned) | tracklets_of(lesson.held_out)) & {0, 1, 2}


@pytest.mark.parametrize("loss", ["symtriplet", "quadruplet"])
def test_several_learners_divide_the_embedding(loss):
    (undivided,) = lessons_of(heads=1, loss=loss)
    (divided,) = lessons_of(heads=1, loss=loss, learners=4)
    for name in ("objective", "last_objective"):
        assert isinstance(getattr(divided, name), DividedObjective)
        assert not isinstance(getattr(undivided, name), DividedObjective)


@pytest.mark.parametrize(
    ("pairs", "expected"), [(TOGETHER, True), (TOGETHER[::3], False), ([], False)]
)
def test_a_task_knows_whether_three_people_meet(pairs, expected):
    assert task_of(pairs).has_quadruplets is expected


def test_a_pair_in_doubt_makes_no_three_people():
    assert not task_of(TOGETHER[:3], doubtful=[1]).has_quadruplets


@pytest.mark.parametrize("loss", LOSSES)
def test_a_task_knows_whether_its_loss_has_anything_to_learn_from(loss):
    assert task_of(TOGETHER, loss=loss).suits_loss
    assert task_of(TOGETHER[::3], loss=loss).suits_loss == (loss not in QUADRUPLET_LOSSES)
    assert not task_of([], loss=loss).suits_loss
    assert not task_of(TOGETHER[:1], doubtful=[0], loss=loss).suits_loss


@both_kinds
def test_the_random_numbers_of_torch_are_left_alone(knows_faces):
    before = torch.get_rng_state()
    lessons_of(metric_of(knows_faces))
    trunk_lesson_of()
    assert torch.equal(torch.get_rng_state(), before)
