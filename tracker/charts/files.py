"""A chart as files."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from tracker.charts.style import in_house_style
from tracker.storage import written_aside

_DPI = 200


@in_house_style()
def save_chart(figure: Figure, stem: Path) -> None:
    """Write `figure` as `stem` + .svg and + .png: the same figure is the same bytes.

    Raises:
        StorageError: they cannot be written.
    """
    with written_aside(stem.with_name(f"{stem.name}.svg")) as aside:
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(aside, format="svg", metadata=nothing, dpi=_DPI)
    with written_aside(stem.with_name(f"{stem.name}.png")) as aside:
        figure.savefig(aside, format="png", metadata={"Software": None}, dpi=_DPI)
