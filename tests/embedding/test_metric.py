import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from tracker.embedding.compensation import fit_compensation
from tracker.embedding.evidence import MIN_PAIRS, Evidence, weigh_evidence
from tracker.embedding.metric import choose_raw_share, fit_metric, metric_as_before
from tracker.errors import ConfigError
from tracker.records import Constraints

PEOPLE, FACES = 8, 9
NO_PAIRS = np.zeros((0, 2), np.int32)
KINDS = [(True, False), (True, True), (False, False), (False, True)]
all_kinds = pytest.mark.parametrize(("knows_faces", "compensate"), KINDS)


def people_apart(count, pairs=None):
    rows = list(itertools.combinations(range(count), 2))[:pairs]
    return Constraints(count, np.array(rows, np.int32).reshape(-1, 2))


def video(size=24, seed=0):
    """Features and tracklets of people who share most of their faces, and all nod, up or down."""
    rng = np.random.default_rng(seed)
    tracklet = np.repeat(np.arange(PEOPLE), FACES)
    features = np.eye(PEOPLE, size)[tracklet] + 0.05 * rng.normal(size=(len(tracklet), size))
    features[:, -1] += 10
    down = np.repeat(rng.permutation(PEOPLE) % 2, FACES) == 1
    features[:, -2] += 2 * np.tile(np.linspace(-1, 1, FACES), PEOPLE) * np.where(down, 1, -1)
    return features.astype(np.float32), tracklet, people_apart(PEOPLE)


def metric_of(
    features, tracklet, constraints, knows_faces=True, compensate=True, same=None, height=100.0
):
    heights = np.full(len(tracklet), height)
    rng = np.random.default_rng(3)
    return fit_metric(features, tracklet, heights, constraints, knows_faces, compensate, rng, same)


@all_kinds
def test_every_face_becomes_a_vector_of_unit_length(knows_faces, compensate):
    features, tracklet, constraints = video()
    metric = metric_of(features, tracklet, constraints, knows_faces, compensate)
    assert metric.knows_faces == knows_faces
    assert metric.vectors.shape == features.shape
    assert metric.vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(metric.vectors, axis=1), 1, rtol=1e-5)


@all_kinds
def test_the_preparations_in_turn_make_features_into_vectors(knows_faces, compensate):
    features, tracklet, constraints = video()
    metric = metric_of(features, tracklet, constraints, knows_faces, compensate)
    assert len(metric.preparations) == (not knows_faces) + compensate
    prepared = features.astype(np.float64)
    for step in metric.preparations:
        prepared = (prepared - step.mean) @ step.matrix
    expected = prepared / np.linalg.norm(prepared, axis=1, keepdims=True)
    np.testing.assert_allclose(metric.vectors, expected, atol=1e-4)


def test_features_that_know_faces_may_be_taken_as_they_are():
    features, tracklet, constraints = video()
    metric = metric_of(features, tracklet, constraints, compensate=False)
    expected = features / np.linalg.norm(features, axis=1, keepdims=True)
    np.testing.assert_allclose(metric.vectors, expected, rtol=1e-5, atol=1e-7)
    assert metric.preparations == ()


