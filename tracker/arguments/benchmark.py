"""What `multiface benchmark` can be told, and examples of it."""

from __future__ import annotations

import argparse
from pathlib import Path

from tracker.arguments.faces import add_face_arguments
from tracker.arguments.truths import add_truth_arguments
from tracker.config import FEATURE_KINDS, LOSSES

BENCHMARK_FEATURES = ("hog", "alexnet", "face", "facenet")
BENCHMARK_LOSSES = ("symtriplet",)
BENCHMARK_EXAMPLES = """\
examples:
  multiface benchmark film.mp4 --gt truth.txt
  multiface benchmark film.mp4 --gt truth.xml --features hog face --losses symtriplet triplet
  multiface benchmark tara.mp4 --gt gt.txt --published T-ara --losses all --seeds 5
  multiface benchmark --dataset music_videos.yaml --out benchmarks/music
"""


def add_benchmark_arguments(parser: argparse.ArgumentParser) -> None:
    """What `multiface benchmark` can be told."""
    parser.add_argument("video", type=Path, nargs="?", help="anything that FFmpeg decodes")
    of_what = parser.add_mutually_exclusive_group(required=True)
    of_what.add_argument(
        "--gt", type=Path, metavar="FILE", help="its truth: MOT text, the authors' XML, CVAT"
    )
    of_what.add_argument(
        "--dataset", type=Path, metavar="FILE", help="instead: videos and truths (YAML)"
    )
    add_truth_arguments(parser)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="default: runs/<name of the video>-benchmark"
    )
    parser.add_argument(
        "--features",
        nargs="+",
        choices=[kind for kind in FEATURE_KINDS if kind != "auto"],
        default=BENCHMARK_FEATURES,
        metavar="KIND",
        help=f"a row each, raw and learned: {', '.join(FEATURE_KINDS[1:])}; default: "
        f"{' '.join(BENCHMARK_FEATURES)}",
    )
    parser.add_argument(
        "--losses",
        nargs="+",
        choices=("all", *LOSSES),
        default=BENCHMARK_LOSSES,
        metavar="LOSS",
        help=f"a row each: all, or as for track --loss; default: {' '.join(BENCHMARK_LOSSES)}",
    )
    parser.add_argument(
        "--seeds", type=int, default=3, metavar="N", help="runs of each learned row; default: 3"
    )
    parser.add_argument(
        "--published", metavar="NAME", help="show others' numbers of this video beside: T-ara, …"
    )
    add_face_arguments(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:n")
    parser.add_argument("--json", action="store_true", help="print table.json when done")
