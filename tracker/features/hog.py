"""Histograms of oriented gradients (Dalal and Triggs, 2005), of many crops at once.

The numbers are those of scikit-image's `hog`. What it computes for each pixel anew, the
direction and the strength of a gradient, is looked up here: grey levels are whole numbers, so
there are only 511 x 511 gradients.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tracker.devices import one_thread
from tracker.features.crops import UPRIGHT_SIDE

HOG_SIZE = 4356  # 11 x 11 blocks of 2 x 2 cells of 9 bins

_CELL_SIDE = 8  # pixels
_CELLS = 12  # a row; the last four pixels of a crop are in no cell
_BINS = 9
_COVERED = _CELLS * _CELL_SIDE  # pixels a row
_DIFFERENCES = 511  # between two grey levels: -255 to 255
# Strengths are added as whole numbers, so that the order, which a GPU leaves to chance, changes
# nothing. A cell of the strongest gradients is 1.5e9 of these: it fits in 32 bits.
_STRENGTH_STEPS = 1 << 16  # a grey level
_MOST_OF_A_BLOCK = 0.2
_SMALLEST_LENGTH = 1e-5


class _Tables(NamedTuple):
    """What is looked up: by gradient, and by place."""

    bins: Tensor  # (511 * 511,) int64 of the gradient `down` * 511 + `across`, from -255, -255
    strengths: Tensor  # (511 * 511,) int32, in steps
    cells: Tensor  # (96, 96) int64: the first bin of each pixel's cell


def hog_features(
    images: NDArray[np.uint8], device: torch.device | None = None
) -> NDArray[np.float32]:
    """One 4356-D vector (S, 4356) for each upright crop in `images` (S, 100, 100, 3) RGB.

    8 x 8 pixels a cell, 2 x 2 cells a block, 9 bins, L2-Hys: the baseline of Zhang et al.,
    ECCV 2016. All are computed at once, on `device` (None: the CPU): give it few at a time.
    """
    assert images.shape[1:] == (UPRIGHT_SIDE, UPRIGHT_SIDE, 3), "crops of another kind"
    if not len(images):
        return np.zeros((0, HOG_SIZE), np.float32)
    device = device or torch.device("cpu")
    rows = images.reshape(-1, UPRIGHT_SIDE, 3)  # of all crops, one below the other
    grey = torch.from_numpy(cv2.cvtColor(rows, cv2.COLOR_RGB2GRAY))
    with one_thread():
        cells = _histograms(grey.reshape(-1, UPRIGHT_SIDE, UPRIGHT_SIDE).to(device))
        return np.asarray(_normalised_blocks(cells).cpu().numpy(), np.float32)


def _histograms(grey: Tensor) -> Tensor:
    """How strong gradients of each direction are, (B, 12, 12, 9), in crops (B, 100, 100) uint8.

    The mean over each cell, in grey levels. At the first row and column of a crop there is no
    gradient down and across.
    """
    tables = _tables(grey.device)
    levels = grey[:, : _COVERED + 1, : _COVERED + 1].to(torch.int32)
    below, above = levels[:, 2:, :_COVERED], levels[:, :-2, :_COVERED]
    right, left = levels[:, :_COVERED, 2:], levels[:, :_COVERED, :-2]
    flat = _DIFFERENCES**2 // 2  # where the tables have the gradient 0, 0
    gradients = levels.new_full((len(grey), _COVERED, _COVERED), flat)
    gradients[:, 1:] += (below - above) * _DIFFERENCES
    gradients[:, :, 1:] += right - left
    gradients = gradients.flatten()
    bins = tables.bins.index_select(0, gradients).reshape(-1, _COVERED, _COVERED) + tables.cells
    strengths = tables.strengths.index_select(0, gradients).reshape(len(grey), -1)
    sums = strengths.new_zeros(len(grey), _CELLS**2 * _BINS)
    sums.scatter_add_(1, bins.flatten(1), strengths)
    means = sums.float() / (_STRENGTH_STEPS * _CELL_SIDE**2)
    return means.reshape(-1, _CELLS, _CELLS, _BINS)


@cache
def _tables(device: torch.device) -> _Tables:
    """Directions are in bins of 20 degrees from 0, modulo 180; 0 is to the right."""
    down, across = np.mgrid[-255:256, -255:256]
    degrees = np.degrees(np.arctan2(down, across)) % 180
    bins = (degrees // (180 / _BINS)).astype(np.int64)
    strengths = np.rint(np.hypot(down, across) * _STRENGTH_STEPS).astype(np.int32)
    cell = np.arange(_COVERED) // _CELL_SIDE
    cells = (cell[:, None] * _CELLS + cell) * _BINS
    return _Tables(
        torch.from_numpy(bins.ravel()).to(device),
        torch.from_numpy(strengths.ravel()).to(device),
        torch.from_numpy(cells).to(device),
    )


def _normalised_blocks(cells: Tensor) -> Tensor:
    """The vectors (B, 4356) of all blocks of 2 x 2 `cells` (B, 12, 12, 9), by L2-Hys."""
    blocks = _CELLS - 1
    corners = [cells[:, i : i + blocks, j : j + blocks] for i in (0, 1) for j in (0, 1)]
    together = torch.stack(corners, dim=3).flatten(3)  # (B, 11, 11, 36)
    clipped = _unit_length(together).clamp_(max=_MOST_OF_A_BLOCK)
    return _unit_length(clipped).flatten(1)


def _unit_length(vectors: Tensor) -> Tensor:
    lengths = (vectors.square().sum(dim=-1, keepdim=True) + _SMALLEST_LENGTH**2).sqrt()
    return vectors / lengths
