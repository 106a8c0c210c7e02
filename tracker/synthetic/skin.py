"""Skin: the head's surface, softly shaded, with blush, stubble and freckles."""

from __future__ import annotations

import cv2
import numpy as np

from tracker.synthetic.accessories import beard_outline
from tracker.synthetic.head import Head
from tracker.synthetic.light import Light, lit, shading
from tracker.synthetic.pen import Colour, Floats, Image, Points, fill, mix, oval, scaled, stroke
from tracker.synthetic.people import Person

_CELLS = (40, 32)  # rows, columns of the grid that shading is computed on
_ROUNDNESS = np.array([0.8, 1.4])  # half-axes, in head units, of the ball that shading takes it for
_BLUSH: Colour = (226, 96, 84)
_WARMTH = np.array([-0.15, 0.05, 0.2])  # powers of the shade: shadows turn red, lights yellow


def draw_skin(image: Image, person: Person, head: Head, light: Light) -> None:
    """Fill the head with skin, and draw the line around it."""
    outline = head.outline()
    low = np.floor(outline.min(axis=0)).astype(int)
    high = np.ceil(outline.max(axis=0)).astype(int) + 1
    left, top = np.clip(low, 0, None)
    right, bottom = np.minimum(high, (image.shape[1], image.shape[0]))
    if right <= left or bottom <= top:
        return
    cells = _shaded_cells(person, head, light, low, high)
    skin = cv2.resize(cells, (int(high[0] - low[0]), int(high[1] - low[1])))
    skin = skin[top - low[1] : bottom - low[1], left - low[0] : right - low[0]]
    mask = np.zeros(skin.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(outline - (left, top) - 0.5).astype(np.int32)], 255)
    cv2.copyTo(skin, mask, image[top:bottom, left:right])
    stroke(image, outline, lit(scaled(person.skin, 0.74), light), 0.022 * head.unit_px, closed=True)
    if person.freckles:
        _draw_freckles(image, person, head, light)


def _shaded_cells(person: Person, head: Head, light: Light, low: Floats, high: Floats) -> Image:
    """A small picture of the skin over the box from `low` to `high`, as if it had no edge."""
    rows, columns = _CELLS
    x = low[0] + (np.arange(columns) + 0.5) / columns * (high[0] - low[0])
    y = low[1] + (np.arange(rows) + 0.5) / rows * (high[1] - low[1])
    pixels = np.stack(np.meshgrid(x, y), axis=-1)
    colour = np.broadcast_to(np.array(person.skin), (rows, columns, 3))
    colour = _blend(colour, mix(person.skin, _BLUSH, 0.8), _blush(pixels, person, head))
    if person.beard == "stubble":
        outline = (beard_outline(head) - low) / (high - low) * (columns, rows)
        shadow = mix(scaled(person.brow_colour, 0.6), person.skin, 0.3)
        colour = _blend(colour, shadow, _stubble(outline))
    across = (pixels - head.centre) / (head.unit_px * _ROUNDNESS)
    across /= np.maximum(1, np.linalg.norm(across, axis=-1, keepdims=True))
    nearness = np.sqrt(np.clip(1 - (across**2).sum(axis=-1, keepdims=True), 0, 1))
    shade = shading(light, np.concatenate([across, nearness], axis=-1))[..., None]
    colour = colour * np.array(light.tint) * shade ** (1 + _WARMTH)
    return np.asarray(np.clip(colour, 0, 255), np.uint8)


def _blend(colours: Floats, other: Colour, weight: Floats) -> Floats:
    """`colours` (rows, columns, 3) mixed with one other by `weight` (rows, columns)."""
    mixed: Floats = colours + (np.array(other) - colours) * weight[..., None]
    return mixed


def _blush(pixels: Floats, person: Person, head: Head) -> Floats:
    """How rosy each of `pixels` (rows, columns, 2) is: a soft dab on each cheek."""
    cheeks = head.on_face(np.array([-0.4, 0.4]), 0.36)
    squared = ((pixels[:, :, None] - cheeks) ** 2).sum(axis=-1) / (0.2 * head.unit_px) ** 2
    rosy: Floats = (0.32 if person.made_up else 0.2) * np.exp(-squared).max(axis=-1)
    return rosy


def _stubble(outline: Points) -> Floats:
    """How much shadow of hair each cell has: some inside `outline`, in cells."""
    mask = np.zeros(_CELLS, np.float32)
    cv2.fillPoly(mask, [np.round(outline - 0.5).astype(np.int32)], 0.34)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.1), np.float32)


def _draw_freckles(image: Image, person: Person, head: Head, light: Light) -> None:
    rng = np.random.default_rng(person.texture_seed)
    spots = np.column_stack([rng.normal(0, 0.26, 26), rng.uniform(0.16, 0.4, 26)])
    colour = lit(mix(person.skin, (150, 82, 46), 0.5), light)
    for place in head.on_face(spots[:, 0], spots[:, 1]):
        fill(image, oval(place, (0.014 * head.unit_px,) * 2, count=8), colour)
