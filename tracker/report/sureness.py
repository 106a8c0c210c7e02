"""How sure it is that a person is one, and nobody else, in words.

The distances are squared Euclidean ones of unit vectors: 0 for the same picture, 2 for strangers,
who are at right angles. The bounds are quarters of the strangers' 2.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from tracker.tracked import Person

ALIKE = 0.5  # as the same person in the same light
HALFWAY = 1.0  # to a stranger
FAR = 1.5  # nearly a stranger
CLEAR_LEAD = 2.0  # times the person's own spread that the next person is away, at least

Level = Literal["clear", "likely", "doubtful", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How sure it is that a person is one.

    Attributes:
        level: of sureness.
        headline: the same in words.
        own: what the person's faces look like among each other.
        other: what they look like beside those of the nearest other person; None: there is none.
    """

    level: Level
    headline: str
    own: str
    other: str | None


def judge(person: Person, doubles: Collection[int], seen_with: Collection[int]) -> Verdict:
    """Put into words how sure `person` is.

    Args:
        doubles: who may be the same person.
        seen_with: who is ever in the same frame, and so somebody else.
    """
    level, headline = _level(person, doubles, seen_with)
    return Verdict(level, headline, _own(person.spread), _other(person, doubles, seen_with))


def _level(
    person: Person, doubles: Collection[int], seen_with: Collection[int]
) -> tuple[Level, str]:
    if doubles:
        return "doubtful", "May be the same person as another"
    if person.spread is not None and person.spread > HALFWAY:
        return "doubtful", "Faces differ much: may be two people"
    if person.nearest is None:
        if person.spread is None:
            return "unknown", "Nothing to compare with"
        return "clear", "Clearly one person"
    number, distance = person.nearest
    own = person.spread or 0.0
    if distance <= own and number not in seen_with:
        return "doubtful", "Hard to tell from another person"
    if distance >= max(FAR, CLEAR_LEAD * own):
        return "clear", "Clearly one person"
    return "likely", "Probably one person"


def _own(spread: float | None) -> str:
    if spread is None:
        return "nothing to compare: seen in one piece, or not known"
    if spread <= ALIKE:
        return "much alike"
    if spread <= HALFWAY:
        return "differ somewhat, as in other light or from another side"
    return "differ much, as those of two people do"


def _other(person: Person, doubles: Collection[int], seen_with: Collection[int]) -> str | None:
    if person.nearest is None:
        return None
    number, distance = person.nearest
    if number in doubles:
        return "may be one person with this one"
    if distance >= FAR:
        return "looks different"
    likeness = "looks somewhat alike" if distance >= HALFWAY else "looks much alike"
    return f"{likeness}, but is seen at the same time" if number in seen_with else likeness
