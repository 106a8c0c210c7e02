"""Networks and what they are to learn from: heads on features, or a CNN on crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tracker.config import EmbeddingConfig
from tracker.embedding.backbones import Backbone, build_trunk
from tracker.embedding.division import DividedObjective
from tracker.embedding.holdout import hold_out, judging_triplets
from tracker.embedding.inputs import CropInputs, FeatureInputs, Inputs
from tracker.embedding.metric import Metric
from tracker.embedding.network import CorrectingHead, EmbeddingHead
from tracker.embedding.objectives import Objective
from tracker.embedding.preparation import principal_directions
from tracker.embedding.pseudo_identities import Grouping
from tracker.embedding.recipes import can_learn, make_objective
from tracker.embedding.sampling import ConstraintSampler
from tracker.embedding.training import Lesson, State
from tracker.records import Constraints


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What the networks of a video are to learn.

    Attributes:
        tracklet: (S,) of each face, in [0, T); each has at least one.
        group: who is who, given vectors (S, D) of all faces and what is known of tracklets:
            a number (T,) of each tracklet.
    """

    tracklet: NDArray[np.integer]
    constraints: Constraints
    group: Grouping
    config: EmbeddingConfig
    device: torch.device

    @property
    def has_quadruplets(self) -> bool:
        """Whether three people are ever seen together."""
        return ConstraintSampler(self.tracklet, self.constraints).has_quadruplets

    @property
    def suits_loss(self) -> bool:
        """Whether the loss has anything to learn from."""
        return can_learn(ConstraintSampler(self.tracklet, self.constraints), self.config.loss)


def head_lessons(metrics: Sequence[Metric], task: Task, rng: np.random.Generator) -> list[Lesson]:
    """Several heads a metric, from different starts, each judged by other constraints.

    Features that were trained to tell faces apart are only corrected; others, such as HOG, get
    a metric learned from nothing.
    """
    config, lessons = task.config, []
    for metric in metrics:
        inputs, start = head_inputs(metric, task.device), _start(metric, config.dim)
        rate = config.correction_rate if metric.knows_faces else config.learning_rate
        for _ in range(config.heads):
            seed = int(rng.integers(2**31))
            network = _make_head(metric.vectors.shape[1], start, config, seed)
            rates: list[State] = [{"params": list(network.parameters()), "lr": rate}]
            lessons.append(_lesson(network, inputs, rates, task, seed))
    return lessons


def trunk_lesson(
    backbone: Backbone, crops: NDArray[np.uint8], task: Task, rng: np.random.Generator
) -> Lesson:
    """A CNN that is fine-tuned on `crops` (S, side, side, 3), its last layer faster.

    On a GPU it computes in half precision.
    """
    seed = int(rng.integers(2**31))
    network = build_trunk(backbone, task.config.dim, seed, task.config.unit_length)
    rates = network.parameter_groups(task.config.trunk_rate)
    inputs = CropInputs(crops, backbone.input_side, task.device)
    return _lesson(network, inputs, rates, task, seed, half=task.device.type == "cuda")


def head_inputs(metric: Metric, device: torch.device) -> FeatureInputs:
    """The vectors (S, P) of `metric`, placed and scaled as its heads expect them."""
    if metric.knows_faces:
        return FeatureInputs(metric.vectors, device, centre=metric.centre)
    # Coordinates of about unit variance, as a network's first layer expects.
    scale = float(np.float32(metric.vectors.shape[1] ** 0.5))
    return FeatureInputs(metric.vectors, device, scale=scale)


def _start(metric: Metric, dim: int) -> Tensor | None:
    """The projection (dim, P) that is corrected; None where a metric is learned from nothing."""
    if not metric.knows_faces:
        return None
    return torch.from_numpy(principal_directions(metric.vectors, dim, metric.centre))


def _make_head(size: int, start: Tensor | None, config: EmbeddingConfig, seed: int) -> nn.Module:
    """A head on features (S, size), what it has to learn drawn from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        if start is None:
            return EmbeddingHead(size, config.dim, config.dropout, seed, config.unit_length)
        return CorrectingHead(start, config.dropout, seed, config.unit_length)


def _lesson(
    network: nn.Module,
    inputs: Inputs,
    rates: list[State],
    task: Task,
    seed: int,
    half: bool = False,
) -> Lesson:
    rng, config = np.random.default_rng(seed), task.config
    learned, held = hold_out(task.constraints, config.held_out_share, rng)
    some = ConstraintSampler(task.tracklet, learned, held)
    everything = ConstraintSampler(task.tracklet, task.constraints)
    if not can_learn(some, config.loss):  # all people that meet in threes may be held out
        learned, held = hold_out(task.constraints, 0.0, rng)
        some = everything
    return Lesson(
        network.to(task.device),
        inputs,
        _objective(some, task),
        _objective(everything, task),
        rates,
        judging_triplets(task.tracklet, learned, rng),
        judging_triplets(task.tracklet, held, rng),
        seed,
        task.device,
        half,
    )


def _objective(sampler: ConstraintSampler, task: Task) -> Objective:
    if task.config.learners > 1:
        return DividedObjective(sampler, task.group, task.config)
    return make_objective(sampler, task.group, task.config)
