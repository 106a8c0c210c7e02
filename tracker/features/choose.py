"""Which features a video gets, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tracker.config import FeatureConfig
from tracker.errors import WeightsError
from tracker.features.cnn import FixedNetwork
from tracker.features.face import FACE_SIZE, FaceNetwork, TorchFaceNetwork
from tracker.features.hog import HOG_SIZE, hog_features
from tracker.networks import NETWORKS
from tracker.progress import Advance
from tracker.weights import find_weights

# At a time: the largest CNN computes these in half a gigabyte, HOG in a core's cache. Fewer are
# slower (measured: AlexNet 16, HOG 8), and so are more (HOG 64).
_PART_CROPS = 32


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


@dataclass(frozen=True, slots=True)
class Describer:
    """What computes one kind of features.

    Attributes:
        size: D, how many numbers it gives for a crop.
        describe: makes vectors (S, D) float32 of crops (S, side, side, 3), all at once.
    """

    size: int
    describe: Callable[[NDArray[np.uint8]], NDArray[np.float32]]


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


def load_describer(choice: FeatureChoice, device: torch.device) -> Describer:
    """What computes features of the kind chosen on `device`.

    Raises:
        WeightsError: a weight file is damaged.
    """
    if choice.kind == "hog":
        return Describer(HOG_SIZE, partial(hog_features, device=device))
    weights = choice.weights[0]
    if choice.kind != "face":
        network = FixedNetwork(choice.kind, weights, device)
        return Describer(network.size, network.describe)
    if device.type == "cpu":
        return Describer(FACE_SIZE, FaceNetwork(weights).describe)
    return Describer(FACE_SIZE, TorchFaceNetwork(weights, device).describe)


def describe_crops(
    describer: Describer,
    images: NDArray[np.uint8],
    vectors: NDArray[np.float32],
    advance: Advance,
) -> None:
    """Fill `vectors` (S, D), which may be a memory map, from `images` (S, side, side, 3).

    Part by part, so that memory does not grow with S; `advance` hears of each part done.
    """
    for start in range(0, len(images), _PART_CROPS):
        part = slice(start, min(start + _PART_CROPS, len(images)))
        vectors[part] = describer.describe(np.asarray(images[part]))
        advance(part.stop - part.start)
