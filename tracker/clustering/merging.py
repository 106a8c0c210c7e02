"""Tracklets → their merges: by one matrix of distances, or without one where it were too large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.clustering.chains import merge_by_chains
from tracker.clustering.clusters import NEVER, UNREACHABLE, clusters_of_one
from tracker.clustering.distances import FloatArray, TrackletDistances
from tracker.clustering.merges import Merges, merges_in_order
from tracker.clustering.rounds import merge_in_rounds
from tracker.records import Constraints

MATRIX_CLUSTERS = 30_000  # whose distances are one matrix: 3.6 GB in float32


def merge_tracklets(
    distances: TrackletDistances,
    face_counts: NDArray[np.integer],
    constraints: Constraints,
    cannot_link_distance: float,
    matrix_clusters: int = MATRIX_CLUSTERS,
) -> Merges:
    """Merge the closest two clusters again and again, until one is left.

    Args:
        face_counts: (T,) faces of each tracklet: its weight in a mean.
        cannot_link_distance: what is added to the distance of a cannot-link pair; infinity
            forbids every merge that would violate one, and ends when no other is left.
        matrix_clusters: at most so many have all their distances in memory; more are first
            merged by rounds of each other's nearest, which is slower.

    O(T²) time and, up to `matrix_clusters`, T² numbers of memory in the precision of
    `distances`; beyond that, no more than then. The merges are the same, but for distances that
    rounding leaves equal.
    """
    if len(distances) <= matrix_clusters:
        return _merge_here(distances.matrix(), face_counts, constraints, cannot_link_distance)
    alone = clusters_of_one(distances, face_counts, constraints, cannot_link_distance)
    clusters, pairs, heights = merge_in_rounds(alone, matrix_clusters)
    if len(clusters) <= matrix_clusters:
        more, at = merge_by_chains(clusters.matrix(), clusters.weights)
        pairs = np.concatenate([pairs, clusters.first[more]])
        heights = np.concatenate([heights, at])
    return _allowed(merges_in_order(pairs, heights))


def merge_matrix(
    distances: FloatArray,
    face_counts: NDArray[np.integer],
    constraints: Constraints,
    cannot_link_distance: float,
) -> Merges:
    """`merge_tracklets` by any `distances` (T, T), finite and symmetric; in their precision."""
    gaps = distances.astype(np.result_type(distances, np.float32))
    return _merge_here(gaps, face_counts, constraints, cannot_link_distance)


def _merge_here(
    gaps: FloatArray,
    face_counts: NDArray[np.integer],
    constraints: Constraints,
    cannot_link_distance: float,
) -> Merges:
    """`merge_matrix`, in the memory of `gaps`."""
    a, b = constraints.cannot_link.T
    for one, other in ((a, b), (b, a)):
        gaps[one, other] += min(cannot_link_distance, NEVER)
    pairs, heights = merge_by_chains(gaps, face_counts.astype(np.float64))
    return _allowed(merges_in_order(pairs, heights))


def _allowed(merges: Merges) -> Merges:
    """Those before the first that is forbidden: all after it are too."""
    end = int(np.searchsorted(merges.heights, UNREACHABLE))
    return Merges(merges.pairs[:end], merges.heights[:end])
