"""What `multiface batch` can be told, and examples of it."""

from __future__ import annotations

import argparse
from pathlib import Path

from tracker.arguments.faces import add_run_arguments

BATCH_EXAMPLES = """\
examples:
  multiface batch films
  multiface batch 'films/**/*.mkv' more.txt --out runs/archive --no-video
  multiface batch films --engine ray                             # pip install 'multiface[ray]'
  multiface batch /mnt/films --out /mnt/runs --engine ray --address head:6379

The same command again goes on where the last one stopped, and tries again what failed. What was
done with the same settings is passed over; to look at everything again, delete DIR/batch.jsonl.
Workers share a GPU if there is one. Each takes about a gigabyte of memory.
"""


def add_batch_arguments(parser: argparse.ArgumentParser) -> None:
    """What `multiface batch` can be told."""
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="a folder (all videos below it), a pattern in quotes, a .txt file with a path a line "
        "(relative to it), or a video",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="holds a run folder for each video, by its name, and batch.jsonl; default: runs",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="videos at once; default: one for each core, which gets most done, as each worker is "
        "a process that uses one core (at most 4 where they share a GPU); with a cluster, one for "
        "each of its CPUs",
    )
    parser.add_argument(
        "--retries",
        type=int,
        default=2,
        metavar="N",
        help="further tries of a video whose worker died; default: 2",
    )
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="processes of this machine, or Ray (pip install 'multiface[ray]'); default: local",
    )
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="of a Ray cluster, all of whose nodes see the videos, DIR and the weights under the "
        "same paths; default: one of this machine alone",
    )
    add_run_arguments(parser)
    parser.set_defaults(detections=None, box_scale=None, shots=None)  # of one video each
