"""The features of a face: eyes, brows, nose and mouth."""

from __future__ import annotations

import numpy as np

from tracker.synthetic.head import Expression, Head
from tracker.synthetic.light import Light, lit
from tracker.synthetic.pen import (
    Colour,
    Floats,
    Image,
    Points,
    bezier,
    fill,
    mix,
    oval,
    scaled,
    stroke,
)
from tracker.synthetic.people import Person

_WHITE: Colour = (250, 248, 244)
_TEETH: Colour = (246, 242, 234)
_INSIDE: Colour = (84, 26, 32)  # of the mouth
_LIPSTICK: Colour = (190, 36, 60)
_PROFILE_FROM = np.radians(9)  # yaw from which the nose shows its far edge
_U = np.linspace(-1, 1, 15)  # across an eye, from its left to its right corner


def draw_eye(
    image: Image, person: Person, head: Head, light: Light, side: int, expression: Expression
) -> None:
    """Draw white, iris, pupil, glint, lashes and folds of the eye on `side` (-1 or 1)."""
    size, unit = person.eye_size, head.unit_px
    upper = -0.096 * size * (1 - 0.95 * expression.closed) * (1 - _U**2) ** 0.7
    lower = 0.06 * size * (1 - _U**2) ** 0.8
    slant = -0.012 * _U * side

    def place(across: Floats, down: Floats) -> Points:
        x = side * 0.315 * person.eye_spacing + 0.16 * size * across
        return head.on_face(x, down, 0.02)

    almond = np.concatenate([place(_U, upper + slant), place(_U[::-1], (lower + slant)[::-1])])
    fill(image, almond, lit(_WHITE, light))
    gaze = 0.22 * expression.gaze
    for radius, colour in ((0.09, person.eye_colour), (0.045, (22.0, 18.0, 20.0))):
        disc = oval(np.array([gaze, -0.012]), (radius / 0.16, radius * size))
        lids = np.interp(disc[:, 0], _U, upper), np.interp(disc[:, 0], _U, lower)
        fill(image, place(disc[:, 0], np.clip(disc[:, 1], *lids)), lit(colour, light))
    if expression.closed < 0.5:
        glint = place(np.array([gaze - 0.16]), np.array([-0.04]))[0]
        fill(image, oval(glint, (0.02 * unit,) * 2), lit(_WHITE, light))
    lash = lit(mix(scaled(person.skin, 0.3), (30, 20, 20), 0.6), light)
    stroke(image, place(_U, upper + slant), lash, (0.045 if person.made_up else 0.032) * unit)
    fold = lit(scaled(person.skin, 0.72), light)
    stroke(image, place(_U, -0.045 - 0.075 * (1 - _U**2) + slant), fold, 0.014 * unit)
    stroke(image, place(0.9 * _U, lower + slant + 0.01), fold, 0.012 * unit)


def draw_brow(
    image: Image, person: Person, head: Head, light: Light, side: int, expression: Expression
) -> None:
    """Draw a tapering brow."""
    u = np.linspace(0, 1, 12)  # from the nose outwards
    x = side * (0.14 + 0.36 * u) * person.eye_spacing
    arch = 0.055 * person.brow_arch * np.sin(np.pi * np.clip(u * 1.15, 0, 1))
    y = -0.215 - 0.02 * expression.talking - arch + 0.05 * person.brow_tilt * (2 * u - 1)
    taper = np.sqrt(np.clip(1.15 - u, 0, 1)) * np.clip(6 * u + 0.5, 0, 1)
    half = 0.036 * person.brow_width * taper
    colour = mix(scaled(person.brow_colour, 0.72), scaled(person.skin, 0.4), 0.25)
    upper, lower = head.on_face(x, y - half, 0.03), head.on_face(x, y + half, 0.03)
    fill(image, np.concatenate([upper, lower[::-1]]), lit(colour, light))


