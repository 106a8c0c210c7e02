"""Tracklets with a person each → tracks: one steady box a person a frame, gaps filled."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from tracker.config import AssociationConfig
from tracker.records import NO_TRACKLET, NOBODY, Detections, Shot, Tracks, shot_of_frames


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
