import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.embedding.sampling import ConstraintSampler
from tracker.records import Constraints

# Tracklets 0, 1 and 2 are three people; 3 is another one than 2; of 4 nothing is known.
PAIRS = [(0, 1), (0, 2), (1, 2), (2, 3)]
TRACKLET = np.random.default_rng(0).permutation(np.repeat(np.arange(5), [1, 5, 40, 2, 9]))


def constraints_of(count, pairs):
    return Constraints(count, np.array(sorted(pairs), np.int32).reshape(-1, 2))


def sampler_of(pairs=PAIRS, tracklet=TRACKLET, seed=0):
    constraints = constraints_of(int(tracklet.max()) + 1, pairs)
    return ConstraintSampler(tracklet, constraints, np.random.default_rng(seed))


def test_triplets_are_two_faces_of_one_tracklet_and_one_of_another_person():
    anchor, positive, negative = TRACKLET[sampler_of().triplets(2000)].T
    np.testing.assert_array_equal(anchor, positive)
    assert {frozenset(pair) for pair in zip(anchor, negative, strict=True)} == set(
        map(frozenset, PAIRS)
    )


def test_every_pair_is_drawn_about_equally_often_and_either_way_round():
    anchor, _, negative = TRACKLET[sampler_of().triplets(8000)].T
    ways = [*PAIRS, *((b, a) for a, b in PAIRS)]
    counts = [np.sum((anchor == a) & (negative == b)) for a, b in ways]
    assert sum(counts) == 8000
    np.testing.assert_allclose(counts, 1000, atol=150)  # five standard deviations


def test_every_face_of_a_tracklet_is_drawn_about_equally_often():
    faces = sampler_of().triplets(20_000)[:, 0]
    counts = np.bincount(faces, minlength=len(TRACKLET))[TRACKLET == 2]
    np.testing.assert_allclose(counts, counts.mean(), rtol=0.35)
    assert counts.mean() > 150


def test_quadruplets_are_a_pair_and_two_more_people_all_apart():
    faces = TRACKLET[sampler_of().quadruplets(2000)]
    np.testing.assert_array_equal(faces[:, 0], faces[:, 1])
    assert (np.sort(faces[:, 1:], axis=1) == [0, 1, 2]).all()


def test_every_order_of_a_quadruplets_people_is_drawn_about_equally_often():
    faces = TRACKLET[sampler_of().quadruplets(6000)][:, 1:]
    counts = [np.sum((faces == order).all(axis=1)) for order in itertools.permutations(range(3))]
    np.testing.assert_allclose(counts, 1000, atol=150)


@pytest.mark.parametrize(
    ("pairs", "expected"), [(PAIRS, True), ([(0, 1), (1, 2), (2, 3)], False), ([], False)]
)
def test_quadruplets_need_three_tracklets_that_are_all_apart(pairs, expected):
    assert sampler_of(pairs).has_quadruplets is expected


def test_a_doubtful_pair_is_never_drawn():
    pairs = np.array(PAIRS, np.int32)
    doubtful = Constraints(5, pairs, doubtful=np.array([PAIRS.index((2, 3))]))
    sampler = ConstraintSampler(TRACKLET, doubtful, np.random.default_rng(0))
    anchor, _, negative = TRACKLET[sampler.triplets(2000)].T
    assert {frozenset(pair) for pair in zip(anchor, negative, strict=True)} == set(
        map(frozenset, PAIRS[:3])
    )


@pytest.mark.parametrize("doubtful", [0, 1, 2])
def test_three_tracklets_are_no_quadruplet_where_one_of_their_pairs_is_doubtful(doubtful):
    trio = np.array([(0, 1), (0, 2), (1, 2)], np.int32)
    constraints = Constraints(5, trio, doubtful=np.array([doubtful]))
    assert not ConstraintSampler(TRACKLET, constraints, np.random.default_rng(0)).has_quadruplets


@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
@settings(max_examples=50)
def test_triplets_and_quadruplets_obey_any_constraints(pairs):
    pairs = {(a, b) for a, b in pairs if a < b}
    tracklet = np.arange(18) % 6
    sampler = sampler_of(pairs, tracklet)
    triangles = [
        trio
        for trio in itertools.combinations(range(6), 3)
        if all(pair in pairs for pair in itertools.combinations(trio, 2))
    ]
    assert sampler.has_quadruplets == bool(triangles)
    if pairs:
        anchor, positive, negative = tracklet[sampler.triplets(40)].T
        assert (anchor == positive).all()
        assert {
            tuple(sorted(p)) for p in zip(anchor.tolist(), negative.tolist(), strict=True)
        } <= pairs
    if triangles:
        faces = np.sort(tracklet[sampler.quadruplets(40)][:, 1:], axis=1)
        assert set(map(tuple, faces.tolist())) <= set(triangles)


def test_the_same_generator_draws_the_same_faces():
    one, other = sampler_of(seed=7), sampler_of(seed=7)
    np.testing.assert_array_equal(one.triplets(50), other.triplets(50))
    np.testing.assert_array_equal(one.quadruplets(50), other.quadruplets(50))


def test_another_generator_draws_other_faces():
    assert (sampler_of(seed=7).triplets(50) != sampler_of(seed=8).triplets(50)).any()


def test_drawing_leaves_the_constraints_as_they_were():
    constraints = constraints_of(5, PAIRS)
    ConstraintSampler(TRACKLET, constraints, np.random.default_rng(0)).triplets(100)
    assert constraints.cannot_link.tolist() == [list(pair) for pair in PAIRS]


def test_none_asked_for_gives_none():
    assert sampler_of().triplets(0).shape == (0, 3)
    assert sampler_of().quadruplets(0).shape == (0, 4)
