"""How far a batch is: a line of JSON for every change, so that a kill loses at most the last."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from tracker.errors import FormatError, StorageError

MANIFEST_FILE = "batch.jsonl"
State = Literal["queued", "started", "lost", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Entry:
    """That a video of a batch has come to a state.

    Attributes:
        name: of the run folder, below the batch's.
        key: changes with the settings and the video; see `job_key`.
        state: "lost" if a worker died with it.
        at: when, in ISO 8601, UTC.
        seconds: that its last try took; 0 before it has ended.
        error: one line, where it is lost or failed.
    """

    name: str
    video: str
    key: str
    state: State
    at: str
    seconds: float = 0.0
    frames: int = 0
    people: int = 0
    error: str | None = None


class Manifest:
    """The file of a batch, open for one more run of it; a context manager."""

    def __init__(self, folder: Path) -> None:
        """Read what the file in `folder` tells, or begin one; a line half-written is removed.

        Raises:
            FormatError: a line of it is not ours.
            StorageError: it cannot be read or written.
        """
        self.path = folder / MANIFEST_FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.path.touch()
            content = self.path.read_bytes()
        except OSError as error:
            raise StorageError(
                f"cannot write to {self.path}: {error.strerror}; choose another folder with --out"
            ) from error
        whole = content[: content.rfind(b"\n") + 1]
        self.latest = _latest(self.path, whole)
        """The last entry of each name."""
        self._file = self.path.open("ab")
        self._file.truncate(len(whole))

    def add(self, *entries: Entry) -> None:
        """Write `entries`, down to the disk.

        Raises:
            StorageError: it cannot be written, as when the disk is full.
        """
        lines = [json.dumps(_as_dict(entry), ensure_ascii=False) + "\n" for entry in entries]
        try:
            self._file.write("".join(lines).encode())
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise StorageError(f"cannot write {self.path}: {error.strerror}") from error
        self.latest.update({entry.name: entry for entry in entries})

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()


def now() -> str:
    """The time, as it is written in entries."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _latest(path: Path, content: bytes) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            told = json.loads(line)
            entry = Entry(**told)
        except (ValueError, TypeError) as error:
            raise FormatError(
                path, "is no line of a batch: delete it, or the file to begin anew", number
            ) from error
        entries[entry.name] = entry
    return entries


def _as_dict(entry: Entry) -> dict[str, Any]:
    """Without what is as usual."""
    usual = {one.name: one.default for one in fields(Entry)}
    return {name: value for name, value in asdict(entry).items() if value != usual[name]}
