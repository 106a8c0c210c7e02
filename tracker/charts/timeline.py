"""Who is seen when: the true people, a row each, and the tracks that have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from tracker.charts.style import PAGE_IN, empty_panels, in_house_style
from tracker.errors import RecordError

_ROW_IN = 0.24
_BAR = 0.52  # of a row
_DIGIT_IN = 0.055  # what a digit of a number in a bar takes
_LIGHT = 0.5  # a bar lighter than this has a dark number

_TRIANGLE: dict[str, Any] = {
    "linestyle": "none",
    "marker": "v",
    "markersize": 3.5,
    "color": "black",
}
# Light and dark by turns, so that neighbouring numbers differ in grey.
_COLOURS = [
    "#0072B2", "#F6C667", "#7A3E9D", "#8FD0F5", "#A33B00", "#9ED9C3",
    "#00694D", "#F2B6D2", "#333333", "#D3DB6A", "#B2182B", "#C9C9C9",
]  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Times in which somebody is seen without a break: parallel arrays of length N, any N.

    Attributes:
        row: (N,) the true person, an index into the rows of the chart.
        start_s: (N,) first moment, in seconds.
        stop_s: (N,) end, in seconds.
        person: (N,) the person of the tracks who is there; of the truth's own spans, anything.
    """

    row: NDArray[np.integer]
    start_s: NDArray[np.floating]
    stop_s: NDArray[np.floating]
    person: NDArray[np.integer]

    def __post_init__(self) -> None:
        lengths = {len(self.row), len(self.start_s), len(self.stop_s), len(self.person)}
        if len(lengths) > 1:
            raise RecordError(f"the columns of spans have different lengths: {sorted(lengths)}")


@dataclass(frozen=True, slots=True, eq=False)
class Switches:
    """Moments at which a true person gets another person of the tracks: W of them, any W.

    Attributes:
        row: (W,) the true person, an index into the rows of the chart.
        at_s: (W,) when, in seconds.
    """

    row: NDArray[np.integer]
    at_s: NDArray[np.floating]


@in_house_style()
def draw_timeline(names: Sequence[str], truth: Spans, tracked: Spans, switches: Switches) -> Figure:
    """A row for each true person: a thin line while there, bars while the tracks have them.

    A bar has the colour and, where it is wide enough, the number of the tracks' person; where
    there is only the line, the tracks have lost the true one. A triangle marks a switch.

    Args:
        names: of the true people, in the order of their rows, from above.
    """
    height = 0.75 + _ROW_IN * max(len(names), 1)
    figure, (axes,) = empty_panels(1, 1, (PAGE_IN, height))
    end_s = max(truth.stop_s.max(initial=0.0), tracked.stop_s.max(initial=0.0)) or 1.0
    axes.set(xlim=(0, end_s), ylim=(max(len(names), 1) - 0.5, -0.6), xlabel="time, s")
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.hlines(truth.row, truth.start_s, truth.stop_s, color="0.25", linewidth=0.8, zorder=1)
    _draw_bars(axes, tracked)
    if len(switches.at_s):  # no points at all would take their place in the corner
        axes.plot(switches.at_s, switches.row - 0.38, **_TRIANGLE, clip_on=False)
    _number_bars(axes, tracked, end_s)
    figure.legend(handles=_legend(), loc="outside upper right", ncols=3, borderpad=0)
    return figure


def _draw_bars(axes: Axes, tracked: Spans) -> None:
    colours = np.array([_colour(person) for person in tracked.person.tolist()], object)
    for row in np.unique(tracked.row).tolist():
        of_row = tracked.row == row
        starts, stops = tracked.start_s[of_row], tracked.stop_s[of_row]
        axes.broken_barh(
            list(zip(starts.tolist(), (stops - starts).tolist(), strict=True)),
            (row - _BAR / 2, _BAR),
            facecolors=colours[of_row].tolist(),
            linewidth=0,
            zorder=2,
        )


def _number_bars(axes: Axes, tracked: Spans, end_s: float) -> None:
    seconds_an_inch = end_s / (0.85 * PAGE_IN)  # what names of people leave of the page
    for row, start, stop, person in zip(
        tracked.row.tolist(),
        tracked.start_s.tolist(),
        tracked.stop_s.tolist(),
        tracked.person.tolist(),
        strict=True,
    ):
        if stop - start >= _DIGIT_IN * (len(str(person)) + 1) * seconds_an_inch:
            ink = "black" if _lightness(_colour(person)) > _LIGHT else "white"
            middle = (start + stop) / 2
            axes.text(
                middle, row, str(person), color=ink, fontsize=6, ha="center", va="center_baseline"
            )


def _colour(person: int) -> str:
    return _COLOURS[(person - 1) % len(_COLOURS)]


def _lightness(colour: str) -> float:
    """How light a colour is in grey, in [0, 1]."""
    red, green, blue = to_rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _legend() -> list[Line2D | Patch]:
    return [
        Line2D([], [], color="0.25", linewidth=0.8, label="there in truth"),
        Patch(facecolor=_COLOURS[0], label="tracked, as person …"),
        Line2D([], [], label="switch", **_TRIANGLE),
    ]
