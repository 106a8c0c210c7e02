"""`multiface benchmark`: features and losses compared on videos whose truth is known."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.commands.settings import check_files, config_of_faces
from tracker.commands.truths import answer_of, check_scoring
from tracker.config import LOSSES, Config
from tracker.errors import TrackerError
from tracker.reporting import make_progress

if TYPE_CHECKING:
    from tracker.benchmark.published import Published
    from tracker.benchmark.report import Order
    from tracker.benchmark.table import Line
    from tracker.evaluation.dataset import DatasetVideo


def benchmark(given: argparse.Namespace) -> None:
    """Compare features and losses on a truth."""
    check_scoring(given)
    if given.seeds < 1:
        raise TrackerError(f"--seeds must be 1 or more, got {given.seeds}")
    if given.gt and not given.video:
        raise TrackerError("--gt is the truth of a video: name the video too")
    if given.dataset and (given.video or given.published):
        raise TrackerError("--dataset names the videos, and what is published of them")
    if given.dataset and (given.detections or given.shots):
        raise TrackerError("--detections and --shots are written in the dataset, video by video")
    config = config_of_faces(given)
    check_files(given, config, given.gt, given.dataset)
    folder, lines = _one_video(given, config) if given.gt else _dataset(given, config)
    if given.json:
        print((folder / "table.json").read_text(encoding="utf-8"), end="")
    else:
        from tracker.benchmark.table import as_text

        print(f"{as_text(lines)}\n\nthe whole table: {folder / 'table.md'}")


def _one_video(given: argparse.Namespace, config: Config) -> tuple[Path, list[Line]]:
    from tracker.benchmark.published import published_numbers
    from tracker.benchmark.report import benchmark_video

    published = published_numbers(given.published) if given.published is not None else ()
    order = _order(given, config)
    out = given.out or Path("runs") / f"{given.video.stem}-benchmark"
    run = _run(given, given.video, out, config)
    return out, benchmark_video(run, answer_of(given), order, published)


def _dataset(given: argparse.Namespace, config: Config) -> tuple[Path, list[Line]]:
    """One video after the other, each in a folder of its own; then the means over all."""
    from tracker.benchmark.published import published_numbers
    from tracker.benchmark.report import benchmark_video, write_means
    from tracker.evaluation.answer import extent_of
    from tracker.evaluation.dataset import read_dataset

    dataset = read_dataset(given.dataset)
    out = given.out or Path("runs") / f"{given.dataset.stem}-benchmark"
    order = _order(given, config)
    tables: dict[str, list[Line]] = {}
    published: dict[str, tuple[Published, ...]] = {}
    for one in dataset.videos:
        if one.video is None:
            raise TrackerError(f"{given.dataset}: {one.name} has no video to look at; add `video:`")
        try:
            published[one.name] = published_numbers(one.published) if one.published else ()
            one.answer.read(extent_of(one.video))
        except TrackerError as error:
            raise TrackerError(f"{given.dataset}, {one.name}: {error}") from error
    for one in dataset.videos:
        assert one.video is not None
        make_progress().say(f"{one.name}: {len(tables) + 1} of {len(dataset.videos)} videos")
        run = _run(given, one.video, out / one.name, _config_for(one, config))
        tables[one.name] = benchmark_video(run, one.answer, order, published[one.name])
    return out, write_means(out, dataset.name, tables, order)


def _config_for(video: DatasetVideo, config: Config) -> Config:
    """`config` with what a dataset says of how faces and shots of `video` are found."""
    detection = config.detection
    if video.detections is not None:
        detection = replace(
            detection,
            file=str(video.detections),
            file_box_scale=video.box_scale,
            min_score=video.min_score,
        )
    shots = config.shots
    if video.shots is not None:
        shots = replace(shots, file=str(video.shots))
    return replace(config, detection=detection, shots=shots)


def _order(given: argparse.Namespace, config: Config) -> Order:
    from tracker.benchmark.report import Order
    from tracker.benchmark.rows import rows_for

    losses = LOSSES if "all" in given.losses else tuple(dict.fromkeys(given.losses))
    features = tuple(dict.fromkeys(given.features))
    rows = tuple(rows_for(features, losses, config.features.kind))
    for row in rows:  # settings that do not go together should show before the long pass
        row.settings(config, 0, None)
    return Order(rows, given.seeds, given.iou)


def _run(given: argparse.Namespace, video: Path, out: Path, config: Config) -> Any:
    from tracker.devices import choose_device
    from tracker.run import Run, RunLog
    from tracker.storage import RunFolder
    from tracker.video.reader import probe_video

    probe_video(video)  # before a folder is made for what is no video
    device = choose_device(given.device)
    return Run(video, RunFolder(out), config, device, RunLog(make_progress()))
