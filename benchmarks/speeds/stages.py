"""Where the time of a run goes: each stage beside its floor, and what every thread was doing."""

from __future__ import annotations

import collections
import contextlib
import io
import itertools
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import FrameType

import av
import numpy as np

from speeds.in_turn import Row, in_turn
from tracker.cli import run_tracker
from tracker.evaluation.measures import evaluate
from tracker.evaluation.truth import read_tracks, read_truth
from tracker.outputs import CRF, PRESET
from tracker.video.reader import VideoReader
from tracker.video.writer import VideoWriter

FLOOR_FRAMES = 300
SAMPLE_EVERY_S = 0.01
IDLE = {"wait", "get", "put", "_worker", "result", "acquire", "select", "poll"}


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a run: its seconds, share of the whole, and video frames a second."""

    name: str
    seconds: float
    share: float
    frames_per_s: float


@dataclass(frozen=True, slots=True)
class Whole:
    """A run from the start of the command to its end, but for Python's own start.

    Attributes:
        seen_share: of the frames, that faces were looked for in.
        profile: lines "share  thread: function", most first.
    """

    options: str
    seconds: float
    frames: int
    stages: list[Stage]
    seen_share: float
    mota: float
    idf1: float
    people: int
    profile: list[str]


def run_whole(video: Path, truth: Path, options: str) -> Whole:
    """Run the tracker on `video`, its video written, and judge it by `truth`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        sampled: Counter[str] = Counter()
        started = time.perf_counter()
        with _sampling(sampled), contextlib.redirect_stderr(io.StringIO()) as said:
            code = run_tracker([str(video), "--out", str(out), *options.split()])
        seconds = time.perf_counter() - started
        if code:
            raise SystemExit(said.getvalue())
        about = json.loads((out / "run.json").read_text())
        measures = evaluate(read_truth(truth), read_tracks(out / "tracks.txt"))
    frames = about["video"]["frames"]
    stages = [
        Stage(name, one["seconds"], one["seconds"] / seconds, frames / max(one["seconds"], 1e-3))
        for name, one in about["stages"].items()
    ]
    rest = seconds - sum(stage.seconds for stage in stages)
    stages.append(Stage("the rest", rest, rest / seconds, frames / max(rest, 1e-3)))
    seen = about["stages"]["detection"]["frames_looked_at"] / frames
    total = sum(sampled.values())
    profile = [f"{count / total:6.1%}  {where}" for where, count in sampled.most_common(25)]
    mota, idf1 = measures.mota, measures.idf1
    people = about["counts"]["people"]
    return Whole(options, seconds, frames, stages, seen, mota, idf1, people, profile)


def floors(video: Path) -> list[Row]:
    """What nothing that reads, or writes, these pictures can be faster than."""
    with VideoReader(video) as reader:
        pictures = [frame.image for frame in itertools.islice(reader, FLOOR_FRAMES)]
    height, width = pictures[0].shape[:2]

    def decode() -> None:
        with av.open(str(video)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            collections.deque(itertools.islice(container.decode(stream), FLOOR_FRAMES), maxlen=0)

    def read() -> None:
        with VideoReader(video) as reader:
            collections.deque(itertools.islice(reader, FLOOR_FRAMES), maxlen=0)

    def look() -> None:
        for picture in pictures:
            np.max(picture)

    def encode() -> None:
        with tempfile.TemporaryDirectory() as folder:
            path, rate = Path(folder) / "floor.mp4", Fraction(30)
            with VideoWriter(path, width, height, 1 / rate, rate, crf=CRF, preset=PRESET) as writer:
                for number, picture in enumerate(pictures):
                    writer.write(picture, number)

    ways = {
        "decode only": decode,
        "decode, upright RGB": read,
        "one pass over the pixels": look,
        "encode only": encode,
    }
    return in_turn(f"floors, {width}x{height}", "frames", len(pictures), ways)


@contextlib.contextmanager
def _sampling(counts: Counter[str]) -> Iterator[None]:
    """Count, a hundred times a second, what each thread is doing in the tracker's own code."""
    stop = threading.Event()

    def sample() -> None:
        own = threading.get_ident()
        while not stop.wait(SAMPLE_EVERY_S):
            names = {thread.ident: thread.name for thread in threading.enumerate()}
            for thread, frame in sys._current_frames().items():
                where = None if thread == own else _place(frame)
                if where:
                    counts[f"{names.get(thread, '?').rstrip('_0123456789')}: {where}"] += 1

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield
    finally:
        stop.set()
        sampler.join()


def _place(frame: FrameType | None) -> str | None:
    """The tracker's function that `frame` is in or was called by; None for a thread that waits."""
    if frame is not None and frame.f_code.co_name in IDLE:
        return None
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("tracker."):
            return f"{module.removeprefix('tracker.')}.{frame.f_code.co_name}"
        frame = frame.f_back
    return None
