from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tracker.arguments.clips import add_clips_arguments
from tracker.commands.clips import clips
from tracker.errors import StorageError, TrackerError
from tracker.export.appearances import people_of
from tracker.export.tracks_json import TRACKS_JSON, tracked_as_dict
from tracker.records import Shot, Timeline, Tracks
from tracker.storage import fingerprint, save_json
from tracker.tracked import TrackedVideo
from tracker.video.reader import probe_video
from tracker.video.writer import VideoWriter

FRAMES = 100
TIMELINE = Timeline(np.arange(FRAMES, dtype=np.int64), Fraction(1, 25), FRAMES)
SEEN = {1: [*range(10, 20), *range(60, 70)], 2: range(65, 80), 3: range(0, 5)}
NAMES = {1: "Zoë", 2: "A/B"}


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "film.mp4"
    with VideoWriter(path, 64, 48, TIMELINE.tick_s, Fraction(25), preset="ultrafast") as writer:
        for tick in range(FRAMES):
            writer.write(np.full((48, 64, 3), 2 * tick, np.uint8), tick)
    return path


@pytest.fixture
def run(tmp_path, video):
    """A finished run of `video`, in which Zoë is seen twice, A/B once and somebody at the start."""
    frame, person = np.array(
        sorted((frame, person) for person, frames in SEEN.items() for frame in frames), np.int32
    ).T
    boxes = np.tile(np.array([10, 10, 30, 30], np.float32), (len(frame), 1))
    tracks = Tracks(frame, person, boxes, np.ones(len(frame), np.float32))
    shots = (Shot(0, FRAMES),)
    people = people_of(tracks, shots, TIMELINE, NAMES)
    tracked = TrackedVideo(
        video.name, probe_video(video), TIMELINE, shots, tracks, Tracks.empty(), people
    )
    folder = tmp_path / "run"
    folder.mkdir()
    save_json(folder / TRACKS_JSON, tracked_as_dict(tracked))
    known = {"name": video.name, "path": str(video), "fingerprint": fingerprint(video)}
    save_json(folder / "run.json", {"video": known})
    return folder


def cut(run: Path, *arguments: object) -> None:
    parser = argparse.ArgumentParser()
    add_clips_arguments(parser)
    clips(parser.parse_args([str(run), *map(str, arguments)]))


def frames_in(path: Path) -> int:
    return probe_video(path).frame_count or 0


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_each_appearance_becomes_a_file_of_the_run(run):
    cut(run, "--person", "zoë", "--handles", "0")
    assert names_in(run / "clips") == ["Zoë-001.mp4", "Zoë-002.mp4"]
    assert [frames_in(path) for path in (run / "clips").iterdir()] == [10, 10]


def test_half_a_second_is_shown_around_an_appearance_unless_told_otherwise(run):
    cut(run, "--person", "3")
    assert frames_in(run / "clips" / "Person 3-001.mp4") == 5 + 12


def test_a_supercut_is_one_file(run):
    cut(run, "--person", "Zoë", "--handles", "0", "--supercut")
    assert names_in(run / "clips") == ["Zoë.mp4"]
    assert frames_in(run / "clips" / "Zoë.mp4") == 20


def test_of_several_people_there_is_whatever_shows_any_of_them(run):
    cut(run, "--person", "Zoë", "--person", "a/b", "--handles", "0")
    assert names_in(run / "clips") == ["Zoë+A_B-001.mp4", "Zoë+A_B-002.mp4"]
    assert frames_in(run / "clips" / "Zoë+A_B-002.mp4") == 20


def test_clips_go_where_they_are_told(run, tmp_path):
    cut(run, "--person", "2", "--out", tmp_path / "there")
    assert names_in(tmp_path / "there") == ["A_B-001.mp4"]


def test_a_supercut_goes_into_a_folder_or_becomes_the_file_that_is_named(run, tmp_path):
    cut(run, "--person", "2", "--supercut", "--out", tmp_path / "there")
    cut(run, "--person", "2", "--supercut", "--out", tmp_path / "there" / "b.mp4")
    assert names_in(tmp_path / "there") == ["A_B.mp4", "b.mp4"]


def test_what_was_written_is_told_in_one_line(run, capsys):
    cut(run, "--person", "zoë", "--handles", "0")
    assert capsys.readouterr().err.splitlines()[-1] == f"2 clips of Zoë, 0.8 s: {run / 'clips'}"


def test_clips_that_an_earlier_time_left_are_told_of_and_kept(run, capsys):
    (run / "clips").mkdir()
    for number in (2, 3, 4):
        (run / "clips" / f"A_B-00{number}.mp4").touch()
    cut(run, "--person", "2")
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "left from an earlier time: A_B-002.mp4 to A_B-004.mp4"
    assert len(names_in(run / "clips")) == 4


def test_several_clips_are_not_written_into_one_file(run, tmp_path):
    with pytest.raises(TrackerError, match="ask for --supercut"):
        cut(run, "--person", "Zoë", "--out", tmp_path / "a.mp4")


def test_the_video_of_the_run_is_not_overwritten(run, video):
    with pytest.raises(TrackerError, match="would be overwritten"):
        cut(run, "--person", "Zoë", "--supercut", "--out", video)


def test_somebody_who_is_not_there_is_an_error(run):
    with pytest.raises(TrackerError, match="nobody here is 'Ben'"):
        cut(run, "--person", "Ben")


def test_a_folder_of_no_run_is_an_error(tmp_path):
    with pytest.raises(StorageError, match="name the folder of a finished run"):
        cut(tmp_path, "--person", "1")


@pytest.mark.parametrize("handles", ["-1", "inf", "nan", "a second", "1/0"])
def test_handles_that_are_no_time_are_wrong_usage(run, handles, capsys):
    with pytest.raises(SystemExit):
        cut(run, "--person", "1", f"--handles={handles}")
    assert "--handles" in capsys.readouterr().err
