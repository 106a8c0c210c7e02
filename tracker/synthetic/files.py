"""A drawn video on disk, with its truth in the formats that others read."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from tracker.errors import VideoWriteError
from tracker.mot import write_mot
from tracker.progress import Advance
from tracker.records import Shot, Tracks
from tracker.synthetic.film import TrueFace, draw_frames, make_cast
from tracker.synthetic.script import write_script
from tracker.synthetic.settings import SynthConfig
from tracker.synthetic.sound import RATE, compose
from tracker.video.writer import VideoWriter

XML_ORIGIN_PX = 1  # what the authors' XML calls the picture's first column and row


@dataclass(frozen=True, slots=True)
class DrawnVideo:
    """Where a drawn video and its truth were written."""

    video: Path
    mot: Path
    xml: Path
    shots: Path
    people: Path


def write_drawn_video(
    out_dir: Path, name: str, config: SynthConfig, advance: Advance = lambda count: None
) -> DrawnVideo:
    """Draw a video and write it and its truth to `out_dir`; each file appears when complete.

    Args:
        advance: told of each frame drawn.

    Raises:
        VideoWriteError: the video cannot be written.
    """
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VideoWriteError(f"cannot write to {out_dir}: {error.strerror}") from error
    files = DrawnVideo(
        out_dir / f"{name}.mp4",
        out_dir / f"{name}.gt.txt",
        out_dir / f"{name}.gt.xml",
        out_dir / f"{name}.shots.csv",
        out_dir / f"{name}.people.csv",
    )
    shots = [scene.shot for scene in write_script(config)]
    truth = _film(files.video, shots, config, advance)
    _write_aside(files.mot, lambda path: write_mot(path, truth))
    _write_aside(files.xml, lambda path: write_truth_xml(path, truth, shots[-1].stop))
    rows = [(number, shot.start + 1, shot.stop) for number, shot in enumerate(shots, start=1)]
    _write_aside(
        files.shots, lambda path: _write_csv(path, ("shot", "first_frame", "last_frame"), rows)
    )
    names = [(number, person.name) for number, person in enumerate(make_cast(config), start=1)]
    _write_aside(files.people, lambda path: _write_csv(path, ("id", "name"), names))
    return files


def tracks_of_truth(frames: Iterable[Sequence[TrueFace]]) -> Tracks:
    """The faces of each frame, from frame 0 on, as one table."""
    rows = [(index, face.person, *face.box) for index, faces in enumerate(frames) for face in faces]
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Tracks(
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        table[:, 2:].astype(np.float32),
        np.ones(len(table), np.float32),
    )


def write_truth_xml(path: Path, truth: Tracks, frame_count: int) -> None:
    """Write `truth` as the ECCV 2016 authors do: frames from 1, whole pixels, by person."""
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write('<?xml version = "1.0"?>\n')
        file.write(f'<Video fname="gt" start_frame="1" end_frame="{frame_count}">\n')
        for person in np.unique(truth.person):
            rows = truth.where(truth.person == person)
            first, last = rows.frame[0] + 1, rows.frame[-1] + 1
            file.write(
                f'  <Trajectory obj_id="{person}" start_frame="{first}" end_frame="{last}">\n'
            )
            corners = np.round(rows.boxes).astype(int)
            for frame, (x1, y1, x2, y2) in zip(rows.frame + 1, corners, strict=True):
                file.write(
                    f'    <Frame frame_no="{frame}" x="{x1 + XML_ORIGIN_PX}" '
                    f'y="{y1 + XML_ORIGIN_PX}" width="{x2 - x1}" height="{y2 - y1}" '
                    'observation="1"></Frame>\n'
                )
            file.write("  </Trajectory>\n")
        file.write("</Video>\n")


def _film(path: Path, shots: list[Shot], config: SynthConfig, advance: Advance) -> Tracks:
    """Write the video with its sound; give the truth."""
    tick_s = 1 / Fraction(config.frame_rate)
    seconds = [(float(shot.start * tick_s), float(shot.stop * tick_s)) for shot in shots]
    music_path = path.with_name(path.name + ".samples")
    try:
        music = compose(music_path, seconds, config.seed)
        faces = []
        with VideoWriter(
            path, config.width, config.height, tick_s, config.frame_rate,
            sound=(music, RATE), crf=config.crf, preset="medium",
        ) as writer:  # fmt: skip
            for tick, (image, seen) in enumerate(draw_frames(config)):
                writer.write(image, tick)
                faces.append(seen)
                advance(1)
        del music
    finally:
        music_path.unlink(missing_ok=True)
    return tracks_of_truth(faces)


def _write_aside(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` write a file under another name, then give it its own."""
    partial = path.with_name(path.name + ".partial")
    try:
        write(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
