"""Glasses and beards."""

from __future__ import annotations

import numpy as np

from tracker.synthetic.head import Head
from tracker.synthetic.light import Light, lit
from tracker.synthetic.pen import Image, Points, bezier, fill, mix, oval, scaled, stroke
from tracker.synthetic.people import Person


def draw_glasses(image: Image, person: Person, head: Head, light: Light) -> None:
    """Draw rims, bridge and the sides that reach to the ears."""
    if person.glasses == "none":
        return
    colour = lit(person.glasses_colour, light)
    width = (0.022 if person.glasses == "thin" else 0.036) * head.unit_px
    for side in (-1, 1):
        middle = side * 0.33 * person.eye_spacing
        rim = _rim(person.glasses) * (side, 1) + (middle, 0.03)
        stroke(image, _before_face(head, rim), colour, width, closed=True)
        hinge = np.array(
            [[side * 0.56, -0.05, 0.64], [side * 0.74 * person.face_width, -0.03, -0.05]]
        )
        if head.turned(np.array([side * 1.0, 0.0, 0.2]))[2] > 0:
            stroke(image, head.project(hinge), colour, width)
    stroke(image, _before_face(head, bezier((-0.11, 0.0), (0, -0.05), (0.11, 0.0))), colour, width)


def _rim(shape: str) -> Points:
    if shape == "round":
        return oval(np.array([0.0, 0.0]), (0.215, 0.215))
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    squareness = 0.45 if shape == "square" else 0.7
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** squareness
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** squareness
    tall = 0.175 if shape == "square" else 0.15
    return np.stack([0.225 * x, tall * y], axis=1)


def _before_face(head: Head, points: Points) -> Points:
    """Pixels of points on a slightly bent plane in front of the eyes."""
    z = 0.84 - 0.6 * points[:, 0] ** 2
    return head.project(np.column_stack([points, z]))


def draw_beard(image: Image, person: Person, head: Head, light: Light) -> None:
    """Draw a full beard, a goatee or a moustache; the mouth comes on top."""
    if person.beard in ("none", "stubble"):
        return
    colour = mix(scaled(person.brow_colour, 0.85), scaled(person.skin, 0.5), 0.15)
    colour = lit(colour, light)
    if person.beard == "full":
        fill(image, beard_outline(head), colour)
    if person.beard == "goatee":
        goatee = bezier((-0.15, 0.77), (-0.26, 1.1), (0.26, 1.1), (0.15, 0.77), count=16)
        fill(image, head.on_face(goatee[:, 0], np.minimum(goatee[:, 1], 1.02), 0.04), colour)
    for side in (-1, 1):
        upper = bezier((0, 0.49), (0.18, 0.46), (0.33, 0.6), count=9)
        lower = bezier((0.33, 0.6), (0.18, 0.6), (0, 0.57), count=9)
        half = np.concatenate([upper, lower]) * (side, 1)
        fill(image, head.on_face(half[:, 0], half[:, 1], 0.05), colour)


def beard_outline(head: Head) -> Points:
    """Where a full beard grows: the jaw from ear to ear, up to the cheeks and the nose."""
    edge = float(head.half_width(np.array(0.15)))
    cheek = bezier(
        (edge, 0.12), (edge * 0.9, 0.5), (0.42, 0.72), (0.3, 0.66), (0.0, 0.78), count=20
    )
    y = np.linspace(1.0, 0.12, 14)
    azimuth = np.concatenate(
        [
            np.full(14, np.radians(110)),
            np.arcsin(np.clip(cheek[:, 0] / head.half_width(cheek[:, 1]), 0, 1)),
        ]
    )
    height = np.concatenate([y, cheek[:, 1]])
    return head.around(
        np.concatenate([azimuth, -azimuth[::-1]]), np.concatenate([height, height[::-1]])
    )
