import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.evaluation.comparison import compare
from tracker.evaluation.hota import HotaScores, higher_order_accuracy
from tracker.records import Tracks

THRESHOLDS = [step / 20 for step in range(1, 20)]
WIDTH = 10
SHIFTS = (0, 1, 2, 3, 4, 5, 7, 8)  # no IoU of boxes so far apart lies at a threshold


def tracks_of(*rows: tuple[float, ...]) -> Tracks:
    """Tracks of rows of frame, person, x1, y1, x2, y2."""
    table = np.array(sorted(rows), np.float64).reshape(-1, 6)
    return Tracks(
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        table[:, 2:].astype(np.float32),
        np.ones(len(table), np.float32),
    )


def scores_of(truth: Tracks, tracks: Tracks) -> HotaScores:
    return higher_order_accuracy(compare(truth, tracks))


def box(lane: int, shift: float = 0) -> tuple[float, ...]:
    """A box that meets boxes of its own lane only."""
    return (shift, 20 * lane, shift + WIDTH, 20 * lane + 10)


def test_scores_computed_by_hand():
    truth = tracks_of(*((frame, 1, *box(0)) for frame in range(4)))
    tracks = tracks_of(
        *((frame, 1, *box(0)) for frame in range(3)),  # where it should be
        (3, 2, *box(0, shift=3)),  # another track, IoU 7/13 = 0.54
    )
    loose, strict = 10 / 19, 9 / 19  # thresholds up to 0.50; from 0.55
    assa_loose = (3 * 3 / 4 + 1 * 1 / 4) / 4
    scores = scores_of(truth, tracks)
    assert scores.deta == pytest.approx(loose * 1 + strict * 3 / 5)
    assert scores.assa == pytest.approx(loose * assa_loose + strict * 3 / 4)
    assert scores.hota == pytest.approx(loose * assa_loose**0.5 + strict * (3 / 5 * 3 / 4) ** 0.5)


def test_one_track_for_two_people_in_turn_is_half_right():
    truth = tracks_of((0, 1, *box(0)), (1, 2, *box(0)))
    scores = scores_of(truth, tracks_of((0, 1, *box(0)), (1, 1, *box(0))))
    assert scores == pytest.approx((0.5**0.5, 1, 0.5))


def test_perfect_tracks_score_one_whatever_they_are_called():
    truth = tracks_of(*((frame, who, *box(who)) for frame in range(3) for who in (1, 2)))
    renamed = tracks_of(*((frame, 9 - who, *box(who)) for frame in range(3) for who in (1, 2)))
    assert scores_of(truth, renamed) == pytest.approx((1, 1, 1))


def test_nobody_scores_zero():
    someone = tracks_of((0, 1, *box(0)))
    assert scores_of(someone, Tracks.empty()) == (0, 0, 0)
    assert scores_of(Tracks.empty(), someone) == (0, 0, 0)
    assert scores_of(Tracks.empty(), Tracks.empty()) == (0, 0, 0)


@st.composite
def truth_and_tracks(draw):
    """Three people in a lane each, and tracks, at most one a lane, that wander between them."""
    truth, tracks = [], []
    for frame in range(draw(st.integers(1, 5))):
        names = draw(st.permutations([1, 2, 3, 4]))  # of the tracks, by lane
        for lane in (1, 2, 3, 4):  # nobody is ever in the fourth
            if lane < 4 and draw(st.booleans()):
                truth.append((frame, lane, *box(lane)))
            if draw(st.booleans()):
                shift = draw(st.sampled_from(SHIFTS))
                tracks.append((frame, names[lane - 1], *box(lane, shift)))
    return tracks_of(*truth), tracks_of(*tracks)


def scores_by_counting(truth: Tracks, tracks: Tracks) -> tuple[float, float, float]:
    """The definitions of Luiten et al., word for word, where pairs leave no choice."""
    by_threshold = []
    for threshold in THRESHOLDS:
        matched = []  # (true person, track), one of each true positive
        for i in range(len(truth)):
            for j in range(len(tracks)):
                same_lane = truth.boxes[i, 1] == tracks.boxes[j, 1]
                shift = tracks.boxes[j, 0] - truth.boxes[i, 0]
                iou = (WIDTH - shift) / (WIDTH + shift)
                if truth.frame[i] == tracks.frame[j] and same_lane and iou > threshold:
                    matched.append((truth.person[i], tracks.person[j]))
        association = 0.0
        for person, track in matched:
            tpa = matched.count((person, track))
            fna = np.count_nonzero(truth.person == person) - tpa
            fpa = np.count_nonzero(tracks.person == track) - tpa
            association += tpa / (tpa + fna + fpa)
        deta = len(matched) / max(len(truth) + len(tracks) - len(matched), 1)
        assa = association / max(len(matched), 1)
        by_threshold.append(((deta * assa) ** 0.5, deta, assa))
    hota, deta, assa = np.mean(by_threshold, axis=0)
    return hota, deta, assa


@given(truth_and_tracks())
@settings(max_examples=60)
def test_scores_are_what_counting_gives(both):
    truth, tracks = both
    assert scores_of(truth, tracks) == pytest.approx(scores_by_counting(truth, tracks))
