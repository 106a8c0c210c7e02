import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.embedding.mining import (
    MINERS,
    batch_all,
    batch_hard,
    distance_weighted,
    mine,
    semi_hard,
)

MARGIN = 0.3
ALL = 10**6
# On a line: 0 and 1 are one tracklet, and apart from the tracklets of one face each that follow.
PAIR_AND_OTHERS = [0, 0, 1, 2, 3]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(tracklets=4, faces=3, size=4, seed=0, share_apart=0.5):
    """Faces of length 1, and what is known of every two: one tracklet, apart, or neither."""
    rng = np.random.default_rng(seed)
    tracklet = rng.permutation(np.repeat(np.arange(tracklets), faces))
    points = torch.from_numpy(rng.normal(size=(len(tracklet), size)))
    known = np.triu(rng.random((tracklets, tracklets)) < share_apart, 1)
    apart = torch.from_numpy((known | known.T)[np.ix_(tracklet, tracklet)])
    same = torch.from_numpy(tracklet[:, None] == tracklet)
    return torch.nn.functional.normalize(points, dim=1), same, apart


def on_a_line(*places, tracklet=PAIR_AND_OTHERS):
    points = torch.tensor(places)[:, None]
    of_face = torch.tensor(tracklet[: len(places)])
    same = of_face[:, None] == of_face
    return points, same, ~same


def mined(name, parts, seed=0, most=ALL, margin=MARGIN):
    return mine(name, *parts, margin, most, generator(seed))


def valid_triplets(same, apart):
    count = range(len(same))
    return [
        (a, p, n)
        for a, p, n in itertools.product(count, count, count)
        if a != p and same[a, p] and apart[a, n]
    ]


def squared(points, i, j):
    return float((points[i] - points[j]).square().sum())


def by_pair(triplets):
    """The negatives of every anchor and positive."""
    found = {}
    for a, p, n in triplets:
        found.setdefault((a, p), []).append(n)
    return found


def slow_batch_hard(points, same, apart):
    found = {}
    for a, p, n in valid_triplets(same, apart):
        found.setdefault(a, ([], []))
        found[a][0].append(p)
        found[a][1].append(n)
    return [
        (
            a,
            max(positives, key=lambda p: squared(points, a, p)),
            min(negatives, key=lambda n: squared(points, a, n)),
        )
        for a, (positives, negatives) in found.items()
    ]


def slow_semi_hard(points, same, apart, margin):
    found = []
    for (a, p), negatives in by_pair(valid_triplets(same, apart)).items():
        pull = squared(points, a, p)
        gaps = {n: squared(points, a, n) for n in negatives}
        within = [n for n in negatives if pull < gaps[n] < pull + margin]
        nearer = [n for n in negatives if gaps[n] <= pull]
        if within:
            found.append((a, p, min(within, key=gaps.get)))
        elif nearer:
            found.append((a, p, max(nearer, key=gaps.get)))
    return found


def tuples(triplets):
    return [tuple(row) for row in triplets.tolist()]


@pytest.mark.parametrize("name", MINERS)
@given(
    tracklets=st.integers(0, 5),
    faces=st.integers(1, 4),
    share_apart=st.floats(0, 1),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40)
def test_triplets_are_of_one_tracklet_and_of_a_face_surely_apart(
    name, tracklets, faces, share_apart, seed
):
    parts = batch(tracklets, faces, seed=seed, share_apart=share_apart)
    triplets = mined(name, parts)
    assert triplets.dtype == torch.int64
    assert triplets.shape == (len(triplets), 3)
    assert set(tuples(triplets)) <= set(valid_triplets(*parts[1:]))
    assert len(set(tuples(triplets))) == len(triplets)


@pytest.mark.parametrize("name", MINERS)
def test_a_face_that_may_be_the_same_person_is_never_a_negative(name):
    points, same, apart = on_a_line(0.0, 0.6, 0.61, 0.7, 0.9)
    apart[:2, 2] = apart[2, :2] = False
    assert 2 not in mined(name, (points, same, apart))[:, 2].tolist()
    assert len(mined(name, (points, same, apart)))


@pytest.mark.parametrize("name", MINERS)
def test_where_nothing_is_apart_there_are_no_triplets(name):
    points, same, apart = batch()
    triplets = mined(name, (points, same, torch.zeros_like(apart)))
    assert triplets.shape == (0, 3)
    assert triplets.dtype == torch.int64


