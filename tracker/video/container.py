"""Opening a file with FFmpeg, and what its container says of the pictures in it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from tracker.errors import VideoOpenError

RATE_WITHOUT_CLAIM = Fraction(25)  # frames a second, where the container names no rate


def open_container(path: Path) -> InputContainer:
    """Open `path` for reading.

    Raises:
        VideoOpenError: it is missing, a directory, unreadable, or nothing FFmpeg knows.
    """
    if not path.exists():
        raise VideoOpenError(f"cannot open {path}: there is no such file; check the path")
    if path.is_dir():
        raise VideoOpenError(f"cannot open {path}: it is a directory; give a video file in it")
    try:
        # FFmpeg takes what stands before a colon for a protocol, unless a slash comes first.
        return av.open(str(path.absolute()), "r", metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoOpenError(
            f"cannot open {path}: {reason}; it is damaged or is no video, check it with "
            f"`ffprobe {path}` or copy it again"
        ) from error


def picture_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first video stream that is not just the cover of a sound file.

    Args:
        path: of the container, for the error.

    Raises:
        VideoOpenError: there is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise VideoOpenError(f"cannot open {path}: it has no pictures, only sound; give a video file")


def nominal_rate(stream: VideoStream) -> Fraction:
    """Frames a second; the guess of FFmpeg unless the average belies it, as in variable rates.

    25 where the container names none.
    """
    guess, average = stream.guessed_rate, stream.average_rate
    if guess and average and abs(guess / average - 1) > Fraction(1, 10):
        return average
    return guess or average or RATE_WITHOUT_CLAIM


def claimed_duration_s(stream: VideoStream) -> Fraction:
    """What the container says the stream lasts; 0 where it says nothing."""
    if stream.duration is not None and stream.time_base is not None:
        return stream.duration * stream.time_base
    hours, _, rest = stream.metadata.get("DURATION", "").partition(":")  # Matroska's way
    minutes, _, seconds = rest.partition(":")
    try:
        return (int(hours) * 60 + int(minutes)) * 60 + Fraction(seconds)
    except ValueError:
        return Fraction(0)


def count_packets(path: Path) -> int:
    """How many pictures the first video stream of `path` holds at most, without decoding any.

    Raises:
        VideoOpenError: it cannot be opened, or has no pictures.
    """
    with open_container(path) as container:
        stream = picture_stream(container, path)
        try:
            return sum(packet.size > 0 for packet in container.demux(stream))
        except (av.FFmpegError, OSError) as error:
            raise VideoOpenError(f"cannot read {path}: {error}; copy it again") from error
