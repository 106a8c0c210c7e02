"""Progress for people: a live bar in a terminal, plain lines where there is none."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from tracker.progress import Advance, Progress

_LINE_EVERY_S = 15.0  # a log should show that work goes on, and not drown in it


def make_progress() -> Progress:
    """What suits where stderr goes."""
    return TerminalProgress() if sys.stderr.isatty() else PlainProgress()


class TerminalProgress:
    """One bar a stage, with rate and time left."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        """Show the bar of a stage while it lasts; it stays when done."""
        columns = (
            TextColumn("{task.description:<16}"),
            BarColumn(),
            TextColumn("{task.completed:.0f} {task.fields[unit]}"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        with Bars(*columns, console=self._console) as bars:
            task: TaskID = bars.add_task(name, total=total, unit=unit, rate="")

            def advance(count: int) -> None:
                speed = bars.tasks[0].speed
                bars.update(task, advance=count, rate=f"{speed:.0f}/s" if speed else "")

            yield advance
            done = bars.tasks[0].completed
            bars.update(task, total=done, completed=done)

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._console.print(line, markup=False, soft_wrap=True)


class PlainProgress:
    """A line when a stage starts to take long, now and then while it does, and at its end."""

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        """Print how far a stage is, at most every 15 s."""
        started = last = time.monotonic()
        done = 0

        def advance(count: int) -> None:
            nonlocal done, last
            done += count
            now = time.monotonic()
            if now - last >= _LINE_EVERY_S:
                last = now
                self.say(f"{name}: {done}{_of(total)} {unit}{_left(done, total, now - started)}")

        yield advance
        self.say(f"{name}: {done} {unit} in {time.monotonic() - started:.1f} s")

    def say(self, line: str) -> None:
        """Print a line to stderr."""
        print(line, file=sys.stderr, flush=True)


def _of(total: int | None) -> str:
    return f" of {total}" if total else ""


def _left(done: int, total: int | None, seconds: float) -> str:
    if not total or not done:
        return ""
    left = max(total - done, 0) * seconds / done
    return f", {done / seconds:.1f}/s, {left:.0f} s left"
