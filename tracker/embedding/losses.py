"""Losses on mined triplets and quadruplets; D is the squared Euclidean distance."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

_FIRST_SCALE = 4.0  # p(same) is .98 at D = 0, .5 at 1, .02 at 2, where strangers are


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


class TripletLoss(nn.Module):
    """Keep the anchor closer to the positive than to the negative.

    Mean of max(0, D(a, p) - D(a, n) + margin).
    Source: Schroff et al., FaceNet: A Unified Embedding for Face Recognition and
    Clustering, CVPR 2015.
    """

    def __init__(self, margin: float) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, embeddings: Tensor, triplets: Tensor) -> Tensor:
        """Score `triplets` (T, 3), rows of anchor, positive, negative, over `embeddings` (B, D).

        Returns a scalar: 0, with zero gradients, when T is 0.
        """
        pull, push = _pull_and_push(embeddings, triplets)
        return torch.relu(pull - push + self.margin).sum() / max(len(triplets), 1)


class ContrastiveLoss(nn.Module):
    """Pull pairs of one person together, and push pairs of two until `margin` apart.

    Mean over pairs of y D + (1 - y) max(0, margin^2 - D), y = 1 for one person, 0 for two: the
    margin is of the distance, not of its square.
    Source: after Hadsell et al., Dimensionality Reduction by Learning an Invariant Mapping,
    CVPR 2006, who push with (margin - sqrt(D))^2.
    """

    def __init__(self, margin: float) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, embeddings: Tensor, triplets: Tensor) -> Tensor:
        """Score the pairs (a, p) and (a, n) of `triplets` (T, 3) over `embeddings` (B, D).

        Returns a scalar: 0, with zero gradients, when T is 0.
        """
        pull, push = _pull_and_push(embeddings, triplets)
        each = pull + torch.relu(self.margin**2 - push)
        return each.sum() / (2 * max(len(triplets), 1))


class SiameseBceLoss(nn.Module):
    """Tell pairs of one person from pairs of two by their distance alone.

    Mean over pairs of the binary cross-entropy of p(same) = sigmoid(offset - scale D), whose
    scale (positive) and offset are learned along; at the start, p is 1/2 at D = 1.
    Source: after Koch et al., Siamese Neural Networks for One-shot Image Recognition, ICML
    Deep Learning Workshop 2015, whose D is a weighted L1 distance.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(_FIRST_SCALE)))
        self.offset = nn.Parameter(torch.tensor(_FIRST_SCALE))

    def forward(self, embeddings: Tensor, triplets: Tensor) -> Tensor:
        """Score the pairs (a, p) and (a, n) of `triplets` (T, 3) over `embeddings` (B, D).

        Returns a scalar: 0, with zero gradients, when T is 0.
        """
        distances = torch.stack(_pull_and_push(embeddings, triplets))  # (2, T)
        logits = self.offset - self.log_scale.exp() * distances
        same = torch.stack([torch.ones_like(logits[0]), torch.zeros_like(logits[1])])
        total = binary_cross_entropy_with_logits(logits, same, reduction="sum")
        return total / (2 * max(len(triplets), 1))


class QuadrupletLoss(nn.Module):
    """The triplet loss, plus: a positive pair is closer than two other people are.

    Mean of max(0, D(a, p) - D(a, n1) + margin) + max(0, D(a, p) - D(n1, n2) + second_margin).
    Source: Chen et al., Beyond Triplet Loss: a Deep Quadruplet Network for Person
    Re-identification, CVPR 2017.
    """

    def __init__(self, margin: float, second_margin: float) -> None:
        super().__init__()
        self.first_term = TripletLoss(margin)
        self.second_term = QuadrupletTerm(second_margin)

    def forward(self, embeddings: Tensor, quadruplets: Tensor) -> Tensor:
        """Score `quadruplets` (Q, 4), rows of anchor, positive and two different negatives.

        Returns a scalar: 0, with zero gradients, when Q is 0.
        """
        first: Tensor = self.first_term(embeddings, quadruplets[:, :3])
        second: Tensor = self.second_term(embeddings, quadruplets)
        return first + second


class AdaptiveQuadrupletLoss(nn.Module):
    """The quadruplet loss with margins that grow as far as the batch is already separated.

    The margins are `weight` and `second_weight` times max(0, mean D(n) - mean D(p)): of the
    batch's negative pairs, (a, n1) and (n1, n2), and its positive ones. No gradient flows
    through them.
    Source: Chen et al., Beyond Triplet Loss: a Deep Quadruplet Network for Person
    Re-identification, CVPR 2017.
    """

    def __init__(self, weight: float = 1.0, second_weight: float = 0.5) -> None:
        super().__init__()
        self.weight = weight
        self.second_weight = second_weight

    def forward(self, embeddings: Tensor, quadruplets: Tensor) -> Tensor:
        """Score `quadruplets` (Q, 4), rows of anchor, positive and two different negatives.

        Returns a scalar: 0, with zero gradients, when Q is 0.
        """
        count = max(len(quadruplets), 1)
        pull, push = _pull_and_push(embeddings, quadruplets[:, :3])
        between = squared_distance(*embeddings[quadruplets[:, 2:]].unbind(dim=1))
        gap = torch.relu(((push + between) / 2 - pull).sum() / count).detach()
        first = torch.relu(pull - push + self.weight * gap)
        second = torch.relu(pull - between + self.second_weight * gap)
        return (first + second).sum() / count


class HierarchicalTripletLoss(nn.Module):
    """The triplet loss with a margin for each triplet: how far apart its classes are in a tree.

    Mean of 1/2 max(0, D(a, p) - D(a, n) + margin of the triplet).
    Source: Ge et al., Deep Metric Learning with Hierarchical Triplet Loss, ECCV 2018.
    """

    def forward(self, embeddings: Tensor, triplets: Tensor, margins: Tensor) -> Tensor:
        """Score `triplets` (T, 3), each with its own of `margins` (T,), over `embeddings` (B, D).

        Returns a scalar: 0, with zero gradients, when T is 0.
        """
        pull, push = _pull_and_push(embeddings, triplets)
        return torch.relu(pull - push + margins).sum() / (2 * max(len(triplets), 1))


def _pull_and_push(embeddings: Tensor, triplets: Tensor) -> tuple[Tensor, Tensor]:
    """D(a, p) and D(a, n), both (T,), of `triplets` (T, 3) over `embeddings` (B, D)."""
    anchor, positive, negative = embeddings[triplets].unbind(dim=1)  # each (T, D)
    return squared_distance(anchor, positive), squared_distance(anchor, negative)
