"""What is asked of a network: which faces it is shown, and what it loses by them.

An objective is refreshed now and then with where the network puts all faces; between that and
the next time, batches are drawn and scored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tracker.config import (
    IDENTITY_LOSSES,
    PLUS_QUADRUPLET,
    QUADRUPLET_LOSSES,
    EmbeddingConfig,
)
from tracker.embedding.hierarchy import class_distances, class_margins, nearest_apart
from tracker.embedding.identity_losses import make_identity_loss
from tracker.embedding.losses import (
    AdaptiveQuadrupletLoss,
    ContrastiveLoss,
    HierarchicalTripletLoss,
    QuadrupletLoss,
    QuadrupletTerm,
    SiameseBceLoss,
    SymTripletLoss,
    TripletLoss,
)
from tracker.embedding.mining import mine
from tracker.embedding.sampling import ConstraintSampler, IndexArray
from tracker.records import Constraints

Grouping = Callable[[NDArray[np.float32], Constraints], NDArray[np.int32]]
_TAUGHT_SHARE = 1 / 3  # of the steps, before identities are looked for
_NEIGHBOURS = 3  # that an anchor of anchor-neighbour mining is shown with
_MOST_MINED = 16  # times batch_triplets: beyond it, those of batch-all are too many to score
_HIERARCHY = "hierarchical-triplet"
_DEFAULT_MARGINS = {"contrastive": 1.0}  # of a distance, not its square
_DEFAULT_MARGIN = 0.5
_NO_TRIPLETS = np.zeros((0, 3), np.int64)
_NO_QUADRUPLETS = np.zeros((0, 4), np.int64)


class Batch(NamedTuple):
    """Faces, and the tuples of them that are scored, as places (rows of `faces`)."""

    faces: IndexArray  # (B,), each once
    triplets: IndexArray  # (T, 3)
    quadruplets: IndexArray  # (Q, 4)
    learner: int = -1  # whose it is, where the embedding is divided; -1: everybody's


class Objective(nn.Module):
    """What every objective can do; the losses differ in `draw` and `forward`."""

    wants_embeddings = False  # whether `refresh` uses them

    def refresh(
        self, embeddings: NDArray[np.float32] | None, rng: np.random.Generator, done: float
    ) -> None:
        """Learn where all faces (S, D) are now; None where they are not wanted.

        Args:
            done: 0 to 1, the share of the steps that are over; 1 from when learning winds down.
        """

    def draw(self, rng: np.random.Generator) -> Batch:
        """Choose the faces of a step."""
        raise NotImplementedError

    def forward(self, embeddings: Tensor, batch: Batch, generator: torch.Generator) -> Tensor:
        """Score a `batch` whose faces are at `embeddings` (B, D): a scalar."""
        raise NotImplementedError


class TupleObjective(Objective):
    """A loss on tuples drawn from the constraints before the network sees them."""

    def __init__(
        self, sampler: ConstraintSampler, loss: nn.Module, on_quadruplets: bool, count: int
    ) -> None:
        """Draw `count` triplets, or quadruplets, a step."""
        super().__init__()
        self.loss = loss
        self._sampler, self._count, self._on_quadruplets = sampler, count, on_quadruplets

    def draw(self, rng: np.random.Generator) -> Batch:
        """Tuples of random faces."""
        if self._on_quadruplets:
            return _batch_of(_NO_TRIPLETS, self._sampler.quadruplets(self._count, rng))
        return _batch_of(self._sampler.triplets(self._count, rng), _NO_QUADRUPLETS)

    def forward(self, embeddings: Tensor, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of the tuples that were drawn."""
        places = batch.quadruplets if self._on_quadruplets else batch.triplets
        loss: Tensor = self.loss(embeddings, _on(places, embeddings))
        return loss


