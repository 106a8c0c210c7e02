import contextlib
import itertools
import threading

import pytest

from tracker.video.ahead import read_ahead


def test_everything_comes_in_order():
    assert list(read_ahead(range(100), 3)) == list(range(100))


def test_nothing_gives_nothing():
    assert list(read_ahead([], 3)) == []


def test_reading_goes_on_while_the_listener_works():
    read = threading.Semaphore(0)

    def items():
        for number in range(10):
            read.release()
            yield number

    ahead = read_ahead(items(), 4)
    assert next(ahead) == 0
    for _ in range(5):  # the one taken, and as many as there is room for
        assert read.acquire(timeout=30)
    ahead.close()


def test_no_more_is_read_than_there_is_room_for():
    started = []

    def items():
        for number in range(100):
            started.append(number)
            yield number

    for number in read_ahead(items(), 2):
        # two wait, one waits for room, and one is with the listener
        assert len(started) <= number + 5


def test_an_error_comes_where_its_item_would_have():
    def items():
        yield from range(3)
        raise OSError("torn")

    got = []
    with pytest.raises(OSError, match="torn"):
        got.extend(read_ahead(items(), 8))
    ahead = read_ahead(items(), 8)
    assert list(itertools.islice(ahead, 3)) == [0, 1, 2]
    with pytest.raises(OSError, match="torn"):
        next(ahead)


def test_who_stops_listening_stops_the_reader():
    before = threading.active_count()
    ahead = read_ahead(itertools.count(), 2)
    assert next(ahead) == 0
    ahead.close()
    assert threading.active_count() == before


def test_an_error_of_the_listener_stops_the_reader():
    def listen():
        with contextlib.closing(read_ahead(itertools.count(), 2)) as ahead:
            for _ in ahead:
                raise ValueError("mine")

    before = threading.active_count()
    with pytest.raises(ValueError, match="mine"):
        listen()
    assert threading.active_count() == before
