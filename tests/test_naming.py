"""`multiface name` on a run of a small drawn cast, and what later runs make of the names."""

import json
import shutil
from fractions import Fraction

import pytest

from tracker.cli import main, run_tracker
from tracker.export.tracks_json import read_tracked
from tracker.synthetic import SynthConfig, write_drawn_video

CAST = SynthConfig(people=3, duration_s=4, width=320, height=180, frame_rate=Fraction(12), seed=1)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return write_drawn_video(tmp_path_factory.mktemp("drawn"), "party", CAST)


@pytest.fixture(scope="module")
def arguments(drawn, tmp_path_factory):
    """A quick run: on the true boxes, by HOG as it is."""
    config = tmp_path_factory.mktemp("config") / "fast.yaml"
    config.write_text("embedding: {raw_share: 1}\n")
    given = [drawn.video, "--config", config, "--features", "hog", "--detections", drawn.mot]
    return [str(part) for part in given]


@pytest.fixture(scope="module")
def undisturbed(arguments, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    assert run_tracker([*arguments, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def run(undisturbed, tmp_path):
    return shutil.copytree(undisturbed, tmp_path / "run")


def name(run, *given):
    return main(["name", str(run), *given])


def names(run):
    return [person.name for person in read_tracked(run).people]


def test_a_name_is_on_every_output(run, undisturbed):
    assert name(run, "2", "Zoë <b>") == 0
    assert names(run) == ["Person 1", "Zoë <b>", *names(undisturbed)[2:]]
    assert "Zoë &lt;b&gt;" in (run / "report.html").read_text(encoding="utf-8")
    for drawn_anew in ("people/person-02.png", "annotated.mp4"):
        assert (run / drawn_anew).read_bytes() != (undisturbed / drawn_anew).read_bytes()
    for left_alone in ("people/person-01.png", "tracks.txt"):
        assert (run / left_alone).read_bytes() == (undisturbed / left_alone).read_bytes()


def test_a_name_stays_in_a_later_run_that_numbers_people_otherwise(run, arguments):
    assert name(run, "1", "Anna", "3", "Cleo") == 0
    before = {person.name: person.appearances[0] for person in read_tracked(run).people}

    assert run_tracker([*arguments, "--people", "2", "--no-video", "--out", str(run)]) == 0
    assert len(names(run)) == 2
    # Numbers are as before: had they not been, names would follow the faces.
    said = (run / "edits.jsonl").read_text()
    (run / "edits.jsonl").write_text(said.replace('"person": 1', '"person": 2'))
    assert run_tracker([*arguments, "--no-video", "--out", str(run)]) == 0

    after = {person.name: person.appearances[0] for person in read_tracked(run).people}
    assert after == before


def test_a_later_run_draws_the_video_anew_only_where_names_changed(run, arguments):
    assert name(run, "1", "Anna") == 0
    assert run_tracker([*arguments, "--out", str(run)]) == 0
    stages = json.loads((run / "run.json").read_text())["stages"]
    assert stages["annotated video"]["reused"]

    assert name(run, "1", "Bea", "--no-video") == 0
    assert run_tracker([*arguments, "--out", str(run)]) == 0
    stages = json.loads((run / "run.json").read_text())["stages"]
    assert not stages["annotated video"]["reused"]


def test_a_name_taken_away_leaves_all_as_it_was(run, undisturbed):
    assert name(run, "1", "Anna") == 0
    assert name(run, "Anna", "") == 0
    for same in ("tracks.json", "people/person-01.png", "annotated.mp4", "report.html"):
        assert (run / same).read_bytes() == (undisturbed / same).read_bytes(), same


def test_without_names_everybody_is_listed(run, capsys):
    assert name(run) == 0
    lines = capsys.readouterr().out.splitlines()
    numbers = [str(n) for n in range(1, len(names(run)) + 1)]
    assert [line.split()[:3] for line in lines] == [[n, "Person", n] for n in numbers]


def test_white_space_in_a_name_does_not_break_lines(run):
    assert name(run, "1", " Anna\n\tK. ", "--no-video") == 0
    assert names(run)[0] == "Anna K."


def test_who_is_called_alike_is_told(run, capsys):
    assert name(run, "1", "Anna", "2", "anna", "--no-video") == 0
    assert "1 and 2 are both called Anna" in capsys.readouterr().err


def test_a_name_that_several_have_does_not_say_who_is_meant(run, capsys):
    assert name(run, "1", "Anna", "2", "Anna", "--no-video") == 0
    assert name(run, "Anna", "Bea") == 1
    assert "'Anna' are 1 and 2: say which one by number" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["9", "Anna"], "nobody here is '9'"),
        (["1"], "what is '1' to be called?"),
        (["1", "Anna", "1", "Bea"], "named twice"),
        (["1", "x" * 201], "200 are the most"),
        (["1", "2"], "'2' is how person 2 is told"),
        (["1", "person  2"], "'person 2' is how person 2 is told"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(run, undisturbed, capsys, given, problem):
    assert name(run, *given) == 1
    assert problem in capsys.readouterr().err
    assert not (run / "edits.jsonl").exists()
    assert (run / "tracks.json").read_bytes() == (undisturbed / "tracks.json").read_bytes()


def test_a_video_that_has_moved_keeps_the_names_and_is_told(run, drawn, tmp_path, capsys):
    told = json.loads((run / "run.json").read_text())
    told["video"]["path"] = str(tmp_path / "gone.mp4")
    (run / "run.json").write_text(json.dumps(told))
    assert name(run, "1", "Anna") == 0
    assert names(run)[0] == "Anna"
    assert "shows the names as they were" in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_refused(tmp_path, capsys):
    assert name(tmp_path, "1", "Anna") == 1
    assert "name the folder of a finished run" in capsys.readouterr().err


def test_a_run_whose_faces_are_lost_is_left_as_it_is(run, capsys):
    (run / "faces.npz").unlink()
    assert name(run, "1", "Anna") == 1
    assert "faces.npz is missing: run the tracker again" in capsys.readouterr().err
    assert not (run / "edits.jsonl").exists()


@pytest.mark.parametrize("wanted", ["ශ්\u200dරී", "👨\u200d👩\u200d👧", "Zoe\u0308"])
def test_names_of_all_scripts_are_kept_and_found_again(run, wanted):
    assert name(run, "1", wanted, "--no-video") == 0
    assert names(run)[0] == wanted
    assert name(run, wanted, "Anna", "--no-video") == 0
    assert names(run)[0] == "Anna"
