"""People → pictures of a run folder: contact sheets, and the annotated video."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import cv2

from tracker.errors import StorageError
from tracker.export.tracks_json import seconds
from tracker.render import contact_sheet, person_colour, render_annotated
from tracker.run import RunLog
from tracker.storage import RunFolder, content_hash, stage_key, written_aside
from tracker.tracked import Portraits, TrackedVideo
from tracker.video.ahead import read_ahead
from tracker.video.reader import VideoReader
from tracker.video.writer import VideoWriter

ANNOTATED = "annotated.mp4"  # of a run folder
# Of the annotated video, to look at: half the time of x264's "veryfast" at 20, in a file as large
# (T-ara: 8.1 against 14.3 ms a frame, PSNR 38.9 against 39.9 dB).
PRESET, CRF = "superfast", 23


def write_sheets(run: Path, tracked: TrackedVideo, portraits: Portraits) -> None:
    """Write one picture a person, and remove those of people who are no more.

    Raises:
        StorageError: the folder `run` cannot be written to.
    """
    folder = run / "people"
    sheet_of = {person.number: sheet_name(person.number) for person in tracked.people}
    try:
        folder.mkdir(exist_ok=True)
        for old in folder.glob("person-*.png"):
            if old.name not in sheet_of.values():
                old.unlink()
    except OSError as error:
        raise StorageError(f"cannot write to {folder}: {error.strerror}") from error
    for person in tracked.people:
        shots = len({stay.shot for stay in person.appearances})
        sheet = contact_sheet(
            portraits.of(person.number).images,
            person.name,
            f"{seconds(person.screen_s):.1f} s on screen, in {shots} shot{'s' * (shots != 1)}",
            person_colour(person.number),
        )
        _, encoded = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
        with written_aside(folder / sheet_of[person.number]) as aside:
            aside.write_bytes(encoded.tobytes())


def sheet_name(person: int) -> str:
    """The file, in people/, of a person's contact sheet."""
    return f"person-{person:02d}.png"


def write_annotated(
    folder: RunFolder,
    video: Path,
    video_key: str,
    tracked: TrackedVideo,
    wanted: bool,
    log: RunLog,
) -> None:
    """Render the video, unless the one there shows these very tracks, names and shots.

    A marker in `stages/` says what it shows: a video cannot carry its own key. Where no video
    is `wanted`, one of other tracks is removed rather than left to mislead.

    Args:
        video_key: the fingerprint of `video`.

    Raises:
        StorageError, VideoWriteError: the folder cannot be written to.
        VideoOpenError: `video` cannot be read.
    """
    path = folder.path / ANNOTATED
    shown = [content_hash(folder.path / name) for name in ("tracks.txt", "shots.csv")]
    key = stage_key("annotated", sorted(tracked.names.items()), video_key, *shown)
    marker = folder.stage_file("annotated", key, ".done")
    if marker.exists() and path.exists():
        log.reused("annotated video")
        return
    for other in marker.parent.glob("annotated-*.done"):  # soon the video shows no others' tracks
        other.unlink(missing_ok=True)
    if not wanted:
        path.unlink(missing_ok=True)
        return
    _render(path, video, tracked, log)
    with written_aside(marker) as aside:
        aside.touch()


def _render(path: Path, video: Path, tracked: TrackedVideo, log: RunLog) -> None:
    timeline, info = tracked.timeline, tracked.info
    with (
        log.timed("annotated video", len(timeline), "frames") as advance,
        VideoReader(video) as reader,
        closing(read_ahead(reader)) as frames,
        closing(
            read_ahead(render_annotated(frames, tracked.tracks, tracked.shots, tracked.names))
        ) as pictures,
        VideoWriter(
            path,
            info.width,
            info.height,
            timeline.tick_s,
            info.frame_rate,
            sound_from=video,
            crf=CRF,
            preset=PRESET,
        ) as writer,
    ):
        for frame, picture in enumerate(pictures):
            writer.write(picture, int(timeline.ticks[frame]))
            advance(1)
        writer.close(timeline.end_tick)
