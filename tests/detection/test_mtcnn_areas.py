import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from tracker.detection.mtcnn_areas import area_sums, crop, cumulated, shrink


def pictures(count, height, width, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 256, (count, height, width, 3), np.uint8))


def adaptive(images, height, width):
    """The reference: torch's own pooling, (B, `height`, `width`, 3)."""
    planes = images.permute(0, 3, 1, 2).float()
    return functional.adaptive_avg_pool2d(planes, (height, width)).permute(0, 2, 3, 1)


def test_sums_of_a_picture_computed_by_hand():
    image = torch.tensor([[1, 2], [3, 4]], dtype=torch.uint8)[None, :, :, None].expand(1, 2, 2, 3)
    sums = area_sums(image)
    assert sums.dtype == torch.int32
    assert sums[0, :, :, 0].tolist() == [[0, 0, 0], [0, 1, 3], [0, 4, 10]]


def test_sums_are_the_same_as_on_any_device():
    images = pictures(3, 17, 23)
    assert torch.equal(area_sums(images), cumulated(images))


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_shrinking_is_adaptive_average_pooling(height, width, new_height, new_width):
    images = pictures(2, height, width)
    found = shrink(area_sums(images), new_height, new_width)
    torch.testing.assert_close(found, adaptive(images, new_height, new_width), rtol=0, atol=1e-3)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 7, 24, 48]))
def test_crops_are_adaptive_average_pooling_of_each_window(seed, side):
    images = pictures(3, 60, 70, seed)
    rng = np.random.default_rng(seed)
    image = torch.from_numpy(rng.integers(0, 3, 5))
    corner = rng.integers(0, (60, 50), (5, 2))
    windows = torch.from_numpy(np.hstack([corner, corner + rng.integers(1, 11, (5, 2))]))
    found = crop(area_sums(images), image, windows, side)
    for row, number, (x1, y1, x2, y2) in zip(found, image.tolist(), windows.tolist(), strict=True):
        part = images[number : number + 1, y1:y2, x1:x2]
        torch.testing.assert_close(row, adaptive(part, side, side)[0], rtol=0, atol=1e-3)


@pytest.mark.parametrize("side", [24, 48])
def test_no_windows_give_no_crops(side):
    none = torch.zeros(0, dtype=torch.int64)
    found = crop(area_sums(pictures(1, 30, 30)), none, none.reshape(0, 1).expand(0, 4), side)
    assert found.shape == (0, side, side, 3)


def test_sums_that_wrap_around_still_give_every_mean():
    white = torch.full((1, 3000, 3000, 3), 255, dtype=torch.uint8)  # 2.3e9 in all
    windows = torch.tensor([[2900, 2900, 3000, 3000]])
    found = crop(area_sums(white), torch.tensor([0]), windows, 2)
    torch.testing.assert_close(found, torch.full((1, 2, 2, 3), 255.0))
