"""Scenery: soft, out-of-focus places behind the people, and the light that falls there."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from tracker.synthetic.light import Light
from tracker.synthetic.pen import Colour, Image, bezier, fill, mix, oval, scaled

KINDS = 7  # of places: a room, a park ...
PLACES = 2 * KINDS
WALLS: tuple[Colour, ...] = (
    (196, 178, 152),
    (150, 172, 176),
    (206, 190, 178),
    (122, 138, 122),
    (176, 150, 158),
)


def draw_light(seed: int, variation: float = 1.0) -> Light:
    """The light of one shot: a side, a hardness and a warmth.

    Args:
        variation: the larger, the harder, dimmer and more coloured lights can be; 1 or more.
    """
    rng = np.random.default_rng([seed, 2])
    excess = 3 * (variation - 1)
    side = rng.choice([-1, 1]) * rng.uniform(0.25, 0.75) * variation
    towards = np.array([side, -rng.uniform(0.2, 0.6), rng.uniform(0.6, 0.9)])
    towards /= np.linalg.norm(towards)
    bright, warm = rng.uniform(0.86, 1.04), rng.uniform(-0.5, 1)
    bright, warm = bright + excess * (bright - 0.98), warm * (1 + excess)
    tint = bright * (1 + 0.07 * warm), bright, bright * (1 - 0.1 * warm)
    return Light(
        (float(towards[0]), float(towards[1]), float(towards[2])),
        float(rng.uniform(0.5, 0.7) / variation),
        tint,
    )


def draw_place(place: int, seed: int, width: int, height: int, light: Light) -> Image:
    """Paint place number `place` of a video, as blurred as what lies behind a face."""
    rng = np.random.default_rng([seed, 3, place])
    image = np.zeros((180, max(1, round(180 * width / height)), 3), np.uint8)
    _PAINTERS[place % KINDS](image, rng)
    soft = cv2.GaussianBlur(image, (0, 0), 2.0)
    soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(soft, (0, 0), height / 240)
    return np.clip(soft * np.array(light.tint, np.float32), 0, 255).astype(np.uint8)


def _gradient(image: Image, top: Colour, bottom: Colour, until: float = 1.0) -> None:
    rows = round(image.shape[0] * until)
    share = np.linspace(0, 1, rows)[:, None, None]
    image[:rows] = np.array(top) * (1 - share) + np.array(bottom) * share
    image[rows:] = bottom


def _box(image: Image, x1: float, y1: float, x2: float, y2: float, colour: Colour) -> None:
    fill(image, np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]]), colour)


def _paint_room(image: Image, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    wall = WALLS[rng.integers(len(WALLS))]
    _gradient(image, scaled(wall, 1.1), scaled(wall, 0.86))
    x, w = width * rng.uniform(0.08, 0.6), width * 0.28
    _box(image, x - 5, 12, x + w + 5, 112, scaled(wall, 1.25))
    _box(image, x, 17, x + w, 107, (196, 222, 236))
    _box(image, x + w / 2 - 2, 17, x + w / 2 + 2, 107, scaled(wall, 1.25))
    _box(image, x, 60, x + w, 63, scaled(wall, 1.25))
    _box(image, 0, height * 0.82, width, height, scaled(wall, 0.62))
    pot = (x + width * 0.5) % width
    _paint_plant(image, pot, height * 0.82, rng)


def _paint_plant(image: Image, x: float, floor: float, rng: np.random.Generator) -> None:
    _box(image, x - 11, floor - 22, x + 11, floor, (176, 104, 72))
    for angle in np.linspace(-1.2, 1.2, 9):
        tip = (x + 48 * np.sin(angle), floor - 22 - 62 * np.cos(angle) * rng.uniform(0.7, 1.1))
        stem = bezier((x - 3, floor - 22), (x + 22 * np.sin(angle), floor - 72), tip)
        back = bezier(tip, (x + 10 * np.sin(angle), floor - 52), (x + 3, floor - 22))
        fill(image, np.concatenate([stem, back]), (60, 110 + 40 * rng.random(), 70))


def _paint_library(image: Image, rng: np.random.Generator) -> None:
    width = image.shape[1]
    wood = mix((112, 76, 50), (70, 52, 44), rng.random())
    image[:] = scaled(wood, 0.7)
    for shelf in range(4):
        bottom = 46 * (shelf + 1)
        x = 4.0
        while x < width:
            thick, tall = rng.uniform(5, 12), rng.uniform(26, 38)
            tone = (rng.uniform(70, 190), rng.uniform(60, 130), rng.uniform(50, 130))
            if rng.random() < 0.88:
                _box(image, x, bottom - 4 - tall, x + thick, bottom - 4, tone)
            x += thick + 1
        _box(image, 0, bottom - 4, width, bottom + 2, wood)


def _paint_park(image: Image, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    _gradient(image, (126, 178, 226), (214, 232, 240), 0.6)
    for depth in range(3):
        green = mix((150, 190, 150), (70, 124, 66), depth / 2)
        top = height * (0.5 + 0.13 * depth)
        hill = bezier(
            (-20, top + 8),
            (width * rng.random(), top - 44),
            (width * rng.random(), top + 30),
            (width + 20, top),
            count=24,
        )
        fill(image, np.concatenate([hill, [[width + 20, height + 4], [-20, height + 4]]]), green)
    for _ in range(6):
        x, top = rng.uniform(0, width), rng.uniform(50, 90)
        _box(image, x - 3, top, x + 3, top + 60, (92, 68, 50))
        for _ in range(6):
            spot = np.array([x + rng.normal(0, 14), top - 6 + rng.normal(0, 11)])
            fill(image, oval(spot, (18, 15)), (50 + 30 * rng.random(), 104 + 40 * rng.random(), 56))


def _paint_night(image: Image, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    _gradient(image, (26, 30, 62), (92, 66, 104))
    for _ in range(14):
        x, w, top = rng.uniform(-10, width), rng.uniform(18, 44), rng.uniform(30, 110)
        _box(image, x, top, x + w, height, scaled((44, 46, 76), rng.uniform(0.7, 1.2)))
    glow: tuple[Colour, ...] = ((250, 206, 120), (250, 150, 110), (130, 200, 236), (236, 130, 170))
    for _ in range(46):
        spot, radius = rng.uniform((0, 20), (width, height)), rng.uniform(2, 6)
        fill(
            image,
            oval(spot, (radius, radius)),
            scaled(glow[rng.integers(4)], rng.uniform(0.5, 0.95)),
        )


def _paint_beach(image: Image, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    _gradient(image, (246, 176, 122), (250, 224, 178), 0.45)
    sun = np.array([rng.uniform(0.15, 0.85) * width, height * 0.3])
    fill(image, oval(sun, (17, 17)), (255, 244, 214))
    _box(image, 0, height * 0.44, width, height * 0.72, (64, 138, 160))
    for _ in range(24):
        x, y = rng.uniform(-20, width), rng.uniform(0.46, 0.7) * height
        _box(image, x, y, x + rng.uniform(14, 46), y + 1.6, (124, 186, 196))
    shore = bezier(
        (-10, height * 0.68), (width * 0.4, height * 0.8), (width + 10, height * 0.66), count=20
    )
    fill(
        image,
        np.concatenate([shore, [[width + 10, height + 4], [-10, height + 4]]]),
        (226, 200, 154),
    )


def _paint_stage(image: Image, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    hue = ((120, 40, 90), (40, 60, 130), (120, 56, 36))[rng.integers(3)]
    _gradient(image, scaled(hue, 0.35), scaled(hue, 0.8))
    for x in np.linspace(0.0, width, 14).tolist():
        _box(image, x, 0, x + 5, height, scaled(hue, rng.uniform(0.45, 0.95)))
    for _ in range(5):
        top, foot = rng.uniform(0, width), rng.uniform(0, width)
        beam = np.zeros_like(image)
        fill(
            beam,
            np.array([[top - 3, 0], [top + 3, 0], [foot + 34, height], [foot - 34, height]]),
            (66, 58, 48),
        )
        cv2.add(image, beam, image)
    _box(image, 0, height * 0.88, width, height, scaled(hue, 0.3))


def _paint_cafe(image: Image, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    brick = mix((168, 96, 72), (150, 132, 118), rng.random())
    image[:] = scaled(brick, 0.72)
    for row in range(14):
        for x in range(-24 + 12 * (row % 2), width, 25):
            _box(image, x, 10 * row, x + 23, 10 * row + 8.4, scaled(brick, rng.uniform(0.78, 1.0)))
    _box(image, 0, height * 0.75, width, height, (70, 50, 42))
    for x in (0.15 * width, 0.38 * width, 0.62 * width, 0.85 * width):
        _box(image, x - 0.8, 0, x + 0.8, 34, (40, 34, 32))
        fill(image, oval(np.array([x, 42.0]), (17, 15)), mix(brick, (255, 220, 150), 0.55))
        fill(image, oval(np.array([x, 42.0]), (8, 9)), (255, 236, 190))


_PAINTERS: tuple[Callable[[Image, np.random.Generator], None], ...] = (
    _paint_room,
    _paint_park,
    _paint_night,
    _paint_library,
    _paint_beach,
    _paint_stage,
    _paint_cafe,
)
