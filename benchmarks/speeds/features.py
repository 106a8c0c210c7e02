"""Face crops → vectors: HOG beside scikit-image's, the face network beside a request a picture.

python benchmarks/speeds/features.py
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import openvino
import torch
from numpy.typing import NDArray
from skimage.feature import hog

from speeds.in_turn import Row, in_turn, printed
from tracker.features.choose import Describer, FeatureChoice, describe_crops, load_describer
from tracker.features.crops import ALIGNED_SIDE, UPRIGHT_SIDE
from tracker.features.face import FACE_SIZE, TorchFaceNetwork
from tracker.video.reader import VideoReader

CPU = torch.device("cpu")
HOG_CROPS, FACE_CROPS = 512, 64
FRAMES = 8


def measure(shared: Path) -> list[Row]:
    """HOG and the face network on the CPU, on pieces of T-ara as large as crops of faces."""
    with VideoReader(shared / "data/tara/tara.mp4") as reader:
        frames = [frame.image for frame in islice(reader, 0, FRAMES * 25, 25)]
    return [*measure_hog(frames), *measure_face(frames, shared / "weights")]


def measure_hog(frames: list[NDArray[np.uint8]]) -> list[Row]:
    """Ours beside scikit-image's."""
    crops = pieces(frames, HOG_CROPS, UPRIGHT_SIDE)
    ours = load_describer(FeatureChoice("hog", False, False, (), (), ""), CPU)
    ways = {
        "scikit-image, one crop at a time": lambda: hog_one_by_one(crops),
        "tracker": lambda: in_parts(ours, crops),
    }
    assert_alike(ways)
    return in_turn("HOG, 100x100", "crops", HOG_CROPS, ways)


def measure_face(frames: list[NDArray[np.uint8]], weights: Path) -> list[Row]:
    """Ours beside one request a picture, as before; and what a GPU gets, here on the CPU."""
    crops = pieces(frames, FACE_CROPS, ALIGNED_SIDE)
    path = weights / "face-reidentification-retail-0095.xml"
    one = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    ours = load_describer(FeatureChoice("face", True, True, (path,), (), ""), CPU)
    by_torch = TorchFaceNetwork(path, CPU, torch.float32)
    ways = {
        "OpenVINO, one picture at a time": lambda: faces_one_by_one(one, crops),
        "tracker": lambda: in_parts(ours, crops),
        "tracker's torch module": lambda: in_parts(Describer(FACE_SIZE, by_torch.describe), crops),
    }
    assert_alike(ways)
    return in_turn("face network, 128x128 and mirrored", "crops", FACE_CROPS, ways)


def pieces(frames: list[NDArray[np.uint8]], count: int, side: int) -> NDArray[np.uint8]:
    """Squares (count, side, side, 3) from anywhere in `frames`."""
    rng = np.random.default_rng(0)
    found = []
    for index in range(count):
        frame = frames[index % len(frames)]
        top, left = (int(rng.integers(0, size - side)) for size in frame.shape[:2])
        found.append(frame[top : top + side, left : left + side])
    return np.stack(found)


def in_parts(describer: Describer, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The vectors (S, D) of `crops`, as a run computes them."""
    vectors = np.zeros((len(crops), describer.size), np.float32)
    describe_crops(describer, crops, vectors, lambda count: None)
    return vectors


def hog_one_by_one(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The vectors (S, 4356) of `crops`, by scikit-image."""
    greys = [cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in crops]
    return np.stack([hog(grey, 9, (8, 8), (2, 2)) for grey in greys]).astype(np.float32)


def faces_one_by_one(
    network: openvino.CompiledModel, crops: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """The vectors (S, 256) of `crops`: two requests each, of float32 planes."""
    vectors = np.zeros((len(crops), FACE_SIZE), np.float32)
    for index, crop in enumerate(crops):
        planes = crop[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
        for picture in (planes, planes[..., ::-1]):
            vector = network(np.ascontiguousarray(picture))[0].ravel()
            vectors[index] += vector / np.linalg.norm(vector)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def assert_alike(ways: dict[str, Callable[[], NDArray[np.float32]]]) -> None:
    """That all give the same vectors: what is compared is the same work."""
    first, *others = (describe() for describe in ways.values())
    for other in others:
        np.testing.assert_allclose(other, first, atol=1e-5)


if __name__ == "__main__":
    print(printed(measure(Path("../shared"))))
