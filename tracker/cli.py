"""The command line: arguments in, exit code out; 0 done, 1 a clear error, 2 wrong usage.

Heavy packages are imported by the commands that need them, so that `--help` is instant.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from tracker.arguments.batch import BATCH_EXAMPLES, add_batch_arguments
from tracker.arguments.benchmark import BENCHMARK_EXAMPLES, add_benchmark_arguments
from tracker.arguments.clips import CLIPS_EXAMPLES, add_clips_arguments
from tracker.arguments.evaluate import EVALUATE_EXAMPLES, add_evaluate_arguments
from tracker.arguments.export import EXPORT_EXAMPLES, add_export_arguments
from tracker.arguments.import_ import IMPORT_EXAMPLES, add_import_arguments
from tracker.arguments.name import NAME_EXAMPLES, add_name_arguments
from tracker.arguments.redact import REDACT_EXAMPLES, add_redact_arguments
from tracker.arguments.synth import SYNTH_EXAMPLES, add_synth_arguments
from tracker.arguments.track import TRACK_EXAMPLES, add_track_arguments
from tracker.commands.batch import batch
from tracker.commands.benchmark import benchmark
from tracker.commands.clips import clips
from tracker.commands.evaluate import evaluate_tracks
from tracker.commands.export import export
from tracker.commands.import_ import import_tracks
from tracker.commands.name import name
from tracker.commands.redact import redact
from tracker.commands.synth import synth
from tracker.commands.track import track
from tracker.errors import TrackerError

_INTERRUPTED = 130  # what a shell reports for SIGINT
_RESUMING = (track, batch, benchmark)  # what was done is kept, and not done again
_COMMANDS = {  # what does it, what for, examples, what it can be told
    "track": (track, "find the people in a video", TRACK_EXAMPLES, add_track_arguments),
    "batch": (batch, "find the people in many videos", BATCH_EXAMPLES, add_batch_arguments),
    "name": (name, "call people by their names", NAME_EXAMPLES, add_name_arguments),
    "export": (export, "write files for other programs", EXPORT_EXAMPLES, add_export_arguments),
    "import": (
        import_tracks,
        "take tracks back that were corrected elsewhere",
        IMPORT_EXAMPLES,
        add_import_arguments,
    ),
    "redact": (
        redact,
        "hide the faces of everybody, or of some, in a video",
        REDACT_EXAMPLES,
        add_redact_arguments,
    ),
    "clips": (
        clips,
        "cut a person's appearances out of a video",
        CLIPS_EXAMPLES,
        add_clips_arguments,
    ),
    "evaluate": (
        evaluate_tracks,
        "score tracks against a ground truth",
        EVALUATE_EXAMPLES,
        add_evaluate_arguments,
    ),
    "benchmark": (
        benchmark,
        "compare features and losses on a truth",
        BENCHMARK_EXAMPLES,
        add_benchmark_arguments,
    ),
    "synth": (synth, "draw a video whose truth is known", SYNTH_EXAMPLES, add_synth_arguments),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `multiface`; the exit code."""
    parser = argparse.ArgumentParser(
        prog="multiface",
        description="Finds every face in a video, follows it, and knows it again after every cut.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for command, (_, summary, examples, add_arguments) in _COMMANDS.items():
        add_arguments(_command(commands, command, summary, examples))
    given = parser.parse_args(arguments)
    return _guarded(_COMMANDS[given.command][0], given)


def run_tracker(arguments: Sequence[str] | None = None) -> int:
    """Run `run_tracker.py`, the same as `multiface track`; the exit code."""
    parser = argparse.ArgumentParser(
        prog="run_tracker.py",
        description="Finds every face in a video, follows it, and knows it again after every cut.",
        epilog=TRACK_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_track_arguments(parser)
    return _guarded(track, parser.parse_args(arguments))


def _guarded(command: Any, given: argparse.Namespace) -> int:
    try:
        command(given)
        sys.stdout.flush()  # here, where a broken pipe is caught
    except TrackerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        again = ": run the same command again to go on from here" if command in _RESUMING else ""
        print(f"interrupted{again}", file=sys.stderr)
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


if __name__ == "__main__":
    sys.exit(main())
