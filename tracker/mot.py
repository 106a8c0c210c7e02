"""MOT text: one line a box, `frame, id, x, y, w, h, score, -1, -1, -1`, frames from 1."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.errors import FormatError
from tracker.records import Tracks

_COLUMNS = 7  # frame, id, x, y, width, height, score; what follows is not used
_LARGEST = 1e6  # pixels; beyond it, float32 loses whole pixels


class MotRows(NamedTuple):
    """The columns of a MOT file, sorted by frame (file order within one)."""

    frame: NDArray[np.int32]  # (N,), 0-based
    identity: NDArray[np.int32]  # (N,)
    boxes: NDArray[np.float32]  # (N, 4), x1, y1, x2, y2
    scores: NDArray[np.float32]  # (N,); 1 where the file has no such column
    line: NDArray[np.int32]  # (N,), from 1: where in the file each row is


def read_mot(path: Path) -> MotRows:
    """Read a MOT file; comments (#), blank lines and further columns are passed over.

    Raises:
        FormatError: the file cannot be read, or a line of it makes no sense.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(path, f"cannot be read as MOT text ({error})") from error
    numbered = [
        (number, line)
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    table = _parse_at_once([line for _, line in numbered])
    if table is None:
        rows = [_parse_line(path, number, line) for number, line in numbered]
        table = np.array(rows, np.float64).reshape(-1, _COLUMNS)
    return rows_of(table, np.array([number for number, _ in numbered], np.int32))


def rows_of(table: NDArray[np.float64], line: NDArray[np.int32]) -> MotRows:
    """Rows, sorted by frame, of `table` (N, 7), as in a file, and the `line` (N,) of each."""
    order = np.argsort(table[:, 0], kind="stable")
    table = table[order]
    corners = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1)
    return MotRows(
        table[:, 0].astype(np.int32) - 1,
        table[:, 1].astype(np.int32),
        corners.astype(np.float32),
        table[:, 6].astype(np.float32),
        line[order],
    )


def write_mot(path: Path, tracks: Tracks) -> None:
    """Write `tracks` as MOT text; coordinates to a hundredth of a pixel."""
    with path.open("w", encoding="ascii", newline="\n") as file:
        for frame, person, (x1, y1, x2, y2), score in zip(
            tracks.frame,
            tracks.person,
            tracks.boxes.astype(float),
            written_scores(tracks),
            strict=True,
        ):
            file.write(
                f"{frame + 1},{person},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},"
                f"{score:.4f},-1,-1,-1\n"
            )


def written_scores(tracks: Tracks) -> NDArray[np.float64]:
    """The scores (M,) as files have them: to 4 digits.

    None is rounded to 0, which would say that the box was interpolated.
    """
    scores = tracks.scores.astype(np.float64)
    return np.where(scores > 0, scores.round(4).clip(1e-4), 0.0)


def _parse_at_once(lines: Sequence[str]) -> NDArray[np.float64] | None:
    """What `_parse_line` gives for all `lines`, ten times as fast; None where only it can tell."""
    if not lines or len(_parts(lines[0])) < _COLUMNS:
        return None
    try:
        table = np.loadtxt(
            lines,
            np.float64,
            comments=None,
            delimiter="," if "," in lines[0] else None,
            usecols=range(_COLUMNS),
            ndmin=2,
            encoding=None,
        )
    except ValueError:  # a number that is none, or a line too short: of which kind, and where?
        return None
    with np.errstate(invalid="ignore"):  # infinity has no remainder, and is no whole number
        remainder = table[:, :2] % 1
    whole = np.all(remainder == 0, axis=1) & np.all(abs(table[:, :2]) < 2**31, axis=1)
    bounded = np.all(abs(table[:, 2:]) < _LARGEST, axis=1)
    sound = whole & bounded & (table[:, 0] >= 1) & np.all(table[:, 4:6] > 0, axis=1)
    return table if np.all(sound) else None


def _parts(line: str) -> list[str]:
    return line.split(",") if "," in line else line.split()


def _short(line: str) -> str:
    """The start of a line, as an error shows it: some files are one line."""
    return textwrap.shorten(line.strip()[:200], 80, placeholder=" …")


def _parse_line(path: Path, number: int, line: str) -> list[float]:
    parts = _parts(line)
    if len(parts) < 6:
        raise FormatError(path, f"expected frame, id, x, y, w, h, got {_short(line)!r}", number)
    try:
        values = [float(part) for part in parts[:_COLUMNS]]
    except ValueError as error:
        raise FormatError(path, f"not a number in {_short(line)!r}", number) from error
    if not all(abs(value) < _LARGEST for value in values[2:]):  # nor NaN
        raise FormatError(path, f"a number is out of bounds in {_short(line)!r}", number)
    if not 1 <= values[0] < 2**31 or values[0] % 1:
        raise FormatError(path, f"frames are whole numbers from 1, got {parts[0]}", number)
    if not abs(values[1]) < 2**31 or values[1] % 1:
        raise FormatError(path, f"ids are whole numbers, got {parts[1]}", number)
    if values[4] <= 0 or values[5] <= 0:
        raise FormatError(path, f"a box {parts[4]} x {parts[5]} has no area", number)
    return values if len(values) == _COLUMNS else [*values, 1.0]
