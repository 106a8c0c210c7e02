from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.clustering.merges import Merges, clusters_after
from tracker.clustering.merging import merge_matrix
from tracker.evaluation.partition import (
    BCubed,
    bcubed,
    clustering_accuracy,
    mutual_information,
    purity_curve,
    weighted_purity,
)
from tracker.records import Constraints

NOTHING = np.zeros(0, int)
# Two people and false detections; the second cluster has two of each person.
LABELS = np.array([1, 1, 2, 2, 2, 0, 0])
CLUSTERS = np.array([5, 5, 5, 8, 8, 8, 9])
MEASURES = [weighted_purity, mutual_information, bcubed, clustering_accuracy]


def some_faces(most_clusters=6):
    """Labels and clusters of one or more faces, any integers."""
    face = st.tuples(st.integers(-1, 4), st.integers(-1, most_clusters - 2))
    faces = st.lists(face, min_size=1, max_size=40)
    return faces.map(lambda pairs: tuple(np.array(column) for column in zip(*pairs, strict=True)))


def test_purity_computed_by_hand():
    assert weighted_purity(LABELS, CLUSTERS) == pytest.approx((2 + 2 + 1) / 7)


def purity_by_counting(labels, clusters) -> float:
    total = 0
    for cluster in set(clusters):
        members = [label for label, c in zip(labels, clusters, strict=True) if c == cluster]
        total += max(members.count(label) for label in members)
    return total / len(labels)


@given(some_faces())
def test_purity_is_what_counting_gives(faces):
    labels, clusters = faces
    measured = weighted_purity(labels, clusters)
    assert measured == pytest.approx(purity_by_counting(labels.tolist(), clusters.tolist()))


@given(some_faces())
def test_everyone_alone_is_pure(faces):
    labels, _ = faces
    assert weighted_purity(labels, np.arange(len(labels))) == 1


def test_mutual_information_computed_by_hand():
    # The cluster of one says who it is; that of three leaves 2 to 1. Entropies in bits.
    labels, clusters = np.array([1, 1, 2, 2]), np.array([1, 2, 2, 2])
    of_labels, of_clusters = 1, 2 - 0.75 * np.log2(3)
    left_open = 0.75 * (np.log2(3) - 2 / 3)
    expected = (of_labels - left_open) / ((of_labels + of_clusters) / 2)
    assert mutual_information(labels, clusters) == pytest.approx(expected)


def information_item_by_item(labels, clusters) -> float:
    both = [np.mean((labels == a) & (clusters == b)) for a, b in zip(labels, clusters, strict=True)]
    of_label = [np.mean(labels == a) for a in labels]
    of_cluster = [np.mean(clusters == b) for b in clusters]
    entropies = -np.mean(np.log(of_label)) - np.mean(np.log(of_cluster))
    shared = np.mean(np.log(both)) + entropies
    return shared / (entropies / 2) if entropies else 1.0


@given(some_faces())
def test_mutual_information_is_what_asking_every_item_gives(faces):
    assert mutual_information(*faces) == pytest.approx(information_item_by_item(*faces), abs=1e-9)


def test_bcubed_computed_by_hand():
    precision = ((2 + 2 + 1) / 3 + (2 + 2 + 1) / 3 + 1) / 7
    recall = ((2 + 2) / 2 + (1 + 2 + 2) / 3 + (1 + 1) / 2) / 7
    expected = BCubed(precision, recall, 2 * precision * recall / (precision + recall))
    assert bcubed(LABELS, CLUSTERS) == pytest.approx(expected)


def bcubed_item_by_item(labels, clusters):
    precision, recall = [], []
    for label, cluster in zip(labels, clusters, strict=True):
        both = np.count_nonzero((labels == label) & (clusters == cluster))
        precision.append(both / np.count_nonzero(clusters == cluster))
        recall.append(both / np.count_nonzero(labels == label))
    return np.mean(precision), np.mean(recall)


@given(some_faces())
def test_bcubed_is_what_asking_every_item_gives(faces):
    measured = bcubed(*faces)
    precision, recall = bcubed_item_by_item(*faces)
    assert measured[:2] == pytest.approx((precision, recall))
    assert measured.f1 == pytest.approx(2 / (1 / precision + 1 / recall))


def test_accuracy_computed_by_hand():
    # 5 is person 1, 8 is person 2, 9 the false detections.
    assert clustering_accuracy(LABELS, CLUSTERS) == pytest.approx((2 + 2 + 1) / 7)


