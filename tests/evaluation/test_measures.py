import json
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracker.boxes import box_iou
from tracker.errors import RecordError
from tracker.evaluation.measures import (
    FALSE_DETECTION,
    Measures,
    evaluate,
    format_table,
    identities_of_boxes,
)
from tracker.evaluation.pairing import pair_boxes
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


def entropy(*counts: int) -> float:
    shares = np.array(counts) / sum(counts)
    return float(-(shares * np.log(shares)).sum())


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
        breaks=1,
        mostly_tracked=1,
        partly_tracked=1,
        mostly_lost=0,
        recall=7 / 8,
        precision=7 / 8,
        f1=7 / 8,
        faf=1 / 4,
        # Tracks 1 and 2: two boxes of the first person each. Track 3: three of the second, one
        # false.
        purity=7 / 8,
        nmi=2 - 2 * entropy(2, 2, 3, 1) / (entropy(4, 3, 1) + entropy(2, 2, 4)),
        bcubed_precision=(4 * 1 + 3 * 3 / 4 + 1 / 4) / 8,
        bcubed_recall=(4 * 2 / 4 + 3 + 1) / 8,
        bcubed_f1=2 * 6.5 / 8 * 6 / 8 / (6.5 / 8 + 6 / 8),
        clustering_accuracy=(2 + 3) / 8,
        misses=1,
        false_positives=1,
        matches=7,
        truth_boxes=8,
        track_boxes=8,
        truth_people=2,
        people=3,
        frames=4,
    )
    measured = evaluate(TWO_PEOPLE, TWO_TRACKS_AND_A_HALF).as_dict()
    assert measured == pytest.approx(expected.as_dict(), rel=1e-6)


def test_many_false_boxes_make_mota_negative():
    tracks = tracks_of(*((0, who, 100 * who, 0, 100 * who + 10, 10) for who in range(1, 25)))
    assert evaluate(TWO_PEOPLE, tracks).mota == pytest.approx(1 - (8 + 24) / 8)


@given(small_tracks())
@settings(max_examples=40)
def test_a_truth_agrees_with_itself(tracks):
    # Identical boxes of two people could be exchanged: move each person to a line of its own.
    apart = tracks.boxes + 20 * tracks.person[:, None] * np.array([0, 1, 0, 1], np.float32)
    tracks = Tracks(tracks.frame, tracks.person, apart, tracks.scores)
    measures = evaluate(Truth(tracks), tracks)
    perfect = 1.0 if len(tracks) else 0.0
    for name, value in measures.as_dict().items():
        if isinstance(value, float) and name != "faf":
            assert value == pytest.approx(perfect), name
    assert measures.id_switches == measures.misses == measures.false_positives == measures.faf == 0
    assert measures.people == measures.truth_people == measures.mostly_tracked


@given(small_tracks(), small_tracks(), st.permutations([1, 2, 3]), st.permutations([4, 7, 9]))
@settings(max_examples=40)
def test_other_numbers_for_the_people_change_nothing(truth, tracks, true_names, names):
    def renamed(table, new):
        person = np.array([0, *new], np.int32)[table.person]
        return Tracks(table.frame, person, table.boxes, table.scores)

    before = evaluate(Truth(truth), tracks)
    after = evaluate(Truth(renamed(truth, true_names)), renamed(tracks, names))
    assert after.as_dict() == pytest.approx(before.as_dict())


@given(small_tracks(), small_tracks())
@settings(max_examples=40)
def test_the_counts_add_up(truth, tracks):
    measures = evaluate(Truth(truth), tracks)
    assert measures.matches + measures.misses == measures.truth_boxes == len(truth)
    assert measures.matches + measures.false_positives == measures.track_boxes == len(tracks)
    how_far = (measures.mostly_tracked, measures.partly_tracked, measures.mostly_lost)
    assert sum(how_far) == measures.truth_people
    assert measures.faf * measures.frames == pytest.approx(measures.false_positives)
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
@settings(max_examples=40)
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
    with pytest.raises(RecordError, match="a person has two boxes in frame 3"):
        evaluate(TWO_PEOPLE, tracks)
    with pytest.raises(RecordError, match="a true person has two boxes in frame 3"):
        evaluate(Truth(tracks), TWO_PEOPLE.tracks)


