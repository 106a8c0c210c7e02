"""Jobs done by Ray: on this machine, or on all of a cluster, with the same code.

One task does one video, from the file to its outputs: the stages hand each other gigabytes of
faces, and a batch has enough videos to keep every core at work without splitting any.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import redirect_stdout
from types import TracebackType
from typing import Any

from tracker.batch.jobs import Job, Outcome, do_job, use_one_core
from tracker.errors import TrackerError

_GPU_SHARE = 0.25  # of a GPU, a job: it uses one for a part of its time only
_ANSWER_S = 10.0
_STORE_BYTES = 80_000_000  # the least that Ray allows; jobs and outcomes are small


class RayEngine:
    """Does each job in a Ray task of one CPU and, where a GPU is used, a share of it.

    A context manager. A task that Ray loses is told to be lost: that it is tried again, and how
    often, is not left to Ray.
    """

    def __init__(self, address: str | None, workers: int | None, cores: int, device: str) -> None:
        """Connect to the cluster at `address`, or begin one of `cores` here.

        Args:
            workers: most jobs at once; None: as many as the cluster has CPUs.
            device: what the jobs will ask for.

        Raises:
            TrackerError: Ray is not installed, the cluster is not to be reached, or it has no
                such device.
        """
        self._ray = _import_ray()
        _connect(self._ray, address, cores)
        try:
            resources = self._ray.cluster_resources()
            cpus, gpus = resources.get("CPU", 1.0), resources.get("GPU", 0.0)
            share = _gpu_share(device, gpus)
        except BaseException:
            self._ray.shutdown()
            raise
        room = max(1, int(min(cpus, gpus / share) if share else cpus))
        self.workers = min(workers or room, room)
        # A loss of a worker is no error of the job: `run_batch` counts and tries again.
        self._do = self._ray.remote(num_cpus=1, num_gpus=share, max_retries=0)(_do_on_one_core)
        self._running: dict[Any, Job] = {}
        self._stdout = redirect_stdout(sys.stderr)

    def start(self, job: Job) -> None:
        """Hand a job to Ray."""
        self._running[self._do.remote(job)] = job

    def wait(self) -> list[tuple[Job, Outcome]]:
        """Wait until a job has ended, or the worker that did it."""
        ended, _ = self._ray.wait(list(self._running))
        return [(self._running.pop(reference), self._outcome(reference)) for reference in ended]

    def __enter__(self) -> RayEngine:
        self._stdout.__enter__()  # a thread of Ray prints to it whatever happens to the cluster
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()
        self._stdout.__exit__(kind, error, traceback)

    def _outcome(self, reference: Any) -> Outcome:
        errors = self._ray.exceptions
        try:
            outcome: Outcome = self._ray.get(reference)
        except errors.RayTaskError as error:  # not of the job, which tells its own
            return Outcome("failed", error=f"Ray cannot run it: {error.cause!r}")
        except errors.RayError as error:
            reason = " ".join(str(error).split()).partition(". ")[0]
            return Outcome("lost", error=f"its worker was lost ({type(error).__name__}: {reason})")
        return outcome


def _do_on_one_core(job: Job) -> Outcome:
    use_one_core()
    return do_job(job)


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is to be sent anywhere
    try:
        import ray
    except ImportError as error:
        raise TrackerError(
            "--engine ray needs Ray, which is not installed: pip install 'multiface[ray]'"
        ) from error
    return ray


def _connect(ray: Any, address: str | None, cores: int) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    own = {"num_cpus": cores, "object_store_memory": _STORE_BYTES, "include_dashboard": False}
    try:
        if address is None:
            ray.init(address="local", **own, **quiet)
        else:
            _check_address(address)
            ray.init(address=address, **quiet)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        reason = " ".join(str(error).split())
        if address is None:
            raise TrackerError(f"cannot start Ray here: {reason}; try --engine local") from error
        raise TrackerError(
            f"cannot reach the Ray cluster at {address}: {reason}; check --address, and set "
            "RAY_AUTH_MODE=token if it wants a token"
        ) from error


def _check_address(address: str) -> None:
    """Raise an OSError if nobody listens there: Ray itself gives up after minutes only."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()


def _gpu_share(device: str, gpus: float) -> float:
    """How much of a GPU each job asks Ray for; a job that asks for none sees none."""
    if device.startswith("cuda:"):
        raise TrackerError(f"--device {device}: Ray deals out the GPUs by itself; use cuda")
    if device == "cuda" and not gpus:
        raise TrackerError("--device cuda: the Ray cluster has no GPU; use cpu or auto")
    return _GPU_SHARE if device in ("auto", "cuda") and gpus else 0.0
