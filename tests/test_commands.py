"""The command lines of `multiface evaluate` and `multiface benchmark`."""

import contextlib
import csv
import io
import json
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.cli import main
from tracker.commands.truths import _range
from tracker.errors import TrackerError
from tracker.video.writer import VideoWriter

pytestmark = pytest.mark.usefixtures("offline")

FRAMES = 12  # of the room
TRUTH = "".join(f"{frame},1,20,20,40,40,1\n" for frame in range(1, 9))
TRACKS = TRUTH.replace("8,1,20", "8,1,90")  # wrong in frame 8 alone
SECOND = "".join(f"{frame},3,20,20,40,40,1\n" for frame in range(1, 3))
DETECTED = "".join(f"{frame},-1,20,20,40,40,0.9\n" for frame in range(1, 9))


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A video in which nobody is."""
    path = tmp_path_factory.mktemp("video") / "room.mp4"
    y, x = np.mgrid[0:120, 0:160]
    with VideoWriter(path, 160, 120, Fraction(1, 12), Fraction(12)) as writer:
        for tick in range(FRAMES):
            writer.write(np.stack([x + tick, y, (x + y) // 2], axis=2).astype(np.uint8), tick)
    return path


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to work in, with a truth, tracks of it, detections, and an empty file."""
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_files(folder):
    for name, text in (
        ("gt.txt", TRUTH),
        ("tracks.txt", TRACKS),
        ("found.txt", DETECTED),
        ("none.txt", ""),
        ("bad.txt", "1,1,10,10,20,20,1\n1,1,10,ten,20,20,1\n"),
    ):
        (folder / name).write_text(text)


