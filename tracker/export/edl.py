"""CMX 3600 edit lists: the shots of a video as they lie, with locators where people appear."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tracker.export.marker_colours import marker_colour
from tracker.export.ruler import Ruler, edit_ruler
from tracker.export.timecode import drops_frames, timecode
from tracker.export.wording import on_one_line, written_names
from tracker.tracked import Appearance, TrackedVideo


@dataclass(frozen=True, slots=True)
class _Event:
    """A shot, or several that are too short for an edit list to tell apart.

    Attributes:
        start: first frame, in those that timecode counts.
        stop: the frame after the last; later than `start`.
        stays: the appearances in it, by time.
    """

    start: int
    stop: int
    stays: tuple[Appearance, ...]


def write_edl(path: Path, tracked: TrackedVideo) -> None:
    """Write an event a shot, at the same time in the source and in the record.

    Times are timecode from 00:00:00:00, drop-frame at 29.97 and 59.94 frames a second, where
    seconds and frames have a semicolon between them; the end of an event is the frame after its
    last. They are exact to the frame, but where frames last unequally, or are more than 60 a
    second, they are those of the nearest frame of `edit_rate`, and a comment says so.

    Each event names who is in it (COMMENT), and has a locator (LOC) in the person's colour at
    each appearance. Event numbers have three digits as long as they will do, then four: CMX's
    own machines ended at 999. Names are in UTF-8: file names have to be what they are.
    """
    ruler = edit_ruler(tracked)
    lines = [
        f"TITLE: {on_one_line(Path(tracked.name).stem)}",
        f"FCM: {'DROP FRAME' if drops_frames(ruler.rate) else 'NON-DROP FRAME'}",
    ]
    names = written_names(tracked)
    for number, event in enumerate(_events(tracked, ruler), start=1):
        lines.append(_timing(number, event, ruler))
        lines.append(f"* FROM CLIP NAME: {on_one_line(tracked.name)}")
        if number == 1 and not ruler.is_frames:  # readers allow no comment before the first event
            lines.append(f"* COMMENT: TIMES ARE TO THE NEAREST FRAME AT {_told(ruler)} FPS")
        lines += _people_in(event, ruler, names)
    path.write_text("\n".join([*lines, ""]), encoding="utf-8", newline="\n")


def _events(tracked: TrackedVideo, ruler: Ruler) -> list[_Event]:
    """The shots as events, none of them empty: those that begin in the same frame are one."""
    if not tracked.shots:
        return []
    starts = [ruler.start(shot.start) for shot in tracked.shots]
    edges = sorted({*starts})
    edges.append(max(ruler.stop(tracked.shots[-1].stop - 1), edges[-1] + 1))
    stays = [stay for person in tracked.people for stay in person.appearances]
    stays_of: dict[int, list[Appearance]] = defaultdict(list)  # by the event's start
    for stay in sorted(stays, key=lambda stay: (stay.start_s, stay.person)):
        stays_of[starts[stay.shot]].append(stay)
    return [
        _Event(start, stop, tuple(stays_of[start])) for start, stop in itertools.pairwise(edges)
    ]


def _timing(number: int, event: _Event, ruler: Ruler) -> str:
    start, stop = timecode(event.start, ruler.rate), timecode(event.stop, ruler.rate)
    return f"{number:03d}  AX       V     C        {start} {stop} {start} {stop}"


def _people_in(event: _Event, ruler: Ruler, names: Mapping[int, str]) -> Iterator[str]:
    if event.stays:
        present = dict.fromkeys(stay.person for stay in event.stays)
        yield f"* COMMENT: {', '.join(names[person] for person in present)}"
    for stay in event.stays:
        frame = min(ruler.start(stay.first_frame), event.stop - 1)
        colour = marker_colour(stay.person)
        yield f"* LOC: {timecode(frame, ruler.rate)} {colour:<7} {names[stay.person]}"


def _told(ruler: Ruler) -> str:
    return f"{float(ruler.rate):.3f}".rstrip("0").rstrip(".")
