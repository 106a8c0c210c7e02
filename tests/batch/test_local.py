"""The engine of local processes, with real processes and real kills."""

import os
import signal
from collections import Counter
from dataclasses import replace

import pytest
import torch

from tracker.batch.driver import run_batch
from tracker.batch.jobs import do_job
from tracker.batch.local import LocalEngine, usual_workers
from tracker.batch.manifest import Manifest
from tracker.cores import usable_cores
from tracker.progress import Silence


@pytest.fixture
def work(tmp_path):
    """Run a batch; the state, the people and the error of each job."""

    def run(jobs, workers=2, retries=2):
        with Manifest(tmp_path / "runs") as manifest, LocalEngine(workers) as engine:
            results = run_batch(jobs, engine, manifest, Silence(), retries)
        return [result.entry for result in results]

    return run


def jobs_of(films, job_of):
    return [job_of(video) for video in sorted(films.glob("*.mp4"))]


def started(tmp_path):
    """How often each video was begun."""
    lines = (tmp_path / "runs" / "batch.jsonl").read_text().splitlines()
    return Counter(line.split('"')[3] for line in lines if '"started"' in line)


def test_workers_find_what_this_process_does(films, job_of, work, tmp_path):
    jobs = jobs_of(films, job_of)
    work(jobs)
    for job in jobs:
        here = replace(job, out=tmp_path / "here" / job.name)
        assert do_job(here).state == "done"
        for name in ("tracks.txt", "tracks.json", "shots.csv"):
            assert (job.out / name).read_bytes() == (here.out / name).read_bytes()


def test_a_worker_that_is_killed_is_replaced_and_its_video_done(
    films, job_of, work, trap, tmp_path
):
    jobs = jobs_of(films, job_of)
    killer = trap(films / "film0.mp4").kill_reader()
    assert [entry.state for entry in work(jobs)] == ["done"] * 3
    killer.join()
    assert started(tmp_path) == {"film0": 2, "film1": 1, "film2": 1}


def test_a_worker_that_is_killed_once_too_often_is_a_failure_and_no_more(films, job_of, work, trap):
    jobs = jobs_of(films, job_of)
    killer = trap(films / "film0.mp4").kill_reader()
    first, *others = work(jobs, workers=1, retries=0)
    killer.join()
    assert first.state == "failed"
    assert first.error == (
        "its worker was killed (SIGKILL; perhaps memory ran out: try fewer --workers) (1 try)"
    )
    assert [entry.state for entry in others] == ["done"] * 2


def test_a_process_is_used_again_and_none_is_left(films, job_of):
    with LocalEngine(1) as engine:
        ids = []
        for job in jobs_of(films, job_of):
            engine.start(job)
            ((worker, _),) = engine._busy.values()
            ids.append(worker.process.pid)
            assert [(ended, outcome.state) for ended, outcome in engine.wait()] == [(job, "done")]
    assert len(set(ids)) == 1
    assert not os.path.exists(f"/proc/{ids[0]}")


def test_a_worker_that_died_idle_is_replaced_unnoticed(films, job_of):
    first, second, _ = jobs_of(films, job_of)
    with LocalEngine(1) as engine:
        engine.start(first)
        engine.wait()
        (worker,) = engine._idle
        worker.process.kill()
        worker.process.join()
        engine.start(second)
        ((ended, outcome),) = engine.wait()
    assert (ended, outcome.state) == (second, "done")


def test_a_worker_leaves_ctrl_c_to_who_started_it_from_its_birth(films, job_of):
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with LocalEngine(1) as engine:
        engine.start(job_of(films / "film0.mp4"))
        ((worker, _),) = engine._busy.values()
        os.kill(worker.process.pid, signal.SIGINT)
        ((_, outcome),) = engine.wait()
    assert outcome.state == "done"
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_there_are_few_workers_where_they_share_a_gpu():
    assert usual_workers("cpu") == usable_cores()
    few = min(usable_cores(), 4)
    assert usual_workers("auto") == (few if torch.cuda.is_available() else usable_cores())


def test_there_is_a_core_to_use():
    assert 1 <= usable_cores() <= os.cpu_count()
