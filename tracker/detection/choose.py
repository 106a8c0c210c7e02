"""Which detector a video gets, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from tracker.config import DetectionConfig
from tracker.detection.from_file import FileDetector
from tracker.detection.mtcnn import MtcnnDetector
from tracker.detection.protocol import Detector
from tracker.detection.yunet import YuNetDetector
from tracker.errors import WeightsError
from tracker.weights import YUNET, find_weights

# Which boxes to follow, and the score that each face followed must reach once: on real footage
# a weak box in a strong tracklet is a face, and a tracklet that never gets strong is none.
# A file is taken as it is.
_MIN_SCORE = {"yunet": 0.3, "mtcnn": 0.8, "file": 0.0}
_SURE_SCORE = {"yunet": 0.8, "mtcnn": 0.95, "file": 0.0}
# Of the smallest face. MTCNN's time grows with the square of what it is asked for.
_MIN_FACE_PX = {"yunet": 12, "mtcnn": 20, "file": 1}


@dataclass(frozen=True, slots=True)
class DetectorChoice:
    """A detector that can run here.

    Attributes:
        name: mtcnn, yunet or file.
        min_score: what it will run with.
        sure_score: what a tracklet must reach once.
        min_face_px: height of the smallest face it will give.
        weights: its weight files; empty where a package carries them.
        hashes: of those files.
        reason: one line for the user, where the choice was not theirs; else empty.
    """

    name: str
    min_score: float
    sure_score: float
    min_face_px: int
    weights: tuple[Path, ...]
    hashes: tuple[str, ...]
    reason: str

    @property
    def fair_score(self) -> float:
        """What a tracklet must have on average: halfway from the least to a sure score."""
        return (self.min_score + self.sure_score) / 2


def choose_detector(config: DetectionConfig) -> DetectorChoice:
    """The detector that `config` asks for; for `auto`, YuNet if its weights are to be had.

    Raises:
        WeightsError: YuNet was asked for by name, and its weights are not to be had.
    """
    if config.file is not None:
        return _choice("file", config, (), "")
    if config.detector == "mtcnn":
        return _choice("mtcnn", config, (), "")
    try:
        weights = find_weights(YUNET)
    except WeightsError as error:
        if config.detector == "yunet":
            raise
        return _choice("mtcnn", config, (), f"detecting with MTCNN, since {error}")
    return _choice("yunet", config, weights, "")


def _choice(
    name: str, config: DetectionConfig, weights: tuple[Path, ...], reason: str
) -> DetectorChoice:
    min_score = _MIN_SCORE[name] if config.min_score is None else config.min_score
    sure_score = _SURE_SCORE[name] if config.sure_score is None else config.sure_score
    min_face_px = _MIN_FACE_PX[name] if config.min_face_px is None else config.min_face_px
    hashes = tuple(file.sha256 for file in YUNET) if weights else ()
    return DetectorChoice(name, min_score, sure_score, min_face_px, weights, hashes, reason)


def make_detector(
    choice: DetectorChoice, config: DetectionConfig, device: torch.device
) -> Detector:
    """The detector itself; costs its loading."""
    if choice.name == "file":
        assert config.file is not None, "a file was chosen without its name"
        path = Path(config.file)
        return FileDetector(path, choice.min_score, choice.min_face_px, config.file_box_scale)
    if choice.name == "yunet":
        return YuNetDetector(choice.weights[0], choice.min_score, choice.min_face_px, device)
    return MtcnnDetector(choice.min_score, choice.min_face_px, device)
