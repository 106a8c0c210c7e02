"""The CLEAR measures: boxes found, boxes missed and tracks broken, counted by TrackEval."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from trackeval.metrics import CLEAR

from tracker.evaluation.comparison import Comparison


class ClearScores(NamedTuple):
    """What CLEAR counts, as explained at `Measures`."""

    mota: float
    motp: float
    id_switches: int
    fragmentations: int
    mostly_tracked: int
    partly_tracked: int
    mostly_lost: int
    recall: float
    precision: float
    f1: float
    misses: int
    false_positives: int
    matches: int


def clear_scores(compared: Comparison, iou_threshold: float) -> ClearScores:
    """MOTA, MOTP and their kind; ratios are 0 where either side is empty.

    Sources: Bernardin and Stiefelhagen, Evaluating Multiple Object Tracking Performance: The
    CLEAR MOT Metrics, EURASIP JIVP 2008; TrackEval.
    """
    metric = CLEAR({"THRESHOLD": iou_threshold, "PRINT_CONFIG": False})
    found = metric.eval_sequence(_as_sequence(compared))
    return ClearScores(
        mota=float(found["MOTA"]),
        motp=float(found["MOTP"]),
        id_switches=int(found["IDSW"]),
        fragmentations=int(found["Frag"]),
        mostly_tracked=int(found["MT"]),
        partly_tracked=int(found["PT"]),
        mostly_lost=int(found["ML"]),
        recall=float(found["CLR_Re"]),
        precision=float(found["CLR_Pr"]),
        f1=float(found["CLR_F1"]),
        misses=int(found["CLR_FN"]),
        false_positives=int(found["CLR_FP"]),
        matches=int(found["CLR_TP"]),
    )


def _as_sequence(compared: Comparison) -> dict[str, Any]:
    """What TrackEval calls a sequence: people and IoUs, frame by frame.

    Frames without any box are left out: in TrackEval's counts they make no difference.
    """
    frames = np.union1d(compared.true_frame, compared.frame)
    true_ends = np.searchsorted(compared.true_frame, frames, "right")
    ends = np.searchsorted(compared.frame, frames, "right")
    return {
        "num_timesteps": len(frames),
        "num_gt_dets": len(compared.true_frame),
        "num_tracker_dets": len(compared.frame),
        "num_gt_ids": compared.truth_people,
        "num_tracker_ids": compared.people,
        "gt_ids": _cut(compared.true_person, true_ends),
        "tracker_ids": _cut(compared.person, ends),
        "similarity_scores": _matrices(compared, frames, true_ends, ends),
    }


def _matrices(
    compared: Comparison,
    frames: NDArray[Any],
    true_ends: NDArray[np.intp],
    ends: NDArray[np.intp],
) -> list[NDArray[np.float64]]:
    """The IoUs of all true boxes x all boxes of each of `frames` (F,), as views of one array.

    Args:
        true_ends: (F,) one past each frame's last row of true boxes.
        ends: (F,) one past each frame's last row of boxes.
    """
    heights, widths = np.diff(true_ends, prepend=0), np.diff(ends, prepend=0)
    stops = np.cumsum(heights * widths)
    true, found, iou = compared.overlaps
    at = np.searchsorted(frames, compared.true_frame[true])
    line, column = true - (true_ends - heights)[at], found - (ends - widths)[at]
    flat = np.zeros(stops[-1] if len(stops) else 0)
    flat[(stops - heights * widths)[at] + line * widths[at] + column] = iou
    shapes = zip(_cut(flat, stops), heights.tolist(), widths.tolist(), strict=True)
    return [part.reshape(height, width) for part, height, width in shapes]


def _cut(values: NDArray[Any], ends: NDArray[np.intp]) -> list[NDArray[Any]]:
    """`values` in parts, each up to the next of `ends`; `np.split` takes several times as long."""
    stops = ends.tolist()
    return [values[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]
