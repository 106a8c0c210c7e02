"""How much sooner a batch of videos is done by two workers than by one, and that Ray loses none.

    python benchmarks/batch.py [--videos 8] [--seconds 15] [--rounds 3] [--out results.json]

Draws the videos, then runs `multiface batch` on all of them with one worker and with two, in
turn, start-up included, each time from nothing. Then once on Ray, where a worker is killed
while it is at work on its second video: every video must be done, and none twice, or the exit
code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

from tracker.synthetic import SynthConfig, write_drawn_video

ROOT = Path(__file__).resolve().parent.parent
TASK = "ray::_do_on_one_core"  # what Ray calls a process while it is at work on a video


def main() -> None:
    """Draw, time, kill, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write what was measured as JSON")
    given, options = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as temporary:
        films = Path(temporary) / "films"
        frames = draw(films, given.videos, given.seconds)
        measured = compare(films, Path(temporary), given.rounds, options)
        measured["frames_per_s"] = {
            name: [round(frames / second, 2) for second in taken]
            for name, taken in measured["seconds"].items()
        }
        measured["ray"] = with_a_worker_killed(films, Path(temporary) / "ray", options)
    print(json.dumps(measured, indent=2))
    if given.out:
        given.out.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    if not measured["ray"]["good"]:
        sys.exit("Ray: no worker was killed, or a video was not done, or one was done twice")


def draw(folder: Path, count: int, seconds: float) -> int:
    """Draw the videos; how many frames they have in all."""
    frames = 0

    def advance(more: int) -> None:
        nonlocal frames
        frames += more

    for seed in range(count):
        config = SynthConfig(
            people=3, duration_s=seconds, width=640, height=360, frame_rate=Fraction(25), seed=seed
        )
        write_drawn_video(folder, f"film{seed}", config, advance)
    print(f"{count} videos, {frames} frames", flush=True)
    return frames


def compare(films: Path, place: Path, rounds: int, options: list[str]) -> dict[str, Any]:
    """The seconds that one worker takes, and two, in turn, and their ratio in each round."""
    seconds: dict[str, list[float]] = {"1 worker": [], "2 workers": []}
    for turn in range(rounds):
        for workers, (name, taken) in enumerate(seconds.items(), start=1):
            command = batch(films, place / f"{workers}-{turn}", "--workers", workers, *options)
            started = time.perf_counter()
            subprocess.run(
                command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            taken.append(round(time.perf_counter() - started, 2))
            print(f"round {turn + 1}, {name}: {taken[-1]} s", flush=True)
    ratios = [one / two for one, two in zip(*seconds.values(), strict=True)]
    return {"seconds": seconds, "ratio": round(statistics.median(ratios), 3)}


def with_a_worker_killed(films: Path, out: Path, options: list[str]) -> dict[str, Any]:
    """What Ray makes of the videos when one of its workers dies in the midst of them."""
    command = batch(films, out, "--engine", "ray", "--workers", 2, *options)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    killed = False
    while process.poll() is None:
        if not killed and counts(out)["done"] >= 1 and (ids := tasks_below(process.pid)):
            os.kill(ids[0], signal.SIGKILL)
            killed = True
        time.sleep(0.2)
    states = counts(out)
    videos = len(list(films.glob("*.mp4")))
    good = killed and states["done"] == videos and states["started"] == videos + states["lost"]
    return {"exit": process.returncode, "killed": killed, "states": dict(states), "good": good}


def batch(films: Path, out: Path, *options: object) -> list[str]:
    """The command line of a batch."""
    command = [sys.executable, "-m", "tracker.cli", "batch", films, "--out", out, *options]
    return [str(part) for part in command]


def counts(out: Path) -> Counter[str]:
    """How many times any video came to each state."""
    try:
        lines = (out / "batch.jsonl").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return Counter()
    return Counter(json.loads(line)["state"] for line in lines)


def tasks_below(ancestor: int) -> list[int]:
    """The processes at work on a video that descend from one, by their ids."""
    parents: dict[int, int] = {}
    names: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text()
            names[int(folder.name)] = (folder / "cmdline").read_text()
        except OSError:  # gone meanwhile
            continue
        parents[int(folder.name)] = int(status.rpartition(")")[2].split()[1])

    def descends(one: int) -> bool:
        while one in parents and one != ancestor:
            one = parents[one]
        return one == ancestor

    return sorted(one for one, name in names.items() if name.startswith(TASK) and descends(one))


if __name__ == "__main__":
    main()
