"""Faces a second that become tracklets, on one core: ours, filter by filter, and other trackers.

    cd benchmarks && python -m speeds.association

The faces are drawn: they wander through a 1920x1080 picture; a detector misses some, finds some
that are none and gives them in no order. All that links them is timed, prediction, overlaps,
assignment and the beginning and ending of tracklets; for the other trackers, which take a frame
at a time, their own records are made beforehand.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from filterpy.kalman import KalmanFilter
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from speeds.in_turn import Row, in_turn, printed
from tracker.boxes import box_iou
from tracker.config import TrackletConfig
from tracker.records import Detections, Shot
from tracker.tracklets import clear_links, link_tracklets

BOXES = 20_000  # of each crowd, whatever its size
CROWDS = (20, 5, 100)  # faces a frame
MISSED = 0.02  # of the faces of a frame, and as many found that are none
CONFIG = TrackletConfig()
Box = NDArray[np.float64]


def measure(shared: Path) -> list[Row]:
    """A part for each size of crowd; it needs nothing from `shared`."""
    rows = []
    with threadpool_limits(1):
        for count in CROWDS:
            crowd = drawn_crowd(count, BOXES // count, np.random.default_rng(0))
            shots = [Shot(0, BOXES // count)]
            ways: dict[str, Callable[[], object]] = {
                "a loop over filterpy filters": partial(linked_by_filters, crowd),
                "link_tracklets": partial(link_tracklets, crowd, shots, 0.8, 0.55, CONFIG),
            }
            if find_spec("trackers"):
                ways |= other_trackers(crowd)
            rows += in_turn(f"association, {count} faces a frame", "boxes", len(crowd), ways)
    return rows


def drawn_crowd(count: int, frames: int, rng: np.random.Generator) -> Detections:
    """What a detector finds of `count` faces that wander through a picture."""
    size = rng.uniform(40, 90, (count, 1)) * [1.0, 1.2]
    room = np.array([1920, 1080]) - size
    corner, speed = rng.uniform(0, room), rng.normal(0, 3, (count, 2))
    found = []
    for _ in range(frames):
        speed = np.where((corner < 0) | (corner > room), -speed, speed)
        corner = np.clip(corner, 0, room) + speed
        faces = np.concatenate([corner, corner + size], axis=1) + rng.normal(0, 1, (count, 4))
        none = rng.uniform(0, 1000, (rng.poisson(MISSED * count), 2))
        none = np.concatenate([none, none + 50], axis=1)
        faces = np.concatenate([faces[rng.random(count) >= MISSED], none])
        found.append(rng.permutation(faces).astype(np.float32))
    boxes = np.concatenate(found)
    return Detections(
        np.repeat(np.arange(frames, dtype=np.int32), [len(here) for here in found]),
        boxes,
        rng.uniform(0.7, 1, len(boxes)).astype(np.float32),
        np.full((len(boxes), 5, 2), np.nan, np.float32),
    )


def by_frame(detections: Detections) -> list[slice]:
    """The rows of every frame with detections."""
    edges = np.flatnonzero(np.diff(detections.frame, prepend=-1, append=-1)).tolist()
    return list(itertools.starmap(slice, itertools.pairwise(edges)))


def linked_by_filters(detections: Detections) -> list[int]:
    """The number of each detection's tracklet, each followed by a filter of its own."""
    numbers = [-1] * len(detections)
    followed: list[tuple[int, int, KalmanFilter]] = []  # number, frame last seen, motion
    count = 0
    for rows in by_frame(detections):
        frame, boxes = int(detections.frame[rows.start]), detections.boxes[rows].astype(float)
        followed = [one for one in followed if frame - one[1] <= CONFIG.max_gap_frames + 1]
        expected = np.array([expect(motion) for _, _, motion in followed]).reshape(-1, 4)
        iou = box_iou(expected, boxes)
        links = dict(zip(*(ends.tolist() for ends in clear_links(iou, CONFIG)), strict=True))
        for row, column in links.items():
            number, _, motion = followed[row]
            height = boxes[column, 3] - boxes[column, 1]
            motion.update(measured(boxes[column]), R=np.eye(4) * (0.05 * height) ** 2)
            followed[row] = number, frame, motion
            numbers[rows.start + column] = number
        in_reach = iou.max(axis=1, initial=0.0) >= CONFIG.min_iou
        followed = [one for i, one in enumerate(followed) if i in links or not in_reach[i]]
        for column in set(range(len(boxes))) - set(links.values()):
            followed.append((count, frame, filter_at(boxes[column])))
            numbers[rows.start + column] = count
            count += 1
    return numbers


def filter_at(box: Box) -> KalmanFilter:
    """A filter that starts from `box` (4,)."""
    motion = KalmanFilter(dim_x=8, dim_z=4)
    motion.F, motion.H = np.eye(8) + np.eye(8, k=4), np.eye(4, 8)
    motion.x = np.concatenate([measured(box), np.zeros((4, 1))])
    height = box[3] - box[1]
    motion.P = np.diag([(0.1 * height) ** 2] * 4 + [(0.2 * height) ** 2] * 4)
    return motion


def expect(motion: KalmanFilter) -> Box:
    """Move `motion` on by a frame; the box (4,) that it expects."""
    height = max(motion.x[3, 0], 1.0)
    motion.predict(Q=np.diag([0.0] * 4 + [(0.02 * height) ** 2] * 4))
    centre, half = motion.x[:2, 0], np.maximum(motion.x[2:4, 0], 1.0) / 2
    return np.concatenate([centre - half, centre + half])


def measured(box: Box) -> Box:
    """Centre x, centre y, width and height (4, 1) of `box` (4,)."""
    return np.concatenate([(box[:2] + box[2:]) / 2, box[2:] - box[:2]])[:, None]


def other_trackers(detections: Detections) -> dict[str, Callable[[], object]]:
    """Those of roboflow's `trackers`, at their defaults, over the same boxes."""
    import supervision
    from trackers import ByteTrackTracker, OCSORTTracker, SORTTracker

    frames = [
        supervision.Detections(xyxy=detections.boxes[rows], confidence=detections.scores[rows])
        for rows in by_frame(detections)
    ]

    def follow(kind: Callable[[], object]) -> None:
        tracker = kind()
        for found in frames:
            tracker.update(found)

    kinds = {"ByteTrack": ByteTrackTracker, "SORT": SORTTracker, "OC-SORT": OCSORTTracker}
    return {f"{name} of `trackers`": partial(follow, kind) for name, kind in kinds.items()}


if __name__ == "__main__":
    print(printed(measure(Path("../shared"))))
