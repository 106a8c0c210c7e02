"""What a network is given of the faces: features, or pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tracker.embedding.augmentation import augment, to_float
from tracker.embedding.sampling import IndexArray


class Inputs(Protocol):
    """The faces (S,) of a video, as a network takes them."""

    part_faces: int  # that are embedded at a time

    def __len__(self) -> int:
        """How many faces there are."""
        ...

    def of(self, faces: IndexArray) -> Tensor:
        """Those of `faces` (B,), as they are."""
        ...

    def changed(self, faces: IndexArray, generator: torch.Generator) -> Tensor:
        """Those of `faces` (B,), changed at random in ways that keep who they are."""
        ...


class FeatureInputs:
    """Fixed features, all on the device; placed and scaled as they are asked for, never copied."""

    part_faces = 4096

    def __init__(
        self,
        features: NDArray[np.float32],
        device: torch.device,
        centre: NDArray[np.float32] | None = None,
        scale: float = 1.0,
    ) -> None:
        """Take `features` (S, P).

        Args:
            centre: (P,), which is subtracted from all; None: nothing is.
            scale: what they are then multiplied by.
        """
        self._features = torch.from_numpy(np.ascontiguousarray(features)).to(device)
        self._centre = None if centre is None else torch.from_numpy(centre).to(device)
        self._scale = scale

    def __len__(self) -> int:
        return len(self._features)

    def of(self, faces: IndexArray) -> Tensor:
        """Features (B, P)."""
        features = self._features[torch.from_numpy(faces).to(self._features.device)]
        if self._centre is not None:
            features -= self._centre
        return features if self._scale == 1 else features.mul_(self._scale)

    def changed(self, faces: IndexArray, generator: torch.Generator) -> Tensor:
        """Features (B, P), as they are: nothing is known that would keep who they are."""
        return self.of(faces)


class CropInputs:
    """Pictures, read as they are needed and made floats on the device."""

    part_faces = 128

    def __init__(self, images: NDArray[np.uint8], most_px: int, device: torch.device) -> None:
        """Read from `images` (S, side, side, 3) RGB, which may be a memory map.

        Args:
            most_px: side of the pictures at most: a network that wants smaller ones should not
                pay for changing large ones.
        """
        self._images = images
        self._side = min(most_px, images.shape[1])
        self._device = device

    def __len__(self) -> int:
        return len(self._images)

    def of(self, faces: IndexArray) -> Tensor:
        """Pictures (B, 3, side, side) in [0, 1]."""
        pictures = to_float(torch.from_numpy(self._images[faces]).to(self._device))
        if pictures.shape[2] == self._side:
            return pictures
        size = (self._side, self._side)
        return nn.functional.interpolate(pictures, size, mode="bilinear", antialias=True)

    def changed(self, faces: IndexArray, generator: torch.Generator) -> Tensor:
        """Pictures (B, 3, side, side) in [0, 1]: mirrored, tinted, blurred, moved, erased."""
        return augment(self.of(faces), generator)


@torch.no_grad()
def embed(network: nn.Module, inputs: Inputs, faces: IndexArray | None = None) -> Tensor:
    """The embeddings of `faces` (B,), all by default; `network` is left as it was."""
    wanted = np.arange(len(inputs)) if faces is None else faces
    was_training = network.training
    network.eval()
    parts = [network(inputs.of(part)) for part in _parts(wanted, inputs.part_faces)]
    network.train(was_training)
    return torch.cat(parts)


def _parts(faces: IndexArray, size: int) -> Iterator[IndexArray]:
    for start in range(0, max(len(faces), 1), size):
        yield faces[start : start + size]
