import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.boxes import box_iou
from tracker.errors import RecordError
from tracker.evaluation.measures import (
    FALSE_DETECTION,
    Measures,
    evaluate,
    format_table,
    identities_of_boxes,
    weighted_purity,
)
from tracker.evaluation.truth import Truth, read_tracks, read_truth
from tracker.records import NOBODY, Tracks

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there")


def tracks_of(*rows: tuple[float, ...]) -> Tracks:
    """Tracks of rows of frame, person, x1, y1, x2, y2."""
    table = np.array(sorted(rows), np.float64).reshape(-1, 6)
    return Tracks(
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        table[:, 2:].astype(np.float32),
        np.ones(len(table), np.float32),
    )


def small_tracks():
    """Up to three people in up to four frames, in boxes of 10 x 10 that often overlap."""
    where = st.tuples(st.integers(0, 3), st.integers(1, 3))
    places = st.dictionaries(where, st.tuples(st.integers(0, 12), st.integers(0, 3)), max_size=12)
    return places.map(
        lambda found: tracks_of(
            *((frame, who, x, y, x + 10, y + 10) for (frame, who), (x, y) in found.items())
        )
    )


# Two people, side by side, in four frames.
TWO_PEOPLE = Truth(
    tracks_of(
        *((frame, 1, 0, 0, 10, 10) for frame in range(4)),
        *((frame, 2, 50, 0, 60, 10) for frame in range(4)),
    )
)
# The first changes its track half-way; the second is always cut to 8 of its 10 pixels of width,
# and lost in frame 2, where its track is somewhere else.
TWO_TRACKS_AND_A_HALF = tracks_of(
    *((frame, 1, 0, 0, 10, 10) for frame in (0, 1)),
    *((frame, 2, 0, 0, 10, 10) for frame in (2, 3)),
    *((frame, 3, 50, 0, 58, 10) for frame in (0, 1, 3)),
    (2, 3, 200, 0, 208, 10),
)


def test_measures_computed_by_hand():
    expected = Measures(
        mota=1 - 3 / 8,
        motp=(4 * 1 + 3 * 0.8) / 7,
        idf1=5 / 8,  # one half of the first person, and the second
        idp=5 / 8,
        idr=5 / 8,
        # The cut boxes have IoU 0.8: 16 of the 19 thresholds take them, 3 do not.
        hota=(16 * (7 / 9 * 3.8 / 7) ** 0.5 + 3 * (4 / 12 / 2) ** 0.5) / 19,
        deta=(16 * 7 / 9 + 3 * 4 / 12) / 19,
        assa=(16 * 3.8 / 7 + 3 / 2) / 19,  # 3.8: 4 boxes of tracks half right, 3 of one of 3/5
        id_switches=1,
        fragmentations=1,
        recall=7 / 8,
        precision=7 / 8,
        f1=7 / 8,
        purity=7 / 8,  # one false box among the third track's
        misses=1,
        false_positives=1,
        matches=7,
        truth_boxes=8,
        track_boxes=8,
        truth_people=2,
        people=3,
    )
    measured = evaluate(TWO_PEOPLE, TWO_TRACKS_AND_A_HALF).as_dict()
    assert measured == pytest.approx(expected.as_dict(), rel=1e-6)


def test_many_false_boxes_make_mota_negative():
    tracks = tracks_of(*((0, who, 100 * who, 0, 100 * who + 10, 10) for who in range(1, 25)))
    assert evaluate(TWO_PEOPLE, tracks).mota == pytest.approx(1 - (8 + 24) / 8)


@given(small_tracks())
@settings(deadline=None, max_examples=40)
def test_a_truth_agrees_with_itself(tracks):
    # Identical boxes of two people could be exchanged: move each person to a line of its own.
    apart = tracks.boxes + 20 * tracks.person[:, None] * np.array([0, 1, 0, 1], np.float32)
    tracks = Tracks(tracks.frame, tracks.person, apart, tracks.scores)
    measures = evaluate(Truth(tracks), tracks)
    perfect = 1.0 if len(tracks) else 0.0
    for name, value in measures.as_dict().items():
        if isinstance(value, float):
            assert value == pytest.approx(perfect), name
    assert measures.id_switches == measures.misses == measures.false_positives == 0
    assert measures.people == measures.truth_people


