"""How far apart pairs are that must be one person, and pairs that cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from tracker.charts.style import COLUMN_IN, empty_panels, in_house_style

_BINS = 50
_PANEL_IN = 1.35
_MUST: dict[str, Any] = {
    "facecolor": "#B7DDF5",
    "edgecolor": "#0072B2",
    "hatch": "//////",
    "linewidth": 0.6,
}
_CANNOT: dict[str, Any] = {"facecolor": "none", "edgecolor": "#A33B00", "linewidth": 1.4}


@dataclass(frozen=True, slots=True, eq=False)
class DistancePanel:
    """Distances of pairs whose truth is known from the video itself.

    Attributes:
        title: whose distances: raw, learned …
        must_link: (P,) of pairs that must be one person, any P.
        cannot_link: (Q,) of pairs that cannot be, any Q.
        threshold: the distance up to which pairs are taken for one person; None: none is.
        auc: chance that a must-link pair is the nearer; NaN where it is not known.
    """

    title: str
    must_link: NDArray[np.floating]
    cannot_link: NDArray[np.floating]
    threshold: float | None = None
    auc: float = float("nan")


@in_house_style()
def draw_distances(panels: Sequence[DistancePanel]) -> Figure:
    """Histograms of both kinds of pairs, a panel a row, over one axis of distance.

    Must-link pairs are hatched, cannot-link pairs outlined; each kind has an area of 1. A dotted
    vertical line marks the threshold.
    """
    size = (COLUMN_IN, 0.6 + _PANEL_IN * max(len(panels), 1))
    figure, all_axes = empty_panels(len(panels), min(len(panels), 1), size, share_x=True)
    farthest = max((_farthest(panel) for panel in panels), default=0.0) or 1.0
    edges = np.linspace(0, farthest, _BINS + 1)
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw_panel(axes, panel, edges)
    if all_axes:
        all_axes[-1].set_xlabel("distance")
        handles = [Patch(**_MUST, label="must link"), Patch(**_CANNOT, label="cannot link")]
        figure.legend(handles=handles, loc="outside upper center", ncols=2, handleheight=1.2)
    return figure


def _farthest(panel: DistancePanel) -> float:
    both = np.concatenate([panel.must_link, panel.cannot_link])
    return float(both.max(initial=panel.threshold or 0.0))


def _draw_panel(axes: Axes, panel: DistancePanel, edges: NDArray[np.float64]) -> None:
    for values, drawn in ((panel.must_link, _MUST), (panel.cannot_link, _CANNOT)):
        if len(values):
            density, _ = np.histogram(values, edges, density=True)
            axes.stairs(density, edges, fill=True, **drawn)
    axes.set_title(panel.title, loc="left")
    if np.isfinite(panel.auc):
        axes.set_title(f"AUC of these {panel.auc:.3f}", loc="right")
    axes.set(ylabel="density", xlim=(edges[0], edges[-1]), ylim=(0, None))
    axes.grid(axis="x")
    if panel.threshold is not None:
        axes.axvline(panel.threshold, color="black", linestyle=":", linewidth=1.2)
