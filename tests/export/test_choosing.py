from dataclasses import replace

import pytest

from tracker.errors import TrackerError
from tracker.export.choosing import chosen_people


def called(tracked, **names):
    """`tracked`, whose people are called as said: one="Anna"."""
    numbers = {"one": 1, "two": 2, "three": 3}
    wanted = {numbers[key]: name for key, name in names.items()}
    people = [replace(one, name=wanted.get(one.number, one.name)) for one in tracked.people]
    return replace(tracked, people=tuple(people))


@pytest.mark.parametrize(
    "asked", ["Zoë O'Brien", "zoë o'brien", " Zoe\u0308  O'Brien ", "1", "Person 1"]
)
def test_a_person_is_meant_by_name_or_number(tracked, asked):
    assert chosen_people(tracked, [asked]) == {1}


def test_several_are_meant_together(tracked):
    assert chosen_people(tracked, ["2", "Bo & <Co>"]) == {2, 3}


def test_a_name_is_looked_for_before_a_number(tracked):
    assert chosen_people(called(tracked, three="1"), ["1"]) == {3}


def test_all_of_one_name_are_meant(tracked):
    assert chosen_people(called(tracked, one="Anna", three="anna"), ["ANNA"]) == {1, 3}


def test_nobody_is_meant_where_nobody_is_asked_for(tracked):
    assert chosen_people(tracked, []) == set()


@pytest.mark.parametrize("asked", ["4", "0", "-1", "Zo", "", "Person"])
def test_who_is_not_there_is_answered_by_who_is(tracked, asked):
    with pytest.raises(
        TrackerError, match=r"there are Zoë O'Brien \(1\), Person 2, Bo & <Co> \(3\)"
    ):
        chosen_people(tracked, [asked])


def test_a_video_without_people_has_nobody_to_mean(tracked):
    with pytest.raises(TrackerError, match="no people at all"):
        chosen_people(replace(tracked, people=()), ["1"])
