"""Read ground truths and results: MOT text, the ECCV 2016 authors' XML, run folders."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from tracker.errors import FormatError, RecordError
from tracker.mot import MotRows, read_mot
from tracker.records import NOBODY, Tracks

TRACKS_FILE = "tracks.txt"  # of a run folder

# What the authors' x and y lie above 0-based source pixels: their T-ara file less this equals the
# same truth in MOT text at all 14,529 boxes. Elsewhere there are no pixels to check against; the
# extents (0 to 1279 in some files) leave room for an error of one pixel.
XML_ORIGIN_PX = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Who really is where, and in which frames that is known: `range(start, stop, step)`.

    Attributes:
        tracks: the true boxes; `NOBODY` marks a region in which nothing is judged.
        start: the first annotated frame.
        stop: one past the last annotated frame; None: annotated to the end of the video.
        step: every so many frames one is annotated; a box in between is not judged.
    """

    tracks: Tracks
    start: int = 0
    stop: int | None = None
    step: int = 1

    def __post_init__(self) -> None:
        if self.start < 0 or self.step < 1:
            raise RecordError(f"a truth cannot start at {self.start} and step by {self.step}")
        if not np.all(self.annotates(self.tracks.frame)):
            raise RecordError("a truth has boxes in frames that it does not annotate")

    def annotates(self, frame: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of `frame` (N,) this truth knows everything about, as a mask (N,)."""
        stop = np.inf if self.stop is None else self.stop
        inside = (frame >= self.start) & (frame < stop)
        known: NDArray[np.bool_] = inside & ((frame - self.start) % self.step == 0)
        return known


def read_truth(path: Path, frame_step: int = 1) -> Truth:
    """Read a ground truth: a `.xml` file of the authors, MOT text, or a run folder.

    Rows of MOT text with an id below 0 or with confidence 0 are regions to ignore. XML is
    annotated in all frames from its `start_frame` to its `end_frame`, MOT text in every frame
    of the video.

    Args:
        frame_step: frame n (from 1) of the file is frame (n - 1) * frame_step of the video. 5 for
            the authors' `..._5thFrame_gt.xml` beside a whole episode: those files number only
            the frames that were kept, one in five.

    Raises:
        FormatError: the file cannot be understood, or has two boxes of one id in a frame.
    """
    rows, start, stop = _read_rows(path)
    ignored = (rows.identity < 0) | (rows.scores == 0)
    tracks = _tracks_of(path, rows, np.where(ignored, NOBODY, rows.identity))
    stretched = Tracks(tracks.frame * frame_step, tracks.person, tracks.boxes, tracks.scores)
    stop = None if stop is None else stop * frame_step
    return Truth(stretched, start * frame_step, stop, frame_step)


def read_tracks(path: Path) -> Tracks:
    """Read results: MOT text, a run folder (a directory holding `tracks.txt`), or XML.

    A score of 0 is an interpolated box like any other; a score below 0 is how MOT text says that
    there is none, and becomes 1.

    Raises:
        FormatError: the file cannot be understood, or has two boxes of one id in a frame.
    """
    rows, _, _ = _read_rows(path)
    if np.any(rows.identity < 0):
        raise FormatError(path, "ids below 0: results need a person for each box, ids from 1")
    return _tracks_of(path, rows, rows.identity)


def _read_rows(path: Path) -> tuple[MotRows, int, int | None]:
    """The rows of any known format, and the frames, start to stop, that the file speaks of."""
    if path.is_dir():
        if not (path / TRACKS_FILE).is_file():
            raise FormatError(path, f"is not a run folder: it holds no {TRACKS_FILE}")
        path = path / TRACKS_FILE
    if path.suffix.lower() == ".xml":
        return _read_xml(path)
    return read_mot(path), 0, None


def _tracks_of(path: Path, rows: MotRows, person: NDArray[Any]) -> Tracks:
    """Sort `rows` by frame, then `person` (N,), and refuse what is no track."""
    order = np.lexsort((person, rows.frame))
    frame, person = rows.frame[order], person[order].astype(np.int32)
    if np.any(person == 0):
        raise FormatError(path, f"id 0 in frame {frame[person == 0][0] + 1}: ids count from 1")
    twice = (np.diff(frame) == 0) & (np.diff(person) == 0) & (person[1:] != NOBODY)
    if np.any(twice):
        row = np.flatnonzero(twice)[0]
        raise FormatError(path, f"two boxes of id {person[row]} in frame {frame[row] + 1}")
    scores = np.where(rows.scores < 0, 1, np.minimum(rows.scores, 1)).astype(np.float32)
    return Tracks(frame, person, rows.boxes[order], scores[order])


def _read_xml(path: Path) -> tuple[MotRows, int, int | None]:
    """Read the authors' XML: `Video` > `Trajectory obj_id` > `Frame frame_no x y width height`.

    Other attributes may be missing, and `observation`, 1 throughout the published files, is
    not used.
    """
    reader = _XmlReader(path)
    try:
        with path.open("rb") as file:
            reader.parser.ParseFile(file)
    except OSError as error:
        raise FormatError(path, f"cannot be read as XML ({error})") from error
    except expat.ExpatError as error:
        raise FormatError(path, f"is not well-formed XML ({error})", error.lineno) from error
    table = np.array(reader.rows, np.float64).reshape(-1, 6)
    corners = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1)
    rows = MotRows(
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        (corners - XML_ORIGIN_PX).astype(np.float32),
        np.ones(len(table), np.float32),
    )
    return rows, reader.start, reader.stop


class _XmlReader:
    """What has been read so far of an XML file; each element arrives with its line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.start = 0
        self.stop: int | None = None
        self.identity: float | None = None  # of the trajectory being read
        self.rows: list[list[float]] = []  # frame (0-based), id, x, y, width, height
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self.open_element
        self.parser.StartDoctypeDeclHandler = self.refuse_doctype

    def refuse_doctype(self, *_declared: object) -> None:
        """Stop before any entity is declared: expanding them can fill the memory."""
        raise self.error("declares a DOCTYPE, which no truth needs; remove it")

    def open_element(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take in one element; unknown ones are passed over."""
        if tag == "Video":
            if "start_frame" in attributes:
                self.start = int(self.number(attributes, "start_frame", whole=True)) - 1
            if "end_frame" in attributes:
                self.stop = int(self.number(attributes, "end_frame", whole=True))
        elif tag == "Trajectory":
            self.identity = self.number(attributes, "obj_id", whole=True)
        elif tag == "Frame":
            self.add_box(attributes)

    def add_box(self, attributes: Mapping[str, str]) -> None:
        """Take in one box of the trajectory being read."""
        if self.identity is None:
            raise self.error("a Frame outside any Trajectory")
        frame = self.number(attributes, "frame_no", whole=True) - 1
        if frame < self.start or (self.stop is not None and frame >= self.stop):
            raise self.error(f"frame {frame + 1:.0f} lies outside the frames of the Video")
        box = [self.number(attributes, name) for name in ("x", "y", "width", "height")]
        if box[2] <= 0 or box[3] <= 0:
            raise self.error(f"a box {box[2]:g} x {box[3]:g} has no area")
        self.rows.append([frame, self.identity, *box])

    def number(self, attributes: Mapping[str, str], name: str, whole: bool = False) -> float:
        """The attribute `name` as a finite number, and as a whole one where asked."""
        try:
            value = float(attributes[name])
        except KeyError as error:
            raise self.error(f"{name} is missing") from error
        except ValueError as error:
            raise self.error(f"{name} is no number: {attributes[name]!r}") from error
        if not math.isfinite(value) or abs(value) >= 2**31 or (whole and value != int(value)):
            raise self.error(f"{name} is out of range: {attributes[name]!r}")
        return value

    def error(self, problem: str) -> FormatError:
        """`problem`, with the place where the parser is."""
        return FormatError(self.path, problem, self.parser.CurrentLineNumber)
