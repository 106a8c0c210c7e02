"""YuNet through OpenVINO, a few pictures at once: for CPUs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import openvino
from numpy.typing import NDArray
from openvino.preprocess import PrePostProcessor

from tracker.cores import cpu_threads
from tracker.detection.yunet_decode import STRIDES, Candidates, padded_size
from tracker.openvino_core import cannot_load, openvino_core

_KINDS = ("cls", "obj", "bbox", "kps")  # of numbers: two scores, box, points
_MOST_STREAMS = 4  # pictures looked at together: each costs memory, 0.1 GB at 1280 x 720


class OpenVinoYuNet:
    """Looks at pictures with the cores of a CPU.

    Several streams with few threads each do more than one with many: layers so small gain
    little from sharing one. Single precision, always: in bfloat16, which OpenVINO would take
    where a CPU has it, boxes move by pixels.
    """

    def __init__(self, weights: Path, min_score: float, threads: int | None = None) -> None:
        """Load the network; it gives cells that score at least `min_score`.

        Args:
            threads: None for `cpu_threads`.

        Raises:
            WeightsError: the file is missing or damaged, or holds another network.
        """
        self._min_score = min_score
        self._threads = cpu_threads() if threads is None else threads
        self._core = openvino_core()
        try:
            model = self._core.read_model(str(weights))
            for kind in _KINDS:
                for name in _output_names(kind):
                    model.output(name)
        except RuntimeError as error:
            raise cannot_load(weights, error) from error
        # Rows of pixels as they are, so that no layer has to turn them into planes.
        steps = PrePostProcessor(model)
        steps.input().tensor().set_layout(openvino.Layout("NHWC"))
        steps.input().model().set_layout(openvino.Layout("NCHW"))
        self._model = steps.build()
        self._size = (0, 0)
        self._slots: list[_Slot] = []

    def look(self, images: Sequence[NDArray[np.uint8]]) -> Iterator[Candidates]:
        """The candidates of each of `images` (H, W, 3), RGB and of one size, in order."""
        if not images:
            return
        slots = self._slots_for(*images[0].shape[:2])
        for number, image in enumerate(images):
            slot = slots[number % len(slots)]
            if number >= len(slots):
                yield slot.finish(self._min_score)
            slot.start(image)
        for number in range(max(0, len(images) - len(slots)), len(images)):
            yield slots[number % len(slots)].finish(self._min_score)

    def _slots_for(self, height: int, width: int) -> list[_Slot]:
        """One more than there are streams, so that none waits for its next picture."""
        size = padded_size(height, width)
        if size != self._size:
            threads_each = math.ceil(self._threads / _MOST_STREAMS)
            streams = self._threads // threads_each
            settings = {
                "NUM_STREAMS": str(streams),
                "INFERENCE_NUM_THREADS": self._threads,
                "INFERENCE_PRECISION_HINT": "f32",
                "ENABLE_CPU_PINNING": False,  # or processes side by side all take the first core
            }
            self._model.reshape([1, *size, 3])
            compiled = self._core.compile_model(self._model, "CPU", settings)
            self._slots = [_Slot(compiled, size) for _ in range(streams + 1)]
            self._size = size
        return self._slots


class _Slot:
    """Room for a picture that the network looks at, and for what it says of it."""

    def __init__(self, compiled: openvino.CompiledModel, size: tuple[int, int]) -> None:
        self._picture = np.zeros((1, *size, 3), np.float32)
        self._request = compiled.create_infer_request()
        self._request.set_input_tensor(openvino.Tensor(self._picture, shared_memory=True))

    def start(self, image: NDArray[np.uint8]) -> None:
        """Let the network look at `image` in the background."""
        height, width = image.shape[:2]
        self._picture[:, height:] = 0  # the last picture may have been larger
        self._picture[:, :, width:] = 0
        self._picture[0, :height, :width] = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        self._request.start_async()

    def finish(self, min_score: float) -> Candidates:
        """Wait for what it says: the cells that score at least `min_score`."""
        self._request.wait()
        classes, objectness, boxes, points = (
            np.concatenate([self._request.get_tensor(name).data[0] for name in _output_names(kind)])
            for kind in _KINDS
        )
        scores = np.sqrt(classes * objectness)[:, 0]
        cells = np.flatnonzero(scores >= min_score)
        return Candidates(cells, scores[cells], boxes[cells], points[cells])


def _output_names(kind: str) -> list[str]:
    """What `kind` of number is called on each level."""
    return [f"{kind}_{stride}" for stride in STRIDES]
