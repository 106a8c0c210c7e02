import itertools
import os
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from tracker.config import EmbeddingConfig
from tracker.embedding.training import learn_embedding
from tracker.records import Constraints

CPU = torch.device("cpu")
CONFIG = EmbeddingConfig(heads=2, steps=150, batch_triplets=64)
PEOPLE, SHOTS, FACES = 3, 4, 6
TRACKLETS = PEOPLE * SHOTS


def toy_video(size=24, seed=0):
    """Features (S, size), tracklets (S,), person (T,) and constraints of three people.

    Who somebody is shows in three of the features only; the rest is louder, and of the shot.
    """
    rng = np.random.default_rng(seed)
    person = np.tile(np.arange(PEOPLE), SHOTS)  # tracklet = shot * PEOPLE + person
    shot = np.repeat(np.arange(SHOTS), PEOPLE)
    tracklet = np.repeat(np.arange(TRACKLETS), FACES)
    features = rng.normal(0, 0.3, (len(tracklet), size))
    features[:, :3] += np.eye(PEOPLE)[person[tracklet]]
    features[:, 3:] += 1.5 * rng.normal(size=(SHOTS, size - 3))[shot[tracklet]]
    pairs = [
        (first + a, first + b)
        for first in range(0, TRACKLETS, PEOPLE)
        for a, b in itertools.combinations(range(PEOPLE), 2)
    ]
    constraints = Constraints(TRACKLETS, np.array(pairs, np.int32))
    return features.astype(np.float32), tracklet, person, constraints


def learn(features, tracklet, constraints, knows_faces=False, config=CONFIG, seed=0, **options):
    heights = np.full(len(tracklet), 100.0)
    rng = np.random.default_rng(seed)
    return learn_embedding(
        features, tracklet, heights, constraints, knows_faces, config, rng, CPU, **options
    )


def share_in_order(vectors, tracklet, person):
    """How often two tracklets of one person are closer than two of different people."""
    means = np.stack([vectors[tracklet == t].mean(axis=0) for t in range(TRACKLETS)])
    distances = np.linalg.norm(means[:, None] - means[None], axis=2)
    same = person[:, None] == person[None]
    same_pairs = distances[same & ~np.eye(TRACKLETS, dtype=bool)]
    return np.mean(same_pairs[:, None] < distances[~same][None])


@pytest.fixture(scope="module", params=[False, True], ids=["new metric", "corrected"])
def learned(request):
    """Whether the features know faces, the video, and what was learned from it."""
    video = toy_video()
    features, tracklet, _, constraints = video
    return request.param, video, learn(features, tracklet, constraints, request.param)


def test_people_that_the_features_confuse_are_told_apart(learned):
    _, (features, tracklet, person, _), embedding = learned
    raw = share_in_order(features, tracklet, person)
    assert share_in_order(embedding.learned, tracklet, person) > max(0.9, raw + 0.2)


def test_faces_that_cannot_be_one_person_end_up_further_apart_than_those_of_a_tracklet(learned):
    _, (_, tracklet, _, constraints), embedding = learned
    distances = np.linalg.norm(embedding.learned[:, None] - embedding.learned[None], axis=2)
    same = tracklet[:, None] == tracklet[None]
    apart = constraints.matrix()[np.ix_(tracklet, tracklet)]
    assert distances[apart].mean() > 2 * distances[same].mean()


def test_a_face_becomes_64_numbers(learned):
    _, (features, *_), embedding = learned
    assert embedding.learned.shape == (len(features), 64)
    assert embedding.learned.dtype == np.float32


def test_the_loss_falls(learned):
    _, _, embedding = learned
    assert embedding.loss_curve.shape == (CONFIG.steps,)
    assert embedding.loss_curve[-20:].mean() < 0.5 * embedding.loss_curve[:5].mean()


def test_where_something_was_learned_there_is_nothing_to_say(learned):
    assert learned[2].note == ""


def test_what_was_learned_can_be_stored(learned):
    weights = learned[2].weights
    assert weights
    assert all(np.isfinite(value).all() for value in weights.values())


