import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.boxes import box_iou
from tracker.evaluation.pairing import (
    Overlaps,
    assign_overlaps,
    find_overlaps,
    pair_boxes,
    rows_by_frame,
)


@st.composite
def boxes_in_frames(draw):
    """Up to ten boxes of any size, some without an area, sorted by frames with gaps."""
    corner, side = st.integers(0, 12), st.integers(0, 10)
    rows = draw(
        st.lists(st.tuples(st.sampled_from([0, 1, 7]), corner, corner, side, side), max_size=10)
    )
    table = np.array(sorted(rows, key=lambda row: row[0]), np.int32).reshape(-1, 5)
    boxes = np.concatenate([table[:, 1:3], table[:, 1:3] + table[:, 3:]], axis=1)
    return table[:, 0], boxes.astype(np.float32)


def overlaps_pair_by_pair(true_frame, true_boxes, frame, boxes):
    """Every overlap, looked for one after the other."""
    found = []
    for i in range(len(true_frame)):
        for j in range(len(frame)):
            iou = box_iou(true_boxes[i : i + 1].astype(float), boxes[j : j + 1].astype(float))
            if true_frame[i] == frame[j] and iou[0, 0] > 0:
                found.append((i, j, iou[0, 0]))
    return found


@given(boxes_in_frames(), boxes_in_frames())
@settings(max_examples=60)
def test_overlaps_are_those_found_pair_by_pair(true, found):
    overlaps = find_overlaps(*true, *found)
    assert [*zip(*overlaps, strict=True)] == overlaps_pair_by_pair(*true, *found)


def test_a_crowd_is_worked_through_in_parts():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 1000, (1300, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(20, 80, (1300, 2))], axis=1)
    frame = np.zeros(650, np.int32)
    overlaps = find_overlaps(frame, boxes[:650], frame, boxes[650:])  # 422,500 pairs
    iou = box_iou(boxes[:650], boxes[650:])
    assert [*zip(overlaps.true, overlaps.found, strict=True)] == [
        (row, column) for row, column in np.argwhere(iou > 0)
    ]
    np.testing.assert_array_equal(overlaps.iou, iou[iou > 0])


def test_boxes_of_other_frames_do_not_overlap():
    box = np.array([[0, 0, 10, 10]], np.float32)
    assert len(find_overlaps(np.array([3]), box, np.array([4]), box).iou) == 0


@pytest.mark.parametrize("true_rows", [0, 1])
@pytest.mark.parametrize("rows", [0, 1])
def test_without_boxes_nothing_overlaps_and_nothing_is_taken(true_rows, rows):
    true_frame, frame = np.zeros(true_rows, np.int32), np.ones(rows, np.int32)
    box = np.array([[0, 0, 10, 10]], np.float32)
    overlaps = find_overlaps(true_frame, box[:true_rows], frame, box[:rows])
    assert [len(column) for column in overlaps] == [0, 0, 0]
    assert overlaps.true.dtype == overlaps.found.dtype == np.intp
    taken = assign_overlaps(overlaps, overlaps.iou, true_frame, frame, lambda iou: ([], []))
    assert taken.shape == (0,)


def taken_frame_by_frame(true, found, iou_threshold):
    """The pairs of `pair_boxes` in every frame, disputed or not."""
    taken = set()
    for frame in np.union1d(true[0], found[0]):
        true_rows, rows = np.flatnonzero(true[0] == frame), np.flatnonzero(found[0] == frame)
        iou = box_iou(found[1][rows].astype(float), true[1][true_rows].astype(float))
        lines, columns = pair_boxes(iou, iou_threshold)
        taken |= {*zip(true_rows[columns].tolist(), rows[lines].tolist(), strict=True)}
    return taken


@given(boxes_in_frames(), boxes_in_frames(), st.sampled_from([0.1, 0.3, 0.5]))
@settings(max_examples=100)
def test_what_is_taken_is_what_assigning_every_frame_gives(true, found, iou_threshold):
    overlaps = find_overlaps(*true, *found)
    possible = overlaps.where(overlaps.iou >= iou_threshold)
    taken = possible.where(
        assign_overlaps(
            possible, possible.iou, true[0], found[0], lambda iou: pair_boxes(iou, iou_threshold)
        )
    )
    pairs = {*zip(taken.true.tolist(), taken.found.tolist(), strict=True)}
    assert pairs == taken_frame_by_frame(true, found, iou_threshold)


def test_a_frame_without_a_dispute_is_not_asked_about():
    # Frame 0: one true box, two found ones on it. Frame 1: one on one, and one beside.
    overlaps = Overlaps(np.array([0, 0, 1]), np.array([0, 1, 3]), np.array([0.4, 0.9, 0.2]))
    asked = []

    def assign(worth):
        asked.append(worth.tolist())
        return np.array([1]), np.array([0])

    frame = np.array([0, 0, 1, 1], np.int32)
    taken = assign_overlaps(overlaps, overlaps.iou, np.array([0, 1], np.int32), frame, assign)
    assert taken.tolist() == [False, True, True]
    assert asked == [[[0.4], [0.9]]]


def test_more_pairs_count_more_than_better_ones():
    iou = np.array([[0.5, 0.9], [0.0, 0.5]])
    rows, columns = pair_boxes(iou, 0.5)
    assert [*zip(rows, columns, strict=True)] == [(0, 0), (1, 1)]


def test_no_pair_lies_below_the_threshold():
    assert [len(side) for side in pair_boxes(np.array([[0.49, 0.0]]), 0.5)] == [0, 0]


def test_rows_of_frames_in_any_order():
    rows = rows_by_frame(np.array([7, 0, 7, 3]))
    assert {frame: found.tolist() for frame, found in rows.items()} == {0: [1], 3: [3], 7: [0, 2]}
    assert rows_by_frame(np.zeros(0, np.int32)) == {}
