"""Several networks' outputs made one embedding: the strongest directions of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.embedding.inputs import embed
from tracker.embedding.parts import parts_of
from tracker.embedding.preparation import strongest_directions
from tracker.embedding.training import Lesson

Outputs = Callable[[slice], NDArray[np.float32]]  # (B, W) of some faces, all networks' side by side


def join_outputs(
    lessons: Sequence[Lesson], dim: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The embedding (S, dim) of the faces, and the directions (dim, W) of it; W numbers go in.

    The outputs of all networks, side by side, are centred, divided by the root of the networks'
    number, and projected on their `dim` strongest directions: squared distances become the mean
    of the networks', as far as so many directions hold them.
    """
    outputs, count = _outputs_of(lessons), len(lessons[0].inputs)
    width = outputs(slice(0, 0)).shape[1]
    total, scatter = np.zeros(width), np.zeros((width, width))
    for part in parts_of(count, width):
        some = outputs(part).astype(np.float64)
        total += some.sum(axis=0)
        scatter += some.T @ some
    mean = total / max(count, 1)
    directions = strongest_directions(scatter - count * np.outer(mean, mean), dim)
    centre, root = mean.astype(np.float32), np.float32(len(lessons) ** 0.5)
    joined = np.zeros((count, dim), np.float32)
    for part in parts_of(count, width):
        joined[part] = (outputs(part) - centre) / root @ directions.T
    return joined, directions


def _outputs_of(lessons: Sequence[Lesson]) -> Outputs:
    """What gives the outputs of the networks for a run of faces, however often it is asked.

    Those of one network, which may be a slow CNN, are kept. Several are small heads: computing
    what they say takes no time beside learning it, but all of it is larger than the features.
    """
    if len(lessons) == 1:
        kept = _embedded(lessons[0], np.arange(len(lessons[0].inputs)))
        return lambda part: kept[part]

    def computed(part: slice) -> NDArray[np.float32]:
        faces = np.arange(part.start, part.stop)
        return np.concatenate([_embedded(lesson, faces) for lesson in lessons], axis=1)

    return computed


def _embedded(lesson: Lesson, faces: NDArray[np.int64]) -> NDArray[np.float32]:
    outputs = embed(lesson.network, lesson.inputs, faces)
    return np.asarray(outputs.float().cpu().numpy(), np.float32)
