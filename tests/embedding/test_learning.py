import itertools
import os
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from tracker.config import EmbeddingConfig
from tracker.embedding import schedule
from tracker.embedding.backbones import build_trunk, choose_backbone
from tracker.embedding.earlier import Earlier
from tracker.embedding.evidence import Evidence
from tracker.embedding.inputs import CropInputs, embed
from tracker.embedding.learning import TrunkMaterial, learn_embedding
from tracker.embedding.lessons import Task, head_lessons
from tracker.embedding.metric import fit_metric, metric_as_before
from tracker.embedding.training import Checkpoints, train
from tracker.errors import ConfigError
from tracker.records import Constraints

CPU = torch.device("cpu")
CONFIG = EmbeddingConfig(heads=2, steps=150, batch_triplets=64)
PEOPLE, SHOTS, FACES = 3, 4, 6
TRACKLETS = PEOPLE * SHOTS
NO_PAIRS = np.zeros((0, 2), np.int32)
COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]])  # of three people
both_kinds = pytest.mark.parametrize("knows_faces", [False, True])


def toy_video(size=24, seed=0, shots=SHOTS):
    """Features (S, size), tracklets (S,), person (T,) and constraints of three people.

    Who somebody is shows in three of the features only; the rest is louder, and of the shot.
    """
    rng = np.random.default_rng(seed)
    count = PEOPLE * shots
    person = np.tile(np.arange(PEOPLE), shots)  # tracklet = shot * PEOPLE + person
    shot = np.repeat(np.arange(shots), PEOPLE)
    tracklet = np.repeat(np.arange(count), FACES)
    features = rng.normal(0, 0.3, (len(tracklet), size))
    features[:, :3] += np.eye(PEOPLE)[person[tracklet]]
    features[:, 3:] += 1.5 * rng.normal(size=(shots, size - 3))[shot[tracklet]]
    pairs = [
        (first + a, first + b)
        for first in range(0, count, PEOPLE)
        for a, b in itertools.combinations(range(PEOPLE), 2)
    ]
    return (
        features.astype(np.float32),
        tracklet,
        person,
        Constraints(count, np.array(pairs, np.int32)),
    )


def toy_crops(tracklet, person, seed=0):
    """Pictures (S, 16, 16, 3): a square in a person's colour, before what is loud of the shot."""
    rng = np.random.default_rng(seed)
    shot = tracklet // PEOPLE
    crops = rng.integers(0, 256, (shot.max() + 1, 1, 1, 3))[shot]
    crops = np.clip(crops + rng.integers(-30, 31, (len(shot), 16, 16, 3)), 0, 255)
    crops[:, 5:11, 5:11] = COLOURS[person[tracklet]][:, None, None]
    return crops.astype(np.uint8)


def metric_of(features, tracklet, constraints, knows_faces, height=100.0):
    """The metric of the features as they are: what there is to learn is not taken out before."""
    heights = np.full(len(tracklet), height)
    rng = np.random.default_rng(5)
    return fit_metric(features, tracklet, heights, constraints, knows_faces, False, rng)


def learn_from(metrics, tracklet, constraints, raw_share=0.0, config=CONFIG, seed=0, **options):
    task = Task(tracklet, constraints, lambda vectors, known: np.arange(PEOPLE), config, CPU)
    return learn_embedding(metrics, raw_share, task, np.random.default_rng(seed), **options)


def learn(features, tracklet, constraints, knows_faces=False, raw_share=0.0, **options):
    metric = metric_of(features, tracklet, constraints, knows_faces)
    return learn_from([metric], tracklet, constraints, raw_share, **options)


def learn_trunk(video=None, crops=None, **options):
    """What a small CNN learns of the toy crops."""
    features, tracklet, person, constraints = video or toy_video()
    crops = toy_crops(tracklet, person) if crops is None else crops
    settings = {
        "trunk": "finetune",
        "steps": 40,
        "batch_triplets": 8,
        "trunk_rate": 1e-3,
        "dim": 16,
    }
    return learn(
        features,
        tracklet,
        constraints,
        config=EmbeddingConfig(**{**settings, **options.pop("settings", {})}),
        trunk=TrunkMaterial(choose_backbone("small"), crops),
        **options,
    )


