"""edits.jsonl: what people have said of a run's people, kept through every later run.

A person is told by the faces seen, not by the number, which another run may give to another.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import box_iou
from tracker.errors import FormatError
from tracker.records import NOBODY, Tracks
from tracker.storage import written_aside

EDITS_FILE = "edits.jsonl"  # of a run folder
MOST_FACES = 32  # that tell who is meant
MIN_IOU = 0.3  # of a face now and as it was then: other detectors draw other boxes
MIN_SHARE = 1 / 2  # of the faces; one person's again must be more


@dataclass(frozen=True, slots=True, eq=False)
class Naming:
    """Somebody was given a name.

    Attributes:
        name: "" takes the name away.
        was: the name given to the person before, which this takes the place of; "": none.
        person: the number at the time.
        video: the fingerprint of the video.
        frame: (n,) int32; where the person was seen.
        boxes: (n, 4) float32; the face there.
    """

    name: str
    was: str
    person: int
    video: str
    frame: NDArray[np.int32]
    boxes: NDArray[np.float32]


def naming_of(name: str, was: str, person: int, video: str, tracks: Tracks) -> Naming:
    """That `person` of `tracks`, who `was` called something, or nothing (""), is called `name`.

    The person is told by some of the faces, evenly spread over the video.
    """
    rows = np.flatnonzero(tracks.person == person)
    if len(rows) > MOST_FACES:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_FACES).round().astype(int)]
    return Naming(name, was, person, video, tracks.frame[rows], tracks.boxes[rows])


def read_edits(run: Path) -> list[Naming]:
    """What people have said, the latest last; nothing where they have said nothing.

    Raises:
        FormatError: a line makes no sense.
    """
    path = run / EDITS_FILE
    if not path.exists():
        return []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(path, f"cannot be read ({error})") from error
    return [_parsed(path, n, line) for n, line in enumerate(lines, 1) if line.strip()]


def add_edits(run: Path, said: Sequence[Naming]) -> None:
    """Write `said` below what people have said before.

    Raises:
        StorageError: the folder cannot be written to.
    """
    path = run / EDITS_FILE
    before = path.read_bytes() if path.exists() else b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    with written_aside(path) as aside:
        lines = "".join(json.dumps(_as_dict(one), ensure_ascii=False) + "\n" for one in said)
        aside.write_bytes(before + lines.encode("utf-8", "backslashreplace"))


def names_after(
    edits: Sequence[Naming], video: str, tracks: Tracks
) -> tuple[dict[int, str], list[Naming]]:
    """What the people of `tracks` are called, and the namings that nobody bears now.

    A name goes to the person who has more than half of its faces. Of several names of one person,
    one given in place of another counts instead of that; else the one of which the person has the
    largest share of faces, and at last the latest. Names of another `video`, by its fingerprint,
    do not count.
    """
    standing: dict[int, list[tuple[float, int, Naming]]] = {}  # by person: share, place, naming
    lost = []
    for place, naming in enumerate(edits):
        if naming.video != video:
            continue
        person, share = _person_now(naming, tracks)
        if share <= MIN_SHARE:
            lost.append(naming)
            continue
        others = [one for one in standing.get(person, []) if one[2].name != naming.was]
        standing[person] = [*others, (share, place, naming)]
    names = {}
    for person, namings in standing.items():
        best = max(namings, key=lambda one: one[:2])[2]
        names[person] = best.name
        lost += [naming for _, _, naming in namings if naming.name != best.name]
    named = {person: name for person, name in names.items() if name}
    return named, [naming for naming in lost if naming.name and naming.name not in named.values()]


def _person_now(naming: Naming, tracks: Tracks) -> tuple[int, float]:
    """Whose most of the faces are that `naming` is of, and the share of them."""
    votes: Counter[int] = Counter()
    for frame, box in zip(naming.frame, naming.boxes, strict=True):
        first, stop = np.searchsorted(tracks.frame, [frame, frame + 1])
        if first == stop:
            continue
        overlap = box_iou(box[None], tracks.boxes[first:stop])[0]
        if overlap.max() >= MIN_IOU:
            votes[int(tracks.person[first + int(np.argmax(overlap))])] += 1
    if not votes:
        return NOBODY, 0.0
    person, count = min(votes.items(), key=lambda vote: (-vote[1], vote[0]))
    return person, count / len(naming.frame)


def about_lost(naming: Naming) -> str:
    """What to tell the user of a name that nobody bears."""
    return (
        f"nobody is called {naming.name} here: the faces of that name are nobody's, several "
        "people's, or of somebody with another name"
    )


def _as_dict(naming: Naming) -> dict[str, Any]:
    seen = zip(naming.frame.tolist(), naming.boxes.astype(float).round(2).tolist(), strict=True)
    return {
        "edit": "name",
        "person": naming.person,
        "name": naming.name,
        "was": naming.was,
        "video": naming.video,
        "seen": [[frame, *box] for frame, box in seen],  # x1, y1, x2, y2
    }


def _parsed(path: Path, number: int, line: str) -> Naming:
    try:
        content = json.loads(line)
        if content["edit"] != "name":
            raise ValueError(f"unknown edit {content['edit']!r}")
        seen = np.array(content["seen"], np.float64).reshape(-1, 5)
        return Naming(
            str(content["name"]),
            str(content["was"]),
            int(content["person"]),
            str(content["video"]),
            seen[:, 0].astype(np.int32),
            seen[:, 1:].astype(np.float32),
        )
    except (ValueError, KeyError, TypeError) as error:
        problem = f"not an edit ({error}); take this line out of the file"
        raise FormatError(path, problem, number) from error
