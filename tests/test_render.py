from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.lettering import elided_text, text_mask
from tracker.records import NOBODY, Frame, Shot, Tracks
from tracker.render import (
    _chip,
    _letter_person,
    _luminance,
    annotate,
    contact_sheet,
    person_colour,
    render_annotated,
)

# Machado, Oliveira and Fernandes (2009), full deuteranopia; rows give R, G, B.
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)
NO_TRACKS = Tracks.empty()


def picture(height: int = 240, width: int = 426) -> np.ndarray:
    return np.full((height, width, 3), 90, np.uint8)


def tracks_of(*rows: tuple[int, int, tuple[float, float, float, float], float]) -> Tracks:
    """Tracks of rows of frame, person, box, score."""
    frame, person, boxes, scores = zip(*rows, strict=True)
    return Tracks(
        np.array(frame, np.int32),
        np.array(person, np.int32),
        np.array(boxes, np.float32),
        np.array(scores, np.float32),
    )


def one(box: tuple[float, float, float, float], person: int = 1, score: float = 1.0) -> Tracks:
    return tracks_of((0, person, box, score))


def frame_of(index: int) -> Frame:
    return Frame(index, Fraction(index, 25), picture())


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return np.any(before != after, axis=2)


def coloured(image: np.ndarray) -> np.ndarray:
    """Where `image` has about the colour of person 1."""
    return np.abs(image.astype(int) - person_colour(1)).max(axis=2) < 30


def test_a_person_has_the_same_colour_every_time():
    assert person_colour(3) == person_colour(3) == (0, 158, 115)


def test_the_first_21_people_have_different_colours():
    colours = np.array([person_colour(person) for person in range(1, 22)], float)
    assert min(np.linalg.norm(a - b) for a, b in combinations(colours, 2)) > 30


def test_the_first_seven_colours_differ_to_someone_who_cannot_see_green():
    linear = (np.array([person_colour(person) for person in range(1, 8)]) / 255) ** 2.2
    seen = np.clip(linear @ DEUTERANOPIA.T, 0, 1) ** (1 / 2.2) * 255
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 30


def test_nobody_is_grey():
    red, green, blue = person_colour(NOBODY)
    assert red == green == blue


@pytest.mark.parametrize("person", range(1, 22))
def test_names_are_legible_on_the_colour_of_their_person(person):
    chip = _chip("Name", 20, person_colour(person), 400)
    levels = [_luminance(tuple(pixel)) for pixel in chip.rgb.reshape(-1, 3).tolist()]
    contrast = (max(levels) + 0.05) / (min(levels) + 0.05)
    assert contrast > 4


def test_a_picture_to_annotate_is_not_drawn_on_itself():
    image = picture()
    annotate(image, one((100, 80, 200, 180)), {}, shot_number=1)
    np.testing.assert_array_equal(image, picture())


def test_a_frame_of_a_video_is_drawn_on_as_it_is():
    frame = frame_of(0)
    assert next(render_annotated([frame], one((100, 80, 200, 180)), [Shot(0, 1)])) is frame.image


def test_a_frame_without_people_and_shots_stays_as_it_is():
    np.testing.assert_array_equal(next(render_annotated([frame_of(0)], NO_TRACKS)), picture())


def test_each_frame_gets_its_own_boxes_in_whatever_order_frames_come():
    tracks = tracks_of((2, 1, (100, 80, 200, 180), 1.0), (5, 1, (250, 80, 350, 180), 1.0))
    five, three, two = render_annotated([frame_of(5), frame_of(3), frame_of(2)], tracks)
    np.testing.assert_array_equal(five, annotate(picture(), tracks.where(np.array([1])), {}))
    np.testing.assert_array_equal(three, picture())
    np.testing.assert_array_equal(two, annotate(picture(), tracks.where(np.array([0])), {}))


def test_a_box_is_drawn_along_its_edge_in_the_colour_of_its_person():
    drawn = annotate(picture(), one((100, 80, 200, 180)), {})
    np.testing.assert_allclose(drawn[130, 100], person_colour(1), atol=40)
    np.testing.assert_allclose(drawn[130, 200], person_colour(1), atol=40)
    np.testing.assert_array_equal(drawn[110:150, 110:190], picture()[110:150, 110:190])


def test_an_interpolated_box_is_drawn_fainter():
    box = (100.0, 80.0, 200.0, 180.0)
    seen = coloured(annotate(picture(), one(box), {}))
    guessed = coloured(annotate(picture(), one(box, score=0.0), {}))
    assert guessed[85:175].sum() < 0.7 * seen[85:175].sum()


def test_a_region_of_nobody_has_a_box_and_no_name():
    drawn = annotate(picture(), one((100, 80, 200, 180), person=NOBODY), {})
    assert changed(picture(), drawn)[75:185].any()
    assert not changed(picture(), drawn)[:75].any()


def test_a_box_outside_the_picture_is_left_out():
    outside = tracks_of((0, 1, (-90, -80, -5, -5), 1.0), (0, 2, (500, 10, 600, 90), 1.0))
    np.testing.assert_array_equal(annotate(picture(), outside, {}), picture())


