"""What each command can be told, and examples of it."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from tracker.config import BACKBONES, DETECTORS, FEATURE_KINDS, LOSSES, MINING, TRUNKS

BENCHMARK_FEATURES = ("hog", "alexnet", "face", "facenet")
BENCHMARK_LOSSES = ("symtriplet",)


def _listed(names: Sequence[str]) -> str:
    return textwrap.fill(
        ", ".join(names),
        90,
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
    )


TRACK_EXAMPLES = f"""\
examples:
  run_tracker.py film.mp4
  run_tracker.py film.mp4 --out runs/film-6 --people 6
  run_tracker.py film.mp4 --detector mtcnn --features hog       # needs no downloaded weights
  run_tracker.py film.mp4 --detections faces.txt --shots shots.csv
  run_tracker.py film.mp4 --loss triplet+quadruplet --mining batch-hard
  run_tracker.py film.mp4 --trunk finetune --backbone face      # the paper's way: best on a GPU
  run_tracker.py episode2.mp4 --init runs/episode1

--loss is one of:
{_listed(LOSSES)}
--mining is one of:
{_listed(MINING)}
--backbone is one of:
{_listed(BACKBONES)}
docs/learning.md says what each is for.
"""
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
EVALUATE_EXAMPLES = """\
examples:
  multiface evaluate runs/demo --gt videos/demo.gt.txt
  multiface evaluate tracks.txt --gt truth.xml --json
  multiface evaluate runs/film --gt truth.xml --frames 1-3000
  multiface evaluate runs --dataset music_videos.yaml
  multiface evaluate runs/film --gt truth.txt --errors runs/film/errors.html
  multiface evaluate runs/film --gt truth.xml --fit-boxes even
"""
BENCHMARK_EXAMPLES = """\
examples:
  multiface benchmark film.mp4 --gt truth.txt
  multiface benchmark film.mp4 --gt truth.xml --features hog face --losses symtriplet triplet
  multiface benchmark tara.mp4 --gt gt.txt --published T-ara --losses all --seeds 5
  multiface benchmark --dataset music_videos.yaml --out benchmarks/music
"""
SYNTH_EXAMPLES = """\
examples:
  multiface synth drawn/party.mp4 --people 8 --seconds 120 --seed 3
  multiface synth drawn/alone.mp4 --people 6 --shots 30 --groups 1    # no two seen together
"""


def add_track_arguments(parser: argparse.ArgumentParser) -> None:
    """What `multiface track` and `run_tracker.py` can be told."""
    parser.add_argument("video", type=Path, help="anything that FFmpeg decodes")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: runs/<name of the video>")
    _add_run_arguments(parser)
    _add_given_arguments(parser)


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
    _add_run_arguments(parser)
    parser.set_defaults(detections=None, box_scale=None, shots=None)  # of one video each


def _add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """What a run can be told of any video."""
    parser.add_argument("--people", type=int, metavar="K", help="how many there are, if known")
    _add_finding_arguments(parser)
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


def _add_face_arguments(parser: argparse.ArgumentParser) -> None:
    """How faces are found: the same for whatever is made of them."""
    _add_finding_arguments(parser)
    _add_given_arguments(parser)


def _add_finding_arguments(parser: argparse.ArgumentParser) -> None:
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


def _add_given_arguments(parser: argparse.ArgumentParser) -> None:
    """What is not to be found in a video, as it is known."""
    parser.add_argument("--detections", metavar="FILE", help="use these boxes (MOT text) instead")
    parser.add_argument(
        "--box-scale", metavar="W,H", help="make the boxes of --detections wider and taller"
    )
    parser.add_argument("--shots", metavar="FILE", help="use these shots (as in shots.csv) instead")


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
    _add_truth_arguments(parser)
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
    _add_truth_arguments(parser)
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
    _add_face_arguments(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:n")
    parser.add_argument("--json", action="store_true", help="print table.json when done")


def _add_truth_arguments(parser: argparse.ArgumentParser) -> None:
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


def _auto_or_number(text: str) -> int | str:
    if text != "auto" and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto nor a number of frames")
    return text if text == "auto" else int(text)


def _frame_rate(text: str) -> Fraction:
    try:
        return Fraction(text)
    except ZeroDivisionError as error:
        raise ValueError(f"{text} is no number") from error
