"""One network learns, by rounds of steps, until held-out constraints gain nothing more."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tracker.config import EmbeddingConfig
from tracker.embedding.holdout import constraint_accuracy
from tracker.embedding.inputs import Inputs, embed
from tracker.embedding.network import SeededDropout
from tracker.embedding.objectives import Objective
from tracker.embedding.sampling import IndexArray
from tracker.embedding.schedule import Schedule

_LOSS_RATE = 10.0  # times the network's: what a loss itself learns starts from less
_CHECKPOINT_S = 20.0  # between two checkpoints, at least

State = dict[str, Any]


class Checkpoints(NamedTuple):
    """Where a half-learned network is kept: a killed run goes on from it."""

    load: Callable[[], State | None]
    save: Callable[[State], None]
    every_s: float = _CHECKPOINT_S


NO_CHECKPOINTS = Checkpoints(lambda: None, lambda state: None, math.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """How learning went.

    Attributes:
        loss: (steps,) float32.
        accuracy: (rounds,) float32, on triplets of constraints that are learned from.
        held_out: (rounds,) float32, on those that are held out; NaN where none are any more.
    """

    loss: NDArray[np.float32]
    accuracy: NDArray[np.float32]
    held_out: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """One network to be taught, and with what.

    Attributes:
        objective: on the constraints that are not held out.
        last_objective: on all, for the end, when it is settled how long to learn.
        rates: learning rate of each group of parameters.
        learned, held_out: (n, 3) triplets of faces to measure accuracy on; n may be 0.
        seed: of every random choice.
        half: whether to compute in half precision where the network allows it.
    """

    network: nn.Module
    inputs: Inputs
    objective: Objective
    last_objective: Objective
    rates: list[State]
    learned: IndexArray
    held_out: IndexArray
    seed: int
    device: torch.device
    half: bool = False


class _Progress:
    """Where a lesson stands."""

    def __init__(self) -> None:
        self.losses: list[Tensor] = []  # a round each
        self.accuracy: list[float] = []
        self.held_out: list[float] = []
        self.ending = 0  # of the last rounds, how many are over or begun

    @property
    def round(self) -> int:
        return len(self.accuracy)

    def is_over(self, schedule: Schedule) -> bool:
        return self.round >= schedule.rounds or self.ending >= schedule.last_rounds

    def state(self) -> State:
        return {
            "losses": self.losses,
            "accuracy": self.accuracy,
            "held_out": self.held_out,
            "ending": self.ending,
        }

    def load(self, state: State) -> None:
        for name in self.state():
            setattr(self, name, state[name])

    def curves(self) -> Curves:
        losses = torch.cat(self.losses) if self.losses else torch.zeros(0)
        return Curves(
            losses.numpy(),
            np.array(self.accuracy, np.float32),
            np.array(self.held_out, np.float32),
        )


def train(
    lesson: Lesson,
    config: EmbeddingConfig,
    on_step: Callable[[], None] = lambda: None,
    must_stop: Callable[[], bool] = lambda: False,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> Curves:
    """Teach the network of `lesson`, in place.

    The learning rate stays until `patience` rounds have brought the held-out constraints no
    gain, or the steps are nearly over; then it falls to 0 in a few rounds, in which the network
    settles, and learns from the held-out constraints too. Every round draws from a seed of its
    own, so that a killed run, taken up at the start of a round, learns the same.

    Args:
        must_stop: asked before every step; if so, what was learned so far is returned.
    """
    schedule, progress = Schedule(config.steps, config.patience), _Progress()
    optimiser = _optimiser(lesson.rates, config)
    _take_up(lesson, optimiser, progress, checkpoints.load())
    for _ in range(sum(len(losses) for losses in progress.losses)):
        on_step()
    saved = time.monotonic()
    while not progress.is_over(schedule):
        settling_share = lesson.objective.settling_share
        if progress.ending or schedule.is_time_to_end(progress.held_out, settling_share):
            progress.ending += 1
            if progress.ending == 1:
                learned = lesson.objective.state_dict()
                lesson.last_objective.load_state_dict(learned, strict=False)
        progress.losses.append(_round(lesson, config, optimiser, progress, on_step, must_stop))
        if must_stop():
            break
        _judge(lesson, progress)
        if time.monotonic() - saved >= checkpoints.every_s or progress.is_over(schedule):
            checkpoints.save(_state(lesson, optimiser, progress))
            saved = time.monotonic()
    return progress.curves()


def _round(
    lesson: Lesson,
    config: EmbeddingConfig,
    optimiser: torch.optim.Optimizer,
    progress: _Progress,
    on_step: Callable[[], None],
    must_stop: Callable[[], bool],
) -> Tensor:
    """The steps of one round; the loss (steps,) of each."""
    rng = np.random.default_rng([lesson.seed, progress.round])
    generator = torch.Generator(lesson.device).manual_seed(int(rng.integers(2**62)))
    _restart_dropouts(lesson.network, rng)
    schedule, now = Schedule(config.steps, config.patience), progress.round
    objective = _objective(lesson, progress)
    objective.refresh(
        _where_faces_are(lesson) if objective.wants_embeddings else None,
        rng,
        1.0 if progress.ending and now else now / schedule.rounds,
    )
    objective.to(lesson.device)
    optimisers = [(optimiser, lesson.rates), *_optimiser_of_loss(objective, lesson)]
    losses = []
    for step in range(schedule.steps_in(now, now + 1)):
        if must_stop():
            break
        factor = schedule.rate(now - progress.ending + 1, now, step) if progress.ending else 1.0
        batch = objective.draw(rng)
        with torch.autocast(lesson.device.type, torch.bfloat16, enabled=lesson.half):
            embeddings = lesson.network(lesson.inputs.changed(batch.faces, generator))
        loss = objective(embeddings.float(), batch, generator)
        for one, rates in optimisers:
            one.zero_grad()
            for group, wanted in zip(one.param_groups, rates, strict=True):
                group["lr"] = wanted["lr"] * factor
        loss.backward()
        for one, _ in optimisers:
            one.step()
        losses.append(loss.detach())
        on_step()
    return torch.stack(losses).cpu() if losses else torch.zeros(0)


def _where_faces_are(lesson: Lesson) -> NDArray[np.float32]:
    return np.asarray(embed(lesson.network, lesson.inputs).float().cpu().numpy(), np.float32)


def _optimiser_of_loss(
    objective: Objective, lesson: Lesson
) -> list[tuple[torch.optim.Optimizer, list[State]]]:
    """What teaches the loss itself, if it learns anything, and its rates: new in every round."""
    own = list(objective.parameters())
    if not own:
        return []
    rate = max(group["lr"] for group in lesson.rates) * _LOSS_RATE
    return [(torch.optim.AdamW(own, lr=rate, weight_decay=0.0), [{"lr": rate}])]


def _judge(lesson: Lesson, progress: _Progress) -> None:
    """Measure how well constraints are kept, those learned from and those held out."""
    held_out = lesson.held_out[:0] if progress.ending else lesson.held_out
    for triplets, curve in ((lesson.learned, progress.accuracy), (held_out, progress.held_out)):
        faces, places = np.unique(triplets, return_inverse=True)
        if len(faces):
            embeddings = embed(lesson.network, lesson.inputs, faces)
            index = torch.from_numpy(places.reshape(triplets.shape)).to(embeddings.device)
            curve.append(constraint_accuracy(embeddings, index))
        else:
            curve.append(math.nan)


def _restart_dropouts(network: nn.Module, rng: np.random.Generator) -> None:
    for module in network.modules():
        if isinstance(module, SeededDropout):
            module.restart(int(rng.integers(2**62)))


def _optimiser(rates: list[State], config: EmbeddingConfig) -> torch.optim.Optimizer:
    groups = [dict(group) for group in rates]
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, weight_decay=config.weight_decay)
    return torch.optim.AdamW(groups, weight_decay=config.weight_decay)


def _state(lesson: Lesson, optimiser: torch.optim.Optimizer, progress: _Progress) -> State:
    return {
        "network": lesson.network.state_dict(),
        "objective": _objective(lesson, progress).state_dict(),
        "optimiser": optimiser.state_dict(),
        "progress": progress.state(),
    }


def _take_up(
    lesson: Lesson, optimiser: torch.optim.Optimizer, progress: _Progress, state: State | None
) -> None:
    """Go on from `state`, if there is one."""
    lesson.network.train()
    if state is None:
        return
    lesson.network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    progress.load(state["progress"])
    # A loss on identities is made anew in every round; what it had learned is not needed.
    _objective(lesson, progress).load_state_dict(state["objective"], strict=False)


def _objective(lesson: Lesson, progress: _Progress) -> Objective:
    return lesson.last_objective if progress.ending else lesson.objective
