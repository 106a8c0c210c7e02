"""What went wrong with who is who: each error as one record, with its boxes and what it costs.

Every box on a true person is in one of three places: under that person's number, which is where
all is well; under somebody else's (a merge); or under a second number of its own (a split).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.evaluation.failure_records import NO_ROW, Failure, Flip, Rows, Side
from tracker.evaluation.measures import FALSE_DETECTION, IOU_THRESHOLD, judge_boxes
from tracker.evaluation.pairing import find_overlaps, rows_by_frame
from tracker.evaluation.truth import Truth
from tracker.records import NOBODY, Shot, Tracks, shot_of_frames

MIN_SHARE_NEVER_FOUND = 0.9  # of a true person's boxes not found, for it to count as never found
NEAR_MISS_IOU = 0.2  # from here on, two boxes that do not match mean the same face


def find_failures(
    truth: Truth,
    tracks: Tracks,
    shots: Sequence[Shot] | None,
    iou_threshold: float = IOU_THRESHOLD,
) -> list[Failure]:
    """The errors of `tracks` in who is who, those that cost the most boxes first, then by frame.

    A found person is taken for whom most of its boxes show; a true person's number is, of the
    found people taken for it, the one with most of its boxes. Ties go to the lower number. A
    switch costs the boxes on its shorter side, for either number may be the right one. Boxes that
    `evaluate` does not judge are left out. Empty tracks with an empty truth give nothing.

    Args:
        shots: disjoint, in order, covering every frame; None where they are not known.
        iou_threshold: from which IoU on a box may be a true one.
    """
    book = _keep_book(truth, tracks, shots or None, iou_threshold)
    failures = [*_merges(book), *_splits(book), *_switches(book), *_false(book), *_missed(book)]
    return sorted(failures, key=lambda failure: (-failure.cost, failure.first_frame, failure.name))


@dataclass(frozen=True, slots=True, eq=False)
class _Book:
    """Who really is whose box.

    Attributes:
        true_rows: (N,) of each box of the tracks, its row in the truth; `NO_ROW` if on nobody.
        rows: of the tracks, by (found person, true person or `FALSE_DETECTION`), by frame.
        taken_for: by found person with a box on anybody, the true person of most of its boxes.
        number: by true person that a found person is taken for, the one with most of its boxes.
    """

    truth: Truth
    tracks: Tracks
    shots: Sequence[Shot] | None
    true_rows: Rows
    rows: dict[tuple[int, int], Rows]
    taken_for: dict[int, int]
    number: dict[int, int]

    def side(self, found: int, true: int | None, rows: Rows) -> Side:
        """Boxes of the tracks, by their `rows` (n,), as a side."""
        frame = self.tracks.frame[rows]
        return Side(true, found, frame, rows, self.true_rows[rows], self.count_shots(frame))

    def count_shots(self, frame: NDArray[np.int32]) -> int | None:
        """How many shots `frame` (n,) lie in, where that is known."""
        return None if self.shots is None else len(np.unique(shot_of_frames(frame, self.shots)))

    def failure_of(self, found: int, true: int) -> str | None:
        """The name of the merge or split that boxes of `true` under `found` are; None if right."""
        if self.taken_for[found] != true:
            return f"merge-{found}-{true}"
        return None if self.number[true] == found else f"split-{true}-{found}"


def _keep_book(
    truth: Truth, tracks: Tracks, shots: Sequence[Shot] | None, iou_threshold: float
) -> _Book:
    true, matched = judge_boxes(truth, tracks.frame, tracks.boxes, iou_threshold)
    true_rows = np.full(len(tracks), NO_ROW, np.int64)
    true_rows[matched.found] = np.flatnonzero(truth.tracks.person != NOBODY)[matched.true]
    judged = np.flatnonzero(true != NOBODY)
    pairs = np.stack([tracks.person[judged], true[judged]], axis=1)
    cells, cell = np.unique(pairs, axis=0, return_inverse=True)
    members = rows_by_frame(cell.ravel())
    rows = {(f, t): judged[members[n]] for n, (f, t) in enumerate(cells.tolist())}
    taken_for: dict[int, int] = {}
    number: dict[int, int] = {}
    for found, who in sorted(rows, key=lambda cell: (-len(rows[cell]), *cell)):
        if who != FALSE_DETECTION:
            taken_for.setdefault(found, who)
            if taken_for[found] == who:
                number.setdefault(who, found)
    return _Book(truth, tracks, shots, true_rows, rows, taken_for, number)


def _merges(book: _Book) -> Iterator[Failure]:
    for (found, true), rows in book.rows.items():
        if true == FALSE_DETECTION or book.taken_for[found] == true:
            continue
        main = book.taken_for[found]
        right = book.side(found, main, book.rows[found, main])
        wrong = book.side(found, true, rows)
        number = f"Person {book.number[true]}" if true in book.number else "nobody of its own"
        yield Failure(
            "merge",
            f"merge-{found}-{true}",
            len(rows),
            f"Person {found} mixes true person {main} with true person {true}",
            f"Person {found} is true person {main} in {_boxes_of(right)} and true person {true} "
            f"in {_boxes_of(wrong)}: they should be apart. Otherwise true person {true} is "
            f"{number}.",
            (right, wrong),
        )


def _splits(book: _Book) -> Iterator[Failure]:
    for found, true in book.taken_for.items():
        main = book.number[true]
        if main == found:
            continue
        right = book.side(main, true, book.rows[main, true])
        wrong = book.side(found, true, book.rows[found, true])
        yield Failure(
            "split",
            f"split-{true}-{found}",
            len(wrong.frame),
            f"True person {true} is both Person {main} and Person {found}",
            f"True person {true} is Person {main} in {_boxes_of(right)} and Person {found} in "
            f"{_boxes_of(wrong)}: they should be one.",
            (right, wrong),
        )


def _switches(book: _Book) -> Iterator[Failure]:
    for true in sorted({true for _, true in book.rows} - {FALSE_DETECTION}):
        rows = np.sort(np.concatenate([rows for (_, t), rows in book.rows.items() if t == true]))
        found = book.tracks.person[rows]
        changes = np.flatnonzero(np.diff(found)) + 1
        edges = [0, *changes.tolist(), len(found)]
        for first, stop in _to_and_fro(found, changes):
            # From the change before the first flip to the change after the last one.
            span = found[edges[first] : edges[stop + 1]]
            yield _switch(book, true, rows, changes[first:stop], span)


def _to_and_fro(found: NDArray[np.int32], changes: NDArray[np.intp]) -> list[tuple[int, int]]:
    """Group `changes` (C,), where `found` (n,) differs from the one before, as (first, stop).

    Changes in a row between the same two people are one group.
    """
    pairs = np.sort(np.stack([found[changes - 1], found[changes]], axis=1), axis=1)
    others = np.flatnonzero(np.any(np.diff(pairs, axis=0) != 0, axis=1)) + 1
    edges = [0, *others.tolist(), len(changes)]
    return [(first, stop) for first, stop in itertools.pairwise(edges) if first < stop]


def _switch(
    book: _Book, true: int, rows: Rows, at: NDArray[np.intp], span: NDArray[np.int32]
) -> Failure:
    """Flips to and fro between two people, at positions `at` (k,) of `rows`; `span`: who holds."""
    before, after = rows[at - 1], rows[at]
    start, end = book.tracks.person[before[0]].item(), book.tracks.person[after[0]].item()
    forth = book.tracks.person[before] == start
    stays = int(np.count_nonzero(span == start)), int(np.count_nonzero(span == end))
    flips = tuple(_flips(book, before, after))
    names = (book.failure_of(found, true) for found in (start, end))
    return Failure(
        "switch",
        f"switch-{true}-{flips[0].after + 1}",
        min(stays),
        f"True person {true} goes from Person {start} to Person {end}"
        + {1: "", 2: " and back"}.get(len(flips), f", to and fro {len(flips)} times"),
        f"{_when(flips)} These stays have {_boxes(stays[0])} as Person {start} and {stays[1]} as "
        f"Person {end}.",
        (
            book.side(start, true, np.where(forth, before, after)),
            book.side(end, true, np.where(forth, after, before)),
        ),
        flips,
        tuple(name for name in names if name is not None),
    )


def _flips(book: _Book, before: Rows, after: Rows) -> Iterator[Flip]:
    frames = np.stack([book.tracks.frame[before], book.tracks.frame[after]])  # (2, k)
    cut: list[bool | None] = [None] * len(before)
    if book.shots is not None:
        cut = np.diff(shot_of_frames(frames, book.shots), axis=0)[0].astype(bool).tolist()
    for first, last, over_cut in zip(*frames.tolist(), cut, strict=True):
        yield Flip(first, last, over_cut)


def _when(flips: tuple[Flip, ...]) -> str:
    """Whether it happened over a cut, and how long nothing was seen of the person."""
    frames = max(flip.after - flip.before for flip in flips)
    gap = "from one frame to the next" if frames == 1 else f"after {frames} frames"
    if len(flips) == 1:
        where = {True: "over a cut, ", False: "within a shot, ", None: ""}[flips[0].over_cut]
        return f"It happens {where}{gap}."
    cuts = sum(flip.over_cut is True for flip in flips)
    known = "" if flips[0].over_cut is None else f"{cuts} of {len(flips)} times over a cut, "
    return f"It happens {known}{'always' if frames == 1 else 'at most'} {gap}."


def _false(book: _Book) -> Iterator[Failure]:
    named = book.truth.named
    boxes_of: Counter[int] = Counter()
    for (found, _), rows in book.rows.items():
        boxes_of[found] += len(rows)
    for (found, true), rows in book.rows.items():
        if true != FALSE_DETECTION:
            continue
        judged = boxes_of[found]
        nobody = 2 * len(rows) > judged
        wrong = book.side(found, None, rows)
        yield Failure(
            "nobody" if nobody else "false_boxes",
            f"false-{found}",
            len(rows),
            f"Person {found} is {'nobody' if nobody else 'on no face at times'}",
            f"On no true face: {len(rows)} of its {_boxes(judged)}{_in_shots(wrong)}. "
            + _near_misses(book.tracks.where(rows), named, "a true face"),
            (wrong,),
        )


def _missed(book: _Book) -> Iterator[Failure]:
    truth = book.truth.tracks
    found = np.isin(np.arange(len(truth)), book.true_rows)
    for person in np.unique(truth.person[truth.person != NOBODY]).tolist():
        of_person = truth.person == person
        total, rows = int(np.count_nonzero(of_person)), np.flatnonzero(of_person & ~found)
        if not len(rows):
            continue
        never = len(rows) > MIN_SHARE_NEVER_FOUND * total
        nowhere = np.full(len(rows), NO_ROW, np.int64)
        frame = truth.frame[rows]
        wrong = Side(person, None, frame, nowhere, rows, book.count_shots(frame))
        height_px = float(np.median(truth.boxes[rows, 3] - truth.boxes[rows, 1]))
        yield Failure(
            "never_found" if never else "missed_boxes",
            f"missed-{person}",
            len(rows),
            f"True person {person} is {'never found' if never else 'missed at times'}",
            f"Not found: {len(rows)} of its {_boxes(total)}{_in_shots(wrong)}, {height_px:.0f} "
            "pixels tall (median). " + _near_misses(truth.where(rows), book.tracks, "a found box"),
            (wrong,),
        )


def _near_misses(boxes: Tracks, others: Tracks, one: str) -> str:
    """How many of `boxes` are only drawn otherwise than one of `others`, what `one` says."""
    overlaps = find_overlaps(boxes.frame, boxes.boxes, others.frame, others.boxes)
    near = len(np.unique(overlaps.true[overlaps.iou >= NEAR_MISS_IOU]))
    return f"Of these, near {one} (IoU of {NEAR_MISS_IOU} or more): {near}."


def _boxes(count: int) -> str:
    return f"{count} box{'es' if count != 1 else ''}"


def _boxes_of(side: Side) -> str:
    return _boxes(len(side.frame)) + _in_shots(side)


def _in_shots(side: Side) -> str:
    if side.shot_count is None:
        return ""
    return f" ({side.shot_count} shot{'s' if side.shot_count != 1 else ''})"
