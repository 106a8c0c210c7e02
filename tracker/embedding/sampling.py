"""Faces drawn from the constraints, to learn from; index arrays, never copies."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tracker.embedding.parts import parts_of
from tracker.records import Constraints

IndexArray = NDArray[np.int64]


class ConstraintSampler:
    """Draws faces that must be the same person and faces that cannot be.

    Every cannot-link pair is drawn equally often, whatever the lengths of its tracklets, so
    that long tracklets don't drown short ones.
    """

    def __init__(
        self,
        tracklet: NDArray[np.integer],
        constraints: Constraints,
        held_out: Constraints | None = None,
    ) -> None:
        """Sort the faces by `tracklet` (S,), in [0, T), each of which has at least one.

        Args:
            held_out: no face of a tracklet in these is shown.
        """
        self.tracklet = tracklet
        self.held_out = held_out or Constraints(
            constraints.tracklet_count, np.zeros((0, 2), np.int32)
        )
        self.constraints = Constraints(constraints.tracklet_count, constraints.negatives)
        self._pairs = self.constraints.cannot_link.astype(np.int64)
        self._faces = np.argsort(tracklet, kind="stable")
        self._counts = np.bincount(tracklet, minlength=constraints.tracklet_count)
        self._starts = np.cumsum(self._counts) - self._counts

    def __len__(self) -> int:
        """How many pairs there are to draw from."""
        return len(self._pairs)

    @cached_property
    def apart(self) -> csr_array:
        """(T, T) bool, symmetric and sparse: true where two tracklets are different people."""
        both_ways = np.concatenate([self._pairs, self._pairs[:, ::-1]]).T
        count = self.constraints.tracklet_count
        return csr_array((np.ones(both_ways.shape[1], np.bool_), both_ways), shape=(count, count))

    @cached_property
    def _triangles(self) -> IndexArray:
        """(Q, 3) tracklets a < b < c of which every two are different people."""
        return _triangles(self._pairs, self.constraints.tracklet_count)

    @property
    def shown(self) -> IndexArray:
        """The faces that may be shown: all but those of tracklets held out."""
        return np.flatnonzero(~np.isin(self.tracklet, self.held_out.cannot_link))

    @property
    def has_quadruplets(self) -> bool:
        """Whether there are three tracklets of three different people."""
        return len(self._triangles) > 0

    def among(self, wanted: NDArray[np.bool_]) -> ConstraintSampler:
        """A sampler of the pairs with at least one of the `wanted` tracklets (T,)."""
        pairs = self.constraints.cannot_link
        kept = Constraints(self.constraints.tracklet_count, pairs[wanted[pairs].any(axis=1)])
        return ConstraintSampler(self.tracklet, kept, self.held_out)

    def triplets(self, count: int, rng: np.random.Generator) -> IndexArray:
        """Draw (count, 3) faces: two of one tracklet, one of another that it cannot be."""
        pairs = self._pairs[rng.integers(len(self._pairs), size=count)]
        turned = rng.random(count) < 0.5
        pairs[turned] = pairs[turned, ::-1]
        return self._faces_of(pairs[:, [0, 0, 1]], rng)

    def quadruplets(self, count: int, rng: np.random.Generator) -> IndexArray:
        """Draw (count, 4) faces: two of one tracklet, and one each of two other people.

        With a `count` of 0 nothing is drawn, and there need be no quadruplets.
        """
        if count == 0:
            return np.zeros((0, 4), np.int64)
        triangles = self._triangles[rng.integers(len(self._triangles), size=count)]
        return self._faces_of(rng.permuted(triangles, axis=1)[:, [0, 0, 1, 2]], rng)

    def tracklets_seen_together(self, count: int, rng: np.random.Generator) -> IndexArray:
        """Draw at most `count` tracklets, increasing, each with one that it cannot be."""
        pairs = self._pairs[rng.integers(len(self._pairs), size=max(count // 2, 1))]
        return np.unique(pairs)

    def spread_faces(
        self, tracklets: IndexArray, each: int, rng: np.random.Generator
    ) -> IndexArray:
        """Draw `each` faces of every one of `tracklets` (n,), spread over its length.

        Returns:
            Increasing, each once: fewer of tracklets that have fewer.
        """
        edges = np.arange(each + 1) * self._counts[tracklets, None] // each  # (n, each + 1)
        lengths = np.diff(edges, axis=1)  # 0 for some, where there are fewer faces
        offsets = edges[:, :-1] + (rng.random(lengths.shape) * lengths).astype(np.int64)
        return np.unique(self._faces[self._starts[tracklets, None] + offsets])

    def _faces_of(self, tracklets: IndexArray, rng: np.random.Generator) -> IndexArray:
        """One face, at random, of each of `tracklets` (any shape)."""
        offsets = (rng.random(tracklets.shape) * self._counts[tracklets]).astype(np.int64)
        faces: IndexArray = self._faces[self._starts[tracklets] + offsets]
        return faces


def _triangles(pairs: IndexArray, count: int) -> IndexArray:
    """(Q, 3) numbers a < b < c, below `count`, every two of them in `pairs` (C, 2); sorted.

    Args:
        pairs: a < b, sorted, each once.
    """
    keys = pairs[:, 0] * count + pairs[:, 1]  # increasing, as the pairs are
    starts = np.searchsorted(pairs[:, 0], np.arange(count + 1))
    thirds = np.diff(starts)[pairs[:, 1]]  # (C,) pairs that go on from the second of each
    found = [np.zeros((0, 3), np.int64)]
    for part in parts_of(len(pairs), int(thirds.max(initial=0))):
        counts = thirds[part]
        which = np.repeat(np.arange(len(pairs))[part], counts)
        rank = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        third = pairs[starts[pairs[which, 1]] + rank, 1]
        wanted = pairs[which, 0] * count + third
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        closed = keys[place] == wanted
        found.append(np.column_stack([pairs[which[closed]], third[closed]]))
    return np.concatenate(found)
