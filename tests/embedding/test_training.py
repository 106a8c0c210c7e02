import io
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from tracker.config import LOSSES, EmbeddingConfig
from tracker.embedding import schedule, training
from tracker.embedding.backbones import choose_backbone
from tracker.embedding.evidence import Evidence
from tracker.embedding.holdout import constraint_accuracy
from tracker.embedding.inputs import FeatureInputs, embed
from tracker.embedding.lessons import Task, head_lessons, trunk_lesson
from tracker.embedding.metric import Metric
from tracker.embedding.objectives import Batch, Objective
from tracker.embedding.training import Checkpoints, Lesson, train
from tracker.records import Constraints

CPU = torch.device("cpu")
ROUND = 10  # steps; a hundred, but in these tests
WIND_DOWN = 3  # rounds, where there are nine or more
PEOPLE, SHOTS, FACES, SIZE = 3, 12, 3, 12
TRACKLETS = PEOPLE * SHOTS
PERSON = np.tile(np.arange(PEOPLE), SHOTS)
TRACKLET = np.repeat(np.arange(TRACKLETS), FACES)
NO_TRIPLETS = np.zeros((0, 3), np.int64)
SMALL = {"batch_triplets": 32, "batch_tracklets": 12, "faces_per_tracklet": 3, "dim": 8, "heads": 1}


@pytest.fixture(autouse=True)
def _short_rounds(monkeypatch):
    monkeypatch.setattr(schedule, "ROUND_STEPS", ROUND)


def toy_constraints():
    pairs = [
        (first + a, first + b)
        for first in range(0, TRACKLETS, PEOPLE)
        for a, b in itertools.combinations(range(PEOPLE), 2)
    ]
    return Constraints(TRACKLETS, np.array(pairs, np.int32))


