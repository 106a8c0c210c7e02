"""Clustering: chains against SciPy's linkage and a greedy search; all of it, to 50,000 tracklets.

The drawn tracklets have as many vectors, people and cannot-links as a long film with crowds.
SciPy knows neither weights nor constraints: it is what plain average linkage costs in C.
"""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from speeds.in_turn import Row, in_turn, printed
from tracker.clustering.conflicts import separate_conflicts
from tracker.clustering.distances import mixed_distances, with_links
from tracker.clustering.merges import clusters_after
from tracker.clustering.merging import merge_matrix, merge_tracklets
from tracker.clustering.people import choose_cut, max_distance, maybe_the_same, name_people
from tracker.config import ClusteringConfig
from tracker.records import Constraints

_FACES = 5  # of each tracklet
_RAW_SHARE = 0.5
_NOISE = 1.1  # of a tracklet, where a person's own look is 1
_STRAYS = 0.02  # of all tracklets, that look like somebody seen beside them: conflicts, in the end
_PEOPLE = {2_000: 50, 10_000: 200, 20_000: 300, 50_000: 500}


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """The faces of T tracklets, and who they are.

    Attributes:
        learned: (S, 64) float32, one a face.
        raw: (S, 128) float32, likewise.
        tracklet: (S,) of each face.
        person: (T,) who each tracklet is.
        constraints: each tracklet is seen with 2 to 20 others.
        links: (L, 2) tracklets that follow another's face.
    """

    learned: NDArray[np.float32]
    raw: NDArray[np.float32]
    tracklet: NDArray[np.intp]
    person: NDArray[np.intp]
    constraints: Constraints
    links: NDArray[np.intp]


def _draw(count: int) -> _Drawn:
    """`count` tracklets in scenes of 3 to 21 people, some of whom are seen far more often."""
    random, people = np.random.default_rng(count), _PEOPLE[count]
    often = 1 / np.arange(5, people + 5)
    scenes: list[NDArray[np.intp]] = []
    pairs, start = [], 0
    while start < count:
        size = int(random.integers(3, 22))
        cast = random.choice(people, size, replace=False, p=often / often.sum())[: count - start]
        pairs.append(start + np.stack(np.triu_indices(len(cast), 1), axis=1))
        scenes.append(cast)
        start += len(cast)
    person = np.concatenate(scenes)
    tracklet = np.repeat(np.arange(count), _FACES)
    apart = np.concatenate(pairs).astype(np.int32)
    stray = random.random(count) < _STRAYS
    like = np.where(stray, np.roll(person, 1), person)
    learned, raw = (_vectors(random, like, size, people) for size in (64, 128))
    links = _links(random, person)
    return _Drawn(learned, raw, tracklet, person, Constraints(count, apart), links)


def _links(random: np.random.Generator, person: NDArray[np.intp]) -> NDArray[np.intp]:
    """Some pairs (L, 2) of a person's tracklet and the next one of theirs."""
    order = np.argsort(person, kind="stable")
    pairs = np.stack([order[:-1], order[1:]], axis=1)
    pairs = pairs[person[pairs[:, 0]] == person[pairs[:, 1]]]
    return pairs[random.random(len(pairs)) < 0.05]


def _vectors(
    random: np.random.Generator, like: NDArray[np.intp], size: int, people: int
) -> NDArray[np.float32]:
    """Faces (S, size): what whoever a tracklet is `like` (T,) looks like, there, in a picture."""
    looks = random.normal(size=(people, size))[like]
    looks = looks + _NOISE * random.normal(size=looks.shape)
    faces = np.repeat(looks.astype(np.float32), _FACES, axis=0)
    faces += 0.5 * random.normal(size=faces.shape).astype(np.float32)
    return faces


def _find_people(drawn: _Drawn) -> NDArray[np.int32]:
    """The person (T,) of every tracklet: all that a run does from vectors to people."""
    config, constraints = ClusteringConfig(), drawn.constraints
    count = constraints.tracklet_count
    bound = max_distance(_RAW_SHARE, True, config)
    distances = mixed_distances(drawn.learned, drawn.raw, _RAW_SHARE, drawn.tracklet, count)
    linked = with_links(distances, drawn.links)
    faces = np.bincount(drawn.tracklet, minlength=count)
    merges = merge_tracklets(linked, faces, constraints, config.cannot_link_distance)
    merged = clusters_after(merges, choose_cut(merges, faces, faces, bound, config), count)
    cluster = separate_conflicts(merged, linked, faces, constraints, bound)
    person = name_people(cluster, faces, faces, config)
    maybe_the_same(person, distances, faces, constraints, bound + config.max_doubt)
    return person


def _merge_greedily(gaps: NDArray[np.float64], weights: NDArray[np.float64]) -> int:
    """The closest two again and again, each row's nearest kept: what there was before chains."""
    np.fill_diagonal(gaps, np.inf)
    nearest = gaps.argmin(axis=1)
    for _ in range(len(gaps) - 1):
        a = int(np.argmin(gaps[np.arange(len(gaps)), nearest]))
        a, b = sorted((a, int(nearest[a])))
        joined = (weights[a] * gaps[a] + weights[b] * gaps[b]) / (weights[a] + weights[b])
        joined[[a, b]] = np.inf
        weights[a] += weights[b]
        gaps[a] = gaps[:, a] = joined
        gaps[b] = gaps[:, b] = np.inf
        stale = np.flatnonzero((nearest == a) | (nearest == b))
        nearest[stale] = gaps[stale].argmin(axis=1)
        nearest[a] = gaps[a].argmin()
    return len(gaps)


def _merging(count: int, greedily: bool) -> list[Row]:
    drawn, far = _draw(count), ClusteringConfig().cannot_link_distance
    distances = mixed_distances(drawn.learned, drawn.raw, _RAW_SHARE, drawn.tracklet, count)
    gaps, faces = distances.matrix(), np.bincount(drawn.tracklet)
    apart = gaps + far * drawn.constraints.matrix()
    ways = {
        "scipy linkage, no constraints": lambda: linkage(squareform(gaps, checks=False), "average"),
        "ours": lambda: merge_matrix(gaps, faces, drawn.constraints, far),
    }
    if greedily:
        ways["greedy"] = lambda: _merge_greedily(apart.astype(np.float64), faces.astype(np.float64))
    return in_turn(f"merging {count:,} tracklets", "tracklets", count, ways, rounds=3)


def _whole(count: int) -> tuple[float, float]:
    """Seconds from vectors to people, and this process's peak memory in GB."""
    drawn = _draw(count)
    started = time.perf_counter()
    _find_people(drawn)
    seconds = time.perf_counter() - started
    # Not of getrusage: that begins with what the process it was started by has held.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return seconds, int(status["VmHWM"].split()[0]) * 1024 / 1e9


def _in_a_process(count: int) -> Row:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        seconds, peak = process.submit(_whole, count).result()
    rate = count / seconds
    way = f"ours, {seconds:.1f} s, {peak:.1f} GB at most"
    return Row(f"vectors to people, {count:,} tracklets", way, "tracklets", rate, rate, rate, 1.0)


def measure(shared: Path) -> list[Row]:
    """Merging by several ways, then everything from vectors to people; nothing of `shared`."""
    rows = _merging(2_000, True) + _merging(10_000, False)
    return rows + [_in_a_process(count) for count in (2_000, 10_000, 20_000, 50_000)]


if __name__ == "__main__":
    print(printed(measure(Path("../shared"))))
