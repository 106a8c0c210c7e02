"""Filming the script: every frame, and where every face in it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.synthetic.acting import expression_at, pose_at
from tracker.synthetic.body import body_outline, neck_outline
from tracker.synthetic.faces import draw_person
from tracker.synthetic.hair import hair_outline
from tracker.synthetic.head import Expression, Head, Pose
from tracker.synthetic.light import Light
from tracker.synthetic.pen import Image, Points
from tracker.synthetic.people import Person, draw_cast, invent_person
from tracker.synthetic.scenery import draw_light, draw_place
from tracker.synthetic.script import Scene, write_script
from tracker.synthetic.settings import SynthConfig

OVERSAMPLING = 2  # everything is drawn this much larger, then shrunk
CAMERA_ROOM = 1.1  # how much larger than the picture a place is, for the camera to drift over
MIN_VISIBLE = 0.5  # a face of which less is seen is not in the truth
GRAIN_ROOM_PX = 64  # how far the sheet of grain is shifted from frame to frame
_COVER_CELLS = 32  # a side of the grid on which a face is asked what covers it

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class TrueFace:
    """A face that can be seen in a frame.

    Attributes:
        person: from 1.
        box: x1, y1, x2, y2 in pixels, cut off at the picture's edge.
    """

    person: int
    box: Box


def make_cast(config: SynthConfig) -> tuple[Person, ...]:
    """The people of a video; person n of its truth is number n - 1."""
    return draw_cast(config.people, np.random.default_rng([config.seed, 0]))


def draw_frames(config: SynthConfig) -> Iterator[tuple[Image, tuple[TrueFace, ...]]]:
    """Yield every frame and the faces to be seen in it, ordered by person.

    A face is in the truth while at least half of its box lies inside the picture and is not
    covered by someone nearer. Over a dissolve that is asked of the shot that shows more.
    """
    cast = make_cast(config)
    grain = Grain(config)
    script = write_script(config)
    before: FilmSet | None = None
    here: FilmSet | None = FilmSet(next(script), cast, config)
    while here is not None:
        scene = next(script, None)
        after = FilmSet(scene, cast, config) if scene else None
        for frame in range(here.scene.shot.start, here.scene.shot.stop):
            yield grain.over(_dissolved(before, here, after, frame)), here.faces(frame)
        before, here = here, after


def draw_portrait(
    person_seed: int,
    size: int = 200,
    yaw_deg: float = 0.0,
    pitch_deg: float = 0.0,
    roll_deg: float = 0.0,
    expression: Expression | None = None,
    light: Light | None = None,
) -> tuple[Image, Box]:
    """A square picture of one person, the same for a seed whatever the pose, and the face's box.

    Args:
        size: side of the picture in pixels; the face is about half as high.
    """
    person = invent_person("", np.random.default_rng([person_seed, 5]))
    image: Image = np.full((size * OVERSAMPLING, size * OVERSAMPLING, 3), (172, 186, 196), np.uint8)
    pose = Pose(size / 2, size * 0.48, size * 0.48, yaw_deg, pitch_deg, roll_deg)
    look = expression or Expression()
    draw_person(image, person, _enlarged(pose), look, light or Light(), person.wardrobe[0])
    return _shrunk(image), Head(pose, person.face_width, person.jaw_width).face_box()


class FilmSet:
    """One shot ready to be filmed: its scene, its light and its painted background."""

    def __init__(self, scene: Scene, cast: tuple[Person, ...], config: SynthConfig) -> None:
        self.scene = scene
        self._cast = cast
        self._rate = config.frame_rate
        self._size = np.array([config.width, config.height])
        self._light = draw_light(scene.seed, config.variation)
        width, height = (int(side) for side in self._size * OVERSAMPLING * CAMERA_ROOM)
        self._backdrop = draw_place(scene.place, config.seed, width, height, self._light)
        room = (width, height) - self._size * OVERSAMPLING
        self._camera = np.random.default_rng([scene.seed, 6]).uniform(0.0, 1.0, (2, 2)) * room

    def draw(self, frame: int) -> Image:
        """The picture of `frame`, which may lie a little outside the shot (in a dissolve)."""
        shot, time_s = self.scene.shot, self._time_s(frame)
        share = np.clip((frame - shot.start) / (shot.stop - shot.start), 0, 1)
        left, top = (self._camera[0] * (1 - share) + self._camera[1] * share).astype(int)
        width, height = self._size * OVERSAMPLING
        image = self._backdrop[top : top + height, left : left + width].copy()
        for actor in self.scene.actors:
            person, pose = self._cast[actor.person], _enlarged(pose_at(actor, time_s))
            look, outfit = expression_at(actor, time_s), person.wardrobe[actor.outfit]
            draw_person(image, person, pose, look, self._light, outfit)
        return _shrunk(image)

    def faces(self, frame: int) -> tuple[TrueFace, ...]:
        """The faces of which enough is seen in `frame`, ordered by person."""
        time_s = self._time_s(frame)
        found, nearer = [], list[Points]()
        for actor in reversed(self.scene.actors):
            person = self._cast[actor.person]
            head = Head(pose_at(actor, time_s), person.face_width, person.jaw_width)
            box = head.face_box()
            if visible_share(box, nearer, self._size) >= MIN_VISIBLE:
                found.append(TrueFace(actor.person + 1, _cut_off(box, self._size)))
            nearer += [hair_outline(person, head), neck_outline(head), body_outline(head)]
        return tuple(sorted(found, key=lambda face: face.person))

    def _time_s(self, frame: int) -> float:
        return float((frame - self.scene.shot.start) / self._rate)


class Grain:
    """The noise of the film: one sheet, shifted at random from frame to frame."""

    def __init__(self, config: SynthConfig) -> None:
        self._rng = np.random.default_rng([config.seed, 4])
        shape = (config.height + GRAIN_ROOM_PX, config.width + GRAIN_ROOM_PX, 1)
        sheet = np.round(self._rng.normal(0, config.grain, shape)).astype(np.int16)
        self._sheet = sheet.repeat(3, axis=2)

    def over(self, image: Image) -> Image:
        """`image` with grain."""
        top, left = self._rng.integers(GRAIN_ROOM_PX, size=2)
        height, width = image.shape[:2]
        noise = self._sheet[top : top + height, left : left + width]
        return np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), np.uint8)


def visible_share(box: Box, covers: list[Points], picture: NDArray[np.int64]) -> float:
    """How much of `box` lies inside the picture (width, height) and under none of `covers`."""
    low, high = np.array(box[:2]), np.array(box[2:])
    mask = np.ones((_COVER_CELLS, _COVER_CELLS), np.uint8)
    scale = _COVER_CELLS / (high - low)
    columns, rows = ((np.arange(_COVER_CELLS) + 0.5) / scale[axis] + low[axis] for axis in (0, 1))
    mask[(rows < 0) | (rows >= picture[1])] = 0
    mask[:, (columns < 0) | (columns >= picture[0])] = 0
    for outline in covers:
        cv2.fillPoly(mask, [np.round((outline - low) * scale - 0.5).astype(np.int32)], 0)
    return float(mask.mean())


def _cut_off(box: Box, picture: NDArray[np.int64]) -> Box:
    width, height = (float(side) for side in picture)
    x1, y1, x2, y2 = box
    return max(0.0, x1), max(0.0, y1), min(width, x2), min(height, y2)


def _enlarged(pose: Pose) -> Pose:
    x, y, face_px = (OVERSAMPLING * value for value in (pose.x, pose.y, pose.face_px))
    return Pose(x, y, face_px, pose.yaw_deg, pose.pitch_deg, pose.roll_deg)


def _shrunk(image: Image) -> Image:
    size = image.shape[1] // OVERSAMPLING, image.shape[0] // OVERSAMPLING
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _dissolved(before: FilmSet | None, here: FilmSet, after: FilmSet | None, frame: int) -> Image:
    """The picture of `frame`, blended with its neighbour where it lies in a dissolve."""
    image = here.draw(frame)
    for first, second in ((before, here), (here, after)):
        if first is None or second is None:
            continue
        half, middle = second.scene.fade_frames, second.scene.shot.start
        if abs(frame + 0.5 - middle) < half:
            share = 0.5 + (frame + 0.5 - middle) / (2 * half)
            other = second.draw(frame) if first is here else first.draw(frame)
            weight = share if first is here else 1 - share
            image = np.asarray(cv2.addWeighted(other, weight, image, 1 - weight, 0), np.uint8)
    return image
