"""How well clusters agree with classes: purity, mutual information, B-cubed, accuracy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import normalized_mutual_info_score

from tracker.clustering.merges import Merges


class BCubed(NamedTuple):
    """How well each item's cluster fits its class, on average over the items.

    Attributes:
        precision: share of an item's cluster that is of its class.
        recall: share of an item's class that is in its cluster.
        f1: harmonic mean of the two averages.
    """

    precision: float
    recall: float
    f1: float


class _Contingency(NamedTuple):
    """Which clusters and classes have items in common, and how many: E cells.

    Attributes:
        cluster: (E,) from 0, in the order of the clusters' numbers.
        label: (E,) from 0, in the order of the labels.
        items: (E,) how many are of both, 1 or more.
    """

    cluster: NDArray[np.int64]
    label: NDArray[np.int64]
    items: NDArray[np.int64]


def weighted_purity(labels: NDArray[Any], clusters: NDArray[Any]) -> float:
    """The share of faces that lie in a cluster in which most are who they are.

    Sum over clusters of n_c * p_c / N, p_c the share of a cluster's largest class. False
    detections are a class like any other, so that they cost purity wherever they are mixed with
    a person. Source: Zhang et al., ECCV 2016. No faces give 0.

    Args:
        labels: (N,) who each face really is.
        clusters: (N,) the cluster that each face was put into.
    """
    if not len(labels):
        return 0.0
    cells = _contingency(labels, clusters)
    largest = np.zeros(cells.cluster.max() + 1, np.int64)
    np.maximum.at(largest, cells.cluster, cells.items)
    return float(largest.sum() / len(labels))


def mutual_information(labels: NDArray[Any], clusters: NDArray[Any]) -> float:
    """What classes and clusters tell about each other, normalised: 1 where they are the same.

    The mutual information over the arithmetic mean of the two entropies (NMI), as scikit-learn
    has it: one class in one cluster gives 1. Nothing gives 0.

    Args:
        labels: (N,) the class of each item, any integers.
        clusters: (N,) its cluster, any integers.
    """
    if not len(labels):
        return 0.0
    return float(normalized_mutual_info_score(labels, clusters))


def bcubed(labels: NDArray[Any], clusters: NDArray[Any]) -> BCubed:
    """B-cubed precision and recall; nothing gives 0.

    Sources: Bagga and Baldwin, LREC workshops 1998; Amigo et al., Information Retrieval 2009.

    Args:
        labels: (N,) the class of each item, any integers.
        clusters: (N,) its cluster, any integers.
    """
    if not len(labels):
        return BCubed(0.0, 0.0, 0.0)
    cells = _contingency(labels, clusters)
    squares = cells.items.astype(np.float64) ** 2  # each of n items has n of its kind about it
    in_cluster = np.bincount(cells.cluster, cells.items)[cells.cluster]
    in_class = np.bincount(cells.label, cells.items)[cells.label]
    precision = float((squares / in_cluster).sum() / len(labels))
    recall = float((squares / in_class).sum() / len(labels))
    return BCubed(precision, recall, 2 * precision * recall / (precision + recall))


def clustering_accuracy(labels: NDArray[Any], clusters: NDArray[Any]) -> float:
    """The share of items that are right under the best one-to-one naming of clusters by classes.

    A cluster beyond the number of classes has no name, and nothing in it is right. Nothing
    gives 0. Takes the memory of clusters x classes.

    Args:
        labels: (N,) the class of each item, any integers.
        clusters: (N,) its cluster, any integers.
    """
    if not len(labels):
        return 0.0
    cells = _contingency(labels, clusters)
    together = np.zeros((cells.cluster.max() + 1, cells.label.max() + 1))
    together[cells.cluster, cells.label] = cells.items
    named = linear_sum_assignment(together, maximize=True)
    return float(together[named].sum() / len(labels))


def purity_curve(merges: Merges, class_counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Weighted purity at every number of clusters that a hierarchy of tracklets passes through.

    Args:
        merges: of T tracklets.
        class_counts: (T, C) faces of each class in each tracklet; no faces at all have purity 0.

    Returns:
        (T,) purity of K = 1 to T clusters, at index K - 1; NaN for fewer clusters than the
        hierarchy ends at, as where merges are forbidden.
    """
    counts = class_counts.astype(np.int64)
    total = max(int(counts.sum()), 1)
    curve = np.full(len(counts), np.nan)
    holder = np.arange(len(counts))  # the row of `counts` that holds a tracklet's, or leads to it
    right = int(counts.max(axis=1, initial=0).sum())
    curve[len(counts) - 1 :] = right / total
    for made, (first, second) in enumerate(merges.pairs.tolist(), start=1):
        a, b = _last_holder(holder, first), _last_holder(holder, second)
        right -= int(counts[a].max(initial=0) + counts[b].max(initial=0))
        counts[a] += counts[b]
        holder[b] = a
        right += int(counts[a].max(initial=0))
        curve[len(counts) - 1 - made] = right / total
    return curve


def _last_holder(holder: NDArray[np.intp], tracklet: int) -> int:
    while holder[tracklet] != tracklet:
        tracklet = int(holder[tracklet])
    return tracklet


def _contingency(labels: NDArray[Any], clusters: NDArray[Any]) -> _Contingency:
    names, label = np.unique(labels, return_inverse=True)
    cluster = np.unique(clusters, return_inverse=True)[1]
    cells, items = np.unique(cluster * len(names) + label, return_counts=True)
    return _Contingency(cells // len(names), cells % len(names), items)
