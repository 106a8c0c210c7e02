"""Shrinking pictures and crops to the mean of the area under each new pixel, all at once.

A sum over any rectangle is four numbers of a table of sums (Crow, Summed-area tables for texture
mapping, SIGGRAPH 1984), so a crop costs the same whatever its size. The sums are whole numbers:
nothing is rounded before the mean is taken.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor


def area_sums(images: Tensor) -> Tensor:
    """For each corner between pixels, the sum of all above and left of it.

    Args:
        images: (B, H, W, 3) uint8.

    Returns:
        (B, H + 1, W + 1, 3) int32, on the same device. It may wrap around, and still gives the
        right difference for every rectangle of up to 8 million pixels.
    """
    if images.device.type == "cpu":  # a tenth of the time
        return torch.from_numpy(np.stack([cv2.integral(image) for image in images.numpy()]))
    return cumulated(images)


def cumulated(images: Tensor) -> Tensor:
    """What `area_sums` gives, on any device."""
    count, height, width, channels = images.shape
    sums = torch.zeros(
        (count, height + 1, width + 1, channels), dtype=torch.int32, device=images.device
    )
    rows = images.cumsum(dim=1, dtype=torch.int32)
    sums[:, 1:, 1:] = rows.cumsum(dim=2, dtype=torch.int32)
    return sums


def shrink(sums: Tensor, height: int, width: int) -> Tensor:
    """Whole pictures of another size.

    Args:
        sums: (B, H + 1, W + 1, 3) of `area_sums`.

    Returns:
        (B, `height`, `width`, 3) float32, as adaptive average pooling gives them.
    """
    top, bottom = _bins(torch.tensor(sums.shape[1] - 1, device=sums.device), height)
    left, right = _bins(torch.tensor(sums.shape[2] - 1, device=sums.device), width)
    rows = _take(sums, 1, bottom).sub_(_take(sums, 1, top))
    totals = _take(rows, 2, right).sub_(_take(rows, 2, left))
    return totals.float().mul_(_share(bottom - top, right - left))


def crop(sums: Tensor, image: Tensor, windows: Tensor, side: int) -> Tensor:
    """Parts of pictures, each shrunk (or grown) to one size.

    Args:
        sums: (B, H + 1, W + 1, 3) of `area_sums`.
        image: (N,) int64; of which picture.
        windows: (N, 4) int64; x1, y1, x2, y2 within the picture, the last two exclusive.

    Returns:
        (N, `side`, `side`, 3) float32, as adaptive average pooling of each window gives them.
    """
    height, width = sums.shape[1:3]
    x1, y1, x2, y2 = windows.unbind(dim=1)
    left, right = _bins(x2 - x1, side)  # each (N, side)
    top, bottom = _bins(y2 - y1, side)
    across = [(x1[:, None] + bins)[:, None, :] for bins in (left, right)]
    down = [((image * height + y1)[:, None] + bins)[:, :, None] * width for bins in (top, bottom)]
    flat = sums.reshape(-1, 3)
    top_left, top_right, bottom_left, bottom_right = (
        _take(flat, 0, (row + column).flatten()) for row in down for column in across
    )
    totals = bottom_right.sub_(bottom_left).sub_(top_right.sub_(top_left)).float()
    return totals.reshape(-1, side, side, 3).mul_(_share(bottom - top, right - left))


def _bins(length: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """First and one past the last of the pixels under each of `count` new ones.

    Neighbours share a pixel that both cut. `length` of any shape gives (..., `count`) each.
    """
    places = torch.arange(count, device=length.device)
    length = length[..., None]
    return places * length // count, ((places + 1) * length + count - 1) // count


def _take(values: Tensor, dim: int, places: Tensor) -> Tensor:
    """A copy of `values` with only `places` of a dimension."""
    if values.device.type == "cpu":  # half the time of torch's
        return torch.from_numpy(np.take(values.numpy(), places.numpy(), dim))
    return values.index_select(dim, places)


def _share(heights: Tensor, widths: Tensor) -> Tensor:
    """(..., h, w, 1) float32; of one pixel in each rectangle of rows and columns."""
    return ((1 / heights)[..., :, None] * (1 / widths)[..., None, :])[..., None]
