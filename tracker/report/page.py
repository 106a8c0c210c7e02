"""A run folder → report.html in it: one file that needs no other, and no network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from tracker.export.portraits import PORTRAITS_FILE, load_portraits
from tracker.export.tracks_json import TRACKS_JSON, read_tracked
from tracker.learned import EMBEDDING_FILE, load_embedding
from tracker.report.curves import Chart, lay_out_curves
from tracker.report.people import MAX_PEOPLE, css_colour, show_pairs, show_people
from tracker.report.timeline import lay_out_lanes
from tracker.report.together import tabulate_together, ticks_together
from tracker.report.what_ran import tell_what_ran
from tracker.report.words import format_duration, format_time, plural
from tracker.run_video import RUN_FILE
from tracker.storage import load_json, written_aside
from tracker.tracked import Portraits, TrackedVideo, default_name

REPORT = "report.html"  # of a run folder
MAX_SHOTS = 2000  # in the table
_MOST_PRINTED = 500  # rows of lists, on some ten sheets; longer ones are printed closed
_VIDEO = "annotated.mp4"
_LINKED = {  # files of a run folder, if they are there, and what they are
    _VIDEO: "the video with names",
    TRACKS_JSON: "people, appearances and boxes",
    "tracks.txt": "boxes, as MOT text",
    "shots.csv": "shots",
    "learning.png": "how learning went",
    RUN_FILE: "what ran",
}


@dataclass(frozen=True, slots=True)
class ShownShot:
    """A shot, from 1, where in the video it begins, in seconds, and who is in it."""

    number: int
    start_s: str
    start: str
    duration: str
    people: list[int]


def write_report(run: Path) -> Path:
    """Write the page of the finished run in the folder `run`, and say where it is.

    What an imported run lacks (faces, what was learned, run.json) the page goes without.

    Raises:
        StorageError: the run cannot be read, or the page not written.
    """
    tracked = read_tracked(run)
    run_json = load_json(run / RUN_FILE) if (run / RUN_FILE).is_file() else {}
    page = _fill_template(**_content(run, tracked, run_json))
    with written_aside(run / REPORT) as aside:
        aside.write_text(page, encoding="utf-8", errors="replace")  # names may hold any bytes
    return run / REPORT


def _content(run: Path, tracked: TrackedVideo, run_json: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that the template asks for."""
    portraits, tracked = _portraits(run), _most_seen_first(tracked)
    numbers = [person.number for person in tracked.people]
    ticks = ticks_together(tracked.tracks, tracked.timeline, numbers)
    shown = tracked.people[:MAX_PEOPLE]
    charts, learned = _learning(run)
    files = {name: what for name, what in _LINKED.items() if (run / name).is_file()}
    return {
        "tracked": tracked,
        "about": _about(tracked),
        "files": files,
        "film": _VIDEO if _VIDEO in files else None,
        "names": tracked.names,
        "cast": show_people(tracked, portraits, ticks),
        "shown": {person.number for person in shown},
        "left_out": len(tracked.people) - len(shown),
        "lanes": lay_out_lanes(tracked, shown),
        "together": tabulate_together(tracked, ticks),
        "pairs": show_pairs(tracked, portraits),
        "shots": show_shots(tracked),
        "charts": charts,
        "learned": learned,
        "ran": tell_what_ran(run_json, learned),
        "prints_lists": len(tracked.shots) + _stay_count(tracked) <= _MOST_PRINTED,
    }


def _stay_count(tracked: TrackedVideo) -> int:
    return sum(len(person.appearances) for person in tracked.people)


def _most_seen_first(tracked: TrackedVideo) -> TrackedVideo:
    """The same, with people in the order in which the page has them."""
    order = sorted(tracked.people, key=lambda person: (-person.screen_s, person.number))
    return replace(tracked, people=tuple(order))


def show_shots(tracked: TrackedVideo) -> list[ShownShot]:
    """The first `MAX_SHOTS`, and who appears in each, by number."""
    people: dict[int, set[int]] = {}
    for person in tracked.people:
        for stay in person.appearances:
            people.setdefault(stay.shot, set()).add(person.number)
    shown = []
    for number, shot in enumerate(tracked.shots[:MAX_SHOTS]):
        start_s = tracked.timeline.start_s(shot.start)
        lasting = format_duration(tracked.timeline.stop_s(shot.stop - 1) - start_s)
        within = sorted(people.get(number, ()))
        shown.append(
            ShownShot(number + 1, f"{float(start_s):.2f}", format_time(start_s), lasting, within)
        )
    return shown


def _about(tracked: TrackedVideo) -> list[tuple[str, str]]:
    """The numbers at the top."""
    info, timeline = tracked.info, tracked.timeline
    found = int(np.count_nonzero(tracked.tracks.scores > 0)) + len(tracked.nobody)
    of_nobody = f", {len(tracked.nobody):,} of nobody" if len(tracked.nobody) else ""
    return [
        ("Length", format_time(timeline.end_tick * timeline.tick_s)),
        ("Picture", f"{info.width} × {info.height}"),  # noqa: RUF001
        ("Frames a second", f"{float(info.frame_rate):.5g}"),
        ("Frames", f"{len(timeline):,}"),
        ("People", f"{len(tracked.people):,}"),
        ("Shots", f"{len(tracked.shots):,}"),
        ("Faces", f"{found:,}{of_nobody}"),
    ]


def _portraits(run: Path) -> Portraits:
    if (run / PORTRAITS_FILE).is_file():
        return load_portraits(run)
    nobody = np.zeros(0, np.int32)
    return Portraits(nobody, nobody, np.zeros((0, 1, 1, 3), np.uint8))


def _learning(run: Path) -> tuple[list[Chart], str]:
    """How learning went, as charts and in a line; neither where it is not known."""
    if not (run / EMBEDDING_FILE).is_file():
        return [], ""
    embedding = load_embedding(run / EMBEDDING_FILE)
    return lay_out_curves(embedding.curves), embedding.note


def _fill_template(**content: Any) -> str:
    """Fill the template; all text in it is escaped."""
    folder = resources.files(__package__)
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8")),
    )
    environment.filters |= {"plural": plural}
    environment.globals |= {"css_colour": css_colour, "default_name": default_name}
    return environment.get_template("page.html").render(**content)