@pytest.mark.parametrize("name", MINERS)
def test_where_every_tracklet_has_one_face_there_are_no_triplets(name):
    assert mined(name, batch(faces=1, share_apart=1)).shape == (0, 3)


@pytest.mark.parametrize("name", MINERS)
def test_an_empty_batch_has_no_triplets(name):
    triplets = mined(name, batch(tracklets=0))
    assert triplets.shape == (0, 3)
    assert triplets.dtype == torch.int64


@pytest.mark.parametrize("name", MINERS)
def test_the_same_seed_gives_the_same_triplets(name):
    one, other = mined(name, batch(), seed=3, most=20), mined(name, batch(), seed=3, most=20)
    assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["batch-all", "distance-weighted"])
def test_another_seed_draws_other_triplets(name):
    one, other = mined(name, batch(), seed=3, most=20), mined(name, batch(), seed=4, most=20)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("name", MINERS)
def test_the_random_numbers_of_torch_are_left_alone(name):
    before = torch.get_rng_state()
    mined(name, batch(), most=20)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", MINERS)
def test_no_gradient_is_kept(name):
    points, same, apart = batch()
    assert not mined(name, (points.requires_grad_(), same, apart)).requires_grad


def test_every_miner_goes_by_its_name():
    parts = batch()
    expected = {
        "batch-all": batch_all(*parts, 20, generator()),
        "batch-hard": batch_hard(*parts),
        "semi-hard": semi_hard(*parts, 0.1),
        "distance-weighted": distance_weighted(*parts, generator()),
    }
    assert expected.keys() == set(MINERS)
    for name, triplets in expected.items():
        assert torch.equal(mined(name, parts, most=20, margin=0.1), triplets)


def test_an_unknown_miner_is_named():
    with pytest.raises(ValueError, match=r"no miner is named 'easy'; there are batch-all, "):
        mined("easy", batch())


@given(seed=st.integers(0, 1000), share_apart=st.floats(0, 1))
@settings(max_examples=40)
def test_batch_all_is_every_valid_triplet(seed, share_apart):
    parts = batch(seed=seed, share_apart=share_apart)
    found = tuples(batch_all(*parts, ALL, generator()))
    assert sorted(found) == valid_triplets(*parts[1:])


def test_batch_all_gives_no_more_than_asked_for():
    parts = batch()
    every = len(valid_triplets(*parts[1:]))
    assert every > 50
    for most in (0, 1, 50, every - 1):
        found = tuples(batch_all(*parts, most, generator()))
        assert len(set(found)) == len(found) == most
    assert len(batch_all(*parts, every, generator())) == every


def test_batch_all_draws_every_triplet_about_equally_often():
    parts, draws = batch(tracklets=3, faces=2, share_apart=1), generator()
    drawn = [tuples(batch_all(*parts, 4, draws)) for _ in range(1000)]
    counts = {triplet: 0 for triplet in valid_triplets(*parts[1:])}
    for triplet in itertools.chain(*drawn):
        counts[triplet] += 1
    mean = 4000 / len(counts)
    assert len(counts) == 24
    np.testing.assert_allclose(list(counts.values()), mean, atol=5 * mean**0.5)


def test_batch_hard_by_hand():
    points, same, apart = on_a_line(0.0, 1.0, 4.0, -2.0, 3.0, tracklet=[0, 0, 0, 1, 2])
    # From 0: positives 1 and 4, negatives -2 and 3; from 1: 0 and 4, -2 and 3; from 4: 0 and 1.
    assert tuples(batch_hard(points, same, apart)) == [(0, 2, 3), (1, 2, 4), (2, 0, 4)]


@given(seed=st.integers(0, 1000), share_apart=st.floats(0, 1))
@settings(max_examples=40)
def test_batch_hard_is_what_a_plain_loop_finds(seed, share_apart):
    parts = batch(seed=seed, share_apart=share_apart)
    assert tuples(batch_hard(*parts)) == slow_batch_hard(*parts)


def test_semi_hard_takes_the_nearest_negative_beyond_the_positive():
    parts = on_a_line(0.0, 1.0, -0.9, -1.2, -1.1)  # squares from face 0: 1; .81, 1.44, 1.21
    triplets = tuples(semi_hard(*parts, margin=0.5))
    assert triplets[0] == (0, 1, 4)


