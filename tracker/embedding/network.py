"""The head that maps fixed features to the learned embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_HIDDEN = 256


class SeededDropout(nn.Module):
    """Dropout that draws from a generator of its own.

    torch's draws from one generator for the whole program, so that networks trained side by
    side in threads would come out differently every time.
    """

    def __init__(self, share: float, seed: int) -> None:
        super().__init__()
        self.share = share
        self.seed = seed
        self.generator: torch.Generator | None = None

    def restart(self, seed: int) -> None:
        """Draw from `seed` on."""
        self.seed, self.generator = seed, None

    def forward(self, values: Tensor) -> Tensor:
        """Zero a `share` of `values`, while training, and scale up the rest."""
        if not self.training or self.share == 0:
            return values
        if self.generator is None:
            self.generator = torch.Generator(values.device).manual_seed(self.seed)
        kept = torch.rand(values.shape, generator=self.generator, device=values.device)
        return values * (kept >= self.share) / (1 - self.share)


class EmbeddingHead(nn.Module):
    """Linear 256, ReLU, dropout, linear: a new metric, learned from nothing.

    For features whose own distances say little about who somebody is.
    """

    def __init__(
        self, input_size: int, dim: int, dropout: float, seed: int, unit_length: bool = True
    ) -> None:
        super().__init__()
        self.unit_length = unit_length
        self.layers = nn.Sequential(
            nn.Linear(input_size, _HIDDEN),
            nn.ReLU(),
            SeededDropout(dropout, seed),
            nn.Linear(_HIDDEN, dim),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Embed `features` (B, D) as (B, dim), on the unit sphere unless told otherwise."""
        moved: Tensor = self.layers(features)
        return nn.functional.normalize(moved, dim=1) if self.unit_length else moved


class CorrectingHead(nn.Module):
    """A projection that keeps the features' own metric, plus a correction that starts at zero.

    For features that were trained to tell people apart: learning starts at what they know.
    """

    def __init__(
        self, projection: Tensor, dropout: float, seed: int, unit_length: bool = True
    ) -> None:
        """Start at `projection` (dim, D), applied to centred features."""
        super().__init__()
        self.unit_length = unit_length
        dim, size = projection.shape
        self.projection = nn.Linear(size, dim)
        self.correction = EmbeddingHead(size, dim, dropout, seed).layers
        with torch.no_grad():
            self.projection.weight.copy_(projection)
            self.projection.bias.zero_()
            for parameter in self.correction[-1].parameters():
                parameter.zero_()

    def forward(self, features: Tensor) -> Tensor:
        """Embed `features` (B, D) as (B, dim), on the unit sphere unless told otherwise."""
        moved: Tensor = self.projection(features) + self.correction(features)
        return nn.functional.normalize(moved, dim=1) if self.unit_length else moved
