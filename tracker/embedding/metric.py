"""Features → the metric that they are in this video, before anything is learned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracker.embedding.compensation import fit_compensation, unit_length
from tracker.embedding.evidence import MIN_PAIRS, Evidence, weigh_evidence
from tracker.embedding.preparation import Preparation, standardise_and_mix
from tracker.errors import ConfigError
from tracker.records import Constraints

_REDUCED_SIZE = 128  # of features that know no faces: their strongest directions


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """The faces of a video as vectors whose angles tell them apart, as far as features can.

    Attributes:
        vectors: (S, P) float32 of unit length, one a face.
        knows_faces: whether the features were trained to tell faces apart.
        evidence: how well they do it in this video.
        centre: (P,) float32, their mean, or that of the video that a network first saw.
        preparations: what makes features into vectors, in this order, then their length 1.
    """

    vectors: NDArray[np.float32]
    knows_faces: bool
    evidence: Evidence
    centre: NDArray[np.float32]
    preparations: tuple[Preparation, ...]


def fit_metric(
    features: NDArray[np.float32],
    tracklet: NDArray[np.integer],
    face_heights: NDArray[np.floating],
    constraints: Constraints,
    knows_faces: bool,
    compensate: bool,
    rng: np.random.Generator,
    same: NDArray[np.integer] | None = None,
    standardise: bool = True,
) -> Metric:
    """The metric of one kind of features in this video.

    Args:
        features: (S, D), one a face, sorted by time; may be a memory map.
        tracklet: (S,) in [0, T); each has at least one face.
        face_heights: (S,) in source pixels.
        compensate: take out what the video's faces share (see `fit_compensation`).
        same: (S,) from 0, which faces are surely one person; None: those of a tracklet.
        standardise: bring features that know no faces, such as HOG, to unit variance, and reduce
            them to their strongest directions, before anything else.
    """
    preparations = []
    if standardise and not knows_faces and len(features):
        preparations.append(standardise_and_mix(features, _REDUCED_SIZE, rng))
        features = preparations[-1].apply(features)
    if compensate:
        same = tracklet if same is None else same
        preparations.append(fit_compensation(features, tracklet, constraints, same))
        features = preparations[-1].apply(features)
    # What was prepared is a copy of its own, and a long video has no room for another.
    vectors = unit_length(features, out=features if preparations else None)
    evidence = weigh_evidence(vectors, tracklet, face_heights, constraints)
    centre = vectors.mean(axis=0) if len(vectors) else np.zeros(vectors.shape[1], np.float32)
    return Metric(vectors, knows_faces, evidence, centre, tuple(preparations))


def metric_as_before(
    features: NDArray[np.float32],
    preparations: tuple[Preparation, ...],
    centre: NDArray[np.float32],
    metric: Metric,
) -> Metric:
    """`metric` of this video's `features` (S, D), prepared as those of an earlier video were.

    A network that goes on learning must be given what it learned from.

    Raises:
        ConfigError: these features are of another kind.
    """
    for preparation in preparations:
        if features.shape[1] != len(preparation.mean):
            raise ConfigError(
                f"embedding.init: its features are {len(preparation.mean)} numbers a face, those "
                f"of this run {features.shape[1]}; give both the same --features and weights"
            )
        features = preparation.apply(features)
    vectors = unit_length(features, out=features if preparations else None)
    return replace(metric, vectors=vectors, centre=centre, preparations=preparations)


def choose_raw_share(metric: Metric, constraints: Constraints) -> float:
    """How much of the distance, 0 to 1, should stay that of `metric` beside a learned one.

    Features that know faces keep what their evidence supports; others nothing, as soon as there
    are enough pairs of people seen together to learn from.
    """
    if metric.knows_faces:
        return metric.evidence.trust
    return 0.0 if len(constraints.negatives) >= MIN_PAIRS else 1.0