@pytest.mark.parametrize(
    ("matched", "counted"),
    [(9, (1, 0, 0)), (8, (0, 1, 0)), (2, (0, 1, 0)), (1, (0, 0, 1)), (0, (0, 0, 1))],
)
def test_people_are_tracked_mostly_partly_or_hardly(matched, counted):
    truth = Truth(tracks_of(*((frame, 1, 0, 0, 10, 10) for frame in range(10))))
    apart = 100  # where the rest of the track is
    track = [(frame, 1, 0, 0, 10, 10) for frame in range(matched)]
    track += [(frame, 1, apart, 0, apart + 10, 10) for frame in range(matched, 10)]
    measures = evaluate(truth, tracks_of(*track))
    how_far = (measures.mostly_tracked, measures.partly_tracked, measures.mostly_lost)
    assert how_far == counted


FIRST, SECOND = (0, 0, 10, 10), (50, 0, 60, 10)


@pytest.mark.parametrize(
    ("second_in", "first_lost_in", "fragments"),
    [
        ((0, 1, 2), (), 1),  # the first leaves and comes back, the second stays
        ((), (), 0),  # nobody is there in between
        ((0, 2), (), 0),
        ((0, 1, 2), (2,), 0),  # lost to the end
    ],
)
def test_who_leaves_while_others_stay_and_comes_back_is_a_fragment(
    second_in, first_lost_in, fragments
):
    second = [(frame, 2, *SECOND) for frame in second_in]
    truth = tracks_of((0, 1, *FIRST), (2, 1, *FIRST), *second)
    kept = ~((truth.person == 1) & np.isin(truth.frame, first_lost_in))
    measures = evaluate(Truth(truth), truth.where(kept))
    assert measures.fragmentations == fragments
    assert measures.breaks == 0


def test_a_break_is_being_lost_and_found_again_before_leaving():
    frames = (0, 1, 2, 3, 10, 11, 12)  # two stays
    truth = tracks_of(*((frame, 1, *FIRST) for frame in frames))
    kept = tracks_of(*((frame, 1, *FIRST) for frame in (0, 3, 11, 12)))
    assert evaluate(Truth(truth), kept).breaks == 1


def test_no_break_lies_between_the_annotated_frames():
    truth = tracks_of(*((frame, 1, *FIRST) for frame in (0, 5, 10)))
    kept = truth.where(truth.frame != 5)
    assert evaluate(Truth(truth, step=5), truth).breaks == 0
    assert evaluate(Truth(truth, step=5), kept).breaks == 1


@pytest.mark.parametrize(
    ("annotated", "frames", "faf"),
    [
        ({}, 41, 3 / 41),  # to the last box, that of a track in frame 40
        ({"stop": 100}, 100, 3 / 100),
        ({"start": 8}, 33, 3 / 33),
        ({"start": 8, "stop": 30}, 22, 2 / 22),
        ({"step": 5}, 9, 3 / 9),  # 0, 5 … 40
        ({"start": 10, "step": 10, "stop": 31}, 3, 2 / 3),  # 10, 20, 30
    ],
)
def test_false_boxes_are_counted_per_annotated_frame(annotated, frames, faf):
    # A match in frame 10; false boxes in frames 20, 20 and 40.
    truth = Truth(tracks_of((10, 1, *FIRST)), **annotated)
    tracks = tracks_of((10, 1, *FIRST), (20, 1, *FIRST), (20, 2, *SECOND), (40, 2, *SECOND))
    measures = evaluate(truth, tracks)
    assert (measures.frames, measures.faf) == (frames, pytest.approx(faf))


def test_a_truth_that_outlasts_the_tracks_gives_the_frames():
    truth = Truth(tracks_of((0, 1, *FIRST), (9, NOBODY, *FIRST)))
    assert evaluate(truth, tracks_of((0, 1, *FIRST))).frames == 10


