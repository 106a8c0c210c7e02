"""tracks.json: people, when they appear, and where; written by each run, read by every export."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.errors import StorageError
from tracker.mot import written_scores
from tracker.records import NOBODY, Shot, Timeline, Tracks, VideoInfo
from tracker.storage import load_json, refusing_damage, written_aside
from tracker.tracked import Appearance, Person, TrackedVideo

FORMAT_VERSION = 2
TRACKS_JSON = "tracks.json"  # of a run folder


def tracked_as_dict(tracked: TrackedVideo) -> dict[str, Any]:
    """Everything found, as plain data for JSON.

    Frames are 0-based; boxes are [frame, x, y, width, height, score] in pixels, score 0 where
    interpolated. Seconds are rounded to microseconds; where exact times matter, they are the
    frames' `ticks` times `tick_s`.
    """
    info, timeline = tracked.info, tracked.timeline
    return {
        "format": FORMAT_VERSION,
        "video": {
            "name": tracked.name,
            "width": info.width,
            "height": info.height,
            "frame_rate": str(info.frame_rate),
            "has_sound": info.has_sound,
            "frames": len(timeline),
            "tick_s": str(timeline.tick_s),
            "ticks": timeline.ticks.tolist(),
            "end_tick": timeline.end_tick,
        },
        "shots": [
            {
                "first_frame": shot.start,
                "last_frame": shot.stop - 1,
                "start_s": seconds(timeline.start_s(shot.start)),
                "stop_s": seconds(timeline.stop_s(shot.stop - 1)),
            }
            for shot in tracked.shots
        ],
        "people": [_person_as_dict(person, tracked.tracks) for person in tracked.people],
        "maybe_the_same": [
            {"people": [a, b], "distance": round(distance, 4)}
            for a, b, distance in tracked.maybe_same
        ],
        "nobody": {"boxes": _rows(tracked.nobody)},
    }


def write_tracked(run: Path, tracked: TrackedVideo) -> None:
    """Write `tracked` into the run folder `run`, a line a person.

    Raises:
        StorageError: it cannot be written.
    """
    content = tracked_as_dict(tracked)
    # A file's name may hold bytes that are no UTF-8: as JSON's own escapes they come back.
    with (
        written_aside(run / TRACKS_JSON) as aside,
        aside.open("w", encoding="utf-8", errors="backslashreplace") as file,
    ):
        before = "{\n"
        for key, value in content.items():
            file.write(f"{before}{json.dumps(key)}: {_lines(value)}")
            before = ",\n"
        file.write("\n}\n")


def _lines(value: Any) -> str:
    """`value` as JSON on one line; a list of objects, one a line."""
    if isinstance(value, list) and value:
        rows = ",\n".join(_line(row) for row in value)
        return f"[\n{rows}\n]"
    return _line(value)


def _line(value: Any) -> str:
    # All at once: the encoder that writes piece by piece is ten times as slow.
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def read_tracked(run: Path) -> TrackedVideo:
    """What the run folder `run` says of its video.

    Raises:
        StorageError: it is not there, cannot be read, or is of another version.
    """
    path = run / TRACKS_JSON
    if not path.is_file():
        raise StorageError(f"{run} holds no {TRACKS_JSON}: name the folder of a finished run")
    content = load_json(path)
    if content.get("format") != FORMAT_VERSION:
        raise StorageError(
            f"{path} is of another version of multiface: run the tracker again on its video"
        )
    with refusing_damage(path):
        tracked = _tracked(content)
        _check(tracked)
        return tracked


def seconds(exact: Any) -> float:
    """Exact seconds as a number that people can read."""
    return round(float(exact), 6)


def _person_as_dict(person: Person, tracks: Tracks) -> dict[str, Any]:
    nearest = person.nearest
    return {
        "id": person.number,
        "name": person.name,
        "screen_time_s": seconds(person.screen_s),
        "spread": None if person.spread is None else round(person.spread, 4),
        "nearest": None
        if nearest is None
        else {"id": nearest[0], "distance": round(nearest[1], 4)},
        "appearances": [
            {
                "shot": stay.shot,
                "first_frame": stay.first_frame,
                "last_frame": stay.last_frame,
                "start_s": seconds(stay.start_s),
                "stop_s": seconds(stay.stop_s),
            }
            for stay in person.appearances
        ],
        "boxes": _rows(tracks.where(tracks.person == person.number)),
    }


def _rows(tracks: Tracks) -> list[list[float]]:
    corners = tracks.boxes.astype(np.float64).round(2)
    return [
        [int(frame), x1, y1, round(x2 - x1, 2), round(y2 - y1, 2), score]
        for frame, (x1, y1, x2, y2), score in zip(
            tracks.frame, corners.tolist(), written_scores(tracks).tolist(), strict=True
        )
    ]


def _tracked(content: dict[str, Any]) -> TrackedVideo:
    video, people = content["video"], content["people"]
    ticks = np.array(video["ticks"], np.int64)
    timeline = Timeline(ticks, Fraction(video["tick_s"]), int(video["end_tick"]))
    info = VideoInfo(
        int(video["width"]),
        int(video["height"]),
        Fraction(video["frame_rate"]),
        len(timeline),
        bool(video["has_sound"]),
    )
    pairs = [(*pair["people"], pair["distance"]) for pair in content["maybe_the_same"]]
    return TrackedVideo(
        str(video["name"]),
        info,
        timeline,
        tuple(Shot(shot["first_frame"], shot["last_frame"] + 1) for shot in content["shots"]),
        _tracks([(int(person["id"]), person["boxes"]) for person in people]),
        _tracks([(NOBODY, content["nobody"]["boxes"])]),
        tuple(_person(person, timeline) for person in people),
        tuple((int(a), int(b), float(distance)) for a, b, distance in pairs),
    )


def _check(tracked: TrackedVideo) -> None:
    """Refuse what no run writes, before an export stumbles over it."""
    timeline, shots, names = tracked.timeline, tracked.shots, tracked.names
    frames = len(timeline)
    edges = [0, *(shot.stop for shot in shots)]
    stays = [stay for person in tracked.people for stay in person.appearances]
    faces = [tracked.tracks, tracked.nobody]
    for is_sound, problem in (
        (frames > 0 and timeline.tick_s > 0, "no frames"),
        (bool(np.all(np.diff(timeline.ticks) > 0)), "times that do not increase"),
        (timeline.end_tick > timeline.ticks[-1:].max(initial=-1), "an end before the last frame"),
        (edges == [*(shot.start for shot in shots), frames], "shots that do not cover the video"),
        (len(names) == len(tracked.people) and all(n > 0 for n in names), "odd ids of people"),
        (list(names) == sorted(names), "people who are not in the order of their ids"),
        (all(person.appearances for person in tracked.people), "a person who never appears"),
        (all(0 <= stay.first_frame <= stay.last_frame < frames for stay in stays), "odd stays"),
        (all(0 <= stay.shot < len(shots) for stay in stays), "stays in no shot"),
        (all(0 <= one.frame.max(initial=0) < frames for one in faces), "faces after the end"),
        (all(np.isfinite(one.boxes).all() for one in faces), "boxes that are no numbers"),
        (tracked.info.width > 0 and tracked.info.height > 0, "no pixels"),
        ("\0" not in tracked.name, "a video of no name"),
    ):
        if not is_sound:
            raise ValueError(problem)


def _person(content: dict[str, Any], timeline: Timeline) -> Person:
    number, nearest = int(content["id"]), content["nearest"]
    return Person(
        number,
        str(content["name"]),
        tuple(_appearance(number, stay, timeline) for stay in content["appearances"]),
        None if content["spread"] is None else float(content["spread"]),
        None if nearest is None else (int(nearest["id"]), float(nearest["distance"])),
    )


def _appearance(person: int, content: dict[str, int], timeline: Timeline) -> Appearance:
    first, last = content["first_frame"], content["last_frame"]
    times = timeline.start_s(first), timeline.stop_s(last)
    return Appearance(person, content["shot"], first, last, *times)


def _tracks(boxes_of: Sequence[tuple[int, Sequence[Sequence[float]]]]) -> Tracks:
    """The boxes of each person, as `_rows` gives them, in one table."""
    person = np.repeat(
        np.array([number for number, _ in boxes_of], np.int32), [len(rows) for _, rows in boxes_of]
    )
    rows: NDArray[np.float64] = np.array(
        [row for _, rows in boxes_of for row in rows], np.float64
    ).reshape(-1, 6)
    order = np.lexsort((person, rows[:, 0]))
    frame, x, y, width, height, score = rows[order].T
    corners = np.stack([x, y, x + width, y + height], axis=1)
    return Tracks(
        frame.astype(np.int32),
        person[order],
        corners.round(2).astype(np.float32),
        score.astype(np.float32),
    )
