"""Pictures for people to look at: annotated frames, and a sheet of one person's faces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.lettering import elided_text, text_mask
from tracker.records import NOBODY, Frame, Shot, Tracks, shot_of_frames

Colour = tuple[int, int, int]  # R, G, B
Image = NDArray[np.uint8]  # (H, W, 3)

# Okabe and Ito's colours, which people with colour blindness tell apart (Color Universal
# Design, 2008), without black; those that stand out most on skin come first.
OKABE_ITO: tuple[Colour, ...] = (
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (240, 228, 66),
    (213, 94, 0),
    (0, 114, 178),
)
TINTS = ((0.0, 0), (0.5, 255), (0.4, 0))  # by round: how much of white (255) or black (0)
NOBODY_COLOUR: Colour = (150, 150, 150)
WHITE: Colour = (255, 255, 255)
INK: Colour = (28, 30, 33)
FAINT_INK: Colour = (105, 109, 115)

SHADOW = 0.5  # how much darker it is under a box's line
SUBPIXEL_BITS = 4  # so that a slow box glides instead of jumping from pixel to pixel

SHEET_CROPS = 24
SHEET_COLUMNS = 6
SHEET_CELL_PX = 128
SHEET_GAP_PX = 8
SHEET_MARGIN_PX = 24
SHEET_HEADER_PX = 88
SHEET_PAPER = 250


class _Chip(NamedTuple):
    """Lettering on a rounded ground, ready to be laid over a picture."""

    rgb: Image
    alpha: NDArray[np.float32]  # (h, w, 1) in [0, 1]


class _Place(NamedTuple):
    """A rectangle in a picture, in pixels."""

    x: int
    y: int
    width: int
    height: int

    def overlaps(self, other: _Place) -> bool:
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


def person_colour(person: int) -> Colour:
    """The colour of a person, by number alone: the same in every picture and every run.

    The first 21 differ: seven hues, then lighter, then darker ones; then they come again.
    """
    if person == NOBODY:
        return NOBODY_COLOUR
    turn, hue = divmod(person - 1, len(OKABE_ITO))
    amount, towards = TINTS[turn % len(TINTS)]
    red, green, blue = (round(v + (towards - v) * amount) for v in OKABE_ITO[hue])
    return red, green, blue


def render_annotated(
    frames: Iterable[Frame],
    tracks: Tracks,
    shots: Sequence[Shot] = (),
    names: Mapping[int, str] | None = None,
) -> Iterator[Image]:
    """Draw who is where on each frame.

    Args:
        frames: any of the video's, in any order; they are drawn on as they are, since copying
            each would take longer than drawing.
        shots: disjoint, in order, covering every frame; where none is given, no shot's
            number is shown.
        names: by person; "Person 3" for one who has none.

    Yields:
        (H, W, 3) uint8 RGB, one for each frame.
    """
    for frame in frames:
        first, last = np.searchsorted(tracks.frame, [frame.index, frame.index + 1])
        number = None
        if shots:
            number = int(shot_of_frames(np.array([frame.index], np.int32), shots)[0]) + 1
        _draw(frame.image, tracks.where(np.arange(first, last)), names or {}, number)
        yield frame.image


def annotate(
    image: Image, tracks: Tracks, names: Mapping[int, str], shot_number: int | None = None
) -> Image:
    """Draw `tracks`, all of one frame, on a copy of `image` (H, W, 3).

    Interpolated boxes (score 0) are thinner and dashed. A box outside the picture is left out.
    """
    drawn = np.array(image, order="C")
    _draw(drawn, tracks, names, shot_number)
    return drawn


def _draw(drawn: Image, tracks: Tracks, names: Mapping[int, str], shot_number: int | None) -> None:
    height, width = drawn.shape[:2]
    boxes = np.clip(tracks.boxes, 0, np.array([width - 1, height - 1] * 2, np.float32))
    visible = np.all(boxes[:, 2:] > boxes[:, :2], axis=1)
    boxes, shown = boxes[visible], tracks.where(visible)
    for box, person, score in zip(boxes, shown.person.tolist(), shown.scores, strict=True):
        _draw_box(drawn, box, person_colour(person), interpolated=bool(score == 0))
    taken: list[_Place] = []
    if shot_number is not None:
        taken.append(_letter_shot(drawn, shot_number))
    for box, person in zip(boxes, shown.person.tolist(), strict=True):
        if person != NOBODY:
            taken.append(_letter_person(drawn, box, person, names, taken))


def chosen_for_sheet(faces: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those of `faces` (n,) that a sheet has room for, evenly spread."""
    if len(faces) <= SHEET_CROPS:
        return faces
    return np.asarray(faces[np.linspace(0, len(faces) - 1, SHEET_CROPS).round().astype(int)])


