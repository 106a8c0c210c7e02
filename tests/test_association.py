import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.association import build_tracks, person_of_detections
from tracker.config import AssociationConfig
from tracker.records import Detections, Shot

ONE_SHOT = [Shot(0, 1000)]


def detections_of(frames, boxes=None, scores=None):
    count = len(frames)
    return Detections(
        np.array(frames, np.int32),
        np.zeros((count, 4), np.float32) if boxes is None else np.array(boxes, np.float32),
        np.full(count, 0.9, np.float32) if scores is None else np.array(scores, np.float32),
        np.full((count, 5, 2), np.nan, np.float32),
    )


def build(detections, person, shots=ONE_SHOT, max_fill_frames=12):
    config = AssociationConfig(max_fill_frames=max_fill_frames)
    return build_tracks(detections, np.array(person, np.int32), shots, config)


def filled_by_loop(cells, shots, most):
    """(frame, person, left edge, interpolated) of every box, for cells {(person, frame): left}."""
    rows = [(frame, person, left, False) for (person, frame), left in cells.items()]
    for person, first in cells:
        later = [frame for who, frame in cells if who == person and frame > first]
        if not later:
            continue
        gap = range(first + 1, min(later))
        same_shot = any(shot.start <= first and min(later) < shot.stop for shot in shots)
        if not same_shot or len(gap) > most:
            continue
        start, stop = cells[person, first], cells[person, min(later)]
        for frame in gap:
            part = (frame - first) / (min(later) - first)
            rows.append((frame, person, start + part * (stop - start), True))
    return sorted(rows)


def test_a_gap_is_filled_in_a_straight_line_with_score_zero():
    boxes = [[0, 10, 20, 30], [8, 14, 32, 42]]
    tracks = build(detections_of([3, 7], boxes), [1, 1])
    assert tracks.frame.tolist() == [3, 4, 5, 6, 7]
    np.testing.assert_allclose(
        tracks.boxes[1:4], [[2, 11, 23, 33], [4, 12, 26, 36], [6, 13, 29, 39]]
    )
    np.testing.assert_allclose(tracks.scores, [0.9, 0, 0, 0, 0.9])
    assert tracks.person.tolist() == [1] * 5


def test_a_gap_of_the_longest_length_is_filled_and_none_beyond():
    assert len(build(detections_of([0, 4]), [1, 1], max_fill_frames=3)) == 5
    assert len(build(detections_of([0, 5]), [1, 1], max_fill_frames=3)) == 2


def test_nothing_is_filled_where_that_is_switched_off():
    assert build(detections_of([0, 2]), [1, 1], max_fill_frames=0).frame.tolist() == [0, 2]


def test_no_gap_is_filled_over_a_cut():
    tracks = build(detections_of([8, 11]), [1, 1], shots=[Shot(0, 10), Shot(10, 20)])
    assert tracks.frame.tolist() == [8, 11]


def test_no_gap_is_filled_between_two_people():
    assert build(detections_of([0, 3]), [1, 2]).frame.tolist() == [0, 3]


def test_gaps_of_people_side_by_side_do_not_mix():
    boxes = [[0, 0, 1, 1], [100, 0, 101, 1], [4, 0, 5, 1], [104, 0, 105, 1]]
    tracks = build(detections_of([0, 0, 2, 2], boxes), [2, 1, 2, 1])
    assert tracks.frame.tolist() == [0, 0, 1, 1, 2, 2]
    assert tracks.person.tolist() == [1, 2, 1, 2, 1, 2]
    np.testing.assert_allclose(tracks.boxes[:, 0], [100, 0, 102, 2, 104, 4])


def test_detections_of_nobody_are_left_out():
    tracks = build(detections_of([0, 1, 2]), [-1, 1, -1])
    assert tracks.frame.tolist() == [1]


@pytest.mark.parametrize("frames", [[], [0, 1]])
def test_nobody_gives_an_empty_table(frames):
    assert len(build(detections_of(frames), [-1] * len(frames))) == 0


def test_a_detection_of_score_zero_is_not_taken_for_an_interpolated_box():
    assert build(detections_of([0], scores=[0.0]), [1]).scores[0] > 0


@given(
    st.dictionaries(
        st.tuples(st.integers(1, 3), st.integers(0, 29)), st.integers(0, 64), max_size=25
    ),
    st.integers(0, 6),
)
def test_tracks_are_those_of_a_slow_loop(cells, most):
    shots = [Shot(0, 10), Shot(10, 11), Shot(11, 30)]
    ordered = sorted((frame, person, left) for (person, frame), left in cells.items())
    boxes = np.array([[left, 0, left + 8, 8] for _, _, left in ordered]).reshape(-1, 4)
    detections = detections_of([frame for frame, _, _ in ordered], boxes)
    tracks = build(detections, [person for _, person, _ in ordered], shots, most)
    expected = filled_by_loop(cells, shots, most)
    assert list(zip(tracks.frame, tracks.person, strict=True)) == [row[:2] for row in expected]
    np.testing.assert_allclose(tracks.boxes[:, 0], [row[2] for row in expected], atol=1e-4)
    assert (tracks.scores == 0).tolist() == [row[3] for row in expected]


def test_every_detection_gets_the_person_of_its_tracklet():
    tracklet, person = np.array([0, 2, -1, 1, 0], np.int32), np.array([5, -1, 7], np.int32)
    assert person_of_detections(tracklet, person).tolist() == [5, 7, -1, -1, 5]


@pytest.mark.parametrize("tracklet", [[], [-1, -1]])
def test_without_tracklets_every_detection_is_nobodys(tracklet):
    nobody = person_of_detections(np.array(tracklet, np.int32), np.zeros(0, np.int32))
    assert nobody.tolist() == [-1] * len(tracklet)
