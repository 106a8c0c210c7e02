"""Which features a video gets, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.config import FeatureConfig
from tracker.errors import WeightsError
from tracker.features.cnn import FixedNetwork
from tracker.features.face import FaceNetwork
from tracker.features.hog import hog_features
from tracker.networks import NETWORKS
from tracker.progress import Advance
from tracker.weights import find_weights

_PART_CROPS = 32  # at a time: the largest CNN computes these in half a gigabyte


@dataclass(frozen=True, slots=True)
class FeatureChoice:
    """A kind of features that can be computed here.

    Attributes:
        kind: one of `FEATURE_KINDS`, but for auto.
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
        WeightsError: a network was asked for by name, and its weights are not to be had.
    """
    if config.kind == "hog":
        return (_hog(""),)
    if config.kind != "auto":
        return (_network(config.kind),)
    try:
        return _network("face"), _hog("")
    except WeightsError as error:
        return (_hog(f"describing faces by HOG, since {error}"),)


def _hog(reason: str) -> FeatureChoice:
    return FeatureChoice("hog", False, False, (), (), reason)


def _network(kind: str) -> FeatureChoice:
    network = NETWORKS[kind]
    weights, hashes = find_weights(network.files), tuple(file.sha256 for file in network.files)
    return FeatureChoice(kind, network.aligned, network.knows_faces, weights, hashes, "")


def describe_crops(
    choice: FeatureChoice, images: NDArray[np.uint8], advance: Advance
) -> NDArray[np.float32]:
    """One vector a crop, (S, D), of the kind chosen; `advance` hears of each part done.

    Raises:
        WeightsError: a weight file is damaged.
    """
    describe = _describer(choice)
    parts = []
    for start in range(0, max(len(images), 1), _PART_CROPS):
        parts.append(describe(np.asarray(images[start : start + _PART_CROPS])))
        advance(len(parts[-1]))
    return np.concatenate(parts)


def _describer(choice: FeatureChoice) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """What makes vectors (S, D) of crops (S, side, side, 3)."""
    if choice.kind == "hog":
        return hog_features
    if choice.kind == "face":
        return FaceNetwork(choice.weights[0]).describe
    return FixedNetwork(choice.kind, choice.weights[0]).describe
