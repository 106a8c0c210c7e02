"""What `multiface track` and `run_tracker.py` can be told, and examples of it."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from pathlib import Path

from tracker.arguments.faces import add_given_arguments, add_run_arguments
from tracker.config import BACKBONES, LOSSES, MINING


def _listed(names: Sequence[str]) -> str:
    return textwrap.fill(
        ", ".join(names),
        90,
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
    )


TRACK_EXAMPLES = f"""\
examples:
  run_tracker.py film.mp4
  run_tracker.py film.mp4 --out runs/film-6 --people 6
  run_tracker.py film.mp4 --detector mtcnn --features hog       # needs no downloaded weights
  run_tracker.py film.mp4 --detections faces.txt --shots shots.csv
  run_tracker.py film.mp4 --loss triplet+quadruplet --mining batch-hard
  run_tracker.py film.mp4 --trunk finetune --backbone face      # the paper's way: best on a GPU
  run_tracker.py episode2.mp4 --init runs/episode1

--loss is one of:
{_listed(LOSSES)}
--mining is one of:
{_listed(MINING)}
--backbone is one of:
{_listed(BACKBONES)}
docs/learning.md says what each is for.
"""


def add_track_arguments(parser: argparse.ArgumentParser) -> None:
    """What `multiface track` and `run_tracker.py` can be told."""
    parser.add_argument("video", type=Path, help="anything that FFmpeg decodes")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: runs/<name of the video>")
    add_run_arguments(parser)
    add_given_arguments(parser)
