"""`multiface name`: call people by their names, or see who is there."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tracker.errors import TrackerError
from tracker.reporting import make_progress

if TYPE_CHECKING:
    from tracker.tracked import TrackedVideo

_LONGEST_NAME = 200  # characters; what is longer is a mistake


def name(given: argparse.Namespace) -> None:
    """Call people by their names."""
    from tracker.export.tracks_json import read_tracked

    tracked = read_tracked(given.run)
    if given.named:
        from tracker.naming import name_people

        names = _names(tracked, given.named)
        progress = make_progress()
        tracked = name_people(given.run, names, not given.no_video, progress)
        for line in _namesakes(tracked):
            progress.say(line)
    print(_listed(tracked))


def _names(tracked: TrackedVideo, named: list[str]) -> dict[int, str]:
    """What to call whom, by number."""
    from tracker.export.choosing import chosen_people

    if len(named) % 2:
        raise TrackerError(
            f'a person and a name each: what is {named[-1]!r} to be called? As in: 3 "Anna"'
        )
    names: dict[int, str] = {}
    for who, wanted in zip(named[::2], named[1::2], strict=True):
        people = chosen_people(tracked, [who])
        if len(people) > 1:
            numbers = " and ".join(str(number) for number in sorted(people))
            raise TrackerError(f"{who!r} are {numbers}: say which one by number")
        if people & names.keys():
            raise TrackerError(f"{who!r} is named twice: {names[min(people)]!r} and {wanted!r}")
        names[min(people)] = _clean(wanted, tracked, people)
    return names


def _clean(text: str, tracked: TrackedVideo, people: set[int]) -> str:
    """A name in one line, which is not how somebody else is told."""
    from tracker.export.choosing import people_numbered
    from tracker.export.wording import clean_name

    cleaned = clean_name(text)
    if len(cleaned) > _LONGEST_NAME:
        raise TrackerError(f"a name of {len(cleaned)} characters: {_LONGEST_NAME} are the most")
    for other in people_numbered(tracked, cleaned) - people:
        raise TrackerError(f"{cleaned!r} is how person {other} is told: choose another name")
    return cleaned


def _namesakes(tracked: TrackedVideo) -> list[str]:
    """A line for each name that several people have."""
    from tracker.export.choosing import people_called

    lines: dict[int, str] = {}
    for person in tracked.people:
        people = sorted(people_called(tracked, person.name))
        if len(people) > 1:
            numbers = " and ".join(str(number) for number in people)
            line = f"{numbers} are both called {person.name}: kept, hidden and cut out together"
            lines.setdefault(people[0], line)
    return list(lines.values())


def _listed(tracked: TrackedVideo) -> str:
    """A line a person: number, name, time on screen."""
    if not tracked.people:
        return "nobody was found in this video"
    width = max(len(person.name) for person in tracked.people)
    return "\n".join(
        f"{person.number:>3}  {person.name:<{width}}  {float(person.screen_s):8.1f} s on screen"
        for person in tracked.people
    )
