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

ROUND_STEPS = 100
_WIND_DOWN_ROUNDS = 3  # in which the learning rate falls to 0; a third of all at most
_LEAST_GAIN = 0.002  # of held-out accuracy, that counts as one
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
        self.winding_down = 0  # rounds of it that are over or begun

    @property
    def round(self) -> int:
        return len(self.accuracy)

    def state(self) -> State:
        return {
            "losses": self.losses,
            "accuracy": self.accuracy,
            "held_out": self.held_out,
            "winding_down": self.winding_down,
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
    progress = _Progress()
    optimiser = _optimiser(lesson.rates, config)
    _take_up(lesson, optimiser, progress, checkpoints.load())
    for _ in range(sum(len(losses) for losses in progress.losses)):
        on_step()
    saved = time.monotonic()
    while not _is_over(progress, config):
        if _should_wind_down(progress, config):
            progress.winding_down += 1
            if progress.winding_down == 1:
                learned = lesson.objective.state_dict()
                lesson.last_objective.load_state_dict(learned, strict=False)
        progress.losses.append(_round(lesson, config, optimiser, progress, on_step, must_stop))
        if must_stop():
            break
        _judge(lesson, progress)
        if time.monotonic() - saved >= checkpoints.every_s or _is_over(progress, config):
            checkpoints.save(_state(lesson, optimiser, progress))
            saved = time.monotonic()
    return progress.curves()


def _is_over(progress: _Progress, config: EmbeddingConfig) -> bool:
    return progress.round >= _rounds(config) or progress.winding_down >= _last_rounds(config)


def _should_wind_down(progress: _Progress, config: EmbeddingConfig) -> bool:
    """Whether the learning rate falls in the round that begins."""
    if progress.winding_down or progress.round >= _rounds(config) - _last_rounds(config):
        return True
    best, since = -math.inf, 0
    for score in progress.held_out:
        since = since + 1 if score <= best + _LEAST_GAIN else 0  # never where it is NaN
        best = max(best, score)
    return since >= config.patience


def _done(progress: _Progress, config: EmbeddingConfig) -> float:
    """The share of the steps that are over; 1 from when learning winds down."""
    return 1.0 if progress.winding_down and progress.round else progress.round / _rounds(config)


def _rounds(config: EmbeddingConfig) -> int:
    return math.ceil(config.steps / ROUND_STEPS)


def _last_rounds(config: EmbeddingConfig) -> int:
    """How many rounds winding down takes."""
    return min(_WIND_DOWN_ROUNDS, max(_rounds(config) // 3, 1))


def _round(
    lesson: Lesson,
    config: EmbeddingConfig,
    optimiser: torch.optim.Optimizer,
    progress: _Progress,
    on_step: Callable[[], None],
    must_stop: Callable[[], bool],
) -> Tensor:
    """Up to `ROUND_STEPS` steps; the loss (steps,) of each."""
    rng = np.random.default_rng([lesson.seed, progress.round])
    generator = torch.Generator(lesson.device).manual_seed(int(rng.integers(2**62)))
    _restart_dropouts(lesson.network, rng)
    objective = _objective(lesson, progress)
    where = None
    if objective.wants_embeddings:
        where = embed(lesson.network, lesson.inputs).float().cpu().numpy()
    objective.refresh(where, rng, _done(progress, config))
    objective.to(lesson.device)
    own = list(objective.parameters())
    rate = max(group["lr"] for group in lesson.rates) * _LOSS_RATE
    optimisers = [optimiser, torch.optim.AdamW(own, lr=rate)] if own else [optimiser]
    losses = []
    for step in range(min(ROUND_STEPS, config.steps - progress.round * ROUND_STEPS)):
        if must_stop():
            break
        _set_rates(optimiser, lesson.rates, progress, step, config)
        batch = objective.draw(rng)
        with torch.autocast(lesson.device.type, torch.bfloat16, enabled=lesson.half):
            embeddings = lesson.network(lesson.inputs.changed(batch.faces, generator))
        loss = objective(embeddings.float(), batch, generator)
        for one in optimisers:
            one.zero_grad()
        loss.backward()
        for one in optimisers:
            one.step()
        losses.append(loss.detach())
        on_step()
    return torch.stack(losses).cpu() if losses else torch.zeros(0)


def _set_rates(
    optimiser: torch.optim.Optimizer,
    rates: list[State],
    progress: _Progress,
    step: int,
    config: EmbeddingConfig,
) -> None:
    """Keep the learning rates as they are, or let them fall along a cosine."""
    done = 0.0
    if progress.winding_down:
        done = (progress.winding_down - 1 + step / ROUND_STEPS) / _last_rounds(config)
    factor = (1 + math.cos(math.pi * min(done, 1.0))) / 2
    for group, wanted in zip(optimiser.param_groups, rates, strict=True):
        group["lr"] = wanted["lr"] * factor


def _judge(lesson: Lesson, progress: _Progress) -> None:
    """Measure how well constraints are kept, those learned from and those held out."""
    held_out = lesson.held_out[:0] if progress.winding_down else lesson.held_out
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
    return lesson.last_objective if progress.winding_down else lesson.objective
