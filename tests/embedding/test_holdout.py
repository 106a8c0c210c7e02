import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.embedding.holdout import (
    MIN_HELD_PAIRS,
    constraint_accuracy,
    hold_out,
    judging_triplets,
)
from tracker.records import Constraints


def constraints_of(count, pairs, doubtful=()):
    rows = np.array(sorted(pairs), np.int32).reshape(-1, 2)
    return Constraints(count, rows, np.array(doubtful, np.int64))


def shots(*people):
    """Constraints of a video with so many people in each of its shots, all seen together."""
    pairs, first = [], 0
    for count in people:
        pairs += itertools.combinations(range(first, first + count), 2)
        first += count
    return constraints_of(first, pairs)


def split(constraints, share=0.2, seed=0):
    return hold_out(constraints, share, np.random.default_rng(seed))


def plain_hold_out(pairs, share, seed):
    """What is held out, by joining sets, one at a time, and counting anew whenever one is tried."""
    groups = sorted(groups_of(pairs), key=min)
    wanted = max(share * len(pairs), MIN_HELD_PAIRS if share and len(pairs) >= 20 else 0)
    held = set()
    for number in np.random.default_rng(seed).permutation(len(groups)):
        more = held | {pair for pair in pairs if set(pair) <= groups[number]}
        if len(more) <= 1.5 * wanted:
            held = more
        if len(held) >= wanted:
            break
    return held if len(held) >= MIN_HELD_PAIRS else set()


def pairs_of(constraints):
    return set(map(tuple, constraints.cannot_link.tolist()))


def groups_of(pairs):
    """The sets of tracklets that `pairs` link, by joining sets until none can be joined."""
    groups = []
    for pair in pairs:
        touched = [group for group in groups if group & set(pair)]
        groups = [group for group in groups if group not in touched]
        groups.append(set(pair).union(*touched))
    return groups


@given(
    st.sets(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=40),
    st.floats(0, 0.5),
    st.integers(0, 3),
)
@settings(max_examples=60)
def test_linked_tracklets_stay_on_one_side_and_no_pair_is_lost(pairs, share, seed):
    pairs = {(a, b) for a, b in pairs if a < b}
    learned, held = split(constraints_of(40, pairs), share, seed)
    assert pairs_of(learned) | pairs_of(held) == pairs
    assert not pairs_of(learned) & pairs_of(held)
    for group in groups_of(pairs):
        sides = [bool(group & set(itertools.chain(*pairs_of(one)))) for one in (learned, held)]
        assert sum(sides) == 1
    assert learned.tracklet_count == held.tracklet_count == 40


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20), st.floats(0, 0.5), st.integers(0, 9))
def test_what_is_held_out_is_what_trying_one_shot_after_the_other_holds_out(people, share, seed):
    constraints = shots(*people)
    assert pairs_of(split(constraints, share, seed)[1]) == plain_hold_out(
        pairs_of(constraints), share, seed
    )


@pytest.mark.parametrize("share", [0.1, 0.2, 0.35, 0.5])
@pytest.mark.parametrize("people", [2, 3, 4])
def test_about_the_share_asked_for_is_held_out(share, people):
    video = shots(*[people] * 60)
    for seed in range(5):
        held = split(video, share, seed)[1]
        assert len(held.cannot_link) == pytest.approx(share * len(video.cannot_link), abs=6)


def test_of_shots_of_any_size_no_more_than_half_as_much_again_is_held_out():
    video = shots(2, 5, 3, 2, 4, 2, 6, 3, 2, 2, 3, 4, 2)
    for seed in range(30):
        held = split(video, 0.2, seed)[1]
        assert len(held.cannot_link) <= 1.5 * 0.2 * len(video.cannot_link)


def test_a_crowd_scene_is_never_held_out():
    video = shots(8, *[2] * 28)  # 28 pairs in one shot, 28 in others
    for seed in range(20):
        held = split(video, 0.2, seed)[1]
        assert len(held.cannot_link) >= MIN_HELD_PAIRS
        assert min(held.cannot_link[:, 0]) >= 8


def test_where_everything_hangs_together_nothing_is_held_out():
    chain = constraints_of(41, [(number, number + 1) for number in range(40)])
    learned, held = split(chain, 0.5)
    assert pairs_of(learned) == pairs_of(chain)
    assert not len(held.cannot_link)


