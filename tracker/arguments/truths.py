"""What `evaluate` and `benchmark` can both be told."""

from __future__ import annotations

import argparse


def add_truth_arguments(parser: argparse.ArgumentParser) -> None:
    """How a truth is read, and when a box is right."""
    parser.add_argument(
        "--gt-step",
        type=int,
        default=1,
        metavar="N",
        help="the truth has every Nth frame of the video, numbered without gaps",
    )
    parser.add_argument(
        "--frames",
        metavar="FIRST-LAST",
        help="judge only these frames of the video, from 1, both included",
    )
    parser.add_argument("--iou", type=float, default=0.5, help="for a match; default: 0.5")
