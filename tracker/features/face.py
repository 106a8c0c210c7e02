"""A face network: Open Model Zoo's face-reidentification-retail-0095, through OpenVINO."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

from tracker.errors import WeightsError
from tracker.features.crops import ALIGNED_SIDE

FACE_SIZE = 256


class FaceNetwork:
    """256-D vectors of unit length; the angle between two tells whether they are one person."""

    def __init__(self, weights: Path) -> None:
        """Load the network from its `.xml`, with the `.bin` beside it."""
        core = openvino.Core()
        try:
            self._network = core.compile_model(
                str(weights), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
            )
        except RuntimeError as error:
            raise WeightsError(f"OpenVINO cannot load {weights}: {error}") from error

    def describe(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """One vector (S, 256) of unit length for each aligned crop (S, 128, 128, 3) RGB.

        Each face is described as it is and mirrored, and the mean taken: one cheek in the light
        and the other in the dark are one face.
        """
        assert images.shape[1:] == (ALIGNED_SIDE, ALIGNED_SIDE, 3), "crops of another kind"
        vectors = np.zeros((len(images), FACE_SIZE), np.float32)
        for index, image in enumerate(images):
            planes = image[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)  # BGR
            vectors[index] = self._describe_one(planes) + self._describe_one(planes[..., ::-1])
        return _unit_length(vectors)

    def _describe_one(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """The vector (1, 256) of unit length of one picture (1, 3, 128, 128)."""
        output = self._network(np.ascontiguousarray(planes))[0]
        return _unit_length(np.asarray(output, np.float32).reshape(1, FACE_SIZE))


def _unit_length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), np.float32)
