"""tracks.json: people, when they appear, and where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracker.export.appearances import Appearance
from tracker.records import Shot, Timeline, Tracks, VideoInfo

FORMAT_VERSION = 1


def tracks_as_dict(
    video_name: str,
    info: VideoInfo,
    timeline: Timeline,
    shots: Sequence[Shot],
    tracks: Tracks,
    appearances: Sequence[Appearance],
    maybe_same: Sequence[tuple[int, int, float]],
) -> dict[str, Any]:
    """Everything found, as plain data for JSON.

    Frames are 0-based; boxes are [frame, x, y, width, height, score] in pixels, score 0 where
    interpolated. Seconds are rounded to microseconds; where exact times matter, they are the
    frames' `ticks` times `tick_s`.

    Args:
        maybe_same: pairs of people who may be one, and their distance, nearest first.
    """
    people = np.unique(tracks.person).tolist()
    return {
        "format": FORMAT_VERSION,
        "video": {
            "name": video_name,
            "width": info.width,
            "height": info.height,
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
            for shot in shots
        ],
        "people": [
            _person_as_dict(person, tracks.where(tracks.person == person), appearances)
            for person in people
        ],
        "maybe_the_same": [
            {"people": [a, b], "distance": round(distance, 4)} for a, b, distance in maybe_same
        ],
    }


def seconds(exact: Any) -> float:
    """Exact seconds as a number that people can read."""
    return round(float(exact), 6)


def _person_as_dict(
    person: int, tracks: Tracks, appearances: Sequence[Appearance]
) -> dict[str, Any]:
    stays = [stay for stay in appearances if stay.person == person]
    corners = tracks.boxes.astype(np.float64).round(2)
    return {
        "id": person,
        "name": f"Person {person}",
        "screen_time_s": seconds(sum(stay.stop_s - stay.start_s for stay in stays)),
        "appearances": [
            {
                "shot": stay.shot,
                "first_frame": stay.first_frame,
                "last_frame": stay.last_frame,
                "start_s": seconds(stay.start_s),
                "stop_s": seconds(stay.stop_s),
            }
            for stay in stays
        ],
        "boxes": [
            [int(frame), x1, y1, round(x2 - x1, 2), round(y2 - y1, 2), round(float(score), 4)]
            for frame, (x1, y1, x2, y2), score in zip(
                tracks.frame, corners.tolist(), tracks.scores, strict=True
            )
        ],
    }
