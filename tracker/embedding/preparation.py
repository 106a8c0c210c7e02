"""What happens to features before a network sees them: one affine map, fitted to the video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

_FIT_ROWS = 8000  # features that a map is fitted to, at most: enough, and they fit in memory
_CHUNK_ROWS = 4096


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
        prepared = np.zeros((len(features), self.matrix.shape[1]), np.float32)
        for start in range(0, len(features), _CHUNK_ROWS):
            part = slice(start, start + _CHUNK_ROWS)
            prepared[part] = (features[part].astype(np.float32) - self.mean) @ self.matrix
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
    mean, scale = some.mean(axis=0), some.std(axis=0) + 1e-6
    standard = torch.from_numpy((some - mean) / scale)
    size = min(size, *standard.shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        _, strength, directions = torch.svd_lowrank(standard, q=size, niter=2)
    spread = float(strength.square().mean() / len(standard)) ** 0.5  # RMS of a projection
    mixing = np.linalg.qr(rng.normal(size=(size, size)))[0]
    matrix = directions.numpy().astype(np.float64) @ mixing / max(spread, 1e-6) / scale[:, None]
    return Preparation(mean.astype(np.float32), matrix.astype(np.float32))


def principal_directions(prepared: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The `size` strongest directions (size, P) of centred features (S, P), zeros beyond them."""
    if not len(prepared):
        return np.zeros((size, prepared.shape[1]), np.float32)
    wide = prepared.astype(np.float64)
    if len(prepared) < prepared.shape[1]:
        strongest = np.linalg.svd(wide, full_matrices=False)[2][:size]
    else:  # the eigenvectors of the small scatter matrix, whatever the number of faces
        strongest = np.linalg.eigh(wide.T @ wide)[1][:, ::-1].T[:size]
    # An eigenvector's sign is the library's whim; fix it, so that runs agree.
    largest = np.abs(strongest).argmax(axis=1)
    signs = np.sign(strongest[np.arange(len(strongest)), largest])
    directions = np.zeros((size, prepared.shape[1]), np.float32)
    directions[: len(strongest)] = strongest * np.where(signs == 0, 1, signs)[:, None]
    return directions


def _some(features: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float32]:
    if len(features) <= _FIT_ROWS:
        return np.asarray(features, np.float32)
    rows = np.sort(rng.choice(len(features), _FIT_ROWS, replace=False))
    return np.asarray(features[rows], np.float32)
