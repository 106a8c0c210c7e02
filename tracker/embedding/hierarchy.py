"""The tree of look-alike classes: the margins and the neighbours that it gives to triplets.

A class is a tracklet, or whatever else surely is one person. Embeddings are of length 1, so that
squared distances are 0 to 4.
Source: Ge et al., Deep Metric Learning with Hierarchical Triplet Loss, ECCV 2018.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import average, cophenet
from scipy.spatial.distance import squareform

from tracker.embedding.compensation import tracklet_means

LEVELS = 16
LEAST_MARGIN = 0.1
_FARTHEST = 4.0  # squared distance of two opposite points of the unit sphere


def class_distances(
    embeddings: NDArray[np.float32], tracklet: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Mean squared distance (T, T) of the faces of one class to those of another.

    On the diagonal, to the other faces of the same class: 0 where it has but one.

    Args:
        embeddings: (S, D), one a face.
        tracklet: (S,) class of each, in [0, T); each has at least one face.
    """
    faces = embeddings.astype(np.float64)
    counts = np.bincount(tracklet)
    means = tracklet_means(faces, tracklet, len(counts))
    squares = np.bincount(tracklet, np.square(faces).sum(axis=1)) / counts
    # mean ||x - y||^2 = mean ||x||^2 + mean ||y||^2 - 2 (mean x) (mean y)
    distances = squares[:, None] + squares - 2 * means @ means.T
    # The diagonal so far counts each face's distance of 0 to itself.
    np.fill_diagonal(distances, distances.diagonal() * counts / np.maximum(counts - 1, 1))
    return np.asarray(np.maximum(distances, 0.0), np.float64)


def class_margins(
    embeddings: NDArray[np.float32], tracklet: NDArray[np.integer]
) -> NDArray[np.float32]:
    """The margin (T, T) of triplets with an anchor of one class and a negative of another.

    alpha[a, n] = 0.1 + d_H(a, n) - s(a): s(a) is the mean squared distance within class a, and
    d_H(a, n) the threshold d_l of the first level at which a and n are in one group of the
    average-linkage tree. d_l = l (4 - d_0) / 16 + d_0, for l from 0 to 16, where d_0 is the mean
    of s; groups less than d_l apart are joined at level l, and those never joined count as
    joined at the last. The diagonal is of no use: a class is no negative of itself.

    Args:
        embeddings: (S, D) of length 1, one a face.
        tracklet: (S,) class of each, in [0, T); each has at least one face.
    """
    distances = class_distances(embeddings, tracklet)
    within = distances.diagonal()
    lowest = float(within.mean()) if len(within) else 0.0
    thresholds = np.linspace(lowest, _FARTHEST, LEVELS + 1)
    level = np.searchsorted(thresholds, _joining_distances(distances), side="right")
    joined = thresholds[np.minimum(level, LEVELS)]
    return np.asarray(LEAST_MARGIN + joined - within[:, None], np.float32)


def nearest_apart(
    distances: NDArray[np.floating],
    apart: NDArray[np.bool_],
    anchors: NDArray[np.integer],
    count: int,
) -> NDArray[np.int64]:
    """The `count` nearest classes (n, count) that `anchors` (n,) surely are apart from.

    Nearest first, ties by number; -1 beyond the last, where there are fewer.

    Args:
        distances: (T, T), as of `class_distances`.
        apart: (n, T), true for the classes that each anchor surely is apart from.
    """
    gaps = np.where(apart, distances[anchors], np.inf)
    order = np.argsort(gaps, axis=1, kind="stable")[:, :count]
    known = np.isfinite(np.take_along_axis(gaps, order, axis=1))
    nearest = np.full((len(anchors), count), -1, np.int64)
    nearest[:, : order.shape[1]] = np.where(known, order, -1)
    return nearest


def _joining_distances(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance (T, T) at which each two classes join in the average-linkage tree."""
    if len(distances) < 2:
        return np.zeros_like(distances)
    tree = average(squareform(distances, checks=False))
    return np.asarray(squareform(cophenet(tree)), np.float64)
