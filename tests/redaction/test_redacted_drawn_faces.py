"""What YuNet finds of drawn faces, which are hidden by their truth: nothing, by any method."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from tracker.progress import Silence
from tracker.records import Frame
from tracker.redaction.hiding import METHODS, hide_regions
from tracker.redaction.looking import find_faces, make_searcher
from tracker.redaction.regions import widened
from tracker.synthetic import SynthConfig, draw_frames

CONFIG = SynthConfig(
    people=12, duration_s=32, width=480, height=270, frame_rate=Fraction(5), seed=11
)
EVERY = 5  # frames
WEIGHTS = Path(__file__).parents[3] / "shared/weights"


@pytest.fixture(scope="module")
def drawn():
    pairs = [pair for index, pair in enumerate(draw_frames(CONFIG)) if index % EVERY == 0]
    return [
        (image, np.array([face.box for face in faces], float).reshape(-1, 4))
        for image, faces in pairs
    ]


@pytest.fixture
def searcher(monkeypatch):
    if not WEIGHTS.is_dir():
        pytest.skip("no YuNet weights")
    monkeypatch.setenv("TRACKER_WEIGHTS", str(WEIGHTS))
    return make_searcher(torch.device("cpu"), Silence())


def found_in(searcher, images, true):
    """How many detections have their centre in a true box; scenery may look like a face."""
    frames = [Frame(index, Fraction(index), image) for index, image in enumerate(images)]
    found = find_faces(frames, searcher, lambda count: None)
    sure = found.where(found.scores >= searcher.tell_score)
    centres = (sure.boxes[:, :2] + sure.boxes[:, 2:]) / 2
    return sum(
        bool(np.any(np.all((true[frame][:, :2] <= c) & (c <= true[frame][:, 2:]), axis=1)))
        for frame, c in zip(sure.frame.tolist(), centres, strict=True)
    )


@pytest.mark.shared
def test_yunet_finds_them_as_they_are(searcher, drawn):
    assert (searcher.hide_score, searcher.tell_score) == (0.4, 0.5)
    images, true = zip(*drawn, strict=True)
    faces = sum(len(boxes) for boxes in true)
    assert found_in(searcher, images, true) >= 0.95 * faces > 40


@pytest.mark.shared
@pytest.mark.parametrize("method", METHODS)
def test_yunet_finds_none_that_is_hidden(searcher, drawn, method):
    """Before it is asked what is left, that is: the hiding itself looks like no face."""
    hidden = [hide_regions(image, widened(boxes), method) for image, boxes in drawn]
    true = [boxes for _, boxes in drawn]
    assert found_in(searcher, hidden, true) == 0
