"""How far tracklets look apart: formed from their mean directions when asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

FloatArray = NDArray[np.floating]

_BLOCK_ROWS = 256  # of a matrix of distances: so small a block is mirrored within the cache

_PART_FACES = 4096  # whose vectors are made float64 at a time


def _no_links() -> NDArray[np.int32]:
    return np.zeros((0, 2), np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class TrackletDistances:
    """Squared Euclidean distances, 0 to 4, of the mean directions of T tracklets.

    Attributes:
        directions: (T, D), in the precision that the distances are to have; two are 2 - 2 u·v
            apart. Of length 1, or 0: then all are strangers, 2 apart.
        links: (L, 2) pairs of tracklets that are one face: 0 apart, whatever they look like.
    """

    directions: FloatArray
    links: NDArray[np.integer] = field(default_factory=_no_links)

    def __len__(self) -> int:
        return len(self.directions)

    def between(
        self, rows: NDArray[np.integer], columns: NDArray[np.integer] | None = None
    ) -> FloatArray:
        """The distances (R, C) of the tracklets `rows` (R,), each once, from `columns` (C,), too.

        Args:
            columns: None: all, in order.
        """
        others = self.directions if columns is None else self.directions[columns]
        gaps = direction_gaps(self.directions[rows], others)
        row_of = _place_of(rows, len(self))
        column_of = np.arange(len(self)) if columns is None else _place_of(columns, len(self))
        for one, other in (self.links.T, self.links.T[::-1]):
            asked = (row_of[one] >= 0) & (column_of[other] >= 0)
            gaps[row_of[one[asked]], column_of[other[asked]]] = 0.0
        return gaps

    def among(self, members: NDArray[np.integer]) -> FloatArray:
        """The distances (M, M) of the tracklets `members` (M,), each once, from each other."""
        return self.between(members, members)

    def matrix(self) -> FloatArray:
        """The distances (T, T) of all tracklets from each other; symmetric to the last bit."""
        gaps = gaps_among(self.directions)
        a, b = self.links.T
        gaps[a, b] = gaps[b, a] = 0.0
        return gaps


def _place_of(numbers: NDArray[np.integer], count: int) -> NDArray[np.intp]:
    """The place (count,) in `numbers` of each number below `count`; -1 where it is not there."""
    place = np.full(count, -1, np.intp)
    place[numbers] = np.arange(len(numbers))
    return place


def direction_gaps(one: FloatArray, other: FloatArray) -> FloatArray:
    """The mean squared distance (A, B) of unit vectors with the means `one` (A, D), `other` (B, D).

    2 - 2 a·b, held in [0, 4].
    """
    gaps = one @ other.T
    gaps *= -2.0
    gaps += 2.0
    return np.clip(gaps, 0.0, 4.0, out=gaps)


def gaps_among(means: FloatArray) -> FloatArray:
    """`direction_gaps` (K, K) of `means` (K, D) from themselves; symmetric to the last bit."""
    gaps = np.empty((len(means), len(means)), means.dtype)
    for top in range(0, len(means), _BLOCK_ROWS):
        for left in range(0, top + 1, _BLOCK_ROWS):
            rows, columns = slice(top, top + _BLOCK_ROWS), slice(left, left + _BLOCK_ROWS)
            block = direction_gaps(means[rows], means[columns])
            if left == top:
                block = np.tril(block) + np.tril(block, -1).T
            gaps[rows, columns] = block
            gaps[columns, rows] = block.T
    return gaps


def tracklet_distances(
    vectors: FloatArray, tracklet: NDArray[np.integer], tracklet_count: int
) -> TrackletDistances:
    """The distances of tracklets by their faces' vectors, in float32.

    The mean of a tracklet's faces is brought to length 1: a face that turns while it is
    followed has a short mean, and would be far from everybody, its other tracklets included.

    Args:
        vectors: (S, D), one a face; only their directions count.
        tracklet: (S,) in [0, T): each has at least one face.
    """
    means = mean_directions(vectors, tracklet, tracklet_count)
    return TrackletDistances(means.astype(np.float32))


def mean_directions(
    vectors: FloatArray, group: NDArray[np.integer], count: int
) -> NDArray[np.float64]:
    """The mean direction (count, D), of length 1, of the faces of each group; 0 where none are.

    Args:
        vectors: (S, D), one a face; only their directions count.
        group: (S,) in [0, count).
    """
    sums = np.zeros((count, vectors.shape[1]))
    for start in range(0, len(vectors), _PART_FACES):
        some = vectors[start : start + _PART_FACES]
        lengths = np.linalg.norm(some, axis=1).astype(np.float64)
        faces = (group[start : start + _PART_FACES], np.arange(len(some)))
        sums += csr_array((1.0 / np.maximum(lengths, 1e-9), faces), (count, len(some))) @ some
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9))


def mixed_distances(
    learned: FloatArray,
    raw: FloatArray,
    raw_share: float,
    tracklet: NDArray[np.integer],
    tracklet_count: int,
) -> TrackletDistances:
    """Distances of which `raw_share` is that of `raw`, the rest that of `learned`; in float32.

    Args:
        learned: (S, 64), one a face.
        raw: (S, D), likewise.
        tracklet: (S,) in [0, T): each has at least one face.
    """
    # s u·v is the dot product of √s u and √s v: side by side, the two kinds are one direction.
    parts = [
        np.sqrt(share) * mean_directions(vectors, tracklet, tracklet_count)
        for share, vectors in ((1 - raw_share, learned), (raw_share, raw))
        if share > 0
    ]
    return TrackletDistances(np.concatenate(parts, axis=1).astype(np.float32))


def with_links(distances: TrackletDistances, links: NDArray[np.integer]) -> TrackletDistances:
    """`distances`, but 0 between the tracklets of each of `links` (L, 2) too: they are one face."""
    return replace(distances, links=np.concatenate([distances.links, links]))
