"""Numbers that others have published, each with its source and how far it can be trusted."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import resources

import yaml

from tracker.errors import ConfigError

STANDINGS = ("reported", "second-hand", "unverified")


@dataclass(frozen=True, slots=True)
class Published:
    """What somebody else's system scores on a video.

    Attributes:
        source: who says so.
        standing: one of `STANDINGS`.
        values: by their names in `table.json`.
    """

    system: str
    source: str
    standing: str
    values: dict[str, float]


def published_numbers(video: str) -> tuple[Published, ...]:
    """What is known of `video`, a name as in `published_videos`.

    Raises:
        ConfigError: nothing is.
    """
    known = _read()
    if video not in known:
        near = difflib.get_close_matches(video, known, n=1, cutoff=0.0)[0]
        raise ConfigError(
            f"nothing is published here of {video!r}: did you mean {near!r}? there are: "
            f"{', '.join(known)}"
        )
    return known[video]


def published_videos() -> tuple[str, ...]:
    """The videos that something is known of."""
    return tuple(_read())


def _read() -> dict[str, tuple[Published, ...]]:
    text = resources.files("tracker.benchmark").joinpath("published.yaml").read_text("utf-8")
    return {
        video: tuple(Published(**entry) for entry in entries)
        for video, entries in yaml.safe_load(text).items()
    }
