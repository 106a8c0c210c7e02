"""Average linkage of a matrix of distances in O(n²), by chains of nearest neighbours.

From any cluster to its nearest, to that one's nearest and so on, distances shrink, until two
are each other's nearest. These two are merged in the greedy order too, if at another time: the
mean distance of a merged cluster is never below that of both its parts (it is reducible).
Sources: Benzécri, 1982; Juan, 1982; surveyed by Murtagh, The Computer Journal 1983.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.clustering.distances import FloatArray

_GONE = 1e38  # beyond every distance, and twice it is still a float32
_LIVING_SHARE = 0.75  # below which the matrix is made smaller


@dataclass(slots=True, eq=False)
class _Living:
    """The clusters that are left, in the order of their first rows; some may be gone already.

    Attributes:
        gaps: (K, K) their distances; columns of clusters gone hold anything below `_GONE`.
        weights: (K,) float64.
        first: (K,) the first row, of the matrix as it was, of each.
        gone: (K,) `_GONE` where a cluster is part of another now, else 0.
        count: how many are not.
    """

    gaps: FloatArray
    weights: NDArray[np.float64]
    first: NDArray[np.intp]
    gone: FloatArray
    count: int


def merge_by_chains(
    gaps: FloatArray, weights: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Merge until one cluster is left; the matrix is used up, and no other is made.

    Of equally near clusters the one with the first row is the nearest: equal distances, too,
    give the same clusters as a greedy search that takes the first pair of rows.

    Args:
        gaps: (T, T) finite, symmetric to the last bit; overwritten.
        weights: (T,) of each row in a mean.

    Returns:
        The pairs (T - 1, 2) of first rows, a < b, of the clusters merged, and the distance
        (T - 1,) of each; clusters come before what they are merged to, otherwise in any order.
    """
    count = len(gaps)
    np.fill_diagonal(gaps, _GONE)
    living = _Living(gaps, weights.copy(), np.arange(count), np.zeros(count, gaps.dtype), count)
    pairs = np.zeros((max(count - 1, 0), 2), np.intp)
    heights = np.zeros(len(pairs))
    chain: list[int] = []
    for merge in range(len(pairs)):
        a, b, heights[merge] = _each_others_nearest(living, chain)
        pairs[merge] = living.first[[a, b]]
        _join(living, a, b)
        if living.count < _LIVING_SHARE * len(living.first):
            living = _without_gone(living)
            chain.clear()  # its rows have moved; it is soon found again
    return pairs, heights


def _each_others_nearest(living: _Living, chain: list[int]) -> tuple[int, int, float]:
    """Two clusters a < b and their distance; the `chain` to them is kept, less them."""
    while True:
        if not chain:
            chain.append(int(living.gone.argmin()))
        here = chain[-1]
        gaps = living.gaps[here] + living.gone
        nearest = int(gaps.argmin())
        if len(chain) > 1 and nearest == chain[-2]:
            del chain[-2:]
            return min(here, nearest), max(here, nearest), float(gaps[nearest])
        chain.append(nearest)


def _join(living: _Living, a: int, b: int) -> None:
    """Let cluster `b` become part of `a`."""
    gaps, weights = living.gaps, living.weights
    heavy, light = (a, b) if weights[a] >= weights[b] else (b, a)
    # From the heavier one on, by at most half: the mean of equal numbers is that number, and
    # none is below both its parts, in spite of rounding. Chains need that.
    joined = gaps[light] - gaps[heavy]
    joined *= weights[light] / (weights[a] + weights[b])
    joined += gaps[heavy]
    joined[a] = _GONE
    gaps[a] = gaps[:, a] = joined
    weights[a] += weights[b]
    living.gone[b] = _GONE
    living.count -= 1


def _without_gone(living: _Living) -> _Living:
    """Only those left, moved together within the same memory: the less of it, the faster."""
    left = np.flatnonzero(living.gone == 0)
    for place, row in enumerate(left):
        living.gaps[place, : len(left)] = living.gaps[row, left]
    gaps = living.gaps[: len(left), : len(left)]
    gone = np.zeros(len(left), gaps.dtype)
    return _Living(gaps, living.weights[left], living.first[left], gone, len(left))
