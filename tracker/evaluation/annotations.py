"""What a file of boxes says, each box with its line, and what the readers of XML share."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from tracker.errors import FormatError
from tracker.mot import MotRows
from tracker.records import NOBODY

MANY_OUTSIDE = 0.01  # from this share of the boxes on, it is the resolution that is suspected
MOST_FRAMES = 5 * 10**6  # almost two days of video; a slip in a number could fill the memory
_LONGEST = 2**31 - 1  # frames of any video


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a video is, in pixels and frames; None: not known."""

    width: int | None = None
    height: int | None = None
    frames: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """What a file of boxes says, before it is judged.

    Attributes:
        path: the file.
        rows: its boxes, with their lines; an identity below 0 is a region to ignore.
        start: the first frame that the file speaks of, 0-based.
        stop: one past the last one; None: to the end of the video.
        step: every so many frames from `start` one is annotated.
        first_frame: what the file calls the first frame of a video: 0 or 1.
        extent: what the file itself says of the video.
        names: what the file calls an identity, where that is not "id" and its number.
    """

    path: Path
    rows: MotRows
    start: int = 0
    stop: int | None = None
    step: int = 1
    first_frame: int = 1
    extent: Extent = Extent()
    names: Mapping[int, str] = field(default_factory=dict)

    def whose(self, row: int) -> str:
        """Whose box `row` is, in the words of the file."""
        identity = int(self.rows.identity[row])
        return self.names.get(identity, f"id {identity}")

    def frame(self, row: int) -> int:
        """The frame of `row`, as the file counts."""
        return int(self.rows.frame[row]) + self.first_frame

    def error(self, row: int, problem: str) -> FormatError:
        """`problem`, with the line of `row`."""
        return FormatError(self.path, problem, int(self.rows.line[row]))


def check_people(said: Annotations, person: NDArray[np.int32]) -> None:
    """Refuse a person 0, and two boxes of a person in a frame.

    Args:
        person: (N,) whose box each row is; `NOBODY` may have many in a frame.

    Raises:
        FormatError: with both lines.
    """
    for row in np.flatnonzero(person == 0)[:1]:
        raise said.error(row, f"id 0 in frame {said.frame(row)}: ids count from 1")
    order = np.lexsort((person, said.rows.frame))
    frame, person = said.rows.frame[order], person[order]
    twice = (np.diff(frame) == 0) & (np.diff(person) == 0) & (person[1:] != NOBODY)
    for first, second in zip(order[:-1][twice], order[1:][twice], strict=True):
        problem = f"two boxes of {said.whose(first)} in frame {said.frame(first)}"
        lines = sorted(int(said.rows.line[row]) for row in (first, second))
        raise FormatError(said.path, f"{problem}, the other in line {lines[0]}", lines[1])


def check_extent(said: Annotations, frame_step: int, extent: Extent) -> None:
    """Refuse boxes that lie wholly outside the picture, and frames beyond the end.

    Args:
        frame_step: how many frames of the video one of the file stands for.

    Raises:
        FormatError: with the line of the first such box.
    """
    theirs, ours = (said.extent.width, said.extent.height), (extent.width, extent.height)
    if None not in theirs + ours and theirs != ours:
        raise FormatError(
            said.path,
            f"made for pictures of {theirs[0]} x {theirs[1]}, but those of the video are "
            f"{ours[0]} x {ours[1]}: take the truth of this video",
        )
    for one in (said.extent, extent):
        _check_pictures(said, one)
        _check_frames(said, frame_step, one)


def _check_pictures(said: Annotations, extent: Extent) -> None:
    if extent.width is None and extent.height is None:
        return
    x1, y1, x2, y2 = said.rows.boxes.T
    width, height = extent.width or math.inf, extent.height or math.inf
    outside = (x2 <= 0) | (y2 <= 0) | (x1 >= width) | (y1 >= height)
    for row in _first_in_file(said, outside):
        size = f" of {width} x {height}" if math.isfinite(width + height) else ""
        problem = (
            f"the box of {said.whose(row)} in frame {said.frame(row)}, from {x1[row]:g}, "
            f"{y1[row]:g} to {x2[row]:g}, {y2[row]:g}, lies outside the picture{size}"
        )
        if np.mean(outside) >= MANY_OUTSIDE:
            problem += f", as {outside.sum()} of {len(outside)} do"
            problem += ": was it made for another resolution?"
        raise said.error(row, problem)


