"""Before anything is learned: what all faces of a video share, and what changes within one face.

A video has its own light, lens and make-up, which all its people share; and each face turns,
talks and blurs, which says nothing of who it is. Both can be measured without knowing anybody,
and taken out. One threshold then fits videos of all kinds: on raw features, strangers in a
drawn film are nearer to each other than one person to herself in a talk show.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tracker.embedding.parts import parts_of
from tracker.embedding.preparation import Preparation
from tracker.embedding.scratch import room_for
from tracker.records import Constraints

FloatArray = NDArray[np.floating]

_SHRINKAGE = 0.2  # of the scatter within tracklets towards a ball: there are few tracklets


def fit_compensation(
    features: NDArray[np.float32],
    tracklet: NDArray[np.integer],
    constraints: Constraints,
    same: NDArray[np.integer],
) -> Preparation:
    """The map after which faces are told apart by their angle.

    It subtracts what the video's people have in common: the mean of all tracklets, but only as
    far as people seen together share it, since two strangers should be at right angles, and
    half of the mean of two people is each of them. Where nobody is seen together, the classes
    of `same` stand in for people; where these are only the tracklets, all of the mean goes.
    Then it shrinks the directions in which faces vary that are the same person
    (within-class covariance normalisation; Hatch, Kajarekar and Stolcke, Interspeech 2006).

    Args:
        features: (S, P), one a face; may be a memory map.
        tracklet: (S,) in [0, T): each has at least one face.
        same: (S,) from 0; faces of one number are surely one person: the tracklets, or more.
    """
    count, size = constraints.tracklet_count, features.shape[1]
    if not len(features):
        return Preparation(np.zeros(size, np.float32), np.eye(size, dtype=np.float32))
    means = tracklet_means(features, tracklet, count)
    mean = means.mean(axis=0)
    class_means = tracklet_means(features, same, int(same.max()) + 1)
    if len(constraints.negatives):
        mean *= _shared_part(mean, _mean_product_of_pairs(means, constraints.negatives))
    elif len(class_means) < count:
        mean *= _shared_part(mean, _mean_product_of_all(class_means))
    scatter = _scatter_within(features, class_means, same)
    level = max(float(np.trace(scatter)) / size, 1e-12)
    scatter = (1 - _SHRINKAGE) * scatter + _SHRINKAGE * level * np.eye(size)
    # In units of the mean scatter, so that what is not touched keeps its length.
    strength, directions = np.linalg.eigh(scatter / level)
    matrix = directions / np.sqrt(strength) @ directions.T
    return Preparation(mean.astype(np.float32), matrix.astype(np.float32))


def tracklet_means(
    features: FloatArray, tracklet: NDArray[np.integer], count: int
) -> NDArray[np.float64]:
    """The mean (T, P) of the features (S, P) of each of `count` tracklets."""
    sums = np.zeros((count, features.shape[1]))
    for part in parts_of(*features.shape):
        of_part = tracklet[part]
        # One row a face: a product with it adds up far faster than np.add.at.
        ends = np.arange(len(of_part) + 1)
        belongs = csr_array((np.ones(len(of_part)), of_part, ends), (len(of_part), count))
        sums += belongs.T @ features[part]
    return sums / np.bincount(tracklet, minlength=count)[:, None]


def unit_length(vectors: FloatArray, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """`vectors` (S, P) scaled to length 1; zeros stay.

    Args:
        out: (S, P), where they are put; may be `vectors` itself. None: a new array.
    """
    unit = room_for(*vectors.shape) if out is None else out
    for part in parts_of(*vectors.shape):
        length = np.linalg.norm(vectors[part], axis=1, keepdims=True)
        unit[part] = vectors[part] / np.maximum(length, 1e-9)
    return unit


def _scatter_within(
    features: NDArray[np.float32], class_means: NDArray[np.float64], same: NDArray[np.integer]
) -> NDArray[np.float64]:
    """The mean scatter (P, P) of the features (S, P) about the means of their classes (S,)."""
    scatter = np.zeros((features.shape[1], features.shape[1]))
    for part in parts_of(*features.shape):
        within = features[part] - class_means[same[part]]
        scatter += within.T @ within
    return scatter / len(features)


def _mean_product_of_pairs(means: NDArray[np.float64], pairs: NDArray[np.int32]) -> float:
    """The mean scalar product of those rows of `means` (T, P) that `pairs` (C, 2) name, C > 0."""
    total = 0.0
    for part in parts_of(len(pairs), means.shape[1]):
        a, b = pairs[part].T
        total += float((means[a] * means[b]).sum())
    return total / len(pairs)


def _mean_product_of_all(means: NDArray[np.float64]) -> float:
    """The mean scalar product of every two rows of `means` (C, P); 0 where there is but one."""
    count = len(means)
    total = means.sum(axis=0)  # its square holds every pair twice, and each row with itself
    pairs = count * (count - 1) / 2
    return float(total @ total - np.square(means).sum()) / 2 / pairs if pairs else 0.0


def _shared_part(mean: NDArray[np.float64], in_common: float) -> float:
    """How much of `mean`, 0 to 1, makes strangers orthogonal when it is gone.

    Measured on a few pairs it is uncertain, and there are two kinds of video: those whose faces
    lie in a corner of the features' world (drawn, tiny, one make-up), and those where they fill
    it. So a middling value is pulled to the nearer end.

    Args:
        in_common: mean scalar product of strangers; 0 where there are none.
    """
    share = float(np.clip(in_common / max(float(mean @ mean), 1e-12), 0.0, 1.0))
    return share * share * (3 - 2 * share)