def contact_sheet(images: Image, title: str, caption: str, colour: Colour) -> Image:
    """Lay out faces on one sheet, under a title and a line of caption.

    Args:
        images: (n, side, side, 3) uint8 RGB; of more than 24, evenly chosen ones are shown.
        colour: of the person, beside the title.

    Returns:
        (H, W, 3) uint8 RGB; W is always the same, H grows with the rows of six faces.
    """
    chosen = images[chosen_for_sheet(np.arange(len(images)))]
    rows = -(-len(chosen) // SHEET_COLUMNS)
    pitch = SHEET_CELL_PX + SHEET_GAP_PX
    width = 2 * SHEET_MARGIN_PX + SHEET_COLUMNS * pitch - SHEET_GAP_PX
    height = SHEET_HEADER_PX + rows * pitch - SHEET_GAP_PX + SHEET_MARGIN_PX
    sheet = np.full((max(height, SHEET_HEADER_PX), width, 3), SHEET_PAPER, np.uint8)
    _letter_header(sheet, title, caption, colour)
    for index, image in enumerate(chosen):
        row, column = divmod(index, SHEET_COLUMNS)
        y, x = SHEET_HEADER_PX + row * pitch, SHEET_MARGIN_PX + column * pitch
        sheet[y : y + SHEET_CELL_PX, x : x + SHEET_CELL_PX] = _resized(image, SHEET_CELL_PX)
    return sheet


def _letter_header(sheet: Image, title: str, caption: str, colour: Colour) -> None:
    bar = _Place(SHEET_MARGIN_PX, 22, 6, 50)
    sheet[bar.y : bar.y + bar.height, bar.x : bar.x + bar.width] = colour
    x = bar.x + bar.width + 12
    room = sheet.shape[1] - SHEET_MARGIN_PX - x
    _write(sheet, elided_text(title, 26, room), 26, x, 17, INK)
    _write(sheet, elided_text(caption, 15, room), 15, x, 53, FAINT_INK)


def _resized(image: Image, side: int) -> Image:
    method = cv2.INTER_AREA if image.shape[0] > side else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (side, side), interpolation=method), np.uint8)


def _line_px(image: Image) -> int:
    return max(1, round(_shorter_side(image) / 400))


def _text_px(image: Image) -> int:
    return max(11, round(_shorter_side(image) / 42))


def _shorter_side(image: Image) -> int:
    height, width = image.shape[:2]
    return min(int(height), int(width))


def _draw_box(
    image: Image, box: NDArray[np.float32], colour: Colour, *, interpolated: bool
) -> None:
    """Draw a rounded box over its own faint shadow, so that it shows on any ground."""
    line = _line_px(image)
    x1, y1, x2, y2 = box.tolist()
    outline = _rounded_outline(x1, y1, x2, y2, min(6.0 * line, (x2 - x1) / 4, (y2 - y1) / 4))
    paths, closed = [outline], True
    if interpolated:
        paths, closed = _dashes(outline, 7.0 * line), False
        line = max(1, round(line * 0.6))
    left, top = max(0, int(x1) - 2 * line), max(0, int(y1) - 2 * line)
    around = image[top : int(y2) + 2 * line + 2, left : int(x2) + 2 * line + 2]
    points = [_subpixel(path - [left, top]) for path in paths]
    shadow = np.zeros(around.shape[:2], np.uint8)
    cv2.polylines(shadow, points, closed, 255, line + 2, cv2.LINE_AA, SUBPIXEL_BITS)
    rows, columns = np.nonzero(shadow)
    kept = 1 - SHADOW * shadow[rows, columns, None] / 255
    around[rows, columns] = (around[rows, columns] * kept).astype(np.uint8)
    points = [_subpixel(path) for path in paths]
    cv2.polylines(image, points, closed, colour, line, cv2.LINE_AA, SUBPIXEL_BITS)