def test_features_that_know_no_faces_may_be_taken_as_they_are():
    features, tracklet, constraints = video()
    heights, rng = np.full(len(tracklet), 100.0), np.random.default_rng(3)
    metric = fit_metric(
        features, tracklet, heights, constraints, False, False, rng, standardise=False
    )
    expected = features / np.linalg.norm(features, axis=1, keepdims=True)
    np.testing.assert_allclose(metric.vectors, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("size", "faces", "expected"), [(200, 300, 128), (200, 30, 30), (9, 30, 9)]
)
def test_features_that_know_no_faces_are_reduced_to_their_strongest_directions(
    size, faces, expected
):
    features = np.random.default_rng(0).normal(size=(faces, size)).astype(np.float32)
    metric = metric_of(features, np.arange(faces) // 3, people_apart(faces // 3, 5), False)
    assert metric.vectors.shape == (faces, expected)


def test_the_scale_of_a_feature_that_knows_no_faces_says_nothing():
    features, tracklet, constraints = video()
    scaled = (features * np.geomspace(0.1, 10, features.shape[1])).astype(np.float32)
    one, other = (
        metric_of(values, tracklet, constraints, knows_faces=False).vectors
        for values in (features, scaled)
    )
    np.testing.assert_allclose(one @ one.T, other @ other.T, atol=1e-2)


@pytest.mark.parametrize("knows_faces", [True, False])
def test_the_compensation_is_that_of_tracklets_unless_more_is_known(knows_faces):
    features, tracklet, constraints = video()
    plain = metric_of(features, tracklet, constraints, knows_faces)
    told = metric_of(features, tracklet, constraints, knows_faces, same=tracklet)
    np.testing.assert_array_equal(plain.vectors, told.vectors)
    first = metric_of(features, tracklet, constraints, knows_faces, compensate=False)
    prepared = first.preparations[0].apply(features) if first.preparations else features
    expected = fit_compensation(prepared, tracklet, constraints, tracklet)
    np.testing.assert_array_equal(plain.preparations[-1].mean, expected.mean)
    np.testing.assert_array_equal(plain.preparations[-1].matrix, expected.matrix)


def test_faces_known_to_be_one_person_are_compensated_together():
    features, tracklet, _ = video()
    person = tracklet // 2
    seen = Constraints(PEOPLE, np.array([[0, 2], [4, 6]], np.int32))
    metric = metric_of(features, tracklet, seen, same=person)
    expected = fit_compensation(features, tracklet, seen, person)
    np.testing.assert_array_equal(metric.preparations[-1].matrix, expected.matrix)
    one_person = (person[:, None] == person[None]) & (tracklet[:, None] != tracklet[None])
    apart = metric_of(features, tracklet, seen).vectors
    together = metric.vectors
    assert (together @ together.T)[one_person].mean() > (apart @ apart.T)[one_person].mean() + 0.1


def test_compensated_features_tell_apart_people_whom_the_raw_ones_confuse():
    features, tracklet, constraints = video()
    raw = metric_of(features, tracklet, constraints, compensate=False)
    compensated = metric_of(features, tracklet, constraints)
    assert raw.evidence.auc < 0.8
    assert compensated.evidence.auc > 0.98
    apart = tracklet[:, None] != tracklet[None]
    assert (raw.vectors @ raw.vectors.T)[apart].min() > 0.8
    assert abs((compensated.vectors @ compensated.vectors.T)[apart].mean()) < 0.15


@all_kinds
def test_the_evidence_is_that_of_the_vectors(knows_faces, compensate):
    features, tracklet, constraints = video()
    metric = metric_of(features, tracklet, constraints, knows_faces, compensate, height=40.0)
    heights = np.full(len(tracklet), 40.0)
    assert metric.evidence == weigh_evidence(metric.vectors, tracklet, heights, constraints)
    assert metric.evidence.pairs == 28


@all_kinds
def test_the_centre_is_the_mean_of_the_vectors(knows_faces, compensate):
    metric = metric_of(*video(), knows_faces, compensate)
    assert metric.centre.dtype == np.float32
    np.testing.assert_allclose(metric.centre, metric.vectors.mean(axis=0), atol=1e-6)


@all_kinds
def test_a_video_prepared_as_itself_stays_as_it_is(knows_faces, compensate):
    features, *others = video()
    metric = metric_of(features, *others, knows_faces, compensate)
    again = metric_as_before(features, metric.preparations, metric.centre, metric)
    np.testing.assert_array_equal(again.vectors, metric.vectors)
    np.testing.assert_array_equal(again.centre, metric.centre)


@all_kinds
def test_another_video_is_prepared_as_the_earlier_one_was(knows_faces, compensate):
    earlier = metric_of(*video(seed=0), knows_faces, compensate)
    features, *others = video(seed=1)
    own = metric_of(features, *others, knows_faces, compensate)
    metric = metric_as_before(features, earlier.preparations, earlier.centre, own)
    prepared = features.astype(np.float64)
    for step in earlier.preparations:
        prepared = (prepared - step.mean) @ step.matrix
    expected = prepared / np.linalg.norm(prepared, axis=1, keepdims=True)
    np.testing.assert_allclose(metric.vectors, expected, atol=1e-4)
    assert metric.centre is earlier.centre
    assert metric.preparations == earlier.preparations


def test_features_of_another_kind_than_the_earlier_ones_are_refused():
    earlier = metric_of(*video(size=24))
    features, *others = video(size=30)
    own = metric_of(features, *others)
    with pytest.raises(ConfigError, match=r"embedding\.init: its features are 24 numbers .* 30;"):
        metric_as_before(features, earlier.preparations, earlier.centre, own)


@all_kinds
def test_the_evidence_stays_that_of_the_videos_own_metric(knows_faces, compensate):
    earlier = metric_of(*video(seed=0), knows_faces, compensate)
    features, *others = video(seed=1)
    own = metric_of(features, *others, knows_faces, compensate)
    metric = metric_as_before(features, earlier.preparations, earlier.centre, own)
    assert metric.evidence == own.evidence
    assert metric.knows_faces == knows_faces


@all_kinds
def test_small_faces_are_described_but_are_no_evidence(knows_faces, compensate):
    features, tracklet, constraints = video()
    metric = metric_of(features, tracklet, constraints, knows_faces, compensate, height=20.0)
    assert metric.evidence == Evidence(0.5, 0)
    assert metric.vectors.any()


@all_kinds
def test_features_on_disk_give_the_same(tmp_path, knows_faces, compensate):
    features, tracklet, constraints = video()
    np.save(tmp_path / "features.npy", features)
    on_disk = np.load(tmp_path / "features.npy", mmap_mode="r")
    one, other = (
        metric_of(values, tracklet, constraints, knows_faces, compensate)
        for values in (features, on_disk)
    )
    np.testing.assert_array_equal(one.vectors, other.vectors)


@all_kinds
def test_the_same_generator_gives_the_same_bytes(knows_faces, compensate):
    one, other = (metric_of(*video(), knows_faces, compensate) for _ in range(2))
    assert one.vectors.tobytes() == other.vectors.tobytes()
    assert one.evidence == other.evidence


@all_kinds
def test_the_features_and_the_random_numbers_of_torch_are_left_alone(knows_faces, compensate):
    features, tracklet, constraints = video()
    copy, before = features.copy(), torch.get_rng_state()
    metric_of(features, tracklet, constraints, knows_faces, compensate)
    np.testing.assert_array_equal(features, copy)
    assert torch.equal(torch.get_rng_state(), before)


@all_kinds
def test_no_faces_have_no_vectors_and_no_evidence(knows_faces, compensate):
    metric = metric_of(
        np.zeros((0, 24), np.float32),
        np.zeros(0, np.int64),
        Constraints(0, NO_PAIRS),
        knows_faces,
        compensate,
    )
    assert metric.vectors.shape == (0, 24)
    assert metric.centre.tolist() == [0] * 24
    assert metric.evidence == Evidence(0.5, 0)


@all_kinds
@pytest.mark.parametrize("faces", [1, 5])
def test_a_single_tracklet_stays_finite(knows_faces, compensate, faces):
    features = video()[0][:faces]
    metric = metric_of(
        features, np.zeros(faces, np.int64), Constraints(1, NO_PAIRS), knows_faces, compensate
    )
    assert len(metric.vectors) == faces
    assert np.isfinite(metric.vectors).all()


@all_kinds
def test_faces_that_are_all_one_stay_finite(knows_faces, compensate):
    tracklet = np.repeat(np.arange(PEOPLE), FACES)
    features = np.full((len(tracklet), 24), 7, np.float32)
    metric = metric_of(features, tracklet, people_apart(PEOPLE), knows_faces, compensate)
    assert np.isfinite(metric.vectors).all()
    assert metric.evidence.auc == 0.5


@pytest.mark.parametrize("auc", [0.85, 0.91, 0.97, 0.99])
def test_features_that_know_faces_keep_what_their_evidence_supports(auc):
    metric = replace(metric_of(*video()), evidence=Evidence(auc, MIN_PAIRS))
    assert choose_raw_share(metric, people_apart(PEOPLE)) == metric.evidence.trust


def test_features_that_know_faces_keep_all_without_evidence():
    features, tracklet, constraints = video()
    metric = metric_of(features, tracklet, constraints, height=20.0)
    assert choose_raw_share(metric, constraints) == 1


@pytest.mark.parametrize(
    ("pairs", "share"), [(0, 1), (MIN_PAIRS - 1, 1), (MIN_PAIRS, 0), (MIN_PAIRS + 1, 0)]
)
@pytest.mark.parametrize("auc", [0.5, 1.0])
def test_other_features_keep_nothing_as_soon_as_there_is_enough_to_learn_from(pairs, share, auc):
    metric = metric_of(*video(), knows_faces=False)
    metric = replace(metric, evidence=Evidence(auc, pairs))
    assert choose_raw_share(metric, people_apart(PEOPLE, pairs)) == share


def test_doubtful_pairs_are_nothing_to_learn_from():
    metric = metric_of(*video(), knows_faces=False)
    enough = people_apart(PEOPLE, MIN_PAIRS)
    doubtful = replace(enough, doubtful=np.array([3]))
    assert choose_raw_share(metric, enough) == 0
    assert choose_raw_share(metric, doubtful) == 1
