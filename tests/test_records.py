from dataclasses import FrozenInstanceError
from fractions import Fraction

import numpy as np
import pytest

from tracker.errors import RecordError
from tracker.records import Constraints, Crops, Detections, Shot, Timeline, Tracks, shot_of_frames


def detections_in(*frames: int) -> Detections:
    count = len(frames)
    return Detections(
        np.array(frames, np.int32),
        np.arange(4 * count, dtype=np.float32).reshape(count, 4),
        np.linspace(0, 1, count, dtype=np.float32),
        np.zeros((count, 5, 2), np.float32),
    )


def tracks_in(*frames: int) -> Tracks:
    count = len(frames)
    return Tracks(
        np.array(frames, np.int32),
        np.arange(1, count + 1, dtype=np.int32),
        np.zeros((count, 4), np.float32),
        np.ones(count, np.float32),
    )


@pytest.mark.parametrize("table", [detections_in, tracks_in])
@pytest.mark.parametrize("frames", [(2, 1), (-1, 0), (0, 5, 4)])
def test_tables_must_be_sorted_by_frame_from_zero(table, frames):
    with pytest.raises(RecordError, match="sorted by frame"):
        table(*frames)


@pytest.mark.parametrize("column", ["boxes", "scores", "landmarks"])
def test_every_column_of_detections_must_fit(column):
    found = detections_in(0, 1)
    columns = {name: getattr(found, name) for name in ("frame", "boxes", "scores", "landmarks")}
    columns[column] = columns[column][:1]
    with pytest.raises(RecordError, match=rf"Detections\.{column} is \(1"):
        Detections(**columns)


@pytest.mark.parametrize("column", ["person", "boxes", "scores"])
def test_every_column_of_tracks_must_fit(column):
    tracks = tracks_in(0, 1)
    columns = {name: getattr(tracks, name) for name in ("frame", "person", "boxes", "scores")}
    columns[column] = columns[column][:1]
    with pytest.raises(RecordError, match=rf"Tracks\.{column} is \(1"):
        Tracks(**columns)


def test_where_selects_every_column_by_mask_or_by_row():
    found = detections_in(0, 1, 1, 7)
    by_mask, by_row = found.where(found.frame == 1), found.where([1, 2])
    for chosen in (by_mask, by_row):
        assert len(chosen) == 2
        assert chosen.frame.tolist() == [1, 1]
        np.testing.assert_array_equal(chosen.boxes, found.boxes[1:3])
        np.testing.assert_array_equal(chosen.scores, found.scores[1:3])
        assert chosen.landmarks.shape == (2, 5, 2)


def test_where_refuses_an_order_that_is_not_by_frame():
    with pytest.raises(RecordError, match="sorted"):
        tracks_in(0, 1).where([1, 0])


@pytest.mark.parametrize("table", [Detections, Tracks])
def test_an_empty_table_has_no_rows_and_can_be_selected_from(table):
    nothing = table.empty()
    assert len(nothing) == 0
    assert len(nothing.where(np.zeros(0, np.bool_))) == 0


def test_records_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        tracks_in(0).frame = np.zeros(1, np.int32)


@pytest.mark.parametrize(("start", "stop"), [(3, 3), (4, 3), (-1, 3)])
def test_a_shot_has_at_least_one_frame_and_starts_at_zero_or_later(start, stop):
    with pytest.raises(RecordError, match=f"frame {start} to {stop}"):
        Shot(start, stop)


def test_shots_sort_by_their_start():
    assert sorted([Shot(5, 9), Shot(0, 5)]) == [Shot(0, 5), Shot(5, 9)]


def test_each_frame_has_the_shot_that_holds_it():
    shots = [Shot(0, 3), Shot(3, 4), Shot(4, 10)]
    frames = np.array([0, 2, 3, 4, 9, 2], np.int32)
    expected = [
        next(n for n, shot in enumerate(shots) if shot.start <= frame < shot.stop)
        for frame in frames
    ]
    assert shot_of_frames(frames, shots).tolist() == expected == [0, 0, 1, 2, 2, 0]


def test_no_frames_have_no_shots():
    assert shot_of_frames(np.zeros(0, np.int32), [Shot(0, 3)]).shape == (0,)


def test_the_matrix_of_constraints_is_symmetric():
    apart = Constraints(4, np.array([[0, 2], [1, 3]], np.int32)).matrix()
    expected = np.zeros((4, 4), np.bool_)
    expected[0, 2] = expected[2, 0] = expected[1, 3] = expected[3, 1] = True
    np.testing.assert_array_equal(apart, expected)


@pytest.mark.parametrize("members", [[], [2], [3, 0, 1], [4, 3, 2, 1, 0]])
def test_constraints_among_some_are_a_part_of_the_matrix(members):
    constraints = Constraints(5, np.array([[0, 1], [0, 3], [2, 4]], np.int32))
    among = constraints.among(np.array(members, np.intp))
    np.testing.assert_array_equal(among, constraints.matrix()[np.ix_(members, members)])


@pytest.mark.parametrize("count", [0, 3])
def test_without_constraints_nobody_is_known_to_be_apart(count):
    apart = Constraints(count, np.zeros((0, 2), np.int32)).matrix()
    assert apart.shape == (count, count)
    assert not apart.any()


def test_negatives_are_the_pairs_that_are_not_doubtful():
    pairs = np.array([[0, 1], [0, 2], [1, 3]], np.int32)
    negatives = Constraints(4, pairs, doubtful=np.array([1])).negatives
    assert (negatives.dtype, negatives.tolist()) == (np.int32, [[0, 1], [1, 3]])


def test_unless_said_otherwise_no_pair_is_doubtful():
    pairs = np.array([[0, 1], [0, 2]], np.int32)
    np.testing.assert_array_equal(Constraints(4, pairs).negatives, pairs, strict=True)


@pytest.mark.parametrize("count", [0, 2])
def test_where_every_pair_is_doubtful_there_are_no_negatives(count):
    pairs = np.array([[0, 1], [0, 2]], np.int32)[:count]
    assert Constraints(4, pairs, doubtful=np.arange(count)).negatives.shape == (0, 2)


def test_a_doubtful_pair_is_still_never_one_person():
    pairs = np.array([[0, 2], [1, 3]], np.int32)
    doubtful = Constraints(4, pairs, doubtful=np.array([0]))
    np.testing.assert_array_equal(doubtful.matrix(), Constraints(4, pairs).matrix())


def test_constraints_are_pairs():
    with pytest.raises(RecordError, match="cannot_link"):
        Constraints(4, np.zeros((2, 3), np.int32))


def test_there_is_one_crop_a_row():
    assert len(Crops(np.arange(2), np.zeros((2, 8, 8, 3), np.uint8))) == 2
    with pytest.raises(RecordError, match="3 crops do not fit 2 rows"):
        Crops(np.arange(2), np.zeros((3, 8, 8, 3), np.uint8))


def test_a_frame_is_shown_until_the_next_one_and_the_last_until_the_end():
    timeline = Timeline(np.array([0, 1001, 3003]), Fraction(1, 30000), 4004)
    assert len(timeline) == 3
    assert timeline.start_s(1) == Fraction(1001, 30000)
    assert timeline.stop_s(1) == timeline.start_s(2) == Fraction(3003, 30000)
    assert timeline.stop_s(2) == Fraction(4004, 30000)