@pytest.mark.parametrize(
    ("pairs", "held"),
    [(5 * MIN_HELD_PAIRS, MIN_HELD_PAIRS), (5 * MIN_HELD_PAIRS - 5, 0)],
)
def test_too_few_pairs_to_judge_by_are_none(pairs, held):
    learned, out = split(shots(*[2] * pairs), 0.2)
    assert (len(learned.cannot_link), len(out.cannot_link)) == (pairs - held, held)


def test_none_asked_for_is_none_held_out():
    video = shots(*[2] * 40)
    learned, held = split(video, 0.0)
    assert pairs_of(learned) == pairs_of(video)
    assert not len(held.cannot_link)


def test_doubtful_pairs_are_on_neither_side():
    sure = shots(*[2] * 40)
    doubtful = np.arange(0, 40, 3)
    constraints = constraints_of(80, pairs_of(sure), doubtful)
    learned, held = split(constraints, 0.3)
    assert pairs_of(learned) | pairs_of(held) == set(map(tuple, constraints.negatives.tolist()))
    assert len(held.cannot_link)
    assert not len(learned.doubtful)
    assert not len(held.doubtful)


def test_the_same_generator_holds_out_the_same_and_another_others():
    video = shots(*[2] * 40)
    one, same, other = (pairs_of(split(video, 0.2, seed)[1]) for seed in (0, 0, 1))
    assert one == same
    assert one != other


def test_the_pairs_of_both_sides_stay_sorted():
    for one in split(shots(*[3] * 20), 0.3):
        assert one.cannot_link.tolist() == sorted(one.cannot_link.tolist())


@pytest.mark.parametrize("count", [0, 1, 5])
def test_without_pairs_there_is_nothing_to_hold_out(count):
    for one in split(constraints_of(count, [])):
        assert one.tracklet_count == count
        assert one.cannot_link.shape == (0, 2)


def test_triplets_that_judge_are_of_held_out_pairs_only():
    tracklet = np.repeat(np.arange(120), 3)
    held = split(shots(*[2] * 60))[1]
    anchor, positive, negative = tracklet[
        judging_triplets(tracklet, held, np.random.default_rng(0)).T
    ]
    np.testing.assert_array_equal(anchor, positive)
    judged = {tuple(sorted(pair)) for pair in zip(anchor.tolist(), negative.tolist(), strict=True)}
    assert judged == pairs_of(held)


def test_where_none_are_held_out_none_judge():
    triplets = judging_triplets(np.arange(4), constraints_of(4, []), np.random.default_rng(0))
    assert triplets.shape == (0, 3)
    assert triplets.dtype == np.int64


def test_no_face_that_judges_is_compared_with_itself():
    tracklet = np.repeat(np.arange(8), 3)
    triplets = judging_triplets(tracklet, shots(*[2] * 4), np.random.default_rng(0))
    assert (triplets[:, 0] != triplets[:, 1]).all()


def accuracy(points, triplets):
    return constraint_accuracy(torch.tensor(points), torch.tensor(triplets))


def test_accuracy_computed_by_hand():
    points = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [1.5, 0.0], [-0.5, 0.0]]
    triplets = [
        [0, 1, 2],  # 1 against 2 and 2.2: right
        [0, 1, 3],  # 1 against 1.5 and 0.5: the positive is nearer to the negative
        [0, 1, 4],  # 1 against 0.5 and 1.5: the anchor is nearer to the negative
        [0, 3, 2],  # 1.5 against 2 and 2.5: right
    ]
    assert accuracy(points, triplets) == 0.5
    assert accuracy(points, triplets[:1]) == 1.0
    assert accuracy(points, triplets[1:3]) == 0.0


def test_accuracy_is_that_of_a_loop():
    rng = np.random.default_rng(0)
    points, triplets = rng.normal(size=(20, 3)), rng.integers(20, size=(300, 3))
    right = 0
    for a, p, n in triplets:
        pull, first, second = (
            np.linalg.norm(points[i] - points[j]) for i, j in ((a, p), (a, n), (p, n))
        )
        right += bool(pull < first and pull < second)
    assert 0.2 < right / 300 < 0.8
    assert accuracy(points, triplets) == pytest.approx(right / 300)


def test_faces_that_are_all_one_are_never_right():
    assert accuracy([[1.0, 2.0]] * 3, [[0, 1, 2]]) == 0.0
