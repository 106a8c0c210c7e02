"""The main job from a video to its outputs, on a small drawn cast."""

import contextlib
import hashlib
import io
import json
import re
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from tracker import weights
from tracker.boxes import scale_boxes
from tracker.cli import run_tracker
from tracker.config import LOSSES, MINING, Config
from tracker.evaluation.measures import evaluate
from tracker.evaluation.truth import read_tracks, read_truth
from tracker.learned import load_embedding, save_embedding
from tracker.mot import read_mot, write_mot
from tracker.records import Tracks
from tracker.settings import settings_as_dict, with_settings
from tracker.storage import fingerprint
from tracker.synthetic import SynthConfig, write_drawn_video
from tracker.video.writer import VideoWriter

CAST = SynthConfig(people=3, duration_s=6, width=320, height=180, frame_rate=Fraction(12), seed=1)
# So small a cast is too seldom seen together for a run to learn of itself.
FEW_STEPS = "embedding: {steps: 200, raw_share: 0}\n"
STAGES = [
    "detection",
    "linking",
    "constraints",
    "crops",
    "hog-features",
    "learning",
    "clustering",
    "annotated video",
]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return write_drawn_video(tmp_path_factory.mktemp("drawn"), "party", CAST)


@pytest.fixture(scope="module")
def fast(tmp_path_factory):
    """Options that make a run quick and need no weights."""
    config = tmp_path_factory.mktemp("config") / "fast.yaml"
    config.write_text(FEW_STEPS)
    return ["--config", str(config), "--features", "hog", "--detector", "mtcnn"]


def track(*arguments):
    """Run the main job; its folder, its summary and what it said."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_tracker([*map(str, arguments), "--json"])
    assert code == 0, err.getvalue()
    summary = json.loads(out.getvalue())
    return SimpleNamespace(folder=Path(summary["out"]), summary=summary, err=err.getvalue())


@pytest.fixture(scope="module")
def first(drawn, fast, tmp_path_factory):
    """A whole run, with a real detector; its folder is only read."""
    return track(drawn.video, *fast, "--out", tmp_path_factory.mktemp("first") / "run")


@pytest.fixture(scope="module")
def given(drawn, fast):
    """Options for a run on the true boxes, which spares the detector."""
    return [drawn.video, *fast, "--detections", drawn.mot]


@pytest.fixture(scope="module")
def on_truth(given, tmp_path_factory):
    """A whole run on the true boxes; its folder is only read."""
    return track(*given, "--out", tmp_path_factory.mktemp("truth") / "run")


@pytest.fixture
def again(on_truth, tmp_path):
    """Where a copy of the run on the true boxes can be taken up."""
    return shutil.copytree(on_truth.folder, tmp_path / "run")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    def refuse(file):
        raise OSError("no network in tests")

    monkeypatch.setattr(weights, "_download", refuse)
    monkeypatch.setenv("TRACKER_WEIGHTS", str(tmp_path / "no weights"))
    monkeypatch.chdir(tmp_path)


def run_json(folder):
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def tracks_json(folder):
    return json.loads((folder / "tracks.json").read_text(encoding="utf-8"))


def reused(folder):
    return [name for name, told in run_json(folder)["stages"].items() if told["reused"]]


def write_detections(path, rows, keep):
    """Write the rows of a MOT file that `keep` as a file of detections."""
    tracks = Tracks(rows.frame[keep], rows.identity[keep], rows.boxes[keep], rows.scores[keep])
    write_mot(path, tracks)
    return path


def picture_times(path):
    """When each picture of a video is shown, and when the last one ends, in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        times = [float(frame.pts * stream.time_base) for frame in frames]
        return times, times[-1] + float(frames[-1].duration * stream.time_base)


