"""The nouns of the project: frozen records that know no algorithm, vendor or file format.

Everywhere: frames are 0-based in decode order, boxes are x1, y1, x2, y2 in source
pixels, images are RGB uint8, times are exact `Fraction` seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tracker.errors import RecordError

NO_TRACKLET = -1
NOBODY = -1  # the person of a detection that belongs to none; in a truth, a region to ignore

_Table = TypeVar("_Table", "Detections", "Tracks")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture.

    Attributes:
        index: 0-based, in decode order.
        time: seconds from the start of the video, exact.
        image: (H, W, 3) uint8 RGB, upright (rotation metadata applied).
    """

    index: int
    time: Fraction
    image: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What the container says of a video.

    Attributes:
        width: of the upright picture, in pixels.
        height: of the upright picture, in pixels.
        frame_rate: nominal, frames a second; the frames' own times are what counts.
        frame_count: the container's claim, for progress only; None where it makes none.
        has_sound: whether there is at least one audio stream.
    """

    width: int
    height: int
    frame_rate: Fraction
    frame_count: int | None
    has_sound: bool


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """When each frame of a video is shown.

    Attributes:
        ticks: (F,) int64, strictly increasing; in units of `tick_s`, 0 at the start of the video.
        tick_s: seconds a tick, exact.
        end_tick: when the last frame stops being shown.
    """

    ticks: NDArray[np.int64]
    tick_s: Fraction
    end_tick: int

    def __len__(self) -> int:
        return len(self.ticks)

    def start_s(self, frame: int) -> Fraction:
        """The time at which `frame` appears."""
        return int(self.ticks[frame]) * self.tick_s

    def stop_s(self, frame: int) -> Fraction:
        """The time at which `frame` gives way to the next one."""
        tick = self.ticks[frame + 1] if frame + 1 < len(self.ticks) else self.end_tick
        return int(tick) * self.tick_s


@dataclass(frozen=True, slots=True, order=True)
class Shot:
    """A run of frames between two cuts: `start` included, `stop` excluded, as in a slice."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise RecordError(f"a shot from frame {self.start} to {self.stop} has no frames")


