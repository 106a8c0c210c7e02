"""`multiface batch`: many videos, in processes of this machine or on a Ray cluster."""

from __future__ import annotations

import argparse
import json
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.commands.settings import config_of
from tracker.config import Config
from tracker.errors import TrackerError
from tracker.reporting import make_progress

if TYPE_CHECKING:
    from tracker.batch.driver import Result


def batch(given: argparse.Namespace) -> None:
    """Find the people in each of many videos."""
    from tracker.batch.driver import run_batch
    from tracker.batch.jobs import Job
    from tracker.batch.manifest import Manifest
    from tracker.batch.sources import find_videos, name_runs
    from tracker.batch.table import format_table

    config = _config(given)
    out = given.out.absolute()
    videos = [video.absolute() for video in find_videos(given.sources)]
    progress = make_progress()
    started = time.monotonic()
    with Manifest(out) as manifest, _engine(given, len(videos)) as engine:
        held = {name: Path(entry.video) for name, entry in manifest.latest.items()}
        jobs = [
            Job(name, video, out / name, config, given.device, not given.no_video)
            for name, video in zip(name_runs(videos, held), videos, strict=True)
        ]
        at_once = min(engine.workers, len(jobs))
        videos_text = f"{len(jobs)} {'video' if len(jobs) == 1 else 'videos'}"
        progress.say(f"{videos_text}, {at_once} at once; {manifest.path} says how far it is")
        results = run_batch(jobs, engine, manifest, progress, given.retries)
    seconds = time.monotonic() - started
    print(_as_json(results, seconds) if given.json else format_table(results))
    _complain(results)


def _config(given: argparse.Namespace) -> Config:
    """The settings of every video."""
    for option, least in (("workers", 1), ("retries", 0)):
        value = getattr(given, option)
        if value is not None and value < least:
            raise TrackerError(f"--{option} must be {least} or more, got {value}")
    if given.address and given.engine != "ray":
        raise TrackerError("--address is of a Ray cluster: give --engine ray too")
    config = config_of(given)
    if config.detection.file or config.shots.file:
        raise TrackerError(
            f"{given.config}: detection.file and shots.file are of one video; use multiface track"
        )
    if config.embedding.init is None:
        return config
    from tracker.learned import EMBEDDING_FILE  # takes torch with it

    init = Path(config.embedding.init).absolute()  # workers may be elsewhere
    if not (init / EMBEDDING_FILE).exists():
        raise TrackerError(
            f"--init {config.embedding.init}: no {EMBEDDING_FILE} there; name the folder of a run"
        )
    return replace(config, embedding=replace(config.embedding, init=str(init)))


def _engine(given: argparse.Namespace, jobs: int) -> AbstractContextManager[Any]:
    from tracker.batch.local import LocalEngine, usual_workers
    from tracker.cores import usable_cores

    if given.engine == "ray":
        from tracker.batch.on_ray import RayEngine

        return RayEngine(
            given.address, given.workers, given.workers or usable_cores(), given.device
        )
    if given.device not in ("auto", "cpu"):  # what is not here should show once, not per video
        from tracker.devices import choose_device

        choose_device(given.device)
    return LocalEngine(min(given.workers or usual_workers(given.device), jobs))


def _as_json(results: list[Result], seconds: float) -> str:
    from tracker.batch.table import as_dicts

    done = sum(result.entry.state == "done" for result in results)
    summary = {
        "videos": as_dicts(results),
        "done": done,
        "failed": len(results) - done,
        "seconds": round(seconds, 3),
    }
    return json.dumps(summary, indent=2)


def _complain(results: list[Result]) -> None:
    """Raise an error if some failed."""
    failed = [result.entry.name for result in results if result.entry.state == "failed"]
    if failed:
        raise TrackerError(
            f"{len(failed)} of {len(results)} videos failed; the same command tries these again"
        )