@given(small_tracks(), small_tracks(), st.permutations([1, 2, 3]), st.permutations([4, 7, 9]))
@settings(deadline=None, max_examples=40)
def test_other_numbers_for_the_people_change_nothing(truth, tracks, true_names, names):
    def renamed(table, new):
        person = np.array([0, *new], np.int32)[table.person]
        return Tracks(table.frame, person, table.boxes, table.scores)

    before = evaluate(Truth(truth), tracks)
    after = evaluate(Truth(renamed(truth, true_names)), renamed(tracks, names))
    assert after.as_dict() == pytest.approx(before.as_dict())


@given(small_tracks(), small_tracks())
@settings(deadline=None, max_examples=40)
def test_the_counts_add_up(truth, tracks):
    measures = evaluate(Truth(truth), tracks)
    assert measures.matches + measures.misses == measures.truth_boxes == len(truth)
    assert measures.matches + measures.false_positives == measures.track_boxes == len(tracks)
    json.dumps(measures.as_dict(), allow_nan=False)


def idf1_by_trying_all(truth: Tracks, tracks: Tracks) -> float:
    """2 x the boxes with the right identity under the best one-to-one naming / all boxes."""
    together = np.zeros((4, 4), int)
    matches = box_iou(truth.boxes.astype(float), tracks.boxes.astype(float)) >= 0.5
    for row, column in np.argwhere(matches & (truth.frame[:, None] == tracks.frame)):
        together[truth.person[row], tracks.person[column]] += 1
    right = max(sum(together[i, j] for i, j in enumerate(p)) for p in permutations(range(4)))
    boxes = len(truth) + len(tracks)
    return 2 * right / boxes if boxes else 0.0


@given(small_tracks(), small_tracks())
@settings(deadline=None, max_examples=40)
def test_idf1_is_that_of_the_best_naming(truth, tracks):
    measured = evaluate(Truth(truth), tracks).idf1
    assert measured == pytest.approx(idf1_by_trying_all(truth, tracks))


@pytest.mark.parametrize(("width", "matches"), [(5.0, 1), (4.96, 0)])
def test_a_pair_matches_from_the_threshold_on(width, matches):
    truth = Truth(tracks_of((0, 1, 0, 0, 10, 10)))
    assert evaluate(truth, tracks_of((0, 1, 0, 0, width, 10))).matches == matches
    assert evaluate(truth, tracks_of((0, 1, 0, 0, width, 10)), iou_threshold=0.4).matches == 1


def test_a_person_with_two_boxes_in_a_frame_is_refused():
    tracks = tracks_of((0, 1, 0, 0, 10, 10), (3, 1, 0, 0, 10, 10), (3, 1, 50, 0, 60, 10))
    with pytest.raises(RecordError, match="two boxes in frame 3"):
        evaluate(TWO_PEOPLE, tracks)


def test_no_tracks_miss_everybody():
    measures = evaluate(TWO_PEOPLE, Tracks.empty())
    assert measures.as_dict() == dict.fromkeys(measures.as_dict(), 0) | {
        "misses": 8,
        "truth_boxes": 8,
        "truth_people": 2,
    }


def test_where_nobody_is_every_box_is_false():
    measures = evaluate(Truth(Tracks.empty()), TWO_PEOPLE.tracks)
    assert measures.as_dict() == dict.fromkeys(measures.as_dict(), 0) | {
        "false_positives": 8,
        "track_boxes": 8,
        "people": 2,
        "purity": 1,  # false detections alone are pure
    }


def test_nobody_against_nobody_is_zero_throughout():
    assert set(evaluate(Truth(Tracks.empty()), Tracks.empty()).as_dict().values()) == {0}


