"""What is measured is kept, row by row; and all rows share one detection."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from tracker.benchmark.bench import Results, lines_of, measure_rows, prepare
from tracker.benchmark.rows import AS_CONFIGURED, COMPENSATED, RAW, Row
from tracker.benchmark.table import Spread, spreads
from tracker.errors import FormatError, StorageError
from tracker.evaluation.answer import Answer
from tracker.evaluation.truth import read_truth
from tracker.learned import EMBEDDING_FILE, save_embedding
from tracker.mot import read_mot
from tracker.progress import Silence
from tracker.shots import read_shots

COMPENSATED_HOG = Row("hog", COMPENSATED)
LEARNED_HOG = Row("hog", "symtriplet")
ABSENT = Row("alexnet", RAW)
MAIN_JOB = Row("hog", AS_CONFIGURED)
ROWS = (COMPENSATED_HOG, ABSENT, LEARNED_HOG, MAIN_JOB)
NAMES = [
    "hog-+-symtriplet-0",
    "hog-+-symtriplet-1",
    "hog-compensated-0",
    "hog-compensated-1",
    "multiface-track-0",
    "multiface-track-1",
]


def files_in(folder):
    """Every file, and what changes when it is written again."""
    found = {path: path.stat() for path in sorted(folder.iterdir())}
    return {path.name: (one.st_ino, one.st_mtime_ns) for path, one in found.items()}


def measure(run, answer, rows=ROWS, seeds=2, iou_threshold=0.5):
    """Measure rows; what was found, and the files that all rows share, before and after."""
    bench = prepare(run, answer, iou_threshold)
    folder = run.folder.path
    before = files_in(folder / "stages")
    results = measure_rows(bench, answer, rows, seeds)
    return SimpleNamespace(bench=bench, results=results, folder=folder, before=before)


@pytest.fixture(scope="module")
def first(drawn, run_in, tmp_path_factory):
    """A whole measurement; its folder is only read."""
    return measure(run_in(tmp_path_factory.mktemp("first")), Answer(drawn.mot))


@pytest.fixture
def again(first, tmp_path):
    """A copy of its folder, where it can be taken up."""
    return shutil.copytree(first.folder, tmp_path / "run")


def rows_of(folder):
    """The files of rows, without their keys."""
    return sorted(path.stem.rpartition("-")[0] for path in (folder / "rows").iterdir())


def test_what_has_chance_in_it_is_measured_from_every_seed(first):
    assert rows_of(first.folder) == NAMES
    assert [len(runs) for runs in first.results.runs.values()] == [2, 2, 2]


def test_all_rows_share_one_detection(first):
    after = files_in(first.folder / "stages")
    shared = ("timeline", "shots", "detection", "linking", "constraints")
    assert sorted(name.split("-")[0] for name in first.before) == sorted(shared)
    assert {name: after[name] for name in first.before} == first.before
    new = {name.split("-")[0] for name in after.keys() - first.before.keys()}
    assert new.isdisjoint(shared)


def test_the_detections_that_rows_share_lie_beside_the_table(first):
    detections = first.bench.followed.material.scan.detections
    written = read_mot(first.folder / "detections.txt")
    assert set(written.identity.tolist()) == {-1}
    np.testing.assert_array_equal(written.frame, detections.frame)
    np.testing.assert_allclose(written.boxes, detections.boxes, atol=0.011)


def test_the_tracklets_that_rows_share_lie_beside_the_table_from_1(first):
    material = first.bench.followed.material
    followed = material.tracklet >= 0
    written = read_mot(first.folder / "tracklets.txt")
    assert written.identity.tolist() == (material.tracklet[followed] + 1).tolist()
    np.testing.assert_array_equal(written.frame, material.scan.detections.frame[followed])


def test_the_shots_that_rows_share_lie_beside_the_table(first):
    scan = first.bench.followed.material.scan
    assert read_shots(first.folder / "shots.csv", len(scan.timeline)) == scan.shots


def test_the_same_again_measures_nothing(first, again, drawn, run_in):
    before = files_in(again / "rows"), files_in(again / "stages")
    second = measure(run_in(again), Answer(drawn.mot))
    assert (files_in(again / "rows"), files_in(again / "stages")) == before
    assert second.results.runs == first.results.runs


@pytest.mark.parametrize("lost", NAMES)
def test_after_a_kill_between_two_rows_only_what_is_missing_is_measured(
    first, again, drawn, run_in, lost
):
    (path,) = (again / "rows").glob(f"{lost}-*.json")
    content = json.loads(path.read_text())
    path.unlink()
    before = files_in(again / "rows")
    measure(run_in(again), Answer(drawn.mot))
    after = files_in(again / "rows")
    assert after.keys() - before.keys() == {path.name}
    assert {name: after[name] for name in before} == before
    assert json.loads(path.read_text()) == content | {"seconds": None}  # learning was taken up


def test_another_truth_measures_every_row_anew_and_finds_no_face_again(
    first, again, drawn, run_in, tmp_path
):
    mine = tmp_path / "gt.txt"
    lines = drawn.mot.read_text().splitlines()[:-1]
    mine.write_text("\n".join(lines))
    shared = files_in(again / "stages")
    second = measure(run_in(again), Answer(mine))
    assert rows_of(again) == sorted(2 * NAMES)
    after = files_in(again / "stages")
    assert {name: after[name] for name in shared} == shared
    (was, _), (now, _) = (one.results.runs[COMPENSATED_HOG] for one in (first, second))
    assert now["values"]["truth_boxes"] == was["values"]["truth_boxes"] - 1


def test_the_same_truth_by_another_name_is_the_same_truth(again, drawn, run_in, tmp_path):
    shutil.copy(drawn.mot, tmp_path / "copy.txt")
    before = files_in(again / "rows")
    measure(run_in(again), Answer(tmp_path / "copy.txt"))
    assert files_in(again / "rows") == before


@pytest.mark.parametrize("change", ["frames", "iou", "settings"])
def test_measured_in_another_way_every_row_is_measured_anew(again, drawn, run_in, change):
    answer = Answer(drawn.mot, frames=(0, 36) if change == "frames" else None)
    settings = {"clustering": {"min_detections": 3}} if change == "settings" else {}
    measure(run_in(again, **settings), answer, iou_threshold=0.6 if change == "iou" else 0.5)
    assert rows_of(again) == sorted(2 * NAMES)


def test_other_detections_measure_every_row_anew(again, drawn, run_in, tmp_path):
    fewer = tmp_path / "faces.txt"
    fewer.write_text("\n".join(drawn.mot.read_text().splitlines()[:-12]))
    measure(run_in(again, detections=fewer), Answer(drawn.mot))
    assert rows_of(again) == sorted(2 * NAMES)


def test_where_learning_starts_from_something_else_it_is_measured_anew(
    first, again, drawn, run_in, tmp_path
):
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    settings = {"embedding": {"init": str(earlier)}}
    for seed in (0, 1):
        findings, _ = first.bench.find(LEARNED_HOG, seed, None)
        save_embedding(earlier / EMBEDDING_FILE, findings.identities.embedding)
        measure(run_in(again, **settings), Answer(drawn.mot), [LEARNED_HOG], seeds=1)
    assert rows_of(again).count("hog-+-symtriplet-0") == 3  # without a start, and from each


def test_more_seeds_measure_only_those_that_are_new(again, drawn, run_in):
    before = files_in(again / "rows")
    measure(run_in(again), Answer(drawn.mot), seeds=3)
    after = files_in(again / "rows")
    assert {name: after[name] for name in before} == before
    assert rows_of(again) == sorted(
        [*NAMES, "hog-+-symtriplet-2", "hog-compensated-2", "multiface-track-2"]
    )


def test_another_row_measures_only_itself(again, drawn, run_in):
    before = files_in(again / "rows")
    measure(run_in(again), Answer(drawn.mot), [*ROWS, Row("hog", "arcface")], seeds=1)
    after = files_in(again / "rows")
    assert {name: after[name] for name in before} == before
    assert rows_of(again) == sorted([*NAMES, "hog-+-arcface-0"])


def test_a_row_whose_weights_are_absent_is_not_measured(first):
    assert ABSENT not in first.results.runs
    assert "alexnet-owt-7be5be79.pth is not in" in first.results.absent[ABSENT]
    assert not list((first.folder / "stages").glob("alexnet*"))


def test_lines_come_in_the_order_of_the_rows(first):
    lines = lines_of(first.results, ROWS)
    assert [(line.title, line.features, line.method) for line in lines] == [
        ("hog, compensated", "hog", "compensated"),
        ("alexnet, raw", "alexnet", "raw"),
        ("hog + symtriplet", "hog", "symtriplet"),
        ("multiface track", "hog", "as configured"),
    ]


def test_the_line_of_an_absent_row_has_no_number_and_says_why(first):
    line = lines_of(first.results, ROWS)[1]
    assert line.values == {}
    assert line.remark == first.results.absent[ABSENT]


def test_a_line_has_mean_and_spread_over_the_seeds():
    values = [{"idf1": 0.5, "auc": None}, {"idf1": 0.7, "auc": 0.9}, {"idf1": 0.6, "auc": None}]
    runs = [{"values": one, "learned_share": 1.0} for one in values]
    (line,) = lines_of(Results({LEARNED_HOG: runs}, {}), [LEARNED_HOG])
    assert line.values["idf1"].mean == pytest.approx(0.6)
    assert line.values["idf1"].deviation == pytest.approx(0.1)
    assert line.values["idf1"].runs == 3
    assert line.values["auc"] == Spread(0.9, 0, 0.9, 0.9, 1)


def test_every_number_that_was_measured_is_in_the_line(first):
    line = lines_of(first.results, ROWS)[2]
    measured = [run["values"] for run in first.results.runs[LEARNED_HOG]]
    assert line.values == spreads(measured)
    assert {value.runs for value in line.values.values()} == {2}


def test_it_is_said_where_nothing_was_learned(first):
    _, _, learned, main_job = lines_of(first.results, ROWS)
    assert learned.remark == ""
    assert "nothing was learned" in main_job.remark  # so small a cast is too seldom together


def test_it_is_said_which_features_the_main_job_has_chosen(again, drawn, run_in):
    said = []

    class Listener(Silence):
        def say(self, line):
            said.append(line)

    automatic = Row("auto", AS_CONFIGURED)
    run = run_in(again, progress=Listener(), features={"kind": "auto"})
    measured = measure(run, Answer(drawn.mot), [automatic], seeds=1)
    (line,) = lines_of(measured.results, [automatic])
    assert "describing faces by HOG" in "\n".join([*said, line.remark])


def test_where_a_part_is_judged_as_many_people_are_asked_for_as_the_video_has(drawn, run_in, again):
    frame = read_truth(drawn.mot).tracks.frame
    with_few = int(np.flatnonzero(np.bincount(frame) == 1)[0])
    bench = prepare(run_in(again), Answer(drawn.mot, frames=(with_few, with_few + 1)), 0.5)
    assert len(bench.truth.tracks) == 1
    assert bench.answers.people == 3


@pytest.mark.parametrize("content", ["", "[]", "{", "{}"])
def test_a_damaged_row_is_named(again, drawn, run_in, content):
    (path,) = (again / "rows").glob("hog-compensated-0-*.json")
    path.write_text(content)
    with pytest.raises(StorageError, match=rf"{path.name}: .*; delete it and run again"):
        measure(run_in(again), Answer(drawn.mot))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1,1,10,10,20,20,1\n2,1,10,ten,20,20,1\n", r"gt\.txt, line 2"),
        ("1,1,10,10,20,20,1\n2,1,400,10,20,20,1\n", r"gt\.txt, line 2: .*outside the picture"),
    ],
)
def test_a_mistake_in_the_truth_shows_before_the_long_pass(run_in, tmp_path, text, problem):
    (tmp_path / "gt.txt").write_text(text)
    with pytest.raises(FormatError, match=problem):
        prepare(run_in(tmp_path / "run"), Answer(tmp_path / "gt.txt"), 0.5)
    assert list((tmp_path / "run/stages").iterdir()) == []


def test_a_truth_that_outlasts_the_video_is_refused(run_in, tmp_path):
    (tmp_path / "gt.txt").write_text("72,1,10,10,20,20,1\n73,1,10,10,20,20,1\n")
    with pytest.raises(FormatError, match=r"gt\.txt, line 2: .*beyond the end of the video"):
        prepare(run_in(tmp_path / "run"), Answer(tmp_path / "gt.txt"), 0.5)


def test_a_run_folder_can_be_the_truth(again, drawn, run_in, tmp_path):
    (tmp_path / "other").mkdir()
    shutil.copy(drawn.mot, tmp_path / "other/tracks.txt")
    measure(run_in(again), Answer(tmp_path / "other"), [COMPENSATED_HOG])
