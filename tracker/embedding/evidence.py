"""How well a metric already tells this video's people apart: what the video itself says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from tracker.records import Constraints

FloatArray = NDArray[np.floating]

MIN_PAIRS = 20  # of people seen together; fewer are no evidence, and too few to learn from
_MIN_FACE_PX = 32  # below, a face is too small for its features to say much either way
_TRUSTED_AUC, _USELESS_AUC = 0.98, 0.90


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a video's own constraints say of a metric.

    Attributes:
        auc: the chance that one person, early and late in a tracklet, is nearer to herself than
            two people seen together are to each other; 0.5 where there are no such people.
        pairs: of tracklets seen together, large enough to count.
    """

    auc: float
    pairs: int

    @property
    def is_enough(self) -> bool:
        """Whether there are enough pairs to judge by."""
        return self.pairs >= MIN_PAIRS

    @property
    def trust(self) -> float:
        """0 to 1: how much of the distance this metric should keep beside a learned one.

        All of it from an AUC of .98 on, nothing below .90, in proportion in between; without
        enough evidence, all.
        """
        if not self.is_enough:
            return 1.0
        return float(np.clip((self.auc - _USELESS_AUC) / (_TRUSTED_AUC - _USELESS_AUC), 0, 1))


def weigh_evidence(
    features: FloatArray,
    tracklet: NDArray[np.integer],
    face_heights: FloatArray,
    constraints: Constraints,
) -> Evidence:
    """How well the distance of `features` tells people apart who are surely the same or others.

    Same people are the first and the last third of each tracklet, different people the
    cannot-link pairs.

    Args:
        features: (S, D), one a face, sorted by time.
        tracklet: (S,) in [0, T).
        face_heights: (S,) in source pixels; only tracklets of large enough faces count.
    """
    count = constraints.tracklet_count
    starts, ends, large = _thirds(features, tracklet, face_heights, count)
    a, b = constraints.negatives[large[constraints.negatives].all(axis=1)].T
    if not len(a):
        return Evidence(0.5, 0)
    same = np.square(starts - ends).sum(axis=1)[large]
    different = np.square(starts[a] - ends[b]).sum(axis=1)
    return Evidence(area_under_curve(same, different), len(a))


def area_under_curve(low: FloatArray, high: FloatArray) -> float:
    """The chance that a value of `low` (n,) is below one of `high` (m,); ties count half."""
    ranks = rankdata(np.concatenate([low, high]))
    above = ranks[len(low) :].sum() - len(high) * (len(high) + 1) / 2
    return float(above / (len(low) * len(high)))


def _thirds(
    features: FloatArray,
    tracklet: NDArray[np.integer],
    face_heights: FloatArray,
    count: int,
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Mean features (T, D) of the first and last third of each tracklet; which are large (T,)."""
    starts = np.zeros((count, features.shape[1]))
    ends, large = starts.copy(), np.zeros(count, np.bool_)
    order = np.argsort(tracklet, kind="stable")
    edges = np.searchsorted(tracklet[order], np.arange(count + 1))
    for number in range(count):
        rows = order[edges[number] : edges[number + 1]]
        third = max(len(rows) // 3, 1)
        starts[number] = features[rows[:third]].mean(axis=0)
        ends[number] = features[rows[-third:]].mean(axis=0)
        large[number] = np.median(face_heights[rows]) >= _MIN_FACE_PX
    return starts, ends, large
