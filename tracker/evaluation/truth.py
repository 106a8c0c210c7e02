"""Read ground truths and results: MOT text, XML of the authors or of CVAT, run folders."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.errors import FormatError, RecordError
from tracker.evaluation.annotations import (
    Annotations,
    Extent,
    check_extent,
    check_people,
    root_of_xml,
)
from tracker.evaluation.authors_xml import read_authors_xml
from tracker.evaluation.cvat import read_cvat
from tracker.mot import read_mot
from tracker.records import NOBODY, Tracks

TRACKS_FILE = "tracks.txt"  # of a run folder

_XML_READERS = {"Video": read_authors_xml, "annotations": read_cvat}  # by the outermost element


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

    @property
    def named(self) -> Tracks:
        """The boxes of people: without the regions to ignore."""
        return self.tracks.where(self.tracks.person != NOBODY)

    def within(self, first: int, stop: int | None) -> Truth:
        """This truth, annotated only in frames from `first` (0-based) on, and before `stop`.

        Raises:
            RecordError: the range has no frames.
        """
        if first < 0 or (stop is not None and stop <= first):
            raise RecordError(f"from frame {first} to {stop} there are no frames")
        late = max(first - self.start, 0)
        start = self.start + math.ceil(late / self.step) * self.step
        ends = [end for end in (self.stop, stop) if end is not None]
        kept = (self.tracks.frame >= first) & (self.tracks.frame < min(ends, default=math.inf))
        return Truth(self.tracks.where(kept), start, min(ends, default=None), self.step)

    def annotates(self, frame: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of `frame` (N,) this truth knows everything about, as a mask (N,)."""
        stop = np.inf if self.stop is None else self.stop
        inside = (frame >= self.start) & (frame < stop)
        known: NDArray[np.bool_] = inside & ((frame - self.start) % self.step == 0)
        return known


def read_truth(path: Path, frame_step: int = 1, extent: Extent | None = None) -> Truth:
    """Read a ground truth: MOT text, XML of the authors or of CVAT, or a run folder.

    Regions to ignore are rows of MOT text with an id below 0 or with confidence 0, and tracks
    that CVAT has labelled "ignore". XML is annotated in the frames that it names, MOT text in
    every frame of the video. An empty MOT file is a truth in which nobody appears.

    Args:
        frame_step: frame n (from 0) of the file is frame n * frame_step of the video. 5 for the
            authors' `..._5thFrame_gt.xml` beside a whole episode: those files number only the
            frames that were kept, one in five.
        extent: of the video; what lies beyond it is refused. A box may hang over an edge.

    Raises:
        FormatError: the file cannot be understood, has two boxes of one id in a frame, or does
            not fit the video; with the line.
    """
    said = _read(path)
    if said.step > 1 and frame_step > 1:
        raise FormatError(
            path, f"names a step of its own, {said.step}: another, of {frame_step}, cannot apply"
        )
    check_extent(said, frame_step, extent or Extent())
    ignored = (said.rows.identity < 0) | (said.rows.scores == 0)
    tracks = _tracks_of(said, np.where(ignored, NOBODY, said.rows.identity), frame_step)
    stop = None if said.stop is None else said.stop * frame_step
    return Truth(tracks, said.start * frame_step, stop, said.step * frame_step)


def read_tracks(path: Path, extent: Extent | None = None) -> Tracks:
    """Read results: MOT text, a run folder (a directory holding `tracks.txt`), or XML.

    A score of 0 is an interpolated box like any other; a score below 0 is how MOT text says that
    there is none, and becomes 1. Where all ids are below 0, as in the files of detectors, each
    box becomes a person of its own (see `is_unnamed`). An empty file is nobody.

    Args:
        extent: of the video; what lies beyond it is refused. A box may hang over an edge.

    Raises:
        FormatError: the file cannot be understood, has two boxes of one id in a frame, or does
            not fit the video; with the line.
    """
    said = _read(path)
    check_extent(said, 1, extent or Extent())
    unnamed = said.rows.identity < 0
    if np.all(unnamed):
        return _tracks_of(said, np.arange(1, len(unnamed) + 1))
    for row in np.flatnonzero(unnamed)[:1]:
        raise said.error(
            row, f"{said.whose(row)} among people: results name a person for every box, or for none"
        )
    return _tracks_of(said, said.rows.identity)


def is_unnamed(tracks: Tracks) -> bool:
    """Whether `tracks` say nothing of who is who: several boxes, and no person has two of them.

    So are the boxes of a detector, which `read_tracks` gives a person each; for these, measures
    of identity mean nothing. No tracks, and a single box, are not unnamed.
    """
    return len(tracks) > 1 and len(np.unique(tracks.person)) == len(tracks)


def _read(path: Path) -> Annotations:
    """What a file of any known format says; of a run folder, its tracks."""
    if path.is_dir():
        if not (path / TRACKS_FILE).is_file():
            raise FormatError(path, f"is not a run folder: it holds no {TRACKS_FILE}")
        path = path / TRACKS_FILE
    if path.suffix.lower() != ".xml":
        return Annotations(path, read_mot(path))
    root = root_of_xml(path)
    if root not in _XML_READERS:
        raise FormatError(
            path,
            f"its outermost element is {root}: expected Video (the ECCV 2016 authors' truths) "
            "or annotations (CVAT for video 1.1)",
        )
    return _XML_READERS[root](path)


def _tracks_of(said: Annotations, person: NDArray[Any], frame_step: int = 1) -> Tracks:
    """The rows of a file, sorted by frame, then `person` (N,); what is no track is refused."""
    person = person.astype(np.int32)
    check_people(said, person)
    rows = said.rows
    order = np.lexsort((person, rows.frame))
    scores = np.where(rows.scores < 0, 1, np.minimum(rows.scores, 1)).astype(np.float32)
    frame = (rows.frame.astype(np.int64) * frame_step).astype(np.int32)
    return Tracks(frame[order], person[order], rows.boxes[order], scores[order])
