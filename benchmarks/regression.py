"""Run films whose golden numbers are known, and print what they are now, as YAML.

    python benchmarks/regression.py [NAME ...] [--seeds 0 1 2] [--shared ../shared]

tests/test_regression.py is the gate: it runs all but those of `BY_HAND` (`corporate`, and the
whole of T-ara, five minutes on two cores), which only this script runs, when they are named. What
it prints for a film may be pasted into tests/golden.yaml as it is. More than one seed shows how
much numbers differ without a reason, which is what may_fall is for. Exit 1: something fell.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import av
import yaml

from tracker import weights
from tracker.cli import run_tracker
from tracker.errors import TrackerError
from tracker.evaluation.measures import Measures, evaluate
from tracker.evaluation.truth import read_tracks, read_truth
from tracker.mot import read_mot, write_mot
from tracker.records import Tracks
from tracker.synthetic import SynthConfig, write_drawn_video

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests/golden.yaml"
SLACK = 0.0005  # golden numbers are rounded to three decimals
REORDERED_FRAMES = 16  # no video shows a frame so much later than it is stored


@dataclass(frozen=True, slots=True)
class Film:
    """A video with its truth, and how the tracker is run on it.

    Attributes:
        folder: of the video and the truth: ROOT's videos, or below ../shared/data.
        video: its name; of a drawn one, without ".mp4".
        drawn: how it is drawn, if it is.
        options: of run_tracker.py; {boxes} is the file of detections.
        boxes: the name of that file; of a drawn film it is the truth.
        has_weights: whether ../shared/weights are at hand; else no weights are.
        frames: only so many from the start are run; None: all.
    """

    folder: str = ""
    video: str = ""
    truth: str = "gt.txt"
    drawn: SynthConfig | None = None
    options: str = ""
    boxes: str = "gt.txt"
    has_weights: bool = False
    frames: int | None = None


class Files(NamedTuple):
    """A film on disk."""

    video: Path
    truth: Path
    boxes: Path


class Floor(NamedTuple):
    """A golden number, and how far below it is no failure."""

    golden: float
    may_fall: float


@dataclass(frozen=True, slots=True)
class Golden:
    """What a film's numbers were when they were last agreed on.

    Attributes:
        floors: by the name of the measure.
        people: fewest and most people that may be found.
    """

    floors: Mapping[str, Floor]
    people: tuple[int, int]


# 12.5 frames/s are half the work and as hard.
OFTEN_TOGETHER = SynthConfig(
    people=6, duration_s=20, frame_rate=Fraction(25, 2), seed=3, group_sizes=(2, 3, 4, 3)
)
SELDOM_TOGETHER = SynthConfig(
    people=6, duration_s=16, frame_rate=Fraction(25, 2), seed=1, group_sizes=(1, 2, 1)
)
OFFLINE = {
    "demo": Film("videos", "demo.mp4", "demo.gt.txt"),
    "often together": Film(video="often", drawn=OFTEN_TOGETHER),
    "seldom together": Film(video="seldom", drawn=SELDOM_TOGETHER, options="--detections {boxes}"),
}
HEADHUNTER = "--detections {boxes} --min-score 0.08 --box-scale 1.1,1.4"
WITH_SHARED = {
    "often together, face network": Film(video="often", drawn=OFTEN_TOGETHER, has_weights=True),
    "hamilton": Film("clips/hamilton", "hamilton.mp4", has_weights=True),
    "interview": Film("clips/interview", "interview.mp4", has_weights=True),
    "intel_edit": Film("intel_edit", "intel_ccby_edit.mp4", has_weights=True),
    "start of T-ara": Film(
        "tara", "tara.mp4", options=HEADHUNTER, boxes="headhunter.txt", frames=1500
    ),
}
BY_HAND = {
    "corporate": Film("clips/corporate", "corporate.mp4", has_weights=True),
    "T-ara": Film("tara", "tara.mp4", has_weights=True),
}
FILMS = OFFLINE | WITH_SHARED | BY_HAND


def main() -> int:
    """Run the films asked for; 1 if a number fell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FILMS)}")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in FILMS]
    if unknown:
        parser.error(f"unknown film {unknown[0]!r}: name one of {', '.join(FILMS)}")
    golden, fallen = read_golden(), []
    for name in given.names or [*OFFLINE, *WITH_SHARED]:
        with tempfile.TemporaryDirectory() as folder:
            runs = [run_film(name, Path(folder), given.shared, seed) for seed in given.seeds]
        print(renewed(name, runs, golden[name]), flush=True)
        fallen += [line for measured in runs[:1] for line in falls(name, measured, golden[name])]
    print("".join(f"{line}\n" for line in fallen), end="", file=sys.stderr)
    return 1 if fallen else 0


