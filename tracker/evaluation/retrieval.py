"""Whether the nearest tracklets of a tracklet are the same person's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_metric_learning.utils import accuracy_calculator

_FEW = 10  # the neighbours that the deepest R@K looks at


class Retrieval(NamedTuple):
    """How well the neighbours of a query are its person's; NaN where there is no query.

    Attributes:
        r_at_1: share of the queries whose nearest neighbour is their person.
        r_at_5: share with one or more among the nearest 5.
        r_at_10: likewise among the nearest 10.
        r_precision: of a query whose person has R others, the share of the nearest R that are
            these; mean over the queries.
        map_at_r: the mean over the queries of the sum of the precision at each hit among the
            nearest R, over R.
        queries: tracklets whose person has another tracklet.
    """

    r_at_1: float
    r_at_5: float
    r_at_10: float
    r_precision: float
    map_at_r: float
    queries: int


def retrieve(distances: NDArray[np.floating], labels: NDArray[np.integer]) -> Retrieval:
    """Ask for the person of every tracklet among all other tracklets.

    A tracklet whose person has no other is not asked for, but it is among the others. Of equal
    distances, the earlier tracklet is the nearer.

    Args:
        distances: (T, T); the diagonal does not count.
        labels: (T,) who each tracklet is.

    Source of the last two measures: Musgrave et al., A Metric Learning Reality Check, ECCV 2020.
    """
    _, label, counts = np.unique(labels, return_inverse=True, return_counts=True)
    asked = np.flatnonzero(counts[label] > 1)
    if not len(asked):
        return Retrieval(np.nan, np.nan, np.nan, np.nan, np.nan, 0)
    depth = max(_FEW, int(counts.max()) - 1)
    neighbours = label[_neighbours(distances, asked, depth)]
    hits = neighbours == label[asked, None]
    at = {k: float(hits[:, :k].any(axis=1).mean()) for k in (1, 5, _FEW)}
    precision, average = _precisions_at_r(neighbours, label[asked], counts)
    return Retrieval(at[1], at[5], at[_FEW], precision, average, len(asked))


def _neighbours(
    distances: NDArray[np.floating], asked: NDArray[np.intp], depth: int
) -> NDArray[np.intp]:
    """The nearest `depth` other tracklets (Q, depth or fewer) of each `asked` (Q,), in order."""
    order = np.argsort(distances[asked], axis=1, kind="stable")
    others: NDArray[np.intp] = order[order != asked[:, None]].reshape(len(asked), -1)
    return others[:, :depth]


def _precisions_at_r(
    neighbours: NDArray[np.intp], label: NDArray[np.intp], counts: NDArray[np.intp]
) -> tuple[float, float]:
    """R-precision and MAP@R of queries of the classes `label` (Q,).

    Args:
        neighbours: (Q, K) classes from the nearest on, K at least the greatest R.
        counts: (C,) tracklets of each class.
    """
    arguments = {
        "knn_labels": torch.from_numpy(neighbours),
        "gt_labels": torch.from_numpy(label)[:, None],
        "ref_includes_query": True,
        "label_counts": (torch.arange(len(counts)), torch.from_numpy(counts)),
        "avg_of_avgs": False,
        "return_per_class": False,
        "label_comparison_fn": accuracy_calculator.EQUALITY,
    }
    precision = accuracy_calculator.r_precision(**arguments)
    average = accuracy_calculator.mean_average_precision(**arguments, at_r=True)
    return float(precision), float(average)
