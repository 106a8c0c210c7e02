"""Are two tracklets one person? How well a distance tells, over pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve


class Verification(NamedTuple):
    """How well the distance of a pair tells whether it is one person.

    The first three are NaN where there are no pairs of one person, or none of two.

    Attributes:
        auc: chance that a pair of one person is nearer than a pair of two; ties count half.
        eer: the equal error rate: the share of pairs of two people that are taken for one, where
            the share of pairs of one person that are taken for two is the same.
        threshold_at_eer: the distance up to which pairs are then taken for one person.
        pairs: all that were judged.
        same_pairs: those of one person.
    """

    auc: float
    eer: float
    threshold_at_eer: float
    pairs: int
    same_pairs: int


class Curve(NamedTuple):
    """Precision and recall over a threshold: parallel arrays of length K, any K.

    Attributes:
        threshold: (K,) rising.
        precision: (K,) in [0, 1].
        recall: (K,) in [0, 1].
    """

    threshold: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]


def pairs_of(
    count: int, excluded: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """All pairs of two of `count` things, and each pair once.

    Args:
        excluded: (count, count), symmetric; pairs that are left out.

    Returns:
        (P,) the one and (P,) the other of each pair, the first number the lower, in order.
    """
    wanted = np.ones((count, count), np.bool_) if excluded is None else ~excluded
    first, second = np.nonzero(np.triu(wanted, k=1))
    return first, second


def verify(distances: NDArray[np.floating], same: NDArray[np.bool_]) -> Verification:
    """Measure how well `distances` tell pairs of one person from pairs of two.

    Between two distances that occur, the error rates are taken to change evenly.

    Args:
        distances: (P,) of each pair; finite.
        same: (P,) whether it is one person.
    """
    pairs, same_pairs = len(same), int(np.count_nonzero(same))
    if same_pairs in (0, pairs):
        return Verification(np.nan, np.nan, np.nan, pairs, same_pairs)
    accepted_wrongly, accepted, nearness = roc_curve(same, -distances, drop_intermediate=False)
    threshold = -nearness.astype(np.float64)
    threshold[0] = threshold[1]  # where none is accepted yet it is minus infinity
    surplus = accepted_wrongly - (1 - accepted)  # of wrong acceptances over refusals: rises
    return Verification(
        auc=float(roc_auc_score(same, -distances)),
        eer=float(np.interp(0.0, surplus, accepted_wrongly)),
        threshold_at_eer=float(np.interp(0.0, surplus, threshold)),
        pairs=pairs,
        same_pairs=same_pairs,
    )


def precision_recall(distances: NDArray[np.floating], same: NDArray[np.bool_]) -> Curve:
    """Precision and recall of "one person" over the distance up to which it is said.

    Args:
        distances: (P,) of each pair; finite.
        same: (P,) whether it is one person.

    Returns:
        A row for every distance that occurs; none where no pair is one person.
    """
    if not np.any(same):
        return Curve(np.zeros(0), np.zeros(0), np.zeros(0))
    precision, recall, nearness = precision_recall_curve(same, -distances)
    # The last row is no threshold's; the rest come from the farthest to the nearest.
    return Curve(-nearness[::-1].astype(np.float64), precision[-2::-1], recall[-2::-1])
