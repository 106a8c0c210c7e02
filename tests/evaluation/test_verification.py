import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.evaluation.verification import pairs_of, precision_recall, verify


def some_pairs():
    """Distances with many ties, and whether a pair is one person; at least one of either."""
    pair = st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5]), st.booleans())
    ends = st.tuples(st.just(0.75), st.booleans())
    lists = st.lists(st.one_of(pair, ends), min_size=2, max_size=30)
    mixed = lists.filter(lambda pairs: len({same for _, same in pairs}) == 2)
    return mixed.map(lambda pairs: tuple(np.array(column) for column in zip(*pairs, strict=True)))


def chance_nearer(distances, same) -> float:
    gaps = distances[~same][:, None] - distances[same]
    return float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))


def test_values_computed_by_hand():
    # Up to 0.5, one pair of each kind is taken wrongly: 1 of 2 and 1 of 2.
    measured = verify(np.array([0.1, 0.5, 0.7, 0.9]), np.array([True, False, True, False]))
    assert measured == pytest.approx((0.75, 0.5, 0.5, 4, 2))


def test_the_equal_error_rate_lies_between_distances():
    # Up to 0.2, 0 of 1 wrongly and 1 of 2 refused; up to 0.4, 1 and 1/2: equal half-way.
    measured = verify(np.array([0.2, 0.4, 0.6]), np.array([True, False, True]))
    assert (measured.eer, measured.threshold_at_eer) == pytest.approx((0.5, 0.3))


def test_pairs_that_do_not_overlap_are_told_without_error():
    measured = verify(np.array([0.1, 0.4, 1.0, 1.2]), np.array([True, True, False, False]))
    assert measured == pytest.approx((1, 0, 0.4, 4, 2))


def test_equal_distances_tell_nothing():
    measured = verify(np.full(6, 0.3), np.array([True, False] * 3))
    assert measured == pytest.approx((0.5, 0.5, 0.3, 6, 3))


@given(some_pairs())
@settings(deadline=None)
def test_auc_is_the_chance_that_a_same_pair_is_nearer(pairs):
    assert verify(*pairs).auc == pytest.approx(chance_nearer(*pairs))


@given(some_pairs())
@settings(deadline=None)
def test_the_equal_error_rate_is_where_the_two_errors_cross(pairs):
    distances, same = pairs
    eer = verify(distances, same).eer
    steps = [-1.0, *np.unique(distances)]
    wrong = np.array([np.mean(distances[~same] <= step) for step in steps])
    refused = np.array([np.mean(distances[same] > step) for step in steps])
    way = np.linspace(0, len(steps) - 1, 100_001)
    gap = np.interp(way, range(len(steps)), wrong - refused)
    crossing = way[np.argmin(np.abs(gap))]
    assert eer == pytest.approx(np.interp(crossing, range(len(steps)), wrong), abs=1e-3)


@given(some_pairs())
@settings(deadline=None)
def test_far_for_near_turns_the_chance_round(pairs):
    distances, same = pairs
    assert verify(-distances, same).auc == pytest.approx(1 - verify(distances, same).auc)


@pytest.mark.parametrize("same", [[], [True, True], [False]])
def test_one_kind_of_pairs_says_nothing(same):
    measured = verify(np.linspace(0, 1, len(same)), np.array(same, bool))
    assert np.isnan(measured[:3]).all()
    assert (measured.pairs, measured.same_pairs) == (len(same), sum(same))


@given(some_pairs())
@settings(deadline=None)
def test_precision_and_recall_are_what_counting_gives(pairs):
    distances, same = pairs
    curve = precision_recall(distances, same)
    assert curve.threshold.tolist() == np.unique(distances).tolist()
    for threshold, precision, recall in zip(*curve, strict=True):
        taken = distances <= threshold
        assert precision == pytest.approx(np.mean(same[taken]))
        assert recall == pytest.approx(np.count_nonzero(same & taken) / np.count_nonzero(same))


@pytest.mark.parametrize("same", [[], [False, False]])
def test_without_a_same_pair_there_is_no_curve(same):
    curve = precision_recall(np.linspace(0, 1, len(same)), np.array(same, bool))
    assert [len(column) for column in curve] == [0, 0, 0]


def test_pairs_are_all_of_two_once():
    first, second = pairs_of(4)
    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    assert pairs == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def test_pairs_that_are_excluded_are_left_out():
    excluded = np.zeros((3, 3), bool)
    excluded[0, 2] = excluded[2, 0] = True
    first, second = pairs_of(3, excluded)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 1), (1, 2)]


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_things_have_no_pairs(count):
    assert [len(ends) for ends in pairs_of(count)] == [0, 0]
