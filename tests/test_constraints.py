import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracker.constraints import mine_constraints
from tracker.records import Detections


def detections_in(frames):
    count = len(frames)
    return Detections(
        np.array(frames, np.int32),
        np.zeros((count, 4), np.float32),
        np.ones(count, np.float32),
        np.full((count, 5, 2), np.nan, np.float32),
    )


def mine(frames, tracklet):
    return mine_constraints(detections_in(frames), np.array(tracklet, np.int32))


def pairs_by_double_loop(frames, tracklet):
    return sorted(
        {
            (a, b)
            for frame_of_a, a in zip(frames, tracklet, strict=True)
            for frame_of_b, b in zip(frames, tracklet, strict=True)
            if frame_of_a == frame_of_b and 0 <= a < b
        }
    )


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(-1, 5)), max_size=20))
def test_the_pairs_are_those_of_a_slow_double_loop(cells):
    frames, tracklet = zip(*sorted(cells), strict=True) if cells else ((), ())
    mined = mine(frames, tracklet)
    assert mined.cannot_link.tolist() == [list(p) for p in pairs_by_double_loop(frames, tracklet)]
    assert mined.tracklet_count == max(tracklet, default=-1) + 1


def test_two_tracklets_that_share_a_frame_are_two_people():
    mined = mine([0, 0, 1, 1, 2], [1, 0, 0, 1, 2])
    assert mined.cannot_link.tolist() == [[0, 1]]
    assert mined.tracklet_count == 3


def test_tracklets_that_never_meet_may_be_one_person():
    assert len(mine([0, 1, 2, 3], [0, 0, 1, 1]).cannot_link) == 0


def test_detections_of_no_tracklet_forbid_nothing():
    assert len(mine([0, 0, 0], [-1, 0, -1]).cannot_link) == 0


def test_no_detections_give_no_tracklets_and_no_pairs():
    mined = mine([], [])
    assert mined.tracklet_count == 0
    assert mined.cannot_link.shape == (0, 2)


def test_a_crowd_is_all_different_people():
    mined = mine([5] * 6, range(6))
    assert len(mined.cannot_link) == 15
    assert (mined.matrix() == ~np.eye(6, dtype=bool)).all()
