"""Divide and conquer: each learner has a part of the embedding, and a cluster of the faces.

Source: Sanakoyeu, Tschernezki, Büchler and Ommer, Divide and Conquer the Embedding Space for
Metric Learning, CVPR 2019.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from torch import Tensor, nn

from tracker.config import EmbeddingConfig
from tracker.embedding.compensation import tracklet_means, unit_length
from tracker.embedding.objectives import Batch, Grouping, Objective, can_learn, make_objective
from tracker.embedding.sampling import ConstraintSampler


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
        self._learners: list[tuple[int, Objective]] = []

    def refresh(
        self, embeddings: NDArray[np.float32] | None, rng: np.random.Generator, done: float
    ) -> None:
        """Give every learner its cluster; none that has no constraint takes part."""
        assert embeddings is not None
        if done >= 1:
            self._learners = []
            self._whole.refresh(embeddings, rng, done)
            return
        count = self._sampler.constraints.tracklet_count
        means = tracklet_means(embeddings, self._sampler.tracklet, count)
        cluster = _clusters(means, len(self._slices), rng)
        samplers = [self._sampler.among(cluster == part) for part in range(len(self._slices))]
        self._learners = [
            (part, make_objective(sampler, self._group, self._config))
            for part, sampler in enumerate(samplers)
            if can_learn(sampler, self._config.loss)
        ]
        for part, objective in self._learners:
            objective.refresh(unit_length(embeddings[:, self._slices[part]]), rng, done)

    def draw(self, rng: np.random.Generator) -> Batch:
        """A batch of one learner, or of all."""
        if not self._learners:
            return self._whole.draw(rng)
        turn = int(rng.integers(len(self._learners)))
        return self._learners[turn][1].draw(rng)._replace(part=turn)

    def forward(self, embeddings: Tensor, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of the batch in its learner's part of the embedding."""
        if batch.part < 0:
            whole: Tensor = self._whole(embeddings, batch, generator)
            return whole
        part, objective = self._learners[batch.part]
        own = nn.functional.normalize(embeddings[:, self._slices[part]], dim=1)
        loss: Tensor = objective(own, batch, generator)
        return loss


def _clusters(
    means: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """The cluster (T,) of each of `means` (T, D), by k-means; some may be empty."""
    starts = means[rng.choice(len(means), min(count, len(means)), replace=False)]
    found: NDArray[np.int32] = kmeans2(means, starts, iter=20, minit="matrix", missing="warn")[1]
    return found
