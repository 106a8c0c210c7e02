"""The measures of several videos, side by side, in the mean, and of all boxes together."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from tracker.evaluation.measures import Measures

_COLUMNS = {
    "MOTA": "mota",
    "IDF1": "idf1",
    "HOTA": "hota",
    "IDS": "id_switches",
    "breaks": "breaks",
    "recall": "recall",
    "precision": "precision",
    "purity": "purity",
    "people": "people",
    "true": "truth_people",
}
_SUMMED = (
    "id_switches",
    "fragmentations",
    "breaks",
    "misses",
    "false_positives",
    "matches",
    "truth_boxes",
    "track_boxes",
    "truth_people",
    "people",
)
_COUNTS = ("id_switches", "breaks", "people", "truth_people")


def pooled(measured: Mapping[str, Measures]) -> dict[str, float | int]:
    """The measures that are ratios of counts, and these counts, of all videos as if they were one.

    Nobody is in two videos. HOTA and purity are no such ratios, and are left out.
    """
    counts = {name: sum(getattr(one, name) for one in measured.values()) for name in _SUMMED}
    true, found, hits = (counts[name] for name in ("truth_boxes", "track_boxes", "matches"))
    named = sum(one.idr * one.truth_boxes for one in measured.values())
    errors = counts["misses"] + counts["false_positives"] + counts["id_switches"]
    return {
        "mota": 1 - errors / true if true else 0.0,
        "idf1": 2 * named / (true + found) if true + found else 0.0,
        "recall": hits / true if true else 0.0,
        "precision": hits / found if found else 0.0,
        **counts,
    }


def means(measured: Mapping[str, Measures]) -> dict[str, float]:
    """The mean of every measure over the videos; nothing of no video."""
    dicts = [one.as_dict() for one in measured.values()]
    return {name: statistics.fmean(one[name] for one in dicts) for name in (dicts or [{}])[0]}


def several_as_dict(name: str, measured: Mapping[str, Measures]) -> dict[str, Any]:
    """Everything, for JSON."""
    return {
        "dataset": name,
        "videos": {video: one.as_dict() for video, one in measured.items()},
        "mean": means(measured),
        "pooled": pooled(measured),
    }


def format_several(measured: Mapping[str, Measures]) -> str:
    """A line a video, the mean, and all boxes together."""
    rows: dict[str, Mapping[str, float]] = {name: one.as_dict() for name, one in measured.items()}
    rows |= {"mean": means(measured), "all boxes": pooled(measured)}
    width = max(len(name) for name in rows)
    lines = [" ".join([" " * width, *(f"{heading:>9}" for heading in _COLUMNS)])]
    for name, values in rows.items():
        cells = [_cell(column, values.get(column)) for column in _COLUMNS.values()]
        lines.append(" ".join([f"{name:<{width}}", *(f"{cell:>9}" for cell in cells)]))
    return "\n".join(lines)


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return ""
    if name not in _COUNTS:
        return f"{value:.3f}"
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"
