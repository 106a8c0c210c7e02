import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tracker.embedding.evidence import area_under_curve, raw_share
from tracker.records import Constraints

values = st.lists(st.integers(0, 6), min_size=1, max_size=12)
PEOPLE, FACES = 8, 9  # 28 pairs of tracklets, of nine faces each


def video(noise, faces=FACES, people=PEOPLE):
    """Features and tracklets of people who are all seen together; `noise` blurs them."""
    rng = np.random.default_rng(0)
    tracklet = np.tile(np.arange(people), faces)
    clean = np.eye(people)[tracklet]
    pairs = np.array(list(itertools.combinations(range(people), 2)), np.int32).reshape(-1, 2)
    return clean + noise * rng.normal(size=clean.shape), tracklet, Constraints(people, pairs)


def share_of(features, tracklet, constraints, height=100.0):
    return raw_share(features, tracklet, np.full(len(tracklet), height), constraints)


@given(values, values)
@settings(deadline=None)
def test_the_area_under_the_curve_is_that_of_scikit_learn(low, high):
    labels = [0] * len(low) + [1] * len(high)
    expected = roc_auc_score(labels, low + high)
    assert area_under_curve(np.array(low), np.array(high)) == pytest.approx(expected)


@given(values, values)
def test_the_area_under_the_curve_is_the_share_of_pairs_in_order(low, high):
    in_order = [(a < b) + 0.5 * (a == b) for a in low for b in high]
    assert area_under_curve(np.array(low), np.array(high)) == pytest.approx(np.mean(in_order))


def test_features_that_tell_people_apart_keep_half_the_distance():
    assert share_of(*video(noise=0.01)) == 0.5


def test_features_that_say_nothing_keep_no_share():
    assert share_of(*video(noise=50.0)) == 0.0


def test_the_share_falls_as_the_features_get_worse():
    shares = [share_of(*video(noise=noise)) for noise in (0.0, 0.45, 0.5, 0.55, 0.6, 3.0)]
    assert shares == sorted(shares, reverse=True)
    assert any(0 < share < 0.5 for share in shares)


def test_without_enough_pairs_the_features_are_trusted():
    features, tracklet, constraints = video(noise=50.0)
    few = Constraints(PEOPLE, constraints.cannot_link[:19])
    assert share_of(features, tracklet, few) == 0.5
    assert share_of(features, tracklet, Constraints(PEOPLE, np.zeros((0, 2), np.int32))) == 0.5


def test_small_faces_are_no_evidence():
    features, tracklet, constraints = video(noise=50.0)
    assert share_of(features, tracklet, constraints, height=31.0) == 0.5
    assert share_of(features, tracklet, constraints, height=32.0) == 0.0


def test_a_pair_counts_only_where_both_tracklets_are_large():
    features, tracklet, constraints = video(noise=50.0)
    heights = np.where(tracklet < 6, 100.0, 10.0)  # 15 pairs are left
    assert raw_share(features, tracklet, heights, constraints) == 0.5


@pytest.mark.parametrize("faces", [1, 2])
def test_the_shortest_tracklets_can_be_weighed(faces):
    assert share_of(*video(noise=0.0, faces=faces)) == 0.5


def test_without_faces_there_is_nothing_to_distrust():
    none = Constraints(0, np.zeros((0, 2), np.int32))
    assert raw_share(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0), none) == 0.5
