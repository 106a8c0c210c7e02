"""Names as other programs can take them: on one line, of characters that can be written."""

from __future__ import annotations

import unicodedata

from tracker.tracked import TrackedVideo, default_name

_UNWRITABLE = "�"  # stands for what is left of a file name's bytes that are no UTF-8
_JOINERS = "\u200c\u200d"
_BREAKING = {"Cc", "Zl", "Zp"}  # Unicode's categories of control characters and line breaks


def on_one_line(text: str) -> str:
    """`text` with a single space for all that breaks lines, and none at either end."""
    return " ".join("".join(map(_written, text)).split())


def clean_name(text: str) -> str:
    """`text` as a name: on one line, without signs that cannot be seen, but those that join.

    Persian and Sinhala words, and emoji of families, are held together by such.
    """
    seen = (one for one in text if unicodedata.category(one) != "Cf" or one in _JOINERS)
    return on_one_line("".join(seen))


def written_names(tracked: TrackedVideo) -> dict[int, str]:
    """What each person is called, by number: on one line, never empty; names may be alike."""
    return {
        number: on_one_line(name) or default_name(number) for number, name in tracked.names.items()
    }


def _written(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":  # half a surrogate pair
        return _UNWRITABLE
    return " " if category in _BREAKING else character
