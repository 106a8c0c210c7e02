"""Table and pictures of a benchmark, from a drawn video to the files."""

import csv
import json
import re
import shutil
from fractions import Fraction

import cv2
import numpy as np
import pytest

from tracker.benchmark.published import published_numbers
from tracker.benchmark.report import Order, benchmark_video, write_means
from tracker.benchmark.rows import AS_CONFIGURED, COMPENSATED, Row, rows_for
from tracker.benchmark.table import Line, Spread
from tracker.evaluation.answer import Answer
from tracker.mot import read_mot
from tracker.video.writer import VideoWriter

ORDER = Order(tuple(rows_for(("hog", "alexnet"), ("symtriplet",), "hog")), 2, 0.5)
FEW = Order(tuple(rows_for(("hog",), (), "hog")), 1, 0.5)
ABSENT = ["alexnet, raw", "alexnet, compensated", "alexnet + symtriplet"]
TABLES = ["table.md", "table.csv", "table.json"]
PICTURES = ["distances", "maps-hog", "precision-recall", "purity", "timeline"]
SHARED = ["detections.txt", "tracklets.txt", "shots.csv"]


@pytest.fixture(scope="module")
def first(drawn, seen, run_in, tmp_path_factory):
    """The folder of a whole benchmark; it is only read."""
    run = run_in(shutil.copytree(seen, tmp_path_factory.mktemp("first") / "run"))
    benchmark_video(run, Answer(drawn.mot), ORDER, published_numbers("T-ara"))
    return run.folder.path


@pytest.fixture
def again(first, tmp_path):
    """A copy of it, where nothing has to be found or learned again."""
    return shutil.copytree(first, tmp_path / "run")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def table_of(folder):
    return json.loads((folder / "table.json").read_text(encoding="utf-8"))


def assert_pictures(folder, names=PICTURES):
    """There are these pictures, as SVG and as PNG, and no others."""
    found = sorted(path.name for suffix in ("svg", "png") for path in folder.glob(f"*.{suffix}"))
    assert found == sorted(f"{name}.{suffix}" for name in names for suffix in ("svg", "png"))
    for name in names:
        assert "</svg>" in (folder / f"{name}.svg").read_text(encoding="utf-8")
        assert cv2.imread(str(folder / f"{name}.png")) is not None


