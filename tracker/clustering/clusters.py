"""The mean distance of clusters from each other, without that of any two of their tracklets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from tracker.clustering.distances import (
    FloatArray,
    TrackletDistances,
    direction_gaps,
    gaps_among,
)
from tracker.records import Constraints

# Stands for an infinite distance, and can be averaged: a cluster has far fewer than 10⁷ faces,
# so whatever it has a share in is beyond `UNREACHABLE`.
NEVER = 1e30
UNREACHABLE = 1e15


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """K clusters of tracklets, as far as their mean distances need them: O(K) memory.

    Of unit vectors, the mean squared distance of all pairs is 2 - 2 m·n, m and n the means of
    either cluster. What single pairs of tracklets have on top is summed up beside it.

    Attributes:
        means: (K, D) of the members' directions, each face counting once.
        weights: (K,) float64; their faces.
        extra: (K, K) sparse, symmetric: the sum, over the pairs of faces of two clusters, of what
            links take from the distance of a pair and cannot-links add to it.
        first: (K,) the first tracklet of each cluster.
    """

    means: FloatArray
    weights: NDArray[np.float64]
    extra: Any
    first: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.means)

    def joined(self, label: NDArray[np.integer]) -> Clusters:
        """The clusters whose `label` (K,) is the same as one each, in order; below 0: left out.

        Args:
            label: from 0, each number at least once.
        """
        members = np.flatnonzero(label >= 0)
        count = int(label.max(initial=-1)) + 1
        cells = (label[members], members)
        one = csr_array((np.ones(len(members)), cells), (count, len(self)))
        faces = csr_array((self.weights[members], cells), (count, len(self)))
        weights = one @ self.weights
        means = (faces @ self.means) / weights[:, None]
        first = np.full(count, np.iinfo(np.intp).max)
        np.minimum.at(first, label[members], self.first[members])
        extra = (one @ self.extra @ one.T).tocsr()
        return Clusters(means.astype(self.means.dtype), weights, extra, first)

    def distances(self, rows: NDArray[np.integer]) -> FloatArray:
        """The mean distances (R, K) of the clusters `rows` (R,) from all; from itself infinity."""
        gaps = direction_gaps(self.means[rows], self.means)
        self._add_extra(gaps, rows, self.extra[rows].tocoo())
        gaps[np.arange(len(rows)), rows] = np.inf
        return gaps

    def matrix(self) -> FloatArray:
        """The mean distances (K, K) of all clusters from each other."""
        gaps = gaps_among(self.means)
        self._add_extra(gaps, np.arange(len(self)), self.extra.tocoo())
        return gaps

    def _add_extra(self, gaps: FloatArray, rows: NDArray[np.integer], extra: Any) -> None:
        row, column = extra.coords
        share = extra.data / (self.weights[rows[row]] * self.weights[column])
        gaps[row, column] = np.maximum(gaps[row, column] + share, 0.0)


def clusters_of_one(
    distances: TrackletDistances,
    face_counts: NDArray[np.integer],
    constraints: Constraints,
    cannot_link_distance: float,
) -> Clusters:
    """Every tracklet as a cluster of its own.

    Args:
        face_counts: (T,) faces of each tracklet, 1 or more.
        cannot_link_distance: what is added to the distance of a cannot-link pair.
    """
    weights = face_counts.astype(np.float64)
    links = np.unique(np.sort(distances.links, axis=1), axis=0)
    a, b = (distances.directions[tracklets] for tracklets in links.T)
    of_links = 2.0 * np.einsum("ld,ld->l", a, b) - 2.0
    apart = np.full(len(constraints.cannot_link), min(cannot_link_distance, NEVER))
    pairs = np.concatenate([links, constraints.cannot_link])
    values = np.concatenate([of_links, apart]) * weights[pairs].prod(axis=1)
    one_way = coo_array((values, tuple(pairs.T)), (len(distances), len(distances))).tocsr()
    extra = (one_way + one_way.T).tocsr()
    return Clusters(distances.directions, weights, extra, np.arange(len(distances)))
