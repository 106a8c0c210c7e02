"""`multiface export`: files for other programs."""

from __future__ import annotations

import argparse
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tracker.arguments.export import EXPORT_FORMATS
from tracker.errors import StorageError, TrackerError
from tracker.reporting import make_progress

if TYPE_CHECKING:
    from tracker.tracked import TrackedVideo

    Writer = Callable[[Path, TrackedVideo], None]

_MOST_BYTES = 200  # file systems take 255 for a name, with its suffix and `.partial`
_OF_THE_RUN = (
    "annotated.mp4",
    "edits.jsonl",
    "embedding.safetensors",
    "faces.npz",
    "report.html",
    "run.json",
    "shots.csv",
    "tracks.json",
    "tracks.txt",
)


def export(given: argparse.Namespace) -> None:
    """Write files for other programs."""
    from tracker.export.tracks_json import read_tracked
    from tracker.storage import written_aside

    tracked = read_tracked(given.run)
    formats = _all_formats() if "all" in given.format else list(dict.fromkeys(given.format))
    video = _video(given)
    writers = {
        suffix: writer for wanted in formats for suffix, writer in _writers(wanted, video).items()
    }
    for path, writer in _paths(given, tracked.name, writers):
        _refuse_to_lose(path, given.run, video)
        with written_aside(path) as aside:
            writer(aside, tracked)
        print(path)


def _all_formats() -> list[str]:
    """Those that can be written here."""
    if importlib.util.find_spec("opentimelineio") is not None:
        return list(EXPORT_FORMATS)
    make_progress().say("without otio, which needs: pip install 'multiface[otio]'")
    return [wanted for wanted in EXPORT_FORMATS if wanted != "otio"]


def _refuse_to_lose(path: Path, run: Path, video: Path | None) -> None:
    """Refuse to write over the video, or what the run itself has written."""
    is_video = video is not None and path.exists() and path.samefile(video)
    if is_video or (path.name in _OF_THE_RUN and path.parent.resolve() == run.resolve()):
        raise TrackerError(f"{path} would be overwritten: choose another name with --out")


def _video(given: argparse.Namespace) -> Path | None:
    """Where the video lies; None where that is not known, and need not be."""
    from tracker.run_video import find_video

    if given.video is not None:
        return find_video(given.run, given.video)
    try:
        return find_video(given.run, None)
    except TrackerError:
        return None


def _writers(wanted: str, video: Path | None) -> dict[str, Writer]:
    """What writes the files of a format, by their suffix."""
    if wanted in ("csv", "parquet"):
        return _table_writers(wanted)
    if wanted in ("mot", "cvat", "coco"):
        return _annotation_writers(wanted)
    return _time_writers(wanted, video)


def _table_writers(wanted: str) -> dict[str, Writer]:
    from tracker.export import tables

    if wanted == "csv":
        return {
            ".faces.csv": tables.write_faces_csv,
            ".appearances.csv": tables.write_appearances_csv,
        }
    return {
        ".faces.parquet": tables.write_faces_parquet,
        ".appearances.parquet": tables.write_appearances_parquet,
    }


def _annotation_writers(wanted: str) -> dict[str, Writer]:
    if wanted == "mot":
        from tracker.mot import write_mot

        return {".mot.txt": lambda path, tracked: write_mot(path, tracked.tracks)}
    if wanted == "cvat":
        from tracker.export.cvat import write_cvat

        return {".cvat.xml": write_cvat}
    from tracker.export.coco import write_coco

    return {".coco.json": write_coco}


def _time_writers(wanted: str, video: Path | None) -> dict[str, Writer]:
    if wanted in ("vtt", "srt"):
        from tracker.export import subtitles

        return {f".{wanted}": subtitles.write_vtt if wanted == "vtt" else subtitles.write_srt}
    if wanted == "otio":
        from tracker.export.otio import write_otio

        return {".otio": lambda path, tracked: write_otio(path, tracked, video)}
    if wanted == "edl":
        from tracker.export.edl import write_edl

        return {".edl": write_edl}
    from tracker.export.rttm import write_rttm

    return {".rttm": write_rttm}


def _paths(
    given: argparse.Namespace, video_name: str, writers: dict[str, Writer]
) -> list[tuple[Path, Writer]]:
    """Where each file goes, and what writes it."""
    out = Path(given.out or given.run)
    named = given.out is not None and not given.out.endswith(("/", os.sep))
    is_file = named and len(writers) == 1 and not out.is_dir()
    folder = out.parent if is_file else out
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make the folder {folder}: {error.strerror}") from error
    if is_file:
        return [(out, writer) for writer in writers.values()]
    stem = Path(video_name).stem.encode(errors="surrogateescape")[:_MOST_BYTES]
    called = stem.decode(errors="ignore")
    return [(folder / f"{called}{suffix}", writer) for suffix, writer in writers.items()]
