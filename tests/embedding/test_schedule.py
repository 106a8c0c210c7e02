import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.embedding.schedule import Schedule

DEFAULT = Schedule(steps=1500, patience=5)
steps_and_patience = st.builds(Schedule, st.integers(1, 3000), st.integers(1, 9))


def test_1500_steps_are_15_rounds_of_which_3_are_the_last():
    assert (DEFAULT.rounds, DEFAULT.last_rounds) == (15, 3)
    assert DEFAULT.steps_in(0, 1) == DEFAULT.steps_in(14, 15) == 100


@given(steps_and_patience)
def test_the_rounds_have_all_steps_and_none_is_empty(schedule):
    each = [schedule.steps_in(number, number + 1) for number in range(schedule.rounds)]
    assert sum(each) == schedule.steps_in(0, schedule.rounds) == schedule.steps
    assert min(each) >= 1
    assert max(each) <= 100


@given(steps_and_patience)
def test_the_rounds_but_the_last_are_equally_long(schedule):
    each = {schedule.steps_in(number, number + 1) for number in range(schedule.rounds - 1)}
    assert len(each) <= 1


@given(steps_and_patience)
def test_the_rate_falls_in_every_step_from_all_of_it_to_next_to_nothing(schedule):
    first = schedule.rounds - schedule.last_rounds
    rates = [
        schedule.rate(first, now, step)
        for now in range(first, schedule.rounds)
        for step in range(schedule.steps_in(now, now + 1))
    ]
    assert rates[0] == 1
    assert all(after < before for before, after in itertools.pairwise(rates))
    assert rates[-1] <= (1 + math.cos(math.pi * (1 - 1 / len(rates)))) / 2 + 1e-9


def test_half_way_the_rate_is_half():
    assert DEFAULT.rate(9, 10, 50) == pytest.approx(0.5)


def test_the_last_rounds_begin_when_no_more_than_they_are_left():
    rising = [number / 20 for number in range(15)]
    assert not DEFAULT.is_time_to_end(rising[:11], 0.0)
    assert DEFAULT.is_time_to_end(rising[:12], 0.0)


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_the_last_rounds_begin_when_patience_is_over(patience):
    schedule, gains = Schedule(1500, patience), [0.5, 0.6, 0.7]
    assert not schedule.is_time_to_end(gains + [0.7] * (patience - 1), 0.0)
    assert schedule.is_time_to_end(gains + [0.7] * patience, 0.0)


def test_many_small_gains_are_one():
    assert not DEFAULT.is_time_to_end([0.5 + 0.001 * number for number in range(11)], 0.0)


def test_gains_too_small_to_count_use_up_patience():
    assert DEFAULT.is_time_to_end([0.5 + 0.0001 * number for number in range(6)], 0.0)


def test_where_nothing_is_held_out_patience_is_never_over():
    assert not DEFAULT.is_time_to_end([math.nan] * 11, 0.0)


def test_rounds_in_which_things_settle_do_not_count():
    saturated = [0.9] * 5
    assert not DEFAULT.is_time_to_end(saturated + [0.8] * 5, 1 / 3)
    assert DEFAULT.is_time_to_end(saturated + [0.8] * 6, 1 / 3)
