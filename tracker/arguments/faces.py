"""What several commands can be told: how faces are found, and people told apart."""

from __future__ import annotations

import argparse
from pathlib import Path

from tracker.config import BACKBONES, DETECTORS, FEATURE_KINDS, LOSSES, MINING, TRUNKS


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """What a run can be told of any video."""
    parser.add_argument("--people", type=int, metavar="K", help="how many there are, if known")
    add_finding_arguments(parser)
    parser.add_argument("--features", choices=FEATURE_KINDS, help="default: auto")
    parser.add_argument(
        "--loss", choices=LOSSES, metavar="LOSS", help="what is learned by; default: symtriplet"
    )
    parser.add_argument(
        "--mining", choices=MINING, metavar="MINING", help="what a loss is shown; default: auto"
    )
    parser.add_argument(
        "--trunk", choices=TRUNKS, help="learn on features, or fine-tune a CNN; default: head"
    )
    parser.add_argument(
        "--backbone",
        choices=("auto", *BACKBONES),
        metavar="NET",
        help="the CNN of --trunk finetune",
    )
    parser.add_argument("--dim", type=int, metavar="D", help="of the embedding; default: 64")
    parser.add_argument(
        "--init", metavar="RUN", help="start from what another run of the series has learned"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of every random choice; default: 0")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:n")
    parser.add_argument("--no-video", action="store_true", help="write no annotated.mp4")
    parser.add_argument("--json", action="store_true", help="print a summary as JSON when done")


def add_face_arguments(parser: argparse.ArgumentParser) -> None:
    """How faces are found: the same for whatever is made of them."""
    add_finding_arguments(parser)
    add_given_arguments(parser)


def add_finding_arguments(parser: argparse.ArgumentParser) -> None:
    """How faces are found in any video."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (YAML); see configs/")
    parser.add_argument("--detector", choices=DETECTORS, help="default: auto")
    parser.add_argument(
        "--min-score", type=float, metavar="S", help="pass over weaker detections, 0 to 1"
    )
    parser.add_argument(
        "--min-face", type=int, metavar="PX", help="smallest face; default: by detector"
    )
    parser.add_argument(
        "--detect-every",
        type=_auto_or_number,
        metavar="N",
        help="look for faces in one frame of N; auto: seven times a second, and more often where "
        "they come, go or move, which saves half of the looks and may lose a few faces; default: 1",
    )


def add_given_arguments(parser: argparse.ArgumentParser) -> None:
    """What is not to be found in a video, as it is known."""
    parser.add_argument("--detections", metavar="FILE", help="use these boxes (MOT text) instead")
    parser.add_argument(
        "--box-scale", metavar="W,H", help="make the boxes of --detections wider and taller"
    )
    parser.add_argument("--shots", metavar="FILE", help="use these shots (as in shots.csv) instead")


def _auto_or_number(text: str) -> int | str:
    if text != "auto" and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto nor a number of frames")
    return text if text == "auto" else int(text)
