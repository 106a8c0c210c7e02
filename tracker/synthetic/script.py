"""The script: how long each shot is, who is in it, where they go and what they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import numpy as np

from tracker.records import Shot
from tracker.synthetic.acting import Actor, Move, draw_actors
from tracker.synthetic.scenery import KINDS, PLACES
from tracker.synthetic.settings import SynthConfig

_Card = TypeVar("_Card")

DISSOLVE_S = 0.44
MIN_SHOT_S = 0.5
MOVES: tuple[Move, ...] = (
    Move.STAY, Move.STAY, Move.CROSS, Move.STAY, Move.RETURN, Move.STAY, Move.ENTER, Move.STAY,
    Move.CROSS, Move.LEAVE,
)  # fmt: skip
MOVE_MIN_S = {Move.STAY: 0.0, Move.CROSS: 1.8, Move.RETURN: 2.8, Move.ENTER: 1.6, Move.LEAVE: 1.6}


@dataclass(frozen=True, slots=True)
class Scene:
    """One shot of the script.

    Attributes:
        shot: its frames; over a dissolve, up to the middle of it.
        fade_frames: half the length of the dissolve it begins with; 0 for a cut.
        place: number of the background.
        seed: of the light and of the camera.
        actors: farthest first.
    """

    shot: Shot
    fade_frames: int
    place: int
    seed: int
    actors: tuple[Actor, ...]


def write_script(config: SynthConfig) -> Iterator[Scene]:
    """Yield the scenes of a video, in order; they cover every frame once.

    A group larger than the cast is the whole cast. Those not yet seen come first: a round of
    groups with as many places as people shows everyone exactly once.
    """
    rng = np.random.default_rng([config.seed, 1])
    casting = Casting(config.people, rng)
    sizes, moves = _deal(config.group_sizes, rng), _deal(MOVES, rng)
    dissolve_debt, start, place = 0.5, 0, -1
    for number in count():
        if number == config.shots or start == config.frame_count:
            return
        size, move = next(sizes), next(moves)
        frames = _shot_frames(config, MOVE_MIN_S[move], start, rng)
        if frames < MOVE_MIN_S[move] * config.frame_rate:
            move = Move.STAY
        fade = 0
        if start:
            dissolve_debt += config.dissolve_share * rng.uniform(0.7, 1.3)
        if dissolve_debt >= 1:
            dissolve_debt -= 1
            fade = min(round(DISSOLVE_S / 2 * config.frame_rate), frames // 4)
        place = int((place + rng.integers(1, KINDS)) % PLACES)  # never the same kind again
        people = casting.choose(min(size, config.people))
        seconds = float(frames / config.frame_rate)
        picture = config.width, config.height
        actors = draw_actors(people, move, seconds, picture, config.variation, rng)
        seed = int(rng.integers(2**31))
        yield Scene(Shot(start, start + frames), fade, place, seed, actors)
        start += frames


def count_frames(config: SynthConfig) -> int:
    """How many frames the video has, whatever decides about its length."""
    return [scene.shot.stop for scene in write_script(config)][-1]


class Casting:
    """Chooses who plays in the next shot: those seen least, with those they have met least."""

    def __init__(self, people: int, rng: np.random.Generator) -> None:
        self._seen = np.zeros(people)
        self._met = np.zeros((people, people))
        self._last: set[int] = set()
        self._rng = rng

    def choose(self, size: int) -> list[int]:
        """Numbers, from 0, of `size` people."""
        chosen: list[int] = []
        while len(chosen) < size:
            cost = self._seen + self._rng.uniform(0, 0.9, len(self._seen))
            cost += 2 * self._met[chosen].sum(axis=0)
            cost[list(self._last)] += 1.0 if not chosen else 0.0
            cost[chosen] = np.inf
            chosen.append(int(np.argmin(cost)))
        self._seen[chosen] += 1
        self._met[np.ix_(chosen, chosen)] += 1
        self._last = set(chosen)
        return chosen


def _shot_frames(config: SynthConfig, min_s: float, start: int, rng: np.random.Generator) -> int:
    """How many frames the shot from `start` on takes: all to the end, if too few would remain."""
    seconds = max(min_s, MIN_SHOT_S, config.mean_shot_s * rng.uniform(0.65, 1.25))
    frames = round(seconds * float(config.frame_rate))
    if config.frame_count is None:
        return frames
    left = config.frame_count - start
    return left if left - frames < MIN_SHOT_S * config.frame_rate else frames


def _deal(cards: Sequence[_Card], rng: np.random.Generator) -> Iterator[_Card]:
    """Deal `cards` for ever, shuffled anew each round."""
    while True:
        for index in rng.permutation(len(cards)):
            yield cards[index]
