"""What `multiface name` can be told, and examples of it."""

from __future__ import annotations

import argparse
from pathlib import Path

NAME_EXAMPLES = """\
examples:
  multiface name runs/film                         # who is there
  multiface name runs/film 3 "Anna"
  multiface name runs/film 3 "Anna" 5 "Ben"        # several at once: the video is drawn once
  multiface name runs/film Anna "Anna K."          # by the name so far
  multiface name runs/film 3 ""                    # no name again

Names are kept in RUN/edits.jsonl, tied to the faces: they stay through later runs in that folder,
whatever numbers these give to people. See people/ or report.html for who is who.
"""


def add_name_arguments(parser: argparse.ArgumentParser) -> None:
    """What `multiface name` can be told."""
    parser.add_argument("run", type=Path, help="a run folder")
    parser.add_argument(
        "named",
        nargs="*",
        metavar="WHO NAME",
        help="a person, by number or by the name so far, and what to call them; and so on",
    )
    parser.add_argument(
        "--no-video",
        action="store_true",
        help="leave annotated.mp4 as it is, with the names so far; the next run draws it anew",
    )
