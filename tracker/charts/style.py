"""How all charts look: sizes of a paper's column and page, and lines that differ in grey too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLUMN_IN = 3.5  # the widths that papers print at
PAGE_IN = 7.2
GREY = "0.55"

_SETTINGS: dict[Any, Any] = {  # Matplotlib types its keys, but not every version does
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.linewidth": 0.5,
    "grid.alpha": 0.35,
    "lines.linewidth": 1.2,
    "hatch.linewidth": 0.5,
    "figure.dpi": 100,
    "text.parse_math": False,  # a name may hold dollar signs
    "svg.hashsalt": "tracker",  # else the names inside an SVG are drawn by lot
}

# Wong, Nature Methods 2011: told apart by the colour-blind. Neighbours differ in lightness.
_COLOURS = ["#0072B2", "#E69F00", "#000000", "#56B4E9", "#D55E00", "#009E73", "#CC79A7"]
_LINES = ["-", "--", "-.", ":"]
_MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<", ">"]


class Look(NamedTuple):
    """What tells one of several from the others.

    Attributes:
        colour: as hexadecimal digits.
        line: a line style.
        marker: a shape.
    """

    colour: str
    line: str
    marker: str


def look(number: int) -> Look:
    """The look of thing `number`, from 0: no two of the first 252 are the same."""
    return Look(
        _COLOURS[number % len(_COLOURS)],
        _LINES[number % len(_LINES)],
        _MARKERS[number % len(_MARKERS)],
    )


@contextmanager
def in_house_style() -> Iterator[None]:
    """A context, and a decorator, within which Matplotlib draws as the charts look."""
    with rc_context(_SETTINGS):
        yield


def empty_panels(
    rows: int, columns: int, size_in: tuple[float, float], share_x: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure of `size_in`, width and height, and its axes; there may be none."""
    if not rows * columns:
        return Figure(figsize=size_in), []  # there is nothing to lay out, which would warn
    figure = Figure(figsize=size_in, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=share_x)
    return figure, list(axes.flat)
