import cv2
import numpy as np
import pytest
from skimage.feature import hog

from tracker.features.hog import HOG_SIZE, hog_features

BLOCKS, CELLS, BINS = 11, 2, 9


def crops(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 100, 100, 3)).astype(np.uint8)


def blocks_of(vector):
    """(block row, block column, cell row, cell column, bin): how scikit-image lays it out."""
    return vector.reshape(BLOCKS, BLOCKS, CELLS, CELLS, BINS)


def test_a_crop_becomes_4356_numbers():
    assert HOG_SIZE == BLOCKS**2 * CELLS**2 * BINS == 4356
    vectors = hog_features(crops(2))
    assert vectors.shape == (2, 4356)
    assert vectors.dtype == np.float32


def test_the_layout_is_that_of_scikit_image():
    image = crops(1)[0]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    blocks = hog(grey, 9, (8, 8), (2, 2), block_norm="L2-Hys", feature_vector=False)
    np.testing.assert_allclose(blocks_of(hog_features(image[None])[0]), blocks, rtol=1e-6)


def test_every_block_has_unit_length():
    lengths = np.linalg.norm(hog_features(crops(1)).reshape(-1, CELLS**2 * BINS), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-4)


def test_a_flat_crop_has_no_gradients():
    assert not hog_features(np.full((1, 100, 100, 3), 90, np.uint8)).any()


@pytest.mark.parametrize(("axis", "direction"), [(1, 0), (0, 4)])
def test_an_even_slope_by_hand(axis, direction):
    # One direction everywhere: the four cells of a block share its unit length equally.
    slope = np.broadcast_to(np.arange(100, dtype=np.uint8)[:, None], (100, 100))
    slope = slope if axis == 0 else slope.T
    blocks = blocks_of(hog_features(np.repeat(slope[None, :, :, None], 3, axis=3))[0])
    inner = blocks[1:-1, 1:-1]  # at the picture's edge there is no gradient
    np.testing.assert_allclose(inner[..., direction], 0.5, atol=1e-3)
    assert not np.delete(inner, direction, axis=-1).any()


def test_light_and_contrast_hardly_matter():
    image = crops(1) // 2
    np.testing.assert_allclose(hog_features(image + 100), hog_features(image), atol=0.02)


def test_crops_together_give_what_they_give_one_by_one():
    images = crops(3)
    alone = np.concatenate([hog_features(images[[index]]) for index in range(3)])
    np.testing.assert_array_equal(hog_features(images), alone)


def test_no_crops_give_no_vectors():
    assert hog_features(crops(0)).shape == (0, 4356)
