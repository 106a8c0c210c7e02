"""What was measured, as pictures."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tracker.benchmark.bench import Results
from tracker.benchmark.measuring import Bench, judged_pairs, tracklet_distances_of
from tracker.benchmark.rows import AS_CONFIGURED, RAW, Row
from tracker.charts.distances import DistancePanel, draw_distances
from tracker.charts.files import save_chart
from tracker.charts.maps import Map, draw_maps, flatten
from tracker.charts.purity import draw_purity
from tracker.charts.thresholds import ThresholdPanel, draw_precision_recall
from tracker.charts.timeline import Spans, Switches, draw_timeline
from tracker.embedding.compensation import unit_length
from tracker.embedding.evidence import area_under_curve
from tracker.evaluation.measures import FALSE_DETECTION, identities_of_boxes
from tracker.evaluation.verification import precision_recall
from tracker.pipeline import Findings
from tracker.records import NOBODY, Timeline, Tracks

_FACES_A_TRACKLET = 4  # in a map; t-SNE takes its time
_CHARTS = 4  # beside the maps


def write_pictures(bench: Bench, results: Results) -> None:
    """Draw everything that the rows measured show; each as SVG and PNG, beside the table."""
    measured = list(results.runs)
    kinds = list(dict.fromkeys(row.features for row in measured if row.method == RAW))
    with bench.run.log.timed("pictures", _CHARTS + len(kinds), "pictures") as advance:

        def save(figure: Figure, name: str) -> None:
            save_chart(figure, bench.run.folder.path / name)
            advance(1)

        save(_purity(bench, results), "purity")
        save(_distances(results), "distances")
        for row in measured:
            if row.method == AS_CONFIGURED:
                findings, _ = bench.find(row, 0, None)
                bound = results.runs[row][0]["bound"]
                save(_timeline(bench, findings), "timeline")
                save(_precision_recall(bench, findings, bound), "precision-recall")
        for kind in kinds:
            save(_maps(bench, _told(results, kind)), f"maps-{kind}")


def _purity(bench: Bench, results: Results) -> Figure:
    curves = {
        row.title: np.array([run["purity"] for run in runs], float)
        for row, runs in results.runs.items()
    }
    return draw_purity(curves, bench.answers.people)


def _distances(results: Results) -> Figure:
    """Raw and learned, of the first run of each kind of features."""
    panels = []
    for row in _told(results):
        run = results.runs[row][0]
        same, different = np.array(run["same"]), np.array(run["different"])
        auc = area_under_curve(same, different) if len(same) and len(different) else np.nan
        panels.append(DistancePanel(row.title, same, different, run["bound"], auc))
    return draw_distances(panels)


def _told(results: Results, kind: str | None = None) -> list[Row]:
    """Of each kind of features, raw and learned by the first loss; and the main job.

    Args:
        kind: of features; None: all.
    """
    told: list[Row] = []
    for row, runs in results.runs.items():
        if kind not in (None, row.features):
            continue
        if row.is_learned and row.method != AS_CONFIGURED and not runs[0]["learned_share"]:
            continue  # it would show something else under the name of a loss
        first = not any(one.features == row.features and one.is_learned for one in told)
        if row.method in (RAW, AS_CONFIGURED) or (row.is_learned and first):
            told.append(row)
    return told


def _maps(bench: Bench, rows: list[Row]) -> Figure:
    """The same faces by what their features say, and by what was learned from them."""
    maps, labels = [], np.zeros(0, np.int32)
    for row in rows:
        findings, _ = bench.find(row, 0, None)
        faces = _some_faces(findings)
        labels = bench.answers.of_detection[findings.identities.crops.rows[faces]]
        faces, labels = faces[labels != NOBODY], labels[labels != NOBODY]
        identities = findings.identities
        raw = row.method == RAW
        vectors = identities.metric.vectors if raw else identities.embedding.learned
        maps.append(Map(row.title, flatten(unit_length(vectors[faces]), seed=0)))
    return draw_maps(maps, labels)


def _some_faces(findings: Findings) -> NDArray[np.intp]:
    """A few faces of each tracklet, spread over its length."""
    faces = findings.faces
    chosen = []
    for number in np.unique(faces):
        rows = np.flatnonzero(faces == number)
        places = np.linspace(0, len(rows) - 1, min(len(rows), _FACES_A_TRACKLET))
        chosen.append(rows[places.astype(np.intp)])
    return np.sort(np.concatenate([np.zeros(0, np.intp), *chosen]))


def _precision_recall(bench: Bench, findings: Findings, bound: float) -> Figure:
    scores = findings.scan.detections.scores
    identity = bench.answers.of_detection
    judged = identity != NOBODY
    right = identity[judged] != FALSE_DETECTION
    boxes = len(bench.truth.named)
    order = np.argsort(-scores[judged], kind="stable")
    hits = np.cumsum(right[order])
    taken = np.arange(1, len(order) + 1)
    a, b, same = judged_pairs(bench)
    pairs = precision_recall(tracklet_distances_of(findings)[a, b], same)
    return draw_precision_recall(
        [
            ThresholdPanel(
                "faces",
                "score from which boxes are taken",
                scores[judged][order][::-1],
                (hits / taken)[::-1],
                (hits / max(boxes, 1))[::-1],
                findings.detector.min_score,
            ),
            ThresholdPanel(
                "pairs of tracklets of one person",
                "distance up to which they are",
                pairs.threshold,
                pairs.precision,
                pairs.recall,
                bound,
            ),
        ]
    )


def _timeline(bench: Bench, findings: Findings) -> Figure:
    """The true people, and who they are in the tracks of `findings`."""
    truth, tracks = bench.truth, findings.tracks
    timeline = findings.scan.timeline
    named = truth.named
    people = np.unique(named.person)
    identity = identities_of_boxes(truth, tracks.frame, tracks.boxes, bench.iou_threshold)
    hit = identity > FALSE_DETECTION
    found = tracks.where(hit)
    order = np.lexsort((found.frame, identity[hit]))
    row = np.searchsorted(people, identity[hit][order])
    frame, person = found.frame[order], found.person[order]
    changed = (np.diff(row) == 0) & (np.diff(person) != 0)
    at_s = [float(timeline.start_s(int(one))) for one in frame[1:][changed]]
    return draw_timeline(
        [str(one) for one in people.tolist()],
        _true_spans(named, people, truth.step, timeline),
        _spans(row, frame, person, truth.step, timeline),
        Switches(row[1:][changed], np.array(at_s, float)),
    )


def _true_spans(named: Tracks, people: NDArray[np.int32], step: int, timeline: Timeline) -> Spans:
    order = np.lexsort((named.frame, named.person))
    row = np.searchsorted(people, named.person[order])
    return _spans(row, named.frame[order], named.person[order], step, timeline)


def _spans(
    row: NDArray[np.intp],
    frame: NDArray[np.int32],
    person: NDArray[np.int32],
    step: int,
    timeline: Timeline,
) -> Spans:
    """Unbroken stretches of one person in one row; boxes sorted by row, then frame.

    Args:
        step: every so many frames there may be a box.
    """
    if not len(row):
        nothing = np.zeros(0)
        return Spans(row, nothing, nothing, person)
    breaks = (np.diff(row) != 0) | (np.diff(person) != 0) | (np.diff(frame) > step)
    first = np.concatenate([[0], np.flatnonzero(breaks) + 1])
    last = np.concatenate([first[1:] - 1, [len(row) - 1]])
    starts = [float(timeline.start_s(int(one))) for one in frame[first]]
    until = np.minimum(frame[last] + step - 1, len(timeline) - 1)
    stops = [float(timeline.stop_s(int(one))) for one in until]
    return Spans(row[first], np.array(starts), np.array(stops), person[first])
