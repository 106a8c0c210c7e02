"""How long work tells of itself, whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

Advance = Callable[[int], None]  # takes how many more are done


class Progress(Protocol):
    """Listens to a run."""

    def stage(self, name: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:
        """Announce a stage of `total` units (None: not known)."""
        ...

    def say(self, line: str) -> None:
        """Tell the user something that is no error."""
        ...


class Silence:
    """Listens to nothing."""

    def stage(self, name: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:
        """Ignore a stage."""
        return nullcontext(lambda count: None)

    def say(self, line: str) -> None:
        """Ignore a line."""
