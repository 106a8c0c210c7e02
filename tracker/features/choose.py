"""Which features a video gets, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.config import FeatureConfig
from tracker.errors import WeightsError
from tracker.features.face import FaceNetwork
from tracker.features.hog import hog_features
from tracker.progress import Advance
from tracker.weights import FACE, find_weights

_PART_CROPS = 256


@dataclass(frozen=True, slots=True)
class FeatureChoice:
    """A kind of features that can be computed here.

    Attributes:
        kind: face or hog.
        aligned: whether they want crops turned by their landmarks, or upright ones.
        knows_faces: whether their own distance was trained to tell faces apart.
        weights: weight files; empty for hog.
        hashes: of those files.
        reason: one line for the user, where the choice was not theirs; else empty.
    """

    kind: str
    aligned: bool
    knows_faces: bool
    weights: tuple[Path, ...]
    hashes: tuple[str, ...]
    reason: str


def choose_features(config: FeatureConfig) -> tuple[FeatureChoice, ...]:
    """The features that `config` asks for: the first tell faces apart, any others help to learn.

    For `auto`, face if its weights are to be had, with HOG to help: it sees hair and outline,
    which carry a stage show where all faces are small and made up alike.

    Raises:
        WeightsError: face was asked for by name, and its weights are not to be had.
    """
    if config.kind == "hog":
        return (_hog(""),)
    try:
        weights = find_weights(FACE)
    except WeightsError as error:
        if config.kind == "face":
            raise
        return (_hog(f"describing faces by HOG, since {error}"),)
    hashes = tuple(file.sha256 for file in FACE)
    face = FeatureChoice("face", True, True, weights, hashes, "")
    return (face,) if config.kind == "face" else (face, _hog(""))


def _hog(reason: str) -> FeatureChoice:
    return FeatureChoice("hog", False, False, (), (), reason)


def describe_crops(
    choice: FeatureChoice, images: NDArray[np.uint8], advance: Advance
) -> NDArray[np.float32]:
    """One vector a crop, (S, D), of the kind chosen; `advance` hears of each part done."""
    describe = hog_features if choice.kind == "hog" else FaceNetwork(choice.weights[0]).describe
    parts = []
    for start in range(0, max(len(images), 1), _PART_CROPS):
        parts.append(describe(np.asarray(images[start : start + _PART_CROPS])))
        advance(len(parts[-1]))
    return np.concatenate(parts)
