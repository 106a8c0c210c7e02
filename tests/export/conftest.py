"""Finished runs to export: with every frame as long as the next, and with frames of any length."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tracker.export.appearances import people_of
from tracker.records import Shot, Timeline, Tracks, VideoInfo
from tracker.tracked import TrackedVideo

NTSC = Fraction(30000, 1001)
SHOTS = (Shot(0, 90), Shot(90, 200), Shot(200, 300))
NAMES = {1: "Zoë O'Brien", 3: "Bo & <Co>"}


def boxes_of(person, first, stop):
    """A face that moves evenly, a score that changes, and one box in ten interpolated."""
    frame = np.arange(first, stop)
    x, y = 40.25 * person + 0.13 * frame, 30.5 + 0.07 * frame
    boxes = np.stack([x, y, x + 31.4 + person, y + 40.77], axis=1)
    scores = np.where(frame % 10 == 5, 0, 0.6 + (frame % 7) / 20)
    return frame, np.full(len(frame), person), boxes, scores


def tracks_of(*parts):
    frame, person, boxes, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((person, frame))
    return Tracks(
        frame[order].astype(np.int32),
        person[order].astype(np.int32),
        boxes[order].round(2).astype(np.float32),
        scores[order].round(4).astype(np.float32),
    )


def tracked_on(timeline):
    """Three people in three shots; Person 2 leaves for over a second and comes back."""
    tracks = tracks_of(
        boxes_of(1, 0, 150),
        boxes_of(2, 20, 95),
        boxes_of(2, 140, 160),
        boxes_of(3, 200, 300),
    )
    people = people_of(tracks, SHOTS, timeline, NAMES)
    return TrackedVideo(
        "a film.mp4",
        VideoInfo(640, 360, NTSC, 300, has_sound=True),
        timeline,
        SHOTS,
        tracks,
        tracks_of(boxes_of(-1, 250, 255)),
        (replace(people[0], spread=0.1, nearest=(2, 1.5)), *people[1:]),
        ((1, 2, 1.5),),
    )


@pytest.fixture
def tracked():
    """Of 300 frames at 30000/1001 a second."""
    return tracked_on(Timeline(np.arange(300, dtype=np.int64), 1 / NTSC, 300))


@pytest.fixture
def uneven():
    """The same people, in frames of 1 to 100 ms, in ticks of a millisecond."""
    lengths = np.random.default_rng(0).integers(1, 101, 300)
    ticks = np.concatenate([[0], np.cumsum(lengths)])
    return tracked_on(Timeline(ticks[:-1], Fraction(1, 1000), int(ticks[-1])))
