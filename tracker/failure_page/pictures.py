"""Frames → small pictures around boxes, in which the true and the found ones are outlined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.errors import TrackerError
from tracker.evaluation.pairing import rows_by_frame
from tracker.progress import Progress
from tracker.records import Tracks
from tracker.render import WHITE, Colour, person_colour
from tracker.video.reader import VideoReader

WHOLE_PX = 320  # the longer side of a picture of the whole frame
CROP_PX = 160  # the longer side of one around a face
QUALITY = 72  # of the JPEG; about 6 kB a crop
DASH_PX = 5
_SHADE: Colour = (0, 0, 0)

Box = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What a picture is to show.

    Attributes:
        frame: 0-based.
        box: (4,) in source pixels, the one that it is about: its outline is thick.
        zoom_out: the side of the picture in longer sides of the box; None: the whole frame, in
            which no other box is outlined.
    """

    frame: int
    box: Box
    zoom_out: float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A small JPEG of one moment of the video.

    Attributes:
        jpeg: the file.
        width: in pixels.
        height: in pixels.
        time_s: of the frame, exact.
    """

    jpeg: bytes
    width: int
    height: int
    time_s: Fraction


def take_pictures(
    video: Path, views: Sequence[View], true: Tracks, found: Tracks, progress: Progress
) -> list[Picture]:
    """One picture a view, in the order of `views`; each frame is read once and not kept.

    Args:
        true: whose boxes are outlined in dashed white.
        found: whose boxes are outlined in the colours of their people.

    Raises:
        VideoOpenError: the video cannot be read.
        TrackerError: it ends before a frame that is wanted.
    """
    taken: dict[int, Picture] = {}
    views_of = rows_by_frame(np.array([view.frame for view in views], np.int64))
    wanted = np.array(sorted(views_of), np.int64)
    last = 0
    with (
        progress.stage("pictures", int(wanted.max(initial=-1)) + 1, "frames") as advance,
        VideoReader(video, wanted) as reader,
    ):
        for frame in reader:
            here = [_in_frame(tracks, frame.index) for tracks in (true, found)]
            for number in views_of[frame.index].tolist():
                picture = take_picture(frame.image, views[number], *here)
                jpeg = _as_jpeg(picture)
                taken[number] = Picture(jpeg, picture.shape[1], picture.shape[0], frame.time)
            advance(frame.index + 1 - last)
            last = frame.index + 1
    if len(taken) < len(views):
        raise TrackerError(
            f"{video} ends before frame {wanted[-1] + 1} of the tracks and the truth: give the "
            "video that they are of with --video"
        )
    return [taken[number] for number in range(len(views))]


def take_picture(
    image: NDArray[np.uint8], view: View, true: Tracks, found: Tracks
) -> NDArray[np.uint8]:
    """Cut `view` out of `image` (H, W, 3) RGB and outline the boxes, all of its frame, in it.

    Returns:
        (h, w, 3) RGB uint8: a square with sides of `CROP_PX`, or the whole frame with a longer
        side of `WHOLE_PX`.
    """
    x1, y1, x2, y2 = _window(view, image.shape[1], image.shape[0])
    longer_px = CROP_PX if view.zoom_out else WHOLE_PX
    scale = longer_px / max(x2 - x1, y2 - y1)
    size = max(round((x2 - x1) * scale), 1), max(round((y2 - y1) * scale), 1)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = np.asarray(cv2.resize(image[y1:y2, x1:x2], size, interpolation=method), np.uint8)
    corner = np.array([x1, y1, x1, y1])
    colours = [person_colour(person) for person in found.person.tolist()] + [WHITE] * len(true)
    boxes = np.concatenate([found.boxes, true.boxes])
    for number, (box, colour) in enumerate(zip(boxes, colours, strict=True)):
        subject = np.array_equal(box, view.box)
        if subject or view.zoom_out:
            dashed = number >= len(found)
            _outline(picture, (box - corner) * scale, colour, 2 if subject else 1, dashed)
    return picture


def _window(view: View, width: int, height: int) -> tuple[int, int, int, int]:
    """What to cut out of a frame: x1, y1, x2, y2, all inside it, never empty."""
    if view.zoom_out is None:
        return 0, 0, width, height
    x1, y1, x2, y2 = view.box.tolist()
    side = min(max(round(view.zoom_out * max(x2 - x1, y2 - y1)), 2), width, height)
    left = min(max(round((x1 + x2 - side) / 2), 0), width - side)
    top = min(max(round((y1 + y2 - side) / 2), 0), height - side)
    return left, top, left + side, top + side


def _outline(
    picture: NDArray[np.uint8], box: Box, colour: Colour, line_px: int, dashed: bool
) -> None:
    """Draw a box on a dark line that shows it on any ground."""
    x1, y1, x2, y2 = np.round(np.clip(box, -10 * WHOLE_PX, 10 * WHOLE_PX)).astype(int).tolist()
    cv2.rectangle(picture, (x1 - 1, y1 - 1), (x2 + 1, y2 + 1), _SHADE, 1)
    if not dashed:
        cv2.rectangle(picture, (x1, y1), (x2, y2), colour, line_px)
        return
    for x in range(x1, x2, 2 * DASH_PX):
        for y in (y1, y2):
            cv2.line(picture, (x, y), (min(x + DASH_PX, x2), y), colour, line_px)
    for y in range(y1, y2, 2 * DASH_PX):
        for x in (x1, x2):
            cv2.line(picture, (x, y), (x, min(y + DASH_PX, y2)), colour, line_px)


def _in_frame(tracks: Tracks, frame: int) -> Tracks:
    first, stop = np.searchsorted(tracks.frame, [frame, frame + 1])
    return tracks.where(np.arange(first, stop))


def _as_jpeg(picture: NDArray[np.uint8]) -> bytes:
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return encoded.tobytes()
