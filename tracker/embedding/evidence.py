"""How well the features' own metric already tells this video's people apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from tracker.records import Constraints

FloatArray = NDArray[np.floating]

_MIN_FACE_PX = 32  # below, a face is too small for its features to say much either way
_MIN_PAIRS = 20  # cannot-link pairs; fewer are no evidence
_TRUSTED_AUC, _USELESS_AUC = 0.98, 0.90
_MOST_RAW = 0.5


def raw_share(
    features: FloatArray,
    tracklet: NDArray[np.integer],
    face_heights: FloatArray,
    constraints: Constraints,
) -> float:
    """The share, 0 to 1/2, that the features' own distance should have beside the learned one.

    Same people are the first and the last third of each tracklet, different people the
    cannot-link pairs. Where the raw distances already separate the two (AUC from .98), half
    the distance stays raw; where they don't (below .90), none; in between, in proportion.
    Without enough evidence the features are trusted.

    Args:
        features: (S, D), one a face, sorted by time.
        tracklet: (S,) in [0, T).
        face_heights: (S,) in source pixels; only tracklets of large enough faces count.
    """
    count = constraints.tracklet_count
    starts, ends, large = _thirds(features, tracklet, face_heights, count)
    a, b = constraints.cannot_link[large[constraints.cannot_link].all(axis=1)].T
    if len(a) < _MIN_PAIRS:
        return _MOST_RAW
    same = np.square(starts - ends).sum(axis=1)[large]
    different = np.square(starts[a] - ends[b]).sum(axis=1)
    auc = area_under_curve(same, different)
    return _MOST_RAW * float(np.clip((auc - _USELESS_AUC) / (_TRUSTED_AUC - _USELESS_AUC), 0, 1))


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