def test_features_that_know_no_faces_keep_no_share_of_the_distance(learned):
    knows_faces, _, embedding = learned
    assert knows_faces or embedding.raw_share == 0
    assert 0 <= embedding.raw_share <= 0.5


def test_features_that_know_faces_are_kept_where_nothing_has_been_learned_yet():
    features, tracklet, _, constraints = toy_video()
    hardly = replace(CONFIG, heads=1, steps=1, correction_rate=1e-9)
    embedding = learn(features, tracklet, constraints, knows_faces=True, config=hardly).learned
    centred = features - features.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(
        np.linalg.norm(embedding[:, None] - embedding[None], axis=2),
        np.linalg.norm(unit[:, None] - unit[None], axis=2),
        atol=1e-3,
    )


@pytest.mark.parametrize("knows_faces", [False, True])
def test_the_same_seed_learns_the_same_bytes(knows_faces):
    features, tracklet, _, constraints = toy_video()
    short = replace(CONFIG, steps=15)
    one, other = (learn(features, tracklet, constraints, knows_faces, short) for _ in range(2))
    assert one.learned.tobytes() == other.learned.tobytes()
    assert one.loss_curve.tobytes() == other.loss_curve.tobytes()
    assert one.weights.keys() == other.weights.keys()
    assert all(one.weights[name].tobytes() == other.weights[name].tobytes() for name in one.weights)


def test_heads_learned_side_by_side_are_those_learned_one_after_the_other(monkeypatch):
    features, tracklet, _, constraints = toy_video()
    short = replace(CONFIG, heads=4, steps=15)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    together = learn(features, tracklet, constraints, config=short)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    in_turn = learn(features, tracklet, constraints, config=short)
    assert together.learned.tobytes() == in_turn.learned.tobytes()
    assert together.loss_curve.tobytes() == in_turn.loss_curve.tobytes()


def test_an_interrupt_stops_every_head():
    features, tracklet, _, constraints = toy_video()
    heard = []

    def press_ctrl_c(loss):
        heard.append(loss)
        if len(heard) == 5:  # the heads learn in other threads; Ctrl-C comes to the main one
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    long = replace(CONFIG, heads=4, steps=5000)
    with pytest.raises(KeyboardInterrupt):
        learn(features, tracklet, constraints, config=long, on_step=press_ctrl_c)
    assert len(heard) < 5000


def test_another_seed_learns_something_else():
    features, tracklet, _, constraints = toy_video()
    short = replace(CONFIG, steps=5)
    one, other = (
        learn(features, tracklet, constraints, config=short, seed=seed) for seed in (0, 1)
    )
    assert one.loss_curve.tobytes() != other.loss_curve.tobytes()


@pytest.mark.parametrize("knows_faces", [False, True])
def test_the_random_numbers_of_torch_and_numpy_are_left_alone(knows_faces):
    features, tracklet, _, constraints = toy_video()
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    legacy = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what matters
    learn(features, tracklet, constraints, knows_faces, replace(CONFIG, steps=3))
    torch.testing.assert_close(torch.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], legacy)  # noqa: NPY002
    assert torch.get_num_threads() == threads


def test_the_features_are_left_as_they_were():
    features, tracklet, _, constraints = toy_video()
    copy = features.copy()
    learn(features, tracklet, constraints, config=replace(CONFIG, steps=3))
    np.testing.assert_array_equal(features, copy)


def test_the_quadruplet_term_adds_to_the_loss():
    features, tracklet, _, constraints = toy_video()
    one_step = replace(CONFIG, steps=1)
    with_term = replace(one_step, quadruplet=True, quadruplet_margin=3.0)
    plain = learn(features, tracklet, constraints, config=one_step).loss_curve[0]
    assert learn(features, tracklet, constraints, config=with_term).loss_curve[0] > plain + 1


def test_the_quadruplet_term_learns_to_tell_people_apart():
    features, tracklet, person, constraints = toy_video()
    embedding = learn(features, tracklet, constraints, config=replace(CONFIG, quadruplet=True))
    assert share_in_order(embedding.learned, tracklet, person) > 0.9


