"""`multiface export`: which files it writes, and where."""

from dataclasses import replace

import pytest

from tracker.arguments.export import EXPORT_FORMATS
from tracker.cli import main
from tracker.export.tracks_json import TRACKS_JSON, tracked_as_dict
from tracker.storage import fingerprint, save_json

SUFFIXES = {
    "mot": [".mot.txt"],
    "cvat": [".cvat.xml"],
    "coco": [".coco.json"],
    "csv": [".appearances.csv", ".faces.csv"],
    "parquet": [".appearances.parquet", ".faces.parquet"],
    "vtt": [".vtt"],
    "srt": [".srt"],
    "otio": [".otio"],
    "edl": [".edl"],
    "rttm": [".rttm"],
}


@pytest.fixture
def run(tmp_path, tracked):
    folder = tmp_path / "run"
    folder.mkdir()
    save_json(folder / TRACKS_JSON, tracked_as_dict(tracked))
    return folder


def export(run, *given):
    return main(["export", str(run), *map(str, given)])


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != TRACKS_JSON)


def test_every_format_is_tried_here():
    assert EXPORT_FORMATS.keys() == SUFFIXES.keys()


@pytest.mark.parametrize("wanted", EXPORT_FORMATS)
def test_files_are_called_after_the_video_and_lie_in_the_run_folder(run, wanted, capsys):
    assert export(run, "--format", wanted) == 0
    names = [f"a film{suffix}" for suffix in SUFFIXES[wanted]]
    assert files(run) == names
    assert sorted(capsys.readouterr().out.splitlines()) == [str(run / name) for name in names]


@pytest.mark.parametrize("wanted", EXPORT_FORMATS)
def test_the_same_run_gives_the_same_bytes(run, wanted, tmp_path):
    for place in ("one", "other"):
        assert export(run, "--format", wanted, "--out", f"{tmp_path / place}/") == 0
    for name in files(tmp_path / "one"):
        one, other = (tmp_path / place / name for place in ("one", "other"))
        assert one.read_bytes() == other.read_bytes()


def test_all_formats_are_written_at_once(run, tmp_path):
    assert export(run, "--format", "all", "--out", tmp_path / "all") == 0
    suffixes = [suffix for of_format in SUFFIXES.values() for suffix in of_format]
    assert files(tmp_path / "all") == sorted(f"a film{suffix}" for suffix in suffixes)


def test_one_file_can_be_given_a_name(run, tmp_path):
    assert export(run, "--format", "srt", "--out", tmp_path / "deep" / "er" / "who.txt") == 0
    assert files(tmp_path / "deep" / "er") == ["who.txt"]


def test_a_slash_says_that_a_new_folder_is_meant(run, tmp_path):
    assert export(run, "--format", "srt", "--out", f"{tmp_path / 'new'}/") == 0
    assert files(tmp_path / "new") == ["a film.srt"]


def test_two_files_go_to_a_folder(run, tmp_path):
    assert export(run, "--format", "csv", "--out", tmp_path / "tables") == 0
    assert files(tmp_path / "tables") == ["a film.appearances.csv", "a film.faces.csv"]


def test_a_folder_that_cannot_be_made_is_told(run, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert export(run, "--format", "srt", "--out", tmp_path / "file" / "who.srt") == 1
    assert "cannot make the folder" in capsys.readouterr().err


def test_an_unknown_format_is_wrong_usage(run):
    with pytest.raises(SystemExit) as stopped:
        export(run, "--format", "doc")
    assert stopped.value.code == 2


def test_a_folder_that_is_no_run_is_refused(tmp_path, capsys):
    assert export(tmp_path, "--format", "srt") == 1
    assert "name the folder of a finished run" in capsys.readouterr().err


@pytest.mark.parametrize("own", ["tracks.json", "run.json", "edits.jsonl"])
def test_what_the_run_itself_has_written_is_not_lost(run, own, capsys):
    before = (run / "tracks.json").read_bytes()
    assert export(run, "--format", "mot", "--out", run / own) == 1
    assert "would be overwritten" in capsys.readouterr().err
    assert (run / "tracks.json").read_bytes() == before


@pytest.fixture
def video(tmp_path, run):
    """A file that the run takes for its video."""
    path = tmp_path / "moved" / "a film.mp4"
    path.parent.mkdir()
    path.write_bytes(b"a video")
    about = {"path": str(tmp_path / "gone.mp4"), "name": "a film.mp4"}
    save_json(run / "run.json", {"video": about | {"fingerprint": fingerprint(path)}})
    return path


def test_the_video_is_not_lost(run, video, capsys):
    assert export(run, "--format", "vtt", "--video", video, "--out", video) == 1
    assert "would be overwritten" in capsys.readouterr().err
    assert video.read_bytes() == b"a video"


def test_a_timeline_points_to_where_the_video_is_now(run, video):
    assert export(run, "--format", "otio", "--video", video) == 0
    assert video.as_uri() in (run / "a film.otio").read_text()


def test_another_video_is_refused(run, video, tmp_path, capsys):
    other = tmp_path / "other.mp4"
    other.write_bytes(b"another")
    assert export(run, "--format", "otio", "--video", other) == 1
    assert "is not the video" in capsys.readouterr().err


def test_a_long_name_of_a_video_is_cut(run, tracked, tmp_path):
    long = replace(tracked, name="日本" * 40 + ".mp4")
    save_json(run / TRACKS_JSON, tracked_as_dict(long))
    assert export(run, "--format", "parquet", "--out", tmp_path / "out") == 0
    assert len(files(tmp_path / "out")) == 2