def toy_metric(knows_faces=False):
    """Features in which the shot is louder than the person."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(0, 0.3, (len(TRACKLET), SIZE))
    vectors[:, :PEOPLE] += np.eye(PEOPLE)[PERSON[TRACKLET]]
    shot = TRACKLET // PEOPLE
    vectors[:, PEOPLE:] += 1.5 * rng.normal(size=(SHOTS, SIZE - PEOPLE))[shot]
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return Metric(vectors, knows_faces, Evidence(0.5, 0), vectors.mean(axis=0), ())


def toy_crops():
    """Noisy pictures (S, 16, 16, 3), a colour a person."""
    rng = np.random.default_rng(0)
    colours = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200]])[PERSON[TRACKLET]]
    noise = rng.integers(-40, 40, (len(TRACKLET), 16, 16, 3))
    return (colours[:, None, None] + noise).astype(np.uint8)


def task_of(**settings):
    config = EmbeddingConfig(**{**SMALL, **settings})
    return Task(TRACKLET, toy_constraints(), lambda vectors, known: PERSON, config, CPU)


def head_lesson(seed=0, knows_faces=False, **settings):
    """A lesson from the toy video, always the same, and its settings."""
    task = task_of(**settings)
    (lesson,) = head_lessons([toy_metric(knows_faces)], task, np.random.default_rng(seed))
    return lesson, task.config


def trunk_lesson_on_crops(**settings):
    task = task_of(trunk="finetune", **settings)
    rng = np.random.default_rng(0)
    return trunk_lesson(choose_backbone("small"), toy_crops(), task, rng), task.config


def accuracy(lesson, triplets):
    return constraint_accuracy(embed(lesson.network, lesson.inputs), torch.from_numpy(triplets))


class Moving(nn.Module):
    """Faces on a line: where they start, plus their speed times what is learned."""

    def __init__(self):
        super().__init__()
        self.moved = nn.Parameter(torch.zeros(()))

    def forward(self, features):
        start, speed = features.split(1, dim=1)
        return start + speed * self.moved


class Onwards(Objective):
    """The further a face has moved the better: AdamW moves it by the learning rate at a step.

    Notes every refresh: the objective's name, where all faces are, and how much is over.
    """

    def __init__(self, name, log):
        super().__init__()
        self.name, self.log = name, log

    def refresh(self, embeddings, rng, done):
        self.log.append((self.name, embeddings, done))

    def draw(self, rng):
        return Batch(np.array([2]), NO_TRIPLETS, np.zeros((0, 4), np.int64))

    def forward(self, embeddings, batch, generator):
        return -embeddings.sum()


def line_lesson(right_after, held_out=True, rate=1 / ROUND, log=None):
    """Triplets of which one becomes right after each of so many rounds at the full rate.

    The anchor stays at 0 and the positive at 1; the negatives start at 0.5, and are far enough
    beyond 2. In a round, whatever has the speed 1 moves by 1.
    """
    faces = [[0.0, 0.0], [1.0, 0.0], *([0.5, 1.5 / (rounds - 0.5)] for rounds in right_after)]
    triplets = np.array([[0, 1, 2 + number] for number in range(len(right_after))])
    network, log = Moving(), [] if log is None else log
    return Lesson(
        network,
        FeatureInputs(np.array(faces, np.float32), CPU),
        Onwards("some", log),
        Onwards("all", log),
        [{"params": list(network.parameters()), "lr": rate}],
        triplets,
        triplets if held_out else NO_TRIPLETS,
        seed=0,
        device=CPU,
    )


def line_config(rounds=100, patience=2, **settings):
    return EmbeddingConfig(
        steps=rounds * ROUND, patience=patience, **{"weight_decay": 0.0, **settings}
    )


@pytest.fixture
def optimised():
    """Every step that an optimiser takes: what sort it is, and its rates, one a group."""
    seen = []

    def note(optimiser, args, kwargs):
        seen.append((type(optimiser), [group["lr"] for group in optimiser.param_groups]))

    handle = register_optimizer_step_pre_hook(note)
    yield seen
    handle.remove()


def falling(steps):
    """By what the rate is multiplied while it falls to 0 in so many steps."""
    return [(1 + math.cos(math.pi * step / steps)) / 2 for step in range(steps)]


def test_the_rate_stays_and_then_falls_to_0_in_three_rounds(optimised):
    train(line_lesson([1], held_out=False), line_config(rounds=9))
    rates = [rate for _, (rate,) in optimised]
    assert rates[: 6 * ROUND] == [1 / ROUND] * 6 * ROUND
    np.testing.assert_allclose(
        rates[6 * ROUND :], np.array(falling(WIND_DOWN * ROUND)) / ROUND, rtol=1e-6
    )
    assert rates[-1] < 0.01 * rates[0]


def test_what_was_learned_is_the_sum_of_all_steps(optimised):
    lesson = line_lesson([1], held_out=False)
    train(lesson, line_config(rounds=7))
    # AdamW, under a gradient that never changes, moves by just its rate.
    assert lesson.network.moved.item() == pytest.approx(
        sum(rate for _, (rate,) in optimised), rel=1e-5
    )


@pytest.mark.parametrize("patience", [1, 2, 4])
def test_the_rate_falls_as_soon_as_patience_is_over(optimised, patience):
    train(line_lesson([1, 2]), line_config(patience=patience))
    full = [rate for _, (rate,) in optimised if rate == 1 / ROUND]
    # The first step of the fall is still at the full rate.
    assert len(full) == (2 + patience) * ROUND + 1
    assert len(optimised) == (2 + patience + WIND_DOWN) * ROUND


def test_every_group_of_parameters_falls_from_a_rate_of_its_own(optimised):
    lesson, config = trunk_lesson_on_crops(steps=2 * ROUND, trunk_rate=1e-4)
    train(lesson, config, must_stop=lambda: len(optimised) == ROUND + 2)
    body, last = np.array([rates for _, rates in optimised]).T
    np.testing.assert_allclose(last, 10 * body)
    np.testing.assert_allclose(body[:ROUND], 1e-4)
    np.testing.assert_allclose(body[ROUND:], 1e-4 * np.array(falling(ROUND)[:2]))


@pytest.mark.parametrize(
    ("rounds", "falling_rounds"),
    [(1, 1), (2, 1), (3, 1), (5, 1), (6, 2), (8, 2), (9, 3), (12, 3)],
)
def test_the_rate_falls_to_0_in_a_third_of_the_rounds_at_most(optimised, rounds, falling_rounds):
    train(line_lesson([1], held_out=False), line_config(rounds=rounds))
    rates = np.array([rate for _, (rate,) in optimised]) * ROUND
    np.testing.assert_allclose(
        rates, [1] * (rounds - falling_rounds) * ROUND + falling(falling_rounds * ROUND)
    )


@pytest.mark.parametrize("steps", [ROUND + 1, ROUND + ROUND // 2, 4 * ROUND + 1])
def test_the_rate_ends_near_0_even_where_the_last_round_is_not_whole(optimised, steps):
    train(line_lesson([1], held_out=False), replace(line_config(), steps=steps))
    assert optimised[-1][1][0] < 0.1 / ROUND


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_learning_stops_soon_after_held_out_constraints_gain_nothing_more(patience):
    curves = train(line_lesson([1, 2, 3, 4]), line_config(patience=patience))
    assert len(curves.held_out) == 4 + patience + WIND_DOWN
    assert curves.held_out[:-WIND_DOWN].tolist() == [0.25, 0.5, 0.75] + [1.0] * (1 + patience)


def test_patience_starts_anew_with_every_gain():
    curves = train(line_lesson([1, 3, 4, 7]), line_config(patience=2))
    # A round without a gain after the first, then two after the fourth: the last is never seen.
    assert curves.held_out[:-WIND_DOWN].tolist() == [0.25, 0.25, 0.5, 0.75, 0.75, 0.75]


@pytest.mark.parametrize(("triplets", "rounds"), [(1000, 3), (100, 4)])
def test_a_gain_of_a_thousandth_is_none_but_one_of_a_hundredth_is(triplets, rounds):
    at_once = [1] * (triplets - 2)
    curves = train(line_lesson([*at_once, 2, 99]), line_config(patience=2))
    assert len(curves.held_out) == rounds + WIND_DOWN


def test_nothing_gained_from_the_start_is_no_gain():
    curves = train(line_lesson([1, 2], rate=1e-9), line_config(patience=3))
    assert len(curves.held_out) == 1 + 3 + WIND_DOWN


@pytest.mark.parametrize("patience", [1, 50])
def test_where_nothing_is_held_out_all_steps_are_taken(patience):
    lesson = line_lesson([1, 2], held_out=False, rate=1e-9)
    curves = train(lesson, line_config(rounds=9, patience=patience))
    assert len(curves.loss) == 9 * ROUND
    assert np.isnan(curves.held_out).all()


def test_the_steps_are_never_more_than_asked_for():
    curves = train(line_lesson(range(1, 50)), line_config(rounds=8))
    assert len(curves.loss) == 8 * ROUND


@pytest.mark.parametrize("steps", [1, ROUND - 1, ROUND, ROUND + 1, 4 * ROUND + 3, 6 * ROUND])
def test_there_is_a_loss_a_step_and_an_accuracy_a_round(steps):
    curves = train(line_lesson([1, 2]), replace(line_config(), steps=steps))
    rounds = math.ceil(steps / ROUND)
    assert curves.loss.shape == (steps,)
    assert curves.accuracy.shape == curves.held_out.shape == (rounds,)
    assert {curve.dtype for curve in (curves.loss, curves.accuracy, curves.held_out)} == {
        np.dtype(np.float32)
    }


def test_held_out_constraints_are_judged_until_they_are_learned_from():
    curves = train(line_lesson([1, 2, 3, 4, 5, 6]), line_config(rounds=6))
    np.testing.assert_allclose(curves.held_out[:4], [1 / 6, 2 / 6, 3 / 6, 4 / 6])
    assert np.isnan(curves.held_out[4:]).all()
    assert np.isfinite(curves.accuracy).all()


def test_where_there_are_no_triplets_to_judge_by_accuracy_is_not_known():
    lesson = replace(line_lesson([1], held_out=False), learned=NO_TRIPLETS)
    curves = train(lesson, line_config(rounds=4))
    assert np.isnan(curves.accuracy).all()


def test_the_curves_say_what_the_network_got_right():
    lesson, config = head_lesson(steps=5 * ROUND)
    before = accuracy(lesson, lesson.held_out)
    curves = train(lesson, config)
    assert curves.accuracy[-1] == pytest.approx(accuracy(lesson, lesson.learned))
    one_round, _ = head_lesson(steps=5 * ROUND)
    train(one_round, config, **stopping_after(ROUND))
    assert curves.held_out[0] == pytest.approx(accuracy(one_round, lesson.held_out))
    assert curves.held_out[0] > before + 0.05


def stopping_after(steps):
    """What to tell of every step, and what to ask before it: that stops after so many."""
    told = []
    return {"on_step": lambda: told.append(1), "must_stop": lambda: len(told) >= steps}


def test_the_objective_on_all_constraints_has_the_end():
    log = []
    train(line_lesson([1, 2], log=log), line_config(rounds=20, patience=1))
    assert [(name, done) for name, _, done in log] == [
        ("some", 0.0),
        ("some", 0.05),
        ("some", 0.1),
        *[("all", 1.0)] * WIND_DOWN,
    ]


def test_an_objective_is_shown_all_faces_only_where_it_wants_them():
    log = []
    lesson = line_lesson([1, 2], log=log, held_out=False)
    lesson.last_objective.wants_embeddings = True
    train(lesson, line_config(rounds=6))
    assert [where is None for _, where, _ in log] == [True] * 4 + [False] * 2
    start, speed = np.array([[0, 1, 0.5, 0.5], [0, 0, 3, 1]])
    np.testing.assert_allclose(log[4][1][:, 0], start + 4 * speed, rtol=1e-4)


class LearnsItself(Onwards):
    """An objective that notes what it has learned itself."""

    def __init__(self, name, log):
        super().__init__(name, log)
        self.learned = nn.Parameter(torch.zeros(()))

    def refresh(self, embeddings, rng, done):
        self.log.append((self.name, self.learned.item()))

    def forward(self, embeddings, batch, generator):
        return -embeddings.sum() - self.learned


def test_what_an_objective_has_learned_itself_is_handed_on_to_the_last_one():
    log = []
    lesson = replace(
        line_lesson([1], held_out=False, rate=1e-3),
        objective=LearnsItself("some", log),
        last_objective=LearnsItself("all", log),
    )
    train(lesson, line_config(rounds=6))
    names, learned = zip(*log, strict=True)
    assert names == ("some",) * 4 + ("all",) * 2
    # Ten times as fast as the network, which moves by 0.01 a round until its rate falls.
    last = 0.4 + sum(falling(2 * ROUND)[:ROUND]) * 0.1 / ROUND
    assert learned == pytest.approx((0, 0.1, 0.2, 0.3, 0.4, last), rel=0.01, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "expected"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_the_optimiser_is_the_one_asked_for(optimised, name, expected):
    train(line_lesson([1], held_out=False), line_config(rounds=1, optimiser=name))
    assert {kind for kind, _ in optimised} == {expected}


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_weight_decay_holds_what_is_learned_back(name):
    moved = []
    for decay in (0.0, 0.5):
        lesson = line_lesson([1], held_out=False)
        train(lesson, line_config(rounds=4, optimiser=name, weight_decay=decay))
        moved.append(lesson.network.moved.item())
    assert 0 < moved[1] < 0.9 * moved[0]


@pytest.mark.parametrize(
    ("loss", "knows_faces"), [*((name, False) for name in LOSSES), ("symtriplet", True)]
)
def test_every_loss_learns_to_tell_people_apart(loss, knows_faces):
    lesson, config = head_lesson(loss=loss, steps=12 * ROUND, knows_faces=knows_faces)
    before = accuracy(lesson, lesson.learned), accuracy(lesson, lesson.held_out)
    curves = train(lesson, config)
    assert accuracy(lesson, lesson.learned) > max(0.9, before[0] + 0.1)
    assert accuracy(lesson, lesson.held_out) > before[1] + 0.1
    assert np.isfinite(curves.loss).all()


def asks_for_identities(log, **settings):
    """A lesson on identities that notes how many steps were over when it looked for them."""
    told = []
    task = task_of(loss="arcface", **settings)

    def group(vectors, known):
        log.append(len(told))
        return PERSON

    task = replace(task, group=group)
    (lesson,) = head_lessons([toy_metric()], task, np.random.default_rng(0))
    train(lesson, task.config, on_step=lambda: told.append(1))


def test_identities_are_looked_for_anew_in_every_round_after_a_third_of_the_steps():
    log = []
    asks_for_identities(log, steps=9 * ROUND, patience=50)
    assert log == [ROUND * number for number in range(3, 9)]


@pytest.mark.parametrize("rounds", [1, 2, 3, 4])
def test_however_few_the_steps_identities_are_not_looked_for_in_the_first_round(rounds):
    log = []
    asks_for_identities(log, steps=rounds * ROUND)
    assert 0 not in log
    assert log or rounds == 1


@pytest.mark.parametrize(
    "loss", ["symtriplet", "triplet+quadruplet", "contrastive", "siamese-bce", "quadruplet"]
)
def test_a_loss_whose_margin_stays_falls(loss):
    lesson, config = head_lesson(loss=loss, steps=12 * ROUND)
    curves = train(lesson, config)
    assert curves.loss[-ROUND:].mean() < 0.5 * curves.loss[:ROUND].mean()


@pytest.mark.parametrize(
    "mining", ["batch-all", "batch-hard", "semi-hard", "distance-weighted", "anchor-neighbour"]
)
def test_every_way_of_mining_learns_to_tell_people_apart(mining):
    lesson, config = head_lesson(mining=mining, steps=12 * ROUND)
    before = accuracy(lesson, lesson.held_out)
    train(lesson, config)
    assert accuracy(lesson, lesson.held_out) > max(0.85, before + 0.1)


@pytest.mark.parametrize("learners", [2, 4])
def test_a_divided_embedding_learns_to_tell_people_apart(learners):
    lesson, config = head_lesson(learners=learners, steps=12 * ROUND)
    before = accuracy(lesson, lesson.held_out)
    train(lesson, config)
    assert accuracy(lesson, lesson.held_out) > max(0.85, before + 0.1)


def test_in_half_precision_about_the_same_is_learned():
    lesson, config = head_lesson(steps=12 * ROUND)
    train(replace(lesson, half=True), config)
    assert accuracy(lesson, lesson.held_out) > 0.9
    assert {value.dtype for value in lesson.network.parameters()} == {torch.float32}


# Everything that draws at random, or keeps something from step to step.
LESSONS = {
    "dropout": lambda: head_lesson(dropout=0.5, steps=43),
    "corrected": lambda: head_lesson(knows_faces=True, dropout=0.5, steps=43),
    "stopped early": lambda: head_lesson(patience=1, learning_rate=0.02, steps=500),
    "nothing held out": lambda: head_lesson(held_out_share=0.0, steps=43),
    "momentum": lambda: head_lesson(optimiser="sgd", learning_rate=0.1, steps=43),
    "a loss that learns": lambda: head_lesson(loss="siamese-bce", steps=43),
    "identities": lambda: head_lesson(loss="arcface", steps=43),
    "centres": lambda: head_lesson(loss="soft-triple", steps=43),
    "a tree": lambda: head_lesson(loss="hierarchical-triplet+quadruplet", steps=43),
    "drawn by distance": lambda: head_lesson(mining="distance-weighted", steps=43),
    "divided": lambda: head_lesson(learners=2, loss="adaptive-quadruplet", steps=43),
    "divided, and learns": lambda: head_lesson(learners=2, loss="siamese-bce", steps=43),
    "half precision": lambda: half_lesson(steps=43),
}
every_lesson = pytest.mark.parametrize("make", LESSONS.values(), ids=LESSONS)
some_lessons = pytest.mark.parametrize(
    "make", [LESSONS["dropout"], LESSONS["identities"]], ids=["dropout", "identities"]
)


def half_lesson(**settings):
    lesson, config = head_lesson(**settings)
    return replace(lesson, half=True), config


def bytes_of(lesson):
    return {name: value.numpy().tobytes() for name, value in lesson.network.state_dict().items()}


def assert_same(one, curves, other, other_curves):
    assert bytes_of(one) == bytes_of(other)
    for curve in ("loss", "accuracy", "held_out"):
        assert getattr(curves, curve).tobytes() == getattr(other_curves, curve).tobytes()


def stored(state):
    """A checkpoint as it is in a file."""
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def reading(checkpoint):
    """Checkpoints of which there is one."""
    return Checkpoints(
        lambda: torch.load(io.BytesIO(checkpoint), weights_only=True), lambda state: None
    )


def noting(checkpoints):
    """Checkpoints that are kept after every round."""
    return Checkpoints(lambda: None, lambda state: checkpoints.append(stored(state)), every_s=0.0)


@some_lessons
def test_the_same_seed_learns_the_same_bytes(make):
    (one, config), (other, _) = make(), make()
    assert_same(one, train(one, config), other, train(other, config))


@every_lesson
def test_learning_taken_up_at_any_checkpoint_learns_the_same_bytes(make, monkeypatch):
    monkeypatch.setattr(schedule, "ROUND_STEPS", 5)  # eight rounds, of which two wind down
    taken_up_at_any_checkpoint(make)


def test_a_cnn_taken_up_at_any_checkpoint_learns_the_same_bytes(monkeypatch):
    monkeypatch.setattr(schedule, "ROUND_STEPS", 2)  # pictures take long
    taken_up_at_any_checkpoint(lambda: trunk_lesson_on_crops(steps=11, batch_triplets=4))


def taken_up_at_any_checkpoint(make):
    whole, config = make()
    curves = train(whole, config)
    noted, checkpoints = make()[0], []
    assert_same(whole, curves, noted, train(noted, config, checkpoints=noting(checkpoints)))
    assert len(checkpoints) == len(curves.accuracy)
    for checkpoint in checkpoints:
        again, _ = make()
        assert_same(whole, curves, again, train(again, config, checkpoints=reading(checkpoint)))


def test_learning_from_a_video_stops_early_too():
    lesson, config = LESSONS["stopped early"]()
    assert len(train(lesson, config).loss) < config.steps / 2


@pytest.mark.parametrize("steps", [0, 1, ROUND, 2 * ROUND + 3, 5 * ROUND - 1])
def test_learning_stopped_at_any_step_can_be_taken_up(steps):
    whole, config = head_lesson(steps=5 * ROUND)
    curves = train(whole, config)
    stopped, checkpoints = head_lesson(steps=5 * ROUND)[0], []
    train(stopped, config, **stopping_after(steps), checkpoints=noting(checkpoints))
    assert len(checkpoints) == max(steps - 1, 0) // ROUND  # the last round is not over
    again, _ = head_lesson(steps=5 * ROUND)
    kept = reading(checkpoints[-1]) if checkpoints else training.NO_CHECKPOINTS
    assert_same(whole, curves, again, train(again, config, checkpoints=kept))


def test_what_is_over_is_not_learned_again():
    lesson, config = head_lesson(steps=5 * ROUND)
    checkpoints = []
    train(lesson, config, checkpoints=noting(checkpoints))
    again, _ = head_lesson(steps=5 * ROUND)
    never = pytest.fail
    train(again, config, must_stop=never, checkpoints=reading(checkpoints[-1]))
    assert bytes_of(again) == bytes_of(lesson)


def test_steps_taken_before_are_told_of_when_learning_is_taken_up():
    lesson, config = head_lesson(steps=5 * ROUND)
    checkpoints, told = [], []
    train(lesson, config, checkpoints=noting(checkpoints))
    again, _ = head_lesson(steps=5 * ROUND)
    train(again, config, on_step=lambda: told.append(1), checkpoints=reading(checkpoints[2]))
    assert len(told) == 5 * ROUND


def test_a_finished_network_is_kept_however_rarely_it_is_asked_for():
    lesson, config = head_lesson(steps=5 * ROUND)
    checkpoints = []
    rarely = Checkpoints(
        lambda: None, lambda state: checkpoints.append(stored(state)), every_s=math.inf
    )
    train(lesson, config, checkpoints=rarely)
    assert len(checkpoints) == 1


def test_every_step_is_told_of():
    lesson, config = head_lesson(steps=3 * ROUND + 2)
    told = []
    curves = train(lesson, config, on_step=lambda: told.append(1))
    assert len(told) == len(curves.loss) == 3 * ROUND + 2


@pytest.mark.parametrize("steps", [0, 1, ROUND - 1, ROUND, ROUND + 4])
def test_told_to_stop_it_returns_what_was_learned_so_far(steps):
    lesson = line_lesson([1, 2])
    curves = train(lesson, line_config(), **stopping_after(steps))
    assert len(curves.loss) == steps
    assert lesson.network.moved.item() == pytest.approx(steps / ROUND, rel=1e-4)
    assert len(curves.accuracy) <= steps // ROUND


def test_another_seed_learns_something_else():
    one, other = (replace(head_lesson(steps=ROUND)[0], seed=seed) for seed in (0, 1))
    config = head_lesson(steps=ROUND)[1]
    train(one, config)
    train(other, config)
    assert bytes_of(one) != bytes_of(other)


@some_lessons
def test_the_random_numbers_of_torch_and_numpy_are_left_alone(make):
    lesson, config = make()
    before = torch.get_rng_state()
    legacy = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what matters
    train(lesson, config, **stopping_after(3))
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], legacy)  # noqa: NPY002
