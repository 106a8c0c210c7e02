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
from tracker.arguments.evaluate import EVALUATE_EXAMPLES, add_evaluate_arguments
from tracker.arguments.synth import SYNTH_EXAMPLES, add_synth_arguments
from tracker.arguments.track import TRACK_EXAMPLES, add_track_arguments
from tracker.commands.batch import batch
from tracker.commands.benchmark import benchmark
from tracker.commands.evaluate import evaluate_tracks
from tracker.commands.synth import synth
from tracker.commands.track import track
from tracker.errors import TrackerError

_INTERRUPTED = 130  # what a shell reports for SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `multiface`; the exit code."""
    parser = argparse.ArgumentParser(
        prog="multiface",
        description="Finds every face in a video, follows it, and knows it again after every cut.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    add_track_arguments(_command(commands, "track", "find the people in a video", TRACK_EXAMPLES))
    add_batch_arguments(
        _command(commands, "batch", "find the people in many videos", BATCH_EXAMPLES)
    )
    add_evaluate_arguments(
        _command(commands, "evaluate", "score tracks against a ground truth", EVALUATE_EXAMPLES)
    )
    add_benchmark_arguments(
        _command(
            commands, "benchmark", "compare features and losses on a truth", BENCHMARK_EXAMPLES
        )
    )
    add_synth_arguments(
        _command(commands, "synth", "draw a video whose truth is known", SYNTH_EXAMPLES)
    )
    given = parser.parse_args(arguments)
    commands_by_name = {
        "track": track,
        "batch": batch,
        "evaluate": evaluate_tracks,
        "benchmark": benchmark,
        "synth": synth,
    }
    return _guarded(commands_by_name[given.command], given)


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


if __name__ == "__main__":
    sys.exit(main())
