"""Changing pictures of faces at random, in ways that keep who they are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_MIRRORED_SHARE = 0.5
_MOST_TINT = 0.25  # brightness, contrast and saturation times 1 plus or minus this
_BLURRED_SHARE = 0.3
_BLUR = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)  # a Gaussian of 1 pixel
_MOST_SHIFT = 0.05  # of the side
_MOST_ZOOM = 0.08
_ERASED_SHARE = 0.3
_ERASED_SIDE = (0.15, 0.4)  # least and most of the picture's
_LUMA = (0.299, 0.587, 0.114)


def to_float(crops: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) float32 in [0, 1] of `crops` (B, H, W, 3) uint8."""
    return crops.permute(0, 3, 1, 2).contiguous().float() / 255


@torch.no_grad()
def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """A changed copy of `images` (B, 3, H, W) in [0, 1], each changed in its own way.

    Mirrored or not; tinted; some blurred; moved and zoomed by a few percent; in some a
    rectangle is filled with its mean colour.

    Args:
        generator: what all choices are drawn from, on the device of the images.
    """
    if not len(images):
        return images.clone()
    images = _mirror(images, generator)
    images = _tint(images, generator)
    images = _blur(images, generator)
    images = _move(images, generator)
    return _erase(images, generator)


def _uniform(images: Tensor, low: float, high: float, generator: torch.Generator) -> Tensor:
    """A number (B, 1, 1, 1) in [low, high) for each of `images`."""
    drawn = torch.rand(
        (len(images), 1, 1, 1), generator=generator, device=images.device, dtype=images.dtype
    )
    return low + (high - low) * drawn


def _chosen(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Which (B, 1, 1, 1) of `images` are among a random `share` of them."""
    return _uniform(images, 0.0, 1.0, generator) < share


def _mirror(images: Tensor, generator: torch.Generator) -> Tensor:
    return torch.where(_chosen(images, _MIRRORED_SHARE, generator), images.flip(3), images)


def _tint(images: Tensor, generator: torch.Generator) -> Tensor:
    """Brighter or darker, more or less contrast, more or less colour."""
    brightness, contrast, saturation = (
        _uniform(images, 1 - _MOST_TINT, 1 + _MOST_TINT, generator) for _ in range(3)
    )
    images = (images * brightness).clamp(0, 1)
    mean = _grey(images).mean(dim=(2, 3), keepdim=True)
    images = torch.lerp(mean.expand_as(images), images, contrast).clamp(0, 1)
    return torch.lerp(_grey(images).expand_as(images), images, saturation).clamp(0, 1)


def _grey(images: Tensor) -> Tensor:
    """The brightness (B, 1, H, W) of `images`."""
    return (images * images.new_tensor(_LUMA).reshape(3, 1, 1)).sum(dim=1, keepdim=True)


def _blur(images: Tensor, generator: torch.Generator) -> Tensor:
    """Some of `images` blended with their blur, each by a share of its own."""
    chosen = _chosen(images, _BLURRED_SHARE, generator)
    share = _uniform(images, 0.0, 1.0, generator) * chosen
    line = images.new_tensor(_BLUR)
    kernel = (line[:, None] * line).expand(3, 1, 5, 5)
    padded = functional.pad(images, (2, 2, 2, 2), mode="replicate")
    return torch.lerp(images, functional.conv2d(padded, kernel, groups=3), share)


def _move(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shifted and zoomed; beyond the edge the border is repeated."""
    zoom = _uniform(images, 1 - _MOST_ZOOM, 1 + _MOST_ZOOM, generator).flatten()
    across, down = (
        # A picture is 2 wide, in the units of affine_grid.
        _uniform(images, -2 * _MOST_SHIFT, 2 * _MOST_SHIFT, generator).flatten()
        for _ in range(2)
    )
    zero = torch.zeros_like(zoom)
    maps = torch.stack([zoom, zero, across, zero, zoom, down], dim=1).reshape(-1, 2, 3)
    grid = functional.affine_grid(maps, list(images.shape), align_corners=False)
    moved = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return moved.clamp(0, 1)


def _erase(images: Tensor, generator: torch.Generator) -> Tensor:
    """In some of `images`, a rectangle filled with its mean colour."""
    inside = _chosen(images, _ERASED_SHARE, generator)
    for axis in (2, 3):
        side = images.shape[axis]
        length = _uniform(images, *_ERASED_SIDE, generator) * side
        start = _uniform(images, 0.0, 1.0, generator) * (side - length)
        shape = (1, 1, side, 1) if axis == 2 else (1, 1, 1, side)
        place = torch.arange(side, device=images.device).reshape(shape) + 0.5
        inside = inside & (place >= start) & (place < start + length)
    count = inside.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    mean = (images * inside).sum(dim=(2, 3), keepdim=True) / count
    return torch.where(inside, mean, images)
