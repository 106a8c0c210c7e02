"""Constraints kept from learning, which tell how well it goes on faces never seen."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from tracker.embedding.losses import squared_distance
from tracker.embedding.sampling import ConstraintSampler, IndexArray
from tracker.records import Constraints

MIN_HELD_PAIRS = 4  # fewer judge nothing
_JUDGED_TRIPLETS = 2000


def hold_out(
    constraints: Constraints, share: float, rng: np.random.Generator
) -> tuple[Constraints, Constraints]:
    """Split the sure cannot-links: those to learn from, and those to be judged by.

    Tracklets that are linked, however distantly, stay on one side, so that no face that
    judges is ever learned from; as a rule they are the tracklets of one shot.

    Args:
        share: of the pairs to hold out, about, and `MIN_HELD_PAIRS` at least. None is where
            it is 0, where that would be over a fifth of them, and where everything hangs
            together.
    """
    pairs = constraints.negatives
    group = _linked_groups(pairs, constraints.tracklet_count)[pairs[:, 0]]
    wanted = share * len(pairs)
    if share and len(pairs) >= 5 * MIN_HELD_PAIRS:
        wanted = max(wanted, MIN_HELD_PAIRS)
    sizes, chosen, total = np.bincount(group), list[int](), 0
    for one in rng.permutation(np.unique(group)).tolist():
        if total + sizes[one] <= 1.5 * wanted:  # a crowd scene would take all
            chosen.append(one)
            total += int(sizes[one])
        if total >= wanted:
            break
    held = np.isin(group, chosen if total >= MIN_HELD_PAIRS else [])
    count = constraints.tracklet_count
    return Constraints(count, pairs[~held]), Constraints(count, pairs[held])


def judging_triplets(
    tracklet: NDArray[np.integer], held: Constraints, rng: np.random.Generator
) -> IndexArray:
    """Faces (n, 3): two of one tracklet and one of another person; n is 0 if none are held."""
    if not len(held.cannot_link):
        return np.zeros((0, 3), np.int64)
    triplets = ConstraintSampler(tracklet, held).triplets(_JUDGED_TRIPLETS, rng)
    are_two = triplets[:, 0] != triplets[:, 1]  # a face is as near to itself as can be
    return np.asarray(triplets[are_two], np.int64)


def constraint_accuracy(embeddings: Tensor, triplets: Tensor) -> float:
    """The share of `triplets` (n, 3) whose first two faces are nearer than either to the third.

    Args:
        embeddings: (B, D), which `triplets` names rows of.
    """
    anchor, positive, negative = embeddings[triplets].unbind(dim=1)
    nearest = torch.minimum(
        squared_distance(anchor, negative), squared_distance(positive, negative)
    )
    return float((squared_distance(anchor, positive) < nearest).float().mean())


def _linked_groups(pairs: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    """The group (T,) of each tracklet: those of one group are linked by `pairs`."""
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    groups: NDArray[np.int32] = connected_components(links, directed=False)[1]
    return groups
