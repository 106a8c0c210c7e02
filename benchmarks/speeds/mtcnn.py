"""MTCNN: ours against facenet-pytorch's, on frames of T-ara (1280x720)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from facenet_pytorch import MTCNN

from speeds.in_turn import Row, in_turn, printed
from tracker.boxes import box_iou
from tracker.detection.mtcnn import MtcnnDetector
from tracker.detection.mtcnn_cascade import find_faces
from tracker.detection.mtcnn_networks import networks_in_openvino
from tracker.records import Detections, Frame
from tracker.video.reader import VideoReader

_FRAMES, _EVERY = 24, 180  # spread over the video's 4,547
_FEW = 4  # of them, that are timed
_MIN_SCORE, _MIN_FACE_PX = 0.8, 20
_SAME_IOU = 0.5
_CPU = torch.device("cpu")


def measure(shared: Path) -> list[Row]:
    """Frames a second: of one core each, and of the machine, each called as a user would."""
    frames = _frames(shared)
    ours = MtcnnDetector(_MIN_SCORE, _MIN_FACE_PX, _CPU)
    theirs = MTCNN(keep_all=True, min_face_size=_MIN_FACE_PX).eval()
    part = f"MTCNN, 1280x720, recall {_recall(theirs, frames, ours.detect(frames)):.3f}"
    few = frames[:: _FRAMES // _FEW]  # several threads of torch are very slow where a core is busy

    def one_by_one(frames: Sequence[Frame], threads: int) -> None:
        with _threads(threads):
            for frame in frames:
                theirs.detect(frame.image)

    def together() -> None:
        with _threads(1):
            theirs.detect(np.stack([frame.image for frame in few]))

    def ours_on_one_core() -> None:
        with _threads(1):
            for frame in few:
                find_faces(torch.from_numpy(frame.image[None]), _MIN_FACE_PX, networks)

    networks = networks_in_openvino(1)
    cores = torch.get_num_threads()
    on_one = {
        "facenet-pytorch, frame by frame": lambda: one_by_one(few, 1),
        "facenet-pytorch, frames together": together,
        "ours": ours_on_one_core,
    }
    on_all = {
        "facenet-pytorch, one thread": lambda: one_by_one(few, 1),
        f"facenet-pytorch, {cores} threads": lambda: one_by_one(few, cores),
        "ours": lambda: ours.detect(few),
    }
    return [
        *in_turn(f"{part}, one core", "frames", _FEW, on_one, rounds=3),
        *in_turn(f"{part}, {cores} cores", "frames", _FEW, on_all, rounds=3),
    ]


def _frames(shared: Path) -> list[Frame]:
    with VideoReader(shared / "data" / "tara" / "tara.mp4") as reader:
        return [frame for frame in reader if frame.index % _EVERY == _EVERY // 2][:_FRAMES]


def _recall(theirs: Any, frames: Sequence[Frame], found: Detections) -> float:
    """The share of facenet-pytorch's faces, of the score and size that we keep, that we find."""
    hit = total = 0
    for frame in frames:
        boxes, scores = theirs.detect(frame.image)
        if boxes is not None:
            boxes = np.asarray(boxes, np.float64)
            large = boxes[:, 3] - boxes[:, 1] >= _MIN_FACE_PX
            sure = boxes[large & (np.asarray(scores, np.float64) >= _MIN_SCORE)]
            ious = box_iou(sure, found.boxes[found.frame == frame.index])
            hit += int((ious.max(axis=1, initial=0.0) > _SAME_IOU).sum())
            total += len(sure)
    return hit / max(total, 1)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    print(printed(measure(Path("../shared"))))
