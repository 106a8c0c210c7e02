"""How long to learn, and how fast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ROUND_STEPS = 100  # at most; between two looks at the held-out constraints
_LAST_ROUNDS = 3  # in which the learning rate falls to 0; a third of all at most
_LEAST_GAIN = 0.002  # of held-out accuracy, that counts as one


@dataclass(frozen=True, slots=True)
class Schedule:
    """Rounds of about equally many steps, of which the last see the learning rate fall to 0.

    Attributes:
        steps: at most.
        patience: rounds without a gain on held-out constraints, after which the last begin.
    """

    steps: int
    patience: int

    @property
    def rounds(self) -> int:
        """How many there are at most."""
        return math.ceil(self.steps / ROUND_STEPS)

    @property
    def last_rounds(self) -> int:
        """In how many of them the rate falls."""
        return min(_LAST_ROUNDS, max(self.rounds // 3, 1))

    def steps_in(self, first: int, stop: int) -> int:
        """How many steps the rounds from `first` up to `stop` have."""
        each = math.ceil(self.steps / self.rounds)
        return min(stop * each, self.steps) - min(first * each, self.steps)

    def is_time_to_end(self, held_out: Sequence[float], settling_share: float) -> bool:
        """Whether the last rounds should begin, after so many rounds as there are scores.

        Args:
            held_out: accuracy after each round; NaN where nothing is held out.
            settling_share: of all rounds, the first of which do not count.
        """
        if len(held_out) >= self.rounds - self.last_rounds:
            return True
        best, since = -math.inf, 0
        for score in held_out[math.ceil(settling_share * self.rounds) :]:
            if score <= best + _LEAST_GAIN:  # never where it is NaN
                since += 1
            else:
                best, since = score, 0
        return since >= self.patience

    def rate(self, first: int, now: int, step: int) -> float:
        """What the learning rate is multiplied by in a `step` of round `now`.

        Along a cosine, from 1 to 0 over the last rounds, which began with round `first`.
        """
        over = self.steps_in(first, now) + step
        share = over / max(self.steps_in(first, first + self.last_rounds), 1)
        return (1 + math.cos(math.pi * share)) / 2
