"""Records ↔ the run folder: every file is written aside and renamed, so none is ever half there.

A stage's file is named by a key, the hash of its config and of the keys of what it read: it
is either what this run would compute, or it is not looked at.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from safetensors import SafetensorError

from tracker.errors import RecordError, StorageError
from tracker.records import Constraints, Detections, Shot, Timeline

_FINGERPRINT_PIECES = 64
_PIECE_BYTES = 1 << 16
_STAGES_VERSION = 3  # raise it when a stage computes something else from the same settings
_KEY_LENGTH = 12  # hex digits; a run folder holds a dozen keys
_DAMAGE = (
    OSError, LookupError, TypeError, ValueError, ArithmeticError, RecordError, SafetensorError,
)  # fmt: skip
# Ours, with the process that writes it; others' are left alone.
_PARTIAL_NAME = re.compile(r"(?:\.(\d+)|^annotated\.mp4)(?:\.partial)+$")
_LANDMARK_COLUMNS = [f"{axis}_{point}" for point in range(5) for axis in "xy"]


class RunFolder:
    """The folder of one run: its outputs, and in `stages/` what a later run can take up."""

    def __init__(self, path: Path) -> None:
        """Make the folder, or clear one of what a killed run left half-written.

        Raises:
            StorageError: it cannot be made or written to.
        """
        self.path = path
        self._stages = path / "stages"
        self._used: set[str] = set()
        try:
            self._stages.mkdir(parents=True, exist_ok=True)
            probe = self._stages / f".probe.{os.getpid()}"
            probe.touch()
            probe.unlink()
            self._forget_partial()
        except OSError as error:
            raise StorageError(
                f"cannot write to {path}: {error.strerror}; choose another folder with --out"
            ) from error

    def stage_file(self, stage: str, key: str, suffix: str) -> Path:
        """Where the file of `stage` with `key` is, or would be."""
        path = self.temporary_file(stage, key, suffix)
        self._used.add(path.name)
        return path

    def temporary_file(self, stage: str, key: str, suffix: str) -> Path:
        """Where a file is, or would be, that goes as soon as a run is over."""
        return self._stages / f"{stage}-{key}{suffix}"

    def _forget_partial(self) -> None:
        """Delete what was being written aside when a run was killed."""
        for folder in (self.path, self.path / "people", self._stages):
            for path in folder.glob("*.partial"):
                ours = _PARTIAL_NAME.search(path.name)
                if ours and not _is_at_work(ours[1]):
                    path.unlink(missing_ok=True)

    def forget_unused(self) -> None:
        """Delete the stage files that this run did not ask for."""
        for path in self._stages.iterdir():
            if path.name not in self._used:
                path.unlink(missing_ok=True)


def _is_at_work(process: str | None) -> bool:
    """Whether another process of that number is there: it may be writing, as `redact` does."""
    return process is not None and int(process) != os.getpid() and Path("/proc", process).exists()


def stage_key(stage: str, config: object, *read: str) -> str:
    """The key of a stage: the hash of its name, its `config` and the keys that it `read`."""
    text = json.dumps([_STAGES_VERSION, stage, config, read], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_KEY_LENGTH]


def fingerprint(path: Path) -> str:
    """A hash of the size of the file at `path` and of pieces all through it."""
    digest = hashlib.sha256()
    try:
        size = path.stat().st_size
        digest.update(str(size).encode())
        with path.open("rb") as file:
            for piece in range(_FINGERPRINT_PIECES):
                file.seek(max(size - _PIECE_BYTES, 0) * piece // (_FINGERPRINT_PIECES - 1))
                digest.update(file.read(_PIECE_BYTES))
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from error
    return digest.hexdigest()


def content_hash(path: Path) -> str:
    """The hash of a whole file: for small ones, of which every digit counts."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from error


@contextmanager
def refusing_damage(path: Path) -> Iterator[None]:
    """Turn what a damaged file makes of us into an error that names it."""
    try:
        yield
    except _DAMAGE as error:
        reason = " ".join(str(error).split())
        raise StorageError(f"cannot read {path}: {reason}; delete it and run again") from error


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Give a name to write to; what is there at the end becomes `path`, after an error nothing.

    Raises:
        StorageError: it cannot be written, as when the disk is full.
    """
    aside = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        yield aside
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # where it could not be made, it cannot be removed either
            aside.unlink(missing_ok=True)


def save_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` as JSON that people can read; piece by piece, for it may be long."""
    # A file's name may hold bytes that are no UTF-8: as JSON's own escapes they come back.
    with (
        written_aside(path) as aside,
        aside.open("w", encoding="utf-8", errors="backslashreplace") as file,
    ):
        json.dump(content, file, indent=2, ensure_ascii=False, allow_nan=False)
        file.write("\n")


