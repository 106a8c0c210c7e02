"""Who is hidden, and whose faces are left as they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import box_areas, box_iou
from tracker.config import TrackletConfig
from tracker.records import NO_TRACKLET, Detections, Shot, Tracks
from tracker.redaction.regions import Boxes, Regions, carried
from tracker.tracked import TrackedVideo
from tracker.tracklets import link_tracklets

# Before and after a stay, in which a face in its place is its own: longer, it may be another's.
KNOWN_MARGIN_S = Fraction(1, 5)

# When a box is of a face that is known to be somebody's: a detector may see one head twice.
_SAME_IOU, _SAME_SHARE = 0.3, 0.5  # of the smaller of the two


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What to hide.

    Attributes:
        hidden: the faces of those to hide.
        strays: faces of nobody that are hidden too, linked: the same number is the same face.
        spared: the boxes of the others, which stay as they are ...
        never_spared: ... except here: the faces of those who are hidden by name.
        known: where those must be, also where no face of theirs was found for a moment.
        whoever: whether every face that is not known to be one of the others' is hidden.
    """

    hidden: Tracks
    strays: Tracks
    spared: Regions
    never_spared: Regions
    known: Regions
    whoever: bool


def choose_faces(
    tracked: TrackedVideo,
    keep: Collection[int] = (),
    hide: Collection[int] | None = None,
    with_unknown: bool = True,
) -> Choice:
    """Everybody is to be hidden but those to `keep`; or, where that is given, only `hide`.

    A face to keep is spared where it was found, not where its place was guessed: there may be
    somebody in front of it. Where it overlaps one to hide, the first is spared if it was named,
    and the second is hidden if it was.

    Args:
        with_unknown: hide the faces of nobody too. One that is but a second box of a face to keep
            counts as that.
    """
    tracks = tracked.tracks
    named = np.isin(tracks.person, sorted(keep if hide is None else hide))
    is_hidden = ~named if hide is None else named
    hidden, others = tracks.where(is_hidden), tracks.where(~is_hidden & (tracks.scores > 0))
    spared = Regions(others.frame, others.boxes.astype(np.float64))
    known = carried(others, tracked.shots, tracked.timeline, KNOWN_MARGIN_S)
    bare = Regions.empty()
    if hide is not None:
        bare = carried(hidden, tracked.shots, tracked.timeline, Fraction(0))
    strays = Tracks.empty()
    if with_unknown:
        strays = linked_strays(unclaimed(_as_detections(tracked.nobody), known), tracked.shots)
    return Choice(hidden, strays, spared, bare, known, with_unknown)


def linked_strays(faces: Detections, shots: tuple[Shot, ...]) -> Tracks:
    """`faces` as tracks of people that nobody knows, from 1: the same face has the same number."""
    tracklet = link_tracklets(faces, shots, 0.0, 0.0, TrackletConfig(min_length=1))
    alone = tracklet == NO_TRACKLET
    first = int(tracklet.max(initial=-1)) + 1
    number = np.where(alone, first + np.cumsum(alone) - 1, tracklet) + 1
    return Tracks(faces.frame, number.astype(np.int32), faces.boxes, faces.scores)


def unclaimed(faces: Detections, known: Regions) -> Detections:
    """Those of `faces` that are not one of the `known` faces, seen again."""
    ours = np.zeros(len(faces), np.bool_)
    for frame in np.unique(faces.frame).tolist():
        rows = slice(*np.searchsorted(faces.frame, [frame, frame + 1]))
        ours[rows] = _same_face(faces.boxes[rows].astype(np.float64), known.of(frame)).any(axis=1)
    return faces.where(~ours)


def _same_face(a: Boxes, b: Boxes) -> NDArray[np.bool_]:
    """Which (n, m) of `a` (n, 4) and `b` (m, 4) are boxes of one face."""
    iou = box_iou(a, b)
    total = box_areas(a)[:, None] + box_areas(b)[None]
    smaller = np.minimum(box_areas(a)[:, None], box_areas(b)[None])
    shared = iou * total / (1 + iou)
    same: NDArray[np.bool_] = (iou > _SAME_IOU) | (shared > _SAME_SHARE * smaller)
    return same & (shared > 0)


def _as_detections(faces: Tracks) -> Detections:
    nowhere = np.full((len(faces), 5, 2), np.nan, np.float32)
    return Detections(faces.frame, faces.boxes, faces.scores, nowhere)