def distances_between(vectors):
    return np.linalg.norm(vectors[:, None] - vectors[None], axis=2)


def share_in_order(vectors, tracklet, person):
    """How often two tracklets of one person are closer than two of different people."""
    count = len(person)
    means = np.stack([vectors[tracklet == t].mean(axis=0) for t in range(count)])
    distances = distances_between(means)
    same = person[:, None] == person[None]
    same_pairs = distances[same & ~np.eye(count, dtype=bool)]
    return np.mean(same_pairs[:, None] < distances[~same][None])


def assert_same(one, other):
    assert one.learned.tobytes() == other.learned.tobytes()
    for curve in ("loss", "accuracy", "held_out"):
        assert getattr(one.curves, curve).tobytes() == getattr(other.curves, curve).tobytes()
    assert one.weights.keys() == other.weights.keys()
    assert all(one.weights[name].tobytes() == other.weights[name].tobytes() for name in one.weights)


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


@both_kinds
@pytest.mark.parametrize("dim", [8, 100])
def test_a_face_becomes_as_many_numbers_as_the_settings_say(knows_faces, dim):
    features, tracklet, person, constraints = toy_video()
    embedding = learn(features, tracklet, constraints, knows_faces, config=replace(CONFIG, dim=dim))
    assert embedding.learned.shape == (len(features), dim)
    assert share_in_order(embedding.learned, tracklet, person) > 0.9


@both_kinds
def test_people_are_told_apart_where_faces_keep_their_lengths(knows_faces):
    features, tracklet, person, constraints = toy_video()
    free = replace(CONFIG, unit_length=False, heads=1)
    embedding = learn(features, tracklet, constraints, knows_faces, config=free)
    raw = share_in_order(features, tracklet, person)
    assert share_in_order(embedding.learned, tracklet, person) > raw + 0.1
    # On the unit sphere, no two are ever farther apart than 2.
    assert distances_between(embedding.learned).max() > 2


def test_the_loss_falls(learned):
    _, _, embedding = learned
    assert embedding.curves.loss.shape == (CONFIG.steps,)
    assert embedding.curves.loss[-20:].mean() < 0.5 * embedding.curves.loss[:5].mean()


def test_the_curves_are_the_mean_of_those_of_all_heads(monkeypatch):
    monkeypatch.setattr(schedule, "ROUND_STEPS", 10)
    features, tracklet, _, constraints = toy_video(shots=12)
    config = replace(CONFIG, heads=3, patience=3)
    metric = metric_of(features, tracklet, constraints, knows_faces=False)
    task = Task(tracklet, constraints, lambda vectors, known: np.arange(PEOPLE), config, CPU)
    lessons = head_lessons([metric], task, np.random.default_rng(0))
    alone = [train(lesson, config) for lesson in lessons]
    together = learn_from([metric], tracklet, constraints, config=config).curves
    assert len({len(one.loss) for one in alone}) > 1  # some stop earlier than others
    for curve in ("loss", "accuracy", "held_out"):
        curves = [getattr(one, curve) for one in alone]
        length = max(map(len, curves))
        assert getattr(together, curve).shape == (length,)
        for place in range(length):
            known = [one[place] for one in curves if place < len(one) and np.isfinite(one[place])]
            mean = np.mean(known) if known else np.nan
            assert getattr(together, curve)[place] == pytest.approx(mean, rel=1e-5, nan_ok=True)


def test_doubtful_pairs_are_not_learned_from():
    features, tracklet, _, constraints = toy_video()
    config = replace(CONFIG, steps=5, loss="symtriplet+quadruplet")
    doubtful = Constraints(TRACKLETS, constraints.cannot_link, np.arange(3))
    sure = Constraints(TRACKLETS, constraints.cannot_link[3:])
    one, other = (learn(features, tracklet, pairs, config=config) for pairs in (doubtful, sure))
    assert one.curves.loss.tobytes() == other.curves.loss.tobytes()


