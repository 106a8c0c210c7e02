"""What is measured of one row: its people, its clusters, its distances."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.benchmark.rows import Row
from tracker.benchmark.table import ALONE
from tracker.clustering.distances import mean_directions, mixed_distances
from tracker.clustering.merges import Merges, clusters_after
from tracker.clustering.merging import merge_matrix
from tracker.clustering.people import max_distance
from tracker.config import Config
from tracker.evaluation.measures import FALSE_DETECTION, evaluate, identities_of_boxes
from tracker.evaluation.partition import (
    bcubed,
    clustering_accuracy,
    mutual_information,
    purity_curve,
)
from tracker.evaluation.retrieval import retrieve
from tracker.evaluation.truth import Truth
from tracker.evaluation.verification import Verification, pairs_of, verify
from tracker.pipeline import Findings, Followed, identify_people
from tracker.progress import Advance, Progress, Silence
from tracker.records import NO_TRACKLET, NOBODY
from tracker.run import Run, RunLog

# What `measure_row` gives.
MEASURED = ("values", "learned_share", "purity", "same", "different", "bound", "seconds")
_SEVERAL = 2  # faces that a tracklet must have, to be compared with itself


class Answers(NamedTuple):
    """Who each tracklet and each of its boxes really is.

    Attributes:
        people: how many there are in the whole truth, also where only a part of it is judged:
            faces of the whole video are put into so many clusters.
        of_detection: (N,) who each detection is; 0: on nobody; -1: not judged.
        tracklet: (J,) of each judged detection in a tracklet.
        identity: (J,) who it is; 0: on nobody.
        counts: (T, C) judged detections of each identity in each tracklet.
        label: (T,) who each tracklet mostly is; 0: nobody.
    """

    people: int
    of_detection: NDArray[np.int32]
    tracklet: NDArray[np.int32]
    identity: NDArray[np.int32]
    counts: NDArray[np.int64]
    label: NDArray[np.int32]

    @property
    def on_people(self) -> NDArray[np.intp]:
        """The tracklets that mostly are somebody."""
        return np.flatnonzero(self.label != FALSE_DETECTION)


def find_answers(truth: Truth, people: int, followed: Followed, iou_threshold: float) -> Answers:
    """What the `truth` says of the tracklets.

    Args:
        people: how many there are, also where `truth` is that of a part of the video.
    """
    material = followed.material
    detections = material.scan.detections
    identity = identities_of_boxes(truth, detections.frame, detections.boxes, iou_threshold)
    judged = (identity != NOBODY) & (material.tracklet != NO_TRACKLET)
    names, which = np.unique(
        np.append(identity[judged], np.int32(FALSE_DETECTION)), return_inverse=True
    )
    counts = np.zeros((material.tracklet_count, len(names)), np.int64)
    np.add.at(counts, (material.tracklet[judged], which[:-1]), 1)
    return Answers(
        people=people,
        of_detection=identity,
        tracklet=material.tracklet[judged],
        identity=identity[judged],
        counts=counts,
        label=names[counts.argmax(axis=1)],
    )


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """What all rows share: one video, its faces, and who they are.

    Attributes:
        run: where files are kept, and the settings that rows change.
        iou_threshold: from which on a box is the true one.
    """

    run: Run
    followed: Followed
    truth: Truth
    answers: Answers
    iou_threshold: float

    def find(self, row: Row, seed: int, people: int | None) -> tuple[Findings, RunLog]:
        """Who is found by `row`, and what was done for it."""
        config: Config = row.settings(self.run.config, seed, people)
        log = RunLog(_Quiet(self.run.log.progress))
        run = Run(self.run.video, self.run.folder, config, self.run.device, log)
        return identify_people(run, self.followed), log


class _Quiet(Silence):
    """Shows how far the long stages are, and says nothing: a table has many rows."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def stage(self, name: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:
        """Show a stage, unless it takes no time."""
        listener = Silence() if name == "clustering" or total == 0 else self._progress
        return listener.stage(name, total, unit)


def measure_row(bench: Bench, row: Row, seed: int) -> dict[str, Any]:
    """Everything that is measured of `row`, for JSON; what is not defined is None.

    `values` holds the numbers of the table: of tracks with the number of people given, of
    tracklets in exactly that many clusters, of pairs, of queries, and of tracks where the
    number is found. `purity`, `same`, `different` and `bound` are for the pictures.
    """
    asked, log = bench.find(row, seed, max(bench.answers.people, 1))
    alone, _ = bench.find(row, seed, None)
    distances = tracklet_distances_of(asked)
    merges = _merges(asked, distances, bench.run.config.clustering.cannot_link_distance)
    curve = purity_curve(merges, bench.answers.counts)
    told = evaluate(bench.truth, asked.tracks, bench.iou_threshold).as_dict()
    free = evaluate(bench.truth, alone.tracks, bench.iou_threshold)
    values = (
        told
        | _clusters(bench.answers, merges, curve)
        | _pairs(bench, distances)
        | _queries(bench.answers, distances)
        | {f"{ALONE}{name}": getattr(free, name) for name in ("people", "mota", "idf1", "hota")}
    )
    share = asked.identities.embedding.raw_share
    knows = asked.identities.metric.knows_faces
    same, different = known_distances(asked, distances)
    return {
        "values": {name: _plain(value) for name, value in values.items()},
        "learned_share": 1 - share,
        "purity": [_plain(value) for value in curve.round(5).tolist()],
        "same": same.round(4).tolist(),
        "different": different.round(4).tolist(),
        "bound": max_distance(share, knows, bench.run.config.clustering),
        "seconds": log.stages.get("learning", {}).get("seconds"),
    }


