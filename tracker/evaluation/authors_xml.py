"""The XML in which the authors of the ECCV 2016 paper published their ground truths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tracker.evaluation.annotations import MOST_FRAMES, Annotations, XmlReader
from tracker.mot import rows_of

# What the authors' x and y lie above 0-based source pixels: their T-ara file less this equals the
# same truth in MOT text at all 14,529 boxes. Elsewhere there are no pixels to check against; the
# extents (0 to 1279 in some files) leave room for an error of one pixel.
ORIGIN_PX = 1.0

_BOX = ("x", "y", "width", "height")


def read_authors_xml(path: Path) -> Annotations:
    """Read `Video` > `Trajectory obj_id` > `Frame frame_no x y width height`; frames from 1.

    A `Video` and a `Trajectory` may name their `start_frame` and `end_frame`, and no box may lie
    outside them. Other attributes may be missing; `observation`, 1 throughout the published
    files, is not used.

    Raises:
        FormatError: the file cannot be read, or an element of it makes no sense.
    """
    reader = _AuthorsReader(path)
    reader.read()
    table = np.array(reader.boxes, np.float64).reshape(-1, 7)
    table[:, 2:4] -= ORIGIN_PX
    rows = rows_of(table, np.array(reader.lines, np.int32))
    start, end = reader.video or (1, None)
    return Annotations(path, rows, start - 1, end)


class _AuthorsReader(XmlReader):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.video: tuple[int, int | None] | None = None  # first and last frame, from 1
        self.trajectory: tuple[int, int | None] = (1, None)  # of the one being read
        self.identity: int | None = None  # likewise
        self.boxes: list[tuple[float, ...]] = []  # the columns of MOT text
        self.lines: list[int] = []

    def open_element(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take in one element; unknown ones are passed over."""
        if tag == "Video":
            self.video = self.range_of(attributes)
        elif tag == "Trajectory":
            self.identity = self.whole(attributes, "obj_id")
            self.trajectory = self.range_of(attributes)
        elif tag == "Frame":
            self.add_box(attributes)

    def close_element(self, tag: str) -> None:
        """Leave a trajectory."""
        if tag == "Trajectory":
            self.identity = None

    def range_of(self, attributes: Mapping[str, str]) -> tuple[int, int | None]:
        """The first and the last frame that an element names, from 1; None: to the end."""
        first = self.whole(attributes, "start_frame") if "start_frame" in attributes else 1
        last = self.whole(attributes, "end_frame") if "end_frame" in attributes else None
        if first < 1 or (last is not None and last < first - 1):
            raise self.error(f"frames {first} to {last} are no range: frames count from 1")
        if max(first, last or 0) > MOST_FRAMES:
            raise self.error(f"no video has as many frames as {max(first, last or 0)}")
        return first, last

    def add_box(self, attributes: Mapping[str, str]) -> None:
        """Take in one box of the trajectory being read."""
        if self.identity is None:
            raise self.error("a Frame outside any Trajectory")
        frame = self.whole(attributes, "frame_no")
        for what, range_ in (("Video", self.video or (1, None)), ("Trajectory", self.trajectory)):
            first, last = range_
            if frame < first or (last is not None and frame > last):
                until = f"{first} to {last}" if last is not None else f"from {first}"
                raise self.error(f"frame {frame} lies outside the frames of its {what}, {until}")
        x, y, width, height = (self.number(attributes, name) for name in _BOX)
        if width <= 0 or height <= 0:
            raise self.error(f"a box {width:g} x {height:g} has no area")
        self.boxes.append((frame, self.identity, x, y, width, height, 1.0))
        self.lines.append(self.line)
