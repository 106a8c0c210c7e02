"""SIGKILL the main job in each of its stages, go on, and compare with an undisturbed run.

    python benchmarks/kill.py [--video videos/demo.mp4] [options of run_tracker.py ...]

One run folder is killed in stage after stage: each run goes on where the one before died.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAGES = [
    "detection", "linking", "constraints", "crops", "features", "learning", "clustering",
    "annotated video",
]  # fmt: skip
KILLER = """
import os, signal, sys
from tracker.cli import run_tracker
from tracker.run import RunLog
timed = RunLog.timed
def dying(self, stage, total, unit):
    if stage != {stage!r}:
        return timed(self, stage, total, unit)
    return Death(timed(self, stage, total, unit))
class Death:
    def __init__(self, inner): self.inner = inner
    def __enter__(self):
        count = self.inner.__enter__()
        def advance(more):
            count(more)
            os.kill(os.getpid(), signal.SIGKILL)
        return advance
    def __exit__(self, *told): return self.inner.__exit__(*told)
RunLog.timed = dying
sys.exit(run_tracker(sys.argv[1:]))
"""


def main() -> None:
    """Kill, go on, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video", type=Path, default=ROOT / "videos" / "demo.mp4")
    given, options = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as temporary:
        killed, calm = Path(temporary) / "killed", Path(temporary) / "calm"
        for stage in STAGES:
            arguments = [given.video, "--out", killed, *options]
            command = [sys.executable, "-c", KILLER.format(stage=stage), *arguments]
            code = subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL).returncode
            print(f"{stage}: exit {code}", flush=True)
        for folder in (killed, calm):
            command = [sys.executable, "run_tracker.py", given.video, "--out", folder, *options]
            subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
        same = (killed / "tracks.txt").read_bytes() == (calm / "tracks.txt").read_bytes()
        print(f"tracks.txt {'the same' if same else 'DIFFERS'}")
        sys.exit(not same)


if __name__ == "__main__":
    main()
