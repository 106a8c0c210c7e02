import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.evaluation.failure_records import NO_ROW, Flip
from tracker.evaluation.failures import find_failures
from tracker.evaluation.measures import FALSE_DETECTION, identities_of_boxes, weighted_purity
from tracker.evaluation.truth import Truth
from tracker.records import NOBODY, Shot, Tracks

SIDE_PX = 10


def tracks_of(*rows: tuple[float, ...]) -> Tracks:
    """Tracks of rows of frame, person, place: squares at places that do not touch."""
    table = np.array(sorted(rows), np.float64).reshape(-1, 3)
    left = table[:, 2] * 2 * SIDE_PX
    top = np.zeros(len(table))
    boxes = np.stack([left, top, left + SIDE_PX, top + SIDE_PX], axis=1)
    return Tracks(
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        boxes.astype(np.float32),
        np.ones(len(table), np.float32),
    )


def always(person: int, frames: range, place: float | None = None) -> list[tuple[float, ...]]:
    """A person in all of `frames`, by default at the place of its own number."""
    return [(frame, person, person if place is None else place) for frame in frames]


def found_as(*numbers: int) -> Tracks:
    """Tracks that have true person 1 under each of `numbers` in turn, a frame each."""
    return tracks_of(*((frame, number, 1) for frame, number in enumerate(numbers)))


def of_kind(kind: str, *arguments) -> list:
    return [failure for failure in find_failures(*arguments) if failure.kind == kind]


ALONE = Truth(tracks_of(*always(1, range(20))))  # true person 1, at place 1, for 20 frames
PAIR = Truth(tracks_of(*always(1, range(20)), *always(2, range(20))))


def some_tracks():
    """Up to four people in up to eight frames, at three places."""
    where = st.tuples(st.integers(0, 7), st.integers(1, 4))
    places = st.dictionaries(where, st.integers(0, 2), max_size=24)
    return places.map(
        lambda found: tracks_of(*((frame, who, place) for (frame, who), place in found.items()))
    )


def some_truths():
    """Three people, seldom there, each of whom moves between the places; none share one."""
    rows = st.tuples(st.permutations([0, 1, 2]), st.sets(st.sampled_from([1, 2, 3])))
    return st.lists(rows, max_size=8).map(
        lambda frames: Truth(
            tracks_of(
                *(
                    (frame, person, places[person - 1])
                    for frame, (places, there) in enumerate(frames)
                    for person in there
                )
            )
        )
    )


def test_nothing_fails_where_nothing_is():
    assert find_failures(Truth(Tracks.empty()), Tracks.empty(), None) == []
    assert find_failures(Truth(Tracks.empty()), Tracks.empty(), []) == []


def test_nothing_fails_where_the_tracks_are_the_truth_under_other_numbers():
    tracks = tracks_of(*always(7, range(20), place=1), *always(4, range(20), place=2))
    assert find_failures(PAIR, tracks, [Shot(0, 20)]) == []


def test_a_merge_costs_the_boxes_of_the_minority():
    tracks = tracks_of(*always(5, range(14), place=1), *always(5, range(14, 20), place=2))
    (merge,) = of_kind("merge", PAIR, tracks, [Shot(0, 17), Shot(17, 20)])
    right, wrong = merge.sides
    assert merge.cost == 6
    assert (merge.true_people, merge.found_people) == ((1, 2), (5,))
    assert (right.true_person, wrong.true_person) == (1, 2)
    assert right.frame.tolist() == list(range(14))
    assert wrong.frame.tolist() == list(range(14, 20))
    assert (right.shot_count, wrong.shot_count) == (1, 2)
    assert "14 boxes (1 shot)" in merge.explanation
    assert "6 boxes (2 shots)" in merge.explanation


def test_a_person_of_three_is_two_merges():
    truth = Truth(tracks_of(*always(1, range(9)), *always(2, range(9)), *always(3, range(9))))
    tracks = tracks_of(*always(5, range(5), place=1), *always(5, range(5, 8), place=2), (8, 5, 3))
    merges = of_kind("merge", truth, tracks, None)
    assert [(merge.name, merge.cost) for merge in merges] == [("merge-5-2", 3), ("merge-5-3", 1)]