def draw_nose(image: Image, person: Person, head: Head, light: Light) -> None:
    """Draw the nose by its shaded side, its lower edge, its nostrils and its tip."""
    wide, long = 0.12 * person.nose_width, 0.36 * person.nose_length
    dark = lit(scaled(person.skin, 0.6), light)
    shaded = 1 if light.towards[0] < 0 else -1
    side = np.array(
        [(0.06, -0.06), (0.05, 0.12), (wide, long - 0.03), (0.03, long - 0.02), (0, 0)]
    ) * (shaded, 1)
    lifts = np.array([0.03, 0.1, 0.08, 0.2, 0.1])
    fill(image, head.on_face(side[:, 0], side[:, 1], lifts), lit(scaled(person.skin, 0.86), light))
    if abs(head.yaw) > _PROFILE_FROM:
        edge = bezier((0.09, -0.12), (0.01, 0.0), (0.05, long - 0.1), (0.045, long))
        edge[:, 0] *= np.sign(head.yaw)
        ridge = head.on_face(edge[:, 0], edge[:, 1], np.linspace(0, 0.2, len(edge)))
        stroke(image, ridge, dark, 0.016 * head.unit_px)
    wing = bezier((-wide, long - 0.07), (-1.25 * wide, long + 0.03), (-0.4 * wide, long + 0.035))
    base = bezier((-0.4 * wide, long + 0.03), (0, long + 0.09), (0.4 * wide, long + 0.03))
    line = np.concatenate([wing, base, wing[::-1] * (-1, 1)])
    lift = 0.18 - 0.09 * np.abs(line[:, 0]) / (1.3 * wide)
    stroke(image, head.on_face(line[:, 0], line[:, 1], lift), dark, 0.02 * head.unit_px)
    for nostril in (-1, 1):
        spot = oval(np.array([nostril * wide * 0.48, long + 0.025]), (0.034, 0.016))
        fill(image, head.on_face(spot[:, 0], spot[:, 1], 0.13), dark)
    tip = oval(np.array([-shaded * 0.02, long - 0.06]), (0.045, 0.035))
    bright = lit(mix(person.skin, (255, 250, 240), 0.25), light)
    fill(image, head.on_face(tip[:, 0], tip[:, 1], 0.2), bright)


def draw_mouth(
    image: Image, person: Person, head: Head, light: Light, expression: Expression
) -> None:
    """Draw two lips, and teeth between them when they part."""
    half = 0.25 * person.mouth_width * (1 + 0.08 * expression.smile - 0.15 * expression.talking)
    full, gap = 0.055 * person.lip_fullness, 0.13 * expression.talking
    corner, middle = 0.625 - 0.06 * expression.smile, 0.635

    def place(line: Points) -> Points:
        return head.on_face(line[:, 0], line[:, 1], 0.02)

    def curve(sag: float, reach: float = 0.5) -> Points:
        """From corner to corner, through a middle lowered by about 3/4 of `sag`."""
        inner = (reach * half, middle + sag)
        return bezier((-half, corner), (-inner[0], inner[1]), inner, (half, corner), count=17)

    cupid = (0.4 * half, middle - 1.3 * full), (0.0, middle - 0.7 * full)
    bow = bezier((half, corner), *cupid, count=9)
    upper = np.concatenate([bow * (-1, 1), bow[-2::-1]])
    seam = curve(0.02, 0.4)
    lip = mix(mix(person.skin, (182, 62, 68), 0.55), _LIPSTICK, 0.45 if person.made_up else 0.0)
    fill(
        image,
        place(np.concatenate([upper, curve(2.2 * full + 1.3 * gap)[::-1]])),
        lit(lip, light),
    )
    if gap > 0.012:
        opening = np.concatenate([seam, curve(1.4 * gap)[::-1]])
        fill(image, place(opening), lit(_INSIDE, light))
        bite = seam[3:-3]
        edge = bite[::-1] + np.array([0.0, min(0.03, 0.4 * gap)])
        teeth = np.concatenate([bite, edge])
        fill(image, place(teeth), lit(_TEETH, light))
    dark = scaled(mix(person.skin, (120, 40, 44), 0.5), 0.6)
    stroke(image, place(seam), lit(dark, light), 0.026 * head.unit_px)
