"""Faces on a plane: who lies beside whom, before and after learning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from tracker.charts.style import COLUMN_IN, GREY, PAGE_IN, empty_panels, in_house_style

_PERPLEXITY = 30.0  # t-SNE's usual one; a third of the points where they are fewer
_FEWEST_POINTS = 4  # fewer have no neighbourhoods to keep
_MOST_VECTOR_POINTS = 2000  # more make an SVG slow to open: they become pixels
_ENTRIES = 25  # of the legend: 24 people, and nobody
_ENTRIES_A_ROW = 13

_TIGHT: dict[str, Any] = {"handletextpad": 0.0, "columnspacing": 0.6, "borderpad": 0.2}
_NOBODY: dict[str, Any] = {"marker": "x", "s": 7, "c": GREY, "linewidths": 0.5}
# A shape for each of twelve colours, and its size: in grey the shape tells.
_STYLES = [
    ("#0072B2", "o", 12),
    ("#E69F00", "^", 14),
    ("#000000", "s", 10),
    ("#56B4E9", "v", 14),
    ("#D55E00", "D", 9),
    ("#009E73", "<", 14),
    ("#CC79A7", "P", 15),
    ("#7A4B1F", ">", 14),
    ("#8C6BB1", "X", 15),
    ("#9DB300", "h", 14),
    ("#B2182B", "*", 24),
    ("#1B4F5C", "p", 14),
]


class Map(NamedTuple):
    """Faces on a plane.

    Attributes:
        title: what is mapped.
        points: (S, 2), in any unit.
    """

    title: str
    points: NDArray[np.floating]


@in_house_style()
def draw_maps(maps: Sequence[Map], labels: NDArray[np.integer]) -> Figure:
    """Maps of the same faces side by side, each person in a colour and a shape.

    After twelve people the styles come again, hollow, and after 24 from the start; the legend
    tells the first 24.

    Args:
        labels: (S,) who each face is, from 1; 0 and below, a small grey cross: nobody.
    """
    columns = max(len(maps), 1)
    width = min(PAGE_IN, COLUMN_IN * columns)
    entries = min(len(np.unique(labels.clip(0))), _ENTRIES)
    rows = -(-entries // _ENTRIES_A_ROW)
    size = (width, width / columns + 0.2 + 0.17 * rows)
    figure, panels = empty_panels(min(len(maps), 1), len(maps), size)
    for axes, one in zip(panels, maps, strict=True):
        handles = _draw_map(axes, one, labels)
    if panels and entries:
        a_row = -(-entries // rows)
        figure.legend(handles=handles[:entries], loc="outside lower center", ncols=a_row, **_TIGHT)
    return figure


def _draw_map(axes: Axes, one: Map, labels: NDArray[np.integer]) -> list[PathCollection]:
    """Draw nobody, then everybody by number; what is drawn of each, for the legend."""
    as_pixels = len(labels) > _MOST_VECTOR_POINTS
    handles = []
    if np.any(labels <= 0):
        x, y = one.points[labels <= 0].T
        handles.append(axes.scatter(x, y, label="false", rasterized=as_pixels, **_NOBODY))
    for number, person in enumerate(np.unique(labels[labels > 0]).tolist()):
        x, y = one.points[labels == person].T
        style = _style(number)
        handles.append(axes.scatter(x, y, label=str(person), rasterized=as_pixels, **style))
    axes.set(title=one.title, xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    axes.set_aspect("equal", adjustable="datalim")
    return handles


def _style(number: int) -> dict[str, Any]:
    colour, marker, size = _STYLES[number % len(_STYLES)]
    if number // len(_STYLES) % 2:
        return {"marker": marker, "s": size, "c": "white", "edgecolors": colour, "linewidths": 0.8}
    return {"marker": marker, "s": size, "c": colour, "edgecolors": "white", "linewidths": 0.2}


def flatten(vectors: NDArray[np.floating], seed: int) -> NDArray[np.float64]:
    """Points (S, 2) that lie together where `vectors` (S, D) do: t-SNE, the same every time.

    Fewer than four vectors, and vectors that are all the same, are drawn by their first two
    coordinates, 0 where there are none.

    Source: van der Maaten and Hinton, JMLR 2008.
    """
    count, dimensions = vectors.shape
    wide = np.zeros((count, max(dimensions, 2)))
    wide[:, :dimensions] = vectors
    if count < _FEWEST_POINTS or np.all(wide == wide[0]):
        return wide[:, :2]
    perplexity = min(_PERPLEXITY, (count - 1) / 3)
    # Several threads would add up in another order each time.
    with threadpool_limits(1):
        flat = TSNE(init="pca", perplexity=perplexity, random_state=seed).fit_transform(wide)
    return np.asarray(flat, np.float64)
