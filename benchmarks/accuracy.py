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


DRAWN = {  # what `multiface synth` is told
    "12 people, strong light": "--people 12 --shots 60 --variation 1.8 --seed 0",
    "12 people, seed 1": "--people 12 --shots 60 --variation 1.8 --seed 1",
    "nobody together": "--people 6 --shots 30 --groups 1 --seed 0",
    "15 people once": "--people 15 --shots 13 --groups 1,1,1,1,1,1,1,1,1,1,1,2,2 --seed 0",
    "15 people once, seed 1": (
        "--people 15 --shots 13 --groups 1,1,1,1,1,1,1,1,1,1,1,2,2 --seed 1"
    ),
}


def main() -> None:
    """Run the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "accuracy")
    given = parser.parse_args()
    print("| run | MOTA | IDF1 | HOTA | IDS | Frag | recall | precision | purity | people (true) |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in given.names or [*ROWS, *DRAWN]:
        print(row(name, score(name, given.shared, given.out)), flush=True)


def row(name: str, measured: dict[str, float]) -> str:
    """One line of the table."""
    return (
        f"| {name} | {measured['mota']:.3f} | {measured['idf1']:.3f} | {measured['hota']:.3f} "
        f"| {measured['id_switches']} | {measured['fragmentations']} "
        f"| {measured['recall']:.3f} | {measured['precision']:.3f} | {measured['purity']:.3f} "
        f"| {measured['people']} ({measured['truth_people']}) |"
    )


def score(name: str, shared: Path, out: Path, changes: str = "") -> dict[str, float]:
    """Run one row, in a folder of its own, and measure it.

    Args:
        changes: settings that differ from the defaults, as YAML.
    """
    video, truth, options, weights_at_hand = material(name, shared, out)
    folder = out / _file_name(name)
    with tempfile.TemporaryDirectory() as temporary:
        weights = shared / "weights" if weights_at_hand else Path(temporary)
        environment = os.environ | {"TRACKER_WEIGHTS": str(weights)}
        config = Path(temporary) / "changes.yaml"
        config.write_text(changes or "{}", encoding="utf-8")
        command = [sys.executable, ROOT / "run_tracker.py", video, "--out", folder]
        command += ["--config", config, *options.format(shared=shared).split(), "--no-video"]
        subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
    command = [sys.executable, "-m", "tracker.cli", "evaluate", folder, "--gt", truth]
    told = subprocess.run([*command, "--json"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    measured: dict[str, float] = json.loads(told.stdout)
    return measured


def material(name: str, shared: Path, out: Path) -> tuple[Path, Path, str, bool]:
    """Video, truth, options, and whether the weights are at hand; drawn films are drawn here."""
    if name in ROWS:
        video, truth, options, weights_at_hand = ROWS[name]
        base = ROOT if video.startswith("videos") else shared
        return base / video, base / truth, options, weights_at_hand
    video = out / "drawn" / f"{_file_name(name)}.mp4"
    if not video.exists():
        video.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tracker.cli", "synth", video, *DRAWN[name].split()]
        subprocess.run(
            command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    return video, video.with_suffix(".gt.txt"), "", True


def _file_name(name: str) -> str:
    return name.replace(" ", "_").replace(",", "")


if __name__ == "__main__":
    main()
