"""Numbers → words of the page."""

from __future__ import annotations

from fractions import Fraction


def format_time(time_s: Fraction) -> str:
    """A time in the video as h:mm:ss.t, rounded to the nearest tenth of a second."""
    seconds, tenths = divmod(round(time_s * 10), 10)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}.{tenths}"


def format_duration(duration_s: Fraction) -> str:
    """How long something lasts, as "12.3 s", "4 min 05 s" or "1 h 02 min"."""
    if round(duration_s * 10) < 600:
        return f"{float(duration_s):.1f} s"
    if round(duration_s) < 3600:
        return "{} min {:02d} s".format(*divmod(round(duration_s), 60))
    return "{} h {:02d} min".format(*divmod(round(duration_s / 60), 60))


def format_share(share: Fraction) -> str:
    """A share of the whole in per cent; what is there at all is never 0."""
    return "under 1 %" if 0 < share < Fraction(1, 100) else f"{round(share * 100)} %"


def plural(count: int, one: str, many: str) -> str:
    """A count and what is counted."""
    return f"{count:,} {one if count == 1 else many}"
