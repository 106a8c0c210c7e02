"""What is asked of a network: which faces it is shown, and what it loses by them.

An objective is refreshed now and then with where the network puts all faces; between that and
the next time, batches are drawn and scored.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tracker.config import EmbeddingConfig
from tracker.embedding.hierarchy import class_distances, class_margins, nearest_apart
from tracker.embedding.losses import HierarchicalTripletLoss, QuadrupletTerm
from tracker.embedding.mining import mine
from tracker.embedding.sampling import ConstraintSampler, IndexArray

_NEIGHBOURS = 3  # that an anchor of anchor-neighbour mining is shown with
_MOST_MINED = 16  # times batch_triplets: beyond it, those of batch-all are too many to score
NO_TRIPLETS = np.zeros((0, 3), np.int64)
NO_QUADRUPLETS = np.zeros((0, 4), np.int64)


class Batch(NamedTuple):
    """Faces, and the tuples of them that are scored, as places (rows of `faces`)."""

    faces: IndexArray  # (B,), each once
    triplets: IndexArray  # (T, 3)
    quadruplets: IndexArray  # (Q, 4)
    learner: int = -1  # whose it is, where the embedding is divided; -1: everybody's


class Objective(nn.Module):
    """What every objective can do; the losses differ in `draw` and `forward`."""

    wants_embeddings = False  # whether `refresh` uses them
    settling_share = 0.0  # of the steps, the first of which prepare for the rest

    def refresh(
        self, embeddings: NDArray[np.float32] | None, rng: np.random.Generator, done: float
    ) -> None:
        """Learn where all faces (S, D) are now; None where they are not wanted.

        Args:
            done: 0 to 1, the share of the steps that are over; 1 from when learning ends.
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
            return batch_of(NO_TRIPLETS, self._sampler.quadruplets(self._count, rng))
        return batch_of(self._sampler.triplets(self._count, rng), NO_QUADRUPLETS)

    def forward(self, embeddings: Tensor, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of the tuples that were drawn."""
        places = batch.quadruplets if self._on_quadruplets else batch.triplets
        loss: Tensor = self.loss(embeddings, on_device(places, embeddings))
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
            apart = sampler.apart[anchors].toarray()
            near = nearest_apart(self._distances, apart, anchors, _NEIGHBOURS)
            tracklets = np.unique(np.concatenate([anchors, near[near >= 0]]))
        faces = sampler.spread_faces(tracklets, config.faces_per_tracklet, rng)
        return Batch(faces, NO_TRIPLETS, NO_QUADRUPLETS)

    def triplets(
        self, embeddings: Tensor, batch: Batch, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """The triplets (T, 3) that are mined of `batch`, and the tracklet (B,) of its faces."""
        of_face = torch.from_numpy(self._sampler.tracklet[batch.faces].astype(np.int64))
        among, place = np.unique(of_face.numpy(), return_inverse=True)
        among_them = self._sampler.apart[among][:, among].toarray()
        apart = torch.from_numpy(among_them[place[:, None], place])
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
        return batch_of(triplets, NO_QUADRUPLETS)

    def forward(self, embeddings: Tensor, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of the triplets, each with the margin of its two tracklets."""
        if self._mining == "offline":
            triplets = on_device(batch.triplets, embeddings)
            of_face = on_device(self._sampler.tracklet[batch.faces].astype(np.int64), embeddings)
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
        second: Tensor = self._term(embeddings, on_device(batch.quadruplets, embeddings))
        return first + second


def batch_of(triplets: IndexArray, quadruplets: IndexArray) -> Batch:
    """A batch in which each face is once, however many tuples hold it."""
    wanted = np.concatenate([triplets.ravel(), quadruplets.ravel()])
    faces, places = np.unique(wanted, return_inverse=True)
    return Batch(
        faces,
        places[: triplets.size].reshape(triplets.shape),
        places[triplets.size :].reshape(quadruplets.shape),
    )


def on_device(indices: NDArray[np.integer], beside: Tensor) -> Tensor:
    """`indices` as int64, where the tensor `beside` is."""
    return torch.from_numpy(np.asarray(indices, np.int64)).to(beside.device)
