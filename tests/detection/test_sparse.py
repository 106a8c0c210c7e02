import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.detection.sparse import SparseDetector, agree, carried, usual_distance
from tracker.records import Detections, Frame

SURE = 0.8
EVERY = 4  # frames; no more than that where nothing happens


def faces(frame, *rows):
    """Detections of one frame: x, y, side and score a row."""
    table = np.array(rows, np.float32).reshape(-1, 4)
    x, y, side, score = table.T
    boxes = np.stack([x, y, x + side, y + side], axis=1)
    landmarks = np.repeat(boxes[:, None, :2], 5, axis=1) + np.arange(10).reshape(5, 2)
    return Detections(np.full(len(table), frame, np.int32), boxes, score, landmarks.astype("f4"))


class Film:
    """A detector that knows where every face is, and remembers which frames it was asked for."""

    def __init__(self, faces_of):
        self.faces_of = faces_of
        self.asked = []

    def detect(self, frames):
        self.asked += [frame.index for frame in frames]
        return Detections.joined([self.faces_of(frame.index) for frame in frames])


PICTURES = np.random.default_rng(0).integers(0, 256, (2, 54, 96, 3), np.uint8)


def watch(film, count, every=None, batch=16, cut=None):
    """What `SparseDetector` finds in `count` frames of `film`; another picture from `cut` on."""
    frames = [
        Frame(index, Fraction(index), PICTURES[int(cut is not None and index >= cut)])
        for index in range(count)
    ]
    sparse = SparseDetector(film, every or EVERY, every is None, SURE)
    parts = [sparse.detect(frames[start : start + batch]) for start in range(0, count, batch)]
    parts.append(sparse.finish())
    assert sparse.frames_looked_at == len(film.asked)
    return Detections.joined(parts)


def of_frame(table, frame):
    return table.where(table.frame == frame)


def still(frame):
    return faces(frame, (100, 50, 40, 0.9))


def gliding(frame):
    return faces(frame, (100 + 2 * frame, 50 + frame, 40, 0.9))


def test_a_still_picture_is_looked_at_every_fourth_frame_and_at_its_end():
    film = Film(still)
    watch(film, 32)
    assert film.asked == [0, 4, 8, 12, 16, 20, 24, 28, 31]


def test_boxes_and_landmarks_between_lie_on_the_way():
    found = watch(Film(gliding), 40)
    wanted = Detections.joined([gliding(frame) for frame in range(40)])
    np.testing.assert_array_equal(found.frame, wanted.frame)
    np.testing.assert_allclose(found.boxes, wanted.boxes, atol=1e-3)
    np.testing.assert_allclose(found.landmarks, wanted.landmarks, atol=1e-3)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(1, 9), st.booleans())
def test_batches_do_not_matter_to_what_is_found(places, batch, closer):
    def unsteady(frame):
        place = places[frame]
        return faces(frame, (20 * place, 10, 40, 0.9)) if place else faces(frame)

    every = None if closer else EVERY
    apart = watch(Film(unsteady), len(places), every, batch)
    together = watch(Film(unsteady), len(places), every, len(places))
    np.testing.assert_array_equal(apart.frame, together.frame)
    np.testing.assert_array_equal(apart.boxes, together.boxes)


def test_a_carried_box_has_the_lower_score_of_the_two():
    film = Film(lambda frame: faces(frame, (100, 50, 40, 0.9 if frame < 4 else 0.5)))
    assert of_frame(watch(film, 5), 2).scores == pytest.approx([0.5])


@pytest.mark.parametrize("comes", range(1, 8))
def test_a_face_that_comes_is_found_from_its_first_frame(comes):
    film = Film(lambda frame: still(frame) if frame >= comes else faces(frame))
    np.testing.assert_array_equal(watch(film, 16).frame, np.arange(comes, 16))


@pytest.mark.parametrize("goes", range(1, 8))
def test_a_face_that_goes_is_found_to_its_last_frame(goes):
    film = Film(lambda frame: still(frame) if frame < goes else faces(frame))
    np.testing.assert_array_equal(watch(film, 16).frame, np.arange(goes))


def test_at_a_cut_both_sides_are_looked_at():
    film = Film(lambda frame: still(frame) if frame < 6 else faces(frame, (400, 200, 80, 0.9)))
    found = watch(film, 16)
    assert {5, 6} <= set(film.asked)
    assert found.boxes[:, 0].tolist() == [100] * 6 + [400] * 10


