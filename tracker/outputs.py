"""Findings → the files that people take away, in the run folder."""

from __future__ import annotations

import platform
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tracker.charts.learning_curves import draw_curves
from tracker.embedding.backbones import Backbone
from tracker.embedding.learning import Embedding
from tracker.errors import StorageError
from tracker.export.appearances import Appearance, find_appearances
from tracker.export.tracks_json import seconds, tracks_as_dict
from tracker.learned import EMBEDDING_FILE, save_embedding
from tracker.mot import write_mot
from tracker.pipeline import Findings
from tracker.render import chosen_for_sheet, contact_sheet, person_colour, render_annotated
from tracker.run import Run
from tracker.settings import settings_as_dict
from tracker.shots import write_shots
from tracker.storage import (
    load_json,
    save_json,
    stage_key,
    written_aside,
)
from tracker.video.ahead import read_ahead
from tracker.video.reader import VideoReader
from tracker.video.writer import VideoWriter

# Of the annotated video, to look at: half the time of x264's "veryfast" at 20, in a file as large
# (T-ara: 8.1 against 14.3 ms a frame, PSNR 38.9 against 39.9 dB).
PRESET, CRF = "superfast", 23
_PACKAGES = ("multiface", "torch", "opencv-python", "av", "scenedetect", "openvino", "numpy")


def write_outputs(run: Run, findings: Findings, with_video: bool) -> None:
    """Write tracks, contact sheets and the annotated video, each only if it changed.

    Raises:
        StorageError, VideoWriteError: the folder cannot be written to.
    """
    folder, scan = run.folder.path, findings.scan
    appearances = find_appearances(findings.tracks, scan.shots, scan.timeline)
    with written_aside(folder / "tracks.txt") as aside:
        write_mot(aside, findings.tracks)
    with written_aside(folder / "shots.csv") as aside:
        write_shots(aside, scan.shots)
    as_dict = tracks_as_dict(
        run.video.name,
        findings.info,
        scan.timeline,
        scan.shots,
        findings.tracks,
        appearances,
        findings.identities.maybe_same,
    )
    save_json(folder / "tracks.json", as_dict)
    save_embedding(folder / EMBEDDING_FILE, findings.identities.embedding)
    _write_learning_plot(folder / "learning.png", run, findings.identities.embedding)
    _write_contact_sheets(folder / "people", findings, appearances)
    _write_annotated(run, findings, with_video)


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


def _write_contact_sheets(folder: Path, findings: Findings, appearances: list[Appearance]) -> None:
    """Write one picture a person, and remove those of people who are no more."""
    crops = findings.identities.crops
    person_of_crop = findings.person[crops.rows]
    names = {
        person: f"person-{person:02d}.png" for person in np.unique(findings.tracks.person).tolist()
    }
    try:
        folder.mkdir(exist_ok=True)
        for old in folder.glob("person-*.png"):
            if old.name not in names.values():
                old.unlink()
    except OSError as error:
        raise StorageError(f"cannot write to {folder}: {error.strerror}") from error
    for person, name in names.items():
        stays = [stay for stay in appearances if stay.person == person]
        screen_s = seconds(sum(stay.stop_s - stay.start_s for stay in stays))
        shots = len({stay.shot for stay in stays})
        # Chosen before they are read: a person may have thousands.
        faces = crops.images[chosen_for_sheet(np.flatnonzero(person_of_crop == person))]
        sheet = contact_sheet(
            faces,
            f"Person {person}",
            f"{screen_s:.1f} s on screen, in {shots} shot{'s' if shots != 1 else ''}",
            person_colour(person),
        )
        _, encoded = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
        with written_aside(folder / name) as aside:
            aside.write_bytes(encoded.tobytes())


def _write_annotated(run: Run, findings: Findings, with_video: bool) -> None:
    """Render the video, unless the one there shows these very tracks.

    A marker in `stages/` says which tracks it shows: a video cannot carry its own key. Where
    no video is wanted, one of other tracks is removed rather than left to mislead.
    """
    path = run.folder.path / "annotated.mp4"
    key = stage_key("annotated", None, findings.key)
    marker = run.folder.stage_file("annotated", key, ".done")
    if marker.exists() and path.exists():
        run.log.reused("annotated video")
        return
    for other in marker.parent.glob("annotated-*.done"):  # soon the video shows no others' tracks
        other.unlink(missing_ok=True)
    if not with_video:
        path.unlink(missing_ok=True)
        return
    timeline, info = findings.scan.timeline, findings.info
    with (
        run.log.timed("annotated video", len(timeline), "frames") as advance,
        VideoReader(run.video) as reader,
        closing(read_ahead(reader)) as frames,
        closing(
            read_ahead(render_annotated(frames, findings.tracks, findings.scan.shots))
        ) as pictures,
        VideoWriter(
            path,
            info.width,
            info.height,
            timeline.tick_s,
            info.frame_rate,
            sound_from=run.video,
            crf=CRF,
            preset=PRESET,
        ) as writer,
    ):
        for frame, picture in enumerate(pictures):
            writer.write(picture, int(timeline.ticks[frame]))
            advance(1)
        writer.close(timeline.end_tick)
    with written_aside(marker) as aside:
        aside.touch()
