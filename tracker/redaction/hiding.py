"""Regions made unrecognisable in a picture: blurred, in coarse squares, or filled."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.redaction.regions import Boxes

Image = NDArray[np.uint8]  # (H, W, 3)

METHODS = ("blur", "pixelate", "fill")

# What is left of a face, whatever sharpens it: so many mean colours to a side. A blur of three
# or four is a blob with cheeks, which YuNet takes for a face up to one time in six; one of two,
# hardly ever.
_CELLS = {"blur": 2, "pixelate": 4}
_MIN_CELL_PX = 4  # cells of fewer would leave a small face as it is
_FILL = (60, 60, 60)
_ROUNDNESS = 4  # exponent of the superellipse that fills a region: 2 is round, infinity square
_FADE = 0.2  # of half a region's side, beyond its edge, in which a blur ends

_NONE: Boxes = np.zeros((0, 4))


def hide_regions(
    image: Image, regions: Boxes, method: str, spared: Boxes = _NONE, never_spared: Boxes = _NONE
) -> Image:
    """A copy of `image` with `regions` made unrecognisable.

    In each, a superellipse is covered in full: a pixel of it tells nothing of what it showed. A
    blur ends softly beyond it.

    Args:
        regions: (n, 4); x1, y1, x2, y2 in pixels, as `widened` gives them.
        method: one of `METHODS`.
        spared: (m, 4), where every pixel stays as it is ...
        never_spared: (k, 4), ... unless it is in one of these.
    """
    hidden = image.copy()
    for region in regions:
        _hide(hidden, image, region, method)
    if len(spared):
        as_it_is = pixels_of(spared, image.shape) & ~pixels_of(never_spared, image.shape)
        hidden[as_it_is] = image[as_it_is]
    return hidden


def pixels_of(boxes: Boxes, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The pixels (H, W) that `boxes` (n, 4) touch in a picture of `shape` (H, W, ...)."""
    touched = np.zeros(shape[:2], np.bool_)
    for x1, y1, x2, y2 in boxes.tolist():
        rows = slice(max(int(np.floor(y1)), 0), max(int(np.ceil(y2)), 0))
        touched[rows, max(int(np.floor(x1)), 0) : max(int(np.ceil(x2)), 0)] = True
    return touched


def _hide(hidden: Image, image: Image, region: NDArray[np.float64], method: str) -> None:
    """Draw one `region` (4,) of `image` into `hidden`."""
    fade = _FADE if method == "blur" else 0.0
    centre, half = (region[:2] + region[2:]) / 2, (region[2:] - region[:2]) / 2
    inner = _within(image, centre - half, centre + half)
    outer = _within(image, centre - half * (1 + fade), centre + half * (1 + fade))
    if inner is None or outer is None:  # nothing of it is in the picture
        return
    (rows, columns), (top, left) = outer, (inner[0].start, inner[1].start)
    pattern = _pattern(image[inner], method)
    # Beyond its edge a blur goes on as it ends there.
    row = np.clip(np.arange(rows.start, rows.stop) - top, 0, len(pattern) - 1)
    column = np.clip(np.arange(columns.start, columns.stop) - left, 0, pattern.shape[1] - 1)
    share = _cover(outer, centre, half, fade)[:, :, None]
    below = hidden[outer]
    hidden[outer] = np.rint(below + share * (pattern[np.ix_(row, column)] - below)).astype(np.uint8)


def _within(
    image: Image, near: NDArray[np.float64], far: NDArray[np.float64]
) -> tuple[slice, slice] | None:
    """Rows and columns of `image` between two corners (2,), x and y; None where there are none."""
    height, width = image.shape[:2]
    x1, y1 = np.maximum(np.floor(near), 0).astype(int).tolist()
    x2, y2 = np.minimum(np.ceil(far), (width, height)).astype(int).tolist()
    return (slice(y1, y2), slice(x1, x2)) if x1 < x2 and y1 < y2 else None


def _pattern(face: Image, method: str) -> NDArray[np.float32]:
    """What takes the place of `face` (h, w, 3): a few mean colours of it, or none."""
    height, width = face.shape[:2]
    if method == "fill":
        return np.broadcast_to(np.array(_FILL, np.float32), face.shape)
    columns, rows = (
        int(np.clip(side // _MIN_CELL_PX, 1, _CELLS[method])) for side in (width, height)
    )
    means = cv2.resize(face.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    means = means.reshape(rows, columns, 3)
    between = cv2.INTER_LINEAR if method == "blur" else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(means, (width, height), interpolation=between), np.float32)


def _cover(
    pixels: tuple[slice, slice],
    centre: NDArray[np.float64],
    half: NDArray[np.float64],
    fade: float,
) -> NDArray[np.float32]:
    """How much (h, w) of each of `pixels` is covered: 1 in the superellipse, 0 beyond its fade."""
    y, x = (np.arange(side.start, side.stop) + 0.5 for side in pixels)
    across = np.abs((x - centre[0]) / half[0]) ** _ROUNDNESS
    down = np.abs((y - centre[1]) / half[1]) ** _ROUNDNESS
    radius = (down[:, None] + across[None]) ** (1 / _ROUNDNESS)
    covered = radius <= 1 if fade == 0 else np.clip(1 - (radius - 1) / fade, 0, 1)
    return np.asarray(covered, np.float32)
