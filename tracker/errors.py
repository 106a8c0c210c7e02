"""The errors raised on purpose: each says what is wrong, where, and what to do."""

from __future__ import annotations

from pathlib import Path


class TrackerError(Exception):
    """Base of every error raised on purpose; `cli.py` prints it without a traceback."""


class RecordError(TrackerError):
    """Arrays that do not fit together."""


class ConfigError(TrackerError):
    """A setting that is unknown or out of range."""


class VideoOpenError(TrackerError):
    """The file cannot be read as a video."""


class VideoWriteError(TrackerError):
    """A video cannot be written."""


class WeightsError(TrackerError):
    """Network weights are missing, or are not the ones they should be."""


class StorageError(TrackerError):
    """The run folder cannot be read or written."""


class FormatError(TrackerError):
    """A data file (tracks, truth, shots, detections) cannot be understood."""

    def __init__(self, path: Path, problem: str, line: int | None = None) -> None:
        where = f"{path}, line {line}" if line is not None else str(path)
        super().__init__(f"{where}: {problem}")
