"""Findings → the files that people take away, in the run folder."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from tracker.charts.learning_curves import draw_curves
from tracker.embedding.backbones import Backbone
from tracker.embedding.learning import Embedding
from tracker.errors import StorageError
from tracker.export.appearances import people_of
from tracker.export.portraits import save_portraits
from tracker.export.tracks_json import write_tracked
from tracker.learned import EMBEDDING_FILE, save_embedding
from tracker.mot import write_mot, written_scores
from tracker.pipeline import Findings
from tracker.presenting import write_sheets
from tracker.records import NOBODY, Tracks
from tracker.render import chosen_for_sheet
from tracker.run import Run
from tracker.settings import settings_as_dict
from tracker.shots import write_shots
from tracker.storage import load_json, save_json, written_aside
from tracker.tracked import Portraits, TrackedVideo

_PACKAGES = ("multiface", "torch", "opencv-python", "av", "scenedetect", "openvino", "numpy")


def write_outputs(run: Run, findings: Findings, names: Mapping[int, str]) -> TrackedVideo:
    """Write what was found, as tables, text and pictures; what the report is made of too.

    Args:
        names: of those who have been given one.

    Raises:
        StorageError: the folder cannot be written to.
    """
    folder, tracked = run.folder.path, tracked_video(run.video.name, findings, names)
    with written_aside(folder / "tracks.txt") as aside:
        write_mot(aside, tracked.tracks)
    with written_aside(folder / "shots.csv") as aside:
        write_shots(aside, findings.scan.shots)
    write_tracked(folder, tracked)
    save_embedding(folder / EMBEDDING_FILE, findings.identities.embedding)
    _write_learning_plot(folder / "learning.png", run, findings.identities.embedding)
    portraits = choose_portraits(findings)
    write_sheets(folder, tracked, portraits)
    save_portraits(folder, portraits)
    return tracked


def tracked_video(name: str, findings: Findings, names: Mapping[int, str]) -> TrackedVideo:
    """What was found in the video `name`, as other programs are told of it."""
    scan, detections = findings.scan, findings.scan.detections
    stray = detections.where(findings.person == NOBODY)
    nobody = np.full(len(stray), NOBODY, np.int32)
    sureness = findings.identities.sureness
    people = people_of(findings.tracks, scan.shots, scan.timeline, names)
    return TrackedVideo(
        name,
        findings.info,
        scan.timeline,
        tuple(scan.shots),
        _rounded(findings.tracks),
        _rounded(Tracks(stray.frame, nobody, stray.boxes, stray.scores)),
        tuple(
            replace(
                person,
                spread=sureness[person.number].spread,
                nearest=sureness[person.number].nearest,
            )
            for person in people
        ),
        tuple(findings.identities.maybe_same),
    )


def _rounded(tracks: Tracks) -> Tracks:
    """`tracks` as they are read back: files have boxes to a hundredth, scores to four digits."""
    boxes, scores = tracks.boxes.astype(float).round(2), written_scores(tracks)
    return replace(tracks, boxes=boxes.astype(np.float32), scores=scores.astype(np.float32))


def choose_portraits(findings: Findings) -> Portraits:
    """Some faces of everybody, as many as a contact sheet has room for."""
    crops, scan = findings.identities.crops, findings.scan
    person_of_crop = findings.person[crops.rows]
    chosen = [
        # Chosen before they are read: a person may have thousands.
        chosen_for_sheet(np.flatnonzero(person_of_crop == person))
        for person in np.unique(findings.tracks.person).tolist()
    ]
    picked = np.concatenate(chosen) if chosen else np.zeros(0, np.intp)
    frame = scan.detections.frame[crops.rows[picked]]
    return Portraits(person_of_crop[picked], frame, np.asarray(crops.images[picked]))


def write_run_json(run: Run, findings: Findings) -> None:
    """Write what ran, on what, with what, and how long it took."""
    save_json(
        run.folder.path / "run.json",
        {
            "video": {
                "name": run.video.name,
                "path": str(run.video.resolve()),
                "fingerprint": findings.scan.video_key,
                "frames": len(findings.scan.timeline),
                "width": findings.info.width,
                "height": findings.info.height,
            },
            "config": settings_as_dict(run.config),
            "detector": {
                "name": findings.detector.name,
                "min_score": findings.detector.min_score,
                "sure_score": findings.detector.sure_score,
                "sha256": list(findings.detector.hashes),
            },
            "features": [
                {"kind": choice.kind, "sha256": list(choice.hashes)}
                for choice in findings.identities.features
            ],
            "trunk": _trunk(findings.identities.backbone),
            "device": str(run.device),
            "versions": {"python": platform.python_version()} | _versions(),
            "counts": _counts(findings),
            "stages": run.log.stages,
            "notes": run.log.notes,
        },
    )


def earlier_stages(folder: Path) -> dict[str, Any]:
    """The `stages` of the run.json in `folder`; nothing where there is none, or a damaged one."""
    try:
        stages = load_json(folder / "run.json").get("stages")
    except StorageError:
        return {}
    return stages if isinstance(stages, dict) else {}


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "unknown"
    return found


def _trunk(backbone: Backbone | None) -> dict[str, Any] | None:
    """The CNN that was fine-tuned; None where heads were learned, or nothing."""
    if backbone is None:
        return None
    return {
        "name": backbone.name,
        "pretrained_on": backbone.pretrained_on or None,
        "sha256": list(backbone.hashes),
    }


def _counts(findings: Findings) -> dict[str, Any]:
    return {
        "shots": len(findings.scan.shots),
        "detections": len(findings.scan.detections),
        "tracklets": findings.constraints.tracklet_count,
        "cannot_link_pairs": len(findings.constraints.cannot_link),
        "negative_pairs": len(findings.constraints.negatives),
        "people": len(np.unique(findings.tracks.person)),
        "raw_share": round(findings.identities.embedding.raw_share, 4),
        "raw_auc": round(findings.identities.metric.evidence.auc, 4),
        "raw_auc_pairs": findings.identities.metric.evidence.pairs,
    }


def _write_learning_plot(path: Path, run: Run, embedding: Embedding) -> None:
    """Write how learning went; where nothing was learned, remove the picture of another run."""
    if not len(embedding.curves.loss):
        path.unlink(missing_ok=True)
        return
    title = f"{run.video.name}: {run.config.embedding.loss}"
    with written_aside(path) as aside:
        aside.write_bytes(draw_curves(embedding.curves, title))
