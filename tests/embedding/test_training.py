import itertools
import os
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from tracker.config import EmbeddingConfig
from tracker.embedding.evidence import Evidence
from tracker.embedding.metric import fit_metric
from tracker.embedding.training import learn_embedding
from tracker.records import Constraints

CPU = torch.device("cpu")
CONFIG = EmbeddingConfig(heads=2, steps=150, batch_triplets=64)
PEOPLE, SHOTS, FACES = 3, 4, 6
TRACKLETS = PEOPLE * SHOTS
NO_PAIRS = np.zeros((0, 2), np.int32)


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


def metric_of(features, tracklet, constraints, knows_faces, height=100.0):
    """The metric of the features as they are: what there is to learn is not taken out before."""
    heights = np.full(len(tracklet), height)
    rng = np.random.default_rng(5)
    return fit_metric(features, tracklet, heights, constraints, knows_faces, False, rng)


def learn_from(metrics, tracklet, constraints, raw_share=0.0, config=CONFIG, seed=0, **options):
    rng = np.random.default_rng(seed)
    return learn_embedding(metrics, raw_share, tracklet, constraints, config, rng, CPU, **options)


def learn(features, tracklet, constraints, knows_faces=False, raw_share=0.0, **options):
    metric = metric_of(features, tracklet, constraints, knows_faces)
    return learn_from([metric], tracklet, constraints, raw_share, **options)


def distances_between(vectors):
    return np.linalg.norm(vectors[:, None] - vectors[None], axis=2)


def share_in_order(vectors, tracklet, person):
    """How often two tracklets of one person are closer than two of different people."""
    means = np.stack([vectors[tracklet == t].mean(axis=0) for t in range(TRACKLETS)])
    distances = distances_between(means)
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
    distances = distances_between(embedding.learned)
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


@pytest.mark.parametrize("raw_share", [0.0, 0.25])
def test_what_it_was_learned_from_is_said(raw_share):
    features, tracklet, _, constraints = toy_video()
    metric = replace(
        metric_of(features, tracklet, constraints, True), evidence=Evidence(auc=0.9254, pairs=20)
    )
    config = replace(CONFIG, steps=1)
    note = learn_from([metric], tracklet, constraints, raw_share, config).note
    said = "learned from 12 pairs seen together; before, the features told people apart with an AUC"
    kept = ", 25% of the distance stays the features' own" if raw_share else ""
    assert note == f"{said} of 0.925{kept}"


def test_without_evidence_no_auc_is_said():
    features, tracklet, _, constraints = toy_video()
    metric = replace(
        metric_of(features, tracklet, constraints, True), evidence=Evidence(auc=0.9254, pairs=19)
    )
    note = learn_from([metric], tracklet, constraints, 0.0, replace(CONFIG, steps=1)).note
    assert note == "learned from 12 pairs seen together"


def test_what_is_said_is_of_the_first_metric():
    features, tracklet, _, constraints = toy_video()
    first, second = (
        replace(metric_of(features, tracklet, constraints, kind), evidence=Evidence(auc, 20))
        for kind, auc in ((True, 0.91), (False, 0.55))
    )
    config = replace(CONFIG, heads=1, steps=1)
    assert "0.910" in learn_from([first, second], tracklet, constraints, config=config).note


def test_a_single_pair_is_said_in_the_singular():
    features, tracklet, _, constraints = toy_video()
    one_pair = Constraints(TRACKLETS, constraints.cannot_link[:1])
    note = learn(features, tracklet, one_pair, config=replace(CONFIG, steps=1)).note
    assert note.startswith("learned from 1 pair seen together")


def test_doubtful_pairs_are_not_learned_from():
    features, tracklet, _, constraints = toy_video()
    config = replace(CONFIG, steps=5, quadruplet=True)
    doubtful = Constraints(TRACKLETS, constraints.cannot_link, np.arange(3))
    sure = Constraints(TRACKLETS, constraints.cannot_link[3:])
    one, other = (learn(features, tracklet, pairs, config=config) for pairs in (doubtful, sure))
    assert one.loss_curve.tobytes() == other.loss_curve.tobytes()
    assert one.note.startswith("learned from 9 pairs")


def test_what_was_learned_can_be_stored(learned):
    weights = learned[2].weights
    assert weights
    assert all(np.isfinite(value).all() for value in weights.values())


