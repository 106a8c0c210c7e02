"""What `multiface evaluate` can be told, and examples of it."""

from __future__ import annotations

import argparse
from pathlib import Path

from tracker.arguments.truths import add_truth_arguments

EVALUATE_EXAMPLES = """\
examples:
  multiface evaluate runs/demo --gt videos/demo.gt.txt
  multiface evaluate tracks.txt --gt truth.xml --json
  multiface evaluate runs/film --gt truth.xml --frames 1-3000
  multiface evaluate runs --dataset music_videos.yaml
  multiface evaluate runs/film --gt truth.txt --errors runs/film/errors.html
  multiface evaluate runs/film --gt truth.xml --fit-boxes even
"""


def add_evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    """What `multiface evaluate` can be told."""
    parser.add_argument(
        "run",
        type=Path,
        help="a run folder, or tracks as MOT text or XML; with --dataset, the folder that holds "
        "one for each video, by its name",
    )
    of_what = parser.add_mutually_exclusive_group(required=True)
    of_what.add_argument(
        "--gt", type=Path, metavar="FILE", help="the truth: MOT text, the authors' XML, CVAT"
    )
    of_what.add_argument("--dataset", type=Path, metavar="FILE", help="videos and truths (YAML)")
    add_truth_arguments(parser)
    parser.add_argument(
        "--errors",
        type=Path,
        metavar="PAGE",
        help="write a web page of the worst errors, with pictures, to this .html file",
    )
    parser.add_argument(
        "--video",
        type=Path,
        metavar="FILE",
        help="the video: checks boxes and frames against it; for --errors, default: the run's",
    )
    parser.add_argument(
        "--fit-boxes",
        choices=("even", "odd"),
        help="first fit one scale and shift of all boxes to the truth, on these shots (counted "
        "from 1); then score on the other shots only",
    )
    parser.add_argument(
        "--shots",
        type=Path,
        metavar="FILE",
        help="the shots for --fit-boxes; default: shots.csv of the run folder",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
