import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.constraints import mine_constraints
from tracker.records import Detections, Shot

ONE_SHOT = (Shot(0, 1000),)
THREE_SHOTS = (Shot(0, 100), Shot(100, 200), Shot(200, 300))


def detections_in(frames):
    count = len(frames)
    return Detections(
        np.array(frames, np.int32),
        np.zeros((count, 4), np.float32),
        np.ones(count, np.float32),
        np.full((count, 5, 2), np.nan, np.float32),
    )


def mine(frames, tracklet, shots=ONE_SHOT):
    return mine_constraints(detections_in(frames), np.array(tracklet, np.int32), shots)


def mine_spans(*spans, shots=THREE_SHOTS):
    """The constraints of tracklets that are each seen from a first to a last frame."""
    cells = sorted(
        (frame, number)
        for number, (first, last) in enumerate(spans)
        for frame in range(first, last + 1)
    )
    return mine(*zip(*cells, strict=True), shots)


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


def test_no_shots_of_a_video_without_frames_are_no_constraints():
    assert mine([], [], shots=()).tracklet_count == 0


@pytest.mark.parametrize(
    "span",
    [
        (100, 105),  # at the beginning of a shot
        (104, 111),
        (190, 199),  # at its end
        (188, 188),
        (90, 99),  # at the end of the first
        (200, 204),  # at the beginning of the last
    ],
)
def test_the_pairs_of_a_tracklet_only_near_a_change_of_shot_are_doubtful(span):
    whole_shot = (span[0] // 100 * 100, span[0] // 100 * 100 + 99)
    mined = mine_spans(span, whole_shot)
    assert mined.cannot_link.tolist() == [[0, 1]]
    assert mined.doubtful.tolist() == [0]
    assert len(mined.negatives) == 0


@pytest.mark.parametrize("span", [(100, 112), (112, 187), (187, 199), (104, 195), (100, 199)])
def test_the_pairs_of_a_tracklet_that_lives_on_are_beyond_doubt(span):
    mined = mine_spans(span, (100, 199))
    assert mined.doubtful.tolist() == []
    assert mined.negatives.tolist() == [[0, 1]]


@pytest.mark.parametrize(("span", "shot"), [((0, 5), (0, 99)), ((295, 299), (200, 299))])
def test_where_the_video_begins_or_ends_nothing_is_doubtful(span, shot):
    assert mine_spans(span, shot).negatives.tolist() == [[0, 1]]


def test_in_a_single_shot_nothing_is_doubtful():
    assert len(mine_spans((0, 3), (2, 5), shots=(Shot(0, 6),)).doubtful) == 0


def test_only_the_pairs_of_the_doubtful_tracklet_are_doubtful():
    mined = mine_spans((100, 199), (100, 104), (100, 199))
    assert mined.cannot_link.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert mined.negatives.tolist() == [[0, 2]]


def test_in_a_shot_that_is_all_change_every_pair_is_doubtful():
    shots = (Shot(0, 100), Shot(100, 110), Shot(110, 200))
    mined = mine_spans((100, 109), (100, 109), shots=shots)
    assert mined.doubtful.tolist() == [0]


def test_doubtful_pairs_are_still_never_one_track():
    mined = mine_spans((100, 105), (100, 199))
    assert mined.matrix().tolist() == [[False, True], [True, False]]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 39), st.integers(0, 39)), min_size=1, max_size=6
    )
)
def test_doubtful_are_the_pairs_that_a_slow_loop_doubts(places):
    # Shots of 40 frames; every tracklet lies in one.
    shots = tuple(Shot(40 * number, 40 * number + 40) for number in range(3))
    spans = [(40 * shot + min(a, b), 40 * shot + max(a, b)) for shot, a, b in places]
    mined = mine_spans(*spans, shots=shots)
    changes = (40, 80)
    ghosts = [
        any(all(change - 12 <= frame < change + 12 for frame in span) for change in changes)
        for span in spans
    ]
    expected = [ghosts[a] or ghosts[b] for a, b in mined.cannot_link]
    assert np.isin(np.arange(len(expected)), mined.doubtful).tolist() == expected
