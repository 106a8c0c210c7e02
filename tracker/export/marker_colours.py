"""The colours that editing programs have for markers."""

from __future__ import annotations

# OpenTimelineIO's names for what comes nearest to the seven hues of `render.OKABE_ITO`, in their
# order: a marker is about as blue as the box round the same face.
_HUES = ("CYAN", "ORANGE", "GREEN", "MAGENTA", "YELLOW", "RED", "BLUE")


def marker_colour(person: int) -> str:
    """The name of a person's colour, by number alone; after seven people they come again."""
    return _HUES[(person - 1) % len(_HUES)]
