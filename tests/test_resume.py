"""A run that was killed or interrupted goes on where it was, and ends as if nothing had been.

Killed runs are processes of their own. They are forked from a server that has imported
everything and run nothing, so that a dozen of them cost little more than one.
"""

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from tracker import cli, identity
from tracker.embedding import schedule, training
from tracker.learned import load_checkpoint, load_embedding
from tracker.run import RunLog
from tracker.synthetic import SynthConfig, write_drawn_video

CAST = SynthConfig(people=3, duration_s=4, width=320, height=180, frame_rate=Fraction(12), seed=1)
STEPS = 40
LEARNED_STEPS, ROUND_STEPS = 50, 10  # where it matters how learning goes on

# Where a run is killed, in the order in which it gets there. "advance" is the nth time that
# the stage tells of progress; "write" the moment before the nth file written inside it, whose
# content is there under another name, gets its own.
KILLS = [
    ("detection", "advance", 24),
    ("detection", "write", 2),  # the shots
    ("detection", "write", 3),  # the faces
    ("linking", "write", 1),
    ("constraints", "write", 1),
    ("crops", "advance", 20),
    ("crops", "write", 1),
    ("hog-features", "write", 1),
    ("learning", "advance", STEPS // 2),
    ("learning", "write", 1),  # a network, to be taken up
    ("learning", "write", 2),  # all that was learned
    ("clustering", "write", 1),
    (None, "write", 1),  # the outputs: tracks.txt
    (None, "write", 5),  # a contact sheet
    ("annotated video", "advance", 24),
]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return write_drawn_video(tmp_path_factory.mktemp("drawn"), "party", CAST)


@pytest.fixture(scope="module")
def options(drawn, tmp_path_factory):
    """Everything but the folder; true boxes spare the detector."""
    config = tmp_path_factory.mktemp("config") / "fast.yaml"
    config.write_text(f"embedding: {{heads: 1, steps: {STEPS}, raw_share: 0}}\n")
    return [
        *[str(drawn.video), "--detections", str(drawn.mot)],
        *["--features", "hog", "--device", "cpu", "--config", str(config)],
    ]


@pytest.fixture(scope="module")
def undisturbed(options, tmp_path_factory):
    """The folder of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    assert cli.run_tracker([*options, "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def server():
    """What starts processes that have imported everything and run nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tracker.outputs", "tracker.cli"])
    before = os.environ.get("PYTHONPATH")
    root = str(Path(__file__).parents[1])
    os.environ["PYTHONPATH"] = root if before is None else os.pathsep.join([root, before])
    yield context
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def when(stage, event, count, act):
    """Let `act` happen at the moment that the first three say, in this process from now on."""
    inside = [None]
    left = [count]
    timed, fsync = RunLog.timed, os.fsync

    def happened(what):
        if (inside[0], what) == (stage, event):
            left[0] -= 1
            if left[0] == 0:
                act()

    @contextlib.contextmanager
    def watched(log, name, total, unit):
        with timed(log, name, total, unit) as advance:
            inside[0] = name

            def counted(more):
                happened("advance")
                advance(more)

            yield counted
        inside[0] = None

    def watched_fsync(file):
        happened("write")
        fsync(file)

    RunLog.timed, os.fsync = watched, watched_fsync


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def run_until(moment, arguments):
    """Run, and be killed at the moment given; what a process does."""
    when(*moment, die)
    os._exit(cli.run_tracker(arguments))


def learn_until(moment, arguments):
    """Run in short rounds, keep every network after each, and be killed at the moment given."""
    schedule.ROUND_STEPS = ROUND_STEPS
    identity.Checkpoints = partial(training.Checkpoints, every_s=0)
    run_until(moment, arguments)


def run_killed(server, moment, arguments, run=run_until):
    """How the process ended in which a run was to be killed at `moment`."""
    process = server.Process(target=run, args=(moment, arguments))
    process.start()
    process.join()
    return process.exitcode


def outputs(folder):
    """The content of what a run writes, but for run.json and report.html, which tell of times."""
    names = ["tracks.txt", "tracks.json", "shots.csv", "faces.npz", "annotated.mp4"]
    sheets = {path.name: path.read_bytes() for path in sorted((folder / "people").iterdir())}
    return {name: (folder / name).read_bytes() for name in names} | sheets


def reused(folder):
    stages = json.loads((folder / "run.json").read_text(encoding="utf-8"))["stages"]
    return [name for name, told in stages.items() if told["reused"]]


def test_a_run_killed_at_every_stage_in_turn_ends_like_one_undisturbed(
    server, undisturbed, options, tmp_path
):
    folder = tmp_path / "run"
    arguments = [*options, "--out", str(folder)]
    ends = {moment: run_killed(server, moment, arguments) for moment in KILLS}
    assert set(ends.values()) == {-signal.SIGKILL}, ends
    assert not (folder / "run.json").exists()
    assert list(folder.rglob("*.partial")) != []  # the last one killed left its video

    assert cli.run_tracker(arguments) == 0
    assert outputs(folder) == outputs(undisturbed)
    names = {path.relative_to(folder) for path in folder.rglob("*")}
    assert names == {path.relative_to(undisturbed) for path in undisturbed.rglob("*")}
    stages = json.loads((folder / "run.json").read_text(encoding="utf-8"))["stages"]
    assert reused(folder) == [name for name in stages if name != "annotated video"]


@pytest.mark.parametrize(
    ("moment", "kept"),
    [
        (("detection", "advance", 30), []),
        (("crops", "advance", 20), ["detection", "linking", "constraints"]),
        (
            ("learning", "advance", STEPS // 2),
            ["detection", "linking", "constraints", "crops", "hog-features"],
        ),
        (
            ("annotated video", "advance", 30),
            [
                *["detection", "linking", "constraints", "crops"],
                *["hog-features", "learning", "clustering"],
            ],
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_an_interrupted_run_says_so_and_goes_on(
    undisturbed, options, tmp_path, monkeypatch, capsys, moment, kept
):
    def interrupt():
        raise KeyboardInterrupt

    folder = tmp_path / "run"
    arguments = [*options, "--out", str(folder)]
    with monkeypatch.context() as patches:
        patches.setattr(RunLog, "timed", RunLog.timed)  # to be as they were afterwards
        patches.setattr(os, "fsync", os.fsync)
        when(*moment, interrupt)
        assert cli.run_tracker(arguments) == 130
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == "interrupted: run the same command again to go on from here"
    assert not any(line.startswith(moment[0]) for line in said)
    assert list(folder.rglob("*.partial")) == []

    assert cli.run_tracker(arguments) == 0
    assert reused(folder) == kept
    assert outputs(folder) == outputs(undisturbed)


def test_a_video_of_other_tracks_is_never_taken_for_the_right_one(
    undisturbed, options, tmp_path, monkeypatch
):
    """Killed between the video and the note of what it shows, then run as before."""

    def interrupt():
        raise KeyboardInterrupt

    folder = tmp_path / "run"
    arguments = [*options, "--out", str(folder)]
    assert cli.run_tracker(arguments) == 0
    with monkeypatch.context() as patches:
        patches.setattr(RunLog, "timed", RunLog.timed)
        patches.setattr(os, "fsync", os.fsync)
        frames = CAST.frame_count
        when("annotated video", "advance", frames, lambda: when(None, "write", 1, interrupt))
        assert cli.run_tracker([*arguments, "--people", "1"]) == 130
    assert outputs(folder)["annotated.mp4"] != outputs(undisturbed)["annotated.mp4"]

    assert cli.run_tracker(arguments) == 0
    assert outputs(folder) == outputs(undisturbed)


@pytest.fixture
def learn(options, undisturbed, tmp_path, monkeypatch):
    """Where runs that learn in short rounds start: (settings, name) to their arguments and folder.

    Everything before learning is there already.
    """
    monkeypatch.setattr(schedule, "ROUND_STEPS", ROUND_STEPS)

    def prepare(settings, name):
        file, folder = tmp_path / f"{name}.yaml", tmp_path / name
        file.write_text(f"embedding: {{steps: {LEARNED_STEPS}, raw_share: 0, {settings}}}\n")
        shutil.copytree(undisturbed / "stages", folder / "stages")
        return [*options, "--config", str(file), "--out", str(folder), "--no-video"], folder

    return prepare


@pytest.fixture
def steps(monkeypatch):
    """A list that is one longer after every step that a network is taught in this process."""
    taken, backward = [], torch.Tensor.backward

    def counted(loss):
        taken.append(loss.item())
        backward(loss)

    monkeypatch.setattr(torch.Tensor, "backward", counted)
    return taken


def kept_steps(folder):
    """How many steps lie behind the networks that are kept half-learned in a run folder."""
    states = [load_checkpoint(path) for path in (folder / "stages").glob("*.checkpoint")]
    return sum(len(losses) for state in states for losses in state["progress"]["losses"])


def assert_learned_the_same(folder, other):
    one, two = (load_embedding(run / "embedding.safetensors") for run in (folder, other))
    np.testing.assert_array_equal(one.learned, two.learned)
    for curve in ("loss", "accuracy", "held_out"):
        np.testing.assert_array_equal(getattr(one.curves, curve), getattr(two.curves, curve))
    assert one.weights.keys() == two.weights.keys()
    for name, values in one.weights.items():
        np.testing.assert_array_equal(values, two.weights[name], err_msg=name)
    assert one.note == two.note


@pytest.mark.parametrize(
    ("settings", "networks"),
    [
        ("heads: 2", 2),
        ("heads: 1, loss: siamese-bce, optimiser: sgd", 1),  # a loss that learns itself
        ("heads: 1, loss: arcface", 1),
        ("heads: 1, loss: hierarchical-triplet+quadruplet, learners: 2", 1),
        ("trunk: finetune, backbone: small, batch_triplets: 3", 1),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_run_killed_while_it_learns_goes_on_from_the_networks_that_were_kept(
    server, learn, steps, settings, networks
):
    whole, undisturbed = learn(settings, "undisturbed")
    assert cli.run_tracker(whole) == 0
    assert len(steps) == networks * LEARNED_STEPS

    arguments, folder = learn(settings, "killed")
    kept = [0]
    for step in (15, 35):  # while the learning rate stays, and while it falls
        moment = ("learning", "advance", networks * step)
        assert run_killed(server, moment, arguments, learn_until) == -signal.SIGKILL
        kept.append(kept_steps(folder))
    assert kept == sorted({*kept})

    steps.clear()
    assert cli.run_tracker(arguments) == 0
    assert len(steps) == networks * LEARNED_STEPS - kept[-1]
    assert_learned_the_same(folder, undisturbed)
    assert (folder / "tracks.txt").read_bytes() == (undisturbed / "tracks.txt").read_bytes()
    assert list(folder.rglob("*.checkpoint")) == list(folder.rglob("*.partial")) == []


@pytest.fixture
def half_learned(server, learn):
    """A run that was killed half-way through its learning: its arguments and its folder."""
    arguments, folder = learn("heads: 1", "killed")
    moment = ("learning", "advance", LEARNED_STEPS // 2)
    assert run_killed(server, moment, arguments, learn_until) == -signal.SIGKILL
    return arguments, folder


def test_a_run_of_other_settings_learns_from_the_start_and_keeps_no_network_of_the_killed_one(
    half_learned, learn, steps
):
    arguments, folder = half_learned
    assert kept_steps(folder) > 0
    assert cli.run_tracker([*arguments, "--seed", "1"]) == 0
    assert len(steps) == LEARNED_STEPS
    assert list(folder.rglob("*.checkpoint")) == []


def test_a_network_that_was_kept_damaged_is_learned_from_the_start(half_learned, learn, steps):
    arguments, folder = half_learned
    (path,) = folder.rglob("*.checkpoint")
    path.write_bytes(path.read_bytes()[:-100])
    assert cli.run_tracker(arguments) == 0
    assert len(steps) == LEARNED_STEPS
    whole, undisturbed = learn("heads: 1", "undisturbed")
    assert cli.run_tracker(whole) == 0
    assert_learned_the_same(folder, undisturbed)


def test_a_run_killed_when_all_was_learned_but_not_written_learns_nothing_again(
    server, learn, steps
):
    arguments, folder = learn("heads: 2", "killed")
    written = 2 * LEARNED_STEPS // ROUND_STEPS + 1  # each network after every round, and then all
    moment = ("learning", "write", written)
    assert run_killed(server, moment, arguments, learn_until) == -signal.SIGKILL
    assert cli.run_tracker(arguments) == 0
    assert steps == []
    assert "learning" not in reused(folder)