def write_empty_room(path):
    """Write a video in which nobody is."""
    y, x = np.mgrid[0:120, 0:160]
    with VideoWriter(path, 160, 120, Fraction(1, 12), Fraction(12)) as writer:
        for tick in range(12):
            writer.write(np.stack([x + tick, y, (x + y) // 2], axis=2).astype(np.uint8), tick)
    return path


def test_a_benchmark_writes_its_tables_its_pictures_and_what_all_rows_share(first):
    pictures = [f"{name}.{suffix}" for name in PICTURES for suffix in ("svg", "png")]
    assert sorted(contents(first)) == sorted([*TABLES, *pictures, *SHARED])
    assert_pictures(first)
    assert list(first.rglob("*.partial")) == []


def test_the_same_benchmark_from_nothing_gives_the_same_bytes(first, drawn, run_in, tmp_path):
    benchmark_video(run_in(tmp_path), Answer(drawn.mot), ORDER, published_numbers("T-ara"))
    before, after = contents(first), contents(tmp_path)
    assert before.keys() == after.keys()
    for name, content in before.items():
        assert after[name] == content, name


def test_a_benchmark_that_is_taken_up_gives_the_same_lines_and_bytes(first, again, drawn, run_in):
    lines = benchmark_video(run_in(again), Answer(drawn.mot), ORDER, published_numbers("T-ara"))
    assert contents(again) == contents(first)
    told = table_of(again)["rows"]
    assert [line.title for line in lines] == [row["title"] for row in told]
    for line, row in zip(lines, told, strict=True):
        assert {name: value._asdict() for name, value in line.values.items()} == row["values"]


def test_csv_and_json_tell_the_same(first):
    told = {
        (row["title"], name, field): value
        for row in table_of(first)["rows"]
        for name, spread in row["values"].items()
        for field, value in spread.items()
    }
    with (first / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["measure"] != "absent"]
    read = {
        (row["row"], row["measure"], field): float(row[field])
        for row in rows
        for field in ("mean", "deviation", "least", "most", "runs")
    }
    assert read == told
    assert {title for title, _, _ in told} == {
        "hog, raw",
        "hog, compensated",
        "hog + symtriplet",
        "multiface track",
    }


def test_a_row_whose_weights_are_absent_is_listed_everywhere_and_filled_nowhere(first):
    rows = table_of(first)["rows"]
    assert [row["title"] for row in rows if not row["measured"]] == ABSENT
    assert all(row["values"] == {} for row in rows if not row["measured"])
    with (first / "table.csv").open(newline="", encoding="utf-8") as file:
        absent = [row for row in csv.DictReader(file) if row["features"] == "alexnet"]
    assert [row["row"] for row in absent] == ABSENT
    assert {(row["measure"], row["mean"], row["runs"]) for row in absent} == {("absent", "", "")}
    markdown = (first / "table.md").read_text(encoding="utf-8")
    for title in ABSENT:
        lines = [line for line in markdown.splitlines() if line.startswith(f"| {title} ")]
        assert len(lines) == 4
        for line in lines:
            assert line.startswith(f"| {title} (absent) |")
            assert {cell.strip() for cell in line.split("|")[2:-1]} == {"-"}
    assert markdown.count("alexnet-owt-7be5be79.pth is not in") == 1


def test_the_table_says_what_was_measured_and_how(first, drawn):
    told = table_of(first)
    assert told["title"] == "party"
    assert told["video"] == {"name": "party.mp4", "pixels": "320 x 180", "frames": 72, "shots": 4}
    boxes = len(read_mot(drawn.mot).frame)
    assert told["truth"] == {"name": "party.gt.txt", "people": 3, "boxes": boxes}
    assert told["shared_by_all_rows"]["detector"] == "file"
    assert told["shared_by_all_rows"]["detections"] == boxes
    assert (told["how"]["seeds"], told["how"]["match_from_iou"]) == (2, 0.5)
    assert told["config"]["embedding"]["steps"] == 20
    markdown = (first / "table.md").read_text(encoding="utf-8")
    assert f"- truth: name party.gt.txt, people 3, boxes {boxes}" in markdown


def test_the_table_says_which_frames_were_judged(again, drawn, run_in):
    order = Order((Row("hog", AS_CONFIGURED),), 1, 0.5)
    benchmark_video(run_in(again), Answer(drawn.mot, frames=(6, 31)), order)
    facts = (again / "table.md").read_text(encoding="utf-8").split("## Tracks")[0]
    assert re.search(r"\b7\b\D+\b31\b", facts)


def test_published_numbers_lie_beside_ours(first):
    told = table_of(first)["published"]
    assert [(one["system"], one["source"], one["standing"]) for one in told] == [
        (one.system, one.source, one.standing) for one in published_numbers("T-ara")
    ]
    assert "## Published by others" in (first / "table.md").read_text(encoding="utf-8")


def test_where_the_truth_is_empty_there_is_a_table_with_its_pictures(again, run_in, tmp_path):
    (tmp_path / "gt.txt").touch()
    benchmark_video(run_in(again), Answer(tmp_path / "gt.txt"), FEW)
    assert_pictures(again)
    raw = table_of(again)["rows"][0]
    assert raw["values"]["truth_people"]["mean"] == 0
    assert "auc" not in raw["values"]  # it is not defined


def test_where_one_person_is_true_there_is_a_table_with_its_pictures(
    again, drawn, run_in, tmp_path
):
    lines = drawn.mot.read_text().splitlines(keepends=True)
    (tmp_path / "gt.txt").write_text("".join(line for line in lines if line.split(",")[1] == "1"))
    benchmark_video(run_in(again), Answer(tmp_path / "gt.txt"), FEW)
    assert_pictures(again)
    assert table_of(again)["truth"]["people"] == 1


@pytest.mark.parametrize("truth", ["", "1,1,20,20,40,40,1\n"])
def test_where_nobody_is_found_there_is_a_table_with_its_pictures(run_in, tmp_path, truth):
    (tmp_path / "gt.txt").write_text(truth)
    (tmp_path / "none.txt").touch()
    video = write_empty_room(tmp_path / "room.mp4")
    run = run_in(tmp_path / "run", video=video, detections=tmp_path / "none.txt")
    benchmark_video(run, Answer(tmp_path / "gt.txt"), FEW)
    assert_pictures(tmp_path / "run")
    told = table_of(tmp_path / "run")
    assert told["shared_by_all_rows"]["detections"] == 0
    assert told["rows"][0]["values"]["mota"]["mean"] == 0


def test_where_the_main_job_is_absent_there_is_still_a_table(drawn, run_in, tmp_path):
    order = Order((Row("hog", COMPENSATED), Row("alexnet", AS_CONFIGURED)), 1, 0.5)
    lines = benchmark_video(run_in(tmp_path), Answer(drawn.mot), order)
    assert lines[1].values == {}
    assert (tmp_path / "purity.svg").exists()


def line(values, remark="", title="hog, raw"):
    spreads = {name: Spread(mean, 0.3, mean - 1, mean + 1, 3) for name, mean in values.items()}
    return Line(title, "hog", "raw", spreads, remark)


def means_of(folder, tables):
    write_means(folder, "music", tables, Order((Row("hog", "raw"),), 3, 0.5))
    return table_of(folder)


def test_the_table_of_a_dataset_has_means_over_videos_of_means_over_seeds(tmp_path):
    tables = {"a": [line({"mota": 0.5, "idf1": 0.2})], "b": [line({"mota": 0.9, "idf1": 0.2})]}
    told = means_of(tmp_path, tables)
    (row,) = told["rows"]
    assert row["values"]["mota"] == pytest.approx(
        {"mean": 0.7, "deviation": 0.08**0.5, "least": 0.5, "most": 0.9, "runs": 2}
    )
    assert row["values"]["idf1"]["deviation"] == 0
    assert told["videos"] == {"names": "a, b", "number": 2}
    assert sorted(contents(tmp_path)) == sorted(TABLES)


def test_a_row_that_one_video_lacks_is_absent_in_the_means(tmp_path):
    tables = {
        "a": [line({"mota": 0.5}), line({"mota": 0.1}, title="face, raw")],
        "b": [line({}, "face.xml is not here"), line({"mota": 0.3}, title="face, raw")],
    }
    first, second = means_of(tmp_path, tables)["rows"]
    assert (first["measured"], first["values"]) == (False, {})
    assert first["remark"].startswith("absent in b")
    assert second["values"]["mota"]["mean"] == pytest.approx(0.2)


def test_of_a_row_that_a_later_video_lacks_it_is_said_why(tmp_path):
    tables = {"a": [line({"mota": 0.5})], "b": [line({}, "face.xml is not here")]}
    (row,) = means_of(tmp_path, tables)["rows"]
    assert "face.xml is not here" in row["remark"]


def test_a_number_that_one_video_does_not_define_is_the_mean_of_the_others(tmp_path):
    tables = {
        "a": [line({"mota": 0.5, "auc": 0.9})],
        "b": [line({"mota": 0.7})],
        "c": [line({"mota": 0.6, "auc": 0.7})],
    }
    (row,) = means_of(tmp_path, tables)["rows"]
    assert row["values"]["auc"]["mean"] == pytest.approx(0.8)
    assert row["values"]["auc"]["runs"] == 2


def test_a_number_that_the_first_video_does_not_define_is_not_lost(tmp_path):
    tables = {"a": [line({"mota": 0.5})], "b": [line({"mota": 0.7, "auc": 0.9})]}
    (row,) = means_of(tmp_path, tables)["rows"]
    assert row["values"]["auc"]["mean"] == 0.9


def test_in_the_means_too_it_is_said_where_nothing_was_learned(tmp_path):
    tables = {"a": [line({"mota": 0.5}, "nothing was learned")], "b": [line({"mota": 0.7})]}
    (row,) = means_of(tmp_path, tables)["rows"]
    assert "nothing was learned" in row["remark"]