def test_what_was_learned_from_what_is_said(monkeypatch):
    monkeypatch.setattr(schedule, "ROUND_STEPS", 10)
    features, tracklet, _, constraints = toy_video(shots=12)
    metric = replace(
        metric_of(features, tracklet, constraints, True), evidence=Evidence(auc=0.9254, pairs=20)
    )
    embedding = learn_from([metric], tracklet, constraints, 0.25)
    assert embedding.note.startswith(
        "symtriplet learned from 36 pairs seen together, by 2 heads; before, the features told "
        "people apart with an AUC of 0.925; "
    )
    assert "% of triplets never learned from are right; 25% of the distance" in embedding.note


def test_what_is_said_is_of_the_first_metric():
    features, tracklet, _, constraints = toy_video()
    first, second = (
        replace(metric_of(features, tracklet, constraints, kind), evidence=Evidence(auc, 20))
        for kind, auc in ((True, 0.91), (False, 0.55))
    )
    config = replace(CONFIG, heads=1, steps=1)
    note = learn_from([first, second], tracklet, constraints, config=config).note
    assert "0.910" in note
    assert "by 2 heads" in note


def test_a_single_head_is_said_in_the_singular():
    features, tracklet, _, constraints = toy_video()
    note = learn(features, tracklet, constraints, config=replace(CONFIG, heads=1, steps=1)).note
    assert note.endswith("by 1 head")


def test_what_was_learned_can_be_stored(learned):
    weights = learned[2].weights
    assert weights
    assert all(np.isfinite(value).all() for value in weights.values())
    assert {value.dtype for value in weights.values()} == {np.dtype(np.float32)}


def through(weights, number, faces, knows_faces):
    """`faces` (S, D) through one head, by its stored weights and nothing else."""

    def layer(name, values):
        weight, bias = (weights[f"network.{number}.{name}.{part}"] for part in ("weight", "bias"))
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


def embedded_by(weights, features, knows_faces):
    """Where stored weights put `features` (S, D), up to a shift and a rotation."""
    if not knows_faces:
        features = (features - weights["preparation.0.0.mean"]) @ weights["preparation.0.0.matrix"]
    vectors = features / np.linalg.norm(features, axis=1, keepdims=True)
    parts = [through(weights, number, vectors, knows_faces) for number in range(CONFIG.heads)]
    return np.concatenate(parts, axis=1) / CONFIG.heads**0.5 @ weights["projection"].T


def test_what_is_stored_is_enough_to_embed_faces(learned):
    knows_faces, (features, *_), embedding = learned
    again = embedded_by(embedding.weights, features, knows_faces)
    np.testing.assert_allclose(
        distances_between(again), distances_between(embedding.learned), atol=1e-3
    )


def test_what_is_stored_of_a_cnn_is_enough_to_embed_crops():
    _, tracklet, person, _ = toy_video()
    embedding = learn_trunk(settings={"steps": 3})
    network = build_trunk(choose_backbone("small"), dim=16, seed=99)
    network.load_state_dict(Earlier("first", embedding.weights).networks[0])
    crops = CropInputs(toy_crops(tracklet, person), 64, CPU)
    again = embed(network, crops).numpy() @ embedding.weights["projection"].T
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
        assert len(embedding.curves.loss) == 1


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
    config, told = replace(CONFIG, steps=2), []
    embedding = learn_from(
        [first, second], tracklet, constraints, config=config, on_step=lambda: told.append(1)
    )
    assert len(told) == 2 * config.heads * config.steps
    networks = {name.split(".")[1] for name in embedding.weights if name.startswith("network.")}
    assert networks == {"0", "1", "2", "3"}
    assert {
        "preparation.0.centre",
        "preparation.1.centre",
        "preparation.1.0.mean",
    } <= embedding.weights.keys()
    assert embedding.learned.shape == (len(tracklet), 64)
    assert embedding.curves.loss.shape == (config.steps,)


@both_kinds
def test_the_same_seed_learns_the_same_bytes(knows_faces):
    features, tracklet, _, constraints = toy_video()
    short = replace(CONFIG, steps=15)
    one, other = (
        learn(features, tracklet, constraints, knows_faces, config=short) for _ in range(2)
    )
    assert_same(one, other)


def test_the_same_seed_teaches_a_cnn_the_same_bytes():
    assert_same(*(learn_trunk(settings={"steps": 3}) for _ in range(2)))


