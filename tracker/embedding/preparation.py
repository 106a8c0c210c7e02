"""What happens to features before a network sees them: one affine map, fitted to the video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tracker.embedding.parts import parts_of
from tracker.embedding.scratch import room_for
from tracker.mapped import let_go

_FIT_ROWS = 8000  # features that a map is fitted to, at most: enough, and they fit in memory


@dataclass(frozen=True, slots=True, eq=False)
class Preparation:
    """The map x → (x - mean) @ matrix.

    Attributes:
        mean: (D,) float32.
        matrix: (D, P) float32.
    """

    mean: NDArray[np.float32]
    matrix: NDArray[np.float32]

    def apply(self, features: NDArray[np.floating]) -> NDArray[np.float32]:
        """The prepared features (S, P) of `features` (S, D), which may be a memory map."""
        prepared = room_for(len(features), self.matrix.shape[1])
        for part in parts_of(*features.shape):
            prepared[part] = (features[part].astype(np.float32) - self.mean) @ self.matrix
            let_go(features)
        return prepared


def standardise_and_mix(
    features: NDArray[np.floating], size: int, rng: np.random.Generator
) -> Preparation:
    """Scale every feature to unit variance, keep the `size` strongest directions, and mix them.

    The mixing (a random rotation) matters: AdamW takes steps of one size along each
    coordinate, so it would learn as much from the weakest principal component as from the
    strongest. After a rotation every coordinate holds mostly the strong ones, as the
    features themselves do, at a fraction of their number.
    """
    some = _some(features, rng)
    mean = some.mean(axis=0)
    some -= mean
    scale = _root_mean_square(some) + np.float32(1e-6)
    some /= scale
    standard = torch.from_numpy(some)
    size = min(size, *standard.shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        _, strength, directions = torch.svd_lowrank(standard, q=size, niter=2)
    spread = float(strength.square().mean() / len(standard)) ** 0.5  # RMS of a projection
    mixing = np.linalg.qr(rng.normal(size=(size, size)))[0]
    matrix = directions.numpy().astype(np.float64) @ mixing / max(spread, 1e-6) / scale[:, None]
    return Preparation(mean.astype(np.float32), matrix.astype(np.float32))


def principal_directions(
    vectors: NDArray[np.float32], size: int, centre: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """The `size` strongest directions (size, P) of vectors (S, P), zeros beyond them.

    Args:
        centre: (P,) from which they are seen; None: they are centred already.
    """
    count, width = vectors.shape
    from_here = np.zeros(width, np.float32) if centre is None else centre
    if not count:
        return np.zeros((size, width), np.float32)
    if count < width:
        centred = (vectors - from_here).astype(np.float64)
        return _signed(np.linalg.svd(centred, full_matrices=False)[2][:size], size)
    scatter = np.zeros((width, width))
    for part in parts_of(count, width):
        centred = (vectors[part] - from_here).astype(np.float64)
        scatter += centred.T @ centred
    return strongest_directions(scatter, size)


def strongest_directions(scatter: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """The `size` directions (size, P) of most `scatter` (P, P), zeros beyond them."""
    return _signed(np.linalg.eigh(scatter)[1][:, ::-1].T[:size], size)


def _signed(strongest: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    """`strongest` (n, P), n at most `size`, and zeros, (size, P), the largest part of each above 0.

    The sign of such a direction is the library's whim; it is fixed so that runs agree.
    """
    largest = np.abs(strongest).argmax(axis=1)
    signs = np.sign(strongest[np.arange(len(strongest)), largest])
    directions = np.zeros((size, strongest.shape[1]), np.float32)
    directions[: len(strongest)] = strongest * np.where(signs == 0, 1, signs)[:, None]
    return directions


def _some(features: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float32]:
    """A copy of `features`, or of some of them."""
    if len(features) <= _FIT_ROWS:
        return np.array(features, np.float32)
    rows = np.sort(rng.choice(len(features), _FIT_ROWS, replace=False))
    return np.asarray(features[rows], np.float32)


def _root_mean_square(centred: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each column (D,) of `centred` (n, D), some of them at a time: squares need memory too."""
    squares = np.zeros(centred.shape[1], np.float32)
    for part in parts_of(centred.shape[1], len(centred)):
        squares[part] = np.square(centred[:, part]).mean(axis=0)
    return np.sqrt(squares)
