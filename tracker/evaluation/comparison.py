"""True boxes and the boxes of tracks side by side: what all tracking measures are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.errors import RecordError
from tracker.evaluation.pairing import Overlaps, find_overlaps
from tracker.records import Tracks


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """N true boxes of named people and M boxes of tracks, and which of them overlap.

    Everything in it is judged. People are numbered from 0 on either side, without a gap.

    Attributes:
        true_frame: (N,) sorted.
        true_person: (N,) who is there.
        frame: (M,) sorted.
        person: (M,) who the tracks say is there.
        overlaps: of the N with the M boxes.
        truth_people: how many people are on the true side.
        people: how many people are in the tracks.
    """

    true_frame: NDArray[np.int32]
    true_person: NDArray[np.intp]
    frame: NDArray[np.int32]
    person: NDArray[np.intp]
    overlaps: Overlaps
    truth_people: int
    people: int


def compare(true: Tracks, tracks: Tracks, overlaps: Overlaps | None = None) -> Comparison:
    """Lay `tracks` beside the `true` boxes; either may be empty.

    Args:
        overlaps: of the boxes of the two, where they are known already.

    Raises:
        RecordError: a person has two boxes in a frame.
    """
    if overlaps is None:
        overlaps = find_overlaps(true.frame, true.boxes, tracks.frame, tracks.boxes)
    true_names, true_person = np.unique(true.person, return_inverse=True)
    names, person = np.unique(tracks.person, return_inverse=True)
    _refuse_two_boxes("true person", true.frame, true_person)
    _refuse_two_boxes("person", tracks.frame, person)
    return Comparison(
        true.frame, true_person, tracks.frame, person, overlaps, len(true_names), len(names)
    )


def _refuse_two_boxes(who: str, frame: NDArray[Any], person: NDArray[np.intp]) -> None:
    order = np.lexsort((person, frame))
    twice = (np.diff(frame[order]) == 0) & (np.diff(person[order]) == 0)
    if np.any(twice):
        number = frame[order][1:][twice][0]
        raise RecordError(f"a {who} has two boxes in frame {number}: keep one of them")
