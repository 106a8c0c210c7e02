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
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tracker.boxes import box_iou, scale_boxes
from tracker.detection.protocol import Detector
from tracker.records import Detections, Frame

_LOOKS_PER_S = 7  # where nothing happens: every fourth frame of 25 or 30 a second
_MOST_DISTANCE = 8  # whatever the frame rate: the frames between are kept meanwhile
_MIN_IOU = 0.4  # of one face in two frames
_STILL_IOU = 0.75  # from which on it has not moved
_NEAR = 1.5  # times the size of boxes, at which those of two faces near each other touch

_MIN_LIKENESS = 0.5  # of two pictures, below which there may be a cut between
_SKETCH_SIZE = (27, 48)  # pixels, at least: enough for the layout
_NO_PICTURE = np.zeros((0, 0, 3), np.uint8)

_Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]  # rows of one table and of the other


class _Look(NamedTuple):
    """What was seen in one frame."""

    faces: Detections
    sketch: NDArray[np.float32]


class SparseDetector:
    """A detector that looks at some frames only.

    Give it all frames of a video in order, in batches of any length, and call `finish`. What is
    found does not depend on the batches.

    Attributes:
        frames_looked_at: so far.
    """

    def __init__(
        self, detector: Detector, every: int, look_closer: bool, sure_score: float
    ) -> None:
        """Look at frames with `detector`.

        Args:
            every: look at the first frame, then at one in so many, and at the last ...
            look_closer: ... and between where those do not agree.
            sure_score: a face that reaches it in one frame should be in the other.
        """
        self.frames_looked_at = 0
        self._detector = detector
        self._every = every
        self._look_closer = look_closer
        self._sure_score = sure_score
        self._waiting: list[Frame] = []  # those after the last that was looked at
        self._before: _Look | None = None  # at the frame before these

    def detect(self, frames: Sequence[Frame]) -> Detections:
        """The faces of the frames given so far, but for some at the end that must wait.

        Those that were given out before are left out; in order of frame.
        """
        for frame in frames:
            last = len(self._waiting) - 1
            if last >= 0 and not self._look_closer and not self._is_due(last):
                self._waiting[last] = replace(self._waiting[last], image=_NO_PICTURE)
            self._waiting.append(frame)
        due = [place for place in range(len(self._waiting)) if self._is_due(place)]
        return self._settle(due)

    def finish(self) -> Detections:
        """The faces of the frames that wait; the last one is looked at."""
        return self._settle([len(self._waiting) - 1] if self._waiting else [])

    def _is_due(self, place: int) -> bool:
        is_first = place == 0 and self._before is None
        return is_first or self._waiting[place].index % self._every == 0

    def _settle(self, due: list[int]) -> Detections:
        """Look at the waiting frames at the places `due`, and find the faces up to the last."""
        if not due:
            return Detections.empty()
        # By place; -1 is the last frame that was looked at before.
        looks = {} if self._before is None else {-1: self._before}
        self._look(due, looks)
        while self._look_closer and (places := self._doubtful_middles(looks)):
            self._look(places, looks)
        tables = [] if self._before is not None else [looks[0].faces]
        for start, stop in itertools.pairwise(sorted(looks)):
            between = [frame.index for frame in self._waiting[start + 1 : stop]]
            if between:
                a, b = looks[start].faces, looks[stop].faces
                tables.append(carried(a, b, np.array(between, np.int32), stop - start))
            tables.append(looks[stop].faces)
        self._before = looks[due[-1]]
        self._waiting = self._waiting[due[-1] + 1 :]
        return Detections.joined(tables)

    def _look(self, places: list[int], looks: dict[int, _Look]) -> None:
        """Detect the faces of the waiting frames at `places`, into `looks`."""
        self.frames_looked_at += len(places)
        frames = [self._waiting[place] for place in places]
        found = self._detector.detect(frames)
        edges = np.searchsorted(found.frame, [frame.index for frame in frames])
        stops = [*edges[1:], len(found)]
        for place, frame, start, stop in zip(places, frames, edges, stops, strict=True):
            to_compare = frame.image if self._look_closer else _NO_PICTURE
            looks[place] = _Look(found.where(np.arange(start, stop)), sketch(to_compare))

    def _doubtful_middles(self, looks: dict[int, _Look]) -> list[int]:
        """Half way between every two neighbours of `looks` that do not agree."""
        return [
            (start + stop) // 2
            for start, stop in itertools.pairwise(sorted(looks))
            if stop - start > 1 and not self._agree(looks[start], looks[stop])
        ]

    def _agree(self, a: _Look, b: _Look) -> bool:
        if not agree(a.faces, b.faces, self._sure_score):
            return False
        nobody = not len(a.faces) and not len(b.faces)
        return nobody or likeness(a.sketch, b.sketch) >= _MIN_LIKENESS


def usual_distance(frame_rate: Fraction) -> int:
    """How many frames it is from one look to the next where nothing happens."""
    return min(max(1, round(frame_rate / _LOOKS_PER_S)), _MOST_DISTANCE)


def sketch(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A few pixels (h, w) of `image` (H, W, 3), evenly spread; of an empty one none."""
    height, width = image.shape[:2]
    step_y, step_x = max(height // _SKETCH_SIZE[0], 1), max(width // _SKETCH_SIZE[1], 1)
    few = image[step_y // 2 :: step_y, step_x // 2 :: step_x]
    return np.asarray(few.mean(axis=2, dtype=np.float32))


def likeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The correlation of two sketches, -1 to 1; 1 where one is of a single shade."""
    a, b = a - a.mean(), b - b.mean()
    strength = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / strength if strength > 0 else 1.0


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
