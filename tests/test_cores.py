import os

import pytest

from tracker.cores import cpu_threads


@pytest.fixture
def four_cores(monkeypatch):
    """This process may run on four of the machine's eight cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2, 4, 6}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.usefixtures("four_cores")
def test_a_library_uses_the_cores_that_this_process_may_run_on():
    assert cpu_threads() == 4


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize(("asked", "threads"), [("1", 1), (" 3 ", 3), ("4", 4), ("64", 4)])
def test_fewer_threads_can_be_asked_for_but_not_more_than_cores(monkeypatch, asked, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert cpu_threads() == threads


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize("asked", ["", "0", "-1", "many", "1.5"])
def test_what_is_no_number_of_threads_is_not_listened_to(monkeypatch, asked):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert cpu_threads() == 4


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize(("cores", "threads"), [(8, 8), (None, 1)])
def test_where_no_cores_are_given_to_a_process_it_may_use_the_machine(monkeypatch, cores, threads):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert cpu_threads() == threads
