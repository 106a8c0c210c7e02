"""Datasets: a YAML file that names videos, their truths, and what else is known of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tracker.errors import ConfigError, FormatError
from tracker.evaluation.answer import Answer
from tracker.settings import with_settings


@dataclass(frozen=True, slots=True)
class DatasetVideo:
    """One video of a dataset, and what is known of it.

    Attributes:
        name: also of the folder that its results go to.
        video: the file; None: tracks of it can be judged, but not made.
        truth: a file that `read_truth` reads.
        truth_step: every so many frames of the video the truth has one.
        frames: the first frame that is judged, 0-based, and one past the last; None: all.
        detections: a MOT detection file, to be used instead of a detector.
        box_scale: how much wider and taller the boxes of `detections` are made.
        min_score: boxes of `detections` below it are left out; None: what suits a detector.
        shots: a file of shots, to be used instead of looking for cuts.
        published: the video's name among the published numbers (see `tracker.benchmark`).
    """

    name: str
    video: Path | None
    truth: Path
    truth_step: int = 1
    frames: tuple[int, int] | None = None
    detections: Path | None = None
    box_scale: tuple[float, float] = (1.0, 1.0)
    min_score: float | None = None
    shots: Path | None = None
    published: str | None = None

    @property
    def answer(self) -> Answer:
        """The truth of the video, to be read once its extent is known."""
        return Answer(self.truth, self.truth_step, self.frames)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Videos with their truths, in the order of the file; at least one."""

    name: str
    videos: tuple[DatasetVideo, ...]


def read_dataset(path: Path) -> Dataset:
    """Read a dataset; the paths in it are relative to it, and its frames count from 1.

    Without a `name`, a dataset is called as its file is.

    Raises:
        FormatError: the file is no YAML, has an unknown key or a value that makes no sense, or
            names a file that is not there.
    """
    content = _read_yaml(path)
    try:
        listed = content.pop("videos", None)
        head = with_settings(_Head(), content)
        if not isinstance(listed, Mapping) or not listed:
            raise ConfigError("videos must map the name of each video to what is known of it")
        videos = tuple(_video(path.parent, name, known) for name, known in listed.items())
    except ConfigError as error:
        raise FormatError(path, str(error)) from error
    return Dataset(head.name or path.stem, videos)


@dataclass(frozen=True, slots=True)
class _Head:
    """What the file says beside its videos."""

    name: str = ""
    videos: None = None  # so that it is known, and offered for a key misspelt


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the file says of a video, as it says it."""

    video: str | None = None
    truth: str | None = None
    truth_step: int = 1
    frames: tuple[int, int] | None = None  # from 1, both included
    detections: str | None = None
    box_scale: tuple[float, float] | None = None
    min_score: float | None = None
    shots: str | None = None
    published: str | None = None


def _video(folder: Path, name: object, known: object) -> DatasetVideo:
    """The video called `name`; what is wrong with it is a `ConfigError`."""
    if not isinstance(name, str) or name.strip() in ("", ".", "..") or set(name) & set("/\\\0"):
        raise ConfigError(f"videos: {name!r} cannot be the name of a video, and so of a folder")
    where = f"videos.{name}"
    entry = with_settings(_Entry(), known, f"{where}.")
    _check_values(where, entry)
    paths: dict[str, Path | None] = {}
    for what in ("video", "truth", "detections", "shots"):
        given = getattr(entry, what)
        paths[what] = None if given is None else folder / given
        if given is not None and not os.path.exists(folder / given):  # Path's own can raise
            raise ConfigError(f"{where}.{what}: there is no {folder / given}")
    if paths["truth"] is None:
        raise ConfigError(f"{where}.truth is missing: nothing can be judged without it")
    return DatasetVideo(
        name,
        paths["video"],
        paths["truth"],
        entry.truth_step,
        entry.frames and (entry.frames[0] - 1, entry.frames[1]),
        paths["detections"],
        entry.box_scale or (1.0, 1.0),
        entry.min_score,
        paths["shots"],
        entry.published,
    )


def _check_values(where: str, entry: _Entry) -> None:
    if entry.truth_step < 1:
        raise ConfigError(f"{where}.truth_step must be 1 or more, got {entry.truth_step}")
    if entry.frames and not 1 <= entry.frames[0] <= entry.frames[1]:
        raise ConfigError(
            f"{where}.frames must be the first, from 1, and the last, got {list(entry.frames)}"
        )
    if entry.box_scale and min(entry.box_scale) <= 0:
        raise ConfigError(
            f"{where}.box_scale must be two numbers above 0, got {list(entry.box_scale)}"
        )
    if entry.min_score is not None and not 0 <= entry.min_score <= 1:
        raise ConfigError(f"{where}.min_score must be in [0, 1], got {entry.min_score}")
    for what in ("box_scale", "min_score"):
        if entry.detections is None and getattr(entry, what) is not None:
            raise ConfigError(f"{where}.{what} is for detections from a file, and none is named")


class _Loader(yaml.SafeLoader):
    """Plain YAML, in which no key may be there twice."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    content: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in content:
            raise yaml.constructor.ConstructorError(
                None, None, f"{key} is there twice", key_node.start_mark
            )
        content[key] = loader.construct_object(value_node, deep=True)
    return content


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _read_yaml(path: Path) -> dict[Any, Any]:
    """The mapping that a file of YAML holds."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8-sig"), _Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(path, f"cannot be read as a dataset ({error})") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise FormatError(path, f"is not YAML ({error.problem})", line) from error
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())  # ValueError: February 30th; TypeError: {[1]: 2}
        raise FormatError(path, f"is not YAML ({reason})") from error
    if not isinstance(content, dict):
        raise FormatError(path, "must map name and videos to what they are")
    return content
