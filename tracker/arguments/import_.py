"""What `multiface import` can be told, and examples of it."""

from __future__ import annotations

import argparse
from pathlib import Path

IMPORT_EXAMPLES = """\
examples:
  multiface import runs/film annotations.xml
  multiface import runs/film corrected.txt --out runs/film-final
  multiface import runs/film runs/film-6

The run stays as it is. Its video, shots and names come along; who is where is said by FILE.
People whom FILE calls by a name in the run keep their number, others get a new one, and those
without a face in it are gone. Frames that a CVAT task leaves out at either end stay as they were.

In CVAT, a person is the attribute "person" of a track: type another person's name, or a new
one. Where a track is somebody else from a frame on, split it there first.
"""


def add_import_arguments(parser: argparse.ArgumentParser) -> None:
    """What `multiface import` can be told."""
    parser.add_argument("run", type=Path, metavar="RUN", help="the run folder that was corrected")
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="CVAT for video 1.1 (.xml), MOT text, or the folder of another run of that video",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="the new run folder; default: RUN-corrected, beside it",
    )
