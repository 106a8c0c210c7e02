"""What `multiface clips` can be told, and examples of it."""

from __future__ import annotations

import argparse
import math
from fractions import Fraction
from pathlib import Path

CLIPS_EXAMPLES = """\
examples:
  multiface clips runs/film --person Zoë
  multiface clips runs/film --person 3 --handles 0                # not a frame more
  multiface clips runs/film --person Zoë Ben --supercut           # where either is seen
  multiface clips runs/film --person Zoë --supercut --out zoe.mp4

Clips are H.264 with AAC, cut to the frame, with the first sound stream of the video cut to match.
Appearances that touch or overlap, handles included, become one clip. Files of the same name are
replaced; whatever else is in the folder is left there.
"""


def add_clips_arguments(parser: argparse.ArgumentParser) -> None:
    """What `multiface clips` can be told."""
    parser.add_argument("run", type=Path, help="the folder of a finished run")
    parser.add_argument(
        "--person",
        nargs="+",
        action="extend",
        required=True,
        metavar="NAME",
        help="whom to show, by name or number; of several people, whenever any of them is seen",
    )
    parser.add_argument(
        "--handles",
        type=_seconds,
        default=Fraction(1, 2),
        metavar="SECONDS",
        help="how much to show before and after each appearance; default: 0.5",
    )
    parser.add_argument(
        "--supercut",
        action="store_true",
        help="one file of all appearances, one after another, instead of a file each",
    )
    parser.add_argument("--video", type=Path, metavar="FILE", help="default: the run's")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help="the folder for NAME-001.mp4, …, or for NAME.mp4 of --supercut, which may also be "
        "given as a .mp4 file; default: RUN/clips",
    )


def _seconds(text: str) -> Fraction:
    seconds = float(text)
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds from 0")
    return Fraction(str(seconds))
