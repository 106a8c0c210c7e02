"""The Ray engine on a real cluster of this machine.

Each test is a command of its own: Ray leaves threads and settings behind in a process.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tracker.batch.on_ray import _gpu_share

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(tmp_path):
    """Ray writes a token to the home of the user; the tests have a home of their own."""
    pytest.importorskip("ray")
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(paths)}


def batch(environment, *arguments):
    plain = ["--detector", "mtcnn", "--features", "hog", "--device", "cpu", "--no-video"]
    return subprocess.run(
        [sys.executable, "-m", "tracker.cli", "batch", *map(str, arguments), *plain],
        env=environment,
        capture_output=True,
        text=True,
    )


def test_on_ray_a_worker_that_is_killed_is_replaced_and_nothing_is_done_twice(
    films, trap, environment, tmp_path
):
    (films / "film2.mp4").write_text("no video")
    killer = trap(films / "film0.mp4").kill_reader()
    out = tmp_path / "runs"
    videos = [films / f"film{number}.mp4" for number in range(3)]
    done = batch(environment, *videos, "--out", out, "--engine", "ray", "--workers", "2", "--json")
    killer.join()
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert {video["name"]: video["state"] for video in told["videos"]} == {
        "film0": "done",
        "film1": "done",
        "film2": "failed",
    }
    assert "film2: failed: cannot open " in done.stderr
    assert "film0: its worker was lost (WorkerCrashedError: " in done.stderr
    lines = map(json.loads, (out / "batch.jsonl").read_text().splitlines())
    assert Counter(
        (line["name"], line["state"]) for line in lines if line["state"] != "queued"
    ) == {
        ("film0", "started"): 2,
        ("film0", "lost"): 1,
        ("film0", "done"): 1,
        ("film1", "started"): 1,
        ("film1", "done"): 1,
        ("film2", "started"): 1,
        ("film2", "failed"): 1,
    }


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--address", "127.0.0.1:1"], "error: cannot reach the Ray cluster at 127.0.0.1:1: "),
        (["--device", "cuda"], "error: --device cuda: the Ray cluster has no GPU; use cpu or auto"),
        (["--device", "cuda:1"], "error: --device cuda:1: Ray deals out the GPUs by itself"),
    ],
    ids=lambda value: value[1] if isinstance(value, list) else "",
)
def test_what_ray_cannot_give_is_one_clear_line(films, environment, tmp_path, options, reason):
    done = subprocess.run(
        [
            *[sys.executable, "-m", "tracker.cli", "batch", str(films), "--engine", "ray"],
            *["--out", str(tmp_path / "runs"), *options],
        ],
        env=environment | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert reason in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("device", "gpus", "share"),
    [("cpu", 4.0, 0.0), ("auto", 0.0, 0.0), ("auto", 1.0, 0.25), ("cuda", 2.0, 0.25)],
)
def test_a_job_asks_for_a_share_of_a_gpu_where_it_uses_one(device, gpus, share):
    assert _gpu_share(device, gpus) == share


def test_without_ray_the_error_says_what_to_install(films, tmp_path):
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "from tracker.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "batch", str(films), "--engine", "ray"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "error: --engine ray needs Ray, which is not installed: pip install 'multiface[ray]'\n"
    )
