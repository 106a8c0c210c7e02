"""`multiface synth`: a drawn video whose truth is known."""

from __future__ import annotations

import argparse

from tracker.commands.settings import pair_of
from tracker.errors import TrackerError
from tracker.reporting import make_progress


def synth(given: argparse.Namespace) -> None:
    """Draw a video whose truth is known."""
    from tracker.synthetic import SynthConfig, count_frames, write_drawn_video

    width, height = pair_of(given.size, "x", int, "--size") or (None, None)
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


def _group_sizes(text: str | None) -> tuple[int, ...] | None:
    """Whole numbers out of "1,1,2"; None stays None."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise TrackerError(f"--groups wants whole numbers as in 1,1,2, got {text!r}") from error
