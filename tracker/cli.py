"""The command line: arguments in, exit code out; 0 done, 1 a clear error, 2 wrong usage.

Heavy packages are imported by the commands that need them, so that `--help` is instant.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracker.arguments import (
    EVALUATE_EXAMPLES,
    SYNTH_EXAMPLES,
    TRACK_EXAMPLES,
    add_evaluate_arguments,
    add_synth_arguments,
    add_track_arguments,
)
from tracker.config import Config
from tracker.errors import TrackerError
from tracker.progress import Progress
from tracker.reporting import make_progress
from tracker.settings import read_config, with_settings

_INTERRUPTED = 130  # what a shell reports for SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `multiface`; the exit code."""
    parser = argparse.ArgumentParser(
        prog="multiface",
        description="Finds every face in a video, follows it, and knows it again after every cut.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    add_track_arguments(_command(commands, "track", "find the people in a video", TRACK_EXAMPLES))
    add_evaluate_arguments(
        _command(commands, "evaluate", "score tracks against a ground truth", EVALUATE_EXAMPLES)
    )
    add_synth_arguments(
        _command(commands, "synth", "draw a video whose truth is known", SYNTH_EXAMPLES)
    )
    given = parser.parse_args(arguments)
    return _guarded({"track": _track, "evaluate": _evaluate, "synth": _synth}[given.command], given)


def run_tracker(arguments: Sequence[str] | None = None) -> int:
    """Run `run_tracker.py`, the same as `multiface track`; the exit code."""
    parser = argparse.ArgumentParser(
        prog="run_tracker.py",
        description="Finds every face in a video, follows it, and knows it again after every cut.",
        epilog=TRACK_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_track_arguments(parser)
    return _guarded(_track, parser.parse_args(arguments))


def _guarded(command: Any, given: argparse.Namespace) -> int:
    try:
        command(given)
        sys.stdout.flush()  # here, where a broken pipe is caught
    except TrackerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: run the same command again to go on from here", file=sys.stderr)
        return _INTERRUPTED
    except OSError as error:
        # What is left to print goes nowhere, or Python would try, and fail, again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # as in `… | head`: nobody reads on
            print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _command(commands: Any, name: str, summary: str, examples: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def _track(given: argparse.Namespace) -> None:
    """Find the people in a video."""
    config = _config_of(given)
    for path in (given.video, config.detection.file, config.shots.file):
        if path is not None and not Path(path).exists():  # before torch takes its seconds to load
            raise TrackerError(f"{path}: there is no such file; check its name")
    from tracker.devices import choose_device

    device = choose_device(given.device)
    progress = make_progress()
    summary = _run(given, config, device, progress)
    if given.json:
        print(json.dumps(summary, indent=2))


def _run(
    given: argparse.Namespace, config: Config, device: Any, progress: Progress
) -> dict[str, Any]:
    import numpy as np

    from tracker.learned import EMBEDDING_FILE
    from tracker.outputs import earlier_stages, write_outputs, write_run_json
    from tracker.pipeline import find_people
    from tracker.run import Run, RunLog
    from tracker.storage import RunFolder
    from tracker.video.reader import probe_video

    init = config.embedding.init
    if init is not None and not (Path(init) / EMBEDDING_FILE).exists():
        raise TrackerError(f"--init {init}: no {EMBEDDING_FILE} there; name the folder of a run")
    info = probe_video(given.video)  # before a folder is made for what is no video
    out = given.out or Path("runs") / given.video.stem
    if (out / "annotated.mp4").resolve() == given.video.resolve():
        raise TrackerError(f"{given.video} would be overwritten: choose another folder with --out")
    folder = RunFolder(out)
    run = Run(given.video, folder, config, device, RunLog(progress, earlier=earlier_stages(out)))
    findings = find_people(run, info)
    write_outputs(run, findings, with_video=not given.no_video)
    write_run_json(run, findings)
    folder.forget_unused()
    people = len(np.unique(findings.tracks.person))
    if config.clustering.people is not None and people < config.clustering.people:
        progress.say(f"only {people} of the {config.clustering.people} people were found")
    shots = len(findings.scan.shots)
    progress.say(
        f"{people} {'person' if people == 1 else 'people'} in {shots} "
        f"{'shot' if shots == 1 else 'shots'}: {out}"
    )
    return {
        "out": str(out),
        "people": people,
        "shots": shots,
        "frames": len(findings.scan.timeline),
        "detector": findings.detector.name,
        "features": [choice.kind for choice in findings.identities.features],
        "device": str(device),
        "stages": run.log.stages,
        "notes": run.log.notes,
    }


def _config_of(given: argparse.Namespace) -> Config:
    """The config file's settings, and over them those of the command line."""
    config = read_config(given.config) if given.config else Config()
    named = {
        "detection": {
            "detector": given.detector,
            "file": given.detections,
            "file_box_scale": _pair(given.box_scale, ",", float, "--box-scale"),
            "min_score": given.min_score,
            "min_face_px": given.min_face,
        },
        "shots": {"file": given.shots},
        "features": {"kind": given.features},
        "embedding": {
            "loss": given.loss,
            "mining": given.mining,
            "trunk": given.trunk,
            "backbone": given.backbone,
            "dim": given.dim,
            "init": given.init,
        },
        "clustering": {"people": given.people},
    }
    changes: dict[str, Any] = {
        stage: {name: value for name, value in settings.items() if value is not None}
        for stage, settings in named.items()
    }
    if given.seed is not None:
        changes["seed"] = given.seed
    return with_settings(config, changes)


def _pair(text: str | None, separator: str, kind: Any, option: str) -> tuple[Any, Any] | None:
    """Two numbers out of "1.1,1.4" or "640x360"; None stays None."""
    if text is None:
        return None
    try:
        first, second = (kind(part) for part in text.split(separator))
    except ValueError as error:
        raise TrackerError(
            f"{option} wants two numbers as in 2{separator}3, got {text!r}"
        ) from error
    return first, second


def _group_sizes(text: str | None) -> tuple[int, ...] | None:
    """Whole numbers out of "1,1,2"; None stays None."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise TrackerError(f"--groups wants whole numbers as in 1,1,2, got {text!r}") from error


def _evaluate(given: argparse.Namespace) -> None:
    """Score tracks against a ground truth."""
    from tracker.evaluation.measures import evaluate, format_table
    from tracker.evaluation.truth import read_tracks, read_truth

    if not 0 < given.iou <= 1:
        raise TrackerError(f"--iou must be above 0 and at most 1, got {given.iou}")
    if given.gt_step < 1:
        raise TrackerError(f"--gt-step must be 1 or more, got {given.gt_step}")
    if given.shots and not given.fit_boxes:
        raise TrackerError("--shots is for --fit-boxes: without it, all shots are scored")
    truth, tracks = read_truth(given.gt, given.gt_step), read_tracks(given.run)
    if given.fit_boxes:
        from tracker.evaluation.convention import evaluate_fitted, format_fitted, shots_of_run

        shots = shots_of_run(given.run, given.shots)
        fitted = evaluate_fitted(truth, tracks, shots, given.fit_boxes, given.iou)
        values, text = fitted.as_dict(), format_fitted(fitted)
    else:
        measures = evaluate(truth, tracks, given.iou)
        values, text = measures.as_dict(), format_table(measures)
    print(json.dumps(values, indent=2) if given.json else text)


def _synth(given: argparse.Namespace) -> None:
    """Draw a video whose truth is known."""
    from tracker.synthetic import SynthConfig, count_frames, write_drawn_video

    width, height = _pair(given.size, "x", int, "--size") or (None, None)
    settings = {
        "seed": given.seed,
        "people": given.people,
        "duration_s": given.seconds,
        "shots": given.shots,
        "group_sizes": _group_sizes(given.groups),
        "variation": given.variation,
        "width": width,
        "height": height,
        "frame_rate": given.fps,
    }
    config = SynthConfig(**{name: value for name, value in settings.items() if value is not None})
    if given.video.suffix != ".mp4":
        raise TrackerError(f"{given.video} must end in .mp4, the only kind that is drawn")
    with make_progress().stage("drawing", count_frames(config), "frames") as advance:
        write_drawn_video(given.video.parent, given.video.stem, config, advance)
    print(given.video)


if __name__ == "__main__":
    sys.exit(main())