def test_at_a_cut_to_a_face_in_the_same_place_both_sides_are_looked_at():
    film = Film(lambda frame: faces(frame, (0 if frame < 6 else 40, 0, 100, 0.9)))
    found = watch(film, 16, cut=6)
    assert {5, 6} <= set(film.asked)
    assert found.boxes[:, 0].tolist() == [0] * 6 + [40] * 10


def test_a_cut_between_pictures_of_nobody_is_not_looked_for():
    film = Film(faces)
    watch(film, 16, cut=6)
    assert film.asked == [0, 4, 8, 12, 15]


def test_faces_that_pass_each_other_are_looked_at_closely():
    def passing(frame):
        return faces(frame, (100 + 5 * frame, 50, 40, 0.9), (180 - 5 * frame, 50, 40, 0.9))

    film = Film(passing)
    watch(film, 17)
    assert {0, 4, 6, 8, 10, 12, 16} <= set(film.asked)


def test_still_faces_side_by_side_are_not():
    film = Film(lambda frame: faces(frame, (100, 50, 40, 0.9), (145, 50, 40, 0.9)))
    watch(film, 17)
    assert film.asked == [0, 4, 8, 12, 16]


def test_a_weak_box_that_comes_and_goes_is_not_looked_for():
    film = Film(lambda f: faces(f, (100, 50, 40, 0.9), *([(300, 50, 40, 0.4)] if f == 8 else [])))
    found = watch(film, 16)
    assert film.asked == [0, 4, 8, 12, 15]
    assert len(of_frame(found, 8)) == 2
    assert len(of_frame(found, 7)) == 1


@pytest.mark.parametrize(("rate", "every"), [(1, 1), (12, 2), (25, 4), (30, 4), (60, 8)])
def test_looks_are_evenly_far_apart_in_time(rate, every):
    assert usual_distance(Fraction(rate)) == every


def test_every_frame_is_looked_at_where_that_is_wanted():
    film = Film(gliding)
    watch(film, 20, every=1)
    assert sorted(film.asked) == list(range(20))


def test_no_more_than_every_third_where_that_is_wanted():
    film = Film(lambda frame: still(frame) if frame >= 5 else faces(frame))
    found = watch(film, 12, every=3, batch=100)
    assert film.asked == [0, 3, 6, 9, 11]
    assert watch(Film(still), 100, every=50).frame.tolist() == list(range(100))
    np.testing.assert_array_equal(found.frame, np.arange(6, 12))


def test_no_frames_have_no_faces():
    sparse = SparseDetector(Film(still), EVERY, True, SURE)
    assert len(sparse.detect([])) == len(sparse.finish()) == 0


@pytest.mark.parametrize("count", range(1, 7))
def test_all_frames_of_a_short_video_are_accounted_for(count):
    assert watch(Film(still), count).frame.tolist() == list(range(count))


def test_nobody_is_found_where_nobody_is():
    film = Film(faces)
    assert len(watch(film, 40)) == 0
    assert len(film.asked) <= 40 / EVERY + 3


tables = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(5, 30), st.floats(0.3, 1)),
    max_size=4,
)


@given(st.lists(tables, min_size=1, max_size=40), st.integers(1, 20))
def test_frames_looked_at_have_just_what_the_detector_found(film_of, batch):
    film = Film(lambda frame: faces(frame, *film_of[frame]))
    found = watch(film, len(film_of), batch=batch)
    for frame in film.asked:
        wanted = film.faces_of(frame)
        np.testing.assert_array_equal(of_frame(found, frame).boxes, wanted.boxes)


@given(st.lists(tables, min_size=1, max_size=40), st.integers(1, 20))
def test_every_sure_face_of_a_frame_not_looked_at_has_partners_on_both_sides(film_of, batch):
    film = Film(lambda frame: faces(frame, *film_of[frame]))
    watch(film, len(film_of), batch=batch)
    asked = sorted(film.asked)
    for before, after in itertools.pairwise(asked):
        if after - before > 1:
            assert agree(film.faces_of(before), film.faces_of(after), SURE)


def test_agreeing_does_not_depend_on_the_order_of_frames_or_faces():
    a = faces(0, (100, 50, 40, 0.9), (300, 50, 40, 0.9))
    b = faces(4, (305, 50, 40, 0.9), (103, 50, 40, 0.9))
    assert agree(a, b, SURE)
    assert agree(b, a, SURE)


def test_nothing_is_carried_between_frames_without_faces():
    assert len(carried(faces(0), faces(4), np.array([1, 2, 3], np.int32), 4)) == 0