def _subpixel(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Points (P, 2) as OpenCV takes them, with fractions of a pixel."""
    return np.asarray(np.round(points * 2**SUBPIXEL_BITS), np.int32)


def _rounded_outline(
    x1: float, y1: float, x2: float, y2: float, radius: float
) -> NDArray[np.float64]:
    """Points (P, 2) clockwise round a rectangle with rounded corners; not closed."""
    angles = np.linspace(0, np.pi / 2, 9)
    corners = [(x2, y1, -1, 1, -np.pi / 2), (x2, y2, -1, -1, 0.0)]
    corners += [(x1, y2, 1, -1, np.pi / 2), (x1, y1, 1, 1, np.pi)]
    arcs = [
        np.stack(
            [
                x + radius * (inward_x + np.cos(angles + start)),
                y + radius * (inward_y + np.sin(angles + start)),
            ],
            axis=1,
        )
        for x, y, inward_x, inward_y, start in corners
    ]
    return np.concatenate(arcs)


def _dashes(outline: NDArray[np.float64], dash_px: float) -> list[NDArray[np.float64]]:
    """Cut a closed outline (P, 2) into dashes (6, 2) with gaps of the same length."""
    closed = np.concatenate([outline, outline[:1]])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    count = max(4, round(length[-1] / (2 * dash_px)))
    pitch = length[-1] / count
    along = np.arange(count)[:, None] * pitch + np.linspace(0, pitch / 2, 6)  # (count, 6)
    points = np.stack([np.interp(along, length, closed[:, axis]) for axis in (0, 1)], axis=2)
    return list(points)


def _letter_shot(image: Image, number: int) -> _Place:
    text_px = _text_px(image)
    chip = _chip(f"shot {number}", text_px, INK, image.shape[1])
    place = _kept_inside(text_px // 2, text_px // 2, chip, image)
    _lay(image, chip, place)
    return place


def _letter_person(
    image: Image,
    box: NDArray[np.float32],
    person: int,
    names: Mapping[int, str],
    taken: Sequence[_Place],
) -> _Place:
    """Lay the name above the box, or below or inside where there is no room above."""
    chip = _chip(
        names.get(person) or f"Person {person}",
        _text_px(image),
        person_colour(person),
        image.shape[1],
    )
    gap = _line_px(image) + 2
    tall = chip.rgb.shape[0]
    x1, y1, _, y2 = (round(value) for value in box.tolist())
    above, below, inside = y1 - gap - tall, y2 + gap, y1 + gap
    fitting = [y for y in (above, below, inside) if 0 <= y <= image.shape[0] - tall]
    places = [_kept_inside(x1, y, chip, image) for y in (*fitting, above)]
    free = [place for place in places if not any(place.overlaps(other) for other in taken)]
    place = (free or places)[0]
    _lay(image, chip, place)
    return place


def _kept_inside(x: int, y: int, chip: _Chip, image: Image) -> _Place:
    """The place nearest to x, y that keeps the chip in the picture."""
    height, width = chip.rgb.shape[:2]
    x = max(0, min(x, image.shape[1] - width))
    y = max(0, min(y, image.shape[0] - height))
    return _Place(x, y, width, height)


@lru_cache(maxsize=512)
def _chip(text: str, text_px: int, ground: Colour, max_width: int) -> _Chip:
    """Lettering no wider than `max_width`, in black or white, whichever is easier to read."""
    pad = max(3, round(text_px * 0.4))
    mask = text_mask(elided_text(text, text_px, max_width - 2 * pad), text_px)
    height, width = mask.shape[0] + 2 * (pad // 3), mask.shape[1] + 2 * pad
    rgb = np.full((height, width, 3), ground, np.uint8)
    ink = INK if _luminance(ground) > 0.18 else WHITE  # where the contrast of both is equal
    _blend(rgb[pad // 3 :, pad:], mask, ink)
    alpha = np.zeros((height, width), np.uint8)
    outline = _subpixel(_rounded_outline(0, 0, width - 1, height - 1, height / 5))
    cv2.fillPoly(alpha, [outline], 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return _Chip(rgb, _as_alpha(alpha))


def _as_alpha(mask: NDArray[np.uint8]) -> NDArray[np.float32]:
    return mask[..., None].astype(np.float32) / np.float32(255)


def _luminance(colour: Colour) -> float:
    """Relative luminance in [0, 1] (WCAG 2, with a plain gamma of 2.2)."""
    linear = (np.array(colour) / 255) ** 2.2
    return float(linear @ [0.2126, 0.7152, 0.0722])


def _write(image: Image, text: str, size_px: int, x: int, y: int, colour: Colour) -> None:
    _blend(image[y:, x:], text_mask(text, size_px), colour)


def _blend(image: Image, mask: NDArray[np.uint8], colour: Colour) -> None:
    """Paint `colour` where `mask` (h, w) says, from the top left of `image`."""
    chip = _Chip(np.full((*mask.shape, 3), colour, np.uint8), _as_alpha(mask))
    _lay(image, chip, _Place(0, 0, mask.shape[1], mask.shape[0]))


def _lay(image: Image, chip: _Chip, place: _Place) -> None:
    """Lay `chip` over `image`; what lies outside is cut off."""
    under = image[place.y : place.y + place.height, place.x : place.x + place.width]
    height, width = under.shape[:2]
    over, alpha = chip.rgb[:height, :width].astype(np.float32), chip.alpha[:height, :width]
    under[:] = np.round(under + (over - under) * alpha).astype(np.uint8)
