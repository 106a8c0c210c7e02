"""Light: how a scene is lit, and what that does to a colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.synthetic.pen import Colour, Floats

FRONT = np.array([0.0, 0.0, 1.0])  # the direction of a surface that faces the viewer
_MOST = 1.1  # brightness of a surface that faces the lamp; 1 leaves a colour as it is


@dataclass(frozen=True, slots=True)
class Light:
    """How a scene is lit.

    Attributes:
        towards: (x, y, z) of unit length, to the lamp; y points down, z at the viewer.
        ambient: share of the light that comes from everywhere.
        tint: what white looks like, as factors of red, green, blue.
    """

    towards: tuple[float, float, float] = (-0.45, -0.5, 0.74)
    ambient: float = 0.62
    tint: Colour = (1.0, 1.0, 1.0)


def lit(colour: Colour, light: Light, normal: Floats = FRONT) -> Colour:
    """The colour of a surface that faces along `normal` (3,), in the viewer's directions."""
    shade = float(shading(light, normal))
    red, green, blue = (
        min(255.0, channel * shade * tint) for channel, tint in zip(colour, light.tint, strict=True)
    )
    return red, green, blue


def shading(light: Light, normals: Floats) -> Floats:
    """Brightness (...) of surfaces facing along `normals` (..., 3) of unit length.

    Light wraps around the edge of the shade (half-Lambert), as skin and hair let it.
    """
    facing = 0.5 + 0.5 * (normals @ np.array(light.towards))
    bright: Floats = light.ambient + (_MOST - light.ambient) * facing**2
    return bright
