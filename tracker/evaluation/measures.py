"""How well tracks agree with the truth: MOTA, IDF1, HOTA, their parts, purity and its kind."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import box_areas
from tracker.evaluation.breaks import count_breaks
from tracker.evaluation.clear import clear_scores
from tracker.evaluation.comparison import compare
from tracker.evaluation.hota import higher_order_accuracy
from tracker.evaluation.identity_measures import right_identities
from tracker.evaluation.pairing import Overlaps, find_overlaps, match_overlaps, shared_areas
from tracker.evaluation.partition import (
    bcubed,
    clustering_accuracy,
    mutual_information,
    weighted_purity,
)
from tracker.evaluation.truth import Truth
from tracker.records import NOBODY, Tracks

IOU_THRESHOLD = 0.5  # from here on, a box is the true one
FALSE_DETECTION = 0  # the identity of a box that is on nobody
MIN_SHARE_IGNORED = 0.5  # of a box inside a region to ignore, for it not to be judged

_TABLE = {  # line, heading, measure
    "boxes": {"MOTA": "mota", "recall": "recall", "precision": "precision", "F1": "f1"},
    "identity": {"IDF1": "idf1", "IDR": "idr", "IDP": "idp"},
    "overall": {"HOTA": "hota", "DetA": "deta", "AssA": "assa"},
    "faces": {"purity": "purity", "NMI": "nmi", "accuracy": "clustering_accuracy"},
    "B-cubed": {"F1": "bcubed_f1", "recall": "bcubed_recall", "precision": "bcubed_precision"},
    "errors": {
        "switches": "id_switches",
        "breaks": "breaks",
        "Frag": "fragmentations",
        "misses": "misses",
        "false": "false_positives",
    },
    "people": {
        "tracked": "mostly_tracked",
        "partly": "partly_tracked",
        "lost": "mostly_lost",
    },
    "truth": {"people": "truth_people", "boxes": "truth_boxes", "matched": "matches"},
    "tracks": {"people": "people", "boxes": "track_boxes", "mean IoU": "motp"},
    "frames": {"judged": "frames", "false each": "faf"},
}


@dataclass(frozen=True, slots=True)
class Measures:
    """How well tracks agree with a truth; a ratio with nothing below the line is 0.

    MOTA, recall and precision mostly measure the detector; IDF1, purity and its kind, and
    switches, identity; HOTA, both evenly.

    Attributes:
        mota: 1 - (misses + false positives + switches) / truth boxes; can be below 0.
        motp: mean IoU of the matches (not the mean distance that some call MOTP).
        idf1: harmonic mean of `idp` and `idr`.
        idp: share of the track boxes with the right identity, one person an identity.
        idr: share of the truth boxes with the right identity, one person an identity.
        hota: mean over IoU thresholds of the geometric mean of the next two (see `hota.py`).
        deta: detection accuracy, mean over IoU thresholds from 0.05 to 0.95.
        assa: association accuracy, likewise.
        id_switches: matches of a true person with another track than its last one.
        fragmentations: times that a true person is matched again after a frame, with boxes of
            truth and of tracks in it, in which it was not. As TrackEval has it, who leaves the
            picture while others stay, and comes back, is a fragment too, so that perfect tracks
            may have some.
        breaks: times that a true person is lost and found again before leaving the picture.
        mostly_tracked: true people matched in more than .8 of their boxes.
        partly_tracked: true people matched in .2 to .8 of them.
        mostly_lost: true people matched in less than .2 of them.
        recall: matches / truth boxes.
        precision: matches / track boxes.
        f1: harmonic mean of `recall` and `precision`.
        faf: false positives / `frames`.
        purity: weighted purity of the tracks' people. This and the next five are over the
            judged boxes of the tracks, false detections a class of their own: see `partition.py`.
        nmi: normalised mutual information of who people really are and who they are said to be.
        bcubed_precision: of a box's person in the tracks, the share that it really is.
        bcubed_recall: of a box's true person, the share in its person of the tracks.
        bcubed_f1: harmonic mean of the two.
        clustering_accuracy: share of the boxes that are right under the best one-to-one naming.
        misses: truth boxes without a match.
        false_positives: track boxes without a match.
        matches: pairs of a truth box and a track box, switches included.
        truth_boxes: boxes of named people in the truth.
        track_boxes: boxes of the tracks, less those that are not judged.
        truth_people: named people in the truth.
        people: people in the tracks with a box that is judged.
        frames: judged frames, with boxes or without: those that the truth annotates, up to its
            stop or, where it has none, to the last frame with a box of truth or tracks.
    """

    mota: float
    motp: float
    idf1: float
    idp: float
    idr: float
    hota: float
    deta: float
    assa: float
    id_switches: int
    fragmentations: int
    breaks: int
    mostly_tracked: int
    partly_tracked: int
    mostly_lost: int
    recall: float
    precision: float
    f1: float
    faf: float
    purity: float
    nmi: float
    bcubed_precision: float
    bcubed_recall: float
    bcubed_f1: float
    clustering_accuracy: float
    misses: int
    false_positives: int
    matches: int
    truth_boxes: int
    track_boxes: int
    truth_people: int
    people: int
    frames: int

    def as_dict(self) -> dict[str, float | int]:
        """The measures by name, all finite plain numbers, for JSON."""
        return asdict(self)


_COUNTS = frozenset(one.name for one in fields(Measures) if one.type == "int")


def format_measure(name: str, value: float) -> str:
    """A ratio of `Measures` as 0.915; a count as 12 or, in the mean of several, as 12.3."""
    if name not in _COUNTS:
        return f"{value:.3f}"
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def evaluate(truth: Truth, tracks: Tracks, iou_threshold: float = IOU_THRESHOLD) -> Measures:
    """Measure `tracks` against `truth`.

    A box of the tracks is not judged, neither hit nor false, in a frame that the truth does not
    annotate, or where it matches no named person and half of it or more lies in a region to
    ignore. Empty tracks, and an empty truth, give zeros, but for what is counted.

    Args:
        iou_threshold: from which IoU on a pair may match; HOTA has its own, from 0.05 to 0.95.

    Raises:
        RecordError: a person has two boxes in a frame.
    """
    named = truth.named
    overlaps = find_overlaps(named.frame, named.boxes, tracks.frame, tracks.boxes)
    matched = match_overlaps(overlaps, named.frame, tracks.frame, iou_threshold)
    identity = _identities(truth, named, tracks.frame, tracks.boxes, matched)
    judged = identity != NOBODY
    identity, tracks_judged = identity[judged], tracks.where(judged)
    compared = compare(named, tracks_judged, _renumbered(overlaps, judged))
    clear = clear_scores(compared, iou_threshold)
    right = right_identities(compared, iou_threshold)
    precision, recall, f1 = bcubed(identity, tracks_judged.person)
    frames = _judged_frames(truth, tracks)
    return Measures(
        **clear._asdict(),
        breaks=count_breaks(compared, iou_threshold, truth.step),
        **higher_order_accuracy(compared)._asdict(),
        idf1=ratio(2 * right, len(named) + len(tracks_judged)),
        idp=ratio(right, len(tracks_judged)),
        idr=ratio(right, len(named)),
        faf=ratio(clear.false_positives, frames),
        purity=weighted_purity(identity, tracks_judged.person),
        nmi=mutual_information(identity, tracks_judged.person),
        bcubed_precision=precision,
        bcubed_recall=recall,
        bcubed_f1=f1,
        clustering_accuracy=clustering_accuracy(identity, tracks_judged.person),
        truth_boxes=len(named),
        track_boxes=len(tracks_judged),
        truth_people=compared.truth_people,
        people=compared.people,
        frames=frames,
    )


def identities_of_boxes(
    truth: Truth,
    frame: NDArray[Any],
    boxes: NDArray[np.floating],
    iou_threshold: float = IOU_THRESHOLD,
) -> NDArray[np.int32]:
    """Who each of `boxes` (N, 4), found in `frame` (N,), really is.

    Within a frame, boxes and true boxes are paired so that as many as possible match, and then
    with the greatest IoU in sum.

    Returns:
        (N,) the true person; `FALSE_DETECTION` (0) of a box on nobody; `NOBODY` (-1) of a box
        that is not judged and is to be left out: see `evaluate`.
    """
    order = np.argsort(frame, kind="stable")
    identity = np.empty(len(frame), np.int32)
    identity[order], _ = judge_boxes(truth, frame[order], boxes[order], iou_threshold)
    return identity


def judge_boxes(
    truth: Truth,
    frame: NDArray[Any],
    boxes: NDArray[np.floating],
    iou_threshold: float,
) -> tuple[NDArray[np.int32], Overlaps]:
    """`identities_of_boxes` of boxes sorted by frame, and their matches with those of the truth.

    Returns:
        (N,) as there; and the matches, whose `true` are rows of `truth.named`.
    """
    named = truth.named
    overlaps = find_overlaps(named.frame, named.boxes, frame, boxes)
    matched = match_overlaps(overlaps, named.frame, frame, iou_threshold)
    return _identities(truth, named, frame, boxes, matched), matched


def format_table(measures: Measures) -> str:
    """The measures as a few aligned lines of text, for people."""
    values = measures.as_dict()
    lines = []
    for title, names in _TABLE.items():
        cells = []
        for heading, name in names.items():
            cells.append(f"{heading:<10}{format_measure(name, values[name]):>7}")
        lines.append("   ".join([f"{title:<8}", *cells]))
    return "\n".join(lines)


def _identities(
    truth: Truth,
    named: Tracks,
    frame: NDArray[Any],
    boxes: NDArray[np.floating],
    matched: Overlaps,
) -> NDArray[np.int32]:
    """`identities_of_boxes`, sorted by frame, whose matches with the `named` ones are known."""
    regions = truth.tracks.where(truth.tracks.person == NOBODY)
    identity = np.full(len(frame), FALSE_DETECTION, np.int32)
    identity[_rows_inside(regions, frame, boxes)] = NOBODY
    identity[~truth.annotates(frame)] = NOBODY
    identity[matched.found] = named.person[matched.true]
    return identity


def _rows_inside(
    regions: Tracks, frame: NDArray[Any], boxes: NDArray[np.floating]
) -> NDArray[np.intp]:
    """Rows of those `boxes` (N, 4) of which enough lies in one of the `regions` of their frame."""
    region, row, _ = find_overlaps(regions.frame, regions.boxes, frame, boxes)
    shared = shared_areas(boxes[row], regions.boxes[region])
    return row[shared >= MIN_SHARE_IGNORED * box_areas(boxes.astype(float))[row]]


def _renumbered(overlaps: Overlaps, judged: NDArray[np.bool_]) -> Overlaps:
    """`overlaps` with those of the found boxes that are `judged` (M,), which alone are left."""
    left = overlaps.where(judged[overlaps.found])
    return left._replace(found=(np.cumsum(judged) - 1)[left.found])


def _judged_frames(truth: Truth, tracks: Tracks) -> int:
    """How many frames the truth annotates, to its stop or to the last frame with any box."""
    if truth.stop is not None:
        return len(range(truth.start, truth.stop, truth.step))
    last = max([-1, *truth.tracks.frame[-1:].tolist(), *tracks.frame[-1:].tolist()])
    return len(range(truth.start, last + 1, truth.step))


def ratio(part: float, whole: float) -> float:
    """`part` of `whole`; 0 of nothing."""
    return part / whole if whole else 0.0
