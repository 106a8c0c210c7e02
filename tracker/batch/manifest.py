"""How far a batch is: a line of JSON for every change, so that a kill loses at most the last."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal

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
            StorageError: it cannot be read or written, or another batch has it open.
        """
        self.path = folder / MANIFEST_FILE
        with ExitStack() as to_close:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._file = to_close.enter_context(self.path.open("a+b"))
                _lock(self._file, folder)
                self._file.seek(0)
                content = self._file.read()
                whole = content[: content.rfind(b"\n") + 1]
                self.latest = _latest(self.path, whole)
                """The last entry of each name."""
                self._file.truncate(len(whole))
            except OSError as error:
                raise StorageError(
                    f"cannot write to {self.path}: {error.strerror}; choose another folder with "
                    "--out"
                ) from error
            to_close.pop_all()  # it stays open, and locked, until the batch ends

    def add(self, *entries: Entry) -> None:
        """Write `entries`, down to the disk.

        Raises:
            StorageError: it cannot be written, as when the disk is full.
        """
        # ASCII: the name of a file may be no Unicode at all, and is read again as it was.
        lines = [json.dumps(_as_dict(entry)) + "\n" for entry in entries]
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
        try:
            self._file.close()
        except OSError as problem:  # of what `add` could not write, and has told
            if error is None:
                raise StorageError(f"cannot write {self.path}: {problem.strerror}") from problem


def now() -> str:
    """The time, as it is written in entries."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _lock(file: BinaryIO, folder: Path) -> None:
    """Keep other batches out until `file` is closed, by whatever end of this process."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StorageError(
            f"another batch is at work in {folder}: wait for it, or choose another --out"
        ) from error


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
