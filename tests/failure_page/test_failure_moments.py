import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracker.evaluation.failure_records import NO_ROW, Side
from tracker.evaluation.truth import Truth
from tracker.failure_page.moments import MAX_VIEWS, choose_moments, choose_views
from tracker.records import Shot, Tracks, shot_of_frames

SHOTS = [Shot(0, 10), Shot(10, 20), Shot(20, 60)]


def frames(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def test_no_boxes_give_no_moments():
    assert choose_moments(frames(), np.zeros(0), SHOTS, 6) == []


def test_few_boxes_are_all_shown():
    assert choose_moments(frames(3, 30, 31), np.ones(3), SHOTS, 3) == [0, 1, 2]


def test_each_shot_shows_its_largest_face():
    areas = np.array([1, 5, 2, 9, 1, 1, 3, 1.0])
    chosen = choose_moments(frames(1, 2, 3, 11, 12, 30, 31, 32), areas, SHOTS, 3)
    assert chosen == [1, 3, 6]


def test_where_there_are_too_many_shots_those_with_most_boxes_are_shown():
    chosen = choose_moments(frames(1, 11, 12, 30, 31, 32), np.ones(6), SHOTS, 2)
    assert shot_of_frames(frames(1, 11, 12, 30, 31, 32)[chosen], SHOTS).tolist() == [1, 2]


def test_without_shots_moments_are_spread_over_the_boxes():
    chosen = choose_moments(frames(*range(40)), np.ones(40), None, 4)
    assert chosen == [0, 10, 20, 30]


@given(
    st.lists(st.tuples(st.integers(0, 59), st.integers(1, 9)), max_size=40),
    st.integers(1, 6),
    st.sampled_from([None, SHOTS]),
)
def test_as_many_as_asked_for_are_chosen_each_once_and_in_order(boxes, count, shots):
    table = np.array(sorted(boxes), np.float64).reshape(-1, 2)
    chosen = choose_moments(table[:, 0].astype(np.int32), table[:, 1], shots, count)
    assert len(chosen) == min(count, len(boxes))
    assert chosen == sorted(set(chosen))


@given(st.lists(st.integers(0, 59), min_size=1, max_size=40), st.integers(3, 6))
def test_every_shot_is_shown_where_there_is_room(numbers, count):
    frame = frames(*sorted(numbers))
    shots = shot_of_frames(frame, SHOTS)
    chosen = choose_moments(frame, np.ones(len(frame)), SHOTS, count)
    assert set(shots[chosen].tolist()) == set(shots.tolist())


def growing(count: int) -> Tracks:
    """A person in `count` frames, each time larger."""
    side = np.arange(1, count + 1, dtype=np.float32)
    zero = np.zeros(count, np.float32)
    number = np.arange(count, dtype=np.int32)
    boxes = np.stack([zero, zero, side, side], axis=1)
    return Tracks(number, np.ones(count, np.int32), boxes, np.ones(count, np.float32))


def side_of(rows: list[int], true: int | None, found: int | None) -> Side:
    """Boxes that have the same rows in both tables, where there are any."""
    there, nowhere = np.array(rows), np.full(len(rows), NO_ROW)
    track_rows, true_rows = nowhere if found is None else there, nowhere if true is None else there
    return Side(true, found, there.astype(np.int32), track_rows, true_rows, None)


def test_the_boxes_of_a_view_are_those_of_the_tracks():
    tracks, truth = growing(40), Truth(Tracks.empty())
    views = choose_views("nobody", side_of(list(range(40)), None, 1), truth, tracks, None)
    assert [view.frame for view in views] == [4, 9, 14, 19, 29, 39]
    for view in views:
        assert view.box.tolist() == tracks.boxes[view.frame].tolist()


def test_a_person_who_was_not_found_is_shown_close_and_in_the_whole_frame():
    truth = Truth(growing(40))
    side = side_of(list(range(40)), 1, None)
    views = choose_views("never_found", side, truth, Tracks.empty(), None)
    assert len(views) == MAX_VIEWS
    assert [view.zoom_out is None for view in views] == [False, True] * (MAX_VIEWS // 2)
    assert views[0].frame == views[1].frame
    assert views[0].box.tolist() == truth.tracks.boxes[views[0].frame].tolist()


def test_both_sides_of_a_switch_show_the_same_flips():
    """Many flips to and fro, each with a box before it and a box after it."""
    tracks = growing(60)
    flips = list(range(4, 44, 2))
    before = side_of(flips, 1, 1)
    after = side_of([frame + 1 for frame in flips], 1, 1)
    shown = [
        [view.frame for view in choose_views("switch", side, Truth(tracks), tracks, SHOTS)]
        for side in (before, after)
    ]
    assert [frame + 1 for frame in shown[0]] == shown[1]
    assert len(shown[0]) == MAX_VIEWS
    assert (shown[0][0], shown[0][-1]) == (flips[0], flips[-1])
