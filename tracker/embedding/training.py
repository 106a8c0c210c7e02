"""Learning the embedding of one video from its tracklets and cannot-links."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event, Lock
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tracker.config import EmbeddingConfig
from tracker.devices import one_thread
from tracker.embedding.evidence import MIN_PAIRS
from tracker.embedding.losses import QuadrupletTerm, SymTripletLoss
from tracker.embedding.metric import Metric
from tracker.embedding.network import EMBEDDING_SIZE, CorrectingHead, EmbeddingHead
from tracker.embedding.preparation import principal_directions
from tracker.embedding.sampling import ConstraintSampler, IndexArray
from tracker.records import Constraints

_EMBED_ROWS = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """The faces of a video in the metric that is right for it.

    The distance to cluster by is `raw_share` times that of the features' own metric, plus the
    rest times that of `learned`.

    Attributes:
        learned: (S, 64) float32; the metric's 64 main directions where nothing was learned.
        raw_share: 0 to 1.
        loss_curve: (steps,) float32, mean of the heads; empty where nothing was learned.
        weights: the networks and their preparations, by name.
        note: one line for the user on what was learned from what; empty without faces.
    """

    learned: NDArray[np.float32]
    raw_share: float
    loss_curve: NDArray[np.float32]
    weights: dict[str, NDArray[np.float32]]
    note: str


def learn_embedding(
    metrics: Sequence[Metric],
    raw_share: float,
    tracklet: NDArray[np.integer],
    constraints: Constraints,
    config: EmbeddingConfig,
    rng: np.random.Generator,
    device: torch.device,
    on_step: Callable[[float], None] = lambda loss: None,
) -> Embedding:
    """Learn a 64-D embedding with SymTriplet (and, if asked for, the quadruplet term).

    Features that were trained to tell faces apart are only corrected; others, such as HOG, get
    a metric learned from nothing. Where `raw_share` is 1, nothing is learned.

    Several heads are learned for each metric, from different starts. A video has few
    constraints, and where they say nothing each head guesses differently: the mean of their
    distances is right more often than any of them. The 64 strongest directions of all their
    outputs are kept.

    Args:
        metrics: of one or more kinds of features, all of the same faces (S,); the first is the
            one that `raw_share` is of.
        raw_share: 0 to 1; below 1 there must be a cannot-link.
        tracklet: (S,) in [0, T); each has at least one face.
        on_step: called after every step with its loss.

    Source: Zhang et al., Tracking Persons-of-Interest via Adaptive Discriminative Features,
    ECCV 2016.
    """
    if raw_share == 1:
        return _unlearned(metrics[0], constraints)
    with (
        one_thread(),
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
    ):
        torch.manual_seed(int(rng.integers(2**31)))  # the weights' start comes from torch's own
        lessons = [
            _lesson(metric, config, int(rng.integers(2**31)), sampler_rng, tracklet, constraints)
            for metric in metrics
            for sampler_rng in rng.spawn(config.heads)
        ]
        lessons = [lesson.on(device) for lesson in lessons]
        curves = _train_all(lessons, config, on_step)
    together = np.concatenate([_embed(lesson.head, lesson.features) for lesson in lessons], axis=1)
    together = (together - together.mean(axis=0)) / np.float32(len(lessons) ** 0.5)
    projection = principal_directions(together, EMBEDDING_SIZE)
    weights = _weights(metrics, [lesson.head for lesson in lessons]) | {"projection": projection}
    curve = np.asarray(np.mean(curves, axis=0), np.float32)
    note = _learning_note(metrics, raw_share, constraints)
    return Embedding(together @ projection.T, raw_share, curve, weights, note)


def _unlearned(metric: Metric, constraints: Constraints) -> Embedding:
    """The 64 main directions of the features' own metric."""
    centred = (
        metric.vectors - metric.vectors.mean(axis=0) if len(metric.vectors) else metric.vectors
    )
    projection = principal_directions(centred, EMBEDDING_SIZE)
    weights = _weights([metric], []) | {"projection": projection}
    empty = np.zeros(0, np.float32)
    note = _unlearned_note(metric, constraints)
    return Embedding(centred @ projection.T, 1.0, empty, weights, note)


def _unlearned_note(metric: Metric, constraints: Constraints) -> str:
    evidence, negatives = metric.evidence, len(constraints.negatives)
    pairs, kind = (evidence.pairs, " of large faces") if metric.knows_faces else (negatives, "")
    if not len(metric.vectors):
        return ""
    if not negatives:
        return "no two faces are ever seen together: no negatives to learn from, the features stay"
    if pairs < MIN_PAIRS:
        return f"only {_pairs(pairs)}{kind} seen together: too few to learn from, the features stay"
    if evidence.is_enough and evidence.trust == 1:
        return (
            f"the features tell this video's people apart (AUC {evidence.auc:.3f} over "
            f"{_pairs(evidence.pairs)} seen together): nothing to correct"
        )
    return "as the settings ask, nothing is learned: the features stay"


def _learning_note(metrics: Sequence[Metric], raw_share: float, constraints: Constraints) -> str:
    evidence = metrics[0].evidence
    kept = f", {raw_share:.0%} of the distance stays the features' own" if raw_share else ""
    before = (
        f"; before, the features told people apart with an AUC of {evidence.auc:.3f}"
        if evidence.is_enough
        else ""
    )
    return f"learned from {_pairs(len(constraints.negatives))} seen together{before}{kept}"


