"""What the files of clips are called: people's names, made safe."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Set
from pathlib import Path

from tracker.tracked import TrackedVideo, default_name

_MOST_BYTES = 180  # file systems take 255 for a name, with its number, ending and `.partial`
_REFUSED = frozenset('/\\:*?"<>|')  # by one system or another
_DIGITS = 3  # at least


def clips_name(tracked: TrackedVideo, chosen: Set[int]) -> str:
    """What the clips of the `chosen` people are called, by number: `Zoë+Person 3`.

    A person whose name somebody else has too, who is not chosen, is told apart by number.
    """
    others = {
        _comparable(safe_name(person.name, person.number))
        for person in tracked.people
        if person.number not in chosen
    }
    parts = []
    for person in tracked.people:
        if person.number in chosen:
            name = safe_name(person.name, person.number)
            if _comparable(name) in others:
                number = f" ({person.number})"
                name = _shortened(name, _MOST_BYTES - len(number)) + number
            parts.append(name)
    name = "+".join(dict.fromkeys(parts))
    if len(name.encode()) <= _MOST_BYTES:
        return name
    numbers = "+".join(str(number) for number in sorted(chosen))  # no two lists are cut alike
    told = f" ({numbers})" if len(numbers) <= _MOST_BYTES // 2 else f" ({_digest(numbers)})"
    return _shortened(name, _MOST_BYTES - len(told)) + told


def safe_name(name: str, number: int) -> str:
    """`name`, of person `number`, with `_` for what no file name may hold."""
    kept = "".join(
        "_" if _is_refused(sign) else sign for sign in unicodedata.normalize("NFC", name)
    )
    return _shortened(kept.strip(" .")) or default_name(number)


def clip_paths(folder: Path, name: str, count: int) -> list[Path]:
    """`count` files in `folder`, numbered from 1: `Zoë-001.mp4`."""
    digits = max(_DIGITS, len(str(count)))
    return [folder / f"{name}-{number:0{digits}d}.mp4" for number in range(1, count + 1)]


def clips_there(folder: Path, name: str) -> list[Path]:
    """What in `folder` is called as `clip_paths` calls them, however many there were."""
    numbered = re.compile(re.escape(name) + rf"-\d{{{_DIGITS},}}\.mp4")
    return sorted(path for path in folder.iterdir() if numbered.fullmatch(path.name))


def _is_refused(sign: str) -> bool:
    return sign in _REFUSED or unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp")


def _shortened(name: str, most_bytes: int = _MOST_BYTES) -> str:
    """As much of `name` as a file system takes."""
    return name.encode()[:most_bytes].decode(errors="ignore").rstrip(" .")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _comparable(name: str) -> str:
    return name.casefold()
