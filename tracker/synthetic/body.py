"""Ears, neck, shoulders and clothes."""

from __future__ import annotations

import numpy as np

from tracker.synthetic.head import Head
from tracker.synthetic.light import Light, lit
from tracker.synthetic.pen import Colour, Image, Points, bezier, fill, oval, scaled, stroke
from tracker.synthetic.people import Person

_TROUSERS: Colour = (62, 64, 76)
_COVERING = ("long", "bob")  # hair that hides the ears


def draw_ear(image: Image, person: Person, head: Head, light: Light, side: int, near: bool) -> None:
    """Draw one ear, if it lies on the asked side of the head: `near` the viewer, or beyond."""
    middle = np.array([side * head.half_width(np.array(0.05)), 0.06, -0.02])
    if (head.turned(middle)[2] > 0.12) != near or (near and person.hair in _COVERING):
        return
    normal = head.turned(np.array([side * 0.8, 0.0, 0.6]))
    for size, shade in ((1.0, 0.93), (0.55, 0.78)):
        ring = oval(np.array([0.0, 0.0]), (0.11 * size, 0.2 * size), 10)
        lobe = np.stack([side * 0.05 - side * 0.5 * ring[:, 0], ring[:, 1], ring[:, 0]], axis=1)
        fill(image, head.project(middle + lobe), lit(scaled(person.skin, shade), light, normal))


def draw_body(image: Image, person: Person, head: Head, light: Light, outfit: Colour) -> None:
    """Draw a neck that follows the head, on shoulders that stay level."""
    cloth = lit(outfit, light)
    shoulders = body_outline(head)
    neck = neck_outline(head)
    _draw_legs(image, person, head, light)
    fill(image, shoulders, cloth)
    stroke(image, shoulders, scaled(cloth, 0.72), 0.025 * head.unit_px, closed=True)
    _draw_sleeves(image, head, cloth)
    skin = lit(scaled(person.skin, 0.84), light)
    fill(image, _neckline(person, head), skin)
    fill(image, neck, skin)
    _draw_chin_shadow(image, person, head, light)
    _draw_collar(image, person, head, cloth)


def _draw_legs(image: Image, person: Person, head: Head, light: Light) -> None:
    """Draw trousers and hands, where the picture reaches so far down."""
    half = np.array([[1.25, 4.4], [1.15, 20.0], [0.14, 20.0], [0.0, 6.4]])
    legs = _level(head, np.concatenate([half, half[::-1] * (-1, 1)]))
    if legs[0, 1] < image.shape[0]:
        fill(image, legs, lit(_TROUSERS, light))
        for side in (-1, 1):
            hand = oval(np.array([side * 1.52, 5.0]), (0.19, 0.34))
            fill(image, _level(head, hand), lit(scaled(person.skin, 0.95), light))


def _draw_sleeves(image: Image, head: Head, cloth: Colour) -> None:
    for side in (-1, 1):
        fold = bezier((1.24, 2.3), (1.16, 3.2), (1.24, 4.75)) * (side, 1)
        stroke(image, _level(head, fold), scaled(cloth, 0.78), 0.04 * head.unit_px)


def body_outline(head: Head) -> Points:
    """The outline of shoulders, arms and body."""
    half = np.concatenate(
        [
            bezier((0.3, 1.28), (0.62, 1.5), (1.3, 1.5), (1.5, 1.86), count=12),
            bezier((1.5, 1.86), (1.72, 2.4), (1.76, 3.4), (1.74, 4.85), count=8),
            [[1.3, 4.85]],
        ]
    )
    return _level(head, np.concatenate([half, half[::-1] * (-1, 1)]))


def neck_outline(head: Head) -> Points:
    """The outline of the neck: its top turns with the head, its foot does not."""
    top = head.project(np.array([[-0.36, 0.62, -0.1], [0.36, 0.62, -0.1]]))
    foot = _level(head, np.array([[0.4, 1.38], [0.28, 1.52], [-0.28, 1.52], [-0.4, 1.38]]))
    return np.concatenate([top, foot])


def _level(head: Head, points: Points) -> Points:
    """Pixels of points given in head units below an upright head, which lean only a little."""
    lean = head.turned(np.array([0.0, 1.0, 0.0]))[0]
    placed: Points = head.centre + head.unit_px * (points + np.array([lean * 0.9, 0.0]))
    return placed


def _neckline(person: Person, head: Head) -> Points:
    depth = {"crew": 1.62, "vee": 2.0, "shirt": 1.78}[person.collar]
    if person.collar == "crew":
        return _level(
            head, bezier((-0.44, 1.36), (-0.36, depth + 0.1), (0.36, depth + 0.1), (0.44, 1.36))
        )
    return _level(head, np.array([[-0.42, 1.34], [0.0, depth], [0.42, 1.34]]))


def _draw_collar(image: Image, person: Person, head: Head, cloth: Colour) -> None:
    line = _neckline(person, head)
    if person.collar != "shirt":
        stroke(image, line, scaled(cloth, 0.78), 0.07 * head.unit_px)
        return
    for side in (-1, 1):
        wing = np.array([[0.36, 1.26], [0.6, 1.4], [0.34, 1.9], [0.0, 1.76]]) * (side, 1)
        fill(image, _level(head, wing), scaled(cloth, 1.14))
        stroke(image, _level(head, wing), scaled(cloth, 0.72), 0.02 * head.unit_px, closed=True)


def _draw_chin_shadow(image: Image, person: Person, head: Head, light: Light) -> None:
    top = head.project(np.array([[-0.36, 0.7, -0.1], [0.36, 0.7, -0.1]]))
    sag = head.project(
        np.array([[0.36, 1.0, 0.0], [0.16, 1.2, 0.15], [-0.16, 1.2, 0.15], [-0.36, 1.0, 0.0]])
    )
    fill(image, np.concatenate([top, sag]), lit(scaled(person.skin, 0.68), light))
