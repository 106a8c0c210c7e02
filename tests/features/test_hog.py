import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
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


def asked_of_scikit_image(images):
    """Its vectors (S, 4356), one crop at a time."""
    greys = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]
    vectors = [hog(grey, 9, (8, 8), (2, 2), block_norm="L2-Hys") for grey in greys]
    return np.array(vectors).reshape(-1, HOG_SIZE)


def assert_as_scikit_image(images):
    np.testing.assert_allclose(hog_features(images), asked_of_scikit_image(images), atol=1e-6)


def grey_crop(levels):
    """A crop (1, 100, 100, 3) of the grey `levels`, which are cut and repeated to fit."""
    fitting = np.broadcast_to(levels, (100, 100)).astype(np.uint8)
    return np.repeat(fitting[None, :, :, None], 3, axis=3)


def test_the_layout_is_that_of_scikit_image():
    image = crops(1)[0]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    blocks = hog(grey, 9, (8, 8), (2, 2), block_norm="L2-Hys", feature_vector=False)
    np.testing.assert_allclose(blocks_of(hog_features(image[None])[0]), blocks, rtol=1e-6)


@given(
    seed=st.integers(0, 999),
    detail=st.integers(1, 100),
    levels=st.integers(2, 256),
    lightest=st.integers(1, 255),
)
def test_pictures_of_all_kinds_are_described_as_by_scikit_image(seed, detail, levels, lightest):
    coarse = np.random.default_rng(seed).integers(0, levels, (detail, detail, 3))
    coarse = (coarse * lightest // (levels - 1)).astype(np.uint8)
    assert_as_scikit_image(cv2.resize(coarse, (100, 100))[None])


@pytest.mark.parametrize("direction_deg", range(0, 360, 5))
def test_a_slope_in_any_direction_is_described_as_by_scikit_image(direction_deg):
    rows, columns = np.mgrid[:100, :100]
    angle = np.radians(direction_deg)
    slope = columns * np.cos(angle) + rows * np.sin(angle)
    assert_as_scikit_image(grey_crop(slope - slope.min()))


@pytest.mark.parametrize("background", [0, 90])
def test_a_single_bright_pixel_is_described_as_by_scikit_image(background):
    levels = np.full((100, 100), background)
    levels[50, 51] += 1  # the weakest gradients that there are
    assert_as_scikit_image(grey_crop(levels))


def test_the_strongest_gradients_everywhere_are_added_without_overflow():
    wide = np.arange(100) // 2 % 2  # pixels two apart always differ
    image = grey_crop(255 * (wide[:, None] ^ wide))
    assert_as_scikit_image(image)
    # All are diagonal, and the eight cells and directions of a block are alike.
    inner = blocks_of(hog_features(image)[0])[1:, 1:]
    np.testing.assert_allclose(inner[..., [2, 6]], 8**-0.5, atol=0.02)
    assert not np.delete(inner, [2, 6], axis=-1).any()


@pytest.mark.parametrize(("row", "column"), [(0, 50), (50, 0), (97, 50), (50, 99)])
def test_what_lies_beyond_the_last_cells_counts_only_for_gradients_within(row, column):
    levels = np.zeros((100, 100))
    levels[row, column] = 200
    image = grey_crop(levels)
    assert_as_scikit_image(image)
    assert hog_features(image).any() == (row < 97 and column < 97)


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


def test_crops_that_are_cut_out_of_others_are_read_right():
    wide = np.random.default_rng(0).integers(0, 256, (3, 120, 130, 3)).astype(np.uint8)
    part = wide[::2, 10:110, 20:120]
    np.testing.assert_array_equal(hog_features(part), hog_features(part.copy()))


def test_as_many_threads_are_used_after_as_before():
    before = torch.get_num_threads()
    hog_features(crops(1))
    assert torch.get_num_threads() == before


def test_no_crops_give_no_vectors():
    vectors = hog_features(crops(0))
    assert vectors.shape == (0, 4356)
    assert vectors.dtype == np.float32
