"""Triplets mined in a batch of P tracklets with K faces each, by where its faces now are.

Every miner takes the batch's embeddings (B, D); `same` (B, B), true for two faces of one
tracklet; and `apart` (B, B), true for two that surely are different people. It returns triplets
(T, 3) int64, rows of anchor, positive, negative, that index the batch; T may be 0. No face is
its own positive. Two faces that are neither `same` nor `apart` may be one person, and are never
a negative pair. Distances are squared Euclidean; a generator lives on the embeddings' device.
"""

from __future__ import annotations

import torch
from torch import Tensor

MINERS = ("batch-all", "batch-hard", "semi-hard", "distance-weighted")

_SMALLEST, _LARGEST = 0.5, 1.4  # the range of (not squared) distances in Wu et al.


def mine(
    name: str,
    embeddings: Tensor,
    same: Tensor,
    apart: Tensor,
    margin: float,
    most: int,
    generator: torch.Generator,
) -> Tensor:
    """Triplets (T, 3) by the miner of this `name`, one of `MINERS`.

    Args:
        margin: of the loss that they are for; only semi-hard heeds it.
        most: triplets at most; only batch-all heeds it, the others give one a pair or an anchor.
        generator: what batch-all and distance-weighted draw from.

    Raises:
        ValueError: no miner has this name.
    """
    match name:
        case "batch-all":
            return batch_all(embeddings, same, apart, most, generator)
        case "batch-hard":
            return batch_hard(embeddings, same, apart)
        case "semi-hard":
            return semi_hard(embeddings, same, apart, margin)
        case "distance-weighted":
            return distance_weighted(embeddings, same, apart, generator)
    raise ValueError(f"no miner is named {name!r}; there are {', '.join(MINERS)}")


@torch.no_grad()
def batch_all(
    embeddings: Tensor, same: Tensor, apart: Tensor, most: int, generator: torch.Generator
) -> Tensor:
    """Every valid triplet, or `most` different ones drawn at random where there are more.

    Where the faces are plays no part. Takes 8 bytes for each valid triplet, drawn or not.

    Source: Hermans et al., In Defense of the Triplet Loss for Person Re-Identification, 2017.
    """
    pairs = _positive_pairs(same, apart)
    counts = apart.sum(dim=1)[pairs[:, 0]]  # (M,) negatives of each pair's anchor
    ends = counts.cumsum(dim=0)
    total = int(counts.sum())
    if total <= most:
        chosen = torch.arange(total, device=same.device)
    else:
        chosen = torch.randperm(total, generator=generator, device=same.device)[:most]
    pair = torch.searchsorted(ends, chosen, right=True)
    rank = chosen - (ends - counts)[pair]
    negatives_first = apart.int().argsort(dim=1, descending=True, stable=True)
    negative = negatives_first[pairs[pair, 0], rank]
    return torch.cat([pairs[pair], negative[:, None]], dim=1)


@torch.no_grad()
def batch_hard(embeddings: Tensor, same: Tensor, apart: Tensor) -> Tensor:
    """One triplet for each anchor that has both: its farthest positive and nearest negative.

    Source: Hermans et al., In Defense of the Triplet Loss for Person Re-Identification, 2017.
    """
    positives = _without_itself(same)
    anchor = (positives.any(dim=1) & apart.any(dim=1)).nonzero().squeeze(dim=1)
    if not len(anchor):
        return _no_triplets(same)
    distances = _squared_distances(embeddings)[anchor]
    positive = distances.masked_fill(~positives[anchor], -torch.inf).argmax(dim=1)
    negative = distances.masked_fill(~apart[anchor], torch.inf).argmin(dim=1)
    return torch.stack([anchor, positive, negative], dim=1)


