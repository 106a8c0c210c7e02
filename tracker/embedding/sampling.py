"""Triplets and quadruplets of faces, drawn from the constraints; index arrays, never copies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.records import Constraints

IndexArray = NDArray[np.int64]


class ConstraintSampler:
    """Draws faces that must be the same person and faces that cannot be.

    Every cannot-link pair is drawn equally often, whatever the lengths of its tracklets, so
    that long tracklets don't drown short ones.
    """

    def __init__(
        self, tracklet: NDArray[np.integer], constraints: Constraints, rng: np.random.Generator
    ) -> None:
        """Sort the faces by `tracklet` (S,), in [0, T), each of which has at least one."""
        sure = Constraints(constraints.tracklet_count, constraints.negatives)
        self._rng = rng
        self._pairs = sure.cannot_link.astype(np.int64)
        self._faces = np.argsort(tracklet, kind="stable")
        self._counts = np.bincount(tracklet, minlength=constraints.tracklet_count)
        self._starts = np.cumsum(self._counts) - self._counts
        self._triangles = _triangles(sure.matrix(), self._pairs)

    @property
    def has_quadruplets(self) -> bool:
        """Whether there are three tracklets of three different people."""
        return len(self._triangles) > 0

    def triplets(self, count: int) -> IndexArray:
        """Draw (count, 3) faces: two of one tracklet, one of another that it cannot be."""
        pairs = self._pairs[self._rng.integers(len(self._pairs), size=count)]
        turned = self._rng.random(count) < 0.5
        pairs[turned] = pairs[turned, ::-1]
        one, other = pairs.T
        return np.stack([self._face_of(one), self._face_of(one), self._face_of(other)], axis=1)

    def quadruplets(self, count: int) -> IndexArray:
        """Draw (count, 4) faces: two of one tracklet, and one each of two other people.

        With a `count` of 0 nothing is drawn, and there need be no quadruplets.
        """
        if count == 0:
            return np.zeros((0, 4), np.int64)
        triangles = self._triangles[self._rng.integers(len(self._triangles), size=count)]
        one, first, second = self._rng.permuted(triangles, axis=1).T
        faces = [self._face_of(number) for number in (one, one, first, second)]
        return np.stack(faces, axis=1)

    def _face_of(self, tracklets: IndexArray) -> IndexArray:
        """One face, at random, of each of `tracklets` (n,)."""
        offsets = (self._rng.random(len(tracklets)) * self._counts[tracklets]).astype(np.int64)
        faces: IndexArray = self._faces[self._starts[tracklets] + offsets]
        return faces


def _triangles(apart: NDArray[np.bool_], pairs: IndexArray) -> IndexArray:
    """(Q, 3) tracklets a < b < c of which every two are different people."""
    found = [np.zeros((0, 3), np.int64)]
    for a, b in pairs:
        third = np.flatnonzero(apart[a] & apart[b])
        third = third[third > b]
        found.append(np.column_stack([np.full(len(third), a), np.full(len(third), b), third]))
    return np.concatenate(found)
