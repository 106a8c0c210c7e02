import os
import shutil
import signal
import threading
import time
from fractions import Fraction
from pathlib import Path

import pytest

from tracker.batch.jobs import Job
from tracker.config import Config
from tracker.settings import with_settings
from tracker.synthetic import SynthConfig, write_drawn_video

PLAIN = {"detection": {"detector": "mtcnn"}, "features": {"kind": "hog"}}  # needs no weights
DEADLINE_S = 120


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """Three short videos."""
    folder = tmp_path_factory.mktemp("drawn")
    return [
        write_drawn_video(
            folder,
            f"film{seed}",
            SynthConfig(
                people=2, duration_s=1, width=160, height=120, frame_rate=Fraction(12), seed=seed
            ),
        ).video
        for seed in range(3)
    ]


@pytest.fixture
def films(drawn, tmp_path):
    """A folder that holds the videos: film0.mp4, film1.mp4, film2.mp4."""
    folder = tmp_path / "films"
    folder.mkdir()
    for video in drawn:
        shutil.copy2(video, folder)
    return folder


@pytest.fixture
def job_of(tmp_path):
    """Make the job of a video."""

    def make(video, **settings):
        config = with_settings(Config(), {**PLAIN, **settings})
        return Job(video.stem, video, tmp_path / "runs" / video.stem, config, "cpu", False)

    return make


class Trap:
    """A video that a worker cannot get past: it waits for pictures until the trap is sprung.

    The video is a named pipe, so that a worker is in the midst of it for sure, whenever and
    wherever it comes to it; springing puts the real video in its place.
    """

    def __init__(self, video):
        self.video = video
        self._real = video.with_suffix(".real")
        video.rename(self._real)
        os.mkfifo(video)

    def spring(self, act):
        """Wait for a worker to read the video, and call `act` with the worker's id."""
        with self.video.open("wb"):
            worker = self._reader()
            self._real.replace(self.video)
            act(worker)

    def kill_reader(self):
        """Kill the worker that comes to the video, whenever it does; a thread."""
        thread = threading.Thread(
            target=self.spring, args=(lambda worker: os.kill(worker, signal.SIGKILL),), daemon=True
        )
        thread.start()
        return thread

    def _reader(self):
        def found():
            for link in Path("/proc").glob("[0-9]*/fd/*"):
                try:
                    if link.readlink() == self.video and link.parts[2] != str(os.getpid()):
                        return int(link.parts[2])
                except OSError:  # closed meanwhile
                    continue
            return None

        return until(found)


def until(found):
    """What `found` gives, as soon as it is something."""
    deadline = time.monotonic() + DEADLINE_S
    while not (thing := found()):
        assert time.monotonic() < deadline
    return thing


@pytest.fixture
def trap():
    if not Path("/proc/self/fd").exists():
        pytest.skip("who reads a file is looked up in /proc")
    return Trap
