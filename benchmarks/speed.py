"""How fast each part is, beside its floor and beside what one would otherwise run.

    python benchmarks/speed.py [PART ...] [--shared ../shared] [--json FILE]

Parts: run (T-ara from the command to its files, every stage beside its floor, looking at all
frames and at few, with a profile), yunet, mtcnn, features, association, clustering. What is
compared runs in turn, in one process: on a shared machine only the ratios hold.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from speeds.in_turn import printed

PARTS = ("run", "yunet", "mtcnn", "features", "association", "clustering")
RUNS = ("--detect-every 1", "--detect-every auto")


def main() -> None:
    """Measure the parts that are named, and print them as Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default: all"
    )
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there, too")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    os.environ["TRACKER_WEIGHTS"] = str(given.shared / "weights")
    results: dict[str, Any] = {}
    for part in given.parts or PARTS:
        if part == "run":
            results[part] = _whole(given.shared / "data/tara")
        else:
            rows = importlib.import_module(f"speeds.{part}").measure(given.shared)
            print(f"\n{printed(rows)}", flush=True)
            results[part] = [asdict(row) for row in rows]
    if given.json:
        given.json.write_text(json.dumps(results, indent=2) + "\n")


def _whole(tara: Path) -> dict[str, Any]:
    from speeds.stages import floors, run_whole

    rows = floors(tara / "tara.mp4")
    print(f"\n{printed(rows)}", flush=True)
    found: dict[str, Any] = {"floors": [asdict(row) for row in rows]}
    for options in RUNS:
        whole = run_whole(tara / "tara.mp4", tara / "gt.txt", options)
        found[options] = asdict(whole)
        print(
            f"\n{options}: {whole.frames} frames in {whole.seconds:.1f} s, "
            f"**{whole.frames / whole.seconds:.1f} frames/s**; faces looked for in "
            f"{whole.seen_share:.1%}; MOTA {whole.mota:.3f}, IDF1 {whole.idf1:.3f}, "
            f"{whole.people} people\n\n| stage | s | share | frames/s |\n|---|---|---|---|"
        )
        for stage in whole.stages:
            print(
                f"| {stage.name} | {stage.seconds:.1f} | {stage.share:.1%} "
                f"| {stage.frames_per_s:,.0f} |"
            )
        print("\n" + "\n".join(f"    {line}" for line in whole.profile), flush=True)
    return found


if __name__ == "__main__":
    main()
