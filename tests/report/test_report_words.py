from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.report.words import format_duration, format_share, format_time, plural


@pytest.mark.parametrize(
    ("time_s", "text"),
    [
        (Fraction(0), "0:00:00.0"),
        (Fraction(1001, 30000), "0:00:00.0"),
        (Fraction(5996, 100), "0:01:00.0"),
        (Fraction(36_061) + Fraction(1, 2), "10:01:01.5"),
    ],
)
def test_a_time_has_hours_minutes_seconds_and_tenths(time_s, text):
    assert format_time(time_s) == text


@given(st.fractions(0, 10**6))
def test_a_time_is_right_to_the_tenth(time_s):
    hours, minutes, seconds = format_time(time_s).split(":")
    read = 3600 * int(hours) + 60 * int(minutes) + Fraction(seconds)
    assert abs(read - time_s) <= Fraction(1, 20)
    assert 0 <= int(minutes) < 60
    assert 0 <= Fraction(seconds) < 60


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (Fraction(0), "0.0 s"),
        (Fraction(123, 10), "12.3 s"),
        (Fraction(5994, 100), "59.9 s"),
        (Fraction(5997, 100), "1 min 00 s"),
        (Fraction(245), "4 min 05 s"),
        (Fraction(35996, 10), "1 h 00 min"),
        (Fraction(3720), "1 h 02 min"),
    ],
)
def test_a_duration_has_the_units_that_suit_it(duration_s, text):
    assert format_duration(duration_s) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(Fraction(0), "0 %"), (Fraction(1, 1000), "under 1 %"), (Fraction(2, 3), "67 %")],
)
def test_what_is_there_at_all_has_a_share_above_zero(share, text):
    assert format_share(share) == text


def test_one_of_something_is_not_several():
    assert [plural(count, "cut", "cuts") for count in (0, 1, 2000)] == [
        "0 cuts",
        "1 cut",
        "2,000 cuts",
    ]
