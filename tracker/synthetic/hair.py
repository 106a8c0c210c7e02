"""Hair: strands that run from the crown to a hairline, and what hangs or stands beyond them."""

from __future__ import annotations

import numpy as np

from tracker.synthetic.head import Head, convex_hull
from tracker.synthetic.light import Light, lit
from tracker.synthetic.pen import Colour, Floats, Image, Points, bezier, fill, oval, scaled, stroke
from tracker.synthetic.people import Person

_COLUMNS = 44
_ROWS = 12
_CURLS = 84
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))  # spreads points evenly over a surface
_AZIMUTHS_DEG = np.array([0, 20, 40, 55, 68, 80, 95, 120, 180])
# where the hair of each style ends, at those azimuths
_HAIRLINES: dict[str, tuple[float, ...]] = {
    "short": (-0.56, -0.55, -0.50, -0.40, -0.22, 0.10, 0.10, 0.45, 0.60),
    "parting": (-0.60, -0.56, -0.46, -0.36, -0.20, 0.08, 0.10, 0.45, 0.60),
    "quiff": (-0.60, -0.62, -0.56, -0.44, -0.25, 0.02, 0.05, 0.40, 0.55),
    "fringe": (-0.36, -0.36, -0.35, -0.30, -0.12, 0.15, 0.30, 0.50, 0.70),
    "bob": (-0.58, -0.50, -0.38, -0.16, 0.30, 0.86, 0.95, 1.0, 1.0),
    "long": (-0.64, -0.54, -0.40, -0.18, 0.30, 0.95, 1.0, 1.0, 1.0),
    "bun": (-0.62, -0.58, -0.50, -0.38, -0.22, 0.0, 0.10, 0.40, 0.60),
    "curly": (-0.54, -0.52, -0.46, -0.34, -0.15, 0.10, 0.20, 0.50, 0.65),
    "buzz": (-0.58, -0.58, -0.52, -0.42, -0.26, 0.04, 0.05, 0.40, 0.55),
    "beanie": (-0.46, -0.46, -0.45, -0.43, -0.41, -0.38, -0.34, -0.26, -0.22),
}
_SWELL = {"buzz": 1.025, "short": 1.12, "bun": 1.06, "quiff": 1.08, "curly": 1.1}  # else _FULL
_FULL = 1.13
_RAGGED = {"short": 0.045, "fringe": 0.03, "parting": 0.02}  # how uneven a hairline is


def draw_back_hair(image: Image, person: Person, head: Head, light: Light) -> None:
    """Draw what lies behind the head: long hair, curls, a bun."""
    if person.hair == "bald":
        return
    colour = _colour(person)
    dark = lit(scaled(colour, 0.7), light)
    if person.hair in ("long", "bob"):
        fill(image, _curtain(head, 1.55 if person.hair == "long" else 1.02), dark)
    if person.hair == "curly":
        _draw_curls(image, person, head, light, front=False)
    if person.hair == "bun":
        centre = head.project(np.array([0.0, -1.12, -0.2]))
        fill(image, oval(centre, (0.34 * head.unit_px,) * 2), dark)
        fill(
            image,
            oval(centre - 0.05 * head.unit_px, (0.26 * head.unit_px,) * 2),
            lit(colour, light),
        )
    _draw_strands(image, person, head, light, front=False)


def draw_front_hair(image: Image, person: Person, head: Head, light: Light) -> None:
    """Draw what lies on the head."""
    if person.hair == "bald":
        _draw_shine(image, person, head, light)
        return
    _draw_strands(image, person, head, light, front=True)
    if person.hair == "curly":
        _draw_curls(image, person, head, light, front=True)
    if person.hair == "quiff":
        _draw_quiff(image, person, head, light)
    if person.hair == "beanie":
        _draw_beanie_rim(image, person, head, light)


def hair_outline(person: Person, head: Head) -> Points:
    """The silhouette (K, 2) of head and hair, roughly: what hides the people behind."""
    swell = {"bald": 1.0, "curly": 1.24}.get(person.hair, _SWELL.get(person.hair, _FULL))
    return head.outline(swell)


def _colour(person: Person) -> Colour:
    return person.wardrobe[0] if person.hair == "beanie" else person.hair_colour


def _hairline(person: Person, azimuth: Floats) -> Floats:
    degrees = np.degrees(np.abs(azimuth))
    y: Floats = np.interp(degrees, _AZIMUTHS_DEG, _HAIRLINES[person.hair])
    if person.hair == "parting":
        y = y - 0.1 * np.exp(-(((np.degrees(azimuth) - 24) / 14) ** 2))
        y = y + 0.1 * np.exp(-(((np.degrees(azimuth) + 26) / 26) ** 2))
    return y


def _strand_points(person: Person, head: Head) -> tuple[Floats, Floats]:
    """Strands (columns + 1, rows, 3) in space, and the azimuths (columns + 1,) they run at."""
    azimuth = np.linspace(-np.pi, np.pi, _COLUMNS + 1)
    line = _hairline(person, azimuth)
    ragged = np.random.default_rng(person.texture_seed).uniform(-1, 1, _COLUMNS + 1)
    line = line + _RAGGED.get(person.hair, 0.0) * ragged * (np.abs(azimuth) < 1.1)
    share = np.linspace(0, 1, _ROWS) ** 2  # dense near the crown, where the head bends most
    y = -1 + (line[:, None] + 1) * share
    swell = _SWELL.get(person.hair, _FULL)
    points = head.surface(azimuth[:, None], y, swell)
    points[:, -1] = head.surface(azimuth, line, 1 + (swell - 1) * 0.5)
    return points, azimuth


