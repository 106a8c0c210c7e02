"""Frame numbers → SMPTE timecode (ST 12-1), from 00:00:00:00."""

from __future__ import annotations

from fractions import Fraction

from tracker.export.ruler import is_ntsc

_DROPPING_RATES = (30, 60)  # those of NTSC's for which a drop-frame count is defined


def drops_frames(rate: Fraction) -> bool:
    """Whether timecode at `rate` leaves out numbers, to keep up with the clock: 29.97, 59.94."""
    return is_ntsc(rate) and round(rate) in _DROPPING_RATES


def timecode(frame: int, rate: Fraction) -> str:
    """The timecode of a frame: HH:MM:SS:FF, or HH:MM:SS;FF in a drop-frame count.

    Seconds have as many frames as the nearest whole rate: 24 at 23.976 a second. At 29.97 the
    first 2 numbers (at 59.94 the first 4) of each minute but every tenth are left out; only
    numbers are, never frames. Hours go on after 24.

    Args:
        frame: 0-based.
        rate: frames a second.
    """
    whole = max(1, round(rate))
    drops = drops_frames(rate)
    number = frame + _left_out_before(frame, whole) if drops else frame
    seconds, frames = divmod(number, whole)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{';' if drops else ':'}{frames:02d}"


def _left_out_before(frame: int, whole: int) -> int:
    """How many numbers a drop-frame count of `whole` a second has left out up to `frame`."""
    each = whole // 15
    full_minute = 60 * whole  # the first of ten; the others are shorter by what they leave out
    tens, rest = divmod(frame, 10 * full_minute - 9 * each)
    minutes = 0 if rest < full_minute else 1 + (rest - full_minute) // (full_minute - each)
    return each * (9 * tens + minutes)
