"""Looking at few frames, and at more where faces come, go or move fast.

Most frames look like the one before. A batch is therefore looked at every few frames first.
Where two of these agree on who is where, the boxes of the frames between lie on the straight
line from one to the other, which is what a motion model would say, but from both ends. Where
they do not agree (a cut, a face that came, went or moved far, or passes another), the frame
half way is looked at as well, and so on.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tracker.boxes import box_iou, scale_boxes
from tracker.detection.protocol import Detector
from tracker.records import Detections, Frame

_LOOKS_PER_S = 7  # where nothing happens: every fourth frame of 25 or 30 a second
_MIN_IOU = 0.4  # of one face in two frames
_STILL_IOU = 0.75  # from which on it has not moved
_NEAR = 1.5  # times the size of boxes, at which those of two faces near each other touch

_Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]  # rows of one table and of the other


class SparseDetector:
    """A detector that looks at some frames only; a `Detector` itself.

    Give it all frames of a video, in order. The last frame of every batch is always looked at.

    Attributes:
        frames_looked_at: so far.
    """

    def __init__(
        self, detector: Detector, every: int, look_closer: bool, sure_score: float
    ) -> None:
        """Look at frames with `detector`.

        Args:
            every: look at one frame in so many ...
            look_closer: ... and between where those do not agree.
            sure_score: a face that reaches it in one frame should be in the other.
        """
        self.frames_looked_at = 0
        self._detector = detector
        self._every = every
        self._look_closer = look_closer
        self._sure_score = sure_score
        self._before: Detections | None = None  # of the last frame of the batch before

    def detect(self, frames: Sequence[Frame]) -> Detections:
        """The faces in `frames`, which follow those given before; in order of frame."""
        if not frames:
            return Detections.empty()
        # Places in the batch that were looked at; -1 is the last frame of the batch before.
        looked: dict[int, Detections] = {} if self._before is None else {-1: self._before}
        first = 0 if self._before is None else self._every - 1
        self._look(
            frames, sorted({*range(first, len(frames), self._every), len(frames) - 1}), looked
        )
        while self._look_closer and (places := self._doubtful_middles(looked)):
            self._look(frames, places, looked)
        self._before = looked[len(frames) - 1]
        tables = []
        for start, stop in itertools.pairwise(sorted(looked)):
            numbers = np.array([frame.index for frame in frames[start + 1 : stop]], np.int32)
            if len(numbers):
                tables.append(carried(looked[start], looked[stop], numbers, stop - start))
            tables.append(looked[stop])
        first_frame = [looked[0]] if -1 not in looked else []
        return Detections.joined([*first_frame, *tables])

    def _look(
        self, frames: Sequence[Frame], places: list[int], looked: dict[int, Detections]
    ) -> None:
        """Detect the faces at `places` of `frames`, into `looked`."""
        self.frames_looked_at += len(places)
        found = self._detector.detect([frames[place] for place in places])
        edges = np.searchsorted(found.frame, [frames[place].index for place in places])
        for place, start, stop in zip(places, edges, [*edges[1:], len(found)], strict=True):
            looked[place] = found.where(np.arange(start, stop))

    def _doubtful_middles(self, looked: dict[int, Detections]) -> list[int]:
        """Half way between every two neighbours of `looked` that do not agree."""
        return [
            (start + stop) // 2
            for start, stop in itertools.pairwise(sorted(looked))
            if stop - start > 1 and not agree(looked[start], looked[stop], self._sure_score)
        ]


def usual_distance(frame_rate: Fraction) -> int:
    """How many frames it is from one look to the next where nothing happens."""
    return max(1, round(frame_rate / _LOOKS_PER_S))


def agree(a: Detections, b: Detections, sure_score: float) -> bool:
    """Whether the faces of frame `a` simply went to where those of frame `b` are.

    Each that is sure has its partner, and none that moves is near a sure one, which it could be
    confused with.
    """
    in_a, in_b = _pairs(a, b)
    if _unpaired_score(a, in_a) >= sure_score or _unpaired_score(b, in_b) >= sure_score:
        return False
    moved = _iou(a.boxes, b.boxes)[in_a, in_b] < _STILL_IOU
    near = _is_near_another(a, sure_score)[in_a] | _is_near_another(b, sure_score)[in_b]
    return not (moved & near).any()


def carried(a: Detections, b: Detections, frames: NDArray[np.int32], distance: int) -> Detections:
    """Where the faces that are both in `a` and in `b` are in the `frames` (F,) between.

    Boxes and landmarks move evenly; of the two scores a face has the lower one.

    Args:
        distance: frames from `a` to `b`; that of `frames[0]` from `a` is 1.
    """
    in_a, in_b = _pairs(a, b)
    share = ((np.arange(len(frames)) + 1) / distance).astype(np.float32)

    def between(first: NDArray[np.float32], last: NDArray[np.float32]) -> NDArray[np.float32]:
        part = share.reshape(-1, *[1] * first.ndim)
        moving: NDArray[np.float32] = first * (1 - part) + last * part  # (F, pairs, …)
        return moving.reshape(-1, *first.shape[1:])

    return Detections(
        np.repeat(frames, len(in_a)),
        between(a.boxes[in_a], b.boxes[in_b]),
        np.tile(np.minimum(a.scores[in_a], b.scores[in_b]), len(frames)),
        between(a.landmarks[in_a], b.landmarks[in_b]),
    )


def _pairs(a: Detections, b: Detections) -> _Pairs:
    """Which face of `a` is which of `b`, by where they are."""
    iou = _iou(a.boxes, b.boxes)
    in_a, in_b = linear_sum_assignment(iou, maximize=True)
    same = iou[in_a, in_b] >= _MIN_IOU
    return in_a[same], in_b[same]


def _unpaired_score(table: Detections, paired: NDArray[np.intp]) -> float:
    """The best score of those without a partner; below 0 where there are none."""
    return float(np.delete(table.scores, paired).max(initial=-1.0))


def _is_near_another(table: Detections, sure_score: float) -> NDArray[np.bool_]:
    """Which of the faces (N,) of a frame another, which is sure, is near to."""
    large = scale_boxes(table.boxes, _NEAR, _NEAR)
    touching = _iou(large, large) > 0
    np.fill_diagonal(touching, False)
    return np.asarray((touching & (table.scores >= sure_score)).any(axis=1), np.bool_)


def _iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(box_iou(a.astype(np.float64), b.astype(np.float64)), np.float64)
