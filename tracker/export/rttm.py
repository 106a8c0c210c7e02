"""RTTM, the table of who is there when that speaker diarisation uses (NIST RT-09, appendix A)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from tracker.export.wording import on_one_line, written_names
from tracker.tracked import TrackedVideo

# Lower-case words that pandas, and so pyannote, takes for missing values.
_NO_WORDS = {
    *("na", "n/a", "nan", "-nan", "null", "none", "<na>", "#na", "#n/a"),
    *("1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
}
_MICROSECONDS = 1_000_000


def write_rttm(path: Path, tracked: TrackedVideo) -> None:
    """Write a line an appearance, by time: the video, start and duration in seconds, the name.

    Times are rounded to a microsecond. Names, and that of the video, stand without their suffix
    or spaces ("Anna_Lee"); of people of one name, all but the first have their number after it.
    """
    uri = _one_word(Path(on_one_line(tracked.name)).stem)
    names = _different({number: _one_word(name) for number, name in written_names(tracked).items()})
    stays = sorted(
        (stay.start_s, stay.stop_s, person.number)
        for person in tracked.people
        for stay in person.appearances
    )
    lines = [_line(uri, start_s, stop_s, names[number]) for start_s, stop_s, number in stays]
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def _line(uri: str, start_s: Fraction, stop_s: Fraction, name: str) -> str:
    start, stop = round(start_s * _MICROSECONDS), round(stop_s * _MICROSECONDS)
    times = f"{_seconds(start)} {_seconds(stop - start)}"  # so that their sum is the stop's
    return f"SPEAKER {uri} 1 {times} <NA> <NA> {name} <NA> <NA>\n"


def _seconds(microseconds: int) -> str:
    whole, rest = divmod(microseconds, _MICROSECONDS)
    return f"{whole}.{rest:06d}"


def _one_word(text: str) -> str:
    """`text` as one field that readers of RTTM take for itself."""
    word = "_".join(text.replace('"', "'").split())  # pandas takes a field in quotes as one
    return f"{word}_" if word.lower() in _NO_WORDS or not word else word


def _different(names: Mapping[int, str]) -> dict[int, str]:
    """The same names, but no two alike."""
    taken: set[str] = set()
    different = {}
    for number, name in names.items():
        while name in taken:
            name = f"{name}_{number}"
        taken.add(name)
        different[number] = name
    return different
