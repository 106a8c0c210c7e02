"""A classification loss on people as they are found so far."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tracker.config import EmbeddingConfig
from tracker.embedding.identity_losses import make_identity_loss
from tracker.embedding.objectives import (
    NO_QUADRUPLETS,
    NO_TRIPLETS,
    Batch,
    Objective,
    on_device,
)
from tracker.embedding.sampling import ConstraintSampler
from tracker.records import Constraints

Grouping = Callable[[NDArray[np.float32], Constraints], NDArray[np.int32]]


class IdentityObjective(Objective):
    """A classification loss on pseudo-identities: people as they are found so far.

    Identities must be found in some metric, and wrong ones only confirm themselves: so at first
    `teacher`, another objective, learns from the constraints. From then on, at every refresh,
    the tracklets are grouped anew by where the network puts them, never against a cannot-link.
    Every group is drawn equally often.
    """

    wants_embeddings = True
    settling_share = 1 / 3  # of the steps, before identities are looked for

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
        self._order = np.zeros(0, np.int64)  # the faces that are shown, by identity
        self._counts = np.zeros(0, np.int64)  # how many of them each identity has

    def refresh(
        self, embeddings: NDArray[np.float32] | None, rng: np.random.Generator, done: float
    ) -> None:
        """Group the faces anew, and let every identity start at the mean of its faces."""
        if done < self.settling_share:
            return
        assert embeddings is not None
        of_tracklet = self._group(embeddings, self._sampler.constraints)
        self._identity = np.unique(of_tracklet, return_inverse=True)[1][self._sampler.tracklet]
        shown = self._sampler.shown
        identity = self._identity[shown]
        self._order = shown[np.argsort(identity, kind="stable")]
        self._counts = np.bincount(identity)
        sums = np.zeros((int(self._identity.max()) + 1, embeddings.shape[1]), np.float32)
        np.add.at(sums, self._identity, embeddings)
        self.loss = make_identity_loss(self._name, torch.from_numpy(sums))

    def draw(self, rng: np.random.Generator) -> Batch:
        """Several faces each of several identities, whatever the lengths of their tracklets."""
        if self.loss is None:
            return self._teacher.draw(rng)
        wanted = self._config.batch_tracklets * self._config.faces_per_tracklet
        counts = self._counts
        identities = rng.choice(np.flatnonzero(counts), size=wanted)
        offsets = (rng.random(wanted) * counts[identities]).astype(np.int64)
        faces = self._order[(np.cumsum(counts) - counts)[identities] + offsets]
        return Batch(np.unique(faces), NO_TRIPLETS, NO_QUADRUPLETS)

    def forward(self, embeddings: Tensor, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of the faces and who they are taken for."""
        if self.loss is None:
            taught: Tensor = self._teacher(embeddings, batch, generator)
            return taught
        loss: Tensor = self.loss(embeddings, on_device(self._identity[batch.faces], embeddings))
        return loss
