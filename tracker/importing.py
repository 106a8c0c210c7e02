"""Tracks that were corrected elsewhere → a run folder of their own, as if they had been found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import box_iou
from tracker.edits import about_lost, names_after, read_edits
from tracker.errors import FormatError, StorageError, TrackerError
from tracker.evaluation.annotations import (
    Annotations,
    Extent,
    check_extent,
    check_people,
    root_of_xml,
)
from tracker.evaluation.cvat import read_named_cvat
from tracker.export.appearances import people_of
from tracker.export.choosing import comparable, people_called
from tracker.export.cvat import person_labels
from tracker.export.portraits import PORTRAITS_FILE, load_portraits, save_portraits
from tracker.export.tracks_json import TRACKS_JSON, read_tracked, write_tracked
from tracker.export.wording import clean_name
from tracker.mot import MotRows, read_mot, write_mot
from tracker.presenting import ANNOTATED, write_sheets
from tracker.progress import Progress
from tracker.records import Tracks
from tracker.render import chosen_for_sheet
from tracker.report.page import REPORT
from tracker.run_video import RUN_FILE, fingerprint_of_run
from tracker.shots import write_shots
from tracker.storage import content_hash, load_json, save_json, written_aside
from tracker.tracked import Portraits, TrackedVideo

MIN_IOU = 0.5  # of a face before and after it was corrected

# Of a run folder: made from the tracks, and so of no use beside others.
_MADE_FROM_TRACKS = (TRACKS_JSON, PORTRAITS_FILE, ANNOTATED, REPORT)
_UNNAMED = re.compile(r"person (\d{1,6})")  # casefolded


class _Meant(NamedTuple):
    """A file, and who is meant by it."""

    said: Annotations
    numbers: dict[int, int]  # the person that each identity in the file is
    names: dict[int, str]  # what people are called whom the run does not know


def import_tracks_into(run: Path, file: Path, out: Path, progress: Progress) -> TrackedVideo:
    """Make the run folder `out`: the video and shots of `run`, with the people in `file`.

    Args:
        file: CVAT for video 1.1, MOT text, or the folder of another run of the same video.
        out: what was imported there before is replaced; names given there stay.
        progress: told of names that nobody bears any more.

    Raises:
        FormatError: the file cannot be understood, or does not fit the video; with the line.
        TrackerError: `out` holds something else than what was imported before.
        StorageError: a folder cannot be read or written to.
    """
    found = read_tracked(run)
    corrected = corrected_by(found, file)
    about = load_json(run / RUN_FILE)
    portraits = kept_portraits(load_portraits(run), found.tracks, corrected.tracks)
    origin = file / TRACKS_JSON if file.is_dir() else file
    about["imported"] = {"from": str(file.resolve()), "sha256": content_hash(origin)}
    if isinstance(about.get("counts"), dict):
        about["counts"]["people"] = len(corrected.people)
    _clear(out, (run, file))
    names, lost = names_after(read_edits(out), fingerprint_of_run(run), corrected.tracks)
    for naming in lost:
        progress.say(about_lost(naming))
    corrected = corrected.called(names)
    # First the note that this is an import: should this be interrupted, the next one may go on.
    save_json(out / RUN_FILE, about)
    with written_aside(out / "tracks.txt") as aside:
        write_mot(aside, corrected.tracks)
    with written_aside(out / "shots.csv") as aside:
        write_shots(aside, corrected.shots)
    write_sheets(out, corrected, portraits)
    save_portraits(out, portraits)
    write_tracked(out, corrected)
    return corrected


def corrected_by(found: TrackedVideo, file: Path) -> TrackedVideo:
    """What was `found`, with the people of `file` in every frame that this speaks of.

    People whom the file calls as `found` does keep their numbers; others get new ones. Faces of
    nobody stay nobody's, unless they have become somebody's. How sure people are is not known.

    Raises:
        FormatError: the file cannot be understood, or does not fit the video; with the line.
    """
    said, numbers, names = _read(file, found)
    tracks = _tracks(said, numbers, found)
    stray = found.nobody
    was_free, is_free = (
        _matching_rows(one, stray.frame, stray.boxes) < 0 for one in (found.tracks, tracks)
    )
    return replace(
        found,
        tracks=tracks,
        nobody=stray.where(is_free | ~was_free),
        people=people_of(tracks, found.shots, found.timeline, found.names | names),
        maybe_same=(),
    )


def kept_portraits(portraits: Portraits, before: Tracks, after: Tracks) -> Portraits:
    """Those of the faces that are somebody's `after`, with whose they are now."""
    faces = zip(before.frame.tolist(), before.person.tolist(), strict=True)
    row_of = {face: row for row, face in enumerate(faces)}
    shown = list(zip(portraits.frame.tolist(), portraits.person.tolist(), strict=True))
    kept = np.array([index for index, face in enumerate(shown) if face in row_of], np.int64)
    old = np.array([row_of[shown[index]] for index in kept], np.int64)
    new = _matching_rows(after, before.frame[old], before.boxes[old])
    kept, new = kept[new >= 0], new[new >= 0]
    person = after.person[new]
    order = np.lexsort((portraits.frame[kept], person))
    person, kept = person[order], kept[order]
    chosen = [chosen_for_sheet(np.flatnonzero(person == one)) for one in np.unique(person)]
    picked = np.concatenate([np.zeros(0, np.intp), *chosen])
    kept = kept[picked]
    return Portraits(person[picked], portraits.frame[kept], portraits.images[kept])