def _draw_strands(image: Image, person: Person, head: Head, light: Light, front: bool) -> None:
    points, azimuth = _strand_points(person, head)
    pixels = head.project(points)
    if front:
        crown = head.surface(
            np.linspace(-np.pi, np.pi, 24), np.array(-0.8), _SWELL.get(person.hair, _FULL)
        )
        cap = np.concatenate([head.project(crown), pixels[:, : _ROWS // 2].reshape(-1, 2)])
        cap = cap[cap[:, 1] <= head.project(crown)[:, 1].max()]
        fill(image, convex_hull(cap), lit(_colour(person), light))
    noise = np.random.default_rng(person.texture_seed).uniform(-1, 1, _COLUMNS)
    variation = 0.0 if person.hair in ("buzz", "beanie") else 0.07
    middle = (azimuth[:-1] + azimuth[1:]) / 2
    normals = head.turned(
        np.column_stack([np.sin(middle), np.full(_COLUMNS, -0.35), np.cos(middle)])
    )
    order = np.argsort(normals[:, 2], kind="stable")
    for column in order:
        if (normals[column, 2] > 0) != front:
            continue
        strip = np.concatenate([pixels[column], pixels[column + 1][::-1]])
        normal = normals[column] / np.linalg.norm(normals[column])
        shade = scaled(_colour(person), 1 + variation * noise[column])
        fill(image, strip, lit(shade, light, normal))


def _curtain(head: Head, lowest: float) -> Points:
    """Hair hanging behind the face, down to `lowest` in head units."""
    right = np.concatenate(
        [
            bezier((0.0, -1.1), (0.62, -1.1), (0.84, -0.5), (0.86, 0.1), count=10),
            bezier((0.86, 0.1), (0.92, 0.8), (0.8, lowest), count=6),
        ]
    )
    outline = np.concatenate([right, right[::-1] * (-1, 1)])
    return head.project(np.column_stack([outline, np.full(len(outline), -0.15)]))


def _draw_curls(image: Image, person: Person, head: Head, light: Light, front: bool) -> None:
    rng = np.random.default_rng(person.texture_seed)
    number = np.arange(_CURLS)
    azimuth = (number * _GOLDEN_ANGLE + rng.normal(0, 0.1, _CURLS)) % (2 * np.pi) - np.pi
    y = -1.05 + (_hairline(person, azimuth) + 1.05) * (number + 0.5) / _CURLS
    points = head.surface(azimuth, y, 1.14)
    depth = head.turned(points)[:, 2]
    for index in np.argsort(depth, kind="stable"):
        if (depth[index] > 0) != front:
            continue
        normal = head.turned(points[index] / np.linalg.norm(points[index]))
        centre, radius = head.project(points[index]), 0.155 * head.unit_px
        fill(
            image,
            oval(centre, (radius, radius), count=14),
            lit(scaled(person.hair_colour, 0.86), light, normal),
        )
        inner = oval(centre - 0.2 * radius, (0.6 * radius,) * 2, count=12)
        fill(image, inner, lit(scaled(person.hair_colour, 1.1), light, normal))


def _draw_quiff(image: Image, person: Person, head: Head, light: Light) -> None:
    for share, shade in ((1.0, 0.92), (0.72, 1.06), (0.45, 1.16)):
        wave = bezier(
            (-0.5, -0.66),
            (-0.62, -1.3 * share - 0.1),
            (0.2, -1.62 * share),
            (0.62, -0.98),
            (0.46, -0.62),
            count=18,
        )
        crest = head.project(np.column_stack([wave, np.full(len(wave), 0.42)]))
        fill(image, crest, lit(scaled(person.hair_colour, shade), light))


def _draw_beanie_rim(image: Image, person: Person, head: Head, light: Light) -> None:
    azimuth = np.radians(np.linspace(-92, 92, 20)) - head.yaw
    line = _hairline(person, azimuth)
    low, high = head.surface(azimuth, line + 0.06, 1.12), head.surface(azimuth, line - 0.2, 1.16)
    rim = head.project(np.concatenate([low, high[::-1]]))
    fill(image, rim, lit(scaled(_colour(person), 0.8), light))
    for column in range(0, 20, 2):
        rib = head.project(np.stack([low[column], high[column]]))
        stroke(image, rib, lit(scaled(_colour(person), 0.68), light), 0.015 * head.unit_px)


def _draw_shine(image: Image, person: Person, head: Head, light: Light) -> None:
    side = 1 if light.towards[0] > 0 else -1
    shine = oval(np.array([side * 0.22, -0.76]), (0.13, 0.05), 12 * side)
    bright = lit(scaled(person.skin, 1.12), light)
    fill(image, head.on_face(shine[:, 0], shine[:, 1]), bright)
