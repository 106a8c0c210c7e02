import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.embedding import parts
from tracker.embedding.sampling import ConstraintSampler
from tracker.records import Constraints

# Tracklets 0, 1 and 2 are three people; 3 is another one than 2; of 4 nothing is known.
PAIRS = [(0, 1), (0, 2), (1, 2), (2, 3)]
TRACKLET = np.random.default_rng(0).permutation(np.repeat(np.arange(5), [1, 5, 40, 2, 9]))


def constraints_of(count, pairs):
    return Constraints(count, np.array(sorted(pairs), np.int32).reshape(-1, 2))


def sampler_of(pairs=PAIRS, tracklet=TRACKLET):
    return ConstraintSampler(tracklet, constraints_of(int(tracklet.max()) + 1, pairs))


def generator(seed=0):
    return np.random.default_rng(seed)


def pairs_of(triplets, tracklet=TRACKLET):
    """The pairs of tracklets that `triplets` set apart."""
    return {frozenset(pair) for pair in tracklet[triplets[:, [0, 2]]].tolist()}


def test_triplets_are_two_faces_of_one_tracklet_and_one_of_another_person():
    triplets = sampler_of().triplets(2000, generator())
    np.testing.assert_array_equal(*TRACKLET[triplets[:, :2]].T)
    assert pairs_of(triplets) == set(map(frozenset, PAIRS))


def test_every_pair_is_drawn_about_equally_often_and_either_way_round():
    anchor, _, negative = TRACKLET[sampler_of().triplets(8000, generator())].T
    ways = [*PAIRS, *((b, a) for a, b in PAIRS)]
    counts = [np.sum((anchor == a) & (negative == b)) for a, b in ways]
    assert sum(counts) == 8000
    np.testing.assert_allclose(counts, 1000, atol=150)  # five standard deviations


def test_every_face_of_a_tracklet_is_drawn_about_equally_often():
    faces = sampler_of().triplets(20_000, generator())[:, 0]
    counts = np.bincount(faces, minlength=len(TRACKLET))[TRACKLET == 2]
    np.testing.assert_allclose(counts, counts.mean(), rtol=0.35)
    assert counts.mean() > 150


def test_quadruplets_are_a_pair_and_two_more_people_all_apart():
    faces = TRACKLET[sampler_of().quadruplets(2000, generator())]
    np.testing.assert_array_equal(faces[:, 0], faces[:, 1])
    assert (np.sort(faces[:, 1:], axis=1) == [0, 1, 2]).all()


def test_every_order_of_a_quadruplets_people_is_drawn_about_equally_often():
    faces = TRACKLET[sampler_of().quadruplets(6000, generator())][:, 1:]
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
    sampler = ConstraintSampler(TRACKLET, doubtful)
    assert pairs_of(sampler.triplets(2000, generator())) == set(map(frozenset, PAIRS[:3]))
    assert 3 not in sampler.tracklets_seen_together(100, generator())
    assert not sampler.apart[2, 3]


@pytest.mark.parametrize("doubtful", [0, 1, 2])
def test_three_tracklets_are_no_quadruplet_where_one_of_their_pairs_is_doubtful(doubtful):
    trio = np.array([(0, 1), (0, 2), (1, 2)], np.int32)
    constraints = Constraints(5, trio, doubtful=np.array([doubtful]))
    assert not ConstraintSampler(TRACKLET, constraints).has_quadruplets


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
        anchor, positive, negative = tracklet[sampler.triplets(40, generator())].T
        assert (anchor == positive).all()
        assert {
            tuple(sorted(p)) for p in zip(anchor.tolist(), negative.tolist(), strict=True)
        } <= pairs
    if triangles:
        faces = np.sort(tracklet[sampler.quadruplets(40, generator())][:, 1:], axis=1)
        assert set(map(tuple, faces.tolist())) <= set(triangles)


@given(st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=30))
def test_the_three_people_of_quadruplets_are_those_of_trying_all(pairs):
    pairs = {(a, b) for a, b in pairs if a < b}
    expected = [
        trio
        for trio in itertools.combinations(range(9), 3)
        if all(pair in pairs for pair in itertools.combinations(trio, 2))
    ]
    assert sampler_of(pairs, np.arange(9))._triangles.tolist() == list(map(list, expected))


def test_three_people_found_in_parts_are_those_found_at_once(monkeypatch):
    pairs = list(itertools.combinations(range(12), 2))
    whole = sampler_of(pairs, np.arange(12))._triangles
    monkeypatch.setattr(parts, "PART_NUMBERS", 20)
    in_parts = sampler_of(pairs, np.arange(12))._triangles
    np.testing.assert_array_equal(whole, in_parts)
    assert len(whole) == 220


