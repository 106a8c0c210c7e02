"""Peak memory and seconds of each stage on a drawn video of 3 minutes and on one of 30.

    python benchmarks/memory.py [--shared ../shared] [--out /tmp/memory] [options of run_tracker.py]

The videos are drawn once (12 people, 480 x 270) and kept in --out; drawing the long one takes a
quarter of an hour. Then the main job runs on each, always anew, annotated video and all, in a
process of its own, whose memory is read five times a second (what comes and goes in between is
missed). Exit 1: the long one takes over 1.2 times the memory of the short one.

Two sizes are told. "Own" is what the process and its children hold that no file holds too (Pss_Anon
+ Pss_Shmem in /proc/PID/smaps_rollup: what two of them share counts once). It must fit into the
machine, and it is judged. "Resident" is all they hold (Pss), with the pages of mapped files:
libraries, and the crops and features in the run folder. When others need memory these pages go back
to the disk that they came from; where nobody does they stay, so that a long video shows more of
them without needing more. In neither is what the kernel caches of files that are read and written.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MINUTES = (3, 30)
MOST_GROWTH = 1.2
SAMPLE_EVERY_S = 0.2
LEAST_SHOWN_S = 1.0  # a part that takes less is left out of the table
DRAWN = "--people 12 --size 480x270"
AT_START, AT_END = "start", "outputs"  # what lies before the first stage and after the last
# The main job, which tells in a file whenever it begins or ends a stage.
WATCHED = """
import sys, time
from contextlib import contextmanager
from tracker.cli import run_tracker
from tracker.run import RunLog
timed, marks = RunLog.timed, open(sys.argv[1], "w", buffering=1)
@contextmanager
def marked(self, stage, total, unit):
    marks.write(f"{time.monotonic()}\\t{stage}\\n")
    with timed(self, stage, total, unit) as advance:
        yield advance
    marks.write(f"{time.monotonic()}\\t\\n")
RunLog.timed = marked
sys.exit(run_tracker(sys.argv[2:]))
"""


@dataclass(frozen=True, slots=True)
class Size:
    """Memory in MiB: what no file holds too, and all that is resident."""

    own: float
    resident: float


@dataclass(frozen=True, slots=True)
class Part:
    """A stage, or what lies between two.

    Attributes:
        seconds: that it took.
        peak: the largest of each size meanwhile.
    """

    seconds: float
    peak: Size


@dataclass(frozen=True, slots=True)
class Measured:
    """One run, its parts in the order in which they ran."""

    parts: dict[str, Part]
    counts: dict[str, Any]

    @property
    def whole(self) -> Part:
        """All of it."""
        parts = self.parts.values()
        peak = Size(max(p.peak.own for p in parts), max(p.peak.resident for p in parts))
        return Part(sum(part.seconds for part in parts), peak)


def main() -> int:
    """Draw what is not there yet, measure both, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "memory")
    given, options = parser.parse_known_args()
    given.out.mkdir(parents=True, exist_ok=True)
    videos = [drawn(given.out, minutes) for minutes in MINUTES]
    short, long = (measure(video, given.shared, options) for video in videos)
    print(table(short, long))
    return int(long.whole.peak.own > MOST_GROWTH * short.whole.peak.own)


def drawn(folder: Path, minutes: int) -> Path:
    """The video of so many minutes in `folder`; drawn if it is not there."""
    path = folder / f"drawn-{minutes}min.mp4"
    if not path.exists():
        command = [sys.executable, "-m", "tracker.cli", "synth", str(path), *DRAWN.split()]
        subprocess.run([*command, "--seconds", str(60 * minutes)], cwd=ROOT, check=True)
    return path


