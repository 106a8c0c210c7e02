"""Every loss, and every way of mining, on the same mined constraints of the same faces.

    python benchmarks/losses.py --shared ../shared --out /tmp/losses [--clips CLIP ...]
        [--features hog face] [--seeds 0 1 2] [RECIPE ...]

One head learns, all of the distance is what it learned, and as many people are asked for as
there are: so the table tells losses apart, not how many networks are averaged or where merging
stops. How many people are found where the number is not given stands beside it. Runs resume.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from accuracy import ROOT, material
from numpy.typing import NDArray

from tracker.config import BACKBONES, LOSSES, Config
from tracker.evaluation.measures import evaluate
from tracker.evaluation.truth import read_truth
from tracker.pipeline import Findings, find_people
from tracker.records import NOBODY
from tracker.reporting import make_progress
from tracker.run import Run, RunLog
from tracker.settings import with_settings
from tracker.storage import RunFolder, stage_key
from tracker.video.reader import probe_video

CLIPS = ("tara defaults (yunet face)", "12 people, strong light")
MINED = ("batch-all", "batch-hard", "semi-hard", "distance-weighted", "anchor-neighbour")
RECIPES: dict[str, dict[str, Any]] = {
    "nothing learned": {"raw_share": 1.0, "max_looks": 0},
    **{loss: {"loss": loss} for loss in LOSSES},
    **{
        f"{loss}, {mining}": {"loss": loss, "mining": mining}
        for loss in ("symtriplet", "triplet")
        for mining in MINED
    },
    "symtriplet, 4 learners": {"learners": 4},
}
FINETUNED = {  # by name only: they take long without a GPU
    f"finetune {backbone}": {
        "trunk": "finetune",
        "backbone": backbone,
        "mining": "batch-hard",
        "trunk_rate": 1e-3 if backbone == "small" else 1e-4,
    }
    for backbone in BACKBONES
}
ALL = RECIPES | FINETUNED
MEASURES = ("purity", "nmi", "idf1")


@dataclass(frozen=True)
class Bench:
    """Where results are kept, and what all recipes share."""

    shared: Path
    out: Path
    settings: dict[str, Any]
    device: torch.device

    def folder(self, clip: str) -> Path:
        """The run folder of `clip`."""
        return self.out / f"losses_{clip}".replace(" ", "_").replace(",", "")

    def forget_learned(self, clip: str) -> None:
        """Delete what was learned from `clip`, and who was found by it."""
        stages = self.folder(clip) / "stages"
        for old in [*stages.glob("learning-*"), *stages.glob("clustering-*")]:
            old.unlink()


def main() -> None:
    """Print a line a recipe, clip and kind of features."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="default: all")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "losses")
    parser.add_argument("--clips", nargs="*", default=CLIPS)
    parser.add_argument("--features", nargs="*", default=("hog", "face"))
    parser.add_argument("--seeds", nargs="*", type=int, default=(0, 1, 2))
    parser.add_argument("--settings", default="{}", help="embedding settings for all, as YAML")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    os.environ["TRACKER_WEIGHTS"] = str(given.shared / "weights")
    if unknown := [name for name in given.recipes if name not in ALL]:
        sys.exit(f"no recipe {unknown[0]!r}; there are: {'; '.join(ALL)}")
    settings = {"heads": 1, "raw_share": 0.0} | yaml.safe_load(given.settings)
    bench = Bench(given.shared, given.out, settings, torch.device(given.device))
    print("| clip | features | recipe | purity at K | NMI | IDF1 | people | steps | held | s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for clip in given.clips:
        for features in given.features:
            for recipe in given.recipes or RECIPES:
                runs = [measure(bench, clip, features, recipe, seed) for seed in given.seeds]
                print(_row(clip, features, recipe, runs), flush=True)


def measure(bench: Bench, clip: str, features: str, recipe: str, seed: int) -> dict[str, float]:
    """Learn by one recipe and measure who is who, or read what was measured before."""
    changes = bench.settings | ALL[recipe]
    kept = bench.folder(clip) / f"{stage_key('measured', changes, features, str(seed))}.json"
    if kept.exists():
        before: dict[str, float] = json.loads(kept.read_text())
        return before
    bench.forget_learned(clip)  # it may be of other code
    truth = read_truth(material(clip, bench.shared, bench.out)[1], 1)
    named = truth.tracks.person[truth.tracks.person != NOBODY]
    free, log = found_by(bench, clip, features, changes, seed)
    asked, _ = found_by(bench, clip, features, changes, seed, len(np.unique(named)))
    measures = evaluate(truth, asked.tracks)
    curves = free.identities.embedding.curves
    measured = {
        "purity": measures.purity,
        "nmi": measures.nmi,
        "idf1": measures.idf1,
        "people": len(np.unique(free.tracks.person)),
        "steps": len(curves.loss),
        "held": _last(curves.held_out),
        "seconds": log.stages["learning"]["seconds"],
    }
    kept.write_text(json.dumps(measured))
    return measured


def found_by(
    bench: Bench,
    clip: str,
    features: str,
    changes: dict[str, Any],
    seed: int,
    people: int | None = None,
) -> tuple[Findings, RunLog]:
    """What is found in `clip` with other embedding settings, and what was done to find it."""
    video, _, _, _ = material(clip, bench.shared, bench.out)
    config = with_settings(
        Config(seed=seed),
        {
            "features": {"kind": features},
            "embedding": changes,
            "clustering": {"people": people},
        },
    )
    log = RunLog(make_progress())
    run = Run(video, RunFolder(bench.folder(clip)), config, bench.device, log)
    return find_people(run, probe_video(video)), log


def _last(curve: NDArray[np.float32]) -> float:
    known = curve[np.isfinite(curve)]
    return float(known[-1]) if len(known) else float("nan")


def _row(clip: str, features: str, recipe: str, runs: list[dict[str, float]]) -> str:
    told = []
    for name in MEASURES:
        values = [run[name] for run in runs]
        told.append(f"{statistics.mean(values):.3f} ± {max(values) - min(values):.3f}")
    people = " ".join(str(run["people"]) for run in runs)
    steps, held, seconds = (
        statistics.mean(run[name] for run in runs) for name in ("steps", "held", "seconds")
    )
    return (
        f"| {clip} | {features} | {recipe} | {' | '.join(told)} | {people} | {steps:.0f} "
        f"| {held:.3f} | {seconds:.1f} |"
    )


if __name__ == "__main__":
    main()