def write_empty_room(path, frames=12):
    """Write a video in which nobody is."""
    y, x = np.mgrid[0:120, 0:160]
    with VideoWriter(path, 160, 120, Fraction(1, 12), Fraction(12)) as writer:
        for tick in range(frames):
            wall = np.stack([x + tick, y, (x + y) // 2], axis=2).astype(np.uint8)
            writer.write(wall, tick)
    return path


def test_a_run_writes_all_its_outputs(first):
    found = {path.name for path in first.folder.iterdir()}
    assert found == {
        "annotated.mp4",
        "embedding.safetensors",
        "faces.npz",
        "learning.png",
        "people",
        "report.html",
        "run.json",
        "shots.csv",
        "stages",
        "tracks.json",
        "tracks.txt",
    }


def test_a_run_leaves_no_half_written_file(first):
    assert list(first.folder.rglob("*.partial")) == []


def test_the_cast_is_found_and_kept_apart(first, drawn):
    measures = evaluate(read_truth(drawn.mot), read_tracks(first.folder))
    assert measures.mota >= 0.85
    assert measures.idf1 >= 0.85
    assert measures.people == CAST.people


def test_faces_are_found_by_looking_at_few_frames(first, drawn, fast, tmp_path):
    few = track(drawn.video, *fast, "--detect-every", "auto", "--out", tmp_path / "few")
    assert first.summary["stages"]["detection"]["frames_looked_at"] == CAST.frame_count
    assert few.summary["stages"]["detection"]["frames_looked_at"] < 0.8 * CAST.frame_count
    assert evaluate(read_truth(drawn.mot), read_tracks(few.folder)).recall >= 0.8


def test_the_cast_is_kept_apart_on_true_boxes(on_truth, drawn):
    measures = evaluate(read_truth(drawn.mot), read_tracks(on_truth.folder))
    assert measures.mota >= 0.95
    assert measures.idf1 >= 0.95
    assert measures.motp >= 0.97  # smoothing moves the true boxes a little
    assert measures.people == CAST.people


def test_there_is_a_contact_sheet_of_everyone(first):
    people = np.unique(read_tracks(first.folder).person).tolist()
    sheets = sorted((first.folder / "people").iterdir())
    assert [sheet.name for sheet in sheets] == [f"person-{person:02d}.png" for person in people]
    assert all(cv2.imread(str(sheet)) is not None for sheet in sheets)


def test_tracks_json_tells_the_same_as_tracks_txt(first):
    table = read_tracks(first.folder)
    told = tracks_json(first.folder)
    rows = [(box[0], person["id"]) for person in told["people"] for box in person["boxes"]]
    assert sorted(rows) == sorted(zip(table.frame.tolist(), table.person.tolist(), strict=True))
    assert told["video"]["frames"] == CAST.frame_count
    assert (told["video"]["width"], told["video"]["height"]) == (CAST.width, CAST.height)


def test_run_json_says_what_ran_on_what_with_what(first, drawn):
    told = run_json(first.folder)
    config = with_settings(
        Config(),
        {
            "embedding": {"steps": 200, "raw_share": 0},
            "features": {"kind": "hog"},
            "detection": {"detector": "mtcnn"},
        },
    )
    assert told["config"] == json.loads(json.dumps(settings_as_dict(config)))
    assert told["device"] in ("cpu", "cuda")
    assert {"python", "multiface", "torch", "opencv-python", "av", "numpy"} <= told[
        "versions"
    ].keys()
    assert told["video"]["name"] == "party.mp4"
    assert told["video"]["fingerprint"] == fingerprint(drawn.video)
    assert told["video"]["frames"] == CAST.frame_count
    assert told["detector"]["name"] == "mtcnn"
    assert told["detector"]["sha256"] == []  # MTCNN brings its own
    assert told["features"] == [{"kind": "hog", "sha256": []}]
    assert told["counts"]["people"] == CAST.people
    assert 0 < told["counts"]["negative_pairs"] <= told["counts"]["cannot_link_pairs"]
    assert told["counts"]["raw_share"] == 0


def test_run_json_has_the_seconds_and_the_rate_of_every_stage(first):
    stages = run_json(first.folder)["stages"]
    assert list(stages) == STAGES
    for told in stages.values():
        assert told["reused"] is False
        assert told["seconds"] >= 0
    assert stages["detection"]["frames_per_s"] > 0
    assert stages["learning"]["steps_per_s"] > 0
    assert stages["annotated video"]["frames_per_s"] > 0


def test_the_summary_for_programs_tells_the_same(first):
    told = run_json(first.folder)
    assert first.summary["people"] == told["counts"]["people"]
    assert first.summary["frames"] == CAST.frame_count
    assert first.summary["stages"] == told["stages"]
    assert first.summary["detector"] == "mtcnn"
    assert first.summary["features"] == ["hog"]


def test_progress_goes_to_stderr_in_plain_lines(first):
    *stages, last = first.err.splitlines()
    (note,) = run_json(first.folder)["notes"]
    stages.remove(note)
    for line, stage in zip(stages, STAGES, strict=True):
        assert re.fullmatch(rf"{stage}: \d+ \w+ in [\d.]+ s", line)
    assert last == f"3 people in 4 shots: {first.folder}"


def test_there_is_a_picture_of_how_learning_went(first):
    assert cv2.imread(str(first.folder / "learning.png")) is not None


def test_where_nothing_is_learned_any_more_the_picture_of_it_goes(again, given, tmp_path):
    track(*given, *options_of(tmp_path, "raw_share: 1"), "--out", again)
    assert not (again / "learning.png").exists()


def test_it_is_said_what_was_learned_from_what(first):
    pairs = run_json(first.folder)["counts"]["negative_pairs"]
    assert f"learned from {pairs} pairs seen together" in first.err


def test_tracks_json_has_only_people_there_are_among_those_who_may_be_the_same(on_truth):
    told = tracks_json(on_truth.folder)
    known = {person["id"] for person in told["people"]}
    assert all(set(pair["people"]) <= known for pair in told["maybe_the_same"])


def test_the_annotated_video_keeps_the_times_of_the_frames(first, drawn):
    before, before_end = picture_times(drawn.video)
    after, after_end = picture_times(first.folder / "annotated.mp4")
    assert after == pytest.approx(before, abs=1e-3)
    assert abs(after_end - before_end) <= float(1 / CAST.frame_rate)


def test_the_annotated_video_has_the_sound(first, drawn):
    def seconds_of_sound(path):
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            return sum(frame.samples for frame in container.decode(stream)) / stream.rate

    after = seconds_of_sound(first.folder / "annotated.mp4")
    assert after == pytest.approx(seconds_of_sound(drawn.video), abs=0.05)


def test_the_annotated_video_shows_boxes(first, drawn):
    with av.open(str(drawn.video)) as before, av.open(str(first.folder / "annotated.mp4")) as after:
        pairs = zip(before.decode(video=0), after.decode(video=0), strict=True)
        change = [
            np.abs(b.to_ndarray(format="rgb24").astype(int) - a.to_ndarray(format="rgb24")).max()
            for b, a in pairs
        ]
    seen = np.unique(read_tracks(first.folder).frame)
    assert np.min(np.array(change)[seen]) > 60


def test_a_second_run_computes_nothing_and_gives_the_same_bytes(on_truth, again, given):
    rendered = (again / "annotated.mp4").stat().st_mtime_ns
    track(*given, "--out", again)
    assert reused(again) == STAGES
    assert (again / "tracks.txt").read_bytes() == (on_truth.folder / "tracks.txt").read_bytes()
    assert (again / "annotated.mp4").stat().st_mtime_ns == rendered


def test_a_stage_that_is_taken_up_keeps_its_seconds_and_rates(on_truth, again, given):
    before = run_json(on_truth.folder)["stages"]
    for _ in range(2):  # those of a run that took it up itself, too
        summary = track(*given, "--out", again).summary
        after = run_json(again)["stages"]
        assert after == {name: {**told, "reused": True} for name, told in before.items()}
        assert summary["stages"] == after


def test_only_what_is_computed_anew_gets_other_seconds(on_truth, again, given):
    before = run_json(on_truth.folder)["stages"]
    track(*given, "--out", again, "--people", "2", "--no-video")
    after = run_json(again)["stages"]
    assert after["learning"] == {**before["learning"], "reused": True}
    assert after["clustering"]["reused"] is False


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"stages": 3}'])
def test_without_the_seconds_of_the_run_before_a_stage_is_still_taken_up(again, given, content):
    (again / "run.json").unlink()
    if content is not None:
        (again / "run.json").write_text(content)
    track(*given, "--out", again)
    assert run_json(again)["stages"] == {name: {"reused": True} for name in STAGES}


def test_another_run_from_nothing_gives_the_same_bytes(on_truth, given, tmp_path):
    other = track(*given, "--out", tmp_path / "other")
    for name in ("tracks.txt", "tracks.json", "shots.csv", "learning.png", "annotated.mp4"):
        before, after = (
            hashlib.sha256((run.folder / name).read_bytes()).hexdigest()
            for run in (on_truth, other)
        )
        assert before == after, name


def test_a_changed_threshold_of_clustering_detects_and_learns_nothing_again(again, given):
    track(*given, "--out", again, "--people", "2")
    assert reused(again) == STAGES[: STAGES.index("clustering")]


def test_another_seed_learns_again_and_detects_nothing_again(again, given):
    track(*given, "--out", again, "--seed", "1")
    # The video too, where the tracks come out the same.
    assert reused(again)[: STAGES.index("learning")] == STAGES[: STAGES.index("learning")]
    assert not {"learning", "clustering"} & set(reused(again))


def test_a_touched_video_is_read_again(again, given, drawn, tmp_path):
    other = tmp_path / "party.mp4"
    other.write_bytes(drawn.video.read_bytes() + b"\0")
    track(other, *given[1:], "--out", again, "--no-video")
    assert reused(again) == []


def test_what_was_made_with_other_settings_is_forgotten(again, given):
    before = {path.name for path in (again / "stages").iterdir()}
    track(*given, "--out", again, "--people", "2")
    after = {path.name for path in (again / "stages").iterdir()}
    assert len(before) == len(after)
    assert {name.split("-")[0] for name in before - after} == {"clustering", "annotated"}


def test_a_run_into_which_fewer_people_come_drops_their_contact_sheets(again, given):
    track(*given, "--out", again, "--people", "2")
    names = [path.name for path in sorted((again / "people").iterdir())]
    assert names == ["person-01.png", "person-02.png"]


@pytest.mark.parametrize("people", [1, 2, 3])
def test_so_many_people_are_found_as_were_said_to_be_there(again, given, people):
    run = track(*given, "--out", again, "--people", people, "--no-video")
    assert run.summary["people"] == people
    assert np.unique(read_tracks(again).person).tolist() == list(range(1, people + 1))


def test_no_video_is_written_where_none_is_wanted(again, given):
    (again / "annotated.mp4").unlink()
    track(*given, "--out", again, "--no-video")
    assert not (again / "annotated.mp4").exists()
    assert list(run_json(again)["stages"]) == STAGES[:-1]


def test_a_video_of_other_tracks_goes_where_no_new_one_is_wanted(again, given):
    track(*given, "--out", again, "--no-video", "--people", "2")
    assert not (again / "annotated.mp4").exists()
    assert list((again / "stages").glob("annotated-*")) == []


def test_a_video_of_these_very_tracks_stays_where_no_new_one_is_wanted(again, given):
    before = (again / "annotated.mp4").read_bytes()
    track(*given, "--out", again, "--no-video")
    assert (again / "annotated.mp4").read_bytes() == before
    rendered = (again / "annotated.mp4").stat().st_mtime_ns
    track(*given, "--out", again)
    assert (again / "annotated.mp4").stat().st_mtime_ns == rendered


def test_it_is_said_where_fewer_people_are_found_than_there_should_be(again, given):
    run = track(*given, "--out", again, "--no-video", "--people", "50")
    found = run.summary["people"]
    assert found < 50
    assert run.err.splitlines().count(f"only {found} of the 50 people were found") == 1


def test_nothing_is_said_where_as_many_people_are_found_as_there_should_be(again, given):
    run = track(*given, "--out", again, "--no-video", "--people", "3")
    assert "people were found" not in run.err


def test_the_folder_is_called_after_the_video(on_truth, given):
    shutil.copytree(on_truth.folder / "stages", "runs/party/stages")
    assert track(*given, "--no-video").folder == Path("runs/party")
    assert Path("runs/party/tracks.txt").exists()


def test_a_video_without_faces_has_empty_tracks(fast, tmp_path):
    run = track(write_empty_room(tmp_path / "room.mp4"), *fast)
    assert (run.folder / "tracks.txt").read_bytes() == b""
    assert tracks_json(run.folder)["people"] == []
    assert list((run.folder / "people").iterdir()) == []
    assert len(picture_times(run.folder / "annotated.mp4")[0]) == 12
    assert run.summary["people"] == 0
    assert "no two faces" not in run.err


def test_a_video_without_faces_is_taken_up_again_like_any_other(fast, tmp_path):
    video = write_empty_room(tmp_path / "room.mp4")
    track(video, *fast)
    assert reused(track(video, *fast).folder) == STAGES


def test_a_video_of_a_single_frame_is_a_video(fast, tmp_path):
    run = track(write_empty_room(tmp_path / "still.mp4", frames=1), *fast)
    assert run.summary["frames"] == run.summary["shots"] == 1


def test_faces_that_are_never_together_are_tracked_and_it_is_said(drawn, given, tmp_path):
    rows = read_mot(drawn.mot)
    alone = np.diff(rows.frame, prepend=-1) > 0
    file = write_detections(tmp_path / "alone.txt", rows, alone)
    run = track(drawn.video, *given[1:-1], file, "--no-video")
    note = "no two faces are ever seen together"
    assert note in run.err
    assert any(note in line for line in run_json(run.folder)["notes"])
    assert len(read_tracks(run.folder)) == alone.sum()
    assert run_json(run.folder)["counts"]["cannot_link_pairs"] == 0


@pytest.fixture(scope="module")
def unlearned(drawn, tmp_path_factory):
    """A whole run on the true boxes in which nothing was learned, and its options."""
    options = [drawn.video, "--features", "hog", "--detections", drawn.mot, "--no-video"]
    return track(*options, "--out", tmp_path_factory.mktemp("unlearned") / "run"), options


def test_from_too_few_people_seen_together_nothing_is_learned_and_it_is_said(unlearned):
    run, _ = unlearned
    told = run_json(run.folder)
    assert told["counts"]["raw_share"] == 1
    assert "steps_per_s" not in told["stages"]["learning"]
    assert f"only {told['counts']['negative_pairs']} pairs seen together" in run.err


def test_faces_looked_at_again_are_not_taken_for_those_of_a_run_before(unlearned):
    assert reused(unlearned[0].folder) == []


def test_where_nothing_is_learned_another_number_of_people_describes_nothing_again(
    unlearned, tmp_path
):
    run, options = unlearned
    again = shutil.copytree(run.folder, tmp_path / "run")
    track(*options, "--out", again, "--people", "2")
    assert reused(again) == STAGES[: STAGES.index("clustering")]


def test_a_truncated_video_is_tracked_as_far_as_it_goes_and_it_is_said(drawn, given, tmp_path):
    video = tmp_path / "half.mp4"
    whole = drawn.video.read_bytes()
    video.write_bytes(whole[: len(whole) * 6 // 10])
    run = track(video, *given[1:])
    assert 0 < run.summary["frames"] < CAST.frame_count
    assert "the file is truncated" in run.err
    assert any("truncated" in line for line in run_json(run.folder)["notes"])
    table = read_tracks(run.folder)
    assert 0 < table.frame.max() < run.summary["frames"]
    assert len(picture_times(run.folder / "annotated.mp4")[0]) == run.summary["frames"]


def test_given_shots_are_used(again, drawn, given):
    track(*given, "--out", again, "--no-video", "--shots", drawn.shots)
    assert (again / "shots.csv").read_text() == drawn.shots.read_text()


def test_shots_are_not_looked_for_where_they_are_given(fast, tmp_path):
    (tmp_path / "two.csv").write_text("1,1,5\n2,6,12\n")
    video = write_empty_room(tmp_path / "room.mp4")
    run = track(video, *fast, "--no-video", "--shots", "two.csv")
    assert run.summary["shots"] == 2
    assert not list((run.folder / "stages").glob("shots-*"))


def test_other_shots_link_again_and_detect_nothing_again(again, given, tmp_path):
    (tmp_path / "one.csv").write_text("1,1,72\n")
    track(*given, "--out", again, "--no-video", "--shots", "one.csv")
    assert "detection" in reused(again)
    assert "linking" not in reused(again)


def test_a_changed_file_of_detections_is_read_again(again, given, drawn, tmp_path):
    rows = read_mot(drawn.mot)
    file = write_detections(tmp_path / "fewer.txt", rows, rows.frame < 30)
    track(*given[:-1], file, "--out", again, "--no-video")
    assert "detection" not in reused(again)
    assert read_tracks(again).frame.max() < 30


def test_given_boxes_are_made_larger_where_that_is_wanted(given, drawn, tmp_path):
    (tmp_path / "still.yaml").write_text(
        FEW_STEPS + "association: {smooth_centre_frames: 0.01, smooth_size_frames: 0.01}\n"
    )
    options = ["--config", "still.yaml", "--no-video", "--box-scale", "1.1,1.5"]
    table, rows = read_tracks(track(*given, *options).folder), read_mot(drawn.mot)
    wanted = scale_boxes(rows.boxes, 1.1, 1.5)
    looked = table.scores > 0.01  # the others are filled in
    for frame, box in zip(table.frame[looked], table.boxes[looked], strict=True):
        assert np.abs(wanted[rows.frame == frame] - box).max(axis=1).min() < 0.1


def test_a_stage_file_that_was_damaged_is_an_error_that_says_what_to_do(again, given, capsys):
    damaged = next((again / "stages").glob("learning-*"))
    damaged.write_bytes(b"")
    assert run_tracker([*map(str, given), "--out", str(again)]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"error: cannot read {damaged}: ")
    assert last.endswith("; delete it and run again")
    damaged.unlink()
    track(*given, "--out", again)
    assert "learning" not in reused(again)
    assert "hog-features" in reused(again)


def test_a_detector_chosen_for_the_user_is_said_and_kept(fast, tmp_path):
    video = write_empty_room(tmp_path / "room.mp4", frames=2)
    run = track(video, "--no-video", *fast[:2])
    assert "detecting with MTCNN, since yunet_n_dynamic.onnx is not in" in run.err
    assert "describing faces by HOG, since" in run.err
    assert len(run_json(run.folder)["notes"]) == 2


def learned(folder):
    return load_embedding(folder / "embedding.safetensors")


def network_weights(folder):
    weights = learned(folder).weights
    return {name: values for name, values in weights.items() if name.startswith("network.")}


def options_of(folder, settings):
    """Options for a run with these settings of learning, instead of all others given before."""
    file = folder / "learning.yaml"
    file.write_text(f"embedding: {{{settings}}}\n")
    return ["--config", file, "--no-video"]


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_can_be_learned_by_and_is_named(again, given, tmp_path, loss):
    few = options_of(tmp_path, "raw_share: 0, heads: 1, steps: 3, batch_triplets: 16")
    run = track(*given, *few, "--out", again, "--loss", loss)
    assert any(line.startswith(f"{loss} learned from ") for line in run.summary["notes"])
    assert learned(again).curves.loss.shape == (3,)
    assert np.isfinite(learned(again).curves.loss).all()
    assert np.isfinite(learned(again).learned).all()


@pytest.mark.parametrize("mining", MINING)
def test_every_mining_can_be_learned_with(again, given, tmp_path, mining):
    few = options_of(tmp_path, "raw_share: 0, heads: 1, steps: 3, batch_tracklets: 8")
    track(*given, *few, "--out", again, "--mining", mining)
    assert np.isfinite(learned(again).curves.loss).all()


def test_the_cast_is_kept_apart_by_a_loss_on_identities(again, given, drawn, tmp_path):
    one = options_of(tmp_path, "raw_share: 0, heads: 1, steps: 200")
    run = track(*given, *one, "--out", again, "--loss", "arcface")
    measures = evaluate(read_truth(drawn.mot), read_tracks(again))
    assert measures.idf1 >= 0.95
    assert run.summary["people"] == CAST.people


@pytest.mark.parametrize(
    "settings",
    ["learners: 4", "optimiser: sgd", "unit_length: false", "held_out_share: 0", "dropout: 0"],
)
def test_other_ways_of_learning_run_to_the_end(again, given, tmp_path, settings):
    few = options_of(tmp_path, f"raw_share: 0, heads: 1, steps: 3, {settings}")
    track(*given, *few, "--out", again)
    assert learned(again).learned.shape[1] == Config().embedding.dim
    assert np.isfinite(learned(again).learned).all()


@pytest.mark.parametrize("share", [0, 1])
@pytest.mark.parametrize("dim", [2, 300])  # fewer and more than the faces and their features have
def test_an_embedding_has_as_many_dimensions_as_were_asked_for(again, given, tmp_path, dim, share):
    few = options_of(tmp_path, f"raw_share: {share}, heads: 1, steps: 3")
    track(*given, *few, "--out", again, "--dim", dim)
    assert learned(again).learned.shape[1] == dim
    assert learned(again).weights["projection"].shape[0] == dim


@pytest.fixture(scope="module")
def finetuned(drawn, tmp_path_factory):
    """A whole run that fine-tuned a small CNN a little, and its options."""
    folder = tmp_path_factory.mktemp("finetuned")
    file = folder / "few.yaml"
    file.write_text(
        "features: {crops_per_tracklet: 4}\n"
        "embedding: {raw_share: 0, steps: 3, batch_triplets: 8}\n"
    )
    options = [drawn.video, "--features", "hog", "--detections", drawn.mot, "--no-video"]
    options += ["--config", file, "--trunk", "finetune", "--backbone", "small"]
    return track(*options, "--out", folder / "run"), options


def test_a_cnn_can_be_fine_tuned_and_it_is_said_which(finetuned):
    run, _ = finetuned
    assert "learning by a small CNN (from nothing)" in run.summary["notes"]
    assert re.search(
        r"^symtriplet learned from \d+ pairs seen together, by a small CNN \(from nothing\)$",
        run.err,
        re.MULTILINE,
    )
    assert run.summary["features"] == ["hog"]
    assert learned(run.folder).curves.loss.shape == (3,)


def test_run_json_says_which_cnn_was_fine_tuned(finetuned, on_truth):
    told = run_json(finetuned[0].folder)["trunk"]
    assert told == {"name": "small", "pretrained_on": None, "sha256": []}
    assert run_json(on_truth.folder)["trunk"] is None


def test_a_cnn_that_was_fine_tuned_is_kept_without_a_preparation_of_features(finetuned):
    names = learned(finetuned[0].folder).weights.keys()
    assert all(name == "projection" or name.startswith("network.0.") for name in names)
    assert {"network.0.last.weight", "network.0.last.bias", "projection"} <= names


def test_a_cnn_that_was_fine_tuned_is_taken_up_again(finetuned, tmp_path):
    run, options = finetuned
    again = shutil.copytree(run.folder, tmp_path / "run")
    track(*options, "--out", again)
    assert reused(again) == STAGES[:-1]
    assert (again / "tracks.txt").read_bytes() == (run.folder / "tracks.txt").read_bytes()


def test_crops_that_features_and_a_cnn_share_are_not_taken_for_those_of_a_run_before(finetuned):
    run, _ = finetuned
    assert reused(run.folder) == []
    assert run.summary["stages"]["crops"]["frames_per_s"] > 0


def test_a_cnn_chosen_for_the_user_is_said_with_the_reason(again, given, tmp_path):
    few = options_of(tmp_path, "raw_share: 0, steps: 1, batch_triplets: 2")
    run = track(*given, *few, "--out", again, "--trunk", "finetune")
    why = "learning by a small CNN (from nothing), since face-reidentification-retail-0095.xml is "
    (line,) = (line for line in run.summary["notes"] if line.startswith(why))
    assert "no network in tests" in line
    assert "Apache-2.0" in line


def test_from_too_few_people_seen_together_no_cnn_is_fine_tuned_and_it_is_said(unlearned, tmp_path):
    run, options = unlearned
    again = shutil.copytree(run.folder, tmp_path / "run")
    tuned = ["--trunk", "finetune", "--backbone", "small"]
    assert "too few to learn from" in track(*options, *tuned, "--out", again).err
    assert not network_weights(again)


@pytest.fixture
def of_two(drawn, given, tmp_path):
    """Options for a run in which no three people are ever seen together, by their loss."""
    rows = read_mot(drawn.mot)
    file = write_detections(tmp_path / "two.txt", rows, rows.identity <= 2)
    few = options_of(tmp_path, "raw_share: 0, heads: 1, steps: 3")
    return lambda loss: [*given[:-1], file, *few, "--loss", loss, "--out", tmp_path / "two"]


def test_where_no_three_people_are_seen_together_nothing_learns_from_quadruplets(of_two):
    run = track(*of_two("quadruplet"))
    assert "no three people are ever seen together, which quadruplet learns from" in run.err
    assert run_json(run.folder)["counts"]["raw_share"] == 1
    assert not network_weights(run.folder)


def test_where_no_three_people_are_seen_together_the_rest_of_a_loss_is_learned_by(of_two):
    run = track(*of_two("symtriplet+quadruplet"))
    assert "so the quadruplet term had nothing" in run.err
    assert run_json(run.folder)["counts"]["raw_share"] == 0
    assert network_weights(run.folder)


# Steps so small that a network stays where it starts.
STILL = "raw_share: 0, steps: 1, learning_rate: 1.0e-12, weight_decay: 0.0"


@pytest.fixture
def fewer(drawn, given, tmp_path):
    """Options for a run on the first two thirds of the faces, as on another video of a series."""
    rows = read_mot(drawn.mot)
    return [*given[:-1], write_detections(tmp_path / "fewer.txt", rows, rows.frame < 48)]


def test_a_run_starts_from_the_networks_of_another_and_prepares_features_as_it_did(
    on_truth, fewer, tmp_path
):
    still = [*options_of(tmp_path, STILL), "--seed", "5"]
    run = track(*fewer, *still, "--init", on_truth.folder, "--out", tmp_path / "next")
    before, after = learned(on_truth.folder).weights, learned(run.folder).weights
    assert len(learned(run.folder).learned) < len(learned(on_truth.folder).learned)
    assert after.keys() == before.keys()
    for name in after.keys() - {"projection"}:  # that is of this run's faces
        np.testing.assert_allclose(after[name], before[name], atol=1e-9, err_msg=name)


def test_without_another_run_networks_and_preparation_are_this_videos_own(
    on_truth, fewer, tmp_path
):
    still = [*options_of(tmp_path, STILL), "--seed", "5"]
    run = track(*fewer, *still, "--out", tmp_path / "next")
    before, after = learned(on_truth.folder).weights, learned(run.folder).weights
    alike = {name for name in before if np.allclose(after[name], before[name])}
    assert alike == {"preparation.0.1.mean"}  # 0 in every video: features are centred before


def test_a_run_that_starts_from_another_is_taken_up_while_that_stays_as_it_was(
    on_truth, given, tmp_path
):
    first = shutil.copytree(on_truth.folder, tmp_path / "first")
    second = shutil.copytree(on_truth.folder, tmp_path / "second")
    options = [*given, *options_of(tmp_path, STILL), "--init", first, "--out", second]
    track(*options)
    assert "learning" not in reused(second)
    track(*options)
    assert "learning" in reused(second)
    other = learned(first)
    save_embedding(first / "embedding.safetensors", replace(other, learned=other.learned + 1))
    track(*options)
    assert "learning" not in reused(second)


def test_a_fine_tuned_cnn_starts_from_that_of_another_run(finetuned, tmp_path):
    run, options = finetuned
    again = shutil.copytree(run.folder, tmp_path / "run")
    file = tmp_path / "still.yaml"
    file.write_text(
        "features: {crops_per_tracklet: 4}\n"
        f"embedding: {{batch_triplets: 8, trunk_rate: 1.0e-12, {STILL}}}\n"
    )
    still = ["--config", file, "--init", run.folder, "--seed", "5"]
    track(*options, *still, "--out", again)
    before, after = network_weights(run.folder), network_weights(again)
    assert after.keys() == before.keys()
    for name, values in after.items():
        np.testing.assert_allclose(values, before[name], atol=1e-9, err_msg=name)


@pytest.fixture
def refused(capsys):
    """Run what fails when it begins to learn; the one line that it ends with."""

    def run(*arguments):
        assert run_tracker([str(argument) for argument in arguments]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert "Traceback" not in err
        *before, last = err.splitlines()
        assert not any("error" in line for line in before)
        return last

    return run


@pytest.mark.parametrize(("options", "heads"), [(["--dim", "32"], 4), ([], 2), (["--dim", "2"], 1)])
def test_a_run_whose_networks_have_other_shapes_or_numbers_is_nothing_to_start_from(
    again, on_truth, given, refused, tmp_path, options, heads
):
    settings = options_of(tmp_path, f"raw_share: 0, heads: {heads}")
    begun = [*given, *settings, *options, "--out", again]
    line = refused(*begun, "--init", on_truth.folder)
    assert line.startswith(f"error: embedding.init: {on_truth.folder} has 4 networks of other sha")
    assert "give it the same --features, --trunk, --backbone, --dim and number of heads" in line


def test_a_run_that_learned_nothing_is_nothing_to_start_from(again, given, unlearned, refused):
    line = refused(*given, "--out", again, "--init", unlearned[0].folder)
    assert line.startswith(f"error: embedding.init: {unlearned[0].folder} learned nothing (")


def test_a_run_of_a_cnn_is_nothing_for_heads_to_start_from(again, given, finetuned, refused):
    line = refused(*given, "--out", again, "--init", finetuned[0].folder)
    assert line.startswith(
        f"error: embedding.init: {finetuned[0].folder} learned from other features; give this run "
    )


def test_a_run_of_heads_is_nothing_for_a_cnn_to_start_from(again, given, on_truth, refused):
    tuned = ["--trunk", "finetune", "--backbone", "small"]
    line = refused(*given, *tuned, "--out", again, "--init", on_truth.folder)
    assert line.startswith(f"error: embedding.init: {on_truth.folder} has 4 networks of other")


def test_a_run_on_features_of_another_size_is_nothing_to_start_from(
    again, given, on_truth, refused, tmp_path
):
    other = shutil.copytree(on_truth.folder, tmp_path / "other")
    weights = dict(learned(other).weights)
    weights["preparation.0.0.mean"] = np.zeros(256, np.float32)  # as of the face network
    weights["preparation.0.0.matrix"] = np.zeros((256, 256), np.float32)
    save_embedding(other / "embedding.safetensors", replace(learned(other), weights=weights))
    line = refused(*given, "--out", again, "--init", other)
    assert line.startswith("error: embedding.init: ")


def test_a_damaged_embedding_is_nothing_to_start_from(again, given, on_truth, refused, tmp_path):
    other = shutil.copytree(on_truth.folder, tmp_path / "other")
    file = other / "embedding.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    line = refused(*given, "--out", again, "--init", other)
    assert line.startswith(f"error: cannot read {file}: ")
