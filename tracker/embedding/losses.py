"""Losses on mined triplets and quadruplets; D is the squared Euclidean distance."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def squared_distance(a: Tensor, b: Tensor) -> Tensor:
    """Squared Euclidean distances (T,) between the rows of `a` and `b` (T, D)."""
    return (a - b).square().sum(dim=-1)


class SymTripletLoss(nn.Module):
    """Pull a positive pair together and push both its members from the negative.

    Mean of 1/2 max(0, D(a, p) - (D(a, n) + D(p, n)) / 2 + margin).
    Source: Zhang et al., Tracking Persons-of-Interest via Adaptive Discriminative
    Features, ECCV 2016.
    """

    def __init__(self, margin: float) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, embeddings: Tensor, triplets: Tensor) -> Tensor:
        """Score `triplets` (T, 3), rows of anchor, positive, negative, over `embeddings` (B, D).

        Returns a scalar: 0, with zero gradients, when T is 0.
        """
        anchor, positive, negative = embeddings[triplets].unbind(dim=1)  # each (T, D)
        pull = squared_distance(anchor, positive)
        push = (squared_distance(anchor, negative) + squared_distance(positive, negative)) / 2
        return torch.relu(pull - push + self.margin).sum() / (2 * max(len(triplets), 1))


class QuadrupletTerm(nn.Module):
    """Keep a positive pair closer than two other people are to each other.

    Mean of max(0, D(a, p) - D(n1, n2) + margin): the second term of the quadruplet loss,
    to be added to a triplet loss. Source: Chen et al., Beyond Triplet Loss: a Deep
    Quadruplet Network for Person Re-identification, CVPR 2017.
    """

    def __init__(self, margin: float) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, embeddings: Tensor, quadruplets: Tensor) -> Tensor:
        """Score `quadruplets` (Q, 4), rows of anchor, positive and two different negatives.

        Returns a scalar: 0, with zero gradients, when Q is 0.
        """
        anchor, positive, first, second = embeddings[quadruplets].unbind(dim=1)  # each (Q, D)
        pull, push = squared_distance(anchor, positive), squared_distance(first, second)
        return torch.relu(pull - push + self.margin).sum() / max(len(quadruplets), 1)