def test_a_merge_says_who_the_other_person_is_elsewhere():
    merged = [*always(5, range(14), place=1), *always(5, range(14, 20), place=2)]
    (alone,) = of_kind("merge", PAIR, tracks_of(*merged), None)
    (elsewhere,) = of_kind("merge", PAIR, tracks_of(*merged, *always(9, range(2), 2)), None)
    assert alone.explanation.endswith("true person 2 is nobody of its own.")
    assert elsewhere.explanation.endswith("true person 2 is Person 9.")


def test_a_split_costs_the_boxes_of_the_smaller_part():
    tracks = found_as(*[3] * 12, *[8] * 8)
    (split,) = of_kind("split", ALONE, tracks, None)
    right, wrong = split.sides
    assert split.cost == 8
    assert (split.true_people, split.found_people) == ((1,), (3, 8))
    assert (right.found_person, wrong.found_person) == (3, 8)
    assert (right.shot_count, wrong.shot_count) == (None, None)
    assert "shot" not in split.explanation


def test_boxes_under_somebody_else_are_a_merge_and_no_split():
    """Most of true person 2 is in Person 5, which is true person 1's; its own is the smaller 9."""
    tracks = tracks_of(
        *always(5, range(10), place=1), *always(5, range(10, 17), place=2), *always(9, range(3), 2)
    )
    kinds = Counter(failure.kind for failure in find_failures(PAIR, tracks, None))
    assert (kinds["merge"], kinds["split"]) == (1, 0)


def test_the_sides_name_the_rows_of_both_tables():
    tracks = tracks_of(*always(5, range(14), place=1), *always(5, range(14, 20), place=2))
    (merge,) = of_kind("merge", PAIR, tracks, None)
    for side in merge.sides:
        assert np.all(tracks.frame[side.track_rows] == side.frame)
        assert np.all(PAIR.tracks.frame[side.true_rows] == side.frame)
        assert np.all(PAIR.tracks.person[side.true_rows] == side.true_person)
        assert np.all(tracks.boxes[side.track_rows] == PAIR.tracks.boxes[side.true_rows])


def test_a_switch_is_at_the_last_box_before_and_the_first_after():
    tracks = tracks_of(*always(3, range(12), place=1), *always(8, range(15, 20), place=1))
    (switch,) = of_kind("switch", ALONE, tracks, [Shot(0, 13), Shot(13, 20)])
    before, after = switch.sides
    assert switch.flips == (Flip(11, 15, over_cut=True),)
    assert (before.found_person, after.found_person) == (3, 8)
    assert (before.frame.tolist(), after.frame.tolist()) == ([11], [15])
    assert "over a cut, after 4 frames" in switch.explanation


def test_a_switch_within_a_shot_lies_over_no_cut():
    (switch,) = of_kind("switch", ALONE, found_as(*[3] * 12, *[8] * 8), [Shot(0, 20)])
    assert switch.flips == (Flip(11, 12, over_cut=False),)
    assert "within a shot, from one frame to the next" in switch.explanation


def test_where_shots_are_not_known_a_switch_speaks_of_none():
    (switch,) = of_kind("switch", ALONE, found_as(*[3] * 12, *[8] * 8), None)
    assert switch.flips == (Flip(11, 12, over_cut=None),)
    assert "It happens from one frame" in switch.explanation


@pytest.mark.parametrize("numbers", [[3] * 15 + [8] * 5, [8] * 5 + [3] * 15])
def test_a_switch_costs_its_shorter_side(numbers):
    (switch,) = of_kind("switch", ALONE, found_as(*numbers), None)
    assert switch.cost == 5


def test_flips_to_and_fro_between_two_people_are_one_switch():
    numbers = [3, 3, 3, 3, 8, 8, 3, 3, 3, 8, 3, 3, 3, 3, 3, 4, 4, 4, 4, 3]
    first, second = sorted(
        of_kind("switch", ALONE, found_as(*numbers), None), key=lambda switch: switch.first_frame
    )
    assert [flip.after for flip in first.flips] == [4, 6, 9, 10]
    assert first.cost == 3
    assert first.title.endswith("Person 3 to Person 8, to and fro 4 times")
    assert first.sides[0].frame.tolist() == [3, 6, 8, 10]
    assert first.sides[1].frame.tolist() == [4, 5, 9, 9]
    assert [flip.after for flip in second.flips] == [15, 19]
    assert second.cost == 4
    assert second.title.endswith("Person 3 to Person 4 and back")


