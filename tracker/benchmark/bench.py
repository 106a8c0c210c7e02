"""One video, one detection and one tracklet file, many rows; what is measured is kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tracker.benchmark.measuring import MEASURED, Bench, find_answers, measure_row
from tracker.benchmark.rows import AS_CONFIGURED, Means, Row, means_of
from tracker.benchmark.table import Line, spreads
from tracker.detection.choose import choose_detector
from tracker.evaluation.annotations import Extent
from tracker.evaluation.answer import Answer, extent_of
from tracker.evaluation.truth import TRACKS_FILE, read_truth
from tracker.learned import EMBEDDING_FILE
from tracker.mot import write_mot
from tracker.pipeline import Followed, follow_faces
from tracker.records import NO_TRACKLET, NOBODY, Tracks
from tracker.run import Run
from tracker.settings import settings_as_dict
from tracker.shots import write_shots
from tracker.storage import (
    content_hash,
    load_json,
    refusing_damage,
    save_json,
    stage_key,
    written_aside,
)
from tracker.video.reader import probe_video

_FOLDER = "rows"
_VERSION = 4  # raise it when a row is measured in another way


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What was measured.

    Attributes:
        runs: of each row that could be measured, by seed.
        absent: of each that could not, why.
        chosen: of rows in which something was chosen for the user, what and why.
    """

    runs: dict[Row, list[dict[str, Any]]]
    absent: dict[Row, str]
    chosen: dict[Row, str] = field(default_factory=dict)


def prepare(run: Run, answer: Answer, iou_threshold: float) -> Bench:
    """Find the faces that all rows share, and write them beside the table.

    Raises:
        TrackerError: the video, the truth or the folder cannot be used.
    """
    info = probe_video(run.video)
    answer.read(extent_of(run.video))  # a mistake in it should show before the long pass
    detector = choose_detector(run.config.detection)
    run.log.say(detector.reason)
    followed = follow_faces(run, info, detector)
    extent = Extent(info.width, info.height, len(followed.material.scan.timeline))
    whole = read_truth(answer.path, answer.step, extent=extent)
    truth, people = answer.part_of(whole, extent), len(np.unique(whole.named.person))
    _write_shared(run.folder.path, followed)
    answers = find_answers(truth, people, followed, iou_threshold)
    return Bench(run, followed, truth, answers, iou_threshold)


def measure_rows(bench: Bench, answer: Answer, rows: Sequence[Row], seeds: int) -> Results:
    """Measure every row from every seed, or take up what was measured before."""
    absent: dict[Row, str] = {}
    chosen: dict[Row, str] = {}
    work: list[tuple[Row, int, Path]] = []
    # Of all rows of one kind of features alike: weights are hashed, or looked for in vain, once.
    means_by_kind: dict[str, Means | str] = {}
    for row in rows:
        is_new = row.features not in means_by_kind
        if is_new:
            means_by_kind[row.features] = means_of(row, bench.run.config)
        means = means_by_kind[row.features]
        if isinstance(means, str):
            if is_new:
                bench.run.log.say(f"{row.features}: absent, since {means}")
            absent[row] = means
            continue
        if means.reason:
            chosen[row] = means.reason
            bench.run.log.say(f"{row.title}: {means.reason}")
        for seed in range(seeds if row.is_random else 1):
            work.append((row, seed, _kept(bench, answer, row, seed, means)))
    runs: dict[Row, list[dict[str, Any]]] = {row: [] for row, _, _ in work}
    left = sum(not path.exists() for _, _, path in work)
    started, done = time.monotonic(), 0
    for row, seed, path in work:
        if not path.exists():
            rest = "" if not done else _time_left((time.monotonic() - started) / done * left)
            bench.run.log.say(f"{row.title}, seed {seed}: {left} to go{rest}")
            save_json(path, measure_row(bench, row, seed))
            done, left = done + 1, left - 1
        runs[row].append(_load_row(path))
    return Results(runs, absent, chosen)


def _load_row(path: Path) -> dict[str, Any]:
    with refusing_damage(path):
        measured = load_json(path)
        return {name: measured[name] for name in MEASURED}


def lines_of(results: Results, rows: Sequence[Row]) -> list[Line]:
    """The lines of the table, in the order of `rows`."""
    return [_line(row, results) for row in rows]


def _line(row: Row, results: Results) -> Line:
    if row in results.absent:
        return Line(row.title, row.features, row.method, {}, results.absent[row])
    runs = results.runs[row]
    remarks = [results.chosen[row]] if row in results.chosen else []
    if row.is_learned and not any(run["learned_share"] for run in runs):
        why = "the video has too few pairs of people seen together"
        if row.method == AS_CONFIGURED:
            why += ", or its features tell them apart as they are"
        remarks.append(f"nothing was learned: {why}")
    every = tuple(run["values"] for run in runs)
    return Line(row.title, row.features, row.method, spreads(every), "; ".join(remarks), every)


def _kept(bench: Bench, answer: Answer, row: Row, seed: int, means: Means) -> Path:
    """Where a row's numbers are, or will be: named by everything that they depend on."""
    settings = row.settings(bench.run.config, seed, None)
    init = settings.embedding.init
    start = None if init is None else content_hash(Path(init) / EMBEDDING_FILE)
    truth = answer.path / TRACKS_FILE if answer.path.is_dir() else answer.path
    how = [answer.step, answer.frames, bench.iou_threshold, start, bench.run.device.type]
    key = stage_key(
        "benchmark",
        [_VERSION, settings_as_dict(settings), means.hashes, how],
        bench.followed.material.constraints_key,
        bench.followed.material.scan.detections_key,
        content_hash(truth),
    )
    folder = bench.run.folder.path / _FOLDER
    folder.mkdir(exist_ok=True)
    return folder / f"{row.title.replace(' ', '-').replace(',', '')}-{seed}-{key}.json"


def _write_shared(folder: Path, followed: Followed) -> None:
    """Write the shots, the detections and the tracklets that all rows share."""
    material = followed.material
    detections = material.scan.detections
    found = Tracks(
        detections.frame,
        np.full(len(detections), NOBODY, np.int32),
        detections.boxes,
        detections.scores,
    )
    with written_aside(folder / "shots.csv") as aside:
        write_shots(aside, material.scan.shots)
    with written_aside(folder / "detections.txt") as aside:
        write_mot(aside, found)
    in_tracklet = material.tracklet != NO_TRACKLET
    numbered = Tracks(detections.frame, material.tracklet + 1, detections.boxes, detections.scores)
    with written_aside(folder / "tracklets.txt") as aside:
        write_mot(aside, numbered.where(in_tracklet))


def _time_left(seconds: float) -> str:
    return f", about {seconds:.0f} s" if seconds < 90 else f", about {seconds / 60:.0f} min"
