"""Names and numbers, as they are typed → the people that they mean."""

from __future__ import annotations

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
    wanted = _comparable(asked)
    by_name = {number for number, name in tracked.names.items() if _comparable(name) == wanted}
    return by_name or {
        number
        for number in tracked.names
        if wanted in (str(number), _comparable(default_name(number)))
    }


def _comparable(name: str) -> str:
    return " ".join(name.split()).casefold()


def _introduced(number: int, name: str) -> str:
    return name if name == default_name(number) else f"{name} ({number})"
