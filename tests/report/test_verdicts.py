from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.report.sureness import judge
from tracker.tracked import Appearance, Person

STAY = Appearance(1, 0, 0, 24, Fraction(0), Fraction(1))


def person_of(spread, nearest):
    return Person(1, "Anna", (STAY,), spread, nearest)


def level_of(spread, nearest, doubles=(), seen_with=()):
    return judge(person_of(spread, nearest), doubles, seen_with).level


@pytest.mark.parametrize(
    ("spread", "nearest", "level"),
    [
        (0.1, (2, 1.9), "clear"),
        (None, (2, 1.9), "clear"),
        (0.1, None, "clear"),
        (0.1, (2, 1.2), "likely"),
        (0.9, (2, 1.6), "likely"),
        (1.1, (2, 2.2), "doubtful"),
        (0.9, (2, 0.8), "doubtful"),
        (None, None, "unknown"),
    ],
)
def test_how_sure_it_is_follows_from_the_distances(spread, nearest, level):
    assert level_of(spread, nearest) == level


def test_who_may_be_another_is_doubtful_however_much_faces_are_alike():
    assert level_of(0.1, (2, 1.3), doubles=[2]) == "doubtful"
    assert "may be one" in judge(person_of(0.1, (2, 1.3)), [2], []).other


def test_who_looks_alike_but_is_seen_at_the_same_time_is_no_reason_for_doubt():
    assert level_of(0.9, (2, 0.8), seen_with=[2]) == "likely"
    assert "at the same time" in judge(person_of(0.9, (2, 0.8)), [], [2]).other


def test_where_there_is_nobody_else_nothing_is_said_of_others():
    assert judge(person_of(0.1, None), [], []).other is None


LEVELS = ["clear", "likely", "doubtful"]
distances = st.floats(0, 4)


@given(distances, distances, distances)
def test_faces_that_differ_more_are_never_surer(spread, more, nearest):
    low, high = sorted([spread, more])
    calm, wild = (LEVELS.index(level_of(value, (2, nearest))) for value in (low, high))
    assert calm <= wild


@given(distances, distances, distances)
def test_who_is_farther_from_others_is_never_less_sure(spread, one, other):
    near, far = sorted([one, other])
    assert LEVELS.index(level_of(spread, (2, far))) <= LEVELS.index(level_of(spread, (2, near)))
