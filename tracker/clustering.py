"""Tracklets → people across shots, under cannot-link constraints; and how many people there are.

Average linkage (UPGMA; Sokal and Michener, 1958) on the distance of the tracklets' mean
directions. In Zhang et al., ECCV 2016, two tracklets that cannot be one person are
infinitely far apart, and so for ever is every cluster that holds one from every cluster that
holds the other: one stray tracklet then splits a person for good. Here they are very far
apart, so that a stray weighs little against hundreds of faces that agree; and whoever is left
in a cluster with somebody they cannot be is put out of it at the end. No cannot-link is ever
violated in the result.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

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
        heights: (M,) float64; mean distance at which they joined; never decreasing.
    """

    pairs: NDArray[np.int32]
    heights: NDArray[np.float64]


def tracklet_distances(
    vectors: FloatArray, tracklet: NDArray[np.integer], tracklet_count: int
) -> NDArray[np.float64]:
    """Squared Euclidean distance (T, T), 0 to 4, between the mean directions of tracklets.

    The mean of a tracklet's faces is brought to length 1: a face that turns while it is
    followed has a short mean, and would be far from everybody, its other tracklets included.

    Args:
        vectors: (S, D), one a face; only their directions count.
        tracklet: (S,) in [0, T): each has at least one face.
    """
    means = mean_directions(vectors, tracklet, tracklet_count)
    return np.asarray(np.clip(2.0 - 2.0 * means @ means.T, 0.0, 4.0), np.float64)


def mean_directions(
    vectors: FloatArray, group: NDArray[np.integer], count: int
) -> NDArray[np.float64]:
    """The mean direction (count, D), of length 1, of the faces of each group; 0 where none are.

    Args:
        vectors: (S, D), one a face; only their directions count.
        group: (S,) in [0, count).
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    sums = np.zeros((count, vectors.shape[1]))
    np.add.at(sums, group, vectors / np.maximum(lengths, 1e-9))
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9))


def mixed_distances(
    learned: FloatArray,
    raw: FloatArray,
    raw_share: float,
    tracklet: NDArray[np.integer],
    tracklet_count: int,
) -> NDArray[np.float64]:
    """Distances (T, T) that are `raw_share` those of `raw`, the rest those of `learned`.

    Args:
        learned: (S, 64), one a face.
        raw: (S, D), likewise.
        tracklet: (S,) in [0, T): each has at least one face.
    """
    distances = np.zeros((tracklet_count, tracklet_count))
    if raw_share < 1:
        distances += (1 - raw_share) * tracklet_distances(learned, tracklet, tracklet_count)
    if raw_share > 0:
        distances += raw_share * tracklet_distances(raw, tracklet, tracklet_count)
    return distances


def with_links(distances: FloatArray, links: NDArray[np.integer]) -> FloatArray:
    """`distances` (T, T), 0 between the tracklets of each of `links` (L, 2): they are one face."""
    linked = distances.copy()
    a, b = links.T
    linked[a, b] = linked[b, a] = 0.0
    return linked


def merge_tracklets(
    distances: FloatArray,
    face_counts: NDArray[np.integer],
    constraints: Constraints,
    cannot_link_distance: float,
) -> Merges:
    """Merge the closest two clusters again and again, until one is left.

    Args:
        distances: (T, T), symmetric.
        face_counts: (T,) faces of each tracklet: its weight in a mean.
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


def max_distance(raw_share: float, knows_faces: bool, config: ClusteringConfig) -> float:
    """The distance, mixed as in `mixed_distances`, from which on two clusters are two people.

    Strangers are about 2 apart in either metric: at right angles. A learned one holds them
    there, since it was told to, and features trained on other people's faces less firmly; those
    that know no faces put all that is not the same picture nearly as far apart.

    Args:
        knows_faces: whether the features that keep `raw_share` were trained on faces.
    """
    raw = config.max_raw_distance if knows_faces else config.max_hog_distance
    return (1 - raw_share) * config.max_learned_distance + raw_share * raw


def merges_within(merges: Merges, max_distance: float) -> int:
    """How many of `merges` are made at `max_distance` or less."""
    return int(np.searchsorted(merges.heights, max_distance, side="right"))