class MinedObjective(Objective):
    """A loss on triplets that are chosen among a batch by where the network puts its faces.

    Anchor-neighbour mining shows some tracklets with those of other people that are nearest to
    them; the other ways draw tracklets that are seen together.
    """

    def __init__(
        self,
        sampler: ConstraintSampler,
        loss: nn.Module,
        mining: str,
        margin: float,
        config: EmbeddingConfig,
    ) -> None:
        super().__init__()
        self.loss = loss
        self._sampler, self._mining, self._margin, self._config = sampler, mining, margin, config
        self._distances: NDArray[np.floating] | None = None
        self.wants_embeddings = mining == "anchor-neighbour"

    def refresh(
        self, embeddings: NDArray[np.float32] | None, rng: np.random.Generator, done: float
    ) -> None:
        """Measure how near tracklets are to each other."""
        if embeddings is not None:
            self._distances = class_distances(embeddings, self._sampler.tracklet)

    def draw(self, rng: np.random.Generator) -> Batch:
        """Several faces each of several tracklets; triplets come later."""
        sampler, config = self._sampler, self._config
        count = config.batch_tracklets
        if self._distances is None:
            tracklets = sampler.tracklets_seen_together(count, rng)
        else:
            anchors = sampler.tracklets_seen_together(max(count // (1 + _NEIGHBOURS), 2), rng)
            near = nearest_apart(self._distances, sampler.apart, anchors, _NEIGHBOURS)
            tracklets = np.unique(np.concatenate([anchors, near[near >= 0]]))
        faces = sampler.spread_faces(tracklets, config.faces_per_tracklet, rng)
        return Batch(faces, _NO_TRIPLETS, _NO_QUADRUPLETS)

    def triplets(
        self, embeddings: Tensor, batch: Batch, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """The triplets (T, 3) that are mined of `batch`, and the tracklet (B,) of its faces."""
        of_face = torch.from_numpy(self._sampler.tracklet[batch.faces].astype(np.int64))
        apart = torch.from_numpy(self._sampler.apart[of_face[:, None], of_face])
        same = of_face[:, None] == of_face
        device = embeddings.device
        mined = mine(
            "batch-all" if self._mining == "anchor-neighbour" else self._mining,
            embeddings.detach(),
            same.to(device),
            apart.to(device),
            self._margin,
            _MOST_MINED * self._config.batch_triplets,
            generator,
        )
        return mined, of_face.to(device)

    def forward(self, embeddings: Tensor, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of the triplets that are mined."""
        loss: Tensor = self.loss(embeddings, self.triplets(embeddings, batch, generator)[0])
        return loss


class HierarchicalObjective(MinedObjective):
    """Mined triplets whose margins come from a tree of the tracklets (Ge et al., ECCV 2018)."""

    def __init__(
        self, sampler: ConstraintSampler, mining: str, margin: float, config: EmbeddingConfig
    ) -> None:
        super().__init__(sampler, HierarchicalTripletLoss(), mining, margin, config)
        self.wants_embeddings = True
        self._margins = torch.zeros(0)

    def refresh(
        self, embeddings: NDArray[np.float32] | None, rng: np.random.Generator, done: float
    ) -> None:
        """Make the tree anew."""
        assert embeddings is not None
        if self._mining == "anchor-neighbour":
            super().refresh(embeddings, rng, done)
        self._margins = torch.from_numpy(class_margins(embeddings, self._sampler.tracklet))

    def draw(self, rng: np.random.Generator) -> Batch:
        """Tuples, or faces that they are mined from."""
        if self._mining != "offline":
            return super().draw(rng)
        triplets = self._sampler.triplets(self._config.batch_triplets, rng)
        return _batch_of(triplets, _NO_QUADRUPLETS)

    def forward(self, embeddings: Tensor, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of the triplets, each with the margin of its two tracklets."""
        if self._mining == "offline":
            triplets = _on(batch.triplets, embeddings)
            of_face = _on(self._sampler.tracklet[batch.faces].astype(np.int64), embeddings)
        else:
            triplets, of_face = self.triplets(embeddings, batch, generator)
        anchor, _, negative = of_face[triplets].unbind(dim=1)
        margins = self._margins.to(embeddings.device)[anchor, negative]
        loss: Tensor = self.loss(embeddings, triplets, margins)
        return loss


class WithQuadruplets(Objective):
    """Another objective on triplets, plus the quadruplet loss's second term."""

    def __init__(
        self, first: Objective, sampler: ConstraintSampler, config: EmbeddingConfig
    ) -> None:
        super().__init__()
        self.first = first
        self.wants_embeddings = first.wants_embeddings
        self._sampler, self._count = sampler, config.batch_triplets
        self._term = QuadrupletTerm(config.quadruplet_margin)

    def refresh(
        self, embeddings: NDArray[np.float32] | None, rng: np.random.Generator, done: float
    ) -> None:
        """Refresh the other objective."""
        self.first.refresh(embeddings, rng, done)

    def draw(self, rng: np.random.Generator) -> Batch:
        """What the other draws, and quadruplets beside it."""
        batch = self.first.draw(rng)
        quadruplets = self._sampler.quadruplets(self._count, rng)
        faces = np.unique(np.concatenate([batch.faces, quadruplets.ravel()]))
        moved = np.searchsorted(faces, batch.faces)
        return Batch(faces, moved[batch.triplets], np.searchsorted(faces, quadruplets))

    def forward(self, embeddings: Tensor, batch: Batch, generator: torch.Generator) -> Tensor:
        """The sum of both."""
        first: Tensor = self.first(embeddings, batch, generator)
        second: Tensor = self._term(embeddings, _on(batch.quadruplets, embeddings))
        return first + second


class IdentityObjective(Objective):
    """A classification loss on pseudo-identities: people as they are found so far.

    Identities must be found in some metric, and wrong ones only confirm themselves: so at first
    `teacher`, another objective, learns from the constraints. From then on, at every refresh,
    the tracklets are grouped anew by where the network puts them, never against a cannot-link.
    Every group is drawn equally often.
    """

    wants_embeddings = True

    def __init__(
        self,
        sampler: ConstraintSampler,
        name: str,
        group: Grouping,
        teacher: Objective,
        config: EmbeddingConfig,
    ) -> None:
        super().__init__()
        self._name, self._group, self._config = name, group, config
        self._sampler, self._teacher = sampler, teacher
        self.loss: nn.Module | None = None  # none yet while the teacher is at work
        self._identity = np.zeros(0, np.int64)  # (S,) of each face

    def refresh(
        self, embeddings: NDArray[np.float32] | None, rng: np.random.Generator, done: float
    ) -> None:
        """Group the faces anew, and let every identity start at the mean of its faces."""
        if done < _TAUGHT_SHARE:
            return
        assert embeddings is not None
        of_tracklet = self._group(embeddings, self._sampler.constraints)
        self._identity = np.unique(of_tracklet, return_inverse=True)[1][self._sampler.tracklet]
        sums = np.zeros((int(self._identity.max()) + 1, embeddings.shape[1]), np.float32)
        np.add.at(sums, self._identity, embeddings)
        self.loss = make_identity_loss(self._name, torch.from_numpy(sums))

    def draw(self, rng: np.random.Generator) -> Batch:
        """Several faces each of several identities, whatever the lengths of their tracklets."""
        if self.loss is None:
            return self._teacher.draw(rng)
        wanted = self._config.batch_tracklets * self._config.faces_per_tracklet
        shown = self._sampler.shown
        identity = self._identity[shown]
        order = shown[np.argsort(identity, kind="stable")]
        counts = np.bincount(identity)
        identities = rng.choice(np.flatnonzero(counts), size=wanted)
        offsets = (rng.random(wanted) * counts[identities]).astype(np.int64)
        faces = order[(np.cumsum(counts) - counts)[identities] + offsets]
        return Batch(np.unique(faces), _NO_TRIPLETS, _NO_QUADRUPLETS)

    def forward(self, embeddings: Tensor, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of the faces and who they are taken for."""
        if self.loss is None:
            taught: Tensor = self._teacher(embeddings, batch, generator)
            return taught
        loss: Tensor = self.loss(embeddings, _on(self._identity[batch.faces], embeddings))
        return loss


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


def _batch_of(triplets: IndexArray, quadruplets: IndexArray) -> Batch:
    """A batch in which each face is once, however many tuples hold it."""
    wanted = np.concatenate([triplets.ravel(), quadruplets.ravel()])
    faces, places = np.unique(wanted, return_inverse=True)
    return Batch(
        faces,
        places[: triplets.size].reshape(triplets.shape),
        places[triplets.size :].reshape(quadruplets.shape),
    )


def _on(indices: NDArray[np.integer], beside: Tensor) -> Tensor:
    return torch.from_numpy(np.asarray(indices, np.int64)).to(beside.device)


def can_learn(sampler: ConstraintSampler, loss: str) -> bool:
    """Whether the constraints of `sampler` hold anything that `loss` learns from."""
    return sampler.has_quadruplets if loss in QUADRUPLET_LOSSES else len(sampler) > 0
