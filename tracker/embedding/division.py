"""Divide and conquer: each learner has a part of the embedding, and a cluster of the faces.

Source: Sanakoyeu, Tschernezki, Büchler and Ommer, Divide and Conquer the Embedding Space for
Metric Learning, CVPR 2019.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import ClusterError, kmeans2
from torch import Tensor, nn

from tracker.config import EmbeddingConfig
from tracker.embedding.compensation import tracklet_means, unit_length
from tracker.embedding.objectives import Batch, Objective
from tracker.embedding.pseudo_identities import Grouping
from tracker.embedding.recipes import can_learn, make_objective
from tracker.embedding.sampling import ConstraintSampler

_MOST_TRIES = 10  # of k-means, from other starts


class DividedObjective(Objective):
    """An objective a learner while learning goes on, and the whole one when it winds down.

    At every refresh the tracklets are clustered by where they are now (k-means); each learner
    is shown the constraints that touch its cluster, and only its part of the embedding is
    scored. At the end all parts learn together from all constraints.
    """

    wants_embeddings = True

    def __init__(
        self, sampler: ConstraintSampler, group: Grouping, config: EmbeddingConfig
    ) -> None:
        super().__init__()
        self._sampler, self._group, self._config = sampler, group, config
        size = config.dim // config.learners
        self._slices = [slice(start, start + size) for start in range(0, config.dim, size)]
        self._whole = make_objective(sampler, group, config)
        self._parts: list[int] = []
        self._learners = nn.ModuleList()

    def refresh(
        self, embeddings: NDArray[np.float32] | None, rng: np.random.Generator, done: float
    ) -> None:
        """Give every learner its cluster; none that has no constraint takes part."""
        assert embeddings is not None
        self._parts, self._learners = [], nn.ModuleList()
        if done >= 1:
            _refresh(self._whole, embeddings, rng, done)
            return
        count = self._sampler.constraints.tracklet_count
        means = tracklet_means(embeddings, self._sampler.tracklet, count)
        cluster = _clusters(means, len(self._slices), rng)
        for part, own in enumerate(self._slices):
            sampler = self._sampler.among(cluster == part)
            if can_learn(sampler, self._config.loss):
                objective = make_objective(sampler, self._group, self._config)
                _refresh(objective, unit_length(embeddings[:, own]), rng, done)
                self._parts.append(part)
                self._learners.append(objective)

    def draw(self, rng: np.random.Generator) -> Batch:
        """A batch of one learner, or of all."""
        if not self._parts:
            return self._whole.draw(rng)
        turn = int(rng.integers(len(self._parts)))
        learner: Objective = self._learners[turn]  # type: ignore[assignment]
        return learner.draw(rng)._replace(learner=turn)

    def forward(self, embeddings: Tensor, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of the batch in its learner's part of the embedding."""
        if batch.learner < 0:
            whole: Tensor = self._whole(embeddings, batch, generator)
            return whole
        own = embeddings[:, self._slices[self._parts[batch.learner]]]
        loss: Tensor = self._learners[batch.learner](
            nn.functional.normalize(own, dim=1), batch, generator
        )
        return loss


def _refresh(
    objective: Objective,
    embeddings: NDArray[np.float32],
    rng: np.random.Generator,
    done: float,
) -> None:
    objective.refresh(embeddings if objective.wants_embeddings else None, rng, done)


def _clusters(
    means: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """The cluster (T,) of each of `means` (T, D), by k-means; all 0 where it finds none."""
    count = min(count, len(np.unique(means, axis=0)))
    for _ in range(_MOST_TRIES):
        with suppress(ClusterError):  # one has lost all its members
            _, cluster = kmeans2(means, count, minit="++", missing="raise", seed=rng)
            return np.asarray(cluster, np.int32)
    return np.zeros(len(means), np.int32)
