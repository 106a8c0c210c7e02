"""YuNet through every engine that there is here, on frames of T-ara at 1280x720.

All give the same boxes but bfloat16, whose boxes move by up to several pixels.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import openvino
import torch
from numpy.typing import NDArray

from speeds.in_turn import Row, in_turn, printed
from tracker.cores import cpu_threads
from tracker.detection.yunet import YuNetDetector
from tracker.detection.yunet_decode import padded_size
from tracker.records import Frame
from tracker.video.reader import VideoReader

_FRAMES = 16  # as many as the tracker gives its detector at once
_EVERY = 40  # frames of the video
_MIN_SCORE = 0.3
_BATCH = 4

Images = list[NDArray[np.uint8]]
Way = Callable[[], object]


def measure(shared: Path) -> list[Row]:
    """Frames a second of each engine; the first is what one would otherwise run."""
    weights = shared / "weights/yunet_n_dynamic.onnx"
    images = _read(shared / "data/tara/tara.mp4")
    height, width = images[0].shape[:2]
    cores = cpu_threads()
    ways: dict[str, Way] = {
        "OpenCV, its default call": _opencv(weights, images),
        "this tracker": _tracker(weights, images, torch.device("cpu")),
        "OpenVINO, one stream of all cores": _openvino(weights, images, 1, cores),
        f"OpenVINO, batches of {_BATCH}": _openvino(weights, images, _BATCH, cores),
        "OpenVINO, bfloat16": _openvino(weights, images, 1, cores, "bf16"),
    }
    if importlib.util.find_spec("onnxruntime"):
        ways["onnxruntime"] = _onnxruntime(weights, images, cores)
    if torch.cuda.is_available():
        ways["this tracker, on the GPU"] = _tracker(weights, images, torch.device("cuda"))
    return in_turn(f"YuNet, {width}x{height}, {cores} cores", "frames", len(images), ways)


def _read(video: Path) -> Images:
    images: Images = []
    with VideoReader(video) as reader:
        for frame in reader:
            if frame.index % _EVERY == 0:
                images.append(frame.image)
            if len(images) == _FRAMES:
                break
    return images


def _opencv(weights: Path, images: Images) -> Way:
    height, width = images[0].shape[:2]
    network = cv2.FaceDetectorYN.create(str(weights), "", (width, height), _MIN_SCORE, 0.3, 5000)

    def detect() -> None:
        for image in images:
            network.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    return detect


def _tracker(weights: Path, images: Images, device: torch.device) -> Way:
    detector = YuNetDetector(weights, _MIN_SCORE, 1, device)
    frames = [Frame(index, Fraction(index, 25), image) for index, image in enumerate(images)]
    return lambda: detector.detect(frames)


def _openvino(weights: Path, images: Images, batch: int, cores: int, precision: str = "f32") -> Way:
    """Its plainest use: planes go in, one call after the other; nothing is decoded."""
    core = openvino.Core()
    model = core.read_model(str(weights))
    model.reshape([batch, 3, *padded_size(*images[0].shape[:2])])
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": cores,
        "INFERENCE_PRECISION_HINT": precision,
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()

    def infer() -> None:
        for start in range(0, len(images), batch):
            together = [_planes(image) for image in images[start : start + batch]]
            request.infer({0: np.concatenate(together)}, share_inputs=True)

    return infer


def _onnxruntime(weights: Path, images: Images, cores: int) -> Way:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(weights), options, providers=["CPUExecutionProvider"]
    )

    def infer() -> None:
        for image in images:
            session.run(None, {"input": _planes(image)})

    return infer


def _planes(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`image` (H, W, 3) RGB as (1, 3, H', W') BGR, padded."""
    height, width = image.shape[:2]
    planes = np.zeros((1, 3, *padded_size(height, width)), np.float32)
    planes[0, :, :height, :width] = image[:, :, ::-1].transpose(2, 0, 1)
    return planes


if __name__ == "__main__":
    print(printed(measure(Path("../shared"))))