def choose_cut(
    merges: Merges,
    detection_counts: NDArray[np.integer],
    sure_counts: NDArray[np.integer],
    max_distance: float,
    config: ClusteringConfig,
) -> int:
    """How many of `merges` to make.

    Those up to `max_distance`; or, where `config.people` says how many people there
    are, the number that leaves so many for the longest range of distances.

    Args:
        detection_counts: (T,) detections of each tracklet.
        sure_counts: (T,) those of them with a sure score.
    """
    if config.people is None:
        return merges_within(merges, max_distance)
    return _merges_for(config.people, merges, detection_counts, sure_counts, config)


def name_people(
    cluster: NDArray[np.int32],
    detection_counts: NDArray[np.integer],
    sure_counts: NDArray[np.integer],
    config: ClusteringConfig,
) -> NDArray[np.int32]:
    """The person (T,) of every tracklet, from 1, most seen first; -1 for those of nobody.

    Clusters of too few detections are nobody: mostly false detections and stray faces. So are
    those that are hardly ever surely a face, wherever they were found, and those beyond
    `config.people`, where that is given.

    Args:
        cluster: (T,) of each tracklet, from 0.
        detection_counts: (T,) detections of each tracklet.
        sure_counts: (T,) those of them with a sure score.
    """
    seen = np.bincount(cluster, detection_counts)
    sure = np.bincount(cluster, sure_counts)
    kept = np.flatnonzero(_are_people(seen, sure, detection_counts, config))
    order = kept[np.argsort(-seen[kept], kind="stable")][: config.people]
    person = np.full(len(seen), NOBODY, np.int32)
    person[order] = np.arange(1, len(order) + 1)
    return np.asarray(person[cluster], np.int32)


def maybe_the_same(
    person: NDArray[np.int32],
    distances: FloatArray,
    face_counts: NDArray[np.integer],
    constraints: Constraints,
    most: float,
) -> list[tuple[int, int, float]]:
    """Pairs of people, a < b, who may be one, and their distance; nearest first.

    Args:
        person: (T,) of each tracklet; -1 for those of nobody.
        most: the distance from which on they surely are not; nor are any two seen together.
    """
    apart = constraints.matrix()
    weights = face_counts.astype(np.float64)
    found = []
    numbers = np.unique(person[person != NOBODY]).tolist()
    for a, b in itertools.combinations(numbers, 2):
        in_a, in_b = person == a, person == b
        if not apart[np.ix_(in_a, in_b)].any():
            pairs = np.outer(weights[in_a], weights[in_b])
            gap = float((distances[np.ix_(in_a, in_b)] * pairs).sum() / pairs.sum())
            if gap <= most:
                found.append((a, b, gap))
    return sorted(found, key=lambda pair: pair[2])


def _are_people(
    seen: NDArray[Any],
    sure: NDArray[Any],
    detection_counts: NDArray[np.integer],
    config: ClusteringConfig,
) -> NDArray[np.bool_]:
    """Which clusters (C,) of `seen` detections, `sure` of them surely faces, are somebody."""
    enough = seen >= least_detections(detection_counts, config)
    return np.asarray(enough & (sure >= config.min_sure_share * seen), np.bool_)


def least_detections(detection_counts: NDArray[np.integer], config: ClusteringConfig) -> float:
    """Detections below which a cluster is nobody."""
    share = config.min_share * float(detection_counts.sum())
    return max(config.min_detections, min(share, config.enough_detections))


def _merges_for(
    wanted: int,
    merges: Merges,
    detection_counts: NDArray[np.integer],
    sure_counts: NDArray[np.integer],
    config: ClusteringConfig,
) -> int:
    """The number of merges that leaves `wanted` clusters that are somebody.

    Among several, the one that holds for the longest range of distances; if none does, the
    nearest above in number, then the nearest below.
    """
    seen, sure = detection_counts.astype(np.float64), sure_counts.astype(np.float64)
    found = [int(_are_people(seen, sure, detection_counts, config).sum())]
    for a, b in merges.pairs:
        for counts in (seen, sure):
            counts[a], counts[b] = counts[a] + counts[b], 0.0
        found.append(int(_are_people(seen, sure, detection_counts, config).sum()))
    # The range of distances over which each number of merges is the cut.
    edges = np.concatenate([[0.0], merges.heights, merges.heights[-1:] * 1.05])
    lasting = np.diff(np.maximum.accumulate(edges)) if len(merges.heights) else np.zeros(1)
    miss = np.array([abs(n - wanted) - (0.5 if n > wanted else 0.0) for n in found])
    miss[np.array(found) == wanted] = 0.0
    best = np.flatnonzero(miss == miss.min())
    return int(best[np.argmax(lasting[best])])
