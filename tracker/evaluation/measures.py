"""How well tracks agree with the truth: MOTA, IDF1, HOTA, their parts, and weighted purity."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import motmetrics
import numpy as np
from numpy.typing import NDArray

from tracker.boxes import box_areas, box_iou
from tracker.errors import RecordError
from tracker.evaluation.hota import higher_order_accuracy
from tracker.evaluation.pairing import pair_boxes, rows_by_frame
from tracker.evaluation.truth import Truth
from tracker.records import NOBODY, Tracks

IOU_THRESHOLD = 0.5  # from here on, a box is the true one
FALSE_DETECTION = 0  # the identity of a box that is on nobody
MIN_SHARE_IGNORED = 0.5  # of a box inside a region to ignore, for it not to be judged

_COUNTS = [  # by their names in motmetrics
    "num_matches",
    "num_switches",
    "num_fragmentations",
    "num_misses",
    "num_false_positives",
    "idtp",
    "motp",
]

_TABLE = {  # line, heading, measure
    "boxes": {"MOTA": "mota", "recall": "recall", "precision": "precision", "F1": "f1"},
    "identity": {"IDF1": "idf1", "IDR": "idr", "IDP": "idp", "purity": "purity"},
    "overall": {"HOTA": "hota", "DetA": "deta", "AssA": "assa"},
    "errors": {
        "switches": "id_switches",
        "fragments": "fragmentations",
        "misses": "misses",
        "false": "false_positives",
    },
    "truth": {"people": "truth_people", "boxes": "truth_boxes", "matched": "matches"},
    "tracks": {"people": "people", "boxes": "track_boxes", "mean IoU": "motp"},
}


@dataclass(frozen=True, slots=True)
class Measures:
    """How well tracks agree with a truth; a ratio with nothing below the line is 0.

    MOTA, recall and precision mostly measure the detector; IDF1, purity and switches, identity;
    HOTA, both evenly.

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
        fragmentations: times a true person is lost and found again.
        recall: matches / truth boxes.
        precision: matches / track boxes.
        f1: harmonic mean of `recall` and `precision`.
        purity: weighted purity of the tracks' people (see `weighted_purity`).
        misses: truth boxes without a match.
        false_positives: track boxes without a match.
        matches: pairs of a truth box and a track box, switches included.
        truth_boxes: boxes of named people in the truth.
        track_boxes: boxes of the tracks, less those that are not judged.
        truth_people: named people in the truth.
        people: people in the tracks with a box that is judged.
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
    recall: float
    precision: float
    f1: float
    purity: float
    misses: int
    false_positives: int
    matches: int
    truth_boxes: int
    track_boxes: int
    truth_people: int
    people: int

    def as_dict(self) -> dict[str, float | int]:
        """The measures by name, all finite plain numbers, for JSON."""
        return asdict(self)


