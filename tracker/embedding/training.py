"""Learning the embedding of one video from its tracklets and cannot-links."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event, Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tracker.config import EmbeddingConfig
from tracker.devices import one_thread
from tracker.embedding.evidence import raw_share
from tracker.embedding.losses import QuadrupletTerm, SymTripletLoss
from tracker.embedding.network import EMBEDDING_SIZE, CorrectingHead, EmbeddingHead
from tracker.embedding.preparation import (
    Preparation,
    centre,
    principal_directions,
    standardise_and_mix,
)
from tracker.embedding.sampling import ConstraintSampler, IndexArray
from tracker.records import Constraints

_PREPARED_SIZE = 256
_EMBED_ROWS = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """The faces of a video in the metric that is right for it.

    The distance to cluster by is `raw_share` times the squared distance of the features as
    they were, plus the rest times that of `learned`.

    Attributes:
        learned: (S, 64) float32; all zeros where nothing could be learned.
        raw_share: 0 to 1.
        loss_curve: (steps,) float32, mean of the heads; empty where nothing could be learned.
        weights: the network and its preparation, by name.
        note: one line for the user on what was done instead of learning; else empty.
    """

    learned: NDArray[np.float32]
    raw_share: float
    loss_curve: NDArray[np.float32]
    weights: dict[str, NDArray[np.float32]]
    note: str


def learn_embedding(
    features: NDArray[np.float32],
    tracklet: NDArray[np.integer],
    face_heights: NDArray[np.floating],
    constraints: Constraints,
    features_know_faces: bool,
    config: EmbeddingConfig,
    rng: np.random.Generator,
    device: torch.device,
    on_step: Callable[[float], None] = lambda loss: None,
) -> Embedding:
    """Learn a 64-D embedding with SymTriplet (and, if asked for, the quadruplet term).

    Features that were trained to tell faces apart are only corrected, and their own distance
    keeps a share that the video's evidence decides (`raw_share`); others, such as HOG, get a
    metric learned from nothing. Without one cannot-link pair there is nothing to learn from,
    and the features' own distance is used.

    Several heads are learned, from different starts. A video has few constraints, and where
    they say nothing each head guesses differently: the mean of their distances is right more
    often than any of them. The 64 strongest directions of all their outputs are kept.

    Args:
        features: (S, D), one a face, sorted by time.
        tracklet: (S,) in [0, T); each has at least one face.
        face_heights: (S,) in source pixels.
        on_step: called after every step with its loss.

    Source: Zhang et al., Tracking Persons-of-Interest via Adaptive Discriminative Features,
    ECCV 2016.
    """
    if not len(constraints.cannot_link):
        return _unlearned(features, features_know_faces, rng)
    with (
        one_thread(),
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
    ):
        if features_know_faces:
            share, rate = (
                raw_share(features, tracklet, face_heights, constraints),
                config.correction_rate,
            )
            preparation = centre(features, rng)
        else:
            share, rate = 0.0, config.learning_rate
            preparation = standardise_and_mix(features, _PREPARED_SIZE, rng)
        prepared = preparation.apply(features)
        torch.manual_seed(int(rng.integers(2**31)))  # the weights' start comes from torch's own
        heads = [
            _make_head(prepared, features_know_faces, config, int(rng.integers(2**31))).to(device)
            for _ in range(config.heads)
        ]
        samplers = [ConstraintSampler(tracklet, constraints, one) for one in rng.spawn(len(heads))]
        on_device = torch.from_numpy(prepared).to(device)
        curves = _train_all(heads, on_device, samplers, rate, config, on_step)
    together = np.concatenate([_embed(head, on_device) for head in heads], axis=1)
    together = (together - together.mean(axis=0)) / np.float32(len(heads) ** 0.5)
    projection = principal_directions(together, EMBEDDING_SIZE)
    weights = _weights(heads, preparation) | {"projection": projection}
    curve = np.asarray(np.mean(curves, axis=0), np.float32)
    return Embedding(together @ projection.T, share, curve, weights, "")


def _unlearned(
    features: NDArray[np.float32], features_know_faces: bool, rng: np.random.Generator
) -> Embedding:
    """The features' own distance: as it is, or for others that of their main directions."""
    note = "no two faces are ever seen together: nothing to learn from, the features stay raw"
    if features_know_faces or not len(features):
        learned, share = np.zeros((len(features), EMBEDDING_SIZE), np.float32), 1.0
    else:
        directions = standardise_and_mix(features, EMBEDDING_SIZE, rng).apply(features)
        length = np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-9)
        learned = np.zeros((len(features), EMBEDDING_SIZE), np.float32)
        learned[:, : directions.shape[1]] = directions / length
        share = 0.0
    return Embedding(learned, share, np.zeros(0, np.float32), {}, note if len(features) else "")


def _make_head(
    prepared: NDArray[np.float32], features_know_faces: bool, config: EmbeddingConfig, seed: int
) -> nn.Module:
    if not features_know_faces:
        return EmbeddingHead(prepared.shape[1], config.dropout, seed)
    projection = principal_directions(prepared, EMBEDDING_SIZE)
    return CorrectingHead(torch.from_numpy(projection), config.dropout, seed)


def _train_all(
    heads: list[nn.Module],
    features: Tensor,
    samplers: list[ConstraintSampler],
    learning_rate: float,
    config: EmbeddingConfig,
    on_step: Callable[[float], None],
) -> list[NDArray[np.float32]]:
    """Fit every head in place, one a core at a time; the loss of every step (steps,) of each."""
    one_at_a_time, stop = Lock(), Event()

    def report(loss: float) -> None:
        with one_at_a_time:
            on_step(loss)

    def train(head: nn.Module, sampler: ConstraintSampler) -> NDArray[np.float32]:
        try:
            return _train(head, features, sampler, learning_rate, config, report, stop)
        except BaseException:
            stop.set()
            raise

    cores = min(os.cpu_count() or 1, len(heads))
    with ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            return list(pool.map(train, heads, samplers))
        except BaseException:  # Ctrl-C too: the others should not go on for half a minute
            stop.set()
            raise


def _train(
    head: nn.Module,
    features: Tensor,
    sampler: ConstraintSampler,
    learning_rate: float,
    config: EmbeddingConfig,
    on_step: Callable[[float], None],
    stop: Event,
) -> NDArray[np.float32]:
    """Fit `head` in place, until done or `stop`; the loss of every step (steps,)."""
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


def _weights(heads: list[nn.Module], preparation: Preparation) -> dict[str, NDArray[np.float32]]:
    """Everything it takes to embed another face of this video."""
    network = {
        f"head.{number}.{name}": value.cpu().numpy()
        for number, head in enumerate(heads)
        for name, value in head.state_dict().items()
    }
    prepared = {"preparation.mean": preparation.mean, "preparation.matrix": preparation.matrix}
    return prepared | network