def read_golden(path: Path = GOLDEN) -> dict[str, Golden]:
    """The golden numbers of every film."""
    return {
        name: Golden(
            {measure: Floor(**said) for measure, said in floors.items() if measure != "people"},
            tuple(floors["people"]),
        )
        for name, floors in yaml.safe_load(path.read_text(encoding="utf-8")).items()
    }


def falls(name: str, measured: Measures, golden: Golden) -> list[str]:
    """What is worse than it may be, a line each; none where the gate is passed."""
    values = measured.as_dict()
    lines = [
        f"{name}: {measure} fell from {floor.golden:.3f} to {values[measure]:.3f}, "
        f"by more than {floor.may_fall:g}"
        for measure, floor in golden.floors.items()
        if values[measure] < floor.golden - floor.may_fall - SLACK
    ]
    least, most = golden.people
    if not least <= measured.people <= most:
        lines.append(f"{name}: {measured.people} people were found, not {least} to {most}")
    renew = f"if that is meant, paste what `python benchmarks/regression.py {name!r}` prints into"
    return [f"{line}: {renew} tests/golden.yaml, and say why in its commit" for line in lines]


def renewed(name: str, runs: Sequence[Measures], golden: Golden) -> str:
    """The entry of golden.yaml of a film, with the numbers of the first of its `runs`."""
    values = [run.as_dict() for run in runs]
    lines = [f"{name}:"]
    for measure, floor in golden.floors.items():
        entry = f"{{golden: {values[0][measure]:.3f}, may_fall: {floor.may_fall:g}}}"
        spread = "  # " + " ".join(f"{value[measure]:.3f}" for value in values)
        lines.append(f"  {measure}: {entry}{spread if len(values) > 1 else ''}")
    found = [run.people for run in runs]
    least, most = min(golden.people[0], *found), max(golden.people[1], *found)
    return "\n".join([*lines, f"  people: [{least}, {most}]"])


def run_film(name: str, folder: Path, shared: Path, seed: int = 0) -> Measures:
    """Run the main job on a film, in `folder`, and measure it.

    Raises:
        TrackerError: the run failed.
    """
    film = FILMS[name]
    files = put_in_place(film, folder, shared)
    out = folder / "runs" / name
    options = film.options.format(boxes=files.boxes).split()
    command = [str(files.video), "--out", str(out), "--no-video", "--seed", str(seed), *options]
    said = io.StringIO()
    with (
        only_weights_of(shared / "weights" if film.has_weights else folder / "no weights"),
        contextlib.redirect_stderr(said),
    ):
        if run_tracker(command) != 0:
            raise TrackerError(f"{name}: {said.getvalue()}")
    return evaluate(read_truth(files.truth).within(0, film.frames), read_tracks(out))


def put_in_place(film: Film, folder: Path, shared: Path) -> Files:
    """The files of a film, drawn or cut into `folder` where it needs that and has not been."""
    if film.drawn is not None:
        path = folder / f"{film.video}.mp4"
        if not path.exists():
            write_drawn_video(folder, film.video, film.drawn)
        truth = path.with_suffix(".gt.txt")
        return Files(path, truth, truth)
    place = (ROOT if film.folder == "videos" else shared / "data") / film.folder
    files = Files(place / film.video, place / film.truth, place / film.boxes)
    if film.frames is None:
        return files
    cut = files._replace(video=folder / film.video, boxes=folder / film.boxes)
    if not cut.video.exists():
        write_start(files.video, cut.video, film.frames + REORDERED_FRAMES)
        write_rows_before(files.boxes, cut.boxes, film.frames)
    return cut


def write_start(video: Path, path: Path, frames: int) -> None:
    """Copy the first `frames` of a video in the order in which they are stored, as they are."""
    with av.open(str(video)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copied = target.add_stream_from_template(stream)
        for packet in itertools.islice(source.demux(stream), frames):
            if packet.dts is not None:  # the last one, which flushes the decoder, is empty
                packet.stream = copied
                target.mux(packet)


def write_rows_before(boxes: Path, path: Path, stop: int) -> None:
    """Copy the rows of a MOT file whose frame is before `stop` (0-based)."""
    rows = read_mot(boxes)
    keep = rows.frame < stop
    kept = Tracks(rows.frame[keep], rows.identity[keep], rows.boxes[keep], rows.scores[keep])
    write_mot(path, kept)


@contextlib.contextmanager
def only_weights_of(folder: Path) -> Iterator[None]:
    """Let weights come from `folder` alone: none is fetched, even where there is a network."""

    def refuse(file: weights.WeightFile) -> bytes:
        raise OSError("the golden numbers are those of the weights at hand")

    with (
        patch.dict(os.environ, {"TRACKER_WEIGHTS": str(folder)}),
        patch.object(weights, "_download", refuse),
    ):
        yield


if __name__ == "__main__":
    sys.exit(main())
