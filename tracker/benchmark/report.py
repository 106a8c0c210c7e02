"""From a video and its truth to the table and its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from tracker.benchmark.bench import lines_of, measure_rows, prepare
from tracker.benchmark.measuring import Bench
from tracker.benchmark.pictures import write_pictures
from tracker.benchmark.published import Published
from tracker.benchmark.rows import Row
from tracker.benchmark.table import Line, as_csv, as_json, as_markdown, spreads
from tracker.evaluation.answer import Answer
from tracker.run import Run
from tracker.settings import settings_as_dict
from tracker.storage import save_json, written_aside


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be measured, whatever the video.

    Attributes:
        seeds: runs of each row that learns.
        iou_threshold: from which on a box is the true one.
    """

    rows: tuple[Row, ...]
    seeds: int
    iou_threshold: float


def benchmark_video(
    run: Run, answer: Answer, order: Order, published: Sequence[Published] = ()
) -> list[Line]:
    """Measure every row on one video, and write table and pictures into its folder.

    Raises:
        TrackerError: the video, the truth or the folder cannot be used.
    """
    bench = prepare(run, answer, order.iou_threshold)
    results = measure_rows(bench, answer, order.rows, order.seeds)
    lines = lines_of(results, order.rows)
    write_table(run.folder.path, run.video.stem, _facts(bench, answer, order), lines, published)
    write_pictures(bench, results)
    return lines


def write_table(
    folder: Path,
    title: str,
    facts: Mapping[str, Any],
    lines: Sequence[Line],
    published: Sequence[Published],
) -> None:
    """Write `table.md`, `table.csv` and `table.json`.

    Raises:
        StorageError: they cannot be written.
    """
    told = [
        f"{name.replace('_', ' ')}: {_told(value)}"
        for name, value in facts.items()
        if name != "config"
    ]
    with written_aside(folder / "table.md") as aside:
        aside.write_text(as_markdown(title, told, lines, published), encoding="utf-8")
    with written_aside(folder / "table.csv") as aside:
        aside.write_text(as_csv(lines), encoding="utf-8", newline="")
    save_json(folder / "table.json", as_json(title, facts, lines, published))


def _facts(bench: Bench, answer: Answer, order: Order) -> dict[str, Any]:
    """What a reader must know to cite the table."""
    run, material = bench.run, bench.followed.material
    config = settings_as_dict(run.config)
    return {
        "video": {
            "name": run.video.name,
            "pixels": f"{bench.followed.info.width} x {bench.followed.info.height}",
            "frames": len(material.scan.timeline),
            "shots": len(material.scan.shots),
        },
        "truth": {
            "name": answer.path.name,
            "people": bench.answers.people,
            "boxes": len(bench.truth.named),
            **_judged(answer),
        },
        "shared_by_all_rows": {
            "detector": bench.followed.detector.name,
            "detections": len(material.scan.detections),
            "tracklets": material.tracklet_count,
            "cannot_link_pairs": len(material.constraints.cannot_link),
        },
        "how": {
            "match_from_iou": order.iou_threshold,
            "seeds": order.seeds,
            "spread": "sample standard deviation",
            "device": str(run.device),
            "multiface": metadata.version("multiface"),
        },
        "config": {name: config[name] for name in ("detection", "embedding", "clustering")},
    }


def _judged(answer: Answer) -> dict[str, Any]:
    """Which frames of the video are judged, where it is not each."""
    judged: dict[str, Any] = {}
    if answer.frames is not None:
        first, stop = answer.frames
        judged["frames"] = f"{first + 1} to {'the end' if stop is None else stop}"
    if answer.step != 1:
        judged["one_frame_in"] = answer.step
    return judged


def _told(value: Mapping[str, Any] | Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    return ", ".join(f"{name.replace('_', ' ')} {_told(one)}" for name, one in value.items())


def write_means(
    folder: Path, title: str, tables: Mapping[str, Sequence[Line]], order: Order
) -> list[Line]:
    """Write the table of a dataset: of every row, the mean over videos of its means over seeds.

    A row that one of the videos lacks is absent.

    Args:
        tables: of each video, the lines of all rows in one order.
    """
    lines = []
    for same in zip(*tables.values(), strict=True):
        missing = [name for name, line in zip(tables, same, strict=True) if not line.values]
        values = [{name: one.mean for name, one in line.values.items()} for line in same]
        first = same[0]
        remarks = [
            f"in {name}, {line.remark}"
            for name, line in zip(tables, same, strict=True)
            if line.remark
        ]
        told = "; ".join(sorted(remarks))
        lines.append(
            replace(first, values={}, runs=(), remark=f"absent in {', '.join(missing)}: {told}")
            if missing
            else replace(first, values=spreads(values), remark=told, runs=())
        )
    facts = {
        "videos": {"names": ", ".join(tables), "number": len(tables)},
        "how": {
            "numbers": "mean over the videos of the mean over seeds",
            "seeds": order.seeds,
            "spread": "sample standard deviation over the videos",
            "multiface": metadata.version("multiface"),
        },
    }
    write_table(folder, title, facts, lines, ())
    return lines