def through(weights, number, faces, knows_faces):
    """`faces` (S, D) through one head, by its stored weights and nothing else."""

    def layer(name, values):
        weight, bias = (weights[f"head.{number}.{name}.{part}"] for part in ("weight", "bias"))
        return values @ weight.T + bias

    start = "correction" if knows_faces else "layers"
    if knows_faces:
        faces = faces - weights["preparation.0.centre"]
    else:
        faces = faces * faces.shape[1] ** 0.5
    moved = layer(f"{start}.3", np.maximum(layer(f"{start}.0", faces), 0))
    if knows_faces:
        moved = moved + layer("projection", faces)
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def test_what_is_stored_is_enough_to_embed_faces(learned):
    knows_faces, (features, *_), embedding = learned
    weights, vectors = embedding.weights, features
    if not knows_faces:
        vectors = (vectors - weights["preparation.0.0.mean"]) @ weights["preparation.0.0.matrix"]
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    parts = [through(weights, number, vectors, knows_faces) for number in range(CONFIG.heads)]
    again = np.concatenate(parts, axis=1) / CONFIG.heads**0.5 @ weights["projection"].T
    np.testing.assert_allclose(
        distances_between(again), distances_between(embedding.learned), atol=1e-3
    )


def test_the_share_asked_for_is_the_share_kept():
    features, tracklet, _, constraints = toy_video()
    for share in (0.0, 0.3, 0.99):
        embedding = learn(
            features, tracklet, constraints, True, share, config=replace(CONFIG, steps=1)
        )
        assert embedding.raw_share == share
        assert len(embedding.loss_curve) == 1


def test_what_is_learned_does_not_depend_on_the_share():
    features, tracklet, _, constraints = toy_video()
    short = replace(CONFIG, steps=5)
    one, other = (
        learn(features, tracklet, constraints, True, share, config=short) for share in (0.0, 0.5)
    )
    assert one.learned.tobytes() == other.learned.tobytes()


def test_features_that_know_faces_are_kept_where_nothing_has_been_learned_yet():
    features, tracklet, _, constraints = toy_video()
    hardly = replace(CONFIG, heads=1, steps=1, correction_rate=1e-9)
    embedding = learn(features, tracklet, constraints, knows_faces=True, config=hardly).learned
    vectors = features / np.linalg.norm(features, axis=1, keepdims=True)
    centred = vectors - vectors.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(distances_between(embedding), distances_between(unit), atol=1e-3)


def two_kinds():
    """A video whose first features know only the shot; its other features know who it is."""
    features, tracklet, person, constraints = toy_video()
    shot_only = features.copy()
    shot_only[:, :3] = 0
    first = metric_of(shot_only, tracklet, constraints, knows_faces=True)
    second = metric_of(features, tracklet, constraints, knows_faces=False)
    return first, second, tracklet, person, constraints


def test_what_one_kind_of_features_misses_is_learned_from_another():
    first, second, tracklet, person, constraints = two_kinds()
    alone = learn_from([first], tracklet, constraints).learned
    together = learn_from([first, second], tracklet, constraints).learned
    assert share_in_order(alone, tracklet, person) < 0.8
    assert share_in_order(together, tracklet, person) > 0.9


def test_each_kind_of_features_has_heads_and_preparations_of_its_own():
    first, second, tracklet, _, constraints = two_kinds()
    config, heard = replace(CONFIG, steps=2), []
    embedding = learn_from(
        [first, second], tracklet, constraints, config=config, on_step=heard.append
    )
    assert len(heard) == 2 * config.heads * config.steps
    heads = {name.split(".")[1] for name in embedding.weights if name.startswith("head.")}
    assert heads == {"0", "1", "2", "3"}
    assert {"preparation.0.centre", "preparation.1.0.mean"} <= embedding.weights.keys()
    assert embedding.learned.shape == (len(tracklet), 64)
    assert embedding.loss_curve.shape == (config.steps,)


@pytest.mark.parametrize("knows_faces", [False, True])
def test_the_same_seed_learns_the_same_bytes(knows_faces):
    features, tracklet, _, constraints = toy_video()
    short = replace(CONFIG, steps=15)
    one, other = (
        learn(features, tracklet, constraints, knows_faces, config=short) for _ in range(2)
    )
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


@pytest.fixture
def ctrl_c():
    """Ctrl-C is heard, even where a shell started the tests in the background without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
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
    learn(features, tracklet, constraints, knows_faces, config=replace(CONFIG, steps=3))
    torch.testing.assert_close(torch.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], legacy)  # noqa: NPY002
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("knows_faces", [False, True])
@pytest.mark.parametrize("raw_share", [0.0, 1.0])
def test_the_vectors_are_left_as_they_were(knows_faces, raw_share):
    features, tracklet, _, constraints = toy_video()
    metric = metric_of(features, tracklet, constraints, knows_faces)
    copy = metric.vectors.copy()
    learn_from([metric], tracklet, constraints, raw_share, replace(CONFIG, steps=3))
    np.testing.assert_array_equal(metric.vectors, copy)


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


def unlearned(evidence, knows_faces=True, constraints=None):
    """What comes of a share of 1, where that is the evidence."""
    features, tracklet, _, seen = toy_video()
    constraints = seen if constraints is None else constraints
    metric = metric_of(features, tracklet, constraints, knows_faces)
    metric = replace(metric, evidence=evidence)
    return metric, learn_from([metric], tracklet, constraints, 1.0, on_step=pytest.fail)


def people_seen_together(count):
    """Constraints of `count` pairs of the toy video's tracklets."""
    pairs = list(itertools.combinations(range(TRACKLETS), 2))[:count]
    return Constraints(TRACKLETS, np.array(pairs, np.int32).reshape(-1, 2))