DRAWS = {
    "triplets": lambda sampler, rng: sampler.triplets(50, rng),
    "quadruplets": lambda sampler, rng: sampler.quadruplets(50, rng),
    "tracklets": lambda sampler, rng: sampler.tracklets_seen_together(4, rng),
    "spread": lambda sampler, rng: sampler.spread_faces(np.array([1, 2, 4]), 3, rng),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_the_same_generator_draws_the_same(draw):
    sampler = sampler_of()
    one, other = (draw(sampler, generator(7)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_going_on_with_a_generator_draws_something_else(draw):
    sampler, rng = sampler_of(), generator(7)
    assert len({draw(sampler, rng).tobytes() for _ in range(20)}) > 1


def test_drawing_leaves_the_constraints_as_they_were():
    constraints = constraints_of(5, PAIRS)
    ConstraintSampler(TRACKLET, constraints).triplets(100, generator())
    assert constraints.cannot_link.tolist() == [list(pair) for pair in PAIRS]


def test_none_asked_for_gives_none():
    assert sampler_of().triplets(0, generator()).shape == (0, 3)
    assert sampler_of().quadruplets(0, generator()).shape == (0, 4)


def test_there_are_as_many_pairs_as_are_surely_apart():
    assert len(sampler_of()) == 4
    assert len(sampler_of([])) == 0
    doubtful = Constraints(5, np.array(PAIRS, np.int32), doubtful=np.array([1, 3]))
    assert len(ConstraintSampler(TRACKLET, doubtful)) == 2


def test_who_is_apart_is_known_both_ways_round():
    apart = sampler_of().apart.toarray()
    assert apart.shape == (5, 5)
    assert {(a, b) for a, b in np.argwhere(apart).tolist() if a < b} == set(PAIRS)
    np.testing.assert_array_equal(apart, apart.T)


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ({0}, [(0, 1), (0, 2)]),
        ({3}, [(2, 3)]),
        ({1, 3}, [(0, 1), (1, 2), (2, 3)]),
        ({4}, []),
        (set(), []),
        ({0, 1, 2, 3, 4}, PAIRS),
    ],
)
def test_among_some_tracklets_are_the_pairs_that_touch_them(wanted, kept):
    sampler = sampler_of().among(np.isin(np.arange(5), list(wanted)))
    assert len(sampler) == len(kept)
    if kept:
        assert pairs_of(sampler.triplets(500, generator())) == set(map(frozenset, kept))
    assert {(a, b) for a, b in np.argwhere(sampler.apart.toarray()).tolist() if a < b} == set(kept)


def test_among_some_tracklets_quadruplets_need_all_their_pairs():
    sampler = sampler_of()
    assert not sampler.among(np.arange(5) == 0).has_quadruplets  # 1 and 2 are not among them
    assert sampler.among(np.arange(5) < 2).has_quadruplets


def test_choosing_among_tracklets_leaves_the_sampler_as_it_was():
    sampler = sampler_of()
    sampler.among(np.arange(5) == 3)
    assert pairs_of(sampler.triplets(500, generator())) == set(map(frozenset, PAIRS))


def test_all_faces_are_shown_unless_their_tracklets_are_held_out():
    assert sampler_of().shown.tolist() == list(range(len(TRACKLET)))
    held = constraints_of(5, [(0, 1)])
    sampler = ConstraintSampler(TRACKLET, constraints_of(5, [(2, 3)]), held)
    np.testing.assert_array_equal(sampler.shown, np.flatnonzero(TRACKLET >= 2))
    np.testing.assert_array_equal(sampler.among(np.arange(5) == 4).shown, sampler.shown)


def test_tracklets_seen_together_come_in_order_and_once_each():
    for seed in range(50):
        tracklets = sampler_of().tracklets_seen_together(6, generator(seed))
        assert (np.diff(tracklets) > 0).all()
        assert 2 <= len(tracklets) <= 6


def test_tracklets_seen_together_each_have_one_of_another_person_with_them():
    apart = sampler_of().apart.toarray()
    for seed in range(50):
        tracklets = sampler_of().tracklets_seen_together(2, generator(seed))
        assert apart[np.ix_(tracklets, tracklets)].any(axis=1).all()


def test_every_tracklet_of_a_pair_is_drawn_some_time_and_no_other_ever():
    rng = generator()
    drawn = [sampler_of().tracklets_seen_together(2, rng) for _ in range(100)]
    assert set(np.concatenate(drawn).tolist()) == {0, 1, 2, 3}  # nothing is known of 4


def test_spread_faces_are_of_the_tracklets_asked_for_in_order_and_once_each():
    faces = sampler_of().spread_faces(np.array([1, 2]), 5, generator())
    assert (np.diff(faces) > 0).all()
    assert set(TRACKLET[faces].tolist()) == {1, 2}


def test_spread_faces_lie_one_in_each_part_of_a_tracklet():
    length = np.flatnonzero(TRACKLET == 2)  # 40 faces, in order of time
    for seed in range(20):
        faces = sampler_of().spread_faces(np.array([2]), 4, generator(seed))
        parts = np.searchsorted(length, faces) // 10
        assert parts.tolist() == [0, 1, 2, 3]


def test_every_face_of_a_tracklet_is_among_the_spread_ones_about_equally_often():
    rng, sampler = generator(), sampler_of()
    drawn = [sampler.spread_faces(np.array([2]), 4, rng) for _ in range(2000)]
    counts = np.bincount(np.concatenate(drawn), minlength=len(TRACKLET))[TRACKLET == 2]
    np.testing.assert_allclose(counts, 200, atol=70)  # five standard deviations


def test_a_tracklet_shorter_than_asked_for_gives_all_its_faces():
    faces = sampler_of().spread_faces(np.array([0, 1, 3]), 20, generator())
    assert TRACKLET[faces].tolist().count(0) == 1
    assert set(faces.tolist()) == set(np.flatnonzero(np.isin(TRACKLET, [0, 1, 3])).tolist())


@pytest.mark.parametrize("count", [5, 7, 9])
def test_a_tracklet_that_is_long_enough_gives_as_many_faces_as_asked_for(count):
    sampler = sampler_of([(0, 1)], np.repeat([0, 1], count))
    for seed in range(50):
        assert len(sampler.spread_faces(np.array([0, 1]), 4, generator(seed))) == 8


def test_no_tracklets_have_no_spread_faces():
    assert sampler_of().spread_faces(np.zeros(0, np.int64), 4, generator()).shape == (0,)
