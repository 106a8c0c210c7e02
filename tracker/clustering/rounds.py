"""Average linkage in rounds: all clusters that are each other's nearest merge at once.

A merged cluster is no nearer to any other than the nearer of its parts was, so none of them
takes another's nearest away, and in which order they merge changes nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.clustering.clusters import UNREACHABLE, Clusters

_BLOCK_NUMBERS = 2**24  # distances held at once: 64 MB in float32


def merge_in_rounds(
    clusters: Clusters, enough: int
) -> tuple[Clusters, NDArray[np.intp], NDArray[np.float64]]:
    """Merge until `enough` clusters or fewer are left, or no two may merge any more.

    Returns:
        The clusters left; the pairs (M, 2) of first tracklets, a < b, of those merged; the
        distance (M,) of each. Clusters come before what they are merged to.
    """
    pairs, heights = [np.zeros((0, 2), np.intp)], [np.zeros(0)]
    nearest, gap = np.zeros(len(clusters), np.intp), np.zeros(len(clusters))
    stale = np.arange(len(clusters))
    while len(clusters) > enough:
        _find_nearest(clusters, stale, nearest, gap)
        a, b = _each_others_nearest(nearest, gap)
        if not len(a):
            break
        pairs.append(clusters.first[np.stack([a, b], axis=1)])
        heights.append(gap[a])
        label, changed = _labels(len(clusters), a, b)
        clusters = clusters.joined(label)
        left = np.delete(np.arange(len(label)), b)
        stale = np.flatnonzero(changed[left] | changed[nearest[left]])
        nearest, gap = label[nearest[left]], gap[left]
    return clusters, np.concatenate(pairs), np.concatenate(heights)


def _find_nearest(
    clusters: Clusters,
    rows: NDArray[np.intp],
    nearest: NDArray[np.intp],
    gap: NDArray[np.float64],
) -> None:
    """Write the cluster that is `nearest` (K,) to each of `rows` (R,), and its distance `gap`."""
    size = max(_BLOCK_NUMBERS // len(clusters), 1)
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        distances = clusters.distances(some)
        nearest[some] = distances.argmin(axis=1)
        gap[some] = distances[np.arange(len(some)), nearest[some]]


def _each_others_nearest(
    nearest: NDArray[np.intp], gap: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pairs a < b of clusters (K,) that are to merge: the closest two at the least."""
    closest = int(gap.argmin())
    nearest[nearest[closest]] = closest  # rounding may have found it another, as near
    mutual = (nearest[nearest] == np.arange(len(nearest))) & (gap < UNREACHABLE)
    a = np.flatnonzero(mutual & (np.arange(len(nearest)) < nearest))
    return a, nearest[a]


def _labels(
    count: int, a: NDArray[np.intp], b: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The number (K,) of each cluster after each of `b` has joined that of `a`; which changed."""
    stays, changed = np.ones(count, np.bool_), np.zeros(count, np.bool_)
    stays[b] = False
    changed[a] = changed[b] = True
    label = np.cumsum(stays) - 1
    label[b] = label[a]
    return label, changed