def test_the_quadruplet_term_is_left_out_where_no_three_people_are_apart():
    features, tracklet, _, constraints = toy_video()
    two_people = Constraints(TRACKLETS, constraints.cannot_link[::3])
    short = replace(CONFIG, steps=3)
    plain = learn(features, tracklet, two_people, config=short)
    with_term = learn(features, tracklet, two_people, config=replace(short, quadruplet=True))
    np.testing.assert_array_equal(plain.loss_curve, with_term.loss_curve)


def test_every_step_is_told_of():
    features, tracklet, _, constraints = toy_video()
    heard = []
    config = replace(CONFIG, steps=4)
    embedding = learn(features, tracklet, constraints, config=config, on_step=heard.append)
    assert len(heard) == config.heads * config.steps  # of several heads at once, in any order
    assert np.mean(heard) == pytest.approx(embedding.loss_curve.mean(), rel=1e-5)


def test_the_steps_of_a_single_head_are_told_of_in_order():
    features, tracklet, _, constraints = toy_video()
    heard = []
    config = replace(CONFIG, heads=1, steps=4)
    embedding = learn(features, tracklet, constraints, config=config, on_step=heard.append)
    np.testing.assert_allclose(heard, embedding.loss_curve, rtol=1e-6)


@pytest.mark.parametrize("knows_faces", [False, True])
def test_without_a_cannot_link_nothing_is_learned_and_that_is_said(knows_faces):
    features, tracklet, _, _ = toy_video()
    nothing = Constraints(TRACKLETS, np.zeros((0, 2), np.int32))
    embedding = learn(features, tracklet, nothing, knows_faces)
    assert embedding.note.startswith("no two faces are ever seen together: nothing to learn from")
    assert "\n" not in embedding.note
    assert len(embedding.loss_curve) == 0
    assert embedding.weights == {}


@pytest.mark.parametrize(
    ("knows_faces", "faces"),
    [
        (True, 10),
        (False, 72),
        (False, 10),
    ],
)
def test_without_a_cannot_link_a_face_still_becomes_64_numbers(knows_faces, faces):
    features = toy_video(size=200)[0][:faces]
    nothing = Constraints(1, np.zeros((0, 2), np.int32))
    embedding = learn(features, np.zeros(faces, np.int64), nothing, knows_faces)
    assert embedding.learned.shape == (faces, 64)


def test_without_a_cannot_link_features_that_know_faces_count_alone():
    features, tracklet, _, _ = toy_video()
    nothing = Constraints(TRACKLETS, np.zeros((0, 2), np.int32))
    assert learn(features, tracklet, nothing, knows_faces=True).raw_share == 1


def test_without_a_cannot_link_other_features_are_brought_to_one_length():
    features, tracklet, _, _ = toy_video(size=200)
    nothing = Constraints(TRACKLETS, np.zeros((0, 2), np.int32))
    embedding = learn(features, tracklet, nothing, knows_faces=False)
    assert embedding.raw_share == 0
    np.testing.assert_allclose(np.linalg.norm(embedding.learned, axis=1), 1, rtol=1e-4)


@pytest.mark.parametrize("knows_faces", [False, True])
def test_a_video_without_faces_learns_nothing_and_says_nothing(knows_faces):
    nothing = Constraints(0, np.zeros((0, 2), np.int32))
    embedding = learn(np.zeros((0, 24), np.float32), np.zeros(0, np.int64), nothing, knows_faces)
    assert embedding.learned.shape == (0, 64)
    assert embedding.note == ""


@pytest.mark.parametrize("knows_faces", [False, True])
def test_two_faces_seen_together_are_enough_to_learn_from(knows_faces):
    features = np.eye(2, 24, dtype=np.float32)
    embedding = learn(
        features,
        np.array([0, 1]),
        Constraints(2, np.array([[0, 1]], np.int32)),
        knows_faces,
        replace(CONFIG, steps=5),
    )
    assert embedding.learned.shape == (2, 64)
    assert np.isfinite(embedding.learned).all()
