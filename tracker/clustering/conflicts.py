"""Clusters → clusters in which nobody is together with somebody they cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from tracker.clustering.distances import TrackletDistances
from tracker.records import Constraints

_BLOCK_NUMBERS = 2**22  # distances held at once: 32 MB in float64
_FIT_DECIMALS = 6  # fits nearer than that are equal: rounding is not to say who moves


@dataclass(slots=True, eq=False)
class _Conflicts:
    """The tracklets (I,) that were in conflict at first, and how they fit where they are now.

    Nobody else is ever in conflict: who moves, moves to where nobody is that they cannot be.

    Attributes:
        tracklet: increasing.
        rivals: of each, those in its cluster that it cannot be; 0 ends the conflict.
        gap: the sum of its distances from the faces of all others there that it can be.
        faces: how many these are.
    """

    tracklet: NDArray[np.intp]
    rivals: NDArray[np.int64]
    gap: NDArray[np.float64]
    faces: NDArray[np.float64]

    def worst(self) -> int:
        """The place of the one in conflict that fits worst, the first of equals."""
        fit = np.full(len(self.gap), np.inf)
        np.divide(self.gap, self.faces, out=fit, where=self.faces > 0)
        return int(np.where(self.rivals > 0, fit.round(_FIT_DECIMALS), -np.inf).argmax())


def separate_conflicts(
    cluster: NDArray[np.int32],
    distances: TrackletDistances,
    face_counts: NDArray[np.integer],
    constraints: Constraints,
    max_distance: float,
) -> NDArray[np.int32]:
    """`cluster` (T,) without a cannot-link pair in any cluster, numbered from 0.

    Of all tracklets in conflict, the one that fits its cluster worst moves to the nearest
    cluster within `max_distance` that it may join, else to one of its own; and so on.
    """
    cluster = cluster.copy()
    apart = _apart(constraints)
    weights = face_counts.astype(np.float64)
    conflicts = _find_conflicts(cluster, distances, weights, constraints, apart)
    while (conflicts.rivals > 0).any():
        place = conflicts.worst()
        one = conflicts.tracklet[place]
        gaps = distances.between(np.array([one]))[0].astype(np.float64)
        foes = apart.indices[apart.indptr[one] : apart.indptr[one + 1]]
        home = _nearest_home(one, cluster, foes, gaps, weights, max_distance)
        _move(conflicts, place, home, cluster, foes, gaps, weights)
    return np.unique(cluster, return_inverse=True)[1].astype(np.int32)


def _apart(constraints: Constraints) -> Any:
    """(T, T) sparse, by rows, symmetric: 1 where two tracklets are different people."""
    count, (a, b) = constraints.tracklet_count, constraints.cannot_link.T
    cells = (np.concatenate([a, b]), np.concatenate([b, a]))
    return coo_array((np.ones(2 * len(a), np.int8), cells), (count, count)).tocsr()


def _find_conflicts(
    cluster: NDArray[np.int32],
    distances: TrackletDistances,
    weights: NDArray[np.float64],
    constraints: Constraints,
    apart: Any,
) -> _Conflicts:
    a, b = constraints.cannot_link.T
    together = constraints.cannot_link[cluster[a] == cluster[b]]
    tracklet, rivals = np.unique(together, return_counts=True)
    gap, faces = np.zeros(len(tracklet)), np.zeros(len(tracklet))
    for number in np.unique(cluster[tracklet]):
        members = np.flatnonzero(cluster == number)
        places = np.flatnonzero(cluster[tracklet] == number)
        size = max(_BLOCK_NUMBERS // len(members), 1)
        for some in np.split(places, range(size, len(places), size)):
            rows = tracklet[some]
            allowed = apart[rows][:, members].toarray() == 0
            counted = weights[members] * (allowed & (rows[:, None] != members))
            gap[some] = (distances.between(rows, members) * counted).sum(axis=1)
            faces[some] = counted.sum(axis=1)
    return _Conflicts(tracklet, rivals, gap, faces)


def _nearest_home(
    one: int,
    cluster: NDArray[np.int32],
    foes: NDArray[np.integer],
    gaps: NDArray[np.float64],
    weights: NDArray[np.float64],
    max_distance: float,
) -> int:
    """The nearest cluster that tracklet `one` may move to; the next number for one of its own."""
    faces = np.bincount(cluster, weights)
    mean = np.bincount(cluster, weights * gaps) / np.maximum(faces, 1.0)
    mean[faces == 0] = np.inf
    mean[cluster[foes]] = mean[cluster[one]] = np.inf
    nearest = int(mean.argmin())
    return nearest if mean[nearest] < max_distance else len(mean)


def _move(
    conflicts: _Conflicts,
    place: int,
    home: int,
    cluster: NDArray[np.int32],
    foes: NDArray[np.integer],
    gaps: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> None:
    """Move the tracklet at `place` of `conflicts` to the cluster `home`, where it has no foe."""
    tracklet, one = conflicts.tracklet, conflicts.tracklet[place]
    is_foe = np.isin(tracklet, foes)
    for number, sign in ((cluster[one], -1), (home, 1)):
        friends = (cluster[tracklet] == number) & ~is_foe
        conflicts.gap[friends] += sign * weights[one] * gaps[tracklet[friends]]
        conflicts.faces[friends] += sign * weights[one]
    conflicts.rivals[is_foe & (cluster[tracklet] == cluster[one])] -= 1
    conflicts.rivals[place] = 0
    cluster[one] = home
