"""How long 1500 steps of one head take on T-ara's faces, and how much of it goes into batches.

    python benchmarks/learning.py --shared ../shared --out /tmp/losses [RECIPE ...]

Uses the run folders of losses.py, whose recipes it takes.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from accuracy import ROOT
from losses import CLIPS, RECIPES, Bench, found_by

from tracker.embedding import objectives, pseudo_identities

SHOWN = (
    "symtriplet",
    "symtriplet+quadruplet",
    "triplet, batch-all",
    "triplet, batch-hard",
    "triplet, distance-weighted",
    "hierarchical-triplet",
    "arcface",
    "symtriplet, 4 learners",
)
STEPS = 1500


def main() -> None:
    """Print a line a recipe and kind of features."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "losses")
    given = parser.parse_args()
    os.environ["TRACKER_WEIGHTS"] = str(given.shared / "weights")
    spent = _Stopwatch()
    for kind in (
        objectives.TupleObjective,
        objectives.MinedObjective,
        objectives.HierarchicalObjective,
        pseudo_identities.IdentityObjective,
    ):
        kind.draw = spent.timing(kind.draw)  # type: ignore[method-assign]
    mined = objectives.MinedObjective
    mined.triplets = spent.timing(mined.triplets)  # type: ignore[method-assign]
    print(f"| features | recipe | {STEPS} steps, s | batches, s | share |")
    print("|---|---|---|---|---|")
    settings = {"heads": 1, "raw_share": 0.0, "steps": STEPS, "held_out_share": 0.0}
    bench = Bench(given.shared, given.out, settings, torch.device("cpu"))
    for features in ("hog", "face"):
        for recipe in given.recipes or SHOWN:
            spent.seconds = 0.0
            seconds = _seconds(bench, features, recipe)
            share = spent.seconds / seconds
            print(
                f"| {features} | {recipe} | {seconds:.1f} | {spent.seconds:.2f} | {share:.0%} |",
                flush=True,
            )


class _Stopwatch:
    """Adds up the time spent in the functions that it times, each entered once at a time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside = False

    def timing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:
            if self._inside:  # one draw that is made of another
                return function(*given)
            self._inside = True
            started = time.perf_counter()
            try:
                return function(*given)
            finally:
                self.seconds += time.perf_counter() - started
                self._inside = False

        return timed


def _seconds(bench: Bench, features: str, recipe: str) -> float:
    """What learning takes by one recipe, always anew."""
    bench.forget_learned(CLIPS[0])
    _, log = found_by(bench, CLIPS[0], features, bench.settings | RECIPES[recipe], seed=0)
    return float(log.stages["learning"]["seconds"])


if __name__ == "__main__":
    main()
