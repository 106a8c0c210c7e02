"""`multiface redact`: what it writes, what it says, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from tracker.errors import StorageError, TrackerError
from tracker.export.tracks_json import write_tracked
from tracker.records import NOBODY
from tracker.redaction.looking import Searcher


def test_the_result_lies_in_the_run_folder_with_an_empty_list_beside_it(
    command, run_folder, skin_in, capsys
):
    command("--keep", "zoë", "--method", "fill")
    assert capsys.readouterr().out == f"{run_folder / 'redacted.mp4'}\n"
    assert skin_in(run_folder / "redacted.mp4").tolist() == [1] * 20 + [0] * 20
    assert (run_folder / "redacted.found.csv").read_text().count("\n") == 1
    assert {path.name for path in run_folder.iterdir()} == {
        "tracks.json", "redacted.mp4", "redacted.found.csv"
    }  # fmt: skip


def test_faces_that_are_left_are_listed_and_an_error(command, run_folder, stubborn, capsys):
    with pytest.raises(TrackerError, match="is complete, but 40 faces were found"):
        command("--no-sound", searcher=Searcher(stubborn, 0.4, 0.5))
    assert (run_folder / "redacted.found.csv").read_text().count("\n") == 41
    assert "frame 0 (0.00 s), 30 x 40 pixels at 100, 20, score 0.60" in capsys.readouterr().err


def test_an_unknown_name_is_refused_and_nothing_is_written(command, run_folder):
    with pytest.raises(TrackerError, match="nobody here is 'Bo'"):
        command("--hide", "Bo")
    assert [path.name for path in run_folder.iterdir()] == ["tracks.json"]


@pytest.mark.parametrize("name", ["itself", "link.mp4"])
def test_the_video_itself_is_never_written_over(command, film, tmp_path, name):
    out = film if name == "itself" else tmp_path / name
    if name != "itself":
        out.symlink_to(film)
    before = film.read_bytes()
    with pytest.raises(StorageError, match="it is the video itself"):
        command("--out", out)
    assert film.read_bytes() == before


def test_a_name_of_no_mp4_is_refused(command, tmp_path):
    with pytest.raises(StorageError, match=r"end its name in \.mp4"):
        command("--out", tmp_path / "film.mkv")


def test_a_folder_that_is_not_there_is_refused(command, tmp_path):
    with pytest.raises(StorageError, match=r"no folder .*away; make it first"):
        command("--out", tmp_path / "away" / "film.mp4", searcher=None)
    assert not (tmp_path / "away").exists()


def test_a_folder_is_no_file_to_write(command, tmp_path):
    (tmp_path / "film.mp4").mkdir()
    with pytest.raises(StorageError, match="it is a folder"):
        command("--out", tmp_path / "film.mp4", searcher=None)
    assert list((tmp_path / "film.mp4").iterdir()) == []


def test_nobody_is_both_kept_and_hidden(command):
    with pytest.raises(SystemExit):
        command("--keep", "1", "--hide", "2")


@pytest.mark.parametrize("margin", ["-1", "soon", "nan", "1/0"])
def test_a_margin_that_is_no_time_is_wrong_usage(command, margin):
    with pytest.raises(SystemExit):
        command(f"--margin={margin}")


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        (["--hide", "3"], [2] * 20 + [1] * 20),
        (["--hide", "3", "--leave-unknown"], [2] * 20 + [1] * 15 + [2] * 5),
        (["--keep", "1", "2"], [2] * 20 + [1] * 20),
        (["--keep", "1", "2", "--leave-unknown"], [2] * 20 + [1] * 15 + [2] * 5),
        (["--leave-unknown"], [0] * 35 + [1] * 5),
    ],
)
def test_unknown_faces_are_hidden_unless_they_are_to_be_left(
    command, run_folder, skin_in, arguments, seen
):
    command(*arguments, "--method", "fill")
    assert skin_in(run_folder / "redacted.mp4").tolist() == seen


@pytest.mark.parametrize(
    ("margin", "person", "stray"),
    [("0", (28, 30), (30, 31)), ("0.1", (26, 32), (28, 33)), ("0.3", (22, 36), (26, 35))],
)
def test_a_face_is_hidden_as_long_as_the_margin_around_its_stay(
    command, run_folder, tracked, found_only, skin_in, blind, margin, person, stray
):
    """A stray, for a fifth of a second at most."""
    known = found_only(tracked, (1, [30]), (3, [28, 29]))
    is_stray = known.tracks.person == 1
    nobody = replace(known.tracks.where(is_stray), person=np.array([NOBODY], np.int32))
    known = replace(
        known, tracks=known.tracks.where(~is_stray), people=known.people[1:], nobody=nobody
    )
    write_tracked(run_folder, known)
    command("--margin", margin, "--method", "fill", searcher=blind)
    seen = np.array([2] * 35 + [3] * 5)
    seen[slice(*person)] -= 1
    seen[slice(*stray)] -= 1
    assert skin_in(run_folder / "redacted.mp4").tolist() == seen.tolist()


@pytest.mark.parametrize("margin", ["0", "2"])
def test_a_kept_face_is_known_for_a_while_that_the_margin_does_not_change(
    command, run_folder, tracked, found_only, skin_in, margin
):
    """Before Person 1's track, the face is there for 3 frames, which it is known for, or for 17."""
    early = found_only(tracked, (1, range(3, 20)), (2, range(20)), (3, range(20, 40)))
    late = found_only(tracked, (1, range(17, 20)), (2, range(20)), (3, range(20, 40)))
    for run, hidden in ((early, 0), (late, 17)):
        write_tracked(run_folder, run)
        command("--keep", "1", "2", "--margin", margin, "--method", "fill")
        seen = skin_in(run_folder / "redacted.mp4")[:20]
        assert np.flatnonzero(seen < 2).tolist() == list(range(hidden))


PAIRS = ((1, 2, 1.0), (2, 3, 1.25))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--keep", "3"], [("Zoë", "Person 3")]),
        (["--keep", "2"], [("Person 1", "Zoë"), ("Person 3", "Zoë")]),
        (["--hide", "2"], [("Zoë", "Person 1"), ("Zoë", "Person 3")]),
        (["--hide", "3"], [("Person 3", "Zoë")]),
        (["--keep", "1", "2", "3"], []),
        ([], []),
    ],
)
def test_it_is_said_who_is_hidden_and_may_be_somebody_shown(
    command, run_folder, tracked, blind, capsys, arguments, told
):
    write_tracked(run_folder, replace(tracked, maybe_same=PAIRS))
    command(*arguments, searcher=blind)
    said = [line for line in capsys.readouterr().err.splitlines() if "may be the same" in line]
    assert said == [
        f"{hidden} is hidden, but may be the same person as {shown}, who is shown: see the report"
        for hidden, shown in told
    ]