@torch.no_grad()
def semi_hard(embeddings: Tensor, same: Tensor, apart: Tensor, margin: float) -> Tensor:
    """One triplet for each positive pair that is not yet as it should be.

    Its negative is the nearest of those farther from the anchor than the positive, but by less
    than `margin`. Where there is none, it is the farthest of those nearer than the positive,
    the easiest of the hard ones: the hardest make all embeddings collapse into one point early
    in learning, and are the likeliest to be wrong constraints. A pair whose negatives all are
    beyond the margin has no loss, and gives no triplet.

    Source: Schroff et al., FaceNet: A Unified Embedding for Face Recognition and Clustering,
    CVPR 2015.
    """
    pairs = _positive_pairs(same, apart)
    if not len(pairs):
        return _no_triplets(same)
    anchor, positive = pairs.T
    distances = _squared_distances(embeddings)
    pull, push = distances[anchor, positive][:, None], distances[anchor]  # (M, 1), (M, B)
    nearer = apart[anchor] & (push <= pull)
    within = apart[anchor] & (push > pull) & (push < pull + margin)
    nearest_within = push.masked_fill(~within, torch.inf).argmin(dim=1)
    farthest_nearer = push.masked_fill(~nearer, -torch.inf).argmax(dim=1)
    negative = torch.where(within.any(dim=1), nearest_within, farthest_nearer)
    return torch.cat([pairs, negative[:, None]], dim=1)[(within | nearer).any(dim=1)]


@torch.no_grad()
def distance_weighted(
    embeddings: Tensor, same: Tensor, apart: Tensor, generator: torch.Generator
) -> Tensor:
    """One triplet for each positive pair, its negative drawn so that all distances are as likely.

    The chance of a negative at distance d is proportional to 1 / q(d), where
    q(d) = d^(D-2) (1 - d^2 / 4)^((D-3)/2) is the density of distances between random points of
    the unit sphere; below 0.5, to 1 / q(0.5), and from 1.4 on it is 0. A pair whose anchor has
    no negative within 1.4 gives no triplet.

    Source: Wu et al., Sampling Matters in Deep Embedding Learning, ICCV 2017.

    Args:
        embeddings: (B, D) of length 1.
    """
    distances = _squared_distances(embeddings)
    allowed = apart & (distances < _LARGEST**2)
    pairs = _positive_pairs(same, allowed)
    if not len(pairs):
        return _no_triplets(same)
    anchors, place, counts = torch.unique(pairs[:, 0], return_inverse=True, return_counts=True)
    rarity = _log_rarity(distances[anchors], embeddings.shape[1])
    chances = torch.softmax(rarity.masked_fill(~allowed[anchors], -torch.inf), dim=1)  # (A, B)
    # One draw for each of an anchor's pairs; drawing for every pair by itself takes longer.
    drawn = torch.multinomial(chances, int(counts.max()), replacement=True, generator=generator)
    rank = torch.arange(len(pairs), device=pairs.device) - (counts.cumsum(dim=0) - counts)[place]
    return torch.cat([pairs, drawn[place, rank][:, None]], dim=1)


def _log_rarity(squared_distances: Tensor, dimensions: int) -> Tensor:
    """The log of 1 / q(d), of squared distances of any shape, up to a constant."""
    squares = squared_distances.clamp(_SMALLEST**2, _LARGEST**2)
    return -(dimensions - 2) / 2 * squares.log() - (dimensions - 3) / 2 * (1 - squares / 4).log()


def _squared_distances(embeddings: Tensor) -> Tensor:
    """(B, B), of every two of `embeddings` (B, D)."""
    return torch.cdist(embeddings, embeddings).square()


def _without_itself(same: Tensor) -> Tensor:
    """`same` (B, B), false on the diagonal."""
    return same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)


def _positive_pairs(same: Tensor, apart: Tensor) -> Tensor:
    """(M, 2) anchor and positive, of every anchor that has a negative too; in order."""
    return (_without_itself(same) & apart.any(dim=1, keepdim=True)).nonzero()


def _no_triplets(same: Tensor) -> Tensor:
    return torch.zeros((0, 3), dtype=torch.int64, device=same.device)
