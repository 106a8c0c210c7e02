"""The table of a benchmark: rows by measures, mean and spread over seeds; as text, CSV, JSON."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tracker.benchmark.published import Published
from tracker.evaluation.measures import format_measure

ALONE = "alone_"  # before a measure of tracks where the number of people is found
# title, what it says, heading → name
_PARTS: tuple[tuple[str, str, dict[str, str]], ...] = (
    (
        "Tracks",
        "With the number of people given.",
        {
            "MOTA": "mota",
            "IDF1": "idf1",
            "IDP": "idp",
            "IDR": "idr",
            "HOTA": "hota",
            "DetA": "deta",
            "AssA": "assa",
            "IDS": "id_switches",
            "breaks": "breaks",
            "Frag": "fragmentations",
            "MT": "mostly_tracked",
            "PT": "partly_tracked",
            "ML": "mostly_lost",
            "recall": "recall",
            "precision": "precision",
            "F1": "f1",
            "FAF": "faf",
            "MOTP": "motp",
        },
    ),
    (
        "Clusters",
        "All tracklets, false ones too, in exactly as many clusters as there are people.",
        {
            "purity": "cluster_purity",
            "NMI": "cluster_nmi",
            "B³ P": "cluster_bcubed_precision",
            "B³ R": "cluster_bcubed_recall",
            "B³ F1": "cluster_bcubed_f1",
            "accuracy": "cluster_accuracy",
        },
    ),
    (
        "Verification and retrieval",
        "Pairs of tracklets that the video itself does not tell apart; each tracklet asked for "
        "among all others.",
        {
            "AUC": "auc",
            "EER": "eer",
            "R@1": "r_at_1",
            "R@5": "r_at_5",
            "R@10": "r_at_10",
            "RP": "r_precision",
            "MAP@R": "map_at_r",
        },
    ),
    (
        "By itself",
        "Tracks where the number of people is not given, but found by a distance that was chosen "
        "for compensated and learned features: it does not fit raw ones.",
        {
            "people": f"{ALONE}people",
            "MOTA": f"{ALONE}mota",
            "IDF1": f"{ALONE}idf1",
            "HOTA": f"{ALONE}hota",
        },
    ),
)
_SUMMARY = {
    "MOTA": "mota",
    "IDF1": "idf1",
    "HOTA": "hota",
    "purity": "cluster_purity",
    "NMI": "cluster_nmi",
    "AUC": "auc",
    "MAP@R": "map_at_r",
    "people": f"{ALONE}people",
}
_NOT_MEASURED = "-"


class Spread(NamedTuple):
    """One number over several runs; `deviation` is the sample standard deviation, 0 of one run."""

    mean: float
    deviation: float
    least: float
    most: float
    runs: int


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table.

    Attributes:
        title: of the row.
        features: that faces were told apart by.
        method: what was made of them.
        values: by name; empty where it could not be measured.
        remark: why it was not measured, or what a reader must know; else empty.
        runs: the values of each run, from seed 0 on; None where one is not defined.
    """

    title: str
    features: str
    method: str
    values: Mapping[str, Spread]
    remark: str = ""
    runs: tuple[Mapping[str, float | None], ...] = ()


