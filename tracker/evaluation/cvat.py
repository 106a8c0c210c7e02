"""CVAT for video 1.1: the XML that CVAT exports of the tracks drawn in a video."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tracker.errors import FormatError
from tracker.evaluation.annotations import MOST_FRAMES, Annotations, Extent, XmlReader
from tracker.mot import rows_of
from tracker.records import NOBODY

IGNORED_LABEL = "ignore"  # of tracks that are regions in which nothing is judged
IDENTITY_ATTRIBUTES = ("person", "identity", "name", "id")  # of a box; the first one counts
SCORE_ATTRIBUTE = "score"  # of a box
COMMON_LABELS = ("face", "faces", "head", "heads", "person", "people", "human")  # of nobody's name

_UNSET = ("", "__undefined__")  # values by which CVAT says that an attribute was not chosen
_CORNERS = ("xtl", "ytl", "xbr", "ybr")
_OTHER_SHAPES = ("polygon", "polyline", "points", "mask", "ellipse", "cuboid", "skeleton")
_TASK_NUMBERS = ("start_frame", "stop_frame", "size")
_META_NUMBERS = {
    "task": _TASK_NUMBERS,
    "job": _TASK_NUMBERS,
    "original_size": ("width", "height"),
}

_Corners = tuple[float, float, float, float]  # x1, y1, x2, y2


def read_cvat(path: Path) -> Annotations:
    """Read `annotations` > `track label` > `box frame outside xtl ytl xbr ybr`; frames from 0.

    In frames between two boxes of a track that the file leaves out, the box moves evenly from the
    one to the other; up to a box with `outside="1"`, which ends it, it stays where it was; and a
    track ends with its last box. Frames are those of the video, annotated as the meta says: from
    `start_frame` to `stop_frame`, every N of them where `frame_filter` is "step=N".

    A track labelled "ignore" is a region to ignore. Who a track is, is said by an attribute of
    its boxes called person, identity, name or id: the same value in two tracks is one person.
    Else, where the tracks have two or more labels besides "ignore" and such as face, head or
    person, the label is who it is; else each track is a person. People count from 1, in the
    order of their tracks.

    Raises:
        FormatError: the file cannot be read, is another export, or an element makes no sense.
    """
    said, _ = read_named_cvat(path)
    return replace(said, rows=said.rows._replace(scores=np.ones_like(said.rows.scores)))


def read_named_cvat(path: Path) -> tuple[Annotations, dict[int, str]]:
    """Read likewise, with scores, and with the names (by identity) of those who have one.

    A box's score is its attribute of that name, 1 where that is none in [0, 1], and 0 where the
    box was interpolated: left out of the file, or no keyframe.

    Raises:
        FormatError: as `read_cvat`.
    """
    reader = _CvatReader(path)
    reader.read()
    frames = reader.frames()
    tracks = [track for track in reader.tracks if any(box.corners for box in track.boxes)]
    people = _people(tracks)
    rows: list[tuple[float, ...]] = []
    lines: list[int] = []
    for track, person in zip(tracks, people, strict=True):
        for frame, line, corners, score in _filled(_in_order(path, track, frames), frames):
            x1, y1, x2, y2 = corners
            rows.append((frame + 1, person.identity, x1, y1, x2 - x1, y2 - y1, score))
            lines.append(line)
    table = rows_of(np.array(rows, np.float64).reshape(-1, 7), np.array(lines, np.int32))
    stop = None if frames.stop == MOST_FRAMES else frames.stop
    extent = Extent(reader.numbers.get("width"), reader.numbers.get("height"))
    whose = {person.identity: person.whose for person in people}
    said = Annotations(path, table, frames.start, stop, frames.step, 0, extent, whose)
    return said, {person.identity: person.name for person in people if person.name}


class _Box(NamedTuple):
    frame: int
    line: int
    corners: _Corners | None  # None: outside
    score: float = 1.0  # 0: interpolated


class _Person(NamedTuple):
    identity: int  # `NOBODY` of a region to ignore
    whose: str  # in words, for errors
    name: str | None


@dataclass
class _Track:
    number: str
    label: str
    boxes: list[_Box] = field(default_factory=list)
    called: dict[str, tuple[str, int]] = field(default_factory=dict)  # attribute: value, line

    @property
    def ignored(self) -> bool:
        return self.label.lower() == IGNORED_LABEL


class _CvatReader(XmlReader):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.numbers: dict[str, int] = {}  # of the meta
        self.step = 1
        self.tracks: list[_Track] = []
        self.above: list[str] = []  # the tags of the elements that are open
        self.attribute = ""  # the name of the one being read
        self.text = ""  # since the last tag

    def open_element(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take in the start of one element; unknown ones are passed over."""
        self.above.append(tag)
        self.text = ""
        if tag == "image":
            raise self.error("is CVAT for images: export the task as 'CVAT for video 1.1'")
        if self.above[1:] == ["meta", "project"]:
            raise self.error("is the export of a project: export the one task instead")
        if tag == "track":
            number = attributes.get("id", str(len(self.tracks)))
            self.tracks.append(_Track(number, attributes.get("label", "").strip()))
        elif "track" in self.above and tag in _OTHER_SHAPES:
            raise self.error(f"a {tag}: only boxes can be compared; redraw it, or delete its track")
        elif tag == "box":
            self.add_box(attributes)
        elif tag == "attribute":
            self.attribute = attributes.get("name", "").lower()

    def close_element(self, tag: str) -> None:
        """Take in the end of one element, whose text is complete."""
        self.above.pop()
        parent = self.above[-1] if self.above else ""
        text = self.text.strip()
        if tag == "attribute" and parent == "box":
            self.add_attribute(text)
            self.add_score(text)
        elif tag in _META_NUMBERS.get(parent, ()):
            self.numbers[tag] = self.whole({tag: text}, tag)
        elif parent in ("task", "job") and tag == "frame_filter" and text:
            self.add_filter(text)

    def add_text(self, text: str) -> None:
        """Take in text, which may arrive in pieces."""
        self.text += text

    def add_filter(self, text: str) -> None:
        """Take in which frames the task has of the video."""
        found = re.fullmatch(r"step\s*=\s*([1-9]\d{0,6})", text)
        if not found:
            raise self.error(f"frame_filter is {text!r}: only 'step=N' is known")
        self.step = int(found[1])

    def add_box(self, attributes: Mapping[str, str]) -> None:
        """Take in one box of the track being read."""
        if "track" not in self.above:
            raise self.error("a box outside any track")
        outside = attributes.get("outside", "0")
        if outside not in ("0", "1"):
            raise self.error(f"outside is 0 or 1, not {outside!r}")
        frame = self.whole(attributes, "frame")
        if not 0 <= frame < MOST_FRAMES:
            raise self.error(f"frame is out of range: {frame}")
        corners = None
        if outside == "0":
            if "rotation" in attributes and self.number(attributes, "rotation") % 360:
                raise self.error("a box that is turned cannot be compared: set its rotation to 0")
            x1, y1, x2, y2 = (self.number(attributes, name) for name in _CORNERS)
            if x2 <= x1 or y2 <= y1:
                raise self.error(f"a box {x2 - x1:g} x {y2 - y1:g} has no area")
            corners = (x1, y1, x2, y2)
        score = 0.0 if attributes.get("keyframe") == "0" else 1.0
        self.tracks[-1].boxes.append(_Box(frame, self.line, corners, score))

    def add_attribute(self, value: str) -> None:
        """Take in who the track being read is, if that is what the attribute says."""
        if self.attribute not in IDENTITY_ATTRIBUTES or value in _UNSET:
            return
        track = self.tracks[-1]
        track.called.setdefault(self.attribute, (value, self.line))
        before, line = track.called[self.attribute]
        if before != value:
            raise self.error(
                f"track {track.number} is {value!r} here, but {before!r} in line {line}: "
                "a track is one person; split it"
            )

    def add_score(self, value: str) -> None:
        """Take in how sure the detector was of the box being read, if that is what is said."""
        boxes = self.tracks[-1].boxes
        if self.attribute != SCORE_ATTRIBUTE or not boxes[-1].score:
            return
        with contextlib.suppress(ValueError):  # in another's file, it may be anything
            score = float(value)
            if 0 <= score <= 1:
                boxes[-1] = boxes[-1]._replace(score=score)

    def frames(self) -> range:
        """Those of the video that the task has; where no end is named, up to `MOST_FRAMES`."""
        start, stop = self.numbers.get("start_frame", 0), MOST_FRAMES
        if "stop_frame" in self.numbers:
            stop = self.numbers["stop_frame"] + 1
        elif "size" in self.numbers:
            stop = start + self.numbers["size"] * self.step
        if not 0 <= start <= stop <= MOST_FRAMES:
            raise FormatError(self.path, f"a task cannot have the frames {start} to {stop - 1}")
        return range(start, stop, self.step)


