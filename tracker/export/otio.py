"""OpenTimelineIO: the shots with markers, and a track a person, for editing programs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from tracker.errors import TrackerError
from tracker.export.marker_colours import marker_colour
from tracker.export.ruler import Ruler, exact_ruler
from tracker.export.wording import on_one_line, written_names
from tracker.tracked import Appearance, Person, TrackedVideo


def write_otio(path: Path, tracked: TrackedVideo, video: Path | None) -> None:
    """Write a timeline that lies as the video does, from 0.

    Its track "Shots" has a clip a shot, with a marker where each appearance lies; above it, each
    person has a track with a clip an appearance. All are clips of the one video.

    Times are frames at the exact rate; where frames last unequally they are ticks of the
    video's own clock, as exact, and the metadata (`multiface`, `times`) says which.

    Args:
        video: where it lies; None leaves its name, which is looked for beside the timeline.

    Raises:
        TrackerError: OpenTimelineIO is not installed.
    """
    draft = _Draft(_import_otio(), tracked, video)
    path.write_text(draft.timeline().to_json_string() + "\n", encoding="utf-8", newline="\n")


class _Draft:
    """A timeline in the making: what all its clips have in common."""

    def __init__(self, otio: Any, tracked: TrackedVideo, video: Path | None) -> None:
        self._otio = otio
        self._tracked = tracked
        self._url = _url(tracked.name, video)
        self._ruler = exact_ruler(tracked)
        self._names = written_names(tracked)

    def timeline(self) -> Any:
        """All of it."""
        title = on_one_line(Path(self._tracked.name).stem)
        start = self._time(0)
        timeline = self._otio.schema.Timeline(title, global_start_time=start)
        timeline.metadata["multiface"] = _told(self._ruler, self._tracked)
        timeline.tracks.append(self._shots())
        timeline.tracks.extend([self._person(person) for person in self._tracked.people])
        return timeline

    def _shots(self) -> Any:
        track = self._track("Shots")
        clips = [
            self._clip(f"Shot {number}", shot.start, shot.stop - 1)
            for number, shot in enumerate(self._tracked.shots, start=1)
        ]
        stays = [stay for person in self._tracked.people for stay in person.appearances]
        for stay in sorted(stays, key=lambda stay: (stay.start_s, stay.person)):
            clips[stay.shot].markers.append(self._marker(stay))
        track.extend(clips)
        return track

    def _person(self, person: Person) -> Any:
        name = self._names[person.number]
        track = self._track(name)
        track.metadata["multiface"] = {"person": person.number}
        reached = 0
        for stay in person.appearances:
            start = self._ruler.start(stay.first_frame)
            if start > reached:
                gap = self._otio.opentime.TimeRange(self._time(0), self._time(start - reached))
                track.append(self._otio.schema.Gap(source_range=gap))
            track.append(self._clip(name, stay.first_frame, stay.last_frame))
            reached = self._ruler.stop(stay.last_frame)
        return track

    def _track(self, name: str) -> Any:
        return self._otio.schema.Track(name, kind=self._otio.schema.TrackKind.Video)

    def _clip(self, name: str, first_frame: int, last_frame: int) -> Any:
        whole = self._range(0, len(self._tracked.timeline) - 1)
        media = self._otio.schema.ExternalReference(self._url, available_range=whole)
        media.name = on_one_line(self._tracked.name)
        return self._otio.schema.Clip(name, media, self._range(first_frame, last_frame))

    def _marker(self, stay: Appearance) -> Any:
        return self._otio.schema.Marker(
            self._names[stay.person],
            self._range(stay.first_frame, stay.last_frame),  # in the time of the clip's source
            marker_colour(stay.person),
            {"multiface": {"person": stay.person}},
        )

    def _range(self, first_frame: int, last_frame: int) -> Any:
        """From the first frame to the end of the last."""
        start, stop = self._ruler.start(first_frame), self._ruler.stop(last_frame)
        return self._otio.opentime.TimeRange(self._time(start), self._time(stop - start))

    def _time(self, mark: int) -> Any:
        return self._otio.opentime.RationalTime(mark, float(self._ruler.rate))


def _told(ruler: Ruler, tracked: TrackedVideo) -> dict[str, str]:
    """How times are to be read, for whoever looks into the file."""
    if ruler.is_frames:
        return {"times": "frames", "rate": str(ruler.rate)}
    return {
        "times": "ticks of the video's clock, for its frames last unequally",
        "rate": str(ruler.rate),
        "nominal_frame_rate": str(tracked.info.frame_rate),
    }


def _url(name: str, video: Path | None) -> str:
    if video is not None:
        return video.absolute().as_uri()
    return quote_from_bytes(os.fsencode(name))


def _import_otio() -> Any:
    try:
        import opentimelineio
    except ImportError as error:
        raise TrackerError(
            "OTIO needs OpenTimelineIO, which is not installed: pip install 'multiface[otio]'"
        ) from error
    return opentimelineio
