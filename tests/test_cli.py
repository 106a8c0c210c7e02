import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tracker import weights
from tracker.cli import main, run_tracker
from tracker.config import BACKBONES, LOSSES, MINING
from tracker.synthetic import SynthConfig, write_drawn_video
from tracker.weights import ALEXNET

ROOT = Path(__file__).parents[1]
PLAIN = ["--detector", "mtcnn", "--features", "hog"]  # needs no weights
MOT = "1,1,10,10,20,20,1,-1,-1,-1\n2,1,11,10,20,20,1,-1,-1,-1\n"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    config = SynthConfig(people=2, duration_s=1, width=160, height=120)
    return write_drawn_video(tmp_path_factory.mktemp("drawn"), "party", config)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """An empty folder to work in, without weights and without a network."""

    def refuse(file):
        raise OSError("no network in tests")

    monkeypatch.setattr(weights, "_download", refuse)
    monkeypatch.setenv("TRACKER_WEIGHTS", str(tmp_path / "no weights"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def told(capsys):
    """Run a command that fails; the one line that it says."""

    def run(command, *arguments):
        assert command([str(argument) for argument in arguments]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert re.fullmatch(r"error: [^\n]+\n", err)
        return err

    return run


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def sound_alone(path):
    """Write a file of sound without a picture."""
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.zeros(8000, np.int16).tobytes())
    return path


def commands():
    """What `multiface --help` lists."""
    listing = subprocess.run(
        [sys.executable, "-m", "tracker.cli", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return re.findall(r"^    (\w+)  ", listing, flags=re.MULTILINE)


def test_every_command_has_help_with_an_example(capsys):
    listed = commands()
    assert {"track", "evaluate", "synth"} <= set(listed)
    for command in listed:
        with pytest.raises(SystemExit) as done:
            main([command, "--help"])
        assert done.value.code == 0
        assert re.search(r"examples?:\n +(multiface|run_tracker\.py) ", capsys.readouterr().out)


def test_the_script_has_help_with_an_example(capsys):
    with pytest.raises(SystemExit) as done:
        run_tracker(["--help"])
    assert done.value.code == 0
    assert "examples:\n  run_tracker.py film.mp4\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "names"), [("--loss", LOSSES), ("--mining", MINING), ("--backbone", BACKBONES)]
)
@pytest.mark.parametrize(("command", "before"), [(run_tracker, []), (main, ["track"])])
def test_help_lists_all_that_a_long_choice_has(capsys, command, before, option, names):
    with pytest.raises(SystemExit):
        command([*before, "--help"])
    listed = re.search(
        rf"^{option} is one of:\n((?:  .+\n)+)", capsys.readouterr().out, re.MULTILINE
    )
    assert listed[1].replace(",", " ").split() == list(names)


def test_the_script_runs_from_anywhere(place):
    done = subprocess.run(
        [sys.executable, ROOT / "run_tracker.py", "--help"],
        cwd=place,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("usage: run_tracker.py")
    assert done.stderr == ""


def test_help_waits_for_no_heavy_package():
    heavy = {"torch", "cv2", "av", "numpy", "pandas", "ray"}
    code = f"import sys, tracker.cli; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["follow"],
        ["track"],
        ["track", "a.mp4", "b.mp4"],
        ["track", "a.mp4", "--no-such-option"],
        ["track", "a.mp4", "--people", "many"],
        ["track", "a.mp4", "--people", "2.5"],
        ["track", "a.mp4", "--detector", "best"],
        ["track", "a.mp4", "--features", "best"],
        ["track", "a.mp4", "--loss", "best"],
        ["track", "a.mp4", "--mining", "best"],
        ["track", "a.mp4", "--trunk", "best"],
        ["track", "a.mp4", "--trunk", "finetune", "--backbone", "vgg"],
        ["track", "a.mp4", "--dim", "many"],
        ["track", "a.mp4", "--init"],
        ["track", "a.mp4", "--quadruplet"],  # it is a part of the name of a loss
        ["track", "a.mp4", "--min-score", "high"],
        ["track", "a.mp4", "--out"],
        ["evaluate", "tracks.txt"],
        ["evaluate", "tracks.txt", "--gt", "gt.txt", "--iou", "half"],
        ["evaluate", "tracks.txt", "--gt", "gt.txt", "--fit-boxes", "both"],
        ["batch"],
        ["batch", "films", "--engine", "cloud"],
        ["batch", "films", "--workers", "all"],
        ["synth"],
        ["synth", "a.mp4", "--fps", "often"],
        ["synth", "a.mp4", "--fps", "1/0"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(arguments, capsys, place):
    with pytest.raises(SystemExit) as done:
        main(arguments)
    assert done.value.code == 2
    assert capsys.readouterr().err.startswith("usage: multiface")
    assert files_in(place) == []


def test_a_missing_video_is_an_error(told, place):
    error = told(run_tracker, "none.mp4")
    assert error == "error: none.mp4: there is no such file; check its name\n"
    assert list(place.iterdir()) == []


def test_a_text_file_is_no_video(told, place):
    (place / "notes.mp4").write_text("not a video\n" * 50)
    assert "cannot open notes.mp4" in told(run_tracker, "notes.mp4")
    assert files_in(place) == ["notes.mp4"]
    assert not (place / "runs").exists()


def test_an_empty_file_is_no_video(told, place):
    (place / "empty.mp4").touch()
    assert "cannot open empty.mp4" in told(run_tracker, "empty.mp4")
    assert not (place / "runs").exists()


def test_sound_alone_is_no_video(told, place):
    sound_alone(place / "sound.wav")
    assert "no pictures, only sound" in told(run_tracker, "sound.wav")
    assert not (place / "runs").exists()


def test_a_directory_is_no_video(told, place):
    (place / "films").mkdir()
    assert "is a directory" in told(run_tracker, "films")
    assert not (place / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--people", "0"], "clustering.people must be 1 or more"),
        (["--people", "-3"], "clustering.people must be 1 or more"),
        (["--min-score", "1.5"], "detection.min_score must be in [0, 1]"),
        (["--min-score", "nan"], "detection.min_score must be an ordinary number, got nan"),
        (["--min-face", "0"], "detection.min_face_px must be 1 or more"),
        (["--seed", "-1"], "seed must be 0 or more"),
        (["--dim", "1"], "embedding.dim must be 2 or more, got 1"),
        (["--backbone", "small"], "embedding.backbone must be left out unless trunk is finetune"),
        (["--loss", "arcface", "--mining", "batch-hard"], "batch-hard is not for arcface"),
        (["--loss", "quadruplet", "--mining", "semi-hard"], "choose symtriplet+quadruplet"),
        (["--init", "none"], "--init none: no embedding.safetensors there; name the folder of"),
        (["--trunk", "finetune", "--backbone", "facenet"], "20180402-114759-vggface2.pt is not in"),
        (["--box-scale", "2"], "--box-scale wants two numbers as in 2,3, got '2'"),
        (["--box-scale", "2,3,4"], "--box-scale wants two numbers"),
        (["--box-scale", "wide,tall"], "--box-scale wants two numbers"),
        (["--box-scale", "0,1"], "detection.file_box_scale must be two numbers above 0"),
        (["--box-scale", "1,nan"], "detection.file_box_scale must be an ordinary number"),
        (["--device", "gpu"], "device 'gpu' is unknown: use auto, cpu, cuda or cuda:n"),
        (["--device", "meta"], "device 'meta' is not supported"),
        (["--device", "cuda:99"], "device 'cuda:99' is not here"),
        (["--config", "none.yaml"], "cannot read the config none.yaml"),
        (["--detector", "yunet"], "yunet_n_dynamic.onnx is not in"),
        (["--features", "face"], "face-reidentification-retail-0095.xml is not in"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_bad_setting_is_an_error(told, drawn, place, arguments, reason):
    assert reason in told(run_tracker, drawn.video, *arguments)
    assert files_in(place) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("clustering: {peple: 3}", "did you mean clustering.people?"),
        ("clustering: {people: 0}", "clustering.people must be 1 or more"),
        ("clustering: [", "is not YAML"),
    ],
)
def test_a_bad_config_file_is_an_error(told, drawn, place, text, reason):
    (place / "mine.yaml").write_text(text)
    error = told(run_tracker, drawn.video, "--config", "mine.yaml")
    assert reason in error
    assert "mine.yaml" in error
    assert files_in(place) == ["mine.yaml"]


def test_an_option_goes_over_the_config_file(told, drawn, place):
    (place / "mine.yaml").write_text("clustering: {people: 3}")
    error = told(run_tracker, drawn.video, "--config", "mine.yaml", "--people", "0")
    assert "clustering.people must be 1 or more, got 0" in error


def test_a_run_to_start_from_that_learned_nothing_yet_is_an_error_before_work_begins(
    told, drawn, place
):
    (place / "runs/first/stages").mkdir(parents=True)
    error = told(run_tracker, drawn.video, *PLAIN, "--init", "runs/first", "--out", "second")
    assert error == (
        "error: --init runs/first: no embedding.safetensors there; name the folder of a run\n"
    )
    assert not (place / "second").exists()


def test_a_network_whose_weights_are_not_to_be_had_is_an_error_before_work_begins(
    told, drawn, place
):
    options = ["--trunk", "finetune", "--backbone", "alexnet"]
    error = told(run_tracker, drawn.video, *PLAIN, *options)
    (file,) = ALEXNET
    assert error == (
        f"error: {file.name} is not in {place / 'no weights'} and cannot be fetched (no network in "
        f"tests): put it there by hand from {file.url} (244.4 MB, BSD-3-Clause)\n"
    )
    assert files_in(place) == []


def test_what_is_said_of_learning_reaches_the_settings_of_the_run(drawn, place):
    common = [str(drawn.video), "--detections", str(drawn.mot), *PLAIN[2:], "--no-video"]
    assert run_tracker([*common, "--out", "first"]) == 0
    options = ["--loss=triplet+quadruplet", "--mining=semi-hard", "--trunk=finetune"]
    options += ["--backbone=small", "--dim=32", "--init=first"]
    assert run_tracker([*common, *options, "--out", "second"]) == 0
    first, second = (
        json.loads((place / run / "run.json").read_text())["config"]["embedding"]
        for run in ("first", "second")
    )
    assert second == first | {
        "loss": "triplet+quadruplet",
        "mining": "semi-hard",
        "trunk": "finetune",
        "backbone": "small",
        "dim": 32,
        "init": "first",
    }


@pytest.mark.parametrize("out", ["a file", "a file/run"])
def test_an_out_folder_that_cannot_be_made_is_an_error(told, drawn, place, out):
    (place / "a file").write_text("kept")
    assert "choose another folder with --out" in told(run_tracker, drawn.video, "--out", out)
    assert (place / "a file").read_text() == "kept"


def test_a_video_is_never_overwritten_by_what_is_drawn_of_it(told, drawn, place):
    shutil.copy(drawn.video, place / "annotated.mp4")
    assert "would be overwritten" in told(run_tracker, "annotated.mp4", "--out", place)
    assert files_in(place) == ["annotated.mp4"]
    assert (place / "annotated.mp4").read_bytes() == drawn.video.read_bytes()


@pytest.mark.parametrize(
    ("option", "text", "place_told"),
    [
        ("--detections", "1,1,10,10,20,20,1\n1,1,10,ten,20,20,1\n", "mine.txt, line 2"),
        ("--detections", "0,1,10,10,20,20,1\n", "mine.txt, line 1"),
        ("--detections", "1;1;10;10;20;20\n", "mine.txt, line 1"),
        ("--shots", "shot,first_frame,last_frame\n1,one,two\n", "mine.txt, line 2"),
        ("--shots", "1,5,10\n2,1,4\n", "mine.txt, line 2"),
        ("--shots", "1,1,10\n2,11\n", "mine.txt, line 2"),
    ],
)
def test_a_malformed_file_is_an_error_before_work_begins(
    told, drawn, place, option, text, place_told
):
    (place / "mine.txt").write_text(text)
    assert place_told in told(run_tracker, drawn.video, *PLAIN, option, "mine.txt")
    assert files_in(place) == ["mine.txt"]


@pytest.mark.parametrize("option", ["--detections", "--shots"])
def test_a_missing_file_is_an_error_before_work_begins(told, drawn, place, option):
    error = told(run_tracker, drawn.video, *PLAIN, option, "none.txt")
    assert error == "error: none.txt: there is no such file; check its name\n"
    assert list(place.iterdir()) == []


def test_multiface_track_is_the_script(told, place):
    assert told(main, "track", "none.mp4") == told(run_tracker, "none.mp4")


def test_evaluating_a_truth_against_itself_is_perfect(drawn, capsys):
    assert main(["evaluate", str(drawn.mot), "--gt", str(drawn.xml), "--json"]) == 0
    measures = json.loads(capsys.readouterr().out)
    assert measures["mota"] == measures["idf1"] == measures["hota"] == 1
    assert measures["truth_people"] == 2


def test_evaluate_prints_a_table(place, capsys):
    (place / "tracks.txt").write_text(MOT)
    assert main(["evaluate", str(place), "--gt", "tracks.txt"]) == 0
    assert re.search(r"MOTA +1\.000", capsys.readouterr().out)


def test_evaluate_fits_the_boxes_on_half_of_the_shots_and_scores_the_other(place, capsys):
    (place / "tracks.txt").write_text(MOT)
    (place / "gt.txt").write_text(MOT.replace(",20,20,", ",30,20,"))
    (place / "shots.csv").write_text("shot,first_frame,last_frame\n1,1,1\n2,2,2\n")
    assert main(["evaluate", str(place), "--gt", "gt.txt", "--fit-boxes", "even"]) == 0
    table = capsys.readouterr().out
    assert re.search(r"HOTA +1\.000", table)
    assert "boxes scaled 1.50 x 1.00, moved by +0.25, +0.00 of their size, fitted on" in table
    options = ["--fit-boxes", "odd", "--shots", "shots.csv", "--json"]
    assert main(["evaluate", "tracks.txt", "--gt", "gt.txt", *options]) == 0
    measures = json.loads(capsys.readouterr().out)
    assert (measures["hota"], measures["truth_boxes"]) == (1, 1)
    assert measures["box_fit"]["scored_on"] == "even"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["mine.txt", "--gt", "none.txt"], "none.txt: there is no such file"),
        (["mine.txt", "--gt", "none.xml"], "none.xml: there is no such file"),
        (["none.txt", "--gt", "mine.txt"], "none.txt: there is no such file"),
        (["empty", "--gt", "mine.txt"], "empty: is not a run folder"),
        (["mine.txt", "--gt", "bad.xml"], "bad.xml, line 1: is not well-formed XML"),
        (["mine.txt", "--gt", "binary.txt"], "binary.txt: cannot be read"),
        (["mine.txt", "--gt", "mine.txt", "--iou", "0"], "--iou must be above 0"),
        (["mine.txt", "--gt", "mine.txt", "--iou", "nan"], "--iou must be above 0"),
        (["mine.txt", "--gt", "mine.txt", "--gt-step", "0"], "--gt-step must be 1 or more"),
        (["mine.txt", "--gt", "mine.txt", "--shots", "one.csv"], "--shots is for --fit-boxes"),
        (["mine.txt", "--gt", "mine.txt", "--fit-boxes", "odd"], "name the video's shots with"),
        (
            ["mine.txt", "--gt", "mine.txt", "--fit-boxes", "odd", "--shots", "one.csv"],
            "takes two shots or more",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_evaluated_is_an_error(told, place, arguments, reason):
    (place / "mine.txt").write_text(MOT)
    (place / "bad.xml").write_text("<Video")
    (place / "binary.txt").write_bytes(b"\xff\xd8\xff\xe0")
    (place / "one.csv").write_text("shot,first_frame,last_frame\n1,1,2\n")
    (place / "empty").mkdir()
    assert reason in told(main, "evaluate", *arguments)


def test_an_output_that_nobody_reads_makes_no_noise(place):
    (place / "tracks.txt").write_text(MOT)
    with subprocess.Popen(
        [sys.executable, "-m", "tracker.cli", "evaluate", place, "--gt", "tracks.txt", "--json"],
        cwd=place,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk always full")
def test_an_output_that_has_no_room_is_an_error_in_one_line(place):
    (place / "tracks.txt").write_text(MOT)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tracker.cli", "evaluate", place, "--gt", "tracks.txt"],
            cwd=place,
            env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert re.fullmatch(r"error: [^\n]*No space left on device\n", done.stderr)
    assert done.returncode == 1


def test_synth_writes_a_video_and_its_truth(place, capsys):
    options = ["--people=2", "--seconds=1", "--size=160x120", "--fps=10", "--seed=3"]
    assert main(["synth", "drawn/party.mp4", *options]) == 0
    assert capsys.readouterr().out == "drawn/party.mp4\n"
    endings = ["gt.txt", "gt.xml", "mp4", "people.csv", "shots.csv"]
    assert files_in(place) == [f"drawn/party.{ending}" for ending in endings]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["party.avi"], "party.avi must end in .mp4"),
        (["party.mp4", "--people", "1"], "synth.people must be in"),
        (["party.mp4", "--seconds", "0"], "synth.duration_s must be in"),
        (["party.mp4", "--seconds", "nan"], "synth.duration_s must be in"),
        (["party.mp4", "--size", "640"], "--size wants two numbers as in 2x3, got '640'"),
        (["party.mp4", "--size", "10x10"], "synth.width must be in"),
        (["party.mp4", "--fps", "0"], "synth.frame_rate must be in"),
        (["a file/party.mp4", "--seconds", "1"], "cannot write"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_drawn_is_an_error(told, place, arguments, reason):
    (place / "a file").write_text("kept")
    assert reason in told(main, "synth", *arguments)
    assert files_in(place) == ["a file"]


@pytest.mark.parametrize(
    "name", ["two words.mp4", "Zoë ☃.mp4", "party:2.mp4", "-x.mp4", "100%d.mp4"]
)
def test_an_unusual_name_is_a_name(drawn, place, capsys, name):
    shutil.copy(drawn.video, place / name)
    (place / "fast.yaml").write_text("embedding: {heads: 1, steps: 2}")
    options = ["--detections", str(drawn.mot), "--features", "hog", "--config", "fast.yaml"]
    assert run_tracker([*options, "--out", "run: 1", "--", name]) == 0
    assert capsys.readouterr().out == ""
    assert (place / "run: 1" / "annotated.mp4").exists()
