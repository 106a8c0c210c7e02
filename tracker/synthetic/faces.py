"""Drawing one person: skin, eyes, brows, nose and mouth, and the order of everything else."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tracker.synthetic.accessories import draw_beard, draw_glasses
from tracker.synthetic.body import draw_body, draw_ear
from tracker.synthetic.hair import draw_back_hair, draw_front_hair
from tracker.synthetic.head import Floats, Head, Light, Pose, lit, shading
from tracker.synthetic.pen import Colour, Image, Points, bezier, fill, mix, oval, scaled, stroke
from tracker.synthetic.people import Person

_FRONT = np.array([0.0, 0.0, 1.0])
_CHEEKS = np.array([[-0.4, 0.36], [0.4, 0.36]])
_JAW = np.array(
    [
        [x, y]
        for x, y in (
            (0.58, 0.3),
            (0.52, 0.52),
            (0.4, 0.74),
            (0.2, 0.9),
            (0.0, 0.92),
            (0.2, 0.5),
            (0.0, 0.5),
        )
    ]
    + [[-x, y] for x, y in ((0.58, 0.3), (0.52, 0.52), (0.4, 0.74), (0.2, 0.9), (0.2, 0.5))]
)
_SKIN_CELLS = (40, 32)  # rows, columns of the grid that the skin's shading is computed on


@dataclass(frozen=True, slots=True)
class Expression:
    """What a face does.

    Attributes:
        closed: 0 eyes open, 1 shut.
        talking: 0 mouth shut, 1 wide open.
        smile: -1 to 1.
        gaze: -1 to 1, to the picture's left or right.
    """

    closed: float = 0.0
    talking: float = 0.0
    smile: float = 0.4
    gaze: float = 0.0


def draw_person(
    image: Image, person: Person, pose: Pose, expression: Expression, light: Light, outfit: Colour
) -> None:
    """Draw a person from the head to the lower edge of the picture, over what is there."""
    head = Head(pose, person.face_width, person.jaw_width)
    draw_back_hair(image, person, head, light)
    draw_body(image, person, head, light, outfit)
    for side in (-1, 1):
        draw_ear(image, person, head, light, side, near=False)
    draw_skin(image, person, head, light)
    for side in (-1, 1):
        draw_ear(image, person, head, light, side, near=True)
    draw_beard(image, person, head, light)
    draw_mouth(image, person, head, light, expression)
    draw_nose(image, person, head, light)
    for side in (-1, 1):
        draw_eye(image, person, head, light, side, expression)
        draw_brow(image, person, head, light, side, expression)
    draw_front_hair(image, person, head, light)
    draw_glasses(image, person, head, light)


def draw_skin(image: Image, person: Person, head: Head, light: Light) -> None:
    """Fill the head with softly shaded skin, a blush on the cheeks, and an edge line."""
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
    edge = lit(scaled(person.skin, 0.74), light, _FRONT)
    stroke(image, outline, edge, 0.022 * head.unit_px, closed=True)


def _shaded_cells(person: Person, head: Head, light: Light, low: Floats, high: Floats) -> Image:
    """A small picture of the skin over the box from `low` to `high`, as if it had no edge."""
    rows, columns = _SKIN_CELLS
    x = low[0] + (np.arange(columns) + 0.5) / columns * (high[0] - low[0])
    y = low[1] + (np.arange(rows) + 0.5) / rows * (high[1] - low[1])
    pixels = np.stack(np.meshgrid(x, y), axis=-1)
    across, down = np.moveaxis((pixels - head.centre) / head.unit_px, -1, 0)
    normals = np.stack([across / 0.58, down / 1.5, np.zeros_like(across)], axis=-1)
    normals /= np.maximum(1, np.linalg.norm(normals, axis=-1, keepdims=True))
    normals[..., 2] = np.sqrt(np.clip(1 - (normals**2).sum(axis=-1), 0, 1))
    shade = shading(light, normals.reshape(-1, 3)).reshape(rows, columns, 1)
    colour = np.broadcast_to(np.array(person.skin), pixels.shape[:2] + (3,))
    rosy = mix(person.skin, (226, 96, 84), 0.8)
    colour = _dabbed(colour, pixels, head, _CHEEKS, 0.2, rosy, 0.32 if person.made_up else 0.2)
    if person.beard == "stubble":
        colour = _dabbed(colour, pixels, head, _JAW, 0.17, scaled(person.hair_colour, 0.7), 0.3)
    colour = colour * shade
    colour *= np.array(light.tint) * shade ** np.array([-0.1, 0.05, 0.15])
    return np.clip(colour, 0, 255).astype(np.uint8)


def _dabbed(
    colour: Floats,
    pixels: Floats,
    head: Head,
    spots: Points,
    radius: float,
    dab: Colour,
    share: float,
) -> Floats:
    """`colour` (rows, columns, 3) with soft dabs of another colour at `spots` on the face."""
    places = head.on_face(spots[:, 0], spots[:, 1])
    squared = ((pixels[:, :, None] - places) ** 2).sum(axis=-1) / (radius * head.unit_px) ** 2
    weight = share * np.exp(-squared).max(axis=2)[..., None]
    mixed: Floats = colour * (1 - weight) + np.array(dab) * weight
    return mixed


def draw_eye(
    image: Image, person: Person, head: Head, light: Light, side: int, expression: Expression
) -> None:
    """Draw white, iris, pupil, glint, lashes and the fold of the lid."""
    half, open_share = 0.16 * person.eye_size, 1 - 0.95 * expression.closed
    x, y = side * 0.315 * person.eye_spacing, 0.0
    u = np.linspace(-1, 1, 15)
    upper = -0.096 * person.eye_size * open_share * (1 - u**2) ** 0.7
    lower = 0.06 * person.eye_size * (1 - u**2) ** 0.8
    slant = -0.012 * u * side

    def place(across: Floats, down: Floats) -> Points:
        return head.on_face(x + half * across, y + down, 0.02)

    white = lit((250, 248, 244), light, _FRONT)
    almond = np.concatenate([place(u, upper + slant), place(u[::-1], (lower + slant)[::-1])])
    fill(image, almond, white)
    gaze = 0.22 * expression.gaze
    for radius, colour in ((0.09, person.eye_colour), (0.045, (22.0, 18.0, 20.0))):
        circle = oval(
            np.array([gaze, -0.012]), (radius * person.eye_size / half, radius * person.eye_size)
        )
        across = np.clip(circle[:, 0], -1, 1)
        down = np.clip(circle[:, 1], np.interp(across, u, upper), np.interp(across, u, lower))
        fill(image, place(across, down), lit(colour, light, _FRONT))
    if expression.closed < 0.5:
        glint = place(np.array([gaze - 0.16]), np.array([-0.04]))[0]
        fill(image, oval(glint, (0.02 * head.unit_px,) * 2), white)
    lash = lit(mix(scaled(person.skin, 0.3), (30, 20, 20), 0.6), light, _FRONT)
    stroke(
        image,
        place(u * 1.04, upper + slant),
        lash,
        (0.045 if person.made_up else 0.032) * head.unit_px,
    )
    fold = lit(scaled(person.skin, 0.72), light, _FRONT)
    stroke(image, place(u, -0.045 - 0.075 * (1 - u**2) + slant), fold, 0.014 * head.unit_px)
    stroke(image, place(u * 0.9, lower + slant + 0.01), fold, 0.012 * head.unit_px)


def draw_brow(
    image: Image, person: Person, head: Head, light: Light, side: int, expression: Expression
) -> None:
    """Draw a tapering brow."""
    u = np.linspace(0, 1, 12)  # from the nose outwards
    x = side * (0.14 + 0.36 * u) * person.eye_spacing
    raised = 0.02 * expression.talking
    arch = 0.055 * person.brow_arch * np.sin(np.pi * np.clip(u * 1.15, 0, 1)) ** 1.0
    y = -0.215 - raised - arch + 0.05 * person.brow_tilt * (u - 0.5) * 2
    thick = (
        0.036 * person.brow_width * np.sqrt(np.clip(1.15 - u, 0, 1)) * np.clip(u * 6 + 0.5, 0, 1)
    )
    colour = person.hair_colour if person.hair != "beanie" else scaled(person.hair_colour, 0.9)
    colour = mix(scaled(colour, 0.72), scaled(person.skin, 0.4), 0.25)
    outline = np.concatenate(
        [head.on_face(x, y - thick, 0.03), head.on_face(x[::-1], (y + thick)[::-1], 0.03)]
    )
    fill(image, outline, lit(colour, light, _FRONT))


def draw_nose(image: Image, person: Person, head: Head, light: Light) -> None:
    """Draw the nose by its shaded side, its tip and its nostrils."""
    wide, long = 0.12 * person.nose_width, 0.36 * person.nose_length
    shadow = lit(scaled(person.skin, 0.86), light, _FRONT)
    dark = lit(scaled(person.skin, 0.6), light, _FRONT)
    bright = lit(mix(person.skin, (255, 250, 240), 0.45), light, _FRONT)
    side = 1 if light.towards[0] < 0 else -1
    bridge = head.on_face(
        side * np.array([0.06, 0.05, wide]), [-0.06, 0.12, long - 0.03], [0.03, 0.1, 0.08]
    )
    ridge = head.on_face(side * np.array([0.03, 0.0]), [long - 0.02, 0.0], [0.2, 0.1])
    fill(image, np.concatenate([bridge, ridge]), shadow)
    alar = bezier((-wide, long - 0.07), (-wide * 1.25, long + 0.03), (-wide * 0.4, long + 0.035))
    base = bezier((-wide * 0.4, long + 0.03), (0, long + 0.09), (wide * 0.4, long + 0.03))
    line = np.concatenate([alar, base, alar[::-1] * (-1, 1)])
    lift = 0.09 + 0.09 * (1 - np.abs(line[:, 0]) / (1.3 * wide))
    stroke(image, head.on_face(line[:, 0], line[:, 1], lift), dark, 0.02 * head.unit_px)
    for nostril in (-1, 1):
        spot = oval(np.array([nostril * wide * 0.48, long + 0.025]), (0.034, 0.016))
        fill(image, head.on_face(spot[:, 0], spot[:, 1], 0.13), dark)
    tip = oval(np.array([-side * 0.02, long - 0.06]), (0.035, 0.028))
    fill(image, head.on_face(tip[:, 0], tip[:, 1], 0.2), bright)


def draw_mouth(
    image: Image, person: Person, head: Head, light: Light, expression: Expression
) -> None:
    """Draw two lips, and teeth and tongue between them when they part."""
    half = 0.25 * person.mouth_width * (1 + 0.08 * expression.smile - 0.15 * expression.talking)
    full, gap = 0.055 * person.lip_fullness, 0.13 * expression.talking
    corner = 0.62 - 0.045 * expression.smile
    middle = 0.63
    lip = mix(mix(person.skin, (188, 72, 76), 0.45), (190, 36, 60), 0.45 if person.made_up else 0.0)
    lip = lit(lip, light, _FRONT)
    seam = bezier(
        (-half, corner),
        (-half * 0.4, middle + 0.02),
        (half * 0.4, middle + 0.02),
        (half, corner),
        count=17,
    )
    bow = np.concatenate(
        [
            bezier(
                (-half, corner),
                (-half * 0.4, middle - full * 1.3),
                (0, middle - full * 0.7),
                count=9,
            ),
            bezier(
                (0, middle - full * 0.7), (half * 0.4, middle - full * 1.3), (half, corner), count=9
            )[1:],
        ]
    )
    bottom = bezier(
        (-half, corner),
        (-half * 0.5, middle + 2.2 * full + gap * 1.3),
        (half * 0.5, middle + 2.2 * full + gap * 1.3),
        (half, corner),
        count=17,
    )
    chin_side = bezier(
        (-half, corner),
        (-half * 0.5, middle + gap * 1.4),
        (half * 0.5, middle + gap * 1.4),
        (half, corner),
        count=17,
    )

    def place(line: Points) -> Points:
        return head.on_face(line[:, 0], line[:, 1], 0.05)

    fill(image, place(np.concatenate([bow, bottom[::-1]])), lip)
    if gap > 0.012:
        fill(
            image, place(np.concatenate([seam, chin_side[::-1]])), lit((84, 26, 32), light, _FRONT)
        )
        teeth = np.stack([seam[3:-3, 0], seam[3:-3, 1] + np.minimum(0.03, 0.4 * gap)], axis=1)
        fill(
            image,
            place(np.concatenate([seam[3:-3], teeth[::-1]])),
            lit((246, 242, 234), light, _FRONT),
        )
    stroke(
        image,
        place(seam),
        lit(scaled(mix(person.skin, (120, 40, 44), 0.5), 0.6), light, _FRONT),
        0.02 * head.unit_px,
    )