@pytest.fixture
def told(capsys):
    """Run a command that fails; the one line that it says last, and nothing else on stdout."""

    def run(*arguments):
        assert main([str(argument) for argument in arguments]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert "Traceback" not in err
        assert re.search(r"(^|\n)error: [^\n]+\n$", err)
        return err

    return run


@pytest.fixture
def measured(capsys):
    """Run `multiface evaluate … --json`; what it prints, and what it says."""

    def run(*arguments):
        assert main(["evaluate", *map(str, arguments), "--json"]) == 0
        out, err = capsys.readouterr()
        return json.loads(out), err

    return run


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def write_dataset(folder, **videos):
    """Write a dataset of videos, each with lines of what is known of it."""
    entries = [f"  {name}: {{{known}}}\n" for name, known in videos.items()]
    (folder / "music.yaml").write_text("name: music\nvideos:\n" + "".join(entries))
    return folder / "music.yaml"


@given(st.integers(1, 10**6), st.integers(0, 10**6))
def test_frames_count_from_1_with_both_ends(first, more):
    assert _range(f"{first}-{first + more}") == (first - 1, first + more)
    assert _range(f"{first}-") == (first - 1, None)


@given(st.text(max_size=8) | st.from_regex(r"-?\d?-?\d?-?\d?", fullmatch=True))
def test_any_text_is_a_range_of_frames_or_refused(text):
    with contextlib.suppress(TrackerError):
        start, stop = _range(text)
        assert start >= 0
        assert stop is None or stop > start


def test_all_frames_are_judged_where_none_are_named():
    assert _range(None) is None


@pytest.mark.parametrize(
    ("frames", "boxes", "mota"), [("1-7", 7, 1), ("8-8", 1, -1), ("8-", 1, -1), ("2-8", 7, 5 / 7)]
)
def test_only_the_frames_that_are_named_are_judged(place, measured, frames, boxes, mota):
    values, _ = measured("tracks.txt", "--gt", "gt.txt", "--frames", frames)
    assert values["truth_boxes"] == values["track_boxes"] == boxes
    assert values["mota"] == pytest.approx(mota)


@pytest.mark.parametrize(
    "frames", ["", "-", "5", "0-5", "5-4", "a-b", "1-2-3", "1.5-3", "1,2", "1 - x", "9" * 5000]
)
def test_frames_that_are_no_range_are_refused(place, told, frames):
    error = told("evaluate", "tracks.txt", "--gt", "gt.txt", f"--frames={frames}")
    assert "--frames wants two numbers as in 1-300" in error


def test_a_range_that_no_video_reaches_makes_no_traceback(place):
    arguments = ["evaluate", "tracks.txt", "--gt", "gt.txt", "--frames", f"1-{10**20}"]
    assert main(arguments) in (0, 1)


def test_frames_that_begin_after_the_video_ends_are_refused(place, room, told):
    common = ["evaluate", "tracks.txt", "--gt", "gt.txt", "--video", room]
    assert "they start at 13, and the video ends at 12" in told(*common, "--frames", "13-20")


@pytest.mark.parametrize(
    ("what", "line", "problem"),
    [
        ("gt", "13,1,20,20,40,40,1", "frame 13 lies beyond the end of the video, which has 12"),
        ("tracks", "13,1,20,20,40,40,1", "frame 13 lies beyond the end of the video"),
        ("gt", "9,1,160,20,40,40,1", "lies outside the picture of 160 x 120"),
        ("tracks", "9,1,20,120,40,40,1", "lies outside the picture of 160 x 120"),
    ],
)
def test_what_does_not_fit_the_video_is_refused_with_its_line(
    place, room, told, what, line, problem
):
    path = place / f"{what}.txt"
    path.write_text(f"{TRUTH}{line}\n")
    error = told("evaluate", "tracks.txt", "--gt", "gt.txt", "--video", room)
    assert f"{what}.txt, line 9: " in error
    assert problem in error


def test_what_fits_the_video_is_measured_as_without_it_but_for_its_last_frames(
    place, room, measured
):
    with_video, _ = measured("tracks.txt", "--gt", "gt.txt", "--video", room)
    without, _ = measured("tracks.txt", "--gt", "gt.txt")
    assert (with_video.pop("frames"), without.pop("frames")) == (12, 8)
    assert with_video.pop("faf") == pytest.approx(without.pop("faf") * 8 / 12)
    assert with_video == without


@pytest.mark.parametrize("video", ["none.mp4", "gt.txt", "."])
def test_what_is_no_video_is_refused(place, told, video):
    error = told("evaluate", "tracks.txt", "--gt", "gt.txt", "--video", video)
    assert f"cannot open {video}" in error


@pytest.mark.parametrize("arguments", [("none", "--gt", "gt.txt"), ("gt.txt", "--gt", "none")])
def test_what_is_not_there_is_named(place, told, arguments):
    error = told("evaluate", *arguments)
    assert error == "error: none: there is no such file or folder; check its name\n"


def write_run(folder, tracks=TRACKS, known='{"width": 160, "height": 120, "frames": 8}'):
    folder.mkdir(parents=True)
    (folder / "tracks.txt").write_text(tracks)
    (folder / "run.json").write_text(f'{{"video": {known}}}')
    return folder


def test_a_run_knows_itself_how_long_its_video_is(place, told, measured):
    run = write_run(place / "run")
    assert measured(run, "--gt", "gt.txt")[0]["truth_boxes"] == 8
    (place / "gt.txt").write_text(f"{TRUTH}9,1,20,20,40,40,1\n")
    assert "gt.txt, line 9: frame 9 lies beyond the end" in told("evaluate", run, "--gt", "gt.txt")


@pytest.mark.parametrize("known", ["3", "{}", '{"width": "wide", "height": 1, "frames": 1}'])
def test_a_run_that_does_not_know_its_video_is_an_error(place, told, known):
    run = write_run(place / "run", known=known)
    assert "cannot read run/run.json" in told("evaluate", run.name, "--gt", "gt.txt")


def test_boxes_of_a_detector_are_said_to_name_nobody(place, measured):
    values, said = measured("found.txt", "--gt", "gt.txt")
    assert said.startswith("found.txt names nobody: each box is taken for a person of its own")
    assert said.count("\n") == 1
    assert (values["recall"], values["precision"], values["people"]) == (1, 1, 8)


def test_of_tracks_nothing_needs_to_be_said(place, measured):
    assert measured("tracks.txt", "--gt", "gt.txt")[1] == ""


def test_errors_are_written_to_a_page(place, room, capsys):
    options = ["--errors", "errors.html", "--video", str(room)]
    assert main(["evaluate", "tracks.txt", "--gt", "gt.txt", *options]) == 0
    out, err = capsys.readouterr()
    assert re.search(r"MOTA +0\.750", out)
    assert err.endswith("the worst errors, with pictures: errors.html\n")
    assert "frame 8" in (place / "errors.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--errors", "errors.html"], "give it with --video"),
        (["--errors", "none/errors.html", "--video", "room.mp4"], "cannot write none/errors.html"),
    ],
)
def test_a_page_that_cannot_be_made_is_an_error(place, room, told, options, reason):
    (place / "room.mp4").symlink_to(room)
    before = files_in(place)
    assert reason in told("evaluate", "tracks.txt", "--gt", "gt.txt", *options)
    assert files_in(place) == before


