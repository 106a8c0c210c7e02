"""Which objective a loss and a way of mining make together."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from tracker.config import (
    IDENTITY_LOSSES,
    PLUS_QUADRUPLET,
    QUADRUPLET_LOSSES,
    EmbeddingConfig,
)
from tracker.embedding.losses import (
    AdaptiveQuadrupletLoss,
    ContrastiveLoss,
    QuadrupletLoss,
    SiameseBceLoss,
    SymTripletLoss,
    TripletLoss,
)
from tracker.embedding.objectives import (
    HierarchicalObjective,
    MinedObjective,
    Objective,
    TupleObjective,
    WithQuadruplets,
)
from tracker.embedding.pseudo_identities import Grouping, IdentityObjective
from tracker.embedding.sampling import ConstraintSampler

_HIERARCHY = "hierarchical-triplet"
_DEFAULT_MARGINS = {"contrastive": 1.0}  # of a distance, not its square
_DEFAULT_MARGIN = 0.5


def make_objective(
    sampler: ConstraintSampler, group: Grouping, config: EmbeddingConfig
) -> Objective:
    """The objective that `config` names, on the constraints of `sampler`."""
    if config.loss in IDENTITY_LOSSES:
        teacher = _on_tuples(sampler, "symtriplet", config.margin or _DEFAULT_MARGIN, config)
        return IdentityObjective(sampler, config.loss, group, teacher, config)
    name = config.loss.removesuffix(PLUS_QUADRUPLET)
    margin = config.margin or _DEFAULT_MARGINS.get(name, _DEFAULT_MARGIN)
    objective = _on_tuples(sampler, name, margin, config)
    if config.loss == name or not sampler.has_quadruplets:
        return objective
    return WithQuadruplets(objective, sampler, config)


def _on_tuples(
    sampler: ConstraintSampler, name: str, margin: float, config: EmbeddingConfig
) -> Objective:
    mining = config.mining
    if mining == "auto":
        mining = "anchor-neighbour" if name == _HIERARCHY else "offline"
    if name == _HIERARCHY:
        return HierarchicalObjective(sampler, mining, margin, config)
    loss = _make_loss(name, margin)
    if mining == "offline":
        on_quadruplets = name in QUADRUPLET_LOSSES
        return TupleObjective(sampler, loss, on_quadruplets, config.batch_triplets)
    return MinedObjective(sampler, loss, mining, margin, config)


def _make_loss(name: str, margin: float) -> nn.Module:
    makers: dict[str, Callable[[], nn.Module]] = {
        "symtriplet": lambda: SymTripletLoss(margin),
        "triplet": lambda: TripletLoss(margin),
        "contrastive": lambda: ContrastiveLoss(margin),
        "siamese-bce": SiameseBceLoss,
        "quadruplet": lambda: QuadrupletLoss(margin, margin / 2),
        "adaptive-quadruplet": AdaptiveQuadrupletLoss,
    }
    return makers[name]()


def can_learn(sampler: ConstraintSampler, loss: str) -> bool:
    """Whether the constraints of `sampler` hold anything that `loss` learns from."""
    return sampler.has_quadruplets if loss in QUADRUPLET_LOSSES else len(sampler) > 0
