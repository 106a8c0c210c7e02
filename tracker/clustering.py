"""Tracklets → people across shots, under cannot-link constraints; and how many people there are.

Average linkage (UPGMA; Sokal and Michener, 1958) on the mean squared distance over all
pairs of faces. In Zhang et al., ECCV 2016, two tracklets that cannot be one person are
infinitely far apart, and so for ever is every cluster that holds one from every cluster that
holds the other: one stray tracklet then splits a person for good. Here they are very far
apart, so that a stray weighs little against hundreds of faces that agree; and whoever is left
in a cluster with somebody they cannot be is put out of it at the end. No cannot-link is ever
violated in the result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.config import ClusteringConfig
from tracker.records import NOBODY, Constraints

FloatArray = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Merges:
    """The order in which tracklets become people: M merges, M < T.

    Attributes:
        pairs: (M, 2) int32; the cluster of the second tracklet joins that of the first.
        heights: (M,) float64; mean squared distance at which they joined; never decreasing.
    """

    pairs: NDArray[np.int32]
    heights: NDArray[np.float64]


def mean_squared_distances(
    embeddings: FloatArray, tracklet: NDArray[np.integer], tracklet_count: int
) -> NDArray[np.float64]:
    """Mean squared Euclidean distance (T, T) over all face pairs of every two tracklets.

    By the identity E|x - y|² = E|x|² + E|y|² - 2 E[x]·E[y], so that no pair is ever formed.

    Args:
        embeddings: (S, D), one a face.
        tracklet: (S,) in [0, T): each has at least one face.
    """
    counts = np.bincount(tracklet, minlength=tracklet_count)
    sums = np.zeros((tracklet_count, embeddings.shape[1]))
    np.add.at(sums, tracklet, embeddings)
    means = sums / counts[:, None]
    squares = np.bincount(tracklet, np.square(embeddings).sum(axis=1), tracklet_count) / counts
    return np.maximum(squares[:, None] + squares[None, :] - 2 * means @ means.T, 0.0)


def mixed_distances(
    learned: FloatArray,
    raw: FloatArray,
    raw_share: float,
    tracklet: NDArray[np.integer],
    tracklet_count: int,
) -> NDArray[np.float64]:
    """Mean squared distances (T, T) that are `raw_share` those of `raw`, the rest `learned`.

    Args:
        learned: (S, 64), one a face.
        raw: (S, D), likewise.
        tracklet: (S,) in [0, T): each has at least one face.
    """
    distances = (1 - raw_share) * mean_squared_distances(learned, tracklet, tracklet_count)
    if raw_share > 0:
        distances += raw_share * mean_squared_distances(raw, tracklet, tracklet_count)
    return distances


def merge_tracklets(
    distances: FloatArray,
    face_counts: NDArray[np.integer],
    constraints: Constraints,
    cannot_link_distance: float,
) -> Merges:
    """Merge the closest two clusters again and again, until one is left.

    Args:
        distances: (T, T), symmetric: mean squared distance over the face pairs of two tracklets.
        face_counts: (T,) faces that each tracklet's distances are the mean of.
        cannot_link_distance: what is added to the distance of a cannot-link pair; infinity
            forbids every merge that would violate one, and ends when no other is left.

    O(T²) memory and, but for rare rescans of a row, O(T²) time.
    """
    gap = distances.astype(np.float64)
    gap[constraints.matrix()] += cannot_link_distance
    np.fill_diagonal(gap, np.inf)
    weights = face_counts.astype(np.float64)
    nearest = gap.argmin(axis=1) if len(gap) else np.zeros(0, np.intp)
    pairs, heights = [], []
    while len(gap):
        a = int(np.argmin(gap[np.arange(len(gap)), nearest]))
        b = int(nearest[a])
        if not np.isfinite(gap[a, b]):
            break
        a, b = min(a, b), max(a, b)
        pairs.append((a, b))
        heights.append(gap[a, b])
        _join(gap, weights, nearest, a, b)
    return Merges(np.array(pairs, np.int32).reshape(-1, 2), np.array(heights, np.float64))


def _join(
    gap: NDArray[np.float64],
    weights: NDArray[np.float64],
    nearest: NDArray[np.intp],
    a: int,
    b: int,
) -> None:
    """Let cluster `b` join `a` in place; `b` stays as a row that is far from everything."""
    joined = (weights[a] * gap[a] + weights[b] * gap[b]) / (weights[a] + weights[b])
    joined[[a, b]] = np.inf
    weights[a] += weights[b]
    gap[a], gap[:, a] = joined, joined
    gap[b], gap[:, b] = np.inf, np.inf
    # A mean is never below both its parts, so other rows' nearest change only if it was a or b.
    stale = np.flatnonzero((nearest == a) | (nearest == b))
    nearest[stale] = gap[stale].argmin(axis=1)
    nearest[a] = gap[a].argmin()


def clusters_after(merges: Merges, count: int, tracklet_count: int) -> NDArray[np.int32]:
    """The cluster (T,) of every tracklet after the first `count` merges, numbered from 0."""
    cluster = np.arange(tracklet_count)
    for a, b in merges.pairs[:count]:
        cluster[cluster == cluster[b]] = cluster[a]
    return np.unique(cluster, return_inverse=True)[1].astype(np.int32)


def separate_conflicts(
    cluster: NDArray[np.int32],
    distances: FloatArray,
    face_counts: NDArray[np.integer],
    constraints: Constraints,
    max_distance: float,
) -> NDArray[np.int32]:
    """`cluster` (T,) without a cannot-link pair in any cluster, numbered from 0.

    Of all tracklets in conflict, the one that fits its cluster worst moves to the nearest
    cluster within `max_distance` that it may join, else to one of its own; and so on.
    """
    cluster = cluster.copy()
    apart = constraints.matrix()
    a, b = constraints.cannot_link.T
    while len(conflicts := np.flatnonzero(cluster[a] == cluster[b])):
        involved = np.unique(constraints.cannot_link[conflicts])
        fits = [
            _distance_to((cluster == cluster[one]) & ~apart[one], one, distances, face_counts)
            for one in involved
        ]
        worst = int(involved[np.argmax(fits)])
        nearest, nearest_gap = int(cluster.max()) + 1, max_distance
        for other in np.unique(cluster):
            members = cluster == other
            if other != cluster[worst] and not apart[worst, members].any():
                gap = _distance_to(members, worst, distances, face_counts)
                if gap < nearest_gap:
                    nearest, nearest_gap = int(other), gap
        cluster[worst] = nearest
    return np.unique(cluster, return_inverse=True)[1].astype(np.int32)


def _distance_to(
    members: NDArray[np.bool_],
    one: int,
    distances: FloatArray,
    face_counts: NDArray[np.integer],
) -> float:
    """Mean distance of tracklet `one` to the faces of the others in `members` (T,)."""
    weights = np.where(members, face_counts, 0).astype(np.float64)
    weights[one] = 0.0
    total = weights.sum()
    return float(distances[one] @ weights / total) if total else float("inf")


def max_distance(raw_share: float, config: ClusteringConfig) -> float:
    """The distance, mixed as in `mixed_distances`, from which on two clusters are two people.

    A learned metric puts strangers about 2 apart, since it was told to, and features trained
    on other people's faces somewhat less: each has its own bound.
    """
    return (1 - raw_share) * config.max_learned_distance + raw_share * config.max_raw_distance


def choose_cut(
    merges: Merges,
    detection_counts: NDArray[np.integer],
    max_distance: float,
    config: ClusteringConfig,
) -> int:
    """How many of `merges` to make.

    Those up to `max_distance`; or, where `config.people` says how many people there
    are, the number that leaves so many for the longest range of distances.

    Args:
        detection_counts: (T,) detections of each tracklet.
    """
    if config.people is None:
        return int(np.searchsorted(merges.heights, max_distance, side="right"))
    return _merges_for(config.people, merges, detection_counts, config)


def name_people(
    cluster: NDArray[np.int32], detection_counts: NDArray[np.integer], config: ClusteringConfig
) -> NDArray[np.int32]:
    """The person (T,) of every tracklet, from 1, most seen first; -1 for those of nobody.

    Clusters of too few detections are nobody: mostly false detections and stray faces. So
    are those beyond `config.people`, where that is given.

    Args:
        cluster: (T,) of each tracklet, from 0.
        detection_counts: (T,) detections of each tracklet.
    """
    seen = np.bincount(cluster, detection_counts)
    kept = np.flatnonzero(seen >= least_detections(detection_counts, config))
    order = kept[np.argsort(-seen[kept], kind="stable")][: config.people]
    person = np.full(len(seen), NOBODY, np.int32)
    person[order] = np.arange(1, len(order) + 1)
    return np.asarray(person[cluster], np.int32)


def least_detections(detection_counts: NDArray[np.integer], config: ClusteringConfig) -> float:
    """Detections below which a cluster is nobody."""
    share = config.min_share * float(detection_counts.sum())
    return max(config.min_detections, min(share, config.enough_detections))


def _merges_for(
    wanted: int, merges: Merges, detection_counts: NDArray[np.integer], config: ClusteringConfig
) -> int:
    """The number of merges that leaves `wanted` clusters of enough detections.

    Among several, the one that holds for the longest range of distances; if none does, the
    nearest above in number, then the nearest below.
    """
    least = least_detections(detection_counts, config)
    seen = detection_counts.astype(np.float64)
    found = [int((seen >= least).sum())]
    for a, b in merges.pairs:
        seen[a], seen[b] = seen[a] + seen[b], 0.0
        found.append(int((seen >= least).sum()))
    # The range of distances over which each number of merges is the cut.
    edges = np.concatenate([[0.0], merges.heights, merges.heights[-1:] * 1.05])
    lasting = np.diff(np.maximum.accumulate(edges)) if len(merges.heights) else np.zeros(1)
    miss = np.array([abs(n - wanted) - (0.5 if n > wanted else 0.0) for n in found])
    miss[np.array(found) == wanted] = 0.0
    best = np.flatnonzero(miss == miss.min())
    return int(best[np.argmax(lasting[best])])