def evaluate(truth: Truth, tracks: Tracks, iou_threshold: float = IOU_THRESHOLD) -> Measures:
    """Measure `tracks` against `truth`.

    A box of the tracks is not judged, neither hit nor false, in a frame that the truth does not
    annotate, or where it matches no named person and half of it or more lies in a region to
    ignore. Empty tracks, and an empty truth, give zeros.

    Args:
        iou_threshold: from which IoU on a pair may match; HOTA has its own, from 0.05 to 0.95.

    Raises:
        RecordError: a person has two boxes in a frame.

    Sources: Bernardin and Stiefelhagen, EURASIP JIVP 2008 (MOTA); Ristani et al., ECCV
    workshops 2016 (IDF1); Luiten et al., IJCV 2021 (HOTA).
    """
    identity = identities_of_boxes(truth, tracks.frame, tracks.boxes, iou_threshold)
    judged = identity != NOBODY
    identity, tracks = identity[judged], tracks.where(judged)
    named = truth.tracks.where(truth.tracks.person != NOBODY)
    count = _count_events(named, tracks, iou_threshold)
    matches = count["num_matches"] + count["num_switches"]
    errors = count["num_misses"] + count["num_false_positives"] + count["num_switches"]
    return Measures(
        mota=1.0 - errors / len(named) if len(named) else 0.0,
        motp=1.0 - count["motp"] if matches else 0.0,
        idf1=_ratio(2 * count["idtp"], len(named) + len(tracks)),
        idp=_ratio(count["idtp"], len(tracks)),
        idr=_ratio(count["idtp"], len(named)),
        **higher_order_accuracy(named, tracks)._asdict(),
        id_switches=int(count["num_switches"]),
        fragmentations=int(count["num_fragmentations"]),
        recall=_ratio(matches, len(named)),
        precision=_ratio(matches, len(tracks)),
        f1=_ratio(2 * matches, len(named) + len(tracks)),
        purity=weighted_purity(identity, tracks.person),
        misses=int(count["num_misses"]),
        false_positives=int(count["num_false_positives"]),
        matches=int(matches),
        truth_boxes=len(named),
        track_boxes=len(tracks),
        truth_people=len(np.unique(named.person)),
        people=len(np.unique(tracks.person)),
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
    identity = np.full(len(frame), FALSE_DETECTION, np.int32)
    identity[~truth.annotates(frame)] = NOBODY
    true_rows = rows_by_frame(truth.tracks.frame)
    for number, rows in rows_by_frame(frame).items():
        if number in true_rows:
            here = truth.tracks.where(true_rows[number])
            identity[rows] = _identities_in_frame(here, boxes[rows], iou_threshold)
    return identity


def weighted_purity(labels: NDArray[Any], clusters: NDArray[Any]) -> float:
    """The share of faces that lie in a cluster in which most are who they are.

    Sum over clusters of n_c * p_c / N, p_c the share of a cluster's largest class. False
    detections are a class like any other, so that they cost purity wherever they are mixed with
    a person. Source: Zhang et al., ECCV 2016. No faces give 0.

    Args:
        labels: (N,) who each face really is.
        clusters: (N,) the cluster that each face was put into.
    """
    if not len(labels):
        return 0.0
    label_names, label = np.unique(labels, return_inverse=True)
    cluster_names, cluster = np.unique(clusters, return_inverse=True)
    together = np.zeros((len(cluster_names), len(label_names)), np.int64)
    np.add.at(together, (cluster, label), 1)
    return float(together.max(axis=1).sum() / len(labels))


def format_table(measures: Measures) -> str:
    """The measures as a few aligned lines of text, for people."""
    values = measures.as_dict()
    lines = []
    for title, names in _TABLE.items():
        cells = []
        for heading, name in names.items():
            value = values[name]
            text = f"{value:.3f}" if isinstance(value, float) else str(value)
            cells.append(f"{heading:<10}{text:>7}")
        lines.append("   ".join([f"{title:<8}", *cells]))
    return "\n".join(lines)


def _count_events(named: Tracks, tracks: Tracks, iou_threshold: float) -> dict[str, float]:
    """What motmetrics counts, frame by frame, of `tracks` against the `named` true boxes."""
    true_rows, track_rows = rows_by_frame(named.frame), rows_by_frame(tracks.frame)
    if not true_rows and not track_rows:
        return dict.fromkeys(_COUNTS, 0.0)
    accumulator = motmetrics.MOTAccumulator()
    nothing = np.zeros(0, np.intp)
    for frame in sorted(true_rows.keys() | track_rows.keys()):
        true, found = true_rows.get(frame, nothing), track_rows.get(frame, nothing)
        if len(np.unique(tracks.person[found])) < len(found):
            raise RecordError(f"a person has two boxes in frame {frame}")
        # motmetrics has an iou_matrix of its own, but it fails on NumPy 2.
        iou = box_iou(named.boxes[true].astype(float), tracks.boxes[found].astype(float))
        distance = np.where(iou >= iou_threshold, 1.0 - iou, np.nan)
        accumulator.update(named.person[true], tracks.person[found], distance, frameid=frame)
    counts = motmetrics.metrics.create().compute(
        accumulator, metrics=_COUNTS, return_dataframe=False
    )
    return {name: float(value) for name, value in counts.items()}


def _identities_in_frame(
    truth: Tracks, boxes: NDArray[np.floating], iou_threshold: float
) -> NDArray[np.int32]:
    """`identities_of_boxes` within one frame, of which `truth` holds the true boxes."""
    boxes, true_boxes = boxes.astype(float), truth.boxes.astype(float)
    iou = box_iou(boxes, true_boxes)
    named = truth.person != NOBODY
    shared = iou / (1 + iou) * (box_areas(boxes)[:, None] + box_areas(true_boxes))
    inside = (iou > 0) & (shared >= MIN_SHARE_IGNORED * box_areas(boxes)[:, None])
    ignored = np.any(inside[:, ~named], axis=1)
    identity = np.where(ignored, NOBODY, FALSE_DETECTION).astype(np.int32)
    found, true = pair_boxes(iou[:, named], iou_threshold)
    identity[found] = truth.person[named][true]
    return identity


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
