"""Real detectors find the drawn faces, where the truth says they are."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN

from tracker.boxes import box_iou
from tracker.synthetic import SynthConfig, draw_frames

CONFIG = SynthConfig(
    people=12, duration_s=32, width=480, height=270, frame_rate=Fraction(5), seed=11
)
EVERY = 5  # frames
YUNET = Path(__file__).parents[2] / "shared/weights/yunet_n_dynamic.onnx"


@pytest.fixture(scope="module")
def sample():
    frames = (pair for index, pair in enumerate(draw_frames(CONFIG)) if index % EVERY == 0)
    return [
        (image, np.array([face.box for face in faces]).reshape(-1, 4)) for image, faces in frames
    ]


@pytest.fixture
def one_thread():
    """For networks so small that threads mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def share_found(sample, detect):
    """The share of true boxes that a detection overlaps by at least half."""
    found, count = 0, 0
    for image, boxes in sample:
        overlap = box_iou(boxes, np.clip(detect(image), 0, [CONFIG.width, CONFIG.height] * 2))
        found += int((overlap.max(axis=1, initial=0) >= 0.5).sum())
        count += len(boxes)
    assert count > 40
    return found / count


@pytest.mark.usefixtures("one_thread")
def test_mtcnn_finds_the_faces_of_the_truth(sample):
    network = MTCNN(keep_all=True, min_face_size=30, device="cpu")

    def detect(image):
        boxes, scores = network.detect(image)
        return np.zeros((0, 4)) if boxes is None else np.array(boxes[scores >= 0.8], float)

    assert share_found(sample, detect) >= 0.95


@pytest.mark.shared
@pytest.mark.skipif(not YUNET.exists(), reason=f"no YuNet weights at {YUNET}")
def test_yunet_finds_the_faces_of_the_truth(sample):
    size = CONFIG.width, CONFIG.height
    network = cv2.FaceDetectorYN.create(str(YUNET), "", size, 0.6, 0.3, 5000)

    def detect(image):
        faces = network.detect(np.ascontiguousarray(image[..., ::-1]))[1]
        faces = np.zeros((0, 15)) if faces is None else faces
        return np.concatenate([faces[:, :2], faces[:, :2] + faces[:, 2:4]], axis=1)

    assert share_found(sample, detect) >= 0.95