IGNORED = (0, NOBODY, 100, 0, 200, 50)


@pytest.mark.parametrize(
    ("box", "identity"),
    [
        ((100, 0, 200, 50), NOBODY),  # the region itself
        ((120, 10, 130, 20), NOBODY),  # far smaller, but inside
        ((95, 0, 105, 10), NOBODY),  # half of it inside
        ((94, 0, 104, 10), FALSE_DETECTION),
        ((50, 0, 250, 50), NOBODY),  # twice as large, around it
        ((0, 0, 500, 500), FALSE_DETECTION),
        ((120, 10, 120, 20), FALSE_DETECTION),  # empty
    ],
)
def test_what_lies_in_a_region_to_ignore_is_not_judged(box, identity):
    truth = Truth(tracks_of(IGNORED, (0, 1, 0, 0, 10, 10)))
    found = identities_of_boxes(truth, np.zeros(1, np.int32), np.array([box], np.float32))
    assert found.tolist() == [identity]
    measures = evaluate(truth, tracks_of((0, 1, 0, 0, 10, 10), (0, 2, *box)))
    assert measures.false_positives == (identity == FALSE_DETECTION)
    assert measures.people == 1 + (identity == FALSE_DETECTION)
    assert (measures.matches, measures.misses, measures.truth_people) == (1, 0, 1)
    assert (measures.hota == 1) == (identity == NOBODY)


def test_a_named_person_inside_a_region_to_ignore_counts():
    truth = Truth(tracks_of(IGNORED, (0, 1, 120, 10, 130, 20)))
    hit = evaluate(truth, tracks_of((0, 5, 120, 10, 130, 21), (0, 6, 121, 10, 131, 20)))
    assert (hit.matches, hit.misses, hit.false_positives, hit.track_boxes) == (1, 0, 0, 1)
    assert evaluate(truth, Tracks.empty()).misses == 1


def test_frames_that_are_not_annotated_are_not_judged():
    truth = Truth(tracks_of((0, 1, 0, 0, 10, 10), (5, 1, 0, 0, 10, 10)), stop=10, step=5)
    tracks = tracks_of(*((frame, frame + 1, 0, 0, 10, 10) for frame in range(20)))
    measures = evaluate(truth, tracks)
    assert (measures.truth_boxes, measures.track_boxes, measures.matches) == (2, 2, 2)
    assert measures.id_switches == 1
    assert (measures.deta, measures.assa) == (1, 0.5)
    identity = identities_of_boxes(truth, tracks.frame, tracks.boxes)
    assert np.flatnonzero(identity != NOBODY).tolist() == [0, 5]


def test_an_annotated_frame_without_people_holds_only_false_boxes():
    truth = Truth(tracks_of((0, 1, 0, 0, 10, 10)), stop=3)
    tracks = tracks_of(*((frame, 1, 0, 0, 10, 10) for frame in range(4)))
    assert evaluate(truth, tracks).false_positives == 2


def test_identities_computed_by_hand_in_frames_of_any_order():
    frame = np.array([3, 0, 9, 0], np.int32)
    boxes = np.array([[50, 0, 60, 9], [50, 1, 60, 10], [0, 0, 10, 10], [30, 0, 40, 10]], np.float32)
    identity = identities_of_boxes(TWO_PEOPLE, frame, boxes)
    assert identity.tolist() == [2, 2, FALSE_DETECTION, FALSE_DETECTION]


def test_as_many_boxes_as_possible_find_their_person():
    # The first box fits person 2 best (.82), but then the second would fit nobody.
    truth = Truth(tracks_of((0, 1, 0, 0, 10, 10), (0, 2, 4, 0, 14, 10)))
    boxes = np.array([[3, 0, 13, 10], [6, 0, 16, 10]], np.float32)
    assert identities_of_boxes(truth, np.zeros(2, np.int32), boxes).tolist() == [1, 2]


