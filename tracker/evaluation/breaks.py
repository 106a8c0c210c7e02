"""How often tracks break: somebody is lost, and found again before leaving the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tracker.evaluation.comparison import Comparison
from tracker.evaluation.pairing import rows_by_frame

_STAYING = 1000.0  # what going on with the same person is worth, beside an IoU: as in TrackEval
_NOBODY = -1


def count_breaks(compared: Comparison, iou_threshold: float, frame_step: int = 1) -> int:
    """Times that a true person is matched, then not, then matched again, all within one stay.

    A stay is an unbroken presence in the truth. TrackEval's Frag also counts who leaves the
    picture while others stay, and comes back, so that perfect tracks of an edited video have
    many; where nobody leaves, the two are one.

    Args:
        frame_step: every so many frames the truth is annotated.
    """
    order = np.lexsort((compared.true_frame, compared.true_person))
    person, frame = compared.true_person[order], compared.true_frame[order]
    goes_on = (np.diff(person) == 0) & (np.diff(frame) <= frame_step)
    before = np.full(len(order), _NOBODY)
    before[order[1:][goes_on]] = order[:-1][goes_on]
    found = _partners(compared, iou_threshold, before)[order] != _NOBODY
    # Within a stay, each time of being found begins after a gap; all but its first are breaks.
    begins = found.copy()
    begins[1:] &= ~(found[:-1] & goes_on)
    stay = np.cumsum(np.concatenate([[True], ~goes_on])[: len(order)])
    return int(begins.sum() - len(np.unique(stay[found])))


def _partners(
    compared: Comparison, iou_threshold: float, before: NDArray[np.intp]
) -> NDArray[np.intp]:
    """The person (N,) of the tracks that each true box is matched with; -1 where with none.

    Frame by frame, whoever was matched goes on with the same person where that is possible;
    then the sum of IoUs is greatest. Only frames in which a box has a choice take a look.

    Args:
        before: (N,) the row of the same true person's box in the frame before; -1: none.
    """
    possible = compared.overlaps.where(compared.overlaps.iou >= iou_threshold)
    true, found, iou = possible
    partner = np.full(len(compared.true_frame), _NOBODY)
    partner[true] = compared.person[found]
    disputed = np.flatnonzero(possible.disputed)
    for pairs in rows_by_frame(compared.true_frame[true[disputed]]).values():
        which = disputed[pairs]
        rows, columns = np.unique(true[which]), np.unique(found[which])
        worth = np.zeros((len(rows), len(columns)))
        place = np.searchsorted(rows, true[which]), np.searchsorted(columns, found[which])
        last = np.where(before[true[which]] < 0, _NOBODY, partner[before[true[which]]])
        worth[place] = iou[which] + _STAYING * (last == compared.person[found[which]])
        taken, by = linear_sum_assignment(worth, maximize=True)
        real = worth[taken, by] > 0
        partner[rows] = _NOBODY
        partner[rows[taken[real]]] = compared.person[columns[by[real]]]
    return partner
