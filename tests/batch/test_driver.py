import contextlib
from collections import Counter

import pytest

from tracker.batch.driver import run_batch
from tracker.batch.jobs import Outcome
from tracker.batch.manifest import MANIFEST_FILE, Manifest
from tracker.progress import Silence


class Listener:
    """Remembers everything that it is told."""

    def __init__(self):
        self.lines, self.totals, self.done = [], [], 0

    @contextlib.contextmanager
    def stage(self, name, total, unit):
        self.totals.append((total, unit))

        def advance(count):
            self.done += count

        yield advance

    def say(self, line):
        self.lines.append(line)


class SlowEngine:
    """Does jobs in this process, one a wait, the last one begun first, as told beforehand."""

    def __init__(self, outcomes, workers=2):
        self.workers = workers
        self.begun = []
        self._outcomes = {name: iter(those) for name, those in outcomes.items()}
        self._running = []

    def start(self, job):
        assert len(self._running) < self.workers
        self._running.append(job)
        self.begun.append(job.name)

    def wait(self):
        job = self._running.pop()
        outcome = next(self._outcomes[job.name])
        if outcome.state == "done":
            job.out.mkdir(parents=True, exist_ok=True)
            (job.out / "run.json").touch()
        return [(job, outcome)]


DONE = Outcome("done", 2.0, 24, 3, ("a note",))
FAILED = Outcome("failed", 1.0, error="it is no video")
LOST = Outcome("lost", error="its worker was killed")


@pytest.fixture
def work(films, job_of, tmp_path):
    """Run a batch of the three films, whose tries end as given."""
    jobs = [job_of(video) for video in sorted(films.iterdir())]

    def run(*outcomes, retries=2, progress=None, workers=2):
        engine = SlowEngine(dict(zip(("film0", "film1", "film2"), outcomes, strict=True)), workers)
        with Manifest(tmp_path / "runs") as manifest:
            results = run_batch(jobs, engine, manifest, progress or Silence(), retries)
        return [result.entry.state for result in results], engine.begun

    return run


def states(tmp_path):
    """How often each video came to each state."""
    import json

    lines = (tmp_path / "runs" / MANIFEST_FILE).read_text().splitlines()
    return Counter((told["name"], told["state"]) for told in map(json.loads, lines))


def test_every_job_is_done_once_and_the_results_are_in_order(work, tmp_path):
    assert work([DONE], [DONE], [DONE]) == (["done"] * 3, ["film0", "film1", "film2"])
    assert states(tmp_path) == {
        (f"film{number}", state): 1
        for number in range(3)
        for state in ("queued", "started", "done")
    }


def test_a_batch_of_nothing_is_done_at_once(tmp_path):
    with Manifest(tmp_path) as manifest:
        assert run_batch([], SlowEngine({}), manifest, Silence(), 2) == []


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_one_that_fails_stops_no_other_and_is_not_tried_again(work, workers):
    ended, begun = work([FAILED], [DONE], [DONE], workers=workers)
    assert ended == ["failed", "done", "done"]
    assert sorted(begun) == ["film0", "film1", "film2"]


def test_one_whose_worker_is_lost_is_done_again_after_the_others(work, tmp_path):
    ended, begun = work([LOST, LOST, DONE], [DONE], [DONE], workers=1)
    assert ended == ["done"] * 3
    assert begun == ["film0", "film1", "film2", "film0", "film0"]
    assert states(tmp_path)["film0", "lost"] == 2
    assert states(tmp_path)["film0", "done"] == 1


@pytest.mark.parametrize(("retries", "tries"), [(0, "1 try"), (1, "2 tries")])
def test_one_that_kills_every_worker_fails_in_the_end(work, tmp_path, retries, tries):
    ended, begun = work([LOST] * 3, [DONE], [DONE], retries=retries)
    assert ended == ["failed", "done", "done"]
    assert Counter(begun)["film0"] == retries + 1
    with Manifest(tmp_path / "runs") as manifest:
        assert manifest.latest["film0"].error == f"its worker was killed ({tries})"


def test_a_second_run_does_only_what_is_not_done(work):
    work([DONE], [FAILED], [LOST], retries=0)
    assert work([], [DONE], [DONE]) == (["done"] * 3, ["film1", "film2"])
    assert work([], [], []) == (["done"] * 3, [])


def test_what_an_earlier_run_did_keeps_its_numbers(work, films, job_of, tmp_path):
    work([DONE], [DONE], [DONE])
    with Manifest(tmp_path / "runs") as manifest:
        (result,) = run_batch([job_of(films / "film0.mp4")], SlowEngine({}), manifest, Silence(), 2)
    assert result.earlier
    assert (result.entry.frames, result.entry.people, result.entry.seconds) == (24, 3, 2.0)


def test_a_changed_video_is_done_again(work, films):
    work([DONE], [DONE], [DONE])
    (films / "film1.mp4").write_bytes(b"something else")
    assert work([], [DONE], []) == (["done"] * 3, ["film1"])


def test_a_run_that_was_deleted_is_done_again(work, tmp_path):
    work([DONE], [DONE], [DONE])
    (tmp_path / "runs" / "film2" / "run.json").unlink()
    assert work([], [], [DONE]) == (["done"] * 3, ["film2"])


def test_the_user_hears_of_every_end_and_every_note(work):
    listener = Listener()
    work([FAILED], [LOST, DONE], [DONE], progress=listener, workers=1)
    assert listener.lines == [
        "film0: failed: it is no video (1 of 3 videos)",
        "film1: its worker was killed; it is tried again",
        "film2: a note",
        "film2: 24 frames, 3 people, 2.0 s, 12.0 frames/s (2 of 3 videos)",
        "film1: a note",
        "film1: 24 frames, 3 people, 2.0 s, 12.0 frames/s (3 of 3 videos)",
    ]


def test_progress_counts_the_bytes_of_what_has_ended(work, films):
    listener = Listener()
    work([FAILED], [LOST, DONE], [DONE], progress=listener)
    kilobytes = sum(path.stat().st_size for path in films.iterdir()) // 1000
    assert listener.totals == [(kilobytes, "kB")]
    assert listener.done == kilobytes
