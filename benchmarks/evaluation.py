"""Seconds that all measures of tracks take, on one core, for 30,000 and for a million boxes.

    python benchmarks/evaluation.py [--boxes 30000 1000000] [--people 5] [--seed 0]

People walk about a picture of 1280 x 720, in front of each other too. Their tracks are unsteady,
lose one box in ten, find as many where nobody is, and go wrong about a person every 500 boxes.
Then the same boxes as a detector leaves them: every one its own person.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace

# One thread, as the libraries below read it when they are imported.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np
from numpy.typing import NDArray

from tracker.evaluation.measures import Measures, evaluate
from tracker.evaluation.truth import Truth
from tracker.records import Tracks

WIDTH, HEIGHT = 1280, 720
LOST, WRONG = 0.1, 1 / 500  # of the boxes


def main() -> None:
    """Print one line for each number of boxes, tracked and untracked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--boxes", type=int, nargs="+", default=[30_000, 1_000_000])
    parser.add_argument("--people", type=int, default=5, help="in every frame; default: 5")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    for boxes in given.boxes:
        rng = np.random.default_rng(given.seed)
        truth = walks(max(boxes // given.people, 1), given.people, rng)
        tracks = tracked(truth, rng)
        alone = np.arange(1, len(tracks) + 1, dtype=np.int32)
        report("tracked", Truth(truth), tracks)
        report("each box alone", Truth(truth), replace(tracks, person=alone))


def report(name: str, truth: Truth, tracks: Tracks) -> None:
    """Evaluate `tracks` and print the seconds."""
    start = time.perf_counter()
    measures: Measures = evaluate(truth, tracks)
    seconds = time.perf_counter() - start
    print(
        f"{measures.truth_boxes:>9,} true boxes, {measures.frames:>7,} frames, "
        f"{measures.people:>9,} people, {name:<14} {seconds:7.2f} s   MOTA {measures.mota:.3f}  "
        f"IDF1 {measures.idf1:.3f}  HOTA {measures.hota:.3f}"
    )


def walks(frames: int, people: int, rng: np.random.Generator) -> Tracks:
    """`people` in every frame, in boxes of 60 to 120 pixels that turn back at the edges."""
    steps = rng.normal(0, 4, (frames, people, 2)).cumsum(axis=0)
    centre = mirrored(rng.uniform(0, 1280, (people, 2)) + steps, np.array([WIDTH, HEIGHT]))
    half = rng.uniform(30, 60, (people, 2))
    boxes = np.concatenate([centre - half, centre + half], axis=2)
    return Tracks(
        np.repeat(np.arange(frames, dtype=np.int32), people),
        np.tile(np.arange(1, people + 1, dtype=np.int32), frames),
        boxes.reshape(-1, 4).astype(np.float32),
        np.ones(frames * people, np.float32),
    )


def mirrored(values: NDArray[np.floating], limit: NDArray[np.int_]) -> NDArray[np.floating]:
    """`values` (..., 2) thrown back at 0 and at `limit` (2,), however often."""
    return limit - np.abs(values % (2 * limit) - limit)


def tracked(truth: Tracks, rng: np.random.Generator) -> Tracks:
    """The tracks of `truth` that a tracker with the faults above would leave."""
    people = int(truth.person.max())
    errors = np.zeros(len(truth), np.int32)
    errors[rng.random(len(truth)) < WRONG] = 1
    by_person = errors.reshape(-1, people).cumsum(axis=0).reshape(-1)  # how often it went wrong
    person = truth.person + people * by_person
    boxes = truth.boxes + rng.normal(0, 4, truth.boxes.shape)
    elsewhere = rng.random(len(truth)) < LOST
    boxes[elsewhere] += rng.uniform(-400, 400, (np.count_nonzero(elsewhere), 1))
    return Tracks(truth.frame, person.astype(np.int32), boxes.astype(np.float32), truth.scores)


if __name__ == "__main__":
    main()
