"""What `multiface synth` can be told, and examples of it."""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

SYNTH_EXAMPLES = """\
examples:
  multiface synth drawn/party.mp4 --people 8 --seconds 120 --seed 3
  multiface synth drawn/alone.mp4 --people 6 --shots 30 --groups 1    # no two seen together
"""


def add_synth_arguments(parser: argparse.ArgumentParser) -> None:
    """What `multiface synth` can be told."""
    parser.add_argument("video", type=Path, help="the .mp4 to make; its truth lies beside it")
    parser.add_argument("--people", type=int, metavar="N", help="default: 5")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=float, metavar="S", help="default: 20")
    length.add_argument("--shots", type=int, metavar="N", help="as long as N shots take")
    parser.add_argument(
        "--groups",
        metavar="N,N,…",
        help="how many people a shot has, dealt in shuffled rounds; default: 1,2,3,1,2,2,1,3,2,4",
    )
    parser.add_argument(
        "--variation",
        type=float,
        metavar="V",
        help="of light and face size from shot to shot, 1 to 2; default: 1",
    )
    parser.add_argument("--size", metavar="WxH", help="default: 640x360")
    parser.add_argument(
        "--fps", type=_frame_rate, metavar="F", help="25 or 30000/1001; default: 25"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="default: 0")


def _frame_rate(text: str) -> Fraction:
    try:
        return Fraction(text)
    except ZeroDivisionError as error:
        raise ValueError(f"{text} is no number") from error
