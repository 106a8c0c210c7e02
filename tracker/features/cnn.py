"""Pre-trained CNNs as they are: the baselines that a learned embedding is measured against."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tracker.networks import NETWORKS, InputPreparation, load_body


class FixedNetwork:
    """A CNN up to its last features.

    AlexNet's are the 4096 numbers of fc7, after its ReLU: the baseline of Zhang et al., ECCV
    2016. A ResNet's are its pooled ones (512 or 2048), FaceNet's the 512 of unit length that it
    compares faces by.

    Attributes:
        size: how many numbers it gives for a crop.
    """

    def __init__(self, kind: str, weights: Path, device: torch.device) -> None:
        """Load the network called `kind`, one of `NETWORKS` but face, onto `device`.

        Raises:
            WeightsError: the file is damaged.
        """
        # It starts at random, until its weights are there: nobody else's numbers should change.
        with torch.random.fork_rng(devices=[]):
            body, self.size = load_body(kind, weights)
        self._body = body.eval().to(device)
        self._prepare = InputPreparation(NETWORKS[kind].inputs).to(device)
        self._device = device

    @torch.inference_mode()
    def describe(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """One vector (S, D) for each upright crop in `images` (S, side, side, 3) RGB.

        All are computed at once: give it few at a time.
        """
        if not len(images):
            return np.zeros((0, self.size), np.float32)
        pixels = torch.tensor(images, device=self._device).permute(0, 3, 1, 2).contiguous()
        vectors = self._body(self._prepare(pixels.float() / 255))
        return np.asarray(vectors.cpu().numpy(), np.float32)
