"""The order in which tracklets become people, and the clusters at any place in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True, slots=True, eq=False)
class Merges:
    """The order in which tracklets become people: M merges, M < T.

    Attributes:
        pairs: (M, 2) int32; the cluster of the second tracklet joins that of the first.
        heights: (M,) float64; mean distance at which they joined; never decreasing.
    """

    pairs: NDArray[np.int32]
    heights: NDArray[np.float64]


def merges_in_order(pairs: NDArray[np.integer], heights: NDArray[np.floating]) -> Merges:
    """Merges by height, of those found parts first; equal ones in the order they were found in.

    Args:
        pairs: (M, 2) the first tracklets of two clusters, a < b; clusters come before what they
            are merged to.
        heights: (M,) as computed: rounding may have put one a little below that of a part.
    """
    ordered = heights.astype(np.float64)
    reached: dict[int, float] = {}  # the height of the cluster that a tracklet is the first of
    for number, (a, b) in enumerate(pairs.tolist()):
        height = max(float(ordered[number]), reached.get(a, 0.0), reached.get(b, 0.0))
        ordered[number] = reached[a] = height
    order = np.argsort(ordered, kind="stable")
    return Merges(pairs[order].astype(np.int32).reshape(-1, 2), ordered[order])


def clusters_after(merges: Merges, count: int, tracklet_count: int) -> NDArray[np.int32]:
    """The cluster (T,) of every tracklet after the first `count` merges.

    Numbered from 0, by their first tracklets.
    """
    a, b = merges.pairs[:count].T
    joined = coo_array((np.ones(len(a)), (a, b)), (tracklet_count, tracklet_count))
    _, label = connected_components(joined, directed=False)
    _, first, cluster = np.unique(label, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[cluster].astype(np.int32)


def merges_within(merges: Merges, max_distance: float) -> int:
    """How many of `merges` are made at `max_distance` or less."""
    return int(np.searchsorted(merges.heights, max_distance, side="right"))
