"""Timing that a shared machine cannot fool: what is compared runs in turn, in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """How fast one way is.

    Attributes:
        part: what is done, such as "YuNet, 1280x720".
        way: by what; the first of a part is what the others are compared with.
        unit: what is counted, such as "frames".
        rate: units a second, the median over the rounds.
        least: the slowest round's.
        most: the fastest round's.
        ratio: times the first way's rate, the median over the rounds: each round compares what
            ran within seconds of each other, so a machine that slows down slows both.
    """

    part: str
    way: str
    unit: str
    rate: float
    least: float
    most: float
    ratio: float


def in_turn(
    part: str, unit: str, count: int, ways: Mapping[str, Callable[[], object]], rounds: int = 5
) -> list[Row]:
    """Run every way once to warm up, then `rounds` times in turn; a row each, in order.

    Args:
        count: units that one call of a way does.
        ways: by name, what to call; the first is the reference.
    """
    for call in ways.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, call in ways.items():
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    reference = seconds[next(iter(ways))]
    return [
        Row(
            part,
            name,
            unit,
            count / statistics.median(taken),
            count / max(taken),
            count / min(taken),
            statistics.median(a / b for a, b in zip(reference, taken, strict=True)),
        )
        for name, taken in seconds.items()
    ]


def printed(rows: list[Row]) -> str:
    """`rows` as a Markdown table."""
    lines = ["| what | way | rate | least to most | ratio |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.part} | {row.way} | {row.rate:,.1f} {row.unit}/s "
        f"| {row.least:,.1f} to {row.most:,.1f} | {row.ratio:.2f} |"
        for row in rows
    ]
    return "\n".join(lines)