def test_a_switch_names_the_split_or_the_merge_that_it_comes_from():
    (of_split,) = of_kind("switch", ALONE, found_as(*[3] * 12, *[8] * 8), None)
    # True person 2 goes from a number of its own, 8, to that of true person 1.
    tracks = tracks_of(
        *always(3, range(10), place=1), *always(8, range(12), 2), *always(3, range(12, 18), 2)
    )
    (of_merge,) = of_kind("switch", PAIR, tracks, None)
    assert of_split.part_of == ("split-1-8",)
    assert of_merge.part_of == ("merge-3-2",)


def test_a_person_of_more_false_boxes_than_true_ones_is_nobody():
    tracks = tracks_of(*always(5, range(3), place=1), *always(5, range(3, 7), place=9))
    (nobody,) = of_kind("nobody", ALONE, tracks, None)
    (side,) = nobody.sides
    assert nobody.cost == 4
    assert (nobody.true_people, nobody.found_people) == ((), (5,))
    assert side.true_person is None
    assert side.frame.tolist() == [3, 4, 5, 6]
    assert side.true_rows.tolist() == [NO_ROW] * 4


def test_a_person_of_as_many_true_boxes_is_somebody_who_has_false_ones():
    tracks = tracks_of(*always(5, range(10), place=1), *always(5, range(10, 20), place=9))
    (false,) = of_kind("false_boxes", ALONE, tracks, None)
    assert false.cost == 10
    assert of_kind("nobody", ALONE, tracks, None) == []


def test_false_boxes_near_a_true_face_are_counted():
    shifted = [(frame, 5, 1.25) for frame in range(4)]  # by half a box: IoU 1/3
    (false,) = of_kind("nobody", ALONE, tracks_of(*shifted, (4, 5, 9)), None)
    assert false.explanation.endswith("near a true face (IoU of 0.2 or more): 4.")


def test_a_true_person_without_boxes_is_never_found():
    tracks = tracks_of(*always(4, range(20), place=2))
    (missed,) = of_kind("never_found", PAIR, tracks, [Shot(0, 5), Shot(5, 20)])
    (side,) = missed.sides
    assert missed.cost == 20
    assert (missed.true_people, missed.found_people) == ((1,), ())
    assert (side.found_person, side.shot_count) == (None, 2)
    assert np.all(PAIR.tracks.person[side.true_rows] == 1)
    assert side.track_rows.tolist() == [NO_ROW] * 20
    assert "10 pixels tall" in missed.explanation


@pytest.mark.parametrize(("found", "kind"), [(1, "never_found"), (2, "missed_boxes")])
def test_a_true_person_found_in_a_tenth_of_its_boxes_is_found(found, kind):
    (missed,) = of_kind(kind, ALONE, found_as(*[3] * found), None)
    assert missed.cost == 20 - found


def test_the_costliest_comes_first_and_of_equals_the_earlier():
    tracks = tracks_of(
        *always(3, range(20), place=2),
        *always(6, range(18, 20), 9),
        *always(7, range(2, 4), 9),
        *always(8, range(3), 8),
    )
    names = [failure.name for failure in find_failures(PAIR, tracks, None)]
    assert names == ["missed-1", "false-8", "false-7", "false-6"]


def test_boxes_that_are_not_judged_are_left_out():
    ignored = tracks_of((0, NOBODY, 9), *((frame, 1, 1) for frame in range(0, 20, 2)))
    truth = Truth(ignored, stop=20, step=2)
    # In a region to ignore; in a frame between those annotated; after the last one.
    tracks = tracks_of((0, 7, 9), (1, 7, 3), (30, 7, 3), *always(4, range(0, 20), place=1))
    assert find_failures(truth, tracks, None) == []


def test_a_lower_iou_accepts_boxes_that_are_drawn_otherwise():
    shifted = Truth(tracks_of(*((frame, 1, 1.25) for frame in range(20))))
    tracks = tracks_of(*always(3, range(20), place=1))
    assert len(find_failures(shifted, tracks, None)) == 2
    assert find_failures(shifted, tracks, None, iou_threshold=0.3) == []


