"""Histograms of oriented gradients (Dalal and Triggs, 2005), laid out as in the paper."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.feature import hog

from tracker.features.crops import UPRIGHT_SIDE

HOG_SIZE = 4356  # 11 x 11 blocks of 2 x 2 cells of 9 bins


def hog_features(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """One 4356-D vector (S, 4356) for each upright crop in `images` (S, 100, 100, 3) RGB.

    8 x 8 pixels a cell, 2 x 2 cells a block, 9 bins, L2-Hys: the baseline of Zhang et al.,
    ECCV 2016.
    """
    assert images.shape[1:] == (UPRIGHT_SIDE, UPRIGHT_SIDE, 3), "crops of another kind"
    vectors = np.zeros((len(images), HOG_SIZE), np.float32)
    for index, image in enumerate(images):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        vectors[index] = hog(
            grey,
            orientations=9,
            pixels_per_cell=(8, 8),
            cells_per_block=(2, 2),
            block_norm="L2-Hys",
        )
    return vectors
