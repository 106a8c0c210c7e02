from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.export.wording import on_one_line, written_names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zoë O'Brien", "Zoë O'Brien"),
        ("  Bo\n\tLee ", "Bo Lee"),
        ("a\x00b\u2028c\x85d", "a b c d"),
        ("caf\udce9.mp4", "caf\ufffd.mp4"),  # a byte of a file name that is no UTF-8
        ("지연 👩\u200d🎤", "지연 👩\u200d🎤"),
        (" \n", ""),
    ],
)
def test_a_name_stays_what_it_is_but_for_what_cannot_be_written_on_a_line(text, expected):
    assert on_one_line(text) == expected


@given(st.text(st.characters(exclude_categories=[])))
def test_whatever_the_name_it_is_one_line_that_can_be_written(text):
    line = on_one_line(text)
    assert len(line.splitlines()) <= 1
    assert line.encode().decode() == line == on_one_line(line)


def test_who_has_a_name_of_nothing_is_called_by_number(tracked):
    first, *others = tracked.people
    blank = replace(tracked, people=(replace(first, name="\n "), *others))
    assert written_names(blank) == {1: "Person 1", 2: "Person 2", 3: "Bo & <Co>"}
