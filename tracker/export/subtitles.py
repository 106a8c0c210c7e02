"""Subtitles that name who is on screen: WebVTT for browsers, SRT for players and editors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tracker.export.on_screen import who_is_on_screen
from tracker.export.wording import written_names
from tracker.tracked import TrackedVideo

_VTT_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# SRT has no escapes. Players take <b> and {\an8} for tags: other brackets stand for theirs.
_SRT_LIKENESSES = str.maketrans({"<": "\u2039", ">": "\u203a", "{": "(", "}": ")"})


def write_vtt(path: Path, tracked: TrackedVideo) -> None:
    """Write a WebVTT cue for each of `who_is_on_screen`'s stretches: names, with commas between."""
    cues = [
        f"{_clock(start_ms, '.')} --> {_clock(stop_ms, '.')}\n{names.translate(_VTT_ESCAPES)}\n"
        for start_ms, stop_ms, names in _cues(tracked)
    ]
    path.write_text("\n".join(["WEBVTT\n", *cues]), encoding="utf-8", newline="\n")


def write_srt(path: Path, tracked: TrackedVideo) -> None:
    """Write the same as SubRip text, in UTF-8; < > { } in names become characters like them."""
    cues = [
        f"{number}\n{_clock(start_ms, ',')} --> {_clock(stop_ms, ',')}\n"
        f"{names.translate(_SRT_LIKENESSES)}\n"
        for number, (start_ms, stop_ms, names) in enumerate(_cues(tracked), start=1)
    ]
    path.write_text("\n".join(cues), encoding="utf-8", newline="\n")


def _cues(tracked: TrackedVideo) -> Iterator[tuple[int, int, str]]:
    """Start and stop in milliseconds, and the names."""
    names = written_names(tracked)
    for stretch in who_is_on_screen(tracked):
        text = ", ".join(names[person] for person in stretch.people)
        yield stretch.start_ms, stretch.stop_ms, text


def _clock(milliseconds: int, point: str) -> str:
    """HH:MM:SS.mmm; hours take as many digits as they need."""
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{milliseconds:03d}"