def _in_order(path: Path, track: _Track, frames: range) -> list[_Box]:
    """The boxes of a track by frame; two in one, and one in none of `frames`, are refused."""
    boxes = sorted(track.boxes, key=lambda box: (box.frame, box.line))
    for box in boxes:
        if box.corners and box.frame not in frames:
            every = f", every {frames.step} of them" if frames.step > 1 else ""
            problem = (
                f"frame {box.frame} is none of the task's, {frames.start} to {frames.stop - 1}"
            )
            raise FormatError(path, problem + every, box.line)
    for first, second in pairwise(boxes):
        if first.frame == second.frame:
            problem = f"two boxes of track {track.number} in frame {first.frame}"
            raise FormatError(path, f"{problem}, the other in line {first.line}", second.line)
    return boxes


def _filled(boxes: Sequence[_Box], frames: range) -> Iterator[tuple[int, int, _Corners, float]]:
    """Frame, line, corners, score of each box not outside, and of those left out between."""
    for box, after in zip(boxes, [*boxes[1:], None], strict=True):
        if box.corners is None:
            continue
        yield box.frame, box.line, box.corners, box.score
        if after is None:
            continue
        last = after.corners or box.corners
        for frame in range(box.frame + frames.step, min(after.frame, frames.stop), frames.step):
            share = (frame - box.frame) / (after.frame - box.frame)
            x1, y1, x2, y2 = (
                (1 - share) * begin + share * end
                for begin, end in zip(box.corners, last, strict=True)
            )
            yield frame, box.line, (x1, y1, x2, y2), 0.0


def _people(tracks: Sequence[_Track]) -> list[_Person]:
    """Who each track is."""
    people = [track for track in tracks if not track.ignored]
    used = [name for name in IDENTITY_ATTRIBUTES if any(name in track.called for track in people)]
    labels = {track.label for track in people if track.label.lower() not in COMMON_LABELS}
    numbers: dict[object, int] = {}
    found = []
    for row, track in enumerate(tracks):
        key: object = row
        whose, name = f"track {track.number}", None
        if track.ignored:
            found.append(_Person(NOBODY, "a region to ignore", None))
            continue
        if used and used[0] in track.called:
            name = track.called[used[0]][0]
            key = whose = repr(name)
        elif not used and len(labels) > 1 and track.label in labels:
            name = track.label
            key = whose = f"label {name!r}"
        found.append(_Person(numbers.setdefault(key, len(numbers) + 1), whose, name))
    return found
