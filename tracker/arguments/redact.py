"""What `multiface redact` can be told, and examples of it."""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

REDACT_EXAMPLES = """\
examples:
  multiface redact runs/film
  multiface redact runs/film --keep "Zoë" 3 --out film-redacted.mp4
  multiface redact runs/film --hide "Person 2" --method fill --no-sound

Everybody is hidden; with --keep, everybody else; with --hide, only those named. Unknown faces, of
bystanders or of somebody who was not followed there, are hidden in each case, unless you say
--leave-unknown. The boxes in which a face to keep was found stay as they are, whoever else is in
them.

What is hidden is looked through again: what a face detector still finds is hidden as well, and what
it finds in the finished file is listed beside it, in redacted.found.csv (a header alone: nothing);
then the exit code is 1. That is no proof: faces that no detector finds are not hidden, and a face
taken for somebody else's is treated as that. Watch the result before you publish it. The result
holds no metadata, chapters or cover of the source; but its sound may still name people, and so may
pictures of clothes, tattoos or name tags.
"""


def add_redact_arguments(parser: argparse.ArgumentParser) -> None:
    """What `multiface redact` can be told."""
    parser.add_argument("run", type=Path, help="a run folder")
    who = parser.add_mutually_exclusive_group()
    who.add_argument(
        "--keep",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="hide everybody but these, given by name or number",
    )
    who.add_argument(
        "--hide",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="hide only these, given by name or number",
    )
    parser.add_argument(
        "--leave-unknown",
        action="store_true",
        help="leave faces as they are that belong to nobody in the run",
    )
    parser.add_argument(
        "--method",
        choices=("blur", "pixelate", "fill"),
        default="blur",
        help="how: two mean colours to a side, softly joined; squares, four to a side; one grey, "
        "which tells least; default: blur",
    )
    parser.add_argument(
        "--margin",
        type=_seconds,
        default=Fraction(1, 2),
        metavar="SECONDS",
        help="how long before and after each stay a face is hidden, up to the next cut but across "
        "dissolves; default: 0.5",
    )
    parser.add_argument(
        "--no-sound",
        action="store_true",
        help="leave out the sound, which may name people; default: it is kept",
    )
    parser.add_argument(
        "--video",
        type=Path,
        metavar="FILE",
        help="where the video lies now; default: where it was",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="an MP4; default: redacted.mp4 in the run folder"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:n")


def _seconds(text: str) -> Fraction:
    """`text` as seconds, exact."""
    try:
        seconds = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds") from error
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} s is not between 0 and 3600")
    return seconds
