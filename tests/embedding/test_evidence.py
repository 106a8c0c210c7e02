import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tracker.embedding.evidence import MIN_PAIRS, Evidence, area_under_curve, weigh_evidence
from tracker.records import Constraints

values = st.lists(st.integers(0, 6), min_size=1, max_size=12)
PEOPLE, FACES = 8, 9  # 28 pairs of tracklets, of nine faces each
NO_PAIRS = np.zeros((0, 2), np.int32)


def video(noise, faces=FACES, people=PEOPLE):
    """Features and tracklets of people who are all seen together; `noise` blurs them."""
    rng = np.random.default_rng(0)
    tracklet = np.tile(np.arange(people), faces)
    clean = np.eye(people)[tracklet]
    pairs = np.array(list(itertools.combinations(range(people), 2)), np.int32).reshape(-1, 2)
    return clean + noise * rng.normal(size=clean.shape), tracklet, Constraints(people, pairs)


def evidence_of(features, tracklet, constraints, height=100.0):
    return weigh_evidence(features, tracklet, np.full(len(tracklet), height), constraints)


def plain_evidence(features, tracklet, heights, constraints, doubtful=()):
    """The same by loops over people and pairs, and scikit-learn."""
    large = [np.median(heights[tracklet == t]) >= 32 for t in range(constraints.tracklet_count)]

    def third(number, late):
        faces = features[tracklet == number]
        length = max(len(faces) // 3, 1)
        return np.mean(faces[len(faces) - length :] if late else faces[:length], axis=0)

    same = [
        np.linalg.norm(third(t, late=False) - third(t, late=True)) for t in np.flatnonzero(large)
    ]
    different = [
        np.linalg.norm(third(a, late=False) - third(b, late=True))
        for row, (a, b) in enumerate(constraints.cannot_link)
        if large[a] and large[b] and row not in doubtful
    ]
    labels = [0] * len(same) + [1] * len(different)
    return roc_auc_score(labels, same + different), len(different)


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


def test_evidence_by_hand():
    # Tracklet 0 goes from 0 to 1, tracklet 1 from 5 to 7: to herself 1 and 2; 0 to 7 is 7.
    features = np.array([[0.0], [5.0], [9.0], [9.0], [1.0], [7.0]])
    pair = Constraints(2, np.array([[0, 1]], np.int32))
    assert evidence_of(features, np.array([0, 1, 0, 1, 0, 1]), pair) == Evidence(auc=1.0, pairs=1)


def test_someone_who_changes_more_than_she_differs_from_others_counts_against_the_metric():
    features = np.array([[0.0], [1.0], [5.0], [3.0]])  # 0 to 5 and 1 to 3; the pair: 0 to 3
    pair = Constraints(2, np.array([[0, 1]], np.int32))
    assert evidence_of(features, np.array([0, 1, 0, 1]), pair).auc == 0.5


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("faces", [1, 2, 5, FACES])
def test_evidence_is_that_of_plain_loops(noise, faces):
    features, tracklet, constraints = video(noise, faces)
    rng = np.random.default_rng(1)
    heights = np.linspace(20, 60, PEOPLE)[tracklet] + rng.uniform(-4, 4, len(tracklet))
    doubtful = [0, 5, 11]
    found = weigh_evidence(
        features,
        tracklet,
        heights,
        Constraints(PEOPLE, constraints.cannot_link, np.array(doubtful)),
    )
    auc, pairs = plain_evidence(features, tracklet, heights, constraints, doubtful)
    assert (found.auc, found.pairs) == (pytest.approx(auc), pairs)


def test_features_that_tell_people_apart_are_trusted():
    evidence = evidence_of(*video(noise=0.01))
    assert evidence == Evidence(auc=1.0, pairs=28)
    assert evidence.trust == 1


def test_features_that_say_nothing_are_not_trusted():
    evidence = evidence_of(*video(noise=50.0))
    assert evidence.auc == pytest.approx(0.5, abs=0.2)
    assert evidence.trust == 0


def test_the_trust_falls_as_the_features_get_worse():
    trusts = [evidence_of(*video(noise=noise)).trust for noise in (0.0, 0.45, 0.5, 0.55, 0.6, 3.0)]
    assert trusts == sorted(trusts, reverse=True)
    assert any(0 < trust < 1 for trust in trusts)


@pytest.mark.parametrize(
    ("auc", "trust"),
    [(0.0, 0), (0.5, 0), (0.9, 0), (0.92, 0.25), (0.94, 0.5), (0.98, 1), (0.99, 1), (1.0, 1)],
)
def test_the_trust_rises_in_proportion_between_a_useless_and_a_good_metric(auc, trust):
    assert Evidence(auc, MIN_PAIRS).trust == pytest.approx(trust)


@pytest.mark.parametrize("auc", [0.0, 0.5, 0.94, 1.0])
def test_without_enough_pairs_any_features_are_trusted(auc):
    few = Evidence(auc, MIN_PAIRS - 1)
    assert not few.is_enough
    assert few.trust == 1
    assert Evidence(auc, MIN_PAIRS).is_enough


@pytest.mark.parametrize(("pairs", "trust"), [(0, 1), (19, 1), (20, 0)])
def test_it_takes_twenty_pairs_to_distrust_features(pairs, trust):
    features, tracklet, constraints = video(noise=50.0)
    few = Constraints(PEOPLE, constraints.cannot_link[:pairs])
    evidence = evidence_of(features, tracklet, few)
    assert (evidence.pairs, evidence.trust) == (pairs, trust)


def test_without_people_seen_together_the_chance_is_even():
    features, tracklet, _ = video(noise=0.01)
    assert evidence_of(features, tracklet, Constraints(PEOPLE, NO_PAIRS)) == Evidence(0.5, 0)


def test_doubtful_pairs_are_no_evidence():
    features, tracklet, constraints = video(noise=50.0)
    doubtful = Constraints(PEOPLE, constraints.cannot_link, np.arange(9))
    sure = Constraints(PEOPLE, constraints.cannot_link[9:])
    assert evidence_of(features, tracklet, doubtful) == evidence_of(features, tracklet, sure)
    assert evidence_of(features, tracklet, doubtful).pairs == 19


def test_small_faces_are_no_evidence():
    video_of_noise = video(noise=50.0)
    assert evidence_of(*video_of_noise, height=31.0) == Evidence(0.5, 0)
    assert evidence_of(*video_of_noise, height=32.0).pairs == 28


def test_a_pair_counts_only_where_both_tracklets_are_large():
    features, tracklet, constraints = video(noise=50.0)
    heights = np.where(tracklet < 6, 100.0, 10.0)
    evidence = weigh_evidence(features, tracklet, heights, constraints)
    assert (evidence.pairs, evidence.trust) == (15, 1)


@pytest.mark.parametrize("faces", [1, 2])
def test_the_shortest_tracklets_can_be_weighed(faces):
    assert evidence_of(*video(noise=0.0, faces=faces)) == Evidence(1.0, 28)


def test_without_faces_there_is_nothing_to_distrust():
    none = Constraints(0, NO_PAIRS)
    evidence = weigh_evidence(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0), none)
    assert evidence == Evidence(0.5, 0)
    assert evidence.trust == 1