@pytest.mark.parametrize("knows_faces", [False, True])
def test_where_the_features_keep_all_of_the_distance_nothing_is_learned(knows_faces):
    _, embedding = unlearned(Evidence(1.0, 30), knows_faces)
    assert embedding.raw_share == 1
    assert embedding.loss_curve.shape == (0,)
    assert not [name for name in embedding.weights if name.startswith("head")]


@pytest.mark.parametrize("knows_faces", [False, True])
@pytest.mark.parametrize("doubtful", [False, True])
def test_without_negatives_that_is_said(knows_faces, doubtful):
    constraints = Constraints(TRACKLETS, NO_PAIRS)
    if doubtful:  # a pair of a dissolve is none that is surely two people
        constraints = Constraints(TRACKLETS, np.array([[0, 1]], np.int32), np.array([0]))
    _, embedding = unlearned(Evidence(0.5, 0), knows_faces, constraints)
    assert embedding.note == (
        "no two faces are ever seen together: no negatives to learn from, the features stay"
    )


@pytest.mark.parametrize(("pairs", "said"), [(19, "19 pairs"), (1, "1 pair"), (0, "0 pairs")])
def test_too_few_pairs_of_large_faces_are_said_of_features_that_know_faces(pairs, said):
    _, embedding = unlearned(Evidence(0.5, pairs), True, people_seen_together(30))
    assert embedding.note == (
        f"only {said} of large faces seen together: too few to learn from, the features stay"
    )


@pytest.mark.parametrize(("pairs", "said"), [(19, "19 pairs"), (1, "1 pair")])
def test_too_few_pairs_of_any_size_are_said_of_other_features(pairs, said):
    _, embedding = unlearned(Evidence(0.5, 0), False, people_seen_together(pairs))
    assert embedding.note == (
        f"only {said} seen together: too few to learn from, the features stay"
    )


def test_features_that_are_trusted_are_said_to_be_with_their_evidence():
    _, embedding = unlearned(Evidence(0.9876, 20), True, people_seen_together(20))
    assert embedding.note == (
        "the features tell this video's people apart (AUC 0.988 over 20 pairs seen together): "
        "nothing to correct"
    )


@pytest.mark.parametrize(
    ("evidence", "knows_faces"),
    [(Evidence(0.6, 20), True), (Evidence(0.6, 20), False), (Evidence(0.5, 0), False)],
)
def test_features_that_keep_all_only_because_they_were_told_to_are_not_praised(
    evidence, knows_faces
):
    _, embedding = unlearned(evidence, knows_faces, people_seen_together(20))
    assert embedding.note == "as the settings ask, nothing is learned: the features stay"


def test_what_is_not_learned_are_the_main_directions_of_the_features_own_metric():
    metric, embedding = unlearned(Evidence(1.0, 30))
    # There are 24 features: 64 directions hold all their distances.
    np.testing.assert_allclose(
        distances_between(embedding.learned), distances_between(metric.vectors), atol=1e-5
    )
    variances = embedding.learned.var(axis=0)
    assert (np.diff(variances) < 1e-6).all()


@pytest.mark.parametrize(
    ("knows_faces", "faces"),
    [
        (True, 10),
        (False, 72),
        (False, 10),
        (True, 1),
        (False, 1),
    ],
)
def test_without_a_cannot_link_a_face_still_becomes_64_numbers(knows_faces, faces):
    features = toy_video(size=200)[0][:faces]
    nothing = Constraints(1, NO_PAIRS)
    embedding = learn(features, np.zeros(faces, np.int64), nothing, knows_faces, raw_share=1.0)
    assert embedding.learned.shape == (faces, 64)
    assert np.isfinite(embedding.learned).all()


@pytest.mark.parametrize("knows_faces", [False, True])
def test_a_video_without_faces_learns_nothing_and_says_nothing(knows_faces):
    nothing = Constraints(0, NO_PAIRS)
    embedding = learn(
        np.zeros((0, 24), np.float32), np.zeros(0, np.int64), nothing, knows_faces, raw_share=1.0
    )
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
        config=replace(CONFIG, steps=5),
    )
    assert embedding.learned.shape == (2, 64)
    assert np.isfinite(embedding.learned).all()
