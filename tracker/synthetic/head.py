"""The head in space: a smooth surface that turns, and where its points fall in the picture.

Head units: the crown is at y = -1, the chin at y = 1; x points to the picture's right and z
at the viewer. The surface is a stack of ellipses, one for each height y.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tracker.synthetic.pen import Floats, Points

FACE_TOP = -0.66  # where a face box begins, in head units
FACE_BOTTOM = 1.04
FACE_AZIMUTH_DEG = 66.0  # how far round the head a face box reaches
FACE_HEIGHT = FACE_BOTTOM - FACE_TOP

_EDGE = np.radians(84.0)  # azimuth, to the viewer, beyond which the head hides itself
_BEND = np.radians(np.linspace(3, 90, 12))  # the cranium is an ellipsoid down to y = -0.25
_Y = np.concatenate([-0.25 - 0.75 * np.cos(_BEND), [0, 0.25, 0.45, 0.62, 0.76, 0.88, 0.96, 1]])
_WIDTH = np.append(0.73 * np.sin(_BEND), [0.725, 0.69, 0.64, 0.56, 0.46, 0.34, 0.22, 0.1])
_FRONT = np.append(0.78 * np.sin(_BEND) ** 0.9, [0.78, 0.78, 0.78, 0.76, 0.73, 0.68, 0.60, 0.5])
_CENTRE = np.append(np.zeros(12), [0, 0.05, 0.12, 0.2, 0.26, 0.31, 0.34, 0.36])


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a head is and how it is turned.

    Attributes:
        x: of the head's centre, between crown and chin, in pixels.
        y: the same.
        face_px: height of an upright face, hairline to chin, in pixels.
        yaw_deg: positive turns the face to the picture's right.
        pitch_deg: positive nods down.
        roll_deg: positive leans clockwise.
    """

    x: float
    y: float
    face_px: float
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0


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


class Head:
    """A head of some shape in some pose: it takes head coordinates to the picture."""

    def __init__(self, pose: Pose, face_width: float, jaw_width: float) -> None:
        self.unit_px = pose.face_px / FACE_HEIGHT
        self.centre = np.array([pose.x, pose.y])
        self.yaw = np.radians(pose.yaw_deg)
        self._turn = _rotation(self.yaw, np.radians(pose.pitch_deg), np.radians(pose.roll_deg))
        jaw = np.clip((_Y - 0.05) / 0.6, 0, 1)
        self._width = _WIDTH * face_width * (1 + (jaw_width - 1) * jaw)

    def half_width(self, y: Floats) -> Floats:
        """How far the surface reaches sideways at heights `y`."""
        return np.interp(y, _Y, self._width)

    def surface(self, azimuth: Floats, y: Floats, swell: float = 1.0) -> Floats:
        """Points (..., 3) at an azimuth (radians, 0 in front) and height, blown up by `swell`."""
        azimuth, y = np.broadcast_arrays(azimuth, y)
        inner = np.clip(y, -1, 1)
        centre = np.interp(inner, _Y, _CENTRE)
        depth = np.interp(inner, _Y, _FRONT) - centre
        x = self.half_width(inner) * np.sin(azimuth) * swell
        z = centre + depth * np.cos(azimuth) * swell
        return np.stack([x, np.where(y < 0, y * swell, y), z], axis=-1)

    def on_face(self, x: Floats | float, y: Floats | float, lift: Floats | float = 0.0) -> Points:
        """Pixels (K, 2) of points given as a frontal view shows them, raised by `lift`.

        What has turned out of sight is drawn in to the edge that hides it.
        """
        x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        azimuth = np.arcsin(np.clip(x / self.half_width(y), -1, 1))
        return self.around(azimuth, y, lift)

    def around(self, azimuth: Floats, y: Floats, lift: Floats | float = 0.0) -> Points:
        """Pixels (K, 2) of points at azimuths (radians, 0 in front); as `on_face` otherwise."""
        azimuth = np.clip(azimuth, -_EDGE - self.yaw, _EDGE - self.yaw)
        points = self.surface(azimuth, y)
        points[..., 2] += lift
        return self.project(points)

    def project(self, points: Floats) -> Points:
        """Pixels (..., 2) of points (..., 3)."""
        flat: Points = self.centre + self.unit_px * self.turned(points)[..., :2]
        return flat

    def turned(self, points: Floats) -> Floats:
        """Points or directions (..., 3) as the viewer has them; z > 0 is near."""
        near: Floats = points @ self._turn.T
        return near

    def outline(self, swell: float = 1.0) -> Points:
        """The silhouette (K, 2) of the head, in pixels."""
        azimuth = np.linspace(-np.pi, np.pi, 40, endpoint=False)
        return convex_hull(self.project(self.surface(azimuth[None], _Y[:, None], swell)))

    def face_box(self) -> tuple[float, float, float, float]:
        """x1, y1, x2, y2 around the face: hairline to chin, nearly ear to ear."""
        y = np.linspace(FACE_TOP, FACE_BOTTOM, 12)
        azimuth = np.radians(FACE_AZIMUTH_DEG) * np.array([-1, -0.7, -0.3, 0, 0.3, 0.7, 1])
        points = self.project(self.surface(azimuth[None], y[:, None])).reshape(-1, 2)
        (x1, y1), (x2, y2) = points.min(axis=0), points.max(axis=0)
        return float(x1), float(y1), float(x2), float(y2)


def convex_hull(points: Points) -> Points:
    """The hull (K, 2) of points (..., 2)."""
    hull = cv2.convexHull(points.reshape(-1, 2).astype(np.float32))
    return np.asarray(hull[:, 0], np.float64)


def _rotation(yaw: float, pitch: float, roll: float) -> Floats:
    """First yaw about the neck, then pitch, then roll in the picture."""
    cos, sin = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    about_neck = np.array([[cos[0], 0, sin[0]], [0, 1, 0], [-sin[0], 0, cos[0]]])
    nod = np.array([[1, 0, 0], [0, cos[1], sin[1]], [0, -sin[1], cos[1]]])
    lean = np.array([[cos[2], -sin[2], 0], [sin[2], cos[2], 0], [0, 0, 1]])
    turn: Floats = lean @ nod @ about_neck
    return turn