def test_semi_hard_takes_the_farthest_of_nearer_negatives_where_there_is_no_better():
    parts = on_a_line(0.0, 1.0, -0.5, -0.9, -3.0)
    triplets = tuples(semi_hard(*parts, margin=0.5))
    assert triplets[0] == (0, 1, 3)


def test_semi_hard_leaves_out_a_pair_without_a_loss():
    parts = on_a_line(0.0, 1.0, -1.5, -2.0)  # squares from face 0: 1; 2.25, 4
    assert tuples(semi_hard(*parts, margin=1.2)) == []
    assert tuples(semi_hard(*parts, margin=1.3)) == [(0, 1, 2)]


@given(
    seed=st.integers(0, 1000), share_apart=st.floats(0, 1), margin=st.sampled_from([0.05, 0.3, 4])
)
@settings(max_examples=40)
def test_semi_hard_is_what_a_plain_loop_finds(seed, share_apart, margin):
    parts = batch(seed=seed, share_apart=share_apart)
    assert tuples(semi_hard(*parts, margin)) == slow_semi_hard(*parts, margin)


@given(seed=st.integers(0, 1000))
@settings(max_examples=40)
def test_every_semi_hard_triplet_has_a_loss(seed):
    parts = batch(seed=seed)
    for a, p, n in tuples(semi_hard(*parts, MARGIN)):
        assert squared(parts[0], a, p) - squared(parts[0], a, n) + MARGIN > 0


def at_distances(*distances, size):
    """A face twice, and one face each at these distances from it, all of length 1."""
    points = torch.zeros(2 + len(distances), size, dtype=torch.float64)
    points[:2, 0] = 1
    for row, distance in zip(points[2:], distances, strict=True):
        row[0] = 1 - distance**2 / 2
        row[1] = math.sqrt(1 - row[0] ** 2)
    of_face = torch.tensor([0, 0, *range(1, 1 + len(distances))])
    same = of_face[:, None] == of_face
    return points, same, ~same


def shares_of_negatives(parts, draws=4000):
    """How often each face is drawn as the negative of face 0."""
    source = generator()
    drawn = [distance_weighted(*parts, source)[0, 2].item() for _ in range(draws)]
    return np.bincount(drawn, minlength=len(parts[0]))[2:] / draws


def density(distance, size):
    return distance ** (size - 2) * (1 - distance**2 / 4) ** ((size - 3) / 2)


@pytest.mark.parametrize(
    ("size", "distances"),
    [(2, (0.8, 1.35)), (3, (0.8, 1.35)), (5, (0.7, 0.9, 1.1, 1.3)), (8, (0.7, 0.9, 1.1, 1.3))],
)
def test_distance_weighted_draws_as_often_as_a_distance_is_rare(size, distances):
    shares = shares_of_negatives(at_distances(*distances, size=size))
    rarity = np.array([1 / density(distance, size) for distance in distances])
    np.testing.assert_allclose(shares, rarity / rarity.sum(), atol=0.03)


def test_distance_weighted_draws_all_that_are_very_near_equally_often():
    shares = shares_of_negatives(at_distances(0.1, 0.3, 0.5, size=5))
    np.testing.assert_allclose(shares, 1 / 3, atol=0.03)


def test_distance_weighted_never_draws_what_is_far():
    shares = shares_of_negatives(at_distances(1.39, 1.41, 1.9, size=5), draws=200)
    assert shares.tolist() == [1, 0, 0]


def test_distance_weighted_leaves_out_anchors_with_nobody_near():
    assert distance_weighted(*at_distances(1.41, 1.9, size=5), generator()).shape == (0, 3)


def test_distance_weighted_gives_every_pair_with_somebody_near_one_triplet():
    points, same, apart = batch(tracklets=4, faces=4)
    found = distance_weighted(points, same, apart, generator())
    pairs = by_pair(
        (a, p, n) for a, p, n in valid_triplets(same, apart) if squared(points, a, n) < 1.4**2
    )
    assert [(a, p) for a, p, _ in tuples(found)] == list(pairs)
    assert all(n in pairs[a, p] for a, p, n in tuples(found))


def test_distance_weighted_copes_with_many_dimensions():
    points, same, apart = at_distances(0.5, 1.39, size=4096)
    assert tuples(distance_weighted(points.float(), same, apart, generator()))[0] == (0, 1, 2)
