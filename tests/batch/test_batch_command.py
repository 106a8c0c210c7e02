"""`multiface batch` from the command line to the files."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tracker.cli import main

ROOT = Path(__file__).parents[2]
PLAIN = ["--detector", "mtcnn", "--features", "hog", "--device", "cpu", "--no-video"]


@pytest.fixture
def place(films, tmp_path, monkeypatch):
    """The folder that `films` is in, to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys):
    out, err = capsys.readouterr()
    return json.loads(out), err


def states(out):
    """How often each video came to each state but the first."""
    lines = map(json.loads, (out / "batch.jsonl").read_text().splitlines())
    return Counter((line["name"], line["state"]) for line in lines if line["state"] != "queued")


def test_a_folder_is_looked_at_and_one_bad_video_stops_no_other(place, capsys):
    (place / "films" / "film1.mp4").write_text("no video")
    assert main(["batch", "films", "--workers", "2", "--json", *PLAIN]) == 1
    summary, err = told(capsys)
    assert (summary["done"], summary["failed"]) == (2, 1)
    first, bad, _ = summary["videos"]
    assert (bad["name"], bad["state"]) == ("film1", "failed")
    assert "cannot open" in bad["error"]
    run = json.loads((place / "runs" / "film0" / "run.json").read_text())
    assert (first["out"], first["frames"]) == (str(place / "runs" / "film0"), 12)
    for note in run["notes"]:
        assert f"film0: {note}\n" in err
    assert err.endswith("error: 1 of 3 videos failed; the same command tries these again\n")


def test_the_same_command_again_does_only_what_failed(place, drawn, capsys):
    (place / "films" / "film1.mp4").write_text("no video")
    command = ["batch", "films/*.mp4", "--out", "mine", "--workers", "1", *PLAIN]
    assert main(command) == 1
    (place / "films" / "film1.mp4").write_bytes(drawn[1].read_bytes())
    capsys.readouterr()
    assert main([*command, "--json"]) == 0
    summary, err = told(capsys)
    assert [video["earlier"] for video in summary["videos"]] == [True, False, True]
    assert "2 of 3 videos were done before\n" in err
    assert states(place / "mine") == {
        ("film0", "started"): 1,
        ("film0", "done"): 1,
        ("film1", "started"): 2,
        ("film1", "failed"): 1,
        ("film1", "done"): 1,
        ("film2", "started"): 1,
        ("film2", "done"): 1,
    }


def test_videos_of_one_name_in_two_commands_leave_two_runs(place, capsys):
    for day in ("day1", "day2", "day1"):
        (place / day).mkdir(exist_ok=True)
        (place / day / "party.mp4").write_text("no video")
        assert main(["batch", day, "--workers", "1", "--json", *PLAIN]) == 1
        (video,) = told(capsys)[0]["videos"]
        assert video["name"] == ("party" if day == "day1" else "day2-party")


def test_people_get_a_table(place, capsys):
    assert main(["batch", "films/film0.mp4", *PLAIN]) == 0
    heading, first, total = capsys.readouterr().out.splitlines()
    assert heading.split() == ["video", "state", "frames", "people", "seconds", "frames/s"]
    assert first.split()[:3] == ["film0", "done", "12"]
    assert total.split()[:5] == ["1", "in", "all", "1", "done"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_batch_that_is_stopped_leaves_no_worker_and_goes_on_later(place, trap, how):
    trapped = trap(place / "films" / "film1.mp4")
    command = ["batch", "films/film0.mp4", "films/film1.mp4", "--workers", "1", *PLAIN]
    process = subprocess.Popen(
        [sys.executable, "-m", "tracker.cli", *command],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )

    def stop(worker):
        # Ctrl-C in a terminal reaches all of a command; a kill its first process alone.
        os.killpg(process.pid, how) if how == signal.SIGINT else process.kill()
        process.wait()

    trapped.spring(stop)
    err = process.communicate()[1]  # ends when the last process does that has stderr open
    assert "Traceback" not in err
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert err.endswith("interrupted: run the same command again to go on from here\n")

    assert main(command) == 0
    assert states(place / "runs") == {
        ("film0", "started"): 1,
        ("film0", "done"): 1,
        ("film1", "started"): 2,
        ("film1", "done"): 1,
    }


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["none"], "none: there is no such file or folder; check its name"),
        (["films", "--workers", "0"], "--workers must be 1 or more, got 0"),
        (["films", "--retries", "-1"], "--retries must be 0 or more, got -1"),
        (["films", "--address", "head:6379"], "--address is of a Ray cluster: give --engine ray"),
        (["films", "--people", "0"], "clustering.people must be 1 or more"),
        (["films", "--init", "none"], "--init none: no embedding.safetensors there; name the fol"),
        (["films", "--device", "cuda:99"], "device 'cuda:99' is not here"),
        (["films", "--config", "one.yaml"], "one.yaml: detection.file and shots.file are of one"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_right_for_any_video_is_an_error_before_work_begins(
    place, capsys, options, reason
):
    (place / "one.yaml").write_text("shots: {file: shots.csv}")
    assert main(["batch", *options]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {reason}")
    assert not (place / "runs" / "film0").exists()


@pytest.mark.parametrize("option", ["--detections", "--shots"])
def test_what_is_of_one_video_is_no_option(place, option):
    with pytest.raises(SystemExit) as done:
        main(["batch", "films", option, "file"])
    assert done.value.code == 2