def test_every_box_may_be_its_own_person():
    # TrackEval's Identity would take 14 GB for as many.
    rows = 30_000
    frame = np.repeat(np.arange(rows // 2, dtype=np.int32), 2)
    boxes = np.tile(np.array([FIRST, SECOND], np.float32), (rows // 2, 1))
    scores, alone = np.ones(rows, np.float32), np.arange(1, rows + 1, dtype=np.int32)
    truth = Tracks(frame, (alone + 1) % 2 + 1, boxes, scores)
    measures = evaluate(Truth(truth), Tracks(frame, alone, boxes, scores))
    assert (measures.people, measures.id_switches) == (rows, rows - 2)
    assert measures.idf1 == pytest.approx(2 / rows)
    assert (measures.deta, measures.assa) == pytest.approx((1, 2 / rows))


def test_no_tracks_miss_everybody():
    measures = evaluate(TWO_PEOPLE, Tracks.empty())
    assert measures.as_dict() == dict.fromkeys(measures.as_dict(), 0) | {
        "mostly_lost": 2,
        "misses": 8,
        "truth_boxes": 8,
        "truth_people": 2,
        "frames": 4,
    }


def test_where_nobody_is_every_box_is_false():
    measures = evaluate(Truth(Tracks.empty()), TWO_PEOPLE.tracks)
    assert measures.as_dict() == dict.fromkeys(measures.as_dict(), 0) | {
        "faf": 2,
        "false_positives": 8,
        "track_boxes": 8,
        "people": 2,
        "frames": 4,
        # False detections are a class of their own: two people, both pure, are made of it.
        "purity": 1,
        "bcubed_precision": 1,
        "bcubed_recall": 1 / 2,
        "bcubed_f1": 2 / 3,
        "clustering_accuracy": 1 / 2,
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
@settings(max_examples=40)
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


@st.composite
def truths_with_regions(draw):
    """People as `small_tracks`, and up to four regions to ignore among them."""
    people = draw(small_tracks())
    corner = st.integers(0, 12)
    regions = draw(
        st.lists(
            st.tuples(st.integers(0, 3), corner, corner, st.integers(5, 20), st.integers(5, 20)),
            max_size=4,
        )
    )
    rows = [(frame, NOBODY, x, y, x + w, y + h) for frame, x, y, w, h in regions]
    named = zip(people.frame, people.person, people.boxes, strict=True)
    return tracks_of(*rows, *((frame, person, *box) for frame, person, box in named))


def identities_frame_by_frame(truth: Tracks, tracks: Tracks) -> list[int]:
    """The same, one frame and one box after the other."""
    identity = []
    for frame in range(4):
        here = truth.where(truth.frame == frame)
        named, regions = here.where(here.person != NOBODY), here.where(here.person == NOBODY)
        boxes = tracks.boxes[tracks.frame == frame].astype(float)
        rows, columns = pair_boxes(box_iou(boxes, named.boxes.astype(float)), 0.5)
        paired = dict(zip(rows.tolist(), named.person[columns].tolist(), strict=True))
        for row, (x1, y1, x2, y2) in enumerate(boxes):
            shared = [
                max(min(x2, b[2]) - max(x1, b[0]), 0) * max(min(y2, b[3]) - max(y1, b[1]), 0)
                for b in regions.boxes.tolist()
            ]
            inside = any(share >= 0.5 * (x2 - x1) * (y2 - y1) - 1e-9 for share in shared)
            identity.append(paired.get(row, NOBODY if inside else FALSE_DETECTION))
    return identity


@given(truths_with_regions(), small_tracks())
@example(tracks_of((0, NOBODY, 7, 0, 15, 18)), tracks_of((0, 1, 2, 0, 12, 10)))  # just half of it
@settings(max_examples=60)
def test_identities_are_those_found_frame_by_frame(truth, tracks):
    identity = identities_of_boxes(Truth(truth), tracks.frame, tracks.boxes)
    assert identity.tolist() == identities_frame_by_frame(truth, tracks)


@given(truths_with_regions(), small_tracks())
@settings(max_examples=40)
def test_what_is_not_judged_changes_no_measure(truth, tracks):
    identity = identities_of_boxes(Truth(truth), tracks.frame, tracks.boxes)
    judged, named = tracks.where(identity != NOBODY), truth.where(truth.person != NOBODY)
    whole, left = evaluate(Truth(truth, stop=4), tracks), evaluate(Truth(named, stop=4), judged)
    assert whole == left


def test_no_boxes_have_no_identities():
    identity = identities_of_boxes(TWO_PEOPLE, np.zeros(0, np.int32), np.zeros((0, 4), np.float32))
    assert identity.shape == (0,)
    assert identity.dtype == np.int32


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


def test_measuring_prints_nothing():
    code = (
        "from tracker.evaluation.measures import evaluate\n"
        "from tracker.evaluation.truth import Truth\n"
        "from tracker.records import Tracks\n"
        "evaluate(Truth(Tracks.empty()), Tracks.empty())"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


@needs_shared
@pytest.mark.shared
def test_the_truth_of_tara_agrees_with_itself():
    path = DATA / "tara" / "gt.txt"
    measures = evaluate(read_truth(path), read_tracks(path))
    assert (measures.mota, measures.idf1, measures.purity) == (1, 1, 1)
    assert (measures.hota, measures.deta, measures.assa) == pytest.approx((1, 1, 1))
    assert (measures.truth_boxes, measures.people, measures.id_switches) == (14_529, 6, 0)
