"""What came of a batch, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracker.batch.driver import Result

_HEADINGS = ("video", "state", "frames", "people", "seconds", "frames/s")


def as_dicts(results: Sequence[Result]) -> list[dict[str, Any]]:
    """A mapping a video, for JSON."""
    return [
        {
            "name": result.entry.name,
            "video": result.entry.video,
            "out": str(result.job.out),
            "state": result.entry.state,
            "earlier": result.earlier,
            "frames": result.entry.frames,
            "people": result.entry.people,
            "seconds": result.entry.seconds,
            "frames_per_s": _rate(result),
            "error": result.entry.error,
        }
        for result in results
    ]


def format_table(results: Sequence[Result]) -> str:
    """A line a video, and one of them all; below, why some failed."""
    rows = [_HEADINGS, *map(_row, results), _total(results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)  # words left, numbers right
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    errors = [f"{one.entry.name}: {one.entry.error}" for one in results if one.entry.error]
    text = "\n".join([*lines, *([""] if errors else []), *errors])
    # A file's name may be no Unicode at all, and then cannot be printed as it is.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _row(result: Result) -> tuple[str, ...]:
    entry = result.entry
    if entry.state != "done":
        return (entry.name, entry.state, "", "", f"{entry.seconds:.1f}", "")
    return (
        entry.name,
        "done before" if result.earlier else "done",
        str(entry.frames),
        str(entry.people),
        f"{entry.seconds:.1f}",
        f"{_rate(result):.1f}",
    )


def _total(results: Sequence[Result]) -> tuple[str, ...]:
    done = sum(result.entry.state == "done" for result in results)
    frames = sum(result.entry.frames for result in results)
    seconds = sum(result.entry.seconds for result in results)
    return (f"{len(results)} in all", f"{done} done", str(frames), "", f"{seconds:.1f}", "")


def _rate(result: Result) -> float:
    """Frames a second; 0 where nothing was done."""
    seconds = result.entry.seconds
    return round(result.entry.frames / seconds, 2) if seconds else 0.0
