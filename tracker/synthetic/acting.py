"""Acting: where each person of a shot is, how they turn, blink and talk, at any moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from tracker.synthetic.head import Expression, Pose
from tracker.synthetic.pen import Floats

MAX_YAW_DEG, MAX_PITCH_DEG, MAX_ROLL_DEG = 40.0, 15.0, 20.0
# the least and most face height of a close-up, a medium and a wide shot, as shares of the picture's
FRAMINGS = ((0.40, 0.60), (0.24, 0.38), (0.14, 0.24))
FRAMING_ODDS = {1: (0.5, 0.4, 0.1), 2: (0.15, 0.6, 0.25), 3: (0.0, 0.65, 0.35), 4: (0.0, 0.4, 0.6)}
MIDDLE_FRAMING = 0.29  # from here, variation stretches the face heights both ways
MIN_FACE_PX = 44.0
MAX_FACE = 0.6  # of the picture's height
BLINK_S = 0.22
WALK_YAW_DEG = 10.0  # how far one turns to where one walks, for each face height a second
SPREAD = 1.1  # the largest face of a shot to the common size
OUTSIDE = 1.2  # how far beyond the edge someone walks out, in face heights
ROOM = 1.15  # width of a head with its hair, in face heights


class Move(Enum):
    """What happens in a shot, besides talking."""

    STAY = "stay"
    CROSS = "cross"  # two change places; someone alone walks across
    RETURN = "return"  # someone leaves at the side and comes back
    ENTER = "enter"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Wave:
    """A smooth wavering: two sines of different periods."""

    size: float
    periods_s: tuple[float, float]
    phases: tuple[float, float]

    def at(self, time_s: float) -> float:
        """The value, within plus or minus `size`."""
        angles = 2 * np.pi * (time_s / np.array(self.periods_s) + np.array(self.phases))
        return self.size * float(np.sin(angles) @ (0.65, 0.35))


@dataclass(frozen=True, slots=True)
class Actor:
    """One person's part in one shot; positions in pixels of the picture.

    Attributes:
        person: number in the cast, from 0.
        outfit: which of the person's three.
        times_s: of the places in `xs`; between them the person walks, before and after stands.
        growth: change of size a second, as a share.
    """

    person: int
    outfit: int
    times_s: tuple[float, ...]
    xs: tuple[float, ...]
    y: float
    face_px: float
    growth: float
    yaw_deg: float
    sway: Wave
    bob: Wave
    yaw: Wave
    pitch: Wave
    roll: Wave
    blink_every_s: float
    blink_phase: float
    talk_turn: tuple[int, int]  # this one's turn, of how many
    smile: float


def pose_at(actor: Actor, time_s: float) -> Pose:
    """Where the head is, `time_s` after the shot begins."""
    face_px = actor.face_px * (1 + actor.growth * time_s)
    x, speed = _walk(actor, time_s)
    yaw = actor.yaw_deg + actor.yaw.at(time_s) + np.clip(speed / face_px * WALK_YAW_DEG, -24, 24)
    stride = 0.03 * min(1.0, abs(speed) / face_px) * np.sin(2 * np.pi * 2.2 * time_s)
    return Pose(
        x=x + actor.sway.at(time_s) * face_px,
        y=actor.y + (actor.bob.at(time_s) + stride) * face_px,
        face_px=face_px,
        yaw_deg=float(np.clip(yaw, -MAX_YAW_DEG, MAX_YAW_DEG)),
        pitch_deg=actor.pitch.at(time_s),
        roll_deg=actor.roll.at(time_s),
    )


def expression_at(actor: Actor, time_s: float) -> Expression:
    """What the face does, `time_s` after the shot begins."""
    since = (time_s / actor.blink_every_s + actor.blink_phase) % 1 * actor.blink_every_s
    closed = max(0.0, 1 - abs(since - BLINK_S / 2) / (BLINK_S / 2))
    turn, turns = actor.talk_turn
    speaks = int(time_s / 1.3 + 8) % turns == turn
    syllables = np.sin(2 * np.pi * 3.1 * time_s + turn) * np.sin(2 * np.pi * 0.9 * time_s + 1)
    talking = 0.75 * abs(float(syllables)) if speaks else 0.0
    gaze = float(np.clip(-actor.yaw.at(time_s) / 25, -1, 1))
    return Expression(min(1.0, 1.4 * closed), talking, actor.smile, gaze)


def draw_actors(
    people: list[int],
    move: Move,
    seconds: float,
    picture: tuple[int, int],
    variation: float,
    rng: np.random.Generator,
) -> tuple[Actor, ...]:
    """Give each of `people` a part in a shot `seconds` long; farthest, so smallest, first.

    Args:
        variation: the larger, the nearer close-ups and the farther wide shots; 1 or more.
    """
    width, height = picture
    count = len(people)
    framing = FRAMINGS[int(rng.choice(len(FRAMINGS), p=FRAMING_ODDS[count]))]
    largest = min(height * MAX_FACE * variation**0.5, width / (count + 0.25) / ROOM) / SPREAD
    share = rng.uniform(*framing)
    share *= (share / MIDDLE_FRAMING) ** (variation - 1)
    common = float(np.clip(height * share, SPREAD * MIN_FACE_PX / variation, largest))
    sizes = common * rng.permutation(np.linspace(1 / SPREAD, SPREAD, count))
    homes = width * (np.arange(count) + 0.5 + rng.uniform(-0.12, 0.12, count)) / count
    level_px = height * rng.uniform(0.36, 0.5)
    parts = [
        _draw_part(person, homes, slot, float(sizes[slot]), (level_px, height), rng)
        for slot, person in enumerate(people)
    ]
    goes_left = bool(rng.random() < 0.5)
    mover = 0 if goes_left else count - 1  # someone next to an edge
    if move is Move.CROSS and count > 1:
        parts = _swapped(parts, mover, 1 if goes_left else count - 2, seconds)
    else:
        parts[mover] = _moved(parts[mover], move, goes_left, seconds, width)
    return tuple(sorted(parts, key=lambda part: (part.face_px, part.person)))


def _draw_part(
    person: int,
    homes: Floats,
    slot: int,
    face_px: float,
    level_and_floor_px: tuple[float, float],
    rng: np.random.Generator,
) -> Actor:
    """One part of a shot, standing at `homes[slot]` and looking at the others."""
    inwards = np.sign(homes.mean() - homes[slot]) if len(homes) > 1 else 0.0
    level_px, floor_px = level_and_floor_px
    lowest, highest = floor_px - 0.75 * face_px, 0.85 * face_px
    y = float(np.clip(level_px + rng.uniform(-0.01, 0.11) * face_px, highest, max(highest, lowest)))

    def wave(size: float, slow_s: float = 3.6, quick_s: float = 1.3) -> Wave:
        periods = rng.uniform(0.8, 1.3, 2) * (slow_s, quick_s)
        first, second = rng.uniform(0, 1, 2)
        return Wave(size, (float(periods[0]), float(periods[1])), (float(first), float(second)))

    return Actor(
        person=person,
        outfit=int(rng.integers(3)),
        times_s=(0.0,),
        xs=(float(homes[slot]),),
        y=y,
        face_px=face_px,
        growth=float(rng.uniform(-0.03, 0.03)),
        yaw_deg=float(inwards * rng.uniform(4, 16) + rng.uniform(-7, 7)),
        sway=wave(0.10),
        bob=wave(0.035),
        yaw=wave(rng.uniform(8, 18)),
        pitch=wave(rng.uniform(4, 12)),
        roll=wave(rng.uniform(4, 13)),
        blink_every_s=float(rng.uniform(1.8, 4.0)),
        blink_phase=float(rng.uniform()),
        talk_turn=(slot, max(2, len(homes))),
        smile=float(rng.uniform(0.3, 1.0)),
    )


def _swapped(parts: list[Actor], one: int, other: int, seconds: float) -> list[Actor]:
    """`parts` of which two change places."""
    swapped = list(parts)
    for slot, goal in ((one, other), (other, one)):
        walk = (parts[slot].xs[0], parts[goal].xs[0])
        times_s = (0.15 * seconds, 0.85 * seconds)
        swapped[slot] = replace(parts[slot], times_s=times_s, xs=walk)
    return swapped


def _moved(part: Actor, move: Move, goes_left: bool, seconds: float, width: int) -> Actor:
    """`part` with the walk that `move` asks for."""
    home = part.xs[0]
    outside = -OUTSIDE * part.face_px if goes_left else width + OUTSIDE * part.face_px
    near, far = (0.22 * width, 0.78 * width) if goes_left else (0.78 * width, 0.22 * width)
    walks: dict[Move, tuple[tuple[float, ...], tuple[float, ...]]] = {
        Move.STAY: ((0.0,), (home,)),
        Move.CROSS: ((0.15, 0.85), (far, near)),
        Move.RETURN: ((0.12, 0.4, 0.52, 0.85), (home, outside, outside, home)),
        Move.ENTER: ((0.05, 0.65), (outside, home)),
        Move.LEAVE: ((0.35, 1.0), (home, outside)),
    }
    shares, xs = walks[move]
    return replace(part, times_s=tuple(share * seconds for share in shares), xs=xs)


def _walk(actor: Actor, time_s: float) -> tuple[float, float]:
    """The place, and the speed in pixels a second, of an actor who eases in and out of walks."""
    if time_s <= actor.times_s[0] or time_s >= actor.times_s[-1]:
        return actor.xs[0] if time_s <= actor.times_s[0] else actor.xs[-1], 0.0
    leg = int(np.searchsorted(actor.times_s, time_s, side="right")) - 1
    start_s, stop_s = actor.times_s[leg : leg + 2]
    start, stop = actor.xs[leg : leg + 2]
    share = (time_s - start_s) / (stop_s - start_s)
    x = start + (stop - start) * share * share * (3 - 2 * share)
    return x, (stop - start) * 6 * share * (1 - share) / (stop_s - start_s)
