"""What each part of telling people apart is worth, and how much the seed matters.

    python benchmarks/identity.py {parts,sides,seeds} [CLIP ...] --shared ../shared --out /tmp/a

`parts` adds one part after the other on T-ara and the drawn cast; `sides` holds the defaults
against nothing learned and everything learned on every clip; `seeds` runs five seeds on every
clip. Clips can be named. Runs go on from those of `accuracy.py` in the same folder.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from accuracy import DRAWN, ROOT, score

TARA = "tara defaults (yunet face)"
CLIPS = [TARA, "intel_edit", "hamilton", "interview", "corporate", "demo", *DRAWN]
OTHERS = ["tara mtcnn hog", "tara headhunter", "demo, nothing downloaded"]
# Each line is that above and one part more; the last is the default.
PARTS = {
    "plain face features": (
        "embedding: {raw_share: 1.0, compensate: false, max_looks: 0}",
        "association: {max_link_gap_frames: 0}",
        "clustering: {min_sure_share: 0.0}",
    ),
    "+ compensation": (
        "embedding: {raw_share: 1.0, max_looks: 0}",
        "association: {max_link_gap_frames: 0}",
        "clustering: {min_sure_share: 0.0}",
    ),
    "+ SymTriplet, as far as the evidence asks": (
        "features: {kind: face}",
        "embedding: {max_looks: 0}",
        "association: {max_link_gap_frames: 0}",
        "clustering: {min_sure_share: 0.0}",
    ),
    "+ HOG beside it": (
        "embedding: {max_looks: 0}",
        "association: {max_link_gap_frames: 0}",
        "clustering: {min_sure_share: 0.0}",
    ),
    "+ in-shot linking": (
        "embedding: {max_looks: 0}",
        "clustering: {min_sure_share: 0.0}",
    ),
    "+ looking again (self-training)": ("clustering: {min_sure_share: 0.0}",),
    "+ false-track rejection = default": (),
}
SIDES = {
    "plain features": "embedding: {raw_share: 1.0, compensate: false, max_looks: 0}",
    "nothing learned": "embedding: {raw_share: 1.0}",
    "learned only": "embedding: {raw_share: 0.0}",
    "default": "",
}
SEEDS = range(5)


def main() -> None:
    """Print the table asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=("parts", "sides", "seeds"))
    parser.add_argument("clips", nargs="*", metavar="CLIP", help="default: all")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "accuracy")
    given = parser.parse_args()
    if given.table == "parts":
        _parts(given.shared, given.out)
    elif given.table == "sides":
        _sides(given.clips or CLIPS, given.shared, given.out)
    else:
        _seeds(given.clips or [*CLIPS, *OTHERS], given.shared, given.out)


def _parts(shared: Path, out: Path) -> None:
    print("| T-ara: MOTA | IDF1 | IDS | people | drawn: IDF1 | people | |")
    print("|---|---|---|---|---|---|---|")
    for name, lines in PARTS.items():
        changes = "\n".join(lines)
        tara = score(TARA, shared, out, changes)
        drawn = [score(one, shared, out, changes) for one in list(DRAWN)[:2]]
        idf1 = ", ".join(f"{one['idf1']:.3f}" for one in drawn)
        people = ", ".join(str(one["people"]) for one in drawn)
        print(
            f"| {tara['mota']:.3f} | {tara['idf1']:.3f} | {tara['id_switches']} "
            f"| {tara['people']} | {idf1} | {people} | {name} |",
            flush=True,
        )


def _sides(clips: list[str], shared: Path, out: Path) -> None:
    print(f"| clip | {' | '.join(SIDES)} |")
    print("|---|" + "---|" * len(SIDES))
    for clip in clips:
        cells = [score(clip, shared, out, changes) for changes in SIDES.values()]
        told = [f"{one['idf1']:.3f} ({one['people']})" for one in cells]
        print(f"| {clip} | {' | '.join(told)} |", flush=True)


def _seeds(clips: list[str], shared: Path, out: Path) -> None:
    print("| clip | IDF1, seeds 0 to 4 | mean | spread | MOTA, mean | IDS | people |")
    print("|---|---|---|---|---|---|---|")
    for clip in clips:
        runs = [score(clip, shared, out, f"seed: {seed}") for seed in SEEDS]
        idf1 = [run["idf1"] for run in runs]
        print(
            f"| {clip} | {' '.join(f'{value:.3f}' for value in idf1)} "
            f"| {statistics.mean(idf1):.3f} | {max(idf1) - min(idf1):.3f} "
            f"| {statistics.mean(run['mota'] for run in runs):.3f} "
            f"| {' '.join(str(run['id_switches']) for run in runs)} "
            f"| {' '.join(str(run['people']) for run in runs)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
