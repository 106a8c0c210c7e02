"""Weighted purity over the number of clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray

from tracker.charts.style import GREY, PAGE_IN, empty_panels, in_house_style, look

_MARKERS = 6  # on a line
_LEAST_HEIGHT_IN = 3.0
_ROW_IN = 0.16  # of the legend
_LEGEND: dict[str, Any] = {"loc": "outside right upper", "alignment": "left", "handlelength": 3}


@in_house_style()
def draw_purity(curves: Mapping[str, NDArray[np.floating]], people: int) -> Figure:
    """A line for every row: weighted purity at each number of clusters, on a doubling axis.

    The legend tells the purity at the true number of people, best first.

    Args:
        curves: by the row's name, (n_seeds, T) purity at 1 to T clusters, NaN where there is
            none: the line is the mean over the seeds, the band goes from the least to the most.
        people: the true number, marked by a vertical line; 0 marks none.
    """
    height = max(_LEAST_HEIGHT_IN, 0.3 + _ROW_IN * len(curves))
    figure, (axes,) = empty_panels(1, 1, (PAGE_IN, height))
    entries = []
    for number, (name, curve) in enumerate(curves.items()):
        at_people = _at(curve, people)
        written = f"{name}  {at_people:.3f}" if np.isfinite(at_people) else name
        line = _draw_row(axes, number, np.asarray(curve, np.float64))
        entries.append((-at_people, number, line, written))
    _draw_axes(axes, max((curve.shape[1] for curve in curves.values()), default=0), people)
    entries.sort(key=lambda entry: (np.isnan(entry[0]), *entry[:2]))
    if entries:
        _, _, lines, names = zip(*entries, strict=True)
        title = f"purity at {people} clusters" if people else None
        figure.legend(lines, names, title=title, **_LEGEND)
    return figure


def _at(curve: NDArray[np.floating], people: int) -> float:
    """The mean purity (n_seeds, T) at the true number of people; NaN where there is none."""
    known = len(curve) and 1 <= people <= curve.shape[1]
    return float(curve[:, people - 1].mean()) if known else float("nan")


def _draw_row(axes: Axes, number: int, curve: NDArray[np.float64]) -> Line2D:
    colour, style, marker = look(number)
    count = curve.shape[1] if len(curve) else 0
    clusters = np.arange(1, count + 1)
    # Each row has its markers at other places, so that they do not hide each other.
    steps = (np.arange(_MARKERS) + number * 0.382 % 1) / _MARKERS
    places = np.unique(np.round(count**steps).astype(int) - 1)[:count]
    (line,) = axes.plot(
        clusters,
        curve.mean(axis=0) if count else clusters,
        color=colour,
        linestyle=style,
        marker=marker,
        markersize=3.5,
        markevery=[int(place) for place in places],
    )
    if len(curve) > 1:
        least, most = curve.min(axis=0), curve.max(axis=0)
        axes.fill_between(clusters, least, most, color=colour, alpha=0.15, linewidth=0)
    return line


def _draw_axes(axes: Axes, most_clusters: int, people: int) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xlim(1, max(most_clusters, people, 2))
    axes.set_ylim(None, 1.0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="number of clusters", ylabel="weighted purity")
    axes.grid()
    if people:
        axes.axvline(people, color=GREY, linewidth=1.0, zorder=0.9)
        above = axes.get_xaxis_transform()
        axes.text(people, 1.01, f"{people} people", transform=above, ha="center", va="bottom")