@given(small_tracks(), small_tracks())
@settings(deadline=None, max_examples=40)
def test_identities_are_the_best_of_all_pairings(truth, tracks):
    identity = identities_of_boxes(Truth(truth), tracks.frame, tracks.boxes)
    for frame in range(4):
        true = truth.where(truth.frame == frame)
        found, given_names = tracks.boxes[tracks.frame == frame], identity[tracks.frame == frame]
        iou = np.zeros((len(found), len(true) + len(found)))  # with a nobody for each box
        iou[:, : len(true)] = box_iou(found.astype(float), true.boxes.astype(float))
        iou[iou < 0.5] = 0
        pairings = permutations(range(iou.shape[1]), len(found))
        gains = [[iou[i, j] for i, j in enumerate(pairing)] for pairing in pairings]
        best = max((np.count_nonzero(gain), round(sum(gain), 6)) for gain in gains)
        column = {person: at for at, person in enumerate(true.person.tolist())}
        chosen = [iou[i, column[who]] for i, who in enumerate(given_names.tolist()) if who]
        assert (np.count_nonzero(chosen), round(sum(chosen), 6)) == best


def test_no_boxes_have_no_identities():
    identity = identities_of_boxes(TWO_PEOPLE, np.zeros(0, np.int32), np.zeros((0, 4), np.float32))
    assert identity.shape == (0,)
    assert identity.dtype == np.int32


def test_purity_computed_by_hand():
    labels = np.array([1, 1, 2, 2, 2, 0, 0])
    clusters = np.array([5, 5, 5, 8, 8, 8, 9])
    assert weighted_purity(labels, clusters) == pytest.approx((2 + 2 + 1) / 7)


def purity_by_counting(labels, clusters) -> float:
    total = 0
    for cluster in set(clusters):
        members = [label for label, c in zip(labels, clusters, strict=True) if c == cluster]
        total += max(members.count(label) for label in members)
    return total / len(labels)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 5)), min_size=1))
def test_purity_is_what_counting_gives(faces):
    labels, clusters = zip(*faces, strict=True)
    measured = weighted_purity(np.array(labels), np.array(clusters))
    assert measured == pytest.approx(purity_by_counting(labels, clusters))
    assert weighted_purity(np.array(labels), np.arange(len(labels))) == 1  # everyone alone


def test_purity_of_nothing_is_zero():
    assert weighted_purity(np.zeros(0, int), np.zeros(0, int)) == 0


def test_the_table_is_aligned_and_shows_every_measure():
    measures = evaluate(TWO_PEOPLE, TWO_TRACKS_AND_A_HALF)
    lines = format_table(measures).splitlines()
    assert lines[0] == (
        "boxes      MOTA        0.625   recall      0.875   precision   0.875   F1          0.875"
    )
    assert {line[28:29] for line in lines} == {" "}
    for value in measures.as_dict().values():
        shown = f"{value:.3f}" if isinstance(value, float) else str(value)
        assert shown in format_table(measures).split()


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize(
    ("sequence", "mota", "idf1", "switches"),
    [("TUD-Campus", 0.526, 0.558, 7), ("TUD-Stadtmitte", 0.564, 0.645, 7)],
)
def test_published_values_are_reproduced(sequence, mota, idf1, switches):
    folder = DATA / "metric_parity" / sequence
    measures = evaluate(read_truth(folder / "gt.txt"), read_tracks(folder / "test.txt"))
    assert measures.mota == pytest.approx(mota, abs=0.0005)
    assert measures.idf1 == pytest.approx(idf1, abs=0.0005)
    assert measures.id_switches == switches


@needs_shared
@pytest.mark.shared
def test_the_truth_of_tara_agrees_with_itself():
    path = DATA / "tara" / "gt.txt"
    measures = evaluate(read_truth(path), read_tracks(path))
    assert (measures.mota, measures.idf1, measures.purity) == (1, 1, 1)
    assert (measures.hota, measures.deta, measures.assa) == pytest.approx((1, 1, 1))
    assert (measures.truth_boxes, measures.people, measures.id_switches) == (14_529, 6, 0)
