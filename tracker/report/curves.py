"""How learning went → lines to draw, in a box of 1000 by 100 from the top left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.embedding.training import Curves

WIDTH, HEIGHT = 1000, 100
_MAX_POINTS = 200  # of a line: more cannot be seen
_MAX_TICKS = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart.

    Attributes:
        label: what it shows.
        path: as of an SVG path; empty where there is nothing to see.
    """

    label: str
    path: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over the steps of learning.

    Attributes:
        heading: what is drawn.
        summary: the same in a sentence.
        lines: the first is drawn whole, the second dashed.
        heights: of the marks of the axis, in per cent from the top, and their labels.
        steps: the last one on the other axis.
    """

    heading: str
    summary: str
    lines: list[Line]
    heights: list[tuple[float, str]]
    steps: int


def lay_out_curves(curves: Curves) -> list[Chart]:
    """A chart of the loss, and one of how many triplets are right; none if nothing was learned."""
    steps = len(curves.loss)
    if not steps:
        return []
    charts = [_loss_chart(curves.loss)]
    if len(curves.accuracy):
        charts.append(_accuracy_chart(curves, steps))
    return charts


def binned(values: NDArray[np.float32], most: int) -> NDArray[np.float64]:
    """Means of at most `most` equal parts of `values` (n,), in order; of few the values."""
    parts = np.array_split(values.astype(np.float64), min(most, len(values)))
    return np.array([part.mean() for part in parts])


def line_path(
    steps: NDArray[np.floating], values: NDArray[np.floating], low: float, high: float
) -> str:
    """An SVG path through `values` (n,) at `steps` (n,) in [0, 1]; broken where one is NaN."""
    x = steps * WIDTH
    y = (high - values) / (high - low) * HEIGHT
    pieces, pen = [], "M"
    for across, down in zip(x.tolist(), y.tolist(), strict=True):
        if not math.isfinite(down):
            pen = "M"
            continue
        pieces.append(f"{pen}{across:.1f} {down:.2f}")
        pen = "L"
    return "".join(pieces)


def round_marks(low: float, high: float) -> list[float]:
    """Round numbers from `low` to `high`, at most six."""
    rough = (high - low) / _MAX_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(n * power for n in (1, 2, 5, 10) if n * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _loss_chart(loss: NDArray[np.float32]) -> Chart:
    means = binned(loss, _MAX_POINTS)
    high = float(np.nanmax(means, initial=1e-6)) * 1.05
    middles = (np.arange(len(means)) + 0.5) / len(means)
    summary = f"The loss went from {means[0]:.3g} to {means[-1]:.3g} in {len(loss):,} steps."
    return Chart(
        "Loss",
        summary,
        [Line("loss", line_path(middles, means, 0.0, high))],
        _heights(round_marks(0.0, high), 0.0, high, "{:g}"),
        len(loss),
    )


def _accuracy_chart(curves: Curves, steps: int) -> Chart:
    learned, held_out = 100 * curves.accuracy, 100 * curves.held_out
    chosen = np.linspace(0, len(learned) - 1, min(len(learned), _MAX_POINTS)).round().astype(int)
    both = np.concatenate([learned, held_out])
    lowest = float(np.nanmin(both, initial=90.0))
    low, high = math.floor(lowest / 10) * 10.0, 100.5
    across = (chosen + 1) / len(learned)
    lines = [Line("learned from", line_path(across, learned[chosen], low, high))]
    summary = f"Of the triplets learned from, {learned[-1]:.1f} % were right at the end"
    if np.isfinite(held_out).any():
        lines.append(Line("held out", line_path(across, held_out[chosen], low, high)))
        summary += "; the dashed line is the mean of the networks that still hold some out"
    heights = _heights(round_marks(low, 100.0), low, high, "{:g} %")
    return Chart("Triplets that are right", f"{summary}.", lines, heights, steps)


def _heights(
    marks: Sequence[float], low: float, high: float, label: str
) -> list[tuple[float, str]]:
    return [
        (round(100 * (high - mark) / (high - low), 2), label.format(round(mark, 9)))
        for mark in marks
    ]
