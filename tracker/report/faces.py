"""Portraits → pictures inside the page."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.tracked import Portraits

SHEET_FACES = 12  # some 35 kB a person: a page of 50 people has 2.4 MB
SHEET_COLUMNS = 6
FACE_PX = 96
_JPEG_QUALITY = 80


@dataclass(frozen=True, slots=True)
class Sheet:
    """Some faces of a person in one picture.

    Attributes:
        source: a data URI.
        faces: how many there are.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
    """

    source: str
    faces: int
    width: int
    height: int


def face_sheet(
    portraits: Portraits, person: int, most: int = SHEET_FACES, columns: int = SHEET_COLUMNS
) -> Sheet | None:
    """Up to `most` faces of `person`, evenly chosen, in `columns`; None where there are none."""
    images = portraits.of(person).images
    if not len(images):
        return None
    chosen = np.linspace(0, len(images) - 1, min(most, len(images))).round().astype(int)
    picture = tiled(images[chosen], columns)
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)
    source = f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"
    return Sheet(source, len(chosen), picture.shape[1], picture.shape[0])


def tiled(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Faces (n, side, side, 3), n at least 1, side by side in up to `columns`; the rest is grey."""
    columns = min(len(images), columns)
    rows = -(-len(images) // columns)
    picture = np.full((rows * FACE_PX, columns * FACE_PX, 3), 128, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        y, x = row * FACE_PX, column * FACE_PX
        picture[y : y + FACE_PX, x : x + FACE_PX] = cv2.resize(
            image, (FACE_PX, FACE_PX), interpolation=cv2.INTER_AREA
        )
    return picture
