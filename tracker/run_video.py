"""A run → the video that it was made from."""

from __future__ import annotations

from pathlib import Path

from tracker.errors import TrackerError
from tracker.storage import fingerprint, load_json, refusing_damage

RUN_FILE = "run.json"  # of a run folder


def find_video(run: Path, given: Path | None) -> Path:
    """The video that `run` was made from: the `given` one, where it was, or beside the run.

    Raises:
        TrackerError: it is nowhere, or not the video that the run knows.
        StorageError: it, or what the run knows, cannot be read.
    """
    known = _known_of_video(run)
    path = given
    if path is None:
        places = [Path(known["path"])] if "path" in known else []
        places += [run.absolute().parent / known["name"]] if "name" in known else []
        path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise TrackerError(
            f"{run}: the video of these tracks is not where it was: give it with --video"
        )
    if "fingerprint" in known and fingerprint(path) != known["fingerprint"]:
        raise TrackerError(
            f"{path} is not the video that {run} was made from: give that one with --video"
        )
    return path


def fingerprint_of_run(run: Path) -> str:
    """The fingerprint of the video that `run` was made from; "" where the run does not say."""
    return _known_of_video(run).get("fingerprint", "")


def _known_of_video(run: Path) -> dict[str, str]:
    """What the run folder `run` says of its video; nothing where it is none."""
    path = run / RUN_FILE
    if not path.is_file():
        return {}
    with refusing_damage(path):
        video = load_json(path)["video"]
        return {name: str(video[name]) for name in ("path", "name", "fingerprint") if name in video}
