"""A row a face and a row an appearance, as CSV and as Parquet.

Frames and shots count from 0. A time in seconds is the float64 nearest to it; the exact one is its
tick times the length of a tick, `tick_s`: a fraction, in CSV two columns that are the same in
every row, in Parquet text in the metadata of the file. Faces of nobody are left out.

CSV is UTF-8 with a byte order mark, without which Excel takes it for something else, and pandas
passes over it; lines end as in RFC 4180. A name that a spreadsheet would run as a formula, or
that begins with an apostrophe, gets an apostrophe in front: taking one away from the front of
each name that has it gives the names back. Parquet holds the names as they are.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tracker.mot import written_scores
from tracker.records import shot_of_frames
from tracker.tracked import TrackedVideo

_Columns = dict[str, list[Any]]  # all of one length

_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - Excel takes wide ones, too
_BOOLEANS = {True: "true", False: "false"}
_FACE_TYPES = {
    "frame": pa.int32(),
    "tick": pa.int64(),
    "time_s": pa.float64(),
    "shot": pa.int32(),
    "person": pa.int32(),
    "name": pa.string(),
    "x": pa.float64(),
    "y": pa.float64(),
    "width": pa.float64(),
    "height": pa.float64(),
    "score": pa.float64(),
    "interpolated": pa.bool_(),
}
_APPEARANCE_TYPES = {
    "person": pa.int32(),
    "name": pa.string(),
    "shot": pa.int32(),
    "first_frame": pa.int32(),
    "last_frame": pa.int32(),
    "start_tick": pa.int64(),
    "stop_tick": pa.int64(),
    "start_s": pa.float64(),
    "stop_s": pa.float64(),
    "duration_s": pa.float64(),
}


def write_faces_csv(path: Path, tracked: TrackedVideo) -> None:
    """Write a row a face, by frame, then person."""
    _write_csv(path, tracked, face_columns(tracked))


def write_appearances_csv(path: Path, tracked: TrackedVideo) -> None:
    """Write a row an appearance, by person, then time."""
    _write_csv(path, tracked, appearance_columns(tracked))


def write_faces_parquet(path: Path, tracked: TrackedVideo) -> None:
    """Write a row a face, by frame, then person."""
    _write_parquet(path, tracked, face_columns(tracked), _FACE_TYPES)


def write_appearances_parquet(path: Path, tracked: TrackedVideo) -> None:
    """Write a row an appearance, by person, then time."""
    _write_parquet(path, tracked, appearance_columns(tracked), _APPEARANCE_TYPES)


def face_columns(tracked: TrackedVideo) -> dict[str, list[Any]]:
    """What is known of each face of a person, by frame, then person.

    Pixels are rounded to a hundredth, scores to 4 digits; a score of 0 is that of a box that was
    interpolated, and no other.
    """
    tracks, names = tracked.tracks, _names(tracked)
    corners = tracks.boxes.astype(np.float64).round(2)
    sides = (corners[:, 2:] - corners[:, :2]).round(2)
    return {
        "frame": tracks.frame.tolist(),
        "tick": tracked.timeline.ticks[tracks.frame].tolist(),
        "time_s": _seconds(tracked, tracked.timeline.ticks[tracks.frame]),
        "shot": shot_of_frames(tracks.frame, tracked.shots).tolist(),
        "person": tracks.person.tolist(),
        "name": [names[person] for person in tracks.person.tolist()],
        "x": corners[:, 0].tolist(),
        "y": corners[:, 1].tolist(),
        "width": sides[:, 0].tolist(),
        "height": sides[:, 1].tolist(),
        "score": written_scores(tracks).tolist(),
        "interpolated": (tracks.scores == 0).tolist(),
    }


def appearance_columns(tracked: TrackedVideo) -> dict[str, list[Any]]:
    """What is known of each stay, by person, then time; it stops where its last frame does."""
    stays = [stay for person in tracked.people for stay in person.appearances]
    names, timeline = _names(tracked), tracked.timeline
    edges = np.append(timeline.ticks, timeline.end_tick)
    start = edges[[stay.first_frame for stay in stays]] if stays else edges[:0]
    stop = edges[[stay.last_frame + 1 for stay in stays]] if stays else edges[:0]
    return {
        "person": [stay.person for stay in stays],
        "name": [names[stay.person] for stay in stays],
        "shot": [stay.shot for stay in stays],
        "first_frame": [stay.first_frame for stay in stays],
        "last_frame": [stay.last_frame for stay in stays],
        "start_tick": start.tolist(),
        "stop_tick": stop.tolist(),
        "start_s": _seconds(tracked, start),
        "stop_s": _seconds(tracked, stop),
        "duration_s": _seconds(tracked, stop - start),
    }


def _seconds(tracked: TrackedVideo, ticks: NDArray[np.int64]) -> list[float]:
    tick_s = tracked.timeline.tick_s
    # Python's division of whole numbers gives the nearest float, however large they are.
    return [tick * tick_s.numerator / tick_s.denominator for tick in ticks.tolist()]


def _names(tracked: TrackedVideo) -> dict[int, str]:
    return {number: _as_utf8(name) for number, name in tracked.names.items()}


def _as_utf8(text: str) -> str:
    """`text`, with a question mark for each byte that a terminal gave and that is no UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _guarded(name: str) -> str:
    """`name`, as text to every spreadsheet."""
    return f"'{name}" if name.startswith((*_FORMULA_STARTS, "'")) else name


def _write_csv(path: Path, tracked: TrackedVideo, columns: _Columns) -> None:
    columns["name"] = [_guarded(name) for name in columns["name"]]
    if "interpolated" in columns:
        columns["interpolated"] = [_BOOLEANS[one] for one in columns["interpolated"]]
    tick_s = tracked.timeline.tick_s
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*columns, "tick_s_numerator", "tick_s_denominator"])
        tick = repeat(tick_s.numerator), repeat(tick_s.denominator)
        writer.writerows(zip(*columns.values(), *tick, strict=False))


def _write_parquet(
    path: Path, tracked: TrackedVideo, columns: _Columns, types: Mapping[str, Any]
) -> None:
    about = {"video": _as_utf8(tracked.name), "tick_s": str(tracked.timeline.tick_s)}
    table = pa.table(columns, schema=pa.schema(list(types.items()), metadata=about))
    with path.open("wb") as file:  # not by its name: pyarrow takes one with a colon for a URI
        pq.write_table(table, file)
