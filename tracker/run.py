"""One run: where it writes, what it was told, what it did; and how a stage is taken up again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch

from tracker.config import Config
from tracker.progress import Advance, Progress
from tracker.storage import RunFolder, stage_key

_Result = TypeVar("_Result")


@dataclass
class RunLog:
    """What a run did, as it goes into `run.json`.

    Attributes:
        progress: who listens.
        stages: by name, seconds and rates, and whether it was taken up from an earlier run.
        notes: what the user was told.
        earlier: `stages` of the run before, for those that are taken up.
    """

    progress: Progress
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    earlier: dict[str, dict[str, Any]] = field(default_factory=dict)

    def say(self, line: str | None) -> None:
        """Tell the user, and remember it; nothing if there is nothing to say."""
        if line:
            self.progress.say(line)
            self.notes.append(line)

    @contextmanager
    def timed(self, stage: str, total: int | None, unit: str) -> Iterator[Advance]:
        """Time a stage and count its units."""
        started, cpu_started, done = time.perf_counter(), time.process_time(), 0
        with self.progress.stage(stage, total, unit) as advance:

            def count(more: int) -> None:
                nonlocal done
                done += more
                advance(more)

            yield count
        seconds = time.perf_counter() - started
        cpu_seconds = time.process_time() - cpu_started  # of all threads
        rate = {f"{unit}_per_s": round(done / max(seconds, 1e-9), 1)} if done else {}
        self.stages[stage] = {
            "seconds": round(seconds, 3),
            "cpu_seconds": round(cpu_seconds, 3),
            "reused": False,
            **rate,
        }

    def reused(self, stage: str) -> None:
        """Note a stage that was taken up, with what it cost when it ran, unless it just did."""
        if stage in self.stages:
            return
        self.stages[stage] = {**self.earlier.get(stage, {}), "reused": True}


@dataclass(frozen=True, slots=True)
class Run:
    """What every stage is given."""

    video: Path
    folder: RunFolder
    config: Config
    device: torch.device
    log: RunLog

    def stage(
        self,
        name: str,
        settings: object,
        read: tuple[str, ...],
        suffix: str,
        load: Callable[[Path], _Result],
        write: Callable[[Path, Advance], None],
        total: int | None,
        unit: str,
    ) -> tuple[_Result, str]:
        """The result of a stage and its key, from the run folder or else computed into it.

        Args:
            settings: everything that it depends on beside what it read.
            read: keys of the stages whose results it uses.
            load: reads what `write` wrote.
            write: computes; given the path to write to, and what to report progress to.
            total: how many units there are to do, if known.
        """
        key = stage_key(name, settings, *read)
        path = self.folder.stage_file(name, key, suffix)
        if path.exists():
            self.log.reused(name)
        else:
            with self.log.timed(name, total, unit) as advance:
                write(path, advance)
        return load(path), key
