"""The nouns of the failure explorer: one error of the tracks, and the boxes that show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["merge", "split", "switch", "nobody", "never_found", "false_boxes", "missed_boxes"]
Rows = NDArray[np.int64]

NO_ROW = -1


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Boxes of one failure that belong together: parallel arrays of length n >= 1, by frame.

    Attributes:
        true_person: who they really are; None where they are on nobody.
        found_person: the person that they were put into; None where they were not found.
        frame: (n,) int32, 0-based.
        track_rows: (n,) int64, their rows in the tracks; `NO_ROW` (-1) where not found.
        true_rows: (n,) int64, their rows in the truth's tracks; `NO_ROW` where on nobody.
        shot_count: how many shots they lie in; None where the shots are not known.
    """

    true_person: int | None
    found_person: int | None
    frame: NDArray[np.int32]
    track_rows: Rows
    true_rows: Rows
    shot_count: int | None


@dataclass(frozen=True, slots=True)
class Flip:
    """A true person under another number than in its box before.

    Attributes:
        before: the last frame under the old number.
        after: the first frame under the new one.
        over_cut: whether a cut lies between; None where the shots are not known.
    """

    before: int
    after: int
    over_cut: bool | None


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """One error, and what it takes to see why.

    Attributes:
        kind: "merge": a found person holds boxes of a second true person; "split": a true person
            has a second number; "switch": it goes from one number to another; "nobody": a found
            person is mostly no face; "never_found": so is a true person, all but a tenth of it;
            "false_boxes", "missed_boxes": the same of one who is otherwise somebody, or found.
        name: unique, short, the same for the same error; fit for an address.
        cost: boxes that are wrong by it, at least 1.
        title: it in a few words.
        explanation: one or two sentences in plain words.
        sides: what is right, or was there first, and what is wrong, or came next; in the
            kinds after "switch", the one side that there is.
        flips: of a switch, in order; the sides then have one box each a flip.
        part_of: names of the merges and splits that a switch comes from.
    """

    kind: Kind
    name: str
    cost: int
    title: str
    explanation: str
    sides: tuple[Side, ...]
    flips: tuple[Flip, ...] = ()
    part_of: tuple[str, ...] = ()

    @property
    def first_frame(self) -> int:
        """Where what is wrong begins."""
        return int(self.sides[-1].frame[0])

    @property
    def true_people(self) -> tuple[int, ...]:
        """The true people concerned, sorted."""
        return tuple(sorted({s.true_person for s in self.sides if s.true_person is not None}))

    @property
    def found_people(self) -> tuple[int, ...]:
        """The found people concerned, sorted."""
        return tuple(sorted({s.found_person for s in self.sides if s.found_person is not None}))