def _read(file: Path, found: TrackedVideo) -> _Meant:
    """What `file` says, and who is meant."""
    if file.is_dir():
        return _read_run(file, found)
    kind = file.suffix.lower()
    if kind == ".zip":
        raise FormatError(file, "is packed: unpack it, and name the annotations.xml that is in it")
    if kind in (".json", ".parquet"):
        raise FormatError(file, "cannot be taken back: only CVAT for video 1.1 and MOT text can")
    if kind != ".xml":
        said = Annotations(file, read_mot(file))
        return _Meant(said, {n: n for n in np.unique(said.rows.identity).tolist()}, {})
    root = root_of_xml(file)
    if root != "annotations":
        raise FormatError(
            file,
            f"its outermost element is {root}: expected annotations (CVAT for video 1.1)",
        )
    said, names = read_named_cvat(file)
    return _meant(said, names, found)


def _read_run(run: Path, found: TrackedVideo) -> _Meant:
    other = read_tracked(run)
    if not _are_alike(other, found):
        raise FormatError(run, f"is a run of another video: {other.name}, not {found.name}")
    tracks = other.tracks
    line = np.zeros(len(tracks), np.int32)
    rows = MotRows(tracks.frame, tracks.person, tracks.boxes, tracks.scores, line)
    return _meant(Annotations(run / TRACKS_JSON, rows), person_labels(other), found)


def _are_alike(a: TrackedVideo, b: TrackedVideo) -> bool:
    size_a, size_b = ((one.info.width, one.info.height) for one in (a, b))
    return size_a == size_b and np.array_equal(a.timeline.ticks, b.timeline.ticks)


def _meant(said: Annotations, names: Mapping[int, str], found: TrackedVideo) -> _Meant:
    """Who is meant by each identity in a file, by what the file calls it in `names`.

    By the label that the person has in CVAT, else by name or number; else it is somebody new.
    """
    by_label = {comparable(label): number for number, label in person_labels(found).items()}
    numbers: dict[int, int] = {}
    new_names: dict[int, str] = {}
    for identity in np.unique(said.rows.identity).tolist():
        label = comparable(names.get(identity, ""))
        name = clean_name(names.get(identity, ""))
        number = by_label.get(label) or _called(said, identity, name, found)
        if number is None:
            number = _new_number(name, {*found.names, *numbers.values()})
            if name:
                new_names[number] = name
                by_label[label] = number
        numbers[identity] = number
    return _Meant(said, numbers, new_names)