def tracklet_distances_of(findings: Findings) -> NDArray[np.floating]:
    """The distances (T, T) that people are told apart by."""
    embedding, metric = findings.identities.embedding, findings.identities.metric
    count = findings.constraints.tracklet_count
    return mixed_distances(
        embedding.learned, metric.vectors, embedding.raw_share, findings.faces, count
    ).matrix()


def known_distances(
    findings: Findings, distances: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of pairs whose answer the video itself knows: one person's (P,), different people's (C,).

    The former are the two halves of each tracklet, early and late; the latter, tracklets seen
    together.

    Args:
        distances: (T, T) between tracklets.
    """
    embedding, metric = findings.identities.embedding, findings.identities.metric
    count = findings.constraints.tracklet_count
    half, several = _halves(findings.faces, count)
    same = np.zeros(len(several))
    for share, vectors in (
        (embedding.raw_share, metric.vectors),
        (1 - embedding.raw_share, embedding.learned),
    ):
        if share > 0:
            means = mean_directions(vectors, half, 2 * count)
            cosine = (means[2 * several] * means[2 * several + 1]).sum(axis=1)
            same += share * np.clip(2 - 2 * cosine, 0, 4)
    a, b = findings.constraints.negatives.T
    return same, distances[a, b]


def _halves(faces: NDArray[np.int32], count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The half (S,), 2 t or 2 t + 1, of tracklet t that each face is in; the t that have both."""
    order = np.argsort(faces, kind="stable")
    sizes = np.bincount(faces, minlength=count)
    place = np.empty(len(faces), np.intp)
    place[order] = np.arange(len(faces)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    late = 2 * place >= sizes[faces]
    return 2 * faces.astype(np.intp) + late, np.flatnonzero(sizes >= _SEVERAL)


def _merges(findings: Findings, distances: NDArray[np.floating], far: float) -> Merges:
    """The whole hierarchy, as in the paper: down to any number of clusters."""
    counts = np.bincount(findings.faces, minlength=findings.constraints.tracklet_count)
    return merge_matrix(distances, counts, findings.constraints, far)


def _clusters(
    answers: Answers, merges: Merges, curve: NDArray[np.float64]
) -> dict[str, float | int]:
    """How good exactly as many clusters of tracklets are as there are people."""
    tracklets = len(answers.counts)
    wanted = min(max(answers.people, 1), tracklets)
    clusters = clusters_after(merges, tracklets - wanted, tracklets)[answers.tracklet]
    precision, recall, f1 = bcubed(answers.identity, clusters)
    return {
        "cluster_purity": float(curve[wanted - 1]) if wanted else 0.0,
        "cluster_nmi": mutual_information(answers.identity, clusters),
        "cluster_bcubed_precision": precision,
        "cluster_bcubed_recall": recall,
        "cluster_bcubed_f1": f1,
        "cluster_accuracy": clustering_accuracy(answers.identity, clusters),
    }


def judged_pairs(
    bench: Bench,
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Pairs of tracklets (P,) of people that the video does not tell apart itself; who is one.

    What was learned from is not asked: tracklets seen together are different people anyway.
    """
    people = bench.answers.on_people
    known = bench.followed.material.constraints.among(people)
    first, second = pairs_of(len(people), known)
    a, b = people[first], people[second]
    return a, b, bench.answers.label[a] == bench.answers.label[b]


def _pairs(bench: Bench, distances: NDArray[np.floating]) -> dict[str, float | int]:
    a, b, same = judged_pairs(bench)
    result: Verification = verify(distances[a, b], same)
    return {
        "auc": result.auc,
        "eer": result.eer,
        "eer_distance": result.threshold_at_eer,
        "pairs": result.pairs,
        "same_pairs": result.same_pairs,
    }


def _queries(answers: Answers, distances: NDArray[np.floating]) -> dict[str, float | int]:
    people = answers.on_people
    return retrieve(distances[np.ix_(people, people)], answers.label[people])._asdict()


def _plain(value: float) -> float | int | None:
    return value if np.isfinite(value) else None