@pytest.fixture
def several(place):
    """A dataset, and results of its videos: a run folder, MOT text and XML."""
    (place / "gt2.txt").write_text(SECOND)
    dataset = write_dataset(
        place, a="truth: gt.txt", b="truth: gt2.txt", c="truth: gt.txt, frames: [1, 4]"
    )
    write_run(place / "runs/a")
    (place / "runs/b.txt").write_text(SECOND)
    boxes = "".join(
        f'<box frame="{frame}" xtl="20" ytl="20" xbr="60" ybr="60"/>' for frame in range(4)
    )
    (place / "runs/c.xml").write_text(
        f'<annotations><track id="0" label="face">{boxes}</track></annotations>'
    )
    return dataset


def test_every_video_of_a_dataset_is_measured_by_its_own_truth(several, measured):
    told, _ = measured("runs", "--dataset", several)
    assert told["dataset"] == "music"
    videos = told["videos"]
    assert [(name, one["truth_boxes"], one["mota"]) for name, one in videos.items()] == [
        ("a", 8, 0.75),
        ("b", 2, 1),
        ("c", 4, 1),
    ]
    assert told["mean"]["mota"] == pytest.approx(2.75 / 3)
    assert told["pooled"]["truth_boxes"] == 14
    assert told["pooled"]["mota"] == pytest.approx(12 / 14)


