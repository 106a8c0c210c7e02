"""Tracklets → tracks: what belongs together within a shot, and one steady box a person a frame."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import linear_sum_assignment

from tracker.config import AssociationConfig
from tracker.records import (
    NO_TRACKLET,
    NOBODY,
    Constraints,
    Detections,
    Shot,
    Tracks,
    shot_of_frames,
)

_END_BOXES = 5  # whose mean says where a tracklet begins or ends
_NEVER = 4.0  # what no link costs: move, growth and looks are 1 each at most
_MAX_LOG_GROWTH = 0.7  # a face twice or half as large: no head comes so near in a second


def links_within_shots(
    detections: Detections,
    tracklet: NDArray[np.int32],
    shots: Sequence[Shot],
    constraints: Constraints,
    distances_among: Callable[[NDArray[np.intp]], NDArray[np.floating]],
    max_distance: float,
    config: AssociationConfig,
) -> NDArray[np.int32]:
    """Pairs of tracklets (L, 2) of one shot that are one face, lost for a moment and found.

    The second begins within `config.max_link_gap_frames` of the end of the first, has not moved
    or grown further than a head may meanwhile, and looks alike. Each tracklet has at most one
    successor and one predecessor (Hungarian). Tracklets that are seen together are never linked.

    Args:
        tracklet: (N,) of each detection; -1 where it has none.
        distances_among: gives, of tracklets (M,), their distances (M, M) in appearance.
        max_distance: from which on two tracklets look like two people.
    """
    ends = _tracklet_ends(detections, tracklet, constraints.tracklet_count)
    shot = shot_of_frames(ends.first_frame, shots)
    links = [np.zeros((0, 2), np.int32)]
    for members in np.split(
        np.argsort(shot, kind="stable"), np.flatnonzero(np.diff(np.sort(shot))) + 1
    ):
        cost = _link_costs(ends, members, config)
        distances = distances_among(members)
        cost = cost + distances / max_distance
        cost[constraints.among(members) | (distances > max_distance)] = _NEVER
        rows, columns = linear_sum_assignment(np.minimum(cost, _NEVER))
        linked = cost[rows, columns] < _NEVER
        links.append(np.stack([members[rows[linked]], members[columns[linked]]], axis=1))
    return np.concatenate(links).astype(np.int32)


class _Ends(NamedTuple):
    """Where tracklets (T,) begin and end."""

    first_frame: NDArray[np.int32]
    last_frame: NDArray[np.int32]
    first_box: NDArray[np.float64]  # (T, 4), the mean of a few
    last_box: NDArray[np.float64]


def _tracklet_ends(detections: Detections, tracklet: NDArray[np.int32], count: int) -> _Ends:
    order = np.argsort(tracklet, kind="stable")
    edges = np.searchsorted(tracklet[order], np.arange(count + 1))
    first_frame, last_frame = np.zeros(count, np.int32), np.zeros(count, np.int32)
    first_box, last_box = np.zeros((count, 4)), np.zeros((count, 4))
    for number in range(count):
        rows = order[edges[number] : edges[number + 1]]
        first_frame[number], last_frame[number] = detections.frame[rows[[0, -1]]]
        first_box[number] = detections.boxes[rows[:_END_BOXES]].mean(axis=0)
        last_box[number] = detections.boxes[rows[-_END_BOXES:]].mean(axis=0)
    return _Ends(first_frame, last_frame, first_box, last_box)


def _link_costs(
    ends: _Ends, members: NDArray[np.intp], config: AssociationConfig
) -> NDArray[np.float64]:
    """How far (M, M), 0 to 2, a face had to move and grow from one of `members` (M,) to another.

    Infinite where it cannot have, in that time.
    """
    gap = ends.first_frame[members][None] - ends.last_frame[members][:, None]
    last_box, first_box = ends.last_box[members], ends.first_box[members]
    last_size = last_box[:, 2:] - last_box[:, :2]
    first_size = first_box[:, 2:] - first_box[:, :2]
    last_centre, first_centre = last_box[:, 2:] - last_size / 2, first_box[:, 2:] - first_size / 2
    last_side = np.maximum(last_size.mean(axis=1), 1.0)
    first_side = np.maximum(first_size.mean(axis=1), 1.0)
    scale = np.sqrt(np.outer(last_side, first_side))
    move = np.linalg.norm(last_centre[:, None] - first_centre[None], axis=2) / scale
    growth = np.abs(np.log(last_side)[:, None] - np.log(first_side)[None])
    allowed = (gap > 0) & (gap <= config.max_link_gap_frames)
    allowed &= (move <= config.max_link_move) & (growth <= _MAX_LOG_GROWTH)
    cost = move / max(config.max_link_move, 1e-9) + growth / _MAX_LOG_GROWTH
    return np.where(allowed, cost, np.inf)


def person_of_detections(
    tracklet: NDArray[np.int32], person_of_tracklet: NDArray[np.int32]
) -> NDArray[np.int32]:
    """The person (N,) of each detection; -1 where it has none.

    Args:
        tracklet: (N,) of each detection; -1 where it has none.
        person_of_tracklet: (T,); -1 for those of nobody.
    """
    with_nobody = np.append(person_of_tracklet, np.int32(NOBODY))
    return with_nobody[np.where(tracklet == NO_TRACKLET, len(person_of_tracklet), tracklet)]


def build_tracks(
    detections: Detections,
    person: NDArray[np.int32],
    shots: Sequence[Shot],
    config: AssociationConfig,
) -> Tracks:
    """Where each person is, frame by frame.

    Between two boxes of one person in one shot, gaps of up to `config.max_fill_frames` are
    filled by linear interpolation; such boxes have score 0. Then boxes are smoothed over
    time: a detector's jitter from frame to frame, its size above all, is no movement.

    Args:
        person: (N,) of each detection; -1 where it has none; at most once a frame each.
    """
    rows = np.flatnonzero(person != NOBODY)
    rows = rows[np.lexsort((detections.frame[rows], person[rows]))]
    if not len(rows):
        return Tracks.empty()
    # A detector's score may be 0, but in tracks 0 says that nobody looked.
    seen = _Boxes(
        person[rows],
        detections.frame[rows],
        detections.boxes[rows].astype(np.float64),
        np.maximum(detections.scores[rows], 1e-4),
    )
    filled = _fill_gaps(seen, shot_of_frames(seen.frame, shots), config.max_fill_frames)
    smooth = _smooth(filled, shot_of_frames(filled.frame, shots), config)
    order = np.lexsort((filled.person, filled.frame))
    return Tracks(
        filled.frame[order].astype(np.int32),
        filled.person[order].astype(np.int32),
        smooth[order].astype(np.float32),
        filled.scores[order].astype(np.float32),
    )


class _Boxes(NamedTuple):
    """Boxes sorted by person, then frame."""

    person: NDArray[np.int32]
    frame: NDArray[np.int32]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float32]


def _fill_gaps(seen: _Boxes, shot: NDArray[np.int32], max_gap: int) -> _Boxes:
    """`seen` with the boxes between those of one person in one shot."""
    gap = np.diff(seen.frame) - 1
    same = (np.diff(seen.person) == 0) & (np.diff(shot) == 0)
    before = np.flatnonzero(same & (gap >= 1) & (gap <= max_gap))
    # One row a frame to fill: which gap it is in, and how far into it.
    which = np.repeat(before, gap[before])
    firsts = np.cumsum(gap[before]) - gap[before]
    step = np.arange(len(which)) - np.repeat(firsts, gap[before]) + 1
    part = (step / (gap[which] + 1))[:, None]
    between = seen.boxes[which] * (1 - part) + seen.boxes[which + 1] * part
    person = np.concatenate([seen.person, seen.person[which]])
    frame = np.concatenate([seen.frame, seen.frame[which] + step])
    order = np.lexsort((frame, person))
    return _Boxes(
        person[order],
        frame[order],
        np.concatenate([seen.boxes, between])[order],
        np.concatenate([seen.scores, np.zeros(len(which), np.float32)])[order],
    )


def _smooth(
    track: _Boxes, shot: NDArray[np.int32], config: AssociationConfig
) -> NDArray[np.float64]:
    """The boxes of `track`, centres and sizes smoothed along each unbroken run of frames."""
    smoothed = track.boxes.copy()
    breaks = (np.diff(track.person) != 0) | (np.diff(shot) != 0) | (np.diff(track.frame) != 1)
    edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(track.frame)]
    for run in itertools.starmap(slice, itertools.pairwise(edges)):
        corners = track.boxes[run]
        centre = (corners[:, :2] + corners[:, 2:]) / 2
        size = corners[:, 2:] - corners[:, :2]
        centre = _averaged(centre, config.smooth_centre_frames)
        half = _averaged(size, config.smooth_size_frames) / 2
        smoothed[run] = np.concatenate([centre - half, centre + half], axis=1)
    return smoothed


def _averaged(values: NDArray[np.float64], deviation: float) -> NDArray[np.float64]:
    """`values` (n, 2) under a Gaussian window over time; as they are where it has no width."""
    if deviation == 0:
        return values
    return np.asarray(gaussian_filter1d(values, deviation, axis=0, mode="nearest"), np.float64)