def load_json(path: Path) -> dict[str, Any]:
    """Read what `save_json` wrote.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise StorageError(f"cannot read {path}: {error}; delete it and run again") from error
    if not isinstance(content, dict):
        raise StorageError(f"cannot read {path}: not a JSON object; delete it and run again")
    return content


def save_table(path: Path, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write equally long columns as Parquet."""
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    # pyarrow takes names with a colon for URIs, so it gets no names.
    with written_aside(path) as aside, aside.open("wb") as file:
        pq.write_table(table, file)


def load_table(path: Path) -> dict[str, NDArray[Any]]:
    """Read what `save_table` wrote.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            table = pq.read_table(file)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise StorageError(f"cannot read {path}: {reason}; delete it and run again") from error
    return {name: table[name].to_numpy() for name in table.column_names}


def save_detections(path: Path, detections: Detections) -> None:
    """Write a row a detection: frame, x1, y1, x2, y2, score, x_0, y_0 … x_4, y_4."""
    columns: dict[str, NDArray[Any]] = {"frame": detections.frame}
    columns |= dict(zip(("x1", "y1", "x2", "y2"), detections.boxes.T, strict=True))
    columns |= {"score": detections.scores}
    points = detections.landmarks.reshape(-1, 10).T
    save_table(path, columns | dict(zip(_LANDMARK_COLUMNS, points, strict=True)))


def load_detections(path: Path) -> Detections:
    """Read what `save_detections` wrote."""
    table = load_table(path)
    with refusing_damage(path):
        return Detections(
            table["frame"],
            np.stack([table[name] for name in ("x1", "y1", "x2", "y2")], axis=1),
            table["score"],
            np.stack([table[name] for name in _LANDMARK_COLUMNS], axis=1).reshape(-1, 5, 2),
        )


def save_timeline(path: Path, timeline: Timeline, warning: str | None) -> None:
    """Write the ticks of all frames, and what could not be read of the video."""
    save_json(
        path,
        {
            "tick_s": str(timeline.tick_s),
            "end_tick": timeline.end_tick,
            "ticks": timeline.ticks.tolist(),
            "warning": warning,
        },
    )


def load_timeline(path: Path) -> tuple[Timeline, str | None]:
    """Read what `save_timeline` wrote."""
    content = load_json(path)
    with refusing_damage(path):
        ticks = np.array(content["ticks"], np.int64)
        timeline = Timeline(ticks, Fraction(content["tick_s"]), int(content["end_tick"]))
        return timeline, content["warning"]


def save_shots(path: Path, shots: list[Shot]) -> None:
    """Write the first frame of every shot, and the end of the last."""
    edges = [shot.start for shot in shots] + [shot.stop for shot in shots[-1:]]
    save_json(path, {"edges": edges})


def load_shots(path: Path) -> list[Shot]:
    """Read what `save_shots` wrote."""
    content = load_json(path)
    with refusing_damage(path):
        return [Shot(start, stop) for start, stop in itertools.pairwise(content["edges"])]


def save_constraints(path: Path, constraints: Constraints) -> None:
    """Write the cannot-link pairs, and which of them are doubtful."""
    save_json(
        path,
        {
            "tracklet_count": constraints.tracklet_count,
            "cannot_link": constraints.cannot_link.tolist(),
            "doubtful": constraints.doubtful.tolist(),
        },
    )


def load_constraints(path: Path) -> Constraints:
    """Read what `save_constraints` wrote."""
    content = load_json(path)
    with refusing_damage(path):
        pairs = np.array(content["cannot_link"], np.int32).reshape(-1, 2)
        doubtful = np.array(content["doubtful"], np.int64)
        return Constraints(int(content["tracklet_count"]), pairs, doubtful)


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array as .npy."""
    with written_aside(path) as aside, aside.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def load_array(path: Path) -> NDArray[Any]:
    """Read what `save_array` wrote, as a memory map.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        array: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError) as error:
        raise StorageError(f"cannot read {path}: {error}; delete it and run again") from error
    return array


def load_copy(path: Path) -> NDArray[Any]:
    """Read what `save_array` wrote into memory: for small ones.

    Raises:
        StorageError: it cannot be read.
    """
    return np.array(load_array(path))


@contextmanager
def array_to_fill(
    path: Path, shape: tuple[int, ...], kind: type[np.generic] = np.uint8
) -> Iterator[NDArray[Any]]:
    """Give an array of zeros of `kind`, too big for memory; what it holds at the end is saved."""
    with written_aside(path) as aside:
        if 0 in shape:  # nothing to map
            with aside.open("wb") as file:
                np.save(file, np.zeros(shape, kind), allow_pickle=False)
            yield np.zeros(shape, kind)
            return
        array = np.lib.format.open_memmap(aside, mode="w+", dtype=kind, shape=shape)
        yield array
        array.flush()