def measure(video: Path, shared: Path, options: list[str]) -> Measured:
    """Run the main job on `video`, in a new folder, and watch its memory."""
    environment = os.environ | {"TRACKER_WEIGHTS": str((shared / "weights").resolve())}
    with tempfile.TemporaryDirectory(dir=video.parent) as temporary:
        marks, out = Path(temporary) / "marks", Path(temporary) / "run"
        command = [sys.executable, "-c", WATCHED, str(marks), str(video), "--out", str(out)]
        process = subprocess.Popen([*command, *options], cwd=ROOT, env=environment)
        samples = []
        while process.poll() is None:
            samples.append((time.monotonic(), size_of_all(process.pid)))
            time.sleep(SAMPLE_EVERY_S)
        if process.returncode:
            raise SystemExit(f"{video}: exit {process.returncode}")
        samples.append((time.monotonic(), Size(0, 0)))
        edges = [line.split("\t") for line in marks.read_text(encoding="utf-8").splitlines()]
        counts = json.loads((out / "run.json").read_text(encoding="utf-8"))["counts"]
    parts = parts_of(samples, [(float(when), name) for when, name in edges])
    return Measured(parts, counts)


def parts_of(samples: list[tuple[float, Size]], edges: list[tuple[float, str]]) -> dict[str, Part]:
    """The seconds and peaks of what begins at each of `edges`, at least one.

    Args:
        samples: when, and what then.
        edges: when a part begins, and its name; none for what lies between two stages, which
            is named by the one that it prepares.
    """
    names = [AT_START]
    for place, (_, name) in enumerate(edges):
        following = next((f"… before {later}" for _, later in edges[place:] if later), AT_END)
        names.append(name or following)
    starts = [samples[0][0], *(when for when, _ in edges), samples[-1][0]]
    seconds, own, resident = (defaultdict[str, float](float) for _ in range(3))
    for place, name in enumerate(names):
        seconds[name] += starts[place + 1] - starts[place]
    place = 0
    for when, size in samples:
        while place + 1 < len(names) and when >= starts[place + 1]:
            place += 1
        own[names[place]] = max(own[names[place]], size.own)
        resident[names[place]] = max(resident[names[place]], size.resident)
    return {name: Part(seconds[name], Size(own[name], resident[name])) for name in seconds}


def size_of_all(pid: int) -> Size:
    """What a process and all that it started hold now; nothing of those that have just ended."""
    told = [shares(one) for one in (pid, *descendants(pid))]
    own = sum(one.get("Pss_Anon", 0.0) + one.get("Pss_Shmem", 0.0) for one in told)
    return Size(own, sum(one.get("Pss", 0.0) for one in told))


def descendants(pid: int) -> Iterator[int]:
    """The processes that `pid` started, and those that they did."""
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read(file).split():
            yield int(child)
            yield from descendants(int(child))


def shares(pid: int) -> dict[str, float]:
    """The sizes in /proc/PID/smaps_rollup, in MiB."""
    lines = (line.split() for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines())
    return {words[0][:-1]: int(words[1]) / 1024 for words in lines if words[-1] == "kB"}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:  # it has ended
        return ""


def table(short: Measured, long: Measured) -> str:
    """Both runs side by side, as Markdown, without what takes no second; long over short."""
    names = [f"{number} min" for number in MINUTES]
    told = zip(names, (short, long), strict=True)
    lines = [f"{name}: {_counted(run.counts)}  " for name, run in told] + [""]
    columns = [f"{name}, {unit}" for unit in ("s", "own MiB", "resident MiB") for name in names]
    for place in (6, 4, 2):
        columns.insert(place, "ratio")
    lines += [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, part in long.parts.items():
        if part.seconds >= LEAST_SHOWN_S and name in short.parts:
            lines.append(_row(name, short.parts[name], part))
    return "\n".join([*lines, _row("**whole run**", short.whole, long.whole)])


def _counted(counts: dict[str, Any]) -> str:
    shown = ("shots", "detections", "tracklets", "cannot_link_pairs", "people")
    return ", ".join(f"{counts[name]:,} {name.replace('_', ' ')}" for name in shown)


def _row(name: str, short: Part, long: Part) -> str:
    cells = [
        _compared(short.seconds, long.seconds, ",.1f"),
        _compared(short.peak.own, long.peak.own, ",.0f"),
        _compared(short.peak.resident, long.peak.resident, ",.0f"),
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _compared(short: float, long: float, form: str) -> str:
    """Both and their ratio; nothing of what was over before it was looked at."""
    told = [f"{value:{form}}" if value else "" for value in (short, long)]
    return " | ".join([*told, f"{long / short:.2f}" if short and long else ""])


if __name__ == "__main__":
    sys.exit(main())
