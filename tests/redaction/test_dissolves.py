"""Where one shot melts into the next, and where it is cut."""

from fractions import Fraction

import numpy as np
import pytest

from tracker.records import Shot
from tracker.redaction.dissolves import join_dissolved
from tracker.video.writer import VideoWriter

SHOTS = (Shot(0, 10), Shot(10, 30), Shot(30, 40))


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A cut before frame 10, and a dissolve around frame 30."""
    path = tmp_path_factory.mktemp("video") / "melting.mp4"
    scenes = np.random.default_rng(3).integers(0, 256, (3, 6, 8, 3)).repeat(16, 1).repeat(16, 2)
    with VideoWriter(path, 128, 96, Fraction(1, 25), Fraction(25)) as writer:
        for frame in range(40):
            share = float(np.clip((frame - 24) / 12, 0, 1))
            now, then = (scenes[0], scenes[0]) if frame < 10 else scenes[1:]
            writer.write(np.rint(now * (1 - share) + then * share).astype(np.uint8), frame)
    return path


def test_shots_that_melt_are_joined_and_cuts_stay(video):
    assert join_dissolved(video, SHOTS) == (Shot(0, 10), Shot(10, 40))


def test_the_ends_of_shots_are_counted(video):
    counted = []
    join_dissolved(video, SHOTS, counted.append)
    assert counted == [1, 1]


def test_a_shot_of_a_single_frame_has_two_ends(video):
    shots = (Shot(0, 9), Shot(9, 10), Shot(10, 40))
    assert join_dissolved(video, shots) == (Shot(0, 10), Shot(10, 40))


def test_one_shot_stays_one(video):
    assert join_dissolved(video, (Shot(0, 40),)) == (Shot(0, 40),)