def test_a_dataset_is_printed_as_a_line_a_video_the_mean_and_all_boxes(several, capsys):
    assert main(["evaluate", "runs", "--dataset", str(several)]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split()[:2] == ["MOTA", "IDF1"]
    assert [line.split()[0] for line in lines] == ["a", "b", "c", "mean", "all"]


def test_a_video_of_a_dataset_that_was_not_tracked_is_named(several, place, told):
    (place / "runs/b.txt").unlink()
    error = told("evaluate", "runs", "--dataset", several)
    assert "runs holds no b, the folder of a run, nor b.txt, its tracks" in error


def test_a_dataset_checks_tracks_against_its_videos(several, place, room, told):
    (place / "runs/b.txt").write_text(f"{SECOND}13,3,20,20,40,40,1\n")
    dataset = write_dataset(place, b=f"truth: gt2.txt, video: {room}")
    error = told("evaluate", "runs", "--dataset", dataset)
    assert "b.txt, line 3: frame 13 lies beyond the end of the video" in error


def test_boxes_of_a_detector_in_a_dataset_are_said_to_name_nobody(several, place, measured):
    (place / "runs/b.txt").write_text(DETECTED)
    assert "b.txt names nobody" in measured("runs", "--dataset", several)[1]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--fit-boxes", "even"], "--fit-boxes is for one video: give --gt"),
        (["--errors", "errors.html"], "--errors is for one video"),
        (["--video", "room.mp4"], "--video is for one video"),
        (["--frames", "1-3"], "--gt-step and --frames are written in the dataset"),
        (["--gt-step", "5"], "--gt-step and --frames are written in the dataset"),
        (["--shots", "shots.csv"], "--shots is for --fit-boxes"),
        (["--iou", "2"], "--iou must be above 0 and at most 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_for_a_dataset_is_refused(several, told, options, reason):
    assert reason in told("evaluate", "runs", "--dataset", several, *options)


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "runs", "--dataset", "music.yaml", "--gt", "gt.txt"],
        ["evaluate", "runs", "--gt", "gt.txt", "--gt-step", "often"],
        ["benchmark"],
        ["benchmark", "room.mp4"],
        ["benchmark", "room.mp4", "--gt", "gt.txt", "--dataset", "music.yaml"],
        ["benchmark", "a.mp4", "b.mp4", "--gt", "gt.txt"],
        ["benchmark", "room.mp4", "--gt", "gt.txt", "--features", "auto"],
        ["benchmark", "room.mp4", "--gt", "gt.txt", "--features"],
        ["benchmark", "room.mp4", "--gt", "gt.txt", "--losses", "best"],
        ["benchmark", "room.mp4", "--gt", "gt.txt", "--seeds", "many"],
        ["benchmark", "room.mp4", "--gt", "gt.txt", "--seed", "1", "--people", "3"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(place, capsys, arguments):
    before = files_in(place)
    with pytest.raises(SystemExit) as done:
        main(arguments)
    assert done.value.code == 2
    assert capsys.readouterr().err.startswith("usage: multiface")
    assert files_in(place) == before


HOG = ["--features", "hog", "--losses", "symtriplet", "--seeds", "1", "--detections", "none.txt"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["none.mp4", "--gt", "gt.txt"], "none.mp4: there is no such file"),
        (["room.mp4", "--gt", "none.xml"], "none.xml: there is no such file"),
        (["--dataset", "none.yaml"], "none.yaml: there is no such file"),
        (["--gt", "gt.txt"], "--gt is the truth of a video: name the video too"),
        (["room.mp4", "--dataset", "music.yaml"], "--dataset names the videos"),
        (["--dataset", "music.yaml", "--published", "T-ara"], "--dataset names the videos"),
        (["--dataset", "music.yaml", "--frames", "1-3"], "are written in the dataset"),
        (["--dataset", "music.yaml", "--shots", "gt.txt"], "are written in the dataset"),
        (["--dataset", "music.yaml"], "music.yaml: a has no video to look at; add `video:`"),
        (["room.mp4", "--gt", "gt.txt", "--seeds", "0"], "--seeds must be 1 or more, got 0"),
        (["room.mp4", "--gt", "gt.txt", "--iou", "nan"], "--iou must be above 0"),
        (["room.mp4", "--gt", "gt.txt", "--gt-step", "0"], "--gt-step must be 1 or more"),
        (["room.mp4", "--gt", "gt.txt", "--frames", "3"], "--frames wants two numbers"),
        (["room.mp4", "--gt", "gt.txt", "--published", "tara"], "did you mean 'T-ara'?"),
        (["room.mp4", "--gt", "gt.txt", "--device", "gpu"], "device 'gpu' is unknown"),
        (["room.mp4", "--gt", "gt.txt", "--box-scale", "2"], "--box-scale wants two numbers"),
        (["room.mp4", "--gt", "gt.txt", "--min-score", "2"], "detection.min_score must be in"),
        (["room.mp4", "--gt", "gt.txt", "--config", "none.yaml"], "cannot read the config"),
        (["room.mp4", "--gt", "gt.txt", "--shots", "none.csv"], "none.csv: there is no such"),
        (["room.mp4", "--gt", "gt.txt", "--out", "gt.txt"], "choose another folder with --out"),
        (["room.mp4", "--gt", "bad.txt"], "bad.txt, line 2"),
        (["room.mp4", "--gt", "gt.txt", "--detections", "bad.txt"], "bad.txt, line 2"),
        (["gt.txt", "--gt", "gt.txt"], "cannot open gt.txt"),
        (["room.mp4", "--gt", "late.txt"], "late.txt, line 1: frame 13 lies beyond the end"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_benchmarked_is_an_error(place, room, told, arguments, reason):
    (place / "room.mp4").symlink_to(room)
    (place / "late.txt").write_text("13,1,20,20,40,40,1\n")
    write_dataset(place, a="truth: gt.txt")
    options = HOG[:-2] if "--dataset" in arguments else HOG
    assert reason in told("benchmark", *options, *arguments)
    assert not list(place.rglob("table.*"))


def test_no_folder_is_made_for_what_is_no_video(place, told):
    told("benchmark", "gt.txt", "--gt", "gt.txt", *HOG)
    assert not (place / "runs").exists()


def test_a_loss_that_does_not_go_with_the_config_is_refused_before_work_begins(place, room, told):
    (place / "mine.yaml").write_text("embedding: {mining: batch-hard}")
    options = [*HOG, "--losses", "arcface", "--config", "mine.yaml", "--out", "out"]
    error = told("benchmark", room, "--gt", "gt.txt", *options)
    assert "batch-hard is not for arcface" in error
    assert not (place / "out").exists()


def test_what_is_not_published_of_a_later_video_is_refused_before_work_begins(place, room, told):
    known = f"video: {room}, truth: gt.txt, detections: none.txt"
    dataset = write_dataset(place, a=known, b=f"{known}, published: tara")
    assert "did you mean 'T-ara'?" in told("benchmark", "--dataset", dataset, *HOG[:-2])
    assert not (place / "runs").exists()


@pytest.fixture(scope="module")
def benchmarked(room, tmp_path_factory):
    """A folder in which a video and a dataset were benchmarked, and what was printed."""
    folder = tmp_path_factory.mktemp("benchmarked")
    write_files(folder)
    known = f"video: {room}, detections: none.txt"
    write_dataset(
        folder, a=f"{known}, truth: gt.txt, published: T-ara", b=f"{known}, truth: none.txt"
    )
    printed = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for arguments in ([room, "--gt", "gt.txt", *HOG], ["--dataset", "music.yaml", *HOG[:-2]]):
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                assert main(["benchmark", *map(str, arguments)]) == 0, err.getvalue()
            printed.append(out.getvalue())
    return folder, printed


def test_a_benchmark_lies_in_a_folder_called_after_the_video(benchmarked):
    folder, (printed, _) = benchmarked
    out = folder / "runs/room-benchmark"
    assert (out / "table.md").read_text(encoding="utf-8").startswith("# room\n")
    assert "runs/room-benchmark/table.md" in printed
    assert (out / "timeline.svg").exists()


def test_a_dataset_has_a_folder_for_each_video_and_the_table_of_means(benchmarked):
    folder, (_, printed) = benchmarked
    out = folder / "runs/music-benchmark"
    assert sorted(path.name for path in out.iterdir()) == [
        "a",
        "b",
        "table.csv",
        "table.json",
        "table.md",
    ]
    assert "runs/music-benchmark/table.md" in printed
    assert (out / "table.md").read_text(encoding="utf-8").startswith("# music\n")
    told = json.loads((out / "table.json").read_text(encoding="utf-8"))
    assert told["videos"] == {"names": "a, b", "number": 2}


def test_the_table_of_means_is_of_the_tables_of_the_videos(benchmarked):
    folder, _ = benchmarked
    out = folder / "runs/music-benchmark"
    means = []
    for path in (out / "a", out / "b", out):
        with (path / "table.csv").open(newline="", encoding="utf-8") as file:
            means.append(
                {(row["row"], row["measure"]): float(row["mean"]) for row in csv.DictReader(file)}
            )
    first, second, both = means
    assert both
    for name, mean in both.items():
        assert mean == pytest.approx((first[name] + second[name]) / 2)
    assert both["hog, raw", "truth_boxes"] == 4


def test_numbers_that_the_dataset_names_lie_beside_those_of_their_video_alone(benchmarked):
    folder, _ = benchmarked
    out = folder / "runs/music-benchmark"
    published = [
        bool(json.loads((path / "table.json").read_text(encoding="utf-8"))["published"])
        for path in (out / "a", out / "b", out)
    ]
    assert published == [True, False, False]


def test_for_programs_the_whole_table_is_printed(benchmarked, room, capsys, monkeypatch):
    folder, _ = benchmarked
    monkeypatch.chdir(folder)
    assert main(["benchmark", str(room), "--gt", "gt.txt", *HOG, "--json"]) == 0
    written = (folder / "runs/room-benchmark/table.json").read_text(encoding="utf-8")
    assert capsys.readouterr().out == written
    assert json.loads(written)["truth"]["name"] == "gt.txt"