def _check_frames(said: Annotations, frame_step: int, extent: Extent) -> None:
    frame = said.rows.frame.astype(np.int64) * frame_step
    frames = _LONGEST if extent.frames is None else extent.frames
    for row in _first_in_file(said, frame >= frames):
        stretched = ""
        if frame_step > 1:
            stretched = f", {frame[row] + said.first_frame} with a step of {frame_step},"
        raise said.error(
            row,
            f"frame {said.frame(row)}{stretched} lies beyond the end of the video, "
            f"which has {frames} frames",
        )


def _first_in_file(said: Annotations, which: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The one of `which` (N,) with the smallest line, as an array of one; empty where none is."""
    rows = np.flatnonzero(which)
    return rows[np.argsort(said.rows.line[rows], kind="stable")][:1]


class XmlReader:
    """Takes in a file of XML, element by element, and knows in which line it is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self.open_element
        self._parser.EndElementHandler = self.close_element
        self._parser.CharacterDataHandler = self.add_text
        self._parser.StartDoctypeDeclHandler = self.refuse_doctype

    def read(self) -> None:
        """Take in the whole file.

        Raises:
            FormatError: it cannot be read, is not XML, or declares a DOCTYPE.
        """
        try:
            with self.path.open("rb") as file:
                self._parser.ParseFile(file)
        except OSError as error:
            raise FormatError(self.path, f"cannot be read as XML ({error})") from error
        except (expat.ExpatError, LookupError) as error:  # LookupError: an unknown encoding
            raise self.error(f"is not well-formed XML ({error})") from error

    def open_element(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take in the start of an element."""

    def close_element(self, tag: str) -> None:
        """Take in the end of an element."""

    def add_text(self, text: str) -> None:
        """Take in text between elements; one stretch may arrive in pieces."""

    def refuse_doctype(self, *_declared: object) -> None:
        """Stop before any entity is declared: expanding them can fill the memory."""
        raise self.error("declares a DOCTYPE, which no truth needs; remove it")

    def number(self, attributes: Mapping[str, str], name: str) -> float:
        """The attribute `name` as a finite number."""
        try:
            value = float(attributes[name])
        except KeyError as error:
            raise self.error(f"{name} is missing") from error
        except ValueError as error:
            raise self.error(f"{name} is no number: {attributes[name]!r}") from error
        if not abs(value) < 2**31:  # nor NaN
            raise self.error(f"{name} is out of range: {attributes[name]!r}")
        return value

    def whole(self, attributes: Mapping[str, str], name: str) -> int:
        """The attribute `name` as a whole number."""
        value = self.number(attributes, name)
        if value != int(value):
            raise self.error(f"{name} is no whole number: {attributes[name]!r}")
        return int(value)

    @property
    def line(self) -> int:
        """Where the parser is, from 1."""
        return self._parser.CurrentLineNumber

    def error(self, problem: str, line: int | None = None) -> FormatError:
        """`problem`, in `line`, or else where the parser is."""
        return FormatError(self.path, problem, self.line if line is None else line)


class _RootFound(Exception):  # noqa: N818 - no error
    """The first element has been seen."""


class _RootReader(XmlReader):
    tag = ""

    def open_element(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.tag = tag
        raise _RootFound


def root_of_xml(path: Path) -> str:
    """The tag of the outermost element, by which kinds of XML are told apart.

    Raises:
        FormatError: the file cannot be read, does not begin as XML, or declares a DOCTYPE.
    """
    reader = _RootReader(path)
    with contextlib.suppress(_RootFound):
        reader.read()
    return reader.tag
