"""Tracklets with a person each → tracks: one box a person a frame, gaps within a shot filled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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
    filled by linear interpolation; such boxes have score 0.

    Args:
        person: (N,) of each detection; -1 where it has none; at most once a frame each.
    """
    rows = np.flatnonzero(person != NOBODY)
    rows = rows[np.lexsort((detections.frame[rows], person[rows]))]
    if not len(rows):
        return Tracks.empty()
    frame, boxes, who = detections.frame[rows], detections.boxes[rows], person[rows]
    shot = shot_of_frames(frame, shots)
    gap = np.diff(frame) - 1
    same = (np.diff(who) == 0) & (np.diff(shot) == 0)
    before = np.flatnonzero(same & (gap >= 1) & (gap <= config.max_fill_frames))
    # One row a frame to fill: which gap it is in, and how far into it.
    which = np.repeat(before, gap[before])
    firsts = np.cumsum(gap[before]) - gap[before]
    step = np.arange(len(which)) - np.repeat(firsts, gap[before]) + 1
    part = (step / (gap[which] + 1))[:, None].astype(np.float32)
    filled = boxes[which] * (1 - part) + boxes[which + 1] * part
    all_frames = np.concatenate([frame, frame[which] + step]).astype(np.int32)
    all_people = np.concatenate([who, who[which]]).astype(np.int32)
    order = np.lexsort((all_people, all_frames))
    return Tracks(
        all_frames[order],
        all_people[order],
        np.concatenate([boxes, filled.astype(np.float32)])[order],
        # A detector's score may be 0, but here 0 says that nobody looked.
        np.concatenate(
            [np.maximum(detections.scores[rows], 1e-4), np.zeros(len(which), np.float32)]
        ).astype(np.float32)[order],
    )
