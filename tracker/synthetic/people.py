"""The cast: what tells one drawn person from another, and a cast whose members differ."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tracker.synthetic.pen import Colour, mix, scaled

MAX_PEOPLE = 50
CANDIDATES = 40  # among whom the next member of a cast is chosen

NAMES = (
    "Noor", "Robin", "Yuki", "Sasha", "Kai", "Amal", "Jules", "Mika", "Rowan", "Dana", "Luca",
    "Ming", "Avery", "Tomi", "Ari", "Remy", "Zuri", "Alex", "Eden", "Nikita", "Sol", "Kim",
    "Billie", "Max", "Ines", "Ellis", "Jamie", "Lee", "Harper", "Sam", "Quinn", "Ali", "Drew",
    "Toni", "Frankie", "Rene", "Casey", "Shay", "Charlie", "Andrea", "Blair", "Jordan",
    "Finley", "Morgan", "Taylor", "Riley", "Jess", "Indigo", "Pat", "Kit",
)  # fmt: skip

SKINS: tuple[Colour, ...] = (
    (255, 216, 186),
    (244, 200, 164),
    (226, 177, 136),
    (198, 145, 104),
    (160, 108, 72),
    (118, 76, 50),
)
HAIRS: tuple[Colour, ...] = (
    (34, 29, 30),
    (66, 44, 32),
    (112, 72, 42),
    (150, 66, 34),
    (204, 110, 48),
    (226, 186, 110),
    (196, 196, 200),
    (122, 36, 58),
    (64, 104, 132),
)
ON_DARK_SKIN = (0, 1, 2, 6, 7)  # of HAIRS
DYED = (7, 8)
EYES: tuple[Colour, ...] = (
    (74, 46, 28),
    (112, 76, 36),
    (70, 120, 76),
    (66, 122, 176),
    (104, 118, 128),
)
CLOTHES: tuple[Colour, ...] = (
    (190, 62, 58),
    (222, 128, 60),
    (228, 190, 84),
    (132, 158, 78),
    (62, 122, 84),
    (54, 130, 138),
    (110, 170, 206),
    (60, 92, 156),
    (44, 54, 92),
    (112, 84, 150),
    (176, 142, 196),
    (206, 118, 146),
    (122, 44, 62),
    (134, 94, 66),
    (58, 62, 74),
    (138, 146, 156),
    (236, 230, 218),
)
STYLES = (
    "short",
    "parting",
    "quiff",
    "fringe",
    "bob",
    "long",
    "bun",
    "curly",
    "buzz",
    "bald",
    "beanie",
)
SHORT_STYLES = ("short", "parting", "quiff", "curly", "buzz", "bald", "beanie")
GLASSES = ("none", "none", "none", "round", "square", "thin")
BEARDS = ("none", "none", "full", "moustache", "goatee", "stubble")
COLLARS = ("crew", "vee", "shirt")


@dataclass(frozen=True, slots=True)
class Person:
    """One member of the cast. Proportions are factors around 1, or -1 to 1 where said.

    Attributes:
        hair: one of `STYLES`.
        brow_colour: of the beard too; what the hair would be if it were not dyed.
        brow_tilt: -1 (outer ends high) to 1 (inner ends high).
        wardrobe: three outfits; a shot picks one.
        texture_seed: of freckles, curls and strands.
    """

    name: str
    skin: Colour
    hair: str
    hair_colour: Colour
    brow_colour: Colour
    eye_colour: Colour
    glasses: str
    glasses_colour: Colour
    beard: str
    made_up: bool
    freckles: bool
    collar: str
    wardrobe: tuple[Colour, Colour, Colour]
    face_width: float
    jaw_width: float
    eye_size: float
    eye_spacing: float
    brow_width: float
    brow_tilt: float
    brow_arch: float
    nose_width: float
    nose_length: float
    mouth_width: float
    lip_fullness: float
    texture_seed: int


def draw_cast(count: int, rng: np.random.Generator) -> tuple[Person, ...]:
    """Choose `count` people, each the least like those before it of a few dozen candidates.

    Outfits are dealt from one shuffled pack, so that a small cast shares none.
    """
    outfits = [CLOTHES[index] for index in rng.permutation(len(CLOTHES))]
    names = [NAMES[index] for index in rng.permutation(len(NAMES))[:count]]
    cast = [invent_person(names[0], rng)]
    for name in names[1:]:
        candidates = [invent_person(name, rng) for _ in range(CANDIDATES)]
        cast.append(max(candidates, key=lambda one: min(unlikeness(one, other) for other in cast)))
    for number, person in enumerate(cast):
        first, second, third = (outfits[(3 * number + i) % len(outfits)] for i in range(3))
        cast[number] = replace(person, wardrobe=(first, second, third))
    return tuple(cast)


def unlikeness(a: Person, b: Person) -> float:
    """How different two people look; 0 for twins, about 5 for strangers."""
    labels = (
        (a.hair != b.hair)
        + (_bulk(a) != _bulk(b))
        + (a.glasses != b.glasses)
        + 1.2 * (a.beard != b.beard)
    )
    skin = np.abs(np.subtract(a.skin, b.skin)).mean() / 40
    hair = np.abs(np.subtract(a.hair_colour, b.hair_colour)).mean() / 60
    shape = sum(
        abs(p - q)
        for p, q in (
            (4 * a.face_width, 4 * b.face_width),
            (2 * a.jaw_width, 2 * b.jaw_width),
            (2 * a.eye_size, 2 * b.eye_size),
            (a.brow_width, b.brow_width),
            (0.6 * a.brow_tilt, 0.6 * b.brow_tilt),
            (a.nose_width, b.nose_width),
            (a.lip_fullness, b.lip_fullness),
        )
    )
    return float(labels + min(skin, 2.0) + min(hair, 1.5) + 0.6 * shape)


def _bulk(person: Person) -> str:
    """What the outline of the hair amounts to."""
    bulks = {"bob": "hanging", "long": "hanging", "curly": "curly", "bun": "bun", "beanie": "hat"}
    return bulks.get(person.hair, "short")


def invent_person(name: str, rng: np.random.Generator) -> Person:
    """Make up one plausible person."""
    skin_tone = rng.integers(len(SKINS))
    skin = scaled(SKINS[skin_tone], rng.uniform(0.96, 1.03))
    shades = ON_DARK_SKIN if skin_tone >= 4 else tuple(range(len(HAIRS)))
    style = str(rng.choice(STYLES))
    beard = str(rng.choice(BEARDS)) if style in SHORT_STYLES else "none"
    made_up = beard == "none" and (style not in SHORT_STYLES or rng.random() < 0.3)
    outfits = rng.permutation(len(CLOTHES))[:3]
    odds = np.array([0.4 if shade in DYED else 1.0 for shade in shades])
    shade = int(rng.choice(shades, p=odds / odds.sum()))
    hair_colour = scaled(HAIRS[shade], rng.uniform(0.9, 1.1))
    return Person(
        name=name,
        skin=skin,
        hair=style,
        hair_colour=hair_colour,
        brow_colour=HAIRS[1] if shade in DYED else hair_colour,
        eye_colour=EYES[rng.integers(2 if skin_tone >= 4 else len(EYES))],
        glasses=str(rng.choice(GLASSES)),
        glasses_colour=mix(
            (30, 28, 32), CLOTHES[rng.integers(len(CLOTHES))], rng.choice([0.0, 0.7])
        ),
        beard=beard,
        made_up=made_up,
        freckles=bool(skin_tone < 3 and rng.random() < 0.3),
        collar=str(rng.choice(COLLARS)),
        wardrobe=(CLOTHES[outfits[0]], CLOTHES[outfits[1]], CLOTHES[outfits[2]]),
        face_width=rng.uniform(0.92, 1.1),
        jaw_width=rng.uniform(0.84, 1.14),
        eye_size=rng.uniform(0.88, 1.16),
        eye_spacing=rng.uniform(0.94, 1.08),
        brow_width=rng.uniform(0.55, 1.5),
        brow_tilt=rng.uniform(-0.7, 0.5),
        brow_arch=rng.uniform(0.3, 1.5),
        nose_width=rng.uniform(0.8, 1.3),
        nose_length=rng.uniform(0.85, 1.1),
        mouth_width=rng.uniform(0.85, 1.2),
        lip_fullness=rng.uniform(0.7, 1.4),
        texture_seed=int(rng.integers(2**31)),
    )
