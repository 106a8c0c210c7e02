"""Names and numbers, as they are typed → the people that they mean."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from tracker.errors import TrackerError
from tracker.tracked import TrackedVideo, default_name


def chosen_people(tracked: TrackedVideo, given: Sequence[str]) -> set[int]:
    """The numbers of the people that `given` names: by name, whatever its case, or by number.

    A name is looked for first, so that somebody may be called "7"; of several people of one
    name, all are meant.

    Raises:
        TrackerError: nobody there has such a name or number.
    """
    chosen: set[int] = set()
    for asked in given:
        found = people_called(tracked, asked)
        if not found:
            there = ", ".join(_introduced(*item) for item in tracked.names.items())
            raise TrackerError(f"nobody here is {asked!r}: there are {there or 'no people at all'}")
        chosen |= found
    return chosen


def people_called(tracked: TrackedVideo, asked: str) -> set[int]:
    """The numbers of those whose name is `asked`; or else of the one whose number it is."""
    wanted = comparable(asked)
    by_name = {number for number, name in tracked.names.items() if comparable(name) == wanted}
    return by_name or people_numbered(tracked, asked)


def people_numbered(tracked: TrackedVideo, asked: str) -> set[int]:
    """The one whose number is `asked`, as in "3" or "Person 3"; nobody where there is none."""
    wanted = comparable(asked)
    return {
        number
        for number in tracked.names
        if wanted in (str(number), comparable(default_name(number)))
    }


def comparable(name: str) -> str:
    """What names that look alike have in common: case, spaces and how accents are typed aside."""
    composed = unicodedata.normalize("NFC", " ".join(name.split()))
    return unicodedata.normalize("NFC", composed.casefold())


def _introduced(number: int, name: str) -> str:
    return name if name == default_name(number) else f"{name} ({number})"
