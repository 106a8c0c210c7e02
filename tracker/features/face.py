"""A face network: Open Model Zoo's face-reidentification-retail-0095.

Each face is described as it is and mirrored, and the mean taken: one cheek in the light and the
other in the dark are one face.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino
import torch
from numpy.typing import NDArray
from openvino.preprocess import ColorFormat, PrePostProcessor

from tracker.cores import cpu_threads
from tracker.errors import WeightsError
from tracker.features.crops import ALIGNED_SIDE
from tracker.networks import NETWORKS, InputPreparation
from tracker.openvino_core import openvino_core
from tracker.openvino_ir import read_ir

FACE_SIZE = 256


class FaceNetwork:
    """256-D vectors of unit length; the angle between two tells whether they are one person.

    On the CPU, through OpenVINO: as many pictures at a time as there are threads, each by one.
    """

    def __init__(self, weights: Path) -> None:
        """Load the network from its `.xml`, with the `.bin` beside it.

        Raises:
            WeightsError: a file is missing or damaged.
        """
        core = openvino_core()
        settings = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_NUM_THREADS": cpu_threads(),
            "INFERENCE_PRECISION_HINT": "f32",
            # Bound to cores, two processes of one thread each would share the first.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            network = core.compile_model(_of_pixels(core.read_model(weights)), "CPU", settings)
        except RuntimeError as error:
            raise WeightsError(f"OpenVINO cannot load {weights}: {error}") from error
        self._queue = openvino.AsyncInferQueue(network)

    def describe(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """One vector (S, 256) of unit length for each aligned crop (S, 128, 128, 3) RGB."""
        _check_shape(images)
        vectors = np.zeros((2, len(images), FACE_SIZE), np.float32)

        def keep(request: openvino.InferRequest, place: tuple[int, int]) -> None:
            vectors[place] = request.get_output_tensor(0).data.ravel()

        self._queue.set_callback(keep)
        for index, image in enumerate(images):
            for side, picture in enumerate((image, image[:, ::-1])):
                self._queue.start_async({0: np.ascontiguousarray(picture[None])}, (side, index))
        self._queue.wait_all()
        return _mean_direction(vectors)


class TorchFaceNetwork:
    """The same as a torch module, for a GPU: many pictures at once."""

    def __init__(
        self, weights: Path, device: torch.device, precision: torch.dtype = torch.float16
    ) -> None:
        """Load the network from its `.xml`, with the `.bin` beside it.

        Args:
            precision: of its sums; half changes no angle between two vectors by more than 1e-3.

        Raises:
            WeightsError: a file is missing or damaged.
        """
        self._network = read_ir(weights).eval().to(device, precision)
        self._prepare = InputPreparation(NETWORKS["face"].inputs).to(device)
        self._device, self._precision = device, precision

    @torch.inference_mode()
    def describe(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """One vector (S, 256) of unit length for each aligned crop (S, 128, 128, 3) RGB.

        All are computed at once: give it few at a time.
        """
        _check_shape(images)
        if not len(images):
            return np.zeros((0, FACE_SIZE), np.float32)
        pictures = torch.tensor(images, device=self._device).permute(0, 3, 1, 2).float() / 255
        prepared = self._prepare(pictures).to(self._precision)
        vectors = [self._network(pictures) for pictures in (prepared, prepared.flip(3))]
        return _mean_direction(torch.stack(vectors).float().cpu().numpy())


def _of_pixels(model: openvino.Model) -> openvino.Model:
    """`model` with pictures (1, 128, 128, 3) RGB uint8 for its input: it makes them what it was."""
    steps = PrePostProcessor(model)
    pixels = steps.input().tensor().set_element_type(openvino.Type.u8)
    pixels.set_layout(openvino.Layout("NHWC")).set_color_format(ColorFormat.RGB)
    steps.input().preprocess().convert_element_type(openvino.Type.f32).convert_color(
        ColorFormat.BGR
    )
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    return steps.build()


def _check_shape(images: NDArray[np.uint8]) -> None:
    assert images.shape[1:] == (ALIGNED_SIDE, ALIGNED_SIDE, 3), "crops of another kind"


def _mean_direction(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean direction (S, 256) of each face, of `vectors` (2, S, 256) of its two pictures."""
    return _unit_length(_unit_length(vectors).sum(axis=0))


def _unit_length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), np.float32)