def test_another_seed_learns_something_else():
    features, tracklet, _, constraints = toy_video()
    short = replace(CONFIG, steps=5)
    one, other = (
        learn(features, tracklet, constraints, config=short, seed=seed) for seed in (0, 1)
    )
    assert one.curves.loss.tobytes() != other.curves.loss.tobytes()


def test_heads_learned_side_by_side_are_those_learned_one_after_the_other(monkeypatch):
    features, tracklet, _, constraints = toy_video()
    short = replace(CONFIG, heads=4, steps=15)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    together = learn(features, tracklet, constraints, config=short)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert_same(together, learn(features, tracklet, constraints, config=short))


@pytest.fixture
def _ctrl_c():
    """Ctrl-C is heard, even where a shell started the tests in the background without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c")
def test_an_interrupt_stops_every_head():
    features, tracklet, _, constraints = toy_video()
    told = []

    def press_ctrl_c():
        told.append(1)
        if len(told) == 5:  # the heads learn in other threads; Ctrl-C comes to the main one
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    long = replace(CONFIG, heads=4, steps=5000)
    with pytest.raises(KeyboardInterrupt):
        learn(features, tracklet, constraints, config=long, on_step=press_ctrl_c)
    assert len(told) < 5000


class TooMuchError(Exception):
    pass


def stopping_at(steps):
    """Fails when so many steps were told of."""
    told = []

    def count():
        told.append(1)
        if len(told) == steps:
            raise TooMuchError

    return count, told


def test_an_error_in_one_head_stops_the_others_and_is_raised():
    features, tracklet, _, constraints = toy_video()
    count, told = stopping_at(5)
    long = replace(CONFIG, heads=4, steps=5000)
    with pytest.raises(TooMuchError):
        learn(features, tracklet, constraints, config=long, on_step=count)
    assert len(told) < 5000


def kept_in(store):
    """Checkpoints of every network after every round; each is read as it was written."""

    def of(network):
        def save(state):
            path = store / f"{network}.pt"
            torch.save(state, path)

        def load():
            path = store / f"{network}.pt"
            return torch.load(path, weights_only=True) if path.exists() else None

        return Checkpoints(load, save, every_s=0.0)

    return of


@pytest.mark.parametrize("steps", [35, 75, 115])
def test_a_run_that_was_killed_goes_on_and_learns_the_same(tmp_path, monkeypatch, steps):
    monkeypatch.setattr(schedule, "ROUND_STEPS", 10)
    features, tracklet, _, constraints = toy_video()
    config = replace(CONFIG, steps=60)
    whole = learn(features, tracklet, constraints, config=config)
    count, _ = stopping_at(steps)
    with pytest.raises(TooMuchError):
        learn(
            features,
            tracklet,
            constraints,
            config=config,
            on_step=count,
            checkpoints=kept_in(tmp_path),
        )
    assert list(tmp_path.iterdir())
    told = []
    again = learn(
        features,
        tracklet,
        constraints,
        config=config,
        on_step=lambda: told.append(1),
        checkpoints=kept_in(tmp_path),
    )
    assert_same(whole, again)
    assert len(told) == 2 * 60


def test_each_network_is_kept_by_its_number(tmp_path):
    first, second, tracklet, _, constraints = two_kinds()
    config = replace(CONFIG, steps=2)
    learn_from([first, second], tracklet, constraints, config=config, checkpoints=kept_in(tmp_path))
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["0", "1", "2", "3"]


@both_kinds
def test_the_random_numbers_of_torch_and_numpy_are_left_alone(knows_faces):
    features, tracklet, _, constraints = toy_video()
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    legacy = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what matters
    learn(features, tracklet, constraints, knows_faces, config=replace(CONFIG, steps=3))
    learn_trunk(settings={"steps": 1})
    torch.testing.assert_close(torch.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], legacy)  # noqa: NPY002
    assert torch.get_num_threads() == threads


@both_kinds
@pytest.mark.parametrize("raw_share", [0.0, 1.0])
def test_the_vectors_are_left_as_they_were(knows_faces, raw_share):
    features, tracklet, _, constraints = toy_video()
    metric = metric_of(features, tracklet, constraints, knows_faces)
    copy = metric.vectors.copy()
    learn_from([metric], tracklet, constraints, raw_share, replace(CONFIG, steps=3))
    np.testing.assert_array_equal(metric.vectors, copy)


@pytest.mark.parametrize("steps", [1, 4])
def test_every_step_of_every_head_is_told_of(steps):
    features, tracklet, _, constraints = toy_video()
    told, config = [], replace(CONFIG, heads=3, steps=steps)
    learn(features, tracklet, constraints, config=config, on_step=lambda: told.append(1))
    assert len(told) == 3 * steps


def unlearned(evidence, knows_faces=True, constraints=None, **options):
    """What comes of a share of 1, where that is the evidence."""
    features, tracklet, _, seen = toy_video()
    constraints = seen if constraints is None else constraints
    metric = metric_of(features, tracklet, constraints, knows_faces)
    metric = replace(metric, evidence=evidence)
    return metric, learn_from([metric], tracklet, constraints, 1.0, on_step=pytest.fail, **options)


@both_kinds
def test_where_the_features_keep_all_of_the_distance_nothing_is_learned(knows_faces):
    _, embedding = unlearned(Evidence(1.0, 30), knows_faces)
    assert embedding.raw_share == 1
    assert not len(embedding.curves.loss)
    assert not len(embedding.curves.accuracy)
    assert not len(embedding.curves.held_out)
    assert not [name for name in embedding.weights if name.startswith("network")]


def test_why_nothing_was_learned_is_said():
    _, embedding = unlearned(Evidence(0.5, 0), constraints=Constraints(TRACKLETS, NO_PAIRS))
    assert embedding.note.startswith("no two faces are ever seen together")


@pytest.mark.parametrize("dim", [64, 5])
def test_what_is_not_learned_are_the_main_directions_of_the_features_own_metric(dim):
    metric, embedding = unlearned(Evidence(1.0, 30), config=replace(CONFIG, dim=dim))
    assert embedding.learned.shape == (len(metric.vectors), dim)
    variances = embedding.learned.var(axis=0)
    assert (np.diff(variances) < 1e-6).all()
    expected = np.linalg.svd(metric.vectors - metric.vectors.mean(axis=0), compute_uv=False)
    kept = min(dim, 24)  # there are 24 features: 64 directions hold all their distances
    np.testing.assert_allclose(
        variances[:kept], expected[:kept] ** 2 / len(metric.vectors), rtol=1e-3, atol=1e-6
    )
    if dim == 64:
        np.testing.assert_allclose(
            distances_between(embedding.learned), distances_between(metric.vectors), atol=1e-5
        )


@pytest.mark.parametrize(
    ("knows_faces", "faces"), [(True, 10), (False, 72), (False, 10), (True, 1), (False, 1)]
)
def test_without_a_cannot_link_a_face_still_becomes_64_numbers(knows_faces, faces):
    features = toy_video(size=200)[0][:faces]
    nothing = Constraints(1, NO_PAIRS)
    embedding = learn(features, np.zeros(faces, np.int64), nothing, knows_faces, raw_share=1.0)
    assert embedding.learned.shape == (faces, 64)
    assert np.isfinite(embedding.learned).all()


@both_kinds
def test_a_video_without_faces_learns_nothing_and_says_nothing(knows_faces):
    nothing = Constraints(0, NO_PAIRS)
    embedding = learn(
        np.zeros((0, 24), np.float32), np.zeros(0, np.int64), nothing, knows_faces, raw_share=1.0
    )
    assert embedding.learned.shape == (0, 64)
    assert embedding.note == ""


@both_kinds
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


def test_a_cnn_learns_who_is_who_from_their_pictures():
    _, tracklet, person, _ = toy_video()
    hardly = learn_trunk(settings={"steps": 1, "trunk_rate": 1e-9})
    assert share_in_order(hardly.learned, tracklet, person) < 0.7
    embedding = learn_trunk()
    assert share_in_order(embedding.learned, tracklet, person) > 0.95
    assert embedding.learned.shape == (len(tracklet), 16)
    assert embedding.curves.loss.shape == (40,)


def test_a_cnn_is_said_to_have_learned():
    assert learn_trunk(settings={"steps": 1}).note == (
        "symtriplet learned from 12 pairs seen together, by a small CNN (from nothing)"
    )


def test_crops_on_disk_teach_the_same(tmp_path):
    _, tracklet, person, _ = toy_video()
    np.save(tmp_path / "crops.npy", toy_crops(tracklet, person))
    on_disk = np.load(tmp_path / "crops.npy", mmap_mode="r")
    assert_same(
        learn_trunk(settings={"steps": 2}), learn_trunk(crops=on_disk, settings={"steps": 2})
    )


HARDLY = {"steps": 1, "learning_rate": 1e-9, "correction_rate": 1e-9, "trunk_rate": 1e-10}


def on_video(seed, knows_faces, earlier):
    """The metric of a video, prepared as that of an earlier one."""
    features, tracklet, _, constraints = toy_video(seed=seed)
    metric = metric_of(features, tracklet, constraints, knows_faces)
    return metric_as_before(features, *earlier.preparation(0), metric)


def test_learning_starts_where_an_earlier_run_ended(learned):
    knows_faces, (_, tracklet, _, constraints), first = learned
    earlier = Earlier("first", first.weights)
    metric = on_video(0, knows_faces, earlier)
    second = learn_from(
        [metric], tracklet, constraints, config=replace(CONFIG, **HARDLY), seed=7, earlier=earlier
    )
    np.testing.assert_allclose(
        distances_between(second.learned), distances_between(first.learned), atol=1e-3
    )


def test_learning_of_another_video_starts_where_an_earlier_run_ended(learned):
    knows_faces, _, first = learned
    features, tracklet, _, constraints = toy_video(seed=1)
    earlier = Earlier("first", first.weights)
    second = learn_from(
        [on_video(1, knows_faces, earlier)],
        tracklet,
        constraints,
        config=replace(CONFIG, **HARDLY),
        seed=7,
        earlier=earlier,
    )
    # Its own main directions are kept, whatever those of the first video were.
    weights = first.weights | {"projection": np.eye(128)}
    np.testing.assert_allclose(
        distances_between(second.learned),
        distances_between(embedded_by(weights, features, knows_faces)),
        atol=5e-3,
    )
    np.testing.assert_array_equal(
        second.weights["preparation.0.centre"], first.weights["preparation.0.centre"]
    )


def test_the_earlier_weights_are_left_as_they_were(learned):
    knows_faces, (_, tracklet, _, constraints), first = learned
    kept = {name: values.copy() for name, values in first.weights.items()}
    earlier = Earlier("first", first.weights)
    metric = on_video(0, knows_faces, earlier)
    learn_from([metric], tracklet, constraints, config=replace(CONFIG, steps=3), earlier=earlier)
    assert all(np.array_equal(first.weights[name], values) for name, values in kept.items())


def test_a_cnn_starts_where_an_earlier_one_ended():
    first = learn_trunk()
    second = learn_trunk(settings=HARDLY, seed=7, earlier=Earlier("first", first.weights))
    np.testing.assert_allclose(
        distances_between(second.learned), distances_between(first.learned), atol=1e-3
    )


@pytest.mark.parametrize("changed", [{"dim": 32}, {"heads": 3}])
def test_an_earlier_run_of_other_settings_is_refused(learned, changed):
    knows_faces, (features, tracklet, _, constraints), first = learned
    with pytest.raises(ConfigError, match="first has 2 networks of other shapes"):
        learn(
            features,
            tracklet,
            constraints,
            knows_faces,
            config=replace(CONFIG, **changed),
            earlier=Earlier("first", first.weights),
        )


def test_heads_are_not_what_a_cnn_starts_from(learned):
    with pytest.raises(ConfigError, match="networks of other shapes"):
        learn_trunk(earlier=Earlier("first", learned[2].weights))


def test_an_earlier_run_that_learned_nothing_is_refused():
    features, tracklet, _, constraints = toy_video()
    _, nothing = unlearned(Evidence(1.0, 30))
    with pytest.raises(ConfigError, match="first learned nothing"):
        learn(features, tracklet, constraints, earlier=Earlier("first", nothing.weights))