def _pairs(count: int) -> str:
    return f"{count} pair{'' if count == 1 else 's'}"


class _Lesson(NamedTuple):
    """One head to be learned."""

    head: nn.Module
    features: Tensor
    sampler: ConstraintSampler
    learning_rate: float

    def on(self, device: torch.device) -> _Lesson:
        return self._replace(head=self.head.to(device), features=self.features.to(device))


def _lesson(
    metric: Metric,
    config: EmbeddingConfig,
    seed: int,
    sampler_rng: np.random.Generator,
    tracklet: NDArray[np.integer],
    constraints: Constraints,
) -> _Lesson:
    sampler = ConstraintSampler(tracklet, constraints, sampler_rng)
    vectors = metric.vectors
    if not metric.knows_faces:
        # Coordinates of about unit variance, as a network's first layer expects.
        scaled = torch.from_numpy(vectors * np.float32(vectors.shape[1] ** 0.5))
        head = EmbeddingHead(vectors.shape[1], config.dropout, seed)
        return _Lesson(head, scaled, sampler, config.learning_rate)
    centred = vectors - vectors.mean(axis=0)
    projection = torch.from_numpy(principal_directions(centred, EMBEDDING_SIZE))
    corrected = CorrectingHead(projection, config.dropout, seed)
    return _Lesson(corrected, torch.from_numpy(centred), sampler, config.correction_rate)


def _train_all(
    lessons: list[_Lesson], config: EmbeddingConfig, on_step: Callable[[float], None]
) -> list[NDArray[np.float32]]:
    """Fit every head in place, one a core at a time; the loss of every step (steps,) of each."""
    one_at_a_time, stop = Lock(), Event()

    def report(loss: float) -> None:
        with one_at_a_time:
            on_step(loss)

    def train(lesson: _Lesson) -> NDArray[np.float32]:
        try:
            return _train(lesson, config, report, stop)
        except BaseException:
            stop.set()
            raise

    cores = min(os.cpu_count() or 1, len(lessons))
    with ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            return list(pool.map(train, lessons))
        except BaseException:  # Ctrl-C too: the others should not go on for half a minute
            stop.set()
            raise


def _train(
    lesson: _Lesson, config: EmbeddingConfig, on_step: Callable[[float], None], stop: Event
) -> NDArray[np.float32]:
    """Fit the head in place, until done or `stop`; the loss of every step (steps,)."""
    head, features, sampler, learning_rate = lesson
    use_quadruplets = config.quadruplet and sampler.has_quadruplets
    optimiser = torch.optim.AdamW(
        head.parameters(), lr=learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.steps)
    curve = np.zeros(config.steps, np.float32)
    head.train()
    for step in range(config.steps):
        if stop.is_set():
            break
        triplets = sampler.triplets(config.batch_triplets)
        quadruplets = sampler.quadruplets(config.batch_triplets if use_quadruplets else 0)
        loss = _loss(head, features, triplets, quadruplets, config)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        curve[step] = loss.item()
        on_step(float(curve[step]))
    return curve


def _loss(
    head: nn.Module,
    features: Tensor,
    triplets: IndexArray,
    quadruplets: IndexArray,
    config: EmbeddingConfig,
) -> Tensor:
    """The loss of one batch; each face passes the network once, however many tuples hold it."""
    wanted = np.concatenate([triplets.ravel(), quadruplets.ravel()])
    faces, index = np.unique(wanted, return_inverse=True)
    embeddings = head(features[torch.from_numpy(faces).to(features.device)])
    places = torch.from_numpy(index).to(features.device)
    loss: Tensor = SymTripletLoss(config.margin)(
        embeddings, places[: triplets.size].reshape(triplets.shape)
    )
    if len(quadruplets):
        term = QuadrupletTerm(config.quadruplet_margin)
        loss = loss + term(embeddings, places[triplets.size :].reshape(quadruplets.shape))
    return loss


@torch.inference_mode()
def _embed(head: nn.Module, features: Tensor) -> NDArray[np.float32]:
    head.eval()
    starts = range(0, len(features), _EMBED_ROWS)
    parts = [head(features[start : start + _EMBED_ROWS]).cpu() for start in starts]
    return np.asarray(torch.cat(parts).numpy(), np.float32)


def _weights(metrics: Sequence[Metric], heads: list[nn.Module]) -> dict[str, NDArray[np.float32]]:
    """Everything it takes to embed another face of this video."""
    network = {
        f"head.{number}.{name}": value.cpu().numpy()
        for number, head in enumerate(heads)
        for name, value in head.state_dict().items()
    }
    # The heads of features that know faces are learned on centred vectors.
    centres = {
        f"preparation.{kind}.centre": metric.vectors.mean(axis=0)
        for kind, metric in enumerate(metrics)
        if metric.knows_faces and heads
    }
    prepared = {
        f"preparation.{kind}.{step}.{name}": values
        for kind, metric in enumerate(metrics)
        for step, preparation in enumerate(metric.preparations)
        for name, values in (("mean", preparation.mean), ("matrix", preparation.matrix))
    }
    return prepared | centres | network
