"""Drawing one person: what is drawn, from the farthest to the nearest."""

from __future__ import annotations

from tracker.synthetic.accessories import draw_beard, draw_glasses
from tracker.synthetic.body import draw_body, draw_ear
from tracker.synthetic.features import draw_brow, draw_eye, draw_mouth, draw_nose
from tracker.synthetic.hair import draw_back_hair, draw_front_hair
from tracker.synthetic.head import Expression, Head, Pose
from tracker.synthetic.light import Light
from tracker.synthetic.pen import Colour, Image
from tracker.synthetic.people import Person
from tracker.synthetic.skin import draw_skin


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
