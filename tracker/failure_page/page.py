"""Failures → the page: which moments to show, the words beside them, and the HTML."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from tracker.evaluation.failure_records import Failure, Kind, Side
from tracker.evaluation.measures import Measures
from tracker.evaluation.truth import Truth
from tracker.failure_page.moments import choose_views
from tracker.failure_page.pictures import Picture, View, take_pictures
from tracker.progress import Progress
from tracker.records import Shot, Tracks, shot_of_frames
from tracker.render import person_colour
from tracker.storage import written_aside

MAX_FAILURES = 60  # with up to 12 crops each, of some 6 kB: a page of 6 MB

KINDS: Mapping[Kind, tuple[str, str]] = {  # heading, what it is
    "merge": ("Merges", "two true people under one number"),
    "split": ("Splits", "one true person under two numbers"),
    "switch": ("Switches", "where a true person's number changes; part of a merge or split"),
    "nobody": ("Nobody", "a found person who is mostly no face"),
    "never_found": ("Never found", "a true person without a box, or nearly"),
    "false_boxes": ("False boxes", "of a found person, on no true face"),
    "missed_boxes": ("Missed boxes", "of a true person, otherwise found"),
}
WHO_IS_WHO: tuple[Kind, ...] = ("merge", "split", "switch")


@dataclass(frozen=True, slots=True)
class Moment:
    """A picture and its caption, as the template shows it."""

    source: str  # a data URI
    whole: bool  # rather than a crop
    width: int
    height: int
    time: str
    frame: int  # from 1
    shot: int | None  # from 1
    description: str


@dataclass(frozen=True, slots=True)
class ShownSide:
    """One side of a failure, as the template shows it."""

    heading: str
    colour: str | None  # of the found person, in CSS
    size: str | None
    moments: list[Moment]


def write_failure_page(
    path: Path,
    video: Path,
    truth: Truth,
    tracks: Tracks,
    failures: Sequence[Failure],
    shots: Sequence[Shot] | None,
    measures: Measures,
    run_name: str,
    progress: Progress,
) -> None:
    """Write the worst of `failures` with pictures out of `video`, as one file that needs no other.

    Args:
        failures: of `tracks` against `truth`, worst first, as `find_failures` gives them.
        shots: disjoint, in order, covering every frame; None where they are not known.
        measures: of `tracks` against `truth`, for the summary.
        run_name: what to call the tracks.

    Raises:
        VideoOpenError: the video cannot be read.
        TrackerError: the video ends before the boxes do.
        StorageError: the page cannot be written.
    """
    shown = failures[:MAX_FAILURES]
    views = [
        [choose_views(failure.kind, side, truth, tracks, shots) for side in failure.sides]
        for failure in shown
    ]
    every_view = [view for of_failure in views for of_side in of_failure for view in of_side]
    pictures = iter(take_pictures(video, every_view, truth.named, tracks, progress))
    sides = [
        [
            _shown_side(failure, side, [_moment(v, next(pictures), side, shots) for v in of_side])
            for side, of_side in zip(failure.sides, of_failure, strict=True)
        ]
        for failure, of_failure in zip(shown, views, strict=True)
    ]
    page = _render(
        title=f"What went wrong: {run_name}",
        video=video.name,
        measures=measures,
        kinds=_count_kinds(failures),
        who_is_who=WHO_IS_WHO,
        failures=list(zip(shown, sides, strict=True)),
        linked={failure.name for failure in shown},
        titles={failure.name: failure.title for failure in failures},
        left_out=failures[MAX_FAILURES:],
    )
    with written_aside(path) as aside:
        aside.write_text(page, encoding="utf-8", errors="replace")  # names may hold any bytes


def format_time(time_s: Fraction) -> str:
    """A time as h:mm:ss.mmm, rounded to the nearest millisecond."""
    seconds, milliseconds = divmod(round(time_s * 1000), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"


def _moment(view: View, picture: Picture, side: Side, shots: Sequence[Shot] | None) -> Moment:
    shot = None
    if shots:
        shot = int(shot_of_frames(np.array([view.frame], np.int32), shots)[0]) + 1
    time = format_time(picture.time_s)
    return Moment(
        f"data:image/jpeg;base64,{base64.b64encode(picture.jpeg).decode('ascii')}",
        view.zoom_out is None,
        picture.width,
        picture.height,
        time,
        view.frame + 1,
        shot,
        f"{_name(side)} at {time}",
    )


def _shown_side(failure: Failure, side: Side, moments: list[Moment]) -> ShownSide:
    colour = None
    if side.found_person is not None:
        red, green, blue = person_colour(side.found_person)
        colour = f"rgb({red}, {green}, {blue})"
    size = None if failure.kind == "switch" else _plural(len(side.frame), "box", "boxes")
    if size is not None and side.shot_count is not None:
        size += f" in {_plural(side.shot_count, 'shot', 'shots')}"
    return ShownSide(_name(side), colour, size, moments)


def _name(side: Side) -> str:
    if side.found_person is None:
        return f"True person {side.true_person}, not found"
    if side.true_person is None:
        return f"Person {side.found_person}, on no true face"
    return f"Person {side.found_person}, true person {side.true_person}"


def _plural(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _count_kinds(failures: Sequence[Failure]) -> list[dict[str, Any]]:
    """A row of the table for each kind that there is."""
    count = Counter(failure.kind for failure in failures)
    rows = []
    for kind, (heading, meaning) in KINDS.items():
        if count[kind]:
            cost = sum(failure.cost for failure in failures if failure.kind == kind)
            row = {"kind": kind, "heading": heading, "meaning": meaning}
            rows.append(row | {"count": count[kind], "cost": cost})
    return rows


def _render(**content: Any) -> str:
    """Fill the template; all text in it is escaped."""
    source = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["boxes"] = lambda count: _plural(count, "box", "boxes")
    return environment.from_string(source).render(kind_names=KINDS, **content)
