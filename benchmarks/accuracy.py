"""Run the main job on real footage beside the checkout and print a table of how good it is.

    python benchmarks/accuracy.py --shared ../shared --out /tmp/accuracy [NAME ...]

Runs resume: a second call only redoes what changed. Without names, all rows; those with MTCNN
take about 15 minutes on two cores, YuNet on T-ara four.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARA = ("data/tara/tara.mp4", "data/tara/gt.txt")
HEADHUNTER = "--detections {shared}/data/tara/headhunter.txt --min-score 0.08 --box-scale 1.1,1.4"

ROWS = {  # name: video, truth, options, whether the weights are at hand
    "demo, nothing downloaded": ("videos/demo.mp4", "videos/demo.gt.txt", "", False),
    "demo": ("videos/demo.mp4", "videos/demo.gt.txt", "", True),
    "tara yunet hog": (*TARA, "--detector yunet --features hog", True),
    "tara yunet hog K=6": (*TARA, "--detector yunet --features hog --people 6", True),
    "tara defaults (yunet face)": (*TARA, "", True),
    "tara mtcnn hog": (*TARA, "--detector mtcnn --features hog", False),
    "tara headhunter": (*TARA, HEADHUNTER, True),
    "tara headhunter hog": (*TARA, HEADHUNTER + " --features hog", True),
    "intel_edit": ("data/intel_edit/intel_ccby_edit.mp4", "data/intel_edit/gt.txt", "", True),
    **{
        name: (f"data/clips/{name}/{name}.mp4", f"data/clips/{name}/gt.txt", "", True)
        for name in ("hamilton", "interview", "corporate")
    },
}


def main() -> None:
    """Run the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "accuracy")
    given = parser.parse_args()
    print("| run | MOTA | IDF1 | IDS | Frag | recall | precision | purity | people (true) |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in given.names or ROWS:
        print(row(name, given.shared, given.out), flush=True)


def row(name: str, shared: Path, out: Path) -> str:
    """Run and score one row."""
    video, truth, options, weights_at_hand = ROWS[name]
    base = ROOT if video.startswith("videos") else shared
    folder = out / name.replace(" ", "_").replace(",", "")
    with tempfile.TemporaryDirectory() as empty:
        weights = shared / "weights" if weights_at_hand else Path(empty)
        environment = os.environ | {"TRACKER_WEIGHTS": str(weights)}
        command = [sys.executable, ROOT / "run_tracker.py", base / video, "--out", folder]
        command += [*options.format(shared=shared).split(), "--no-video"]
        subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
    command = [sys.executable, "-m", "tracker.cli", "evaluate", folder, "--gt", base / truth]
    told = subprocess.run([*command, "--json"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    score = json.loads(told.stdout)
    return (
        f"| {name} | {score['mota']:.3f} | {score['idf1']:.3f} | {score['id_switches']} "
        f"| {score['fragmentations']} | {score['recall']:.3f} | {score['precision']:.3f} "
        f"| {score['purity']:.3f} | {score['people']} ({score['truth_people']}) |"
    )


if __name__ == "__main__":
    main()
