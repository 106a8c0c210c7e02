"""Reading ahead: one thread decodes while another works on what was decoded before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_LOOK_EVERY_S = 0.05  # whether a reader that nobody listens to any more has ended


@dataclass(frozen=True, slots=True)
class _Ended:
    """The last thing a reader hands over; `error` is what ended it, if anything did."""

    error: BaseException | None


@dataclass(frozen=True, slots=True)
class _Read(Generic[_Item]):
    item: _Item


def read_ahead(items: Iterable[_Item], most: int = 4) -> Generator[_Item, None, None]:
    """Yield `items`, read by a thread of its own, at most `most` of them ahead.

    An error of theirs is raised where the item that it replaces would have come. Close this
    generator where it may not be used up (`contextlib.closing`): `items` are not touched after
    that.
    """
    handed_over: queue.Queue[_Read[_Item] | _Ended] = queue.Queue(most)
    stopped = threading.Event()

    def read() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                handed_over.put(_Read(item))
                if stopped.is_set():
                    return
        except BaseException as caught:  # raised again by whoever listens
            error = caught
        handed_over.put(_Ended(error))

    reader = threading.Thread(target=read, name="read-ahead", daemon=True)
    reader.start()
    try:
        while isinstance(got := handed_over.get(), _Read):
            yield got.item
        if got.error is not None:
            raise got.error
    finally:
        stopped.set()
        while reader.is_alive():  # it may wait for room
            with suppress(queue.Empty):
                handed_over.get(timeout=_LOOK_EVERY_S)
