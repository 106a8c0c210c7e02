"""Which videos a batch is of, and what the run folder of each is called."""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tracker.errors import FormatError, TrackerError

VIDEO_SUFFIXES = (
    ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts",
    ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv",
)  # fmt: skip
_LIST_SUFFIX = ".txt"


def find_videos(sources: Sequence[str]) -> list[Path]:
    """The videos that `sources` name, each once, in the order in which they are named.

    A source is a folder (all videos below it, by their extension, sorted), a pattern (the
    videos that match it, sorted; `**` is any folders), a .txt file (a path a line, relative to
    the list; empty lines and those with a # in front are passed over), or a video. Links to
    folders below a folder are not followed, and the annotated.mp4 of a run is no source.

    Raises:
        TrackerError: something named is not there or cannot be read, or names no video at all.
    """
    found: dict[Path, Path] = {}
    for source in sources:
        videos = list(_videos_of(source))
        if not videos:
            raise TrackerError(
                f"{source}: no video in it; a video ends in {' '.join(VIDEO_SUFFIXES)}"
            )
        for video in videos:
            found.setdefault(video.resolve(), video)
    return list(found.values())


def name_runs(videos: Sequence[Path], held: Mapping[str, Path]) -> list[str]:
    """A name for the run folder of each of `videos`, no two alike even where case is ignored.

    A video keeps the name that it has already. Otherwise it is called like its file without the
    extension. Those that share a name get what tells them apart: the folders below the deepest
    that they have in common, as in `day1-party`; if these are the same too, the extension, as in
    `party-mkv`; and a number at last.

    Args:
        videos: each a file of its own.
        held: the names that earlier runs gave, each with its video.
    """
    kept = {video.resolve(): name for name, video in held.items()}
    new = [video for video in videos if video.resolve() not in kept]
    new_names = iter(_name_new(new, held))
    return [kept.get(video.resolve()) or next(new_names) for video in videos]


def _name_new(videos: Sequence[Path], held: Mapping[str, Path]) -> list[str]:
    """A name for each of `videos`, none of which has one."""
    everyone = [*held.values(), *videos]
    names = [*held, *(video.stem for video in videos)]
    for alike in _clashes(names):
        # Of a link to a video the folder counts that the link is in: that is what people see.
        folders = [everyone[index].parent.resolve() for index in alike]
        common = os.path.commonpath(folders)
        for index, folder in zip(alike, folders, strict=True):
            if index >= len(held):
                names[index] = "-".join([*folder.relative_to(common).parts, names[index]])
    for alike in _clashes(names):
        for index in alike:
            if index >= len(held):
                names[index] += everyone[index].suffix.lower().replace(".", "-")
    taken = {name.casefold() for name in held}
    return [_numbered(name, taken) for name in names[len(held) :]]


def _videos_of(source: str) -> Iterable[Path]:
    path = Path(source)
    if path.is_dir():
        return _below(path)
    if path.exists():
        return _listed(path) if path.suffix.lower() == _LIST_SUFFIX else [path]
    if glob.has_magic(source):
        matches = sorted(Path(match) for match in glob.glob(source, recursive=True))
        return [match for match in matches if _is_video(match)]
    raise TrackerError(f"{source}: there is no such file or folder; check its name")


def _below(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise TrackerError(
            f"{error.filename}: cannot be read: {error.strerror}; make it readable, or name the "
            "videos beside it"
        ) from error

    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if _is_video(Path(parent, name)):
                yield Path(parent, name)


def _is_video(path: Path) -> bool:
    """Whether it is a video that somebody made, and not we."""
    return (
        path.suffix.lower() in VIDEO_SUFFIXES
        and not path.name.startswith(".")  # such as ._party.mp4, which macOS leaves about
        and path.is_file()
        and not (path.stem == "annotated" and path.with_name("run.json").exists())
    )


def _listed(path: Path) -> Iterator[Path]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # Notepad writes a BOM
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(path, f"cannot be read as a list of videos: {error}") from error
    for number, line in enumerate(lines, start=1):
        name = line.strip()
        if not name or name.startswith("#"):
            continue
        video = path.parent / name
        if not video.is_file():
            raise FormatError(path, f"there is no such file: {video}", number)
        yield video


def _clashes(names: Sequence[str]) -> list[list[int]]:
    """The indices of each set of names that are alike."""
    alike: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        alike.setdefault(name.casefold(), []).append(index)
    return [indices for indices in alike.values() if len(indices) > 1]


def _numbered(name: str, taken: set[str]) -> str:
    """`name`, with the first number behind it that makes it new; noted in `taken`."""
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    new = next(one for one in itertools.chain([name], numbered) if one.casefold() not in taken)
    taken.add(new.casefold())
    return new
