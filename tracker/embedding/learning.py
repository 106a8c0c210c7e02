"""Learning the embedding of one video: several networks, taught side by side, and joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event, Lock

import numpy as np
import torch
from numpy.typing import NDArray

from tracker.cores import cpu_threads
from tracker.devices import one_thread
from tracker.embedding.backbones import Backbone
from tracker.embedding.earlier import Earlier, load_networks
from tracker.embedding.joining import join_outputs
from tracker.embedding.lessons import Task, head_lessons, trunk_lesson
from tracker.embedding.metric import Metric
from tracker.embedding.notes import learning_note, unlearned_note
from tracker.embedding.preparation import Preparation, principal_directions
from tracker.embedding.training import NO_CHECKPOINTS, Checkpoints, Curves, Lesson, train


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """The faces of a video in the metric that is right for it.

    The distance to cluster by is `raw_share` times that of the features' own metric, plus the
    rest times that of `learned`.

    Attributes:
        learned: (S, dim) float32; the metric's main directions where nothing was learned.
        raw_share: 0 to 1.
        curves: how learning went, the mean of all networks; empty where nothing was learned.
        weights: the networks and their preparations, by name.
        note: one line for the user on what was learned from what; empty without faces.
    """

    learned: NDArray[np.float32]
    raw_share: float
    curves: Curves
    weights: dict[str, NDArray[np.float32]]
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class TrunkMaterial:
    """A CNN to fine-tune, and the crops (S, side, side, 3) that it sees."""

    backbone: Backbone
    crops: NDArray[np.uint8]


def learn_embedding(
    metrics: Sequence[Metric],
    raw_share: float,
    task: Task,
    rng: np.random.Generator,
    trunk: TrunkMaterial | None = None,
    earlier: Earlier | None = None,
    on_step: Callable[[], None] = lambda: None,
    checkpoints: Callable[[int], Checkpoints] = lambda network: NO_CHECKPOINTS,
) -> Embedding:
    """Learn an embedding from a video's own constraints; where `raw_share` is 1, nothing.

    Several heads are learned for each metric, from different starts. A video has few
    constraints, and where they say nothing each head guesses differently: the mean of their
    distances is right more often than any of them. The strongest directions of all their
    outputs are kept.

    Args:
        metrics: of one or more kinds of features, all of the same faces (S,); the first is the
            one that `raw_share` is of.
        raw_share: 0 to 1; below 1 there must be a cannot-link.
        trunk: fine-tune this CNN instead of heads on the metrics.
        earlier: what networks start from, instead of nothing.
        on_step: called after every step.
        checkpoints: where each network is kept while it learns.

    Raises:
        ConfigError: `earlier` does not fit.

    Source: Zhang et al., Tracking Persons-of-Interest via Adaptive Discriminative Features,
    ECCV 2016.
    """
    if raw_share == 1:
        return _unlearned(metrics[0], task)
    with one_thread():
        lessons = (
            head_lessons(metrics, task, rng)
            if trunk is None
            else [trunk_lesson(trunk.backbone, trunk.crops, task, rng)]
        )
    if earlier is not None:
        load_networks(earlier, [lesson.network for lesson in lessons])
    curves = _train_all(lessons, task, trunk is None, on_step, checkpoints)
    learned, projection = join_outputs(lessons, task.config.dim)
    weights = _weights([] if trunk else metrics, lessons) | {"projection": projection}
    taught = (
        trunk.backbone.title if trunk else f"{len(lessons)} head{'s' if len(lessons) > 1 else ''}"
    )
    note = learning_note(metrics[0], raw_share, task, taught, curves)
    return Embedding(learned, raw_share, _mean(curves), weights, note)


def _unlearned(metric: Metric, task: Task) -> Embedding:
    """The main directions of the features' own metric."""
    projection = principal_directions(metric.vectors, task.config.dim, metric.centre)
    learned = Preparation(metric.centre, projection.T).apply(metric.vectors)
    weights = _weights([metric], []) | {"projection": projection}
    return Embedding(learned, 1.0, _mean([]), weights, unlearned_note(metric, task))


def _train_all(
    lessons: list[Lesson],
    task: Task,
    are_small: bool,
    on_step: Callable[[], None],
    checkpoints: Callable[[int], Checkpoints],
) -> list[Curves]:
    """Teach every network in place: small ones side by side, a core each; others in turn."""
    one_at_a_time, stop = Lock(), Event()

    def report() -> None:
        with one_at_a_time:
            on_step()

    def teach(number: int) -> Curves:
        try:
            return train(lessons[number], task.config, report, stop.is_set, checkpoints(number))
        except BaseException:
            stop.set()
            raise

    numbers = range(len(lessons))
    if not are_small or task.device.type != "cpu":
        return [teach(number) for number in numbers]
    cores = min(cpu_threads(), len(lessons))
    with (
        one_thread(),
        ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        try:
            return list(pool.map(teach, numbers))
        except BaseException:  # Ctrl-C too: the others should not go on for half a minute
            stop.set()
            raise


def _mean(curves: list[Curves]) -> Curves:
    """The mean of several curves, of those that are long enough at each place."""
    return Curves(
        _mean_of([one.loss for one in curves]),
        _mean_of([one.accuracy for one in curves]),
        _mean_of([one.held_out for one in curves]),
    )


def _mean_of(curves: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    length = max((len(one) for one in curves), default=0)
    sums, counts = np.zeros(length), np.zeros(length)
    for one in curves:
        known = np.isfinite(one)
        sums[: len(one)] += np.where(known, one, 0)
        counts[: len(one)] += known
    mean = np.full(length, np.nan)
    np.divide(sums, counts, out=mean, where=counts > 0)
    return mean.astype(np.float32)


def _weights(metrics: Sequence[Metric], lessons: list[Lesson]) -> dict[str, NDArray[np.float32]]:
    """Everything it takes to embed another face of this video."""
    networks = {
        f"network.{number}.{name}": value.detach().float().cpu().numpy()
        for number, lesson in enumerate(lessons)
        for name, value in lesson.network.state_dict().items()
    }
    centres = {f"preparation.{kind}.centre": metric.centre for kind, metric in enumerate(metrics)}
    prepared = {
        f"preparation.{kind}.{step}.{name}": values
        for kind, metric in enumerate(metrics)
        for step, preparation in enumerate(metric.preparations)
        for name, values in (("mean", preparation.mean), ("matrix", preparation.matrix))
    }
    return prepared | centres | networks
