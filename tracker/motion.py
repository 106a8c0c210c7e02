"""Where boxes are expected next: a constant-velocity Kalman filter each, many boxes at once.

What is known of n boxes in motion is one array of states (11, n), a column a box, in pixels and
frames:

    0 to 3   place: centre x, centre y, width, height
    4 to 7   speed: how much each of these changes a frame
    8 to 10  the variance of a place, its covariance with the speed, the variance of a speed

The four coordinates of a box start out equally unsure, meet the same noise and say nothing about
one another. So the (8, 8) covariance of the textbook filter (Kalman, 1960) is a (2, 2) one, of a
place and its speed, that all four share: three numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Standard deviations as shares of the box height: of a detector's box, and of how much
# a face's speed changes from one frame to the next.
_POSITION_NOISE = 0.05
_VELOCITY_NOISE = 0.02
# And of what was seen once: its place, and its speed, which is anybody's guess.
_FIRST_POSITION_NOISE = 2 * _POSITION_NOISE
_FIRST_VELOCITY_NOISE = 0.2

FloatArray = NDArray[np.float64]


def at_rest(boxes: FloatArray) -> FloatArray:
    """The states (11, n) of `boxes` (n, 4), x1, y1, x2, y2, seen for the first time."""
    states = np.zeros((11, len(boxes)))
    states[:4] = _places(boxes)
    states[8] = (_FIRST_POSITION_NOISE * states[3]) ** 2
    states[10] = (_FIRST_VELOCITY_NOISE * states[3]) ** 2
    return states


def move_on(states: FloatArray) -> FloatArray:
    """`states` (11, n) one frame later, unseen."""
    moved = states.copy()
    moved[:4] += states[4:8]
    moved[9] += states[10]
    moved[8] += states[9] + moved[9]
    moved[10] += (_VELOCITY_NOISE * np.maximum(states[3], 1.0)) ** 2
    return moved


def expected_boxes(states: FloatArray) -> FloatArray:
    """The boxes (n, 4), x1, y1, x2, y2, of `states` (11, n): at least a pixel wide and high."""
    half = np.maximum(states[2:4], 1.0) / 2
    return np.concatenate([states[:2] - half, states[:2] + half]).T


def observe(states: FloatArray, boxes: FloatArray) -> FloatArray:
    """`states` (11, n) after their `boxes` (n, 4), x1, y1, x2, y2, have been seen, in that order.

    Each box must be higher than nothing: how far it may be wrong is a share of its height.
    """
    seen = _places(boxes)
    place, speed, (variance, covariance, speed_variance) = states[:4], states[4:8], states[8:]
    noise = (_POSITION_NOISE * seen[3]) ** 2
    total = variance + noise
    surprise = (seen - place) / total
    observed = np.empty_like(states)
    observed[:4] = place + variance * surprise
    observed[4:8] = speed + covariance * surprise
    observed[8:10] = states[8:10] * (noise / total)
    observed[10] = speed_variance - covariance**2 / total
    return observed


def _places(boxes: FloatArray) -> FloatArray:
    """Centre x, centre y, width and height (4, n) of `boxes` (n, 4)."""
    first, last = boxes.T[:2], boxes.T[2:]
    return np.concatenate([(first + last) / 2, last - first])