def shot_of_frames(frames: NDArray[np.int32], shots: Sequence[Shot]) -> NDArray[np.int32]:
    """The number, 0-based, of the shot that each of `frames` (N,) lies in.

    Args:
        shots: disjoint, in order, covering every frame.
    """
    starts = np.array([shot.start for shot in shots], np.int64)
    return (np.searchsorted(starts, frames, side="right") - 1).astype(np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Every face found in a video: parallel arrays of length N, sorted by frame; N may be 0.

    Attributes:
        frame: (N,) int32; 0-based, in decode order.
        boxes: (N, 4) float32; x1, y1, x2, y2 in source pixels.
        scores: (N,) float32 in [0, 1].
        landmarks: (N, 5, 2) float32; x, y in source pixels of the picture's left eye, right
            eye, nose tip, left and right mouth corner; NaN where a detector gives none.
    """

    frame: NDArray[np.int32]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    def __post_init__(self) -> None:
        count = len(self.frame)
        shapes = {"boxes": (count, 4), "scores": (count,), "landmarks": (count, 5, 2)}
        _check_shapes(self, shapes)
        _check_sorted(self.frame, "detections")

    def __len__(self) -> int:
        return len(self.frame)

    def where(self, keep: NDArray[Any]) -> Detections:
        """Those that `keep` selects (a mask (N,) or row numbers), in that order."""
        return _select(self, keep)

    @staticmethod
    def joined(parts: Sequence[Detections]) -> Detections:
        """The faces of all `parts`, which follow each other."""
        columns = [one.name for one in fields(Detections)]
        tables = parts or [Detections.empty()]
        return Detections(
            *(np.concatenate([getattr(table, name) for table in tables]) for name in columns)
        )

    @staticmethod
    def empty() -> Detections:
        """No faces at all."""
        return Detections(
            np.zeros(0, np.int32),
            np.zeros((0, 4), np.float32),
            np.zeros(0, np.float32),
            np.zeros((0, 5, 2), np.float32),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Constraints:
    """What the video itself says about who is who, beyond one tracklet being one person.

    Attributes:
        tracklet_count: number of tracklets, T; they are numbered 0 to T - 1.
        cannot_link: (C, 2) int32, rows a < b, sorted, each once: never in one track.
        doubtful: rows of `cannot_link` that may be one person, seen twice in a dissolve.
    """

    tracklet_count: int
    cannot_link: NDArray[np.int32]
    doubtful: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        _check_shapes(self, {"cannot_link": (len(self.cannot_link), 2)})
        for numbers, count in (
            (self.cannot_link, self.tracklet_count),
            (self.doubtful, len(self.cannot_link)),
        ):
            if len(numbers) and not 0 <= numbers.min() <= numbers.max() < count:
                raise RecordError(f"constraints name number {numbers.max()}, of {count}")

    @property
    def negatives(self) -> NDArray[np.int32]:
        """Those (C', 2) of `cannot_link` that are different people beyond doubt."""
        return np.delete(self.cannot_link, self.doubtful, axis=0)

    def matrix(self) -> NDArray[np.bool_]:
        """(T, T) bool, symmetric: true where two tracklets are different people."""
        apart = np.zeros((self.tracklet_count, self.tracklet_count), np.bool_)
        a, b = self.cannot_link.T
        apart[a, b] = apart[b, a] = True
        return apart

    def among(self, members: NDArray[np.integer]) -> NDArray[np.bool_]:
        """`matrix` (M, M) of some tracklets, `members` (M,), each once; the whole is not made."""
        place = np.full(self.tracklet_count, -1)
        place[members] = np.arange(len(members))
        pairs = place[self.cannot_link]
        a, b = pairs[(pairs >= 0).all(axis=1)].T
        apart = np.zeros((len(members), len(members)), np.bool_)
        apart[a, b] = apart[b, a] = True
        return apart


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """The faces chosen to stand for each tracklet, cut out of the video.

    Attributes:
        rows: (S,) int64, increasing; the row of each crop in the detections.
        images: (S, side, side, 3) uint8 RGB; may be a memory map.
    """

    rows: NDArray[np.int64]
    images: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.images):
            raise RecordError(f"{len(self.images)} crops do not fit {len(self.rows)} rows")

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """Where each person is, frame by frame: sorted by frame, then person; M may be 0.

    Attributes:
        frame: (M,) int32; 0-based, in decode order.
        person: (M,) int32; 1-based; -1 (`NOBODY`) in a truth marks a region to ignore.
        boxes: (M, 4) float32; x1, y1, x2, y2 in source pixels.
        scores: (M,) float32 in [0, 1]; 0 where the box was interpolated.
    """

    frame: NDArray[np.int32]
    person: NDArray[np.int32]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]

    def __post_init__(self) -> None:
        count = len(self.frame)
        _check_shapes(self, {"person": (count,), "boxes": (count, 4), "scores": (count,)})
        _check_sorted(self.frame, "tracks")

    def __len__(self) -> int:
        return len(self.frame)

    def where(self, keep: NDArray[Any]) -> Tracks:
        """Those that `keep` selects (a mask (M,) or row numbers), in that order."""
        return _select(self, keep)

    @staticmethod
    def empty() -> Tracks:
        """Nobody at all."""
        return Tracks(
            np.zeros(0, np.int32),
            np.zeros(0, np.int32),
            np.zeros((0, 4), np.float32),
            np.zeros(0, np.float32),
        )


def _select(table: _Table, keep: NDArray[Any]) -> _Table:
    columns = {one.name: getattr(table, one.name)[keep] for one in fields(table)}
    return replace(table, **columns)


def _check_shapes(record: object, shapes: dict[str, tuple[int, ...]]) -> None:
    for name, wanted in shapes.items():
        shape = getattr(record, name).shape
        if shape != wanted:
            raise RecordError(f"{type(record).__name__}.{name} is {shape}, expected {wanted}")


def _check_sorted(frame: NDArray[np.int32], what: str) -> None:
    if len(frame) and (frame[0] < 0 or np.any(np.diff(frame) < 0)):
        raise RecordError(f"{what} must be sorted by frame, from 0")
