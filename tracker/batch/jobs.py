"""What is to be done with one video of a batch, and what came of it."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Literal

from tracker.config import Config
from tracker.errors import TrackerError
from tracker.settings import settings_as_dict

_KEY_LENGTH = 16  # hex digits


@dataclass(frozen=True, slots=True)
class Job:
    """One video to look at.

    Attributes:
        name: of its run folder, in the batch's folder; no two jobs share one.
        out: the run folder.
        device: auto, cpu, cuda or cuda:n.
    """

    name: str
    video: Path
    out: Path
    config: Config
    device: str
    with_video: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try at a job ended.

    Attributes:
        state: "lost" if the worker died, whatever of, or memory ran out: another try may manage.
            "failed" if the video or a setting is at fault: another would end the same.
        seconds: that it took.
        notes: what the user should be told.
        error: one line; None when done.
    """

    state: Literal["done", "failed", "lost"]
    seconds: float = 0.0
    frames: int = 0
    people: int = 0
    notes: tuple[str, ...] = ()
    error: str | None = None


def job_key(job: Job) -> str:
    """Changes with the settings, the version and the video of a job: its path, size and time."""
    watched = [job.video]
    if job.config.embedding.init is not None:
        from tracker.learned import EMBEDDING_FILE  # takes torch with it

        watched.append(Path(job.config.embedding.init) / EMBEDDING_FILE)
    settings = settings_as_dict(job.config)
    content = [
        metadata.version("multiface"), settings, job.with_video, *map(_identity_of, watched),
    ]  # fmt: skip
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_KEY_LENGTH]


def use_one_core() -> None:
    """Keep the libraries of this process from starting a thread for every core.

    Where there is a process a core, threads beyond that only wait for each other. To be called
    before anything else is imported: some libraries look once.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def do_job(job: Job) -> Outcome:
    """Do a job in this process; whatever goes wrong is told, not raised."""
    started, notes = time.perf_counter(), _Notes()
    try:
        from tracker.job import track_video

        started = time.perf_counter()  # importing takes seconds, but of one job a process only
        summary = track_video(job.video, job.out, job.config, job.device, job.with_video, notes)
    except TrackerError as error:
        reason = str(error)
    except Exception as error:  # of one video, and no reason to stop the others
        if _is_of_memory(error):
            seconds = time.perf_counter() - started
            return Outcome("lost", seconds, error="out of memory: try fewer --workers")
        reason = f"{type(error).__name__}: {error} (a bug: `multiface track` shows where)"
    else:
        seconds = time.perf_counter() - started
        return Outcome("done", seconds, summary.frames, summary.people, tuple(notes.lines))
    seconds = time.perf_counter() - started
    return Outcome("failed", seconds, notes=tuple(notes.lines), error=" ".join(reason.split()))


def _is_of_memory(error: Exception) -> bool:
    """Whether there was none left, of this machine or of a GPU."""
    import torch

    return isinstance(error, MemoryError | torch.cuda.OutOfMemoryError)


@dataclass(slots=True)
class _Notes:
    """Listens to a run, and remembers what it says."""

    lines: list[str] = field(default_factory=list)

    def stage(
        self, name: str, total: int | None, unit: str
    ) -> AbstractContextManager[Callable[[int], None]]:
        return nullcontext(lambda count: None)

    def say(self, line: str) -> None:
        self.lines.append(line)


def _identity_of(path: Path) -> tuple[str, int, int]:
    """Changes when the file does, without reading it."""
    try:
        told = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), told.st_size, told.st_mtime_ns
