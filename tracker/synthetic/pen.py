"""The pen: filled and stroked curves on a picture, anti-aliased, to a sixteenth of a pixel."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Colour = tuple[float, float, float]  # red, green, blue, 0 to 255
Points = NDArray[
    np.floating[Any]
]  # (K, 2), x, y in pixels; 0 is the left or top edge of the picture
Image = NDArray[np.uint8]  # (H, W, 3), RGB

_SHIFT = 4  # fractional bits OpenCV's drawing takes


def fill(image: Image, outline: Points, colour: Colour) -> None:
    """Paint the inside of a closed outline."""
    cv2.fillPoly(image, [_fixed(outline)], colour, cv2.LINE_AA, _SHIFT)


def stroke(
    image: Image, line: Points, colour: Colour, width_px: float, closed: bool = False
) -> None:
    """Draw a line of round caps, at least a pixel wide."""
    thickness = max(1, round(width_px))
    cv2.polylines(image, [_fixed(line)], closed, colour, thickness, cv2.LINE_AA, _SHIFT)


def oval(
    centre: Points, radii: tuple[float, float], turn_deg: float = 0.0, count: int = 24
) -> Points:
    """Outline (count, 2) of an ellipse turned clockwise by `turn_deg`."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    points = np.stack([radii[0] * np.cos(angle), radii[1] * np.sin(angle)], axis=1)
    turn = np.radians(turn_deg)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    outline: Points = np.asarray(centre) + points @ rotation
    return outline


def bezier(*controls: tuple[float, float], count: int = 12) -> Points:
    """A Bézier curve (count, 2) of any degree over its control points."""
    t = np.linspace(0, 1, count)[:, None, None]
    points = np.asarray(controls, float)[None].repeat(count, axis=0)
    while points.shape[1] > 1:
        points = points[:, :-1] * (1 - t) + points[:, 1:] * t
    return points[:, 0]


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """The colour `share` of the way from `a` to `b`."""
    red, green, blue = (p + (q - p) * share for p, q in zip(a, b, strict=True))
    return red, green, blue


def scaled(colour: Colour, factor: float) -> Colour:
    """A darker or brighter colour, clipped to what a picture holds."""
    red, green, blue = (min(255.0, channel * factor) for channel in colour)
    return red, green, blue


def _fixed(points: Points) -> NDArray[np.int32]:
    return np.round((points - 0.5) * (1 << _SHIFT)).astype(np.int32)