@given(some_truths(), some_tracks())
@settings(max_examples=150)
def test_each_box_is_right_or_costs_one_failure(truth, tracks):
    cost = Counter()
    for failure in find_failures(truth, tracks, None):
        cost[failure.kind] += failure.cost
    expected = slow_costs(truth, tracks)
    assert cost["merge"] == sum(expected["merge"].values())
    assert cost["split"] == sum(expected["split"].values())
    assert cost["nobody"] + cost["false_boxes"] == sum(expected["false"].values())
    assert cost["never_found"] + cost["missed_boxes"] == sum(expected["missed"].values())


@given(some_truths(), some_tracks())
@settings(max_examples=150)
def test_costs_are_those_of_a_slow_count(truth, tracks):
    cost = {failure.name: failure.cost for failure in find_failures(truth, tracks, None)}
    expected = slow_costs(truth, tracks)
    named = {
        f"{kind}-{'-'.join(map(str, people))}": boxes
        for kind, costs in expected.items()
        for people, boxes in costs.items()
    }
    assert {name: boxes for name, boxes in cost.items() if "switch" not in name} == named


@given(some_truths(), some_tracks())
@settings(max_examples=150)
def test_switches_are_all_changes_of_number_and_come_from_something(truth, tracks):
    failures = find_failures(truth, tracks, None)
    names = {failure.name for failure in failures}
    switches = [failure for failure in failures if failure.kind == "switch"]
    flips = {(s.true_people[0], f.before, f.after) for s in switches for f in s.flips}
    assert flips == slow_flips(truth, tracks)
    assert sum(len(switch.flips) for switch in switches) == len(flips)
    for switch in switches:
        assert switch.part_of
        assert names.issuperset(switch.part_of)


@given(some_truths(), some_tracks())
@settings(max_examples=100)
def test_merges_are_what_purity_loses_on_true_people(truth, tracks):
    true = identities_of_boxes(truth, tracks.frame, tracks.boxes)
    on_somebody = true > FALSE_DETECTION
    merged = sum(failure.cost for failure in of_kind("merge", truth, tracks, None))
    purity = weighted_purity(true[on_somebody], tracks.person[on_somebody])
    assert merged == pytest.approx((1 - purity) * on_somebody.sum() if on_somebody.any() else 0)


@given(some_truths(), some_tracks())
@settings(max_examples=100)
def test_names_are_unique_and_no_failure_is_free(truth, tracks):
    failures = find_failures(truth, tracks, [Shot(0, 4), Shot(4, 8)])
    assert len({failure.name for failure in failures}) == len(failures)
    assert all(failure.cost >= 1 for failure in failures)
    assert all(len(side.frame) for failure in failures for side in failure.sides)


def slow_costs(truth: Truth, tracks: Tracks) -> dict[str, dict[tuple[int, ...], int]]:
    """Cost by kind and people, counted box by box."""
    true = identities_of_boxes(truth, tracks.frame, tracks.boxes).tolist()
    together = Counter(zip(tracks.person.tolist(), true, strict=True))
    expected = {"merge": {}, "split": {}, "false": {}, "missed": {}}
    taken_for = {}
    for found in range(1, 5):
        boxes = {who: -together[found, who] for who in (1, 2, 3) if together[found, who]}
        if boxes:
            taken_for[found] = min(boxes, key=lambda who: (boxes[who], who))
    for (found, who), count in together.items():
        own = [other for other in taken_for if taken_for[other] == who]
        if who == FALSE_DETECTION:
            expected["false"][(found,)] = count
        elif taken_for[found] != who:
            expected["merge"][found, who] = count
        elif found != min(own, key=lambda other: (-together[other, who], other)):
            expected["split"][who, found] = count
    for who, count in Counter(truth.tracks.person.tolist()).items():
        if missed := count - true.count(who):
            expected["missed"][(who,)] = missed
    return expected


def slow_flips(truth: Truth, tracks: Tracks) -> set[tuple[int, int, int]]:
    """True person, frame before, frame after, of every change of number."""
    true = identities_of_boxes(truth, tracks.frame, tracks.boxes).tolist()
    boxes = list(zip(tracks.frame.tolist(), tracks.person.tolist(), true, strict=True))
    flips = set()
    for person in (1, 2, 3):
        seen = [(frame, found) for frame, found, who in boxes if who == person]
        for (before, old), (after, new) in itertools.pairwise(seen):
            if old != new:
                flips.add((person, before, after))
    return flips