def test_two_clusters_never_have_one_name():
    assert clustering_accuracy(np.array([1, 1, 1, 1]), np.array([1, 1, 1, 2])) == 0.75


def accuracy_by_trying_all(labels, clusters) -> float:
    """The best naming of the clusters by the classes, with a name nobody has for each."""
    numbers = sorted(set(clusters))
    names = [*sorted(set(labels)), *([None] * len(numbers))]
    namings = (
        dict(zip(numbers, naming, strict=True)) for naming in permutations(names, len(numbers))
    )
    right = max(
        sum(naming[c] == label for label, c in zip(labels, clusters, strict=True))
        for naming in namings
    )
    return right / len(labels)


@given(some_faces(most_clusters=4))
@settings(deadline=None, max_examples=40)
def test_accuracy_is_that_of_the_best_naming(faces):
    labels, clusters = faces
    expected = accuracy_by_trying_all(labels.tolist(), clusters.tolist())
    assert clustering_accuracy(labels, clusters) == pytest.approx(expected)


@pytest.mark.parametrize("measure", MEASURES)
@given(faces=some_faces(), offset=st.integers(-900, 900))
@settings(deadline=None)
def test_other_numbers_for_classes_and_clusters_change_nothing(measure, faces, offset):
    labels, clusters = faces
    renamed = measure(offset - 7 * labels, 10**9 + 3 * clusters)
    assert renamed == pytest.approx(measure(labels, clusters))


@pytest.mark.parametrize("measure", MEASURES)
@given(faces=some_faces())
@settings(deadline=None)
def test_the_classes_themselves_are_the_best_clusters(measure, faces):
    labels, _ = faces
    assert measure(labels, labels) == pytest.approx((1, 1, 1) if measure is bcubed else 1)


@pytest.mark.parametrize("measure", MEASURES)
def test_nothing_measures_zero(measure):
    assert measure(NOTHING, NOTHING) == ((0, 0, 0) if measure is bcubed else 0)


@st.composite
def hierarchies(draw):
    """Merges of up to 8 tracklets, and how many faces of up to 4 classes each has."""
    count = draw(st.integers(1, 8))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    points = random.normal(size=(count, 3))
    distances = ((points[:, None] - points) ** 2).sum(axis=2)
    apart = np.argwhere(np.triu(random.random((count, count)) < draw(st.sampled_from([0, 0.3])), 1))
    constraints = Constraints(count, apart.astype(np.int32))
    merges = merge_matrix(distances, np.ones(count, int), constraints, float("inf"))
    return merges, random.integers(0, 5, (count, draw(st.integers(1, 4))))


def purity_after(merges, made, class_counts) -> float:
    cluster = clusters_after(merges, made, len(class_counts))
    tracklet, label = np.nonzero(class_counts)
    times = class_counts[tracklet, label]
    return weighted_purity(np.repeat(label, times), np.repeat(cluster[tracklet], times))


@given(hierarchies())
@settings(deadline=None)
def test_the_curve_is_the_purity_at_every_number_of_clusters(hierarchy):
    merges, class_counts = hierarchy
    count = len(class_counts)
    expected = np.full(count, np.nan)
    for made in range(len(merges.pairs) + 1):
        expected[count - made - 1] = purity_after(merges, made, class_counts)
    np.testing.assert_allclose(purity_curve(merges, class_counts), expected)


def merges_of(*pairs):
    return Merges(np.array(pairs, np.int32).reshape(-1, 2), np.arange(len(pairs), dtype=float))


def test_the_curve_computed_by_hand_ends_where_the_hierarchy_does():
    class_counts = np.array([[3, 0], [2, 1], [0, 4]])
    curve = purity_curve(merges_of((0, 1)), class_counts)
    np.testing.assert_allclose(curve, [np.nan, 0.9, 0.9])


def test_a_pair_may_name_any_tracklets_of_the_two_clusters():
    class_counts = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])
    by_others = purity_curve(merges_of((0, 1), (2, 3), (1, 3)), class_counts)
    np.testing.assert_allclose(by_others, [0.5, 1, 1, 1])


def test_the_curve_of_no_tracklets_is_empty():
    assert purity_curve(merges_of(), np.zeros((0, 3), int)).shape == (0,)


def test_the_curve_of_tracklets_without_faces_is_zero():
    assert purity_curve(merges_of((0, 1)), np.zeros((2, 3), int)).tolist() == [0, 0]