def test_a_person_is_called_by_number_until_named():
    tracks = one((100, 80, 200, 180), person=3)
    unnamed = annotate(picture(), tracks, {})
    np.testing.assert_array_equal(unnamed, annotate(picture(), tracks, {3: "Person 3"}))
    assert changed(unnamed, annotate(picture(), tracks, {3: "Zoë"})).any()


def test_shots_are_numbered_from_1_in_a_corner():
    shots = [Shot(0, 10), Shot(10, 20)]
    first, second = render_annotated([frame_of(9), frame_of(10)], NO_TRACKS, shots)
    np.testing.assert_array_equal(first, annotate(picture(), NO_TRACKS, {}, shot_number=1))
    np.testing.assert_array_equal(second, annotate(picture(), NO_TRACKS, {}, shot_number=2))
    assert changed(first, second).any()
    assert not changed(picture(), first)[30:, 100:].any()


def test_lines_and_letters_grow_with_the_picture():
    small = coloured(annotate(picture(), one((100, 80, 200, 180)), {}))
    large = coloured(annotate(picture(2160, 3840), one((900, 720, 1800, 1620)), {}))
    assert large[1100].sum() >= 4 * small[130].sum()  # across both upright lines
    assert large[:700].any(axis=1).sum() >= 3 * small[:77].any(axis=1).sum()  # the name above


coordinate = st.floats(-300, 700, width=32)


@given(
    box=st.tuples(coordinate, coordinate, coordinate, coordinate),
    height=st.integers(40, 300),
    width=st.integers(40, 500),
    name=st.text(max_size=60),
)
def test_names_stay_inside_the_picture(box, height, width, name):
    image = picture(height, width)
    place = _letter_person(image, np.array(box, np.float32), 1, {1: name}, [])
    assert place.x >= 0
    assert place.y >= 0
    assert place.x + place.width <= width
    assert place.y + place.height <= height


def test_names_of_neighbours_do_not_cover_each_other():
    image = picture()
    first = _letter_person(image, np.array([100, 80, 140, 130], np.float32), 1, {}, [])
    second = _letter_person(image, np.array([120, 80, 160, 130], np.float32), 2, {}, [first])
    assert not first.overlaps(second)


def test_a_name_goes_below_a_box_that_touches_the_top():
    place = _letter_person(picture(), np.array([100, 0, 160, 60], np.float32), 1, {}, [])
    assert place.y > 60


@pytest.mark.parametrize(
    ("plain", "accented"), [("Zoe", "Zoë"), ("Lukasz", "Łukasz"), ("Nandu", "Ñandú")]
)
def test_letters_with_accents_are_drawn_and_not_replaced_by_a_box(plain, accented):
    assert text_mask(plain, 24).tobytes() != text_mask(accented, 24).tobytes()
    assert text_mask(accented, 24).tobytes() != text_mask("\uffff" * len(plain), 24).tobytes()
    assert text_mask("ë", 24).tobytes() != text_mask("ñ", 24).tobytes()


def test_a_text_that_fits_is_left_alone():
    assert elided_text("Zoë", 20, 400) == "Zoë"


def test_a_text_that_is_too_long_ends_in_an_ellipsis_and_fits():
    shorter = elided_text("a name that goes on and on and on", 20, 150)
    assert shorter.endswith("…")
    assert text_mask(shorter, 20).shape[1] <= 151


def test_a_text_of_several_lines_becomes_one():
    assert elided_text(" Zoë\n Ñandú ", 20, 400) == "Zoë Ñandú"


def test_no_text_covers_nothing():
    assert not text_mask("", 20).any()


def test_a_contact_sheet_shows_every_face_in_order():
    levels = np.arange(10, dtype=np.uint8) * 20
    faces = np.broadcast_to(levels[:, None, None, None], (10, 64, 64, 3)).copy()
    sheet = contact_sheet(faces, "Zoë", "10 faces", person_colour(1))
    centres = [
        sheet[88 + row * 136 + 64, 24 + column * 136 + 64]
        for row in range(2)
        for column in range(6)
    ]
    np.testing.assert_array_equal(np.array(centres[:10])[:, 0], levels)
    np.testing.assert_array_equal(centres[10], [250, 250, 250])


def test_a_contact_sheet_has_24_faces_at_most_from_the_first_to_the_last():
    levels = np.arange(100, dtype=np.uint8)
    faces = np.broadcast_to(levels[:, None, None, None], (100, 16, 16, 3)).copy()
    sheet = contact_sheet(faces, "Zoë", "100 faces", person_colour(1))
    assert sheet.shape == contact_sheet(faces[:24], "", "", person_colour(1)).shape
    assert sheet[88 + 64, 24 + 64, 0] == 0
    assert sheet[88 + 3 * 136 + 64, 24 + 5 * 136 + 64, 0] == 99


def test_a_contact_sheet_of_no_faces_is_its_header():
    sheet = contact_sheet(np.zeros((0, 64, 64, 3), np.uint8), "Zoë", "no faces", (0, 0, 0))
    assert sheet.shape == (104, 856, 3)
    assert (sheet < 100).any()


def test_the_header_of_a_contact_sheet_has_the_colour_of_the_person():
    sheet = contact_sheet(np.zeros((1, 64, 64, 3), np.uint8), "Zoë", "", person_colour(2))
    assert (sheet[:80] == person_colour(2)).all(axis=2).any()