def spread(values: Iterable[float | None]) -> Spread | None:
    """Mean and spread of those `values` that are defined; None where none is."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    deviation = statistics.stdev(known) if len(known) > 1 else 0.0
    return Spread(statistics.fmean(known), deviation, min(known), max(known), len(known))


def spreads(runs: Sequence[Mapping[str, float | None]]) -> dict[str, Spread]:
    """The spread of every number over those of `runs` that define it."""
    names = dict.fromkeys(name for run in runs for name in run)
    found = {name: spread(run.get(name) for run in runs) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def as_markdown(
    title: str, facts: Sequence[str], lines: Sequence[Line], published: Sequence[Published]
) -> str:
    """The table for people, part by part.

    Args:
        facts: what was measured, a sentence each.
    """
    parts = [f"# {title}", "\n".join(f"- {fact}" for fact in facts)]
    for heading, about, columns in _PARTS:
        rows = [
            [_titled(line), *(_cell(line, name) for name in columns.values())] for line in lines
        ]
        parts += [f"## {heading}", about, _markdown(["row", *columns], rows)]
    if remarks := _remarks(lines):
        parts += ["## Remarks", "\n".join(remarks)]
    if published:
        parts += ["## Published by others", _published(published)]
    return "\n\n".join(parts) + "\n"


def as_text(lines: Sequence[Line]) -> str:
    """The means that say most, in aligned columns, for a terminal."""
    rows = [["", *_SUMMARY]]
    for line in lines:
        values = (line.values.get(name) for name in _SUMMARY.values())
        numbers = zip(_SUMMARY.values(), values, strict=True)
        cells = [_NOT_MEASURED if one is None else _number(name, one.mean) for name, one in numbers]
        rows.append([_titled(line), *cells])
    width = max(len(row[0]) for row in rows)
    return "\n".join(
        "".join([f"{row[0]:<{width}}", *(f"{cell:>9}" for cell in row[1:])]) for row in rows
    )


def as_csv(lines: Sequence[Line]) -> str:
    """A line a row and measure: row, features, method, measure, mean, deviation, least, most, runs.

    A row that could not be measured has one line, without numbers.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "features", "method", "measure", *Spread._fields])
    for line in lines:
        row = [line.title, line.features, line.method]
        if not line.values:
            writer.writerow([*row, "absent", *[""] * len(Spread._fields)])
        for name, value in line.values.items():
            writer.writerow([*row, name, *value])
    return text.getvalue()


def as_json(
    title: str, facts: Mapping[str, Any], lines: Sequence[Line], published: Sequence[Published]
) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "format": 1,
        "title": title,
        **facts,
        "rows": [
            {
                "title": line.title,
                "features": line.features,
                "method": line.method,
                "measured": bool(line.values),
                "remark": line.remark,
                "values": {name: value._asdict() for name, value in line.values.items()},
                "runs": [dict(run) for run in line.runs],
            }
            for line in lines
        ],
        "published": [
            {
                "system": one.system,
                "source": one.source,
                "standing": one.standing,
                "values": one.values,
            }
            for one in published
        ],
    }


def _remarks(lines: Sequence[Line]) -> list[str]:
    """What is to be said of rows, each thing once."""
    rows_of: dict[str, list[str]] = {}
    for line in lines:
        if line.remark:
            rows_of.setdefault(line.remark, []).append(line.title)
    return [f"- {'; '.join(titles)}: {remark}" for remark, titles in rows_of.items()]


def _titled(line: Line) -> str:
    return line.title if line.values else f"{line.title} (absent)"


def _cell(line: Line, name: str) -> str:
    value = line.values.get(name)
    if value is None:
        return _NOT_MEASURED
    mean = _number(name, value.mean)
    return f"{mean} ± {_number(name, value.deviation)}" if value.runs > 1 else mean


def _number(name: str, value: float) -> str:
    """A share as 0.915, a count as 12 or, in the mean of several, 12.3."""
    return format_measure(name.removeprefix(ALONE), value)


def _published(published: Sequence[Published]) -> str:
    headings = {
        name: heading for _, _, columns in reversed(_PARTS) for heading, name in columns.items()
    }
    names = [name for name in headings if any(name in one.values for one in published)]
    rows = [
        [
            one.system,
            *(
                _number(name, one.values[name]) if name in one.values else _NOT_MEASURED
                for name in names
            ),
            one.source,
            one.standing,
        ]
        for one in published
    ]
    about = (
        "Standing: reported, said to come from those who measured it; second-hand, quoted by "
        "somebody else; unverified, as remembered. None was checked against its original."
    )
    columns = ["system", *(headings[name] for name in names), "source", "standing"]
    return f"{about}\n\n{_markdown(columns, rows)}"


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
