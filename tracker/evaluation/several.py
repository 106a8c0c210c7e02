"""The measures of several videos, side by side, in the mean, and of all boxes together."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from tracker.evaluation.measures import Measures, format_measure, ratio

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
        "idf1": ratio(2 * named, true + found),
        "recall": ratio(hits, true),
        "precision": ratio(hits, found),
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
        cells = [
            format_measure(column, values[column]) if column in values else ""
            for column in _COLUMNS.values()
        ]
        lines.append(" ".join([f"{name:<{width}}", *(f"{cell:>9}" for cell in cells)]))
    return "\n".join(lines)
