"""Jobs done by processes of this machine, each of which uses one core."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType

from tracker.batch.jobs import Job, Outcome, do_job, use_one_core
from tracker.cores import usable_cores

_PATIENCE_S = 10.0  # with a worker that is to stop, until it is killed
_GPU_WORKERS = 4  # share one well: each uses it for a part of its time, and fills its memory


def usual_workers(device: str) -> int:
    """How many workers to have where nobody says: one a core, but few where they share a GPU.

    Args:
        device: what the jobs will ask for; that is one GPU at most, the same for all.
    """
    if device == "cpu":
        return usable_cores()
    import torch

    return min(usable_cores(), _GPU_WORKERS) if torch.cuda.is_available() else usable_cores()


class LocalEngine:
    """Does each job in one of a few processes, which live on from job to job; a context manager.

    They are spawned: a fork of a process that has threads may hang. One that dies is noticed by
    the end of its pipe, and another takes its place when there is a job for it.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, tuple[_Worker, Job]] = {}

    def start(self, job: Job) -> None:
        """Begin a job in a process that has none, or in a new one."""
        worker = self._rested()
        with suppress(OSError):  # it has died since: `wait` sees that
            worker.pipe.send(job)
        self._busy[worker.pipe] = (worker, job)

    def wait(self) -> list[tuple[Job, Outcome]]:
        """Wait until jobs have ended, or the processes that did them."""
        return [
            self._ended(pipe) for pipe in wait(list(self._busy)) if isinstance(pipe, Connection)
        ]

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        workers = [*self._idle, *(worker for worker, _ in self._busy.values())]
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.bury()

    def _rested(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.process.is_alive():
                return worker
            worker.bury()
        return _Worker()

    def _ended(self, pipe: Connection) -> tuple[Job, Outcome]:
        worker, job = self._busy.pop(pipe)
        try:
            outcome: Outcome = pipe.recv()
        except (EOFError, OSError):
            return job, Outcome("lost", error=f"its worker {worker.bury()}")
        self._idle.append(worker)
        return job, outcome


class _Worker:
    """A process, and our end of the pipe to it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_work, args=(theirs,), daemon=True)
        resource_tracker.ensure_running()  # `start` would, and take the mask off again
        held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()  # born with the mask: Ctrl-C leaves it alone before it can say so
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
        theirs.close()  # so that the pipe ends when the process does

    def bury(self) -> str:
        """Wait until the process is no more; how it ended."""
        self.process.join(_PATIENCE_S)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        self.pipe.close()
        code = self.process.exitcode or 0
        self.process.close()
        if code == -signal.SIGKILL:
            return "was killed (SIGKILL; perhaps memory ran out: try fewer --workers)"
        if code < 0:
            return f"died ({signal.Signals(-code).name})"
        return f"ended by itself (exit code {code})"


def _work(jobs: Connection) -> None:
    """Do jobs until there are no more; what a process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too; who started us decides
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what is half there goes
    threading.Thread(target=_follow_parent, daemon=True).start()
    with suppress(EOFError, OSError, KeyboardInterrupt):
        use_one_core()
        while True:
            jobs.send(do_job(jobs.recv()))


def _follow_parent() -> None:
    """End this process when the one that started it is no more, or it would work on unseen."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
