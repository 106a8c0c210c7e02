"""Which features a video gets, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.config import FeatureConfig
from tracker.errors import WeightsError
from tracker.features.crops import ALIGNED_SIDE, UPRIGHT_SIDE
from tracker.features.face import FaceNetwork
from tracker.features.hog import hog_features
from tracker.weights import FACE, find_weights


@dataclass(frozen=True, slots=True)
class FeatureChoice:
    """A kind of features that can be computed here.

    Attributes:
        kind: face or hog.
        aligned: whether they want crops turned by their landmarks, or upright ones.
        crop_side: of those crops, in pixels.
        weights: weight files; empty for hog.
        reason: one line for the user, where the choice was not theirs; else empty.
    """

    kind: str
    aligned: bool
    crop_side: int
    weights: tuple[Path, ...]
    reason: str


def choose_features(config: FeatureConfig) -> FeatureChoice:
    """The features that `config` asks for; for `auto`, face if its weights are to be had.

    Raises:
        WeightsError: face was asked for by name, and its weights are not to be had.
    """
    if config.kind == "hog":
        return FeatureChoice("hog", False, UPRIGHT_SIDE, (), "")
    try:
        weights = find_weights(FACE)
    except WeightsError as error:
        if config.kind == "face":
            raise
        reason = f"describing faces by HOG, since {error}"
        return FeatureChoice("hog", False, UPRIGHT_SIDE, (), reason)
    return FeatureChoice("face", True, ALIGNED_SIDE, weights, "")


def describe_crops(choice: FeatureChoice, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """One vector a crop, (S, D), of the kind chosen."""
    if choice.kind == "hog":
        return hog_features(images)
    return FaceNetwork(choice.weights[0]).describe(images)
