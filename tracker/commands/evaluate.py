"""`multiface evaluate`: tracks against a ground truth."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.commands.truths import answer_of, check_scoring
from tracker.errors import TrackerError
from tracker.reporting import make_progress

if TYPE_CHECKING:
    from tracker.evaluation.annotations import Extent
    from tracker.evaluation.measures import Measures
    from tracker.evaluation.truth import Truth
    from tracker.records import Tracks


def evaluate_tracks(given: argparse.Namespace) -> None:
    """Score tracks against a ground truth."""
    check_scoring(given)
    if given.shots and not given.fit_boxes:
        raise TrackerError("--shots is for --fit-boxes: without it, all shots are scored")
    if given.dataset:
        for option, value in (
            ("--fit-boxes", given.fit_boxes),
            ("--errors", given.errors),
            ("--video", given.video),
        ):
            if value:
                raise TrackerError(f"{option} is for one video: give --gt instead of --dataset")
        values, text = _of_dataset(given)
    else:
        values, text = _of_video(given)
    print(json.dumps(values, indent=2) if given.json else text)


def _of_video(given: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """The measures of one video, for programs and for people."""
    from tracker.evaluation.measures import evaluate, format_table
    from tracker.evaluation.truth import read_tracks

    for path in (given.run, given.gt):
        if not path.exists():
            raise TrackerError(f"{path}: there is no such file or folder; check its name")
    extent, measures = _extent(given.run, given.video), None
    truth, tracks = answer_of(given).read(extent), read_tracks(given.run, extent=extent)
    _tell_unnamed(given.run, tracks)
    if given.fit_boxes:
        from tracker.evaluation.convention import evaluate_fitted, format_fitted, shots_of_run

        shots = shots_of_run(given.run, given.shots)
        fitted = evaluate_fitted(truth, tracks, shots, given.fit_boxes, given.iou)
        values, text = fitted.as_dict(), format_fitted(fitted)
    else:
        measures = evaluate(truth, tracks, given.iou)
        values, text = measures.as_dict(), format_table(measures)
    if given.errors:
        _write_errors(given, truth, tracks, measures)
    return values, text


def _tell_unnamed(run: Path, tracks: Tracks) -> None:
    from tracker.evaluation.truth import is_unnamed

    if is_unnamed(tracks):
        make_progress().say(
            f"{run} names nobody: each box is taken for a person of its own, so only recall, "
            "precision, F1, FAF and MOTP say something"
        )


def _write_errors(
    given: argparse.Namespace, truth: Truth, tracks: Tracks, measures: Measures | None
) -> None:
    from tracker.failure_page.of_run import write_failures_of_run

    progress = make_progress()
    write_failures_of_run(
        given.errors, given.run, truth, tracks, given.video, given.iou, progress, measures
    )
    progress.say(f"the worst errors, with pictures: {given.errors}")


def _of_dataset(given: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """The measures of every video of a dataset, their means, and those of all boxes together."""
    from tracker.evaluation.dataset import read_dataset
    from tracker.evaluation.measures import evaluate
    from tracker.evaluation.several import format_several, several_as_dict
    from tracker.evaluation.truth import read_tracks

    dataset = read_dataset(given.dataset)
    measured = {}
    for one in dataset.videos:
        run = _run_of(given.run, one.name)
        extent = _extent(run, one.video)
        truth = one.answer.read(extent)
        tracks = read_tracks(run, extent=extent)
        _tell_unnamed(run, tracks)
        measured[one.name] = evaluate(truth, tracks, given.iou)
    return several_as_dict(dataset.name, measured), format_several(measured)


def _run_of(folder: Path, name: str) -> Path:
    """The run folder or the tracks of the video called `name`."""
    for path in (folder / name, folder / f"{name}.txt", folder / f"{name}.xml"):
        if path.exists():
            return path
    raise TrackerError(f"{folder} holds no {name}, the folder of a run, nor {name}.txt, its tracks")


def _extent(run: Path, video: Path | None) -> Extent:
    """How large the video is: as a run knows it, else as the file says; else not known."""
    from tracker.evaluation.annotations import Extent
    from tracker.storage import load_json, refusing_damage

    known = run / "run.json"
    if video is None and known.is_file():
        with refusing_damage(known):
            of_run = load_json(known)["video"]
            return Extent(*(int(of_run[name]) for name in ("width", "height", "frames")))
    if video is None:
        return Extent()
    from tracker.evaluation.answer import extent_of

    return extent_of(video)
