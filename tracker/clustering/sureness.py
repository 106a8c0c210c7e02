"""How alike the faces of one person are, and how far the next person is: who can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tracker.clustering.distances import TrackletDistances, gaps_among
from tracker.records import NOBODY


@dataclass(frozen=True, slots=True)
class Sureness:
    """What speaks for a person being one, and nobody else.

    Attributes:
        spread: mean distance of two tracklets of the person, 0 (alike) to 4; None: there is one.
        nearest: the person least far in the mean, and how far; None: there is nobody else.
    """

    spread: float | None
    nearest: tuple[int, float] | None


def measure_sureness(
    person: NDArray[np.int32], distances: TrackletDistances, face_counts: NDArray[np.integer]
) -> dict[int, Sureness]:
    """The sureness of each person, by number; tracklets count by their faces.

    That some tracklets are linked, or cannot be, is left aside: only looks count.

    Args:
        person: (T,) of each tracklet; -1 for those of nobody.
        face_counts: (T,) faces that each was described by.
    """
    members = np.flatnonzero(person != NOBODY)
    numbers, label = np.unique(person[members], return_inverse=True)
    weights = face_counts[members].astype(np.float64)
    shape = (len(numbers), len(members))
    cells = csr_array((weights, (label, np.arange(len(members)))), shape)
    total = np.bincount(label, weights, len(numbers))
    means = (cells @ distances.directions[members].astype(np.float64)) / total[:, None]
    own = np.bincount(label, weights**2, len(numbers))  # of each tracklet paired with itself
    apart = total**2 - own
    summed = total**2 * 2 - 2 * np.square(means * total[:, None]).sum(axis=1)
    spread = np.divide(summed, apart, out=np.full(len(numbers), np.nan), where=apart > 0)
    gaps = gaps_among(means)
    np.fill_diagonal(gaps, np.inf)
    found = {}
    for row, number in enumerate(numbers.tolist()):
        other = int(np.argmin(gaps[row]))
        nearest = (int(numbers[other]), float(gaps[row, other])) if len(numbers) > 1 else None
        known = None if np.isnan(spread[row]) else max(float(spread[row]), 0.0)
        found[number] = Sureness(known, nearest)
    return found
