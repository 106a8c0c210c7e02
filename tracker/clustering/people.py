"""Clusters → people: where to cut, who is somebody, and who may be one person after all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.clustering.clusters import NEVER, UNREACHABLE, clusters_of_one
from tracker.clustering.distances import TrackletDistances
from tracker.clustering.merges import Merges, merges_within
from tracker.config import ClusteringConfig
from tracker.records import NOBODY, Constraints


def max_distance(raw_share: float, knows_faces: bool, config: ClusteringConfig) -> float:
    """The distance, mixed as in `mixed_distances`, from which on two clusters are two people.

    Strangers are about 2 apart in either metric: at right angles. A learned one holds them
    there, since it was told to, and features trained on other people's faces less firmly; those
    that know no faces put all that is not the same picture nearly as far apart.

    Args:
        knows_faces: whether the features that keep `raw_share` were trained on faces.
    """
    raw = config.max_raw_distance if knows_faces else config.max_hog_distance
    return (1 - raw_share) * config.max_learned_distance + raw_share * raw


def choose_cut(
    merges: Merges,
    detection_counts: NDArray[np.integer],
    sure_counts: NDArray[np.integer],
    max_distance: float,
    config: ClusteringConfig,
) -> int:
    """How many of `merges` to make.

    Those up to `max_distance`; or, where `config.people` says how many people there
    are, the number that leaves so many for the longest range of distances.

    Args:
        detection_counts: (T,) detections of each tracklet.
        sure_counts: (T,) those of them with a sure score.
    """
    if config.people is None:
        return merges_within(merges, max_distance)
    return _merges_for(config.people, merges, detection_counts, sure_counts, config)


def name_people(
    cluster: NDArray[np.int32],
    detection_counts: NDArray[np.integer],
    sure_counts: NDArray[np.integer],
    config: ClusteringConfig,
) -> NDArray[np.int32]:
    """The person (T,) of every tracklet, from 1, most seen first; -1 for those of nobody.

    Clusters of too few detections are nobody: mostly false detections and stray faces. So are
    those that are hardly ever surely a face, wherever they were found, and those beyond
    `config.people`, where that is given.

    Args:
        cluster: (T,) of each tracklet, from 0.
        detection_counts: (T,) detections of each tracklet.
        sure_counts: (T,) those of them with a sure score.
    """
    seen = np.bincount(cluster, detection_counts)
    sure = np.bincount(cluster, sure_counts)
    least = least_detections(detection_counts, config)
    kept = np.flatnonzero(_are_people(seen, sure, least, config))
    order = kept[np.argsort(-seen[kept], kind="stable")][: config.people]
    person = np.full(len(seen), NOBODY, np.int32)
    person[order] = np.arange(1, len(order) + 1)
    return np.asarray(person[cluster], np.int32)


def maybe_the_same(
    person: NDArray[np.int32],
    distances: TrackletDistances,
    face_counts: NDArray[np.integer],
    constraints: Constraints,
    most: float,
) -> list[tuple[int, int, float]]:
    """Pairs of people, a < b, who may be one, and their distance; nearest first.

    Args:
        person: (T,) of each tracklet; -1 for those of nobody.
        most: the distance from which on they surely are not; nor are any two seen together.
    """
    _, label = np.unique(person, return_inverse=True)
    label = label - int(NOBODY in person)
    people = clusters_of_one(distances, face_counts, constraints, NEVER).joined(label)
    gaps = people.matrix()
    a, b = np.nonzero(np.triu(gaps <= min(most, UNREACHABLE), 1))
    nearest = np.argsort(gaps[a, b], kind="stable")
    numbers = person[people.first]
    found = zip(numbers[a[nearest]], numbers[b[nearest]], gaps[a, b][nearest], strict=True)
    return [(int(one), int(other), float(gap)) for one, other, gap in found]


def _are_people(seen: Any, sure: Any, least: float, config: ClusteringConfig) -> Any:
    """Whether clusters of `seen` detections, `sure` of them surely faces, are somebody.

    Args:
        seen: of one cluster, or (C,) of several; so are `sure` and what is given back.
        least: as of `least_detections`.
    """
    return (seen >= least) & (sure >= config.min_sure_share * seen)


def least_detections(detection_counts: NDArray[np.integer], config: ClusteringConfig) -> float:
    """Detections below which a cluster is nobody."""
    share = config.min_share * float(detection_counts.sum())
    return max(config.min_detections, min(share, config.enough_detections))


def _merges_for(
    wanted: int,
    merges: Merges,
    detection_counts: NDArray[np.integer],
    sure_counts: NDArray[np.integer],
    config: ClusteringConfig,
) -> int:
    """The number of merges that leaves `wanted` clusters that are somebody.

    Among several, the one that holds for the longest range of distances; if none does, the
    nearest above in number, then the nearest below.
    """
    found = _people_after_each(merges, detection_counts, sure_counts, config)
    # The range of distances over which each number of merges is the cut.
    edges = np.concatenate([[0.0], merges.heights, merges.heights[-1:] * 1.05])
    lasting = np.diff(np.maximum.accumulate(edges)) if len(merges.heights) else np.zeros(1)
    miss = np.abs(found - wanted) - np.where(found > wanted, 0.5, 0.0)
    best = np.flatnonzero(miss == miss.min())
    return int(best[np.argmax(lasting[best])])


def _people_after_each(
    merges: Merges,
    detection_counts: NDArray[np.integer],
    sure_counts: NDArray[np.integer],
    config: ClusteringConfig,
) -> NDArray[np.int64]:
    """How many clusters (M + 1,) are somebody after 0, 1, ... of `merges`."""
    least = least_detections(detection_counts, config)
    somebody = _are_people(detection_counts, sure_counts, least, config).tolist()
    seen, sure = detection_counts.tolist(), sure_counts.tolist()
    change = [sum(somebody)]
    for a, b in merges.pairs.tolist():
        before = somebody[a] + somebody[b]
        seen[a], sure[a] = seen[a] + seen[b], sure[a] + sure[b]
        somebody[a], somebody[b] = bool(_are_people(seen[a], sure[a], least, config)), False
        change.append(somebody[a] - before)
    return np.cumsum(change)
