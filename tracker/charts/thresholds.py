"""Precision and recall over a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tracker.charts.style import COLUMN_IN, PAGE_IN, empty_panels, in_house_style, look

_HEIGHT_IN = 2.4


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdPanel:
    """Precision and recall at K thresholds, any K.

    Attributes:
        title: what is found.
        axis: what the threshold is, with its unit.
        threshold: (K,) rising.
        precision: (K,) in [0, 1].
        recall: (K,) in [0, 1].
        chosen: the threshold in use; None where there is none.
    """

    title: str
    axis: str
    threshold: NDArray[np.floating]
    precision: NDArray[np.floating]
    recall: NDArray[np.floating]
    chosen: float | None = None


@in_house_style()
def draw_precision_recall(panels: Sequence[ThresholdPanel]) -> Figure:
    """Precision (a solid line) and recall (a dashed one) of each panel, side by side.

    A dotted vertical line marks the chosen threshold. A panel without thresholds says so.
    """
    width = min(PAGE_IN, COLUMN_IN * max(len(panels), 1))
    figure, all_axes = empty_panels(min(len(panels), 1), len(panels), (width, _HEIGHT_IN))
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw_panel(axes, panel)
    if all_axes:
        lines = all_axes[0].get_lines()[:2]
        figure.legend(handles=lines, loc="outside upper center", ncols=2, handlelength=3)
    return figure


def _draw_panel(axes: Axes, panel: ThresholdPanel) -> None:
    measures = {"precision": panel.precision, "recall": panel.recall}
    for number, (name, values) in enumerate(measures.items()):
        colour, style, _ = look(number)
        axes.plot(panel.threshold, values, color=colour, linestyle=style, label=name)
    axes.set(title=panel.title, xlabel=panel.axis, ylim=(0, 1.02))
    axes.grid()
    if not len(panel.threshold):
        axes.text(0.5, 0.5, "nothing to judge", transform=axes.transAxes, ha="center")
    if panel.chosen is not None:
        axes.axvline(panel.chosen, color="black", linestyle=":", linewidth=1.0)
        beside = axes.get_xaxis_transform()
        axes.text(panel.chosen, 0.02, f" {panel.chosen:.3g}", transform=beside, va="bottom")
