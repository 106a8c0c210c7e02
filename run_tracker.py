"""The main job: `python run_tracker.py VIDEO`; the same as `multiface track VIDEO`."""

import sys

from tracker.cli import run_tracker

if __name__ == "__main__":
    sys.exit(run_tracker())
