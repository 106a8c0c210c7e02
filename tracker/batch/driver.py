"""Working off a batch: what is started when, what is tried again, and what is written of it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tracker.batch.jobs import Job, Outcome, job_key
from tracker.batch.manifest import Entry, Manifest, State, now
from tracker.progress import Advance, Progress

_UNITS = {"MB": 1_000_000, "kB": 1_000}  # of the bytes of videos, as progress is told


class Engine(Protocol):
    """Does jobs, several at once, away from this process; one of `LocalEngine`, `RayEngine`.

    It tells that a worker was lost and has another in its place; trying again is not its
    business, so whatever the engine, every try is written down and none is made twice.

    Attributes:
        workers: how many jobs it can do at once.
    """

    workers: int

    def start(self, job: Job) -> None:
        """Begin a job; at most `workers` are begun and not ended."""
        ...

    def wait(self) -> list[tuple[Job, Outcome]]:
        """Wait until jobs that were begun have ended, and tell how; one at least."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """What a batch has of one of its jobs.

    Attributes:
        entry: its last, "done" or "failed".
        earlier: done by an earlier run of the batch.
    """

    job: Job
    entry: Entry
    earlier: bool


def run_batch(
    jobs: Sequence[Job], engine: Engine, manifest: Manifest, progress: Progress, retries: int
) -> list[Result]:
    """Do `jobs` but for those that an earlier run did; one that fails stops no other.

    A job whose worker dies or runs out of memory is done again after all others, up to `retries`
    times.

    Args:
        progress: told of every job that ends, of what was said of it, and of the part of all
            bytes that is done.

    Returns:
        A result of each job, in their order.

    Raises:
        StorageError: the manifest cannot be written.
    """
    keys = {job.name: job_key(job) for job in jobs}
    earlier = {job.name for job in jobs if _is_done(job, keys[job.name], manifest)}
    left = [job for job in jobs if job.name not in earlier]
    if earlier:
        progress.say(f"{len(earlier)} of {len(jobs)} videos were done before")
    manifest.add(*(_entry(job, keys, "queued") for job in left))
    total = sum(map(_size, left))
    unit = next((name for name, size in _UNITS.items() if total > 100 * size), "kB")
    with progress.stage("batch", total // _UNITS[unit] or None, unit) as advance:
        teller = _Teller(progress, advance, _UNITS[unit], len(left))
        _work_off(left, keys, engine, manifest, teller, retries)
    return [Result(job, manifest.latest[job.name], job.name in earlier) for job in jobs]


def _work_off(
    jobs: Sequence[Job],
    keys: dict[str, str],
    engine: Engine,
    manifest: Manifest,
    teller: _Teller,
    retries: int,
) -> None:
    waiting, running, losses = deque(jobs), 0, Counter[str]()
    while waiting or running:
        while waiting and running < engine.workers:
            job = waiting.popleft()
            manifest.add(_entry(job, keys, "started"))
            engine.start(job)
            running += 1
        for job, outcome in engine.wait():
            running -= 1
            manifest.add(_entry(job, keys, outcome.state, outcome))
            for note in outcome.notes:
                teller.tell(job, note)
            if outcome.state != "lost":
                teller.tell_end(job, outcome)
                continue
            losses[job.name] += 1
            if losses[job.name] <= retries:
                teller.tell(job, f"{outcome.error}; it is tried again")
                waiting.append(job)
                continue
            tries = f"{retries + 1} {'try' if retries == 0 else 'tries'}"
            given_up = Outcome("failed", error=f"{outcome.error} ({tries})")
            manifest.add(_entry(job, keys, given_up.state, given_up))
            teller.tell_end(job, given_up)


class _Teller:
    """Tells the user what becomes of the jobs, and how much of all bytes is done."""

    def __init__(self, progress: Progress, advance: Advance, unit: int, jobs: int) -> None:
        self._progress = progress
        self._advance = advance
        self._unit = unit
        self._jobs = jobs
        self._ended = 0
        self._bytes = 0

    def tell(self, job: Job, line: str) -> None:
        self._progress.say(f"{job.name}: {line}")

    def tell_end(self, job: Job, outcome: Outcome) -> None:
        said = f"failed: {outcome.error}"
        if outcome.state == "done":
            rate = outcome.frames / max(outcome.seconds, 1e-9)
            people = f"{outcome.people} {'person' if outcome.people == 1 else 'people'}"
            said = (
                f"{outcome.frames} frames, {people}, {outcome.seconds:.1f} s, {rate:.1f} frames/s"
            )
        self._ended += 1
        self.tell(job, f"{said} ({self._ended} of {self._jobs} videos)")
        before, self._bytes = self._bytes, self._bytes + _size(job)
        self._advance(self._bytes // self._unit - before // self._unit)


def _is_done(job: Job, key: str, manifest: Manifest) -> bool:
    entry = manifest.latest.get(job.name)
    return (
        entry is not None
        and (entry.state, entry.key) == ("done", key)
        and (job.out / "run.json").exists()
    )


def _entry(job: Job, keys: dict[str, str], state: State, outcome: Outcome | None = None) -> Entry:
    told = outcome or Outcome("done")
    return Entry(
        job.name,
        str(job.video),
        keys[job.name],
        state,
        now(),
        round(told.seconds, 3),
        told.frames,
        told.people,
        told.error,
    )


def _size(job: Job) -> int:
    """The bytes of its video; 0 if it is gone."""
    try:
        return job.video.stat().st_size
    except OSError:
        return 0
