import json
import os
from dataclasses import replace

import pytest
import torch

from tracker.batch.jobs import do_job, job_key
from tracker.learned import EMBEDDING_FILE


def test_a_job_leaves_a_run_and_tells_what_it_found(films, job_of):
    job = job_of(films / "film0.mp4")
    outcome = do_job(job)
    told = json.loads((job.out / "run.json").read_text())
    assert (outcome.state, outcome.error) == ("done", None)
    assert outcome.frames == told["video"]["frames"] == 12
    assert outcome.people == told["counts"]["people"]
    assert set(told["notes"]) <= set(outcome.notes)
    assert not (job.out / "annotated.mp4").exists()


def test_a_job_that_cannot_be_done_tells_why_in_one_line(tmp_path, job_of):
    (tmp_path / "film.mp4").write_text("no\nvideo\n")
    outcome = do_job(job_of(tmp_path / "film.mp4"))
    assert outcome.state == "failed"
    assert outcome.error.startswith("cannot open ")
    assert "\n" not in outcome.error


def test_a_bug_is_told_and_not_raised(films, job_of):
    outcome = do_job(replace(job_of(films / "film0.mp4"), device=None))
    assert outcome.state == "failed"
    assert outcome.error.endswith("(a bug: `multiface track` shows where)")


@pytest.mark.parametrize("kind", [MemoryError, torch.cuda.OutOfMemoryError])
def test_a_job_that_runs_out_of_memory_is_lost_and_may_be_tried_again(films, job_of, kind):
    class Greedy(str):
        __hash__ = None

        def __eq__(self, other):
            raise kind("32 GiB")

    outcome = do_job(replace(job_of(films / "film0.mp4"), device=Greedy("cpu")))
    assert (outcome.state, outcome.error) == ("lost", "out of memory: try fewer --workers")


def test_a_key_stays_while_nothing_changes(films, job_of):
    assert job_key(job_of(films / "film0.mp4")) == job_key(job_of(films / "film0.mp4"))


@pytest.mark.parametrize("change", ["content", "time", "video", "settings", "output"])
def test_a_key_changes_with_what_a_run_depends_on(films, job_of, change):
    job = job_of(films / "film0.mp4")
    before = job_key(job)
    if change == "content":
        times = job.video.stat()
        job.video.write_bytes(job.video.read_bytes() + b"more")
        os.utime(job.video, ns=(times.st_atime_ns, times.st_mtime_ns))
    elif change == "time":
        os.utime(job.video, (1, 1))
    elif change == "video":
        job = replace(job, video=films / "film1.mp4")
    elif change == "settings":
        job = job_of(films / "film0.mp4", clustering={"people": 3})
    else:
        job = replace(job, with_video=True)
    assert job_key(job) != before


def test_a_key_changes_with_what_was_learned_elsewhere(films, job_of, tmp_path):
    job = job_of(films / "film0.mp4", embedding={"init": str(tmp_path)})
    before = job_key(job)
    (tmp_path / EMBEDDING_FILE).write_bytes(b"learned")
    assert job_key(job) != before


def test_the_device_is_no_part_of_a_key(films, job_of):
    job = job_of(films / "film0.mp4")
    assert job_key(job) == job_key(replace(job, device="auto"))