def _called(said: Annotations, identity: int, name: str, found: TrackedVideo) -> int | None:
    """The one person of `found` who is called `name`; None where nobody is."""
    people = sorted(people_called(found, name)) if name else []
    if len(people) > 1:
        labels = person_labels(found)
        problem = f"several people are called {name}: write " + " or ".join(
            repr(labels[number]) for number in people
        )
        raise said.error(int(np.flatnonzero(said.rows.identity == identity)[0]), problem)
    return people[0] if people else None


def _new_number(name: str, taken: set[int]) -> int:
    """The number that `name` is made of, as in Person 7, or else the next one, and not `taken`."""
    asked = _UNNAMED.fullmatch(name.casefold())
    if asked and int(asked[1]) > 0 and int(asked[1]) not in taken:
        return int(asked[1])
    return max(taken, default=0) + 1


def _tracks(said: Annotations, numbers: Mapping[int, int], found: TrackedVideo) -> Tracks:
    """The boxes of a file, to a hundredth of a pixel; where it is silent, those of `found`."""
    _check(said, found)
    rows = said.rows
    person = np.array([numbers[identity] for identity in rows.identity.tolist()], np.int32)
    check_people(said, person)
    boxes = rows.boxes.astype(np.float64).round(2).astype(np.float32)
    for row in np.flatnonzero((boxes[:, 2:] <= boxes[:, :2]).any(axis=1))[:1]:
        raise said.error(row, f"the box of {said.whose(row)} is too small to be a face")
    scores = np.where(rows.scores < 0, 1, np.minimum(rows.scores, 1)).astype(np.float32)
    silent = found.tracks.frame < said.start
    if said.stop is not None:
        silent |= found.tracks.frame >= said.stop
    kept = found.tracks.where(silent)
    frame, person = np.append(rows.frame, kept.frame), np.append(person, kept.person)
    order = np.lexsort((person, frame))
    return Tracks(
        frame[order],
        person[order],
        np.concatenate([boxes, kept.boxes])[order],
        np.append(scores, kept.scores)[order],
    )


def _check(said: Annotations, found: TrackedVideo) -> None:
    """Refuse what does not fit the video, and boxes that are nobody's."""
    info = found.info
    check_extent(said, 1, Extent(info.width, info.height, len(found.timeline)))
    if said.step > 1:
        raise FormatError(
            said.path,
            f"has one frame in {said.step}, and the faces between would be lost: "
            "correct a task of every frame",
        )
    for row in np.flatnonzero(said.rows.identity < 0)[:1]:
        raise said.error(row, f"{said.whose(row)} is nobody: take it out, or say who it is")


def _matching_rows(
    tracks: Tracks, frame: NDArray[np.int32], boxes: NDArray[np.float32]
) -> NDArray[np.int64]:
    """The row (N,) of `tracks` in which each of `boxes` (N, 4), in `frame` (N,), is; -1: none."""
    rows = np.full(len(frame), -1, np.int64)
    first = np.searchsorted(tracks.frame, frame)
    stop = np.searchsorted(tracks.frame, frame, side="right")
    for n in np.flatnonzero(stop > first):
        overlap = box_iou(boxes[n : n + 1], tracks.boxes[first[n] : stop[n]])[0]
        if overlap.max() >= MIN_IOU:
            rows[n] = first[n] + int(np.argmax(overlap))
    return rows


def _clear(out: Path, sources: tuple[Path, ...]) -> None:
    """Make the folder `out`, or take away what was made from the tracks imported before."""
    if out.resolve() in [source.resolve() for source in sources]:
        raise TrackerError(f"{out} is what is read here: choose another folder with --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()) and not _is_imported(out):
            raise TrackerError(
                f"{out} is not empty, and no earlier import: choose another folder with --out"
            )
        for name in _MADE_FROM_TRACKS:
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot write to {out}: {error.strerror}; choose another folder with --out"
        ) from error


def _is_imported(folder: Path) -> bool:
    try:
        return "imported" in load_json(folder / RUN_FILE)
    except StorageError:
        return False
