"""What is hidden because it is found later: in the next round of looking, or in the result."""

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
import pytest

from tracker.errors import TrackerError
from tracker.progress import Silence
from tracker.records import NOBODY, Detections, Shot, Timeline
from tracker.redaction.choosing import choose_faces
from tracker.redaction.looking import Searcher, hide_in, hide_what_is_left
from tracker.redaction.regions import Regions

SPOTS = {0.6: (100, 70, 120, 94), 0.45: (60, 90, 80, 114)}  # by score; nobody is ever there
FILL = 60


@dataclass
class Looks:
    """Another detector, and the frames that it was shown."""

    detector: object
    frames: list = field(default_factory=list)

    def detect(self, frames):
        self.frames.extend(frame.index for frame in frames)
        return self.detector.detect(frames)


@dataclass(frozen=True)
class OneAtATime:
    """Finds one face a frame, of those that `detector` finds."""

    detector: object

    def detect(self, frames):
        found = self.detector.detect(frames)
        _, first = np.unique(found.frame, return_index=True)
        return found.where(np.isin(np.arange(len(found)), first))


@dataclass(frozen=True)
class AfterEncoding:
    """Finds a face at each of `SPOTS` that is not filled, but in no picture of `source`."""

    source: list

    def detect(self, frames):
        rows = [
            (frame.index, *box, score)
            for frame in frames
            if not np.array_equal(frame.image[:, 175:], self.source[frame.index].image[:, 175:])
            for score, box in SPOTS.items()
            if not is_filled(frame.image, box)
        ]
        table = np.array(rows, np.float32).reshape(-1, 6)
        nowhere = np.full((len(rows), 5, 2), np.nan, np.float32)
        return Detections(table[:, 0].astype(np.int32), table[:, 1:5], table[:, 5], nowhere)


def is_filled(image, box):
    x1, y1, x2, y2 = box
    return bool(np.abs(image[y1:y2, x1:x2].astype(int) - FILL).mean() < 3)


class Listener(Silence):
    """Notes the stages that it is told of."""

    def __init__(self):
        self.stages = []

    @contextmanager
    def stage(self, name, total, unit):
        self.stages.append(name)
        yield lambda count: None


@pytest.fixture
def look(film, tracked):
    """Look for more in the film, most of which is hidden by `regions`."""

    def run(choice, detector, regions=None):
        searcher, before = Searcher(detector, 0.4, 0.5), regions or Regions.empty()
        shots, timeline = tracked.shots, tracked.timeline
        return hide_what_is_left(
            film, before, choice, "fill", searcher, shots, timeline, 2, Silence()
        )

    return run


def test_what_is_found_once_something_else_is_hidden_is_hidden_too(
    film, tracked, searcher, look, frames_of
):
    choice = choose_faces(tracked)
    regions = look(choice, OneAtATime(searcher.detector))
    hidden = list(hide_in(frames_of(film), regions, choice, "fill"))
    assert len(searcher.detector.detect(hidden)) == 0


def test_only_frames_in_which_something_new_was_hidden_are_looked_at_again(
    tracked, searcher, look, found_only
):
    looks = Looks(searcher.detector)
    look(choose_faces(found_only(tracked, (1, range(40)), (2, range(20))), keep={1, 2}), looks)
    again = range(20, 40)  # Person 3, and the bystander
    assert looks.frames == [*range(40), *again]


@pytest.mark.parametrize(
    ("with_unknown", "frames"), [(True, list(range(40))), (False, [24, 25, 31])]
)
def test_where_unknown_faces_are_left_only_frames_with_somebody_hidden_are_looked_at(
    tracked, blind, look, with_unknown, frames
):
    looks, boxes = Looks(blind.detector), np.array([[130.0, 20.0, 180.0, 70.0]] * 3)
    regions = Regions(np.array([24, 25, 31], np.int32), boxes)
    look(choose_faces(tracked, hide={3}, with_unknown=with_unknown), looks, regions)
    assert looks.frames == frames


def test_strays_of_the_run_are_hidden_also_where_no_search_finds_them(
    redacted, tracked, found_only, skin_in, blind
):
    out, _ = redacted(tracked=found_only(tracked, (NOBODY, range(35, 40))), searcher=blind)
    assert skin_in(out).tolist() == [2] * 40


def test_a_face_in_a_guessed_box_of_somebody_kept_is_hidden(redacted, tracked, searcher, frames_of):
    """In frame 10 Person 2, who is kept, is guessed to be where Person 1 is."""
    tracks = tracked.tracks
    guessed = (tracks.person == 2) & (tracks.frame == 10)
    boxes, scores = tracks.boxes.copy(), np.where(guessed, np.float32(0), tracks.scores)
    boxes[guessed] = (40, 40, 64, 68)
    out, left = redacted(
        keep={2}, tracked=replace(tracked, tracks=replace(tracks, boxes=boxes, scores=scores))
    )
    found = searcher.detector.detect(frames_of(out))
    assert len(left) == 0
    assert not np.any(found.boxes[found.frame == 10, 0] < 60)


def test_a_margin_goes_on_where_the_pictures_do_and_ends_at_a_cut(
    redacted, tracked, found_only, skin_in, blind
):
    """The run thinks that there is a cut before frame 10; the one before frame 20 is real."""
    parted = replace(tracked, shots=(Shot(0, 10), Shot(10, 20), Shot(20, 40)))
    known = found_only(parted, (1, range(10, 20)), (2, range(10, 20)))
    out, _ = redacted(tracked=known, searcher=blind)
    assert skin_in(out)[4:25].tolist() == [0] * 16 + [2] * 5


def test_a_face_that_encoding_brings_forth_is_hidden_with_the_weaker_ones_beside_it(
    redacted, film, frames_of, skin_in
):
    listener, detector = Listener(), AfterEncoding(frames_of(film))
    out, left = redacted(searcher=Searcher(detector, 0.4, 0.5), progress=listener)
    assert len(left) == skin_in(out).max() == 0
    assert listener.stages.count("writing") == listener.stages.count("checking") == 2
    for frame in frames_of(out):
        assert all(is_filled(frame.image, box) for box in SPOTS.values())


def test_a_face_too_weak_to_be_told_of_is_no_reason_to_write_again(redacted, film, frames_of):
    listener, detector = Listener(), AfterEncoding(frames_of(film))
    redacted(searcher=Searcher(detector, 0.4, 0.7), progress=listener)
    assert listener.stages.count("writing") == 1


def test_where_a_face_is_found_to_the_end_it_is_written_three_times(redacted, stubborn):
    listener = Listener()
    _, left = redacted(searcher=Searcher(stubborn, 0.4, 0.5), progress=listener)
    assert len(left) == 40
    assert listener.stages[-2:] == ["writing", "checking"]
    assert listener.stages.count("writing") == 3


def run_of(tracked, frames):
    """The same run, of a video with so many frames."""
    timeline = Timeline(np.arange(frames, dtype=np.int64) * 50, Fraction(1, 1000), frames * 50)
    cut = min(20, frames - 1)
    of_tracks = (faces.where(faces.frame < frames) for faces in (tracked.tracks, tracked.nobody))
    tracks, nobody = of_tracks
    info = replace(tracked.info, frame_count=frames)
    shots = (Shot(0, cut), Shot(cut, frames))
    return replace(tracked, timeline=timeline, shots=shots, tracks=tracks, nobody=nobody, info=info)


@pytest.mark.parametrize("frames", [10, 21, 39, 41, 60])
def test_a_video_of_more_or_fewer_frames_than_the_run_knows_is_refused(
    redacted, tracked, blind, tmp_path, frames
):
    with pytest.raises(TrackerError, match=r"film\.mp4 is not the video of this run"):
        redacted(tracked=run_of(tracked, frames), searcher=blind)
    assert list(tmp_path.iterdir()) == []


def test_a_video_of_more_frames_is_refused_also_where_faces_are_found_in_these(redacted, tracked):
    with pytest.raises(TrackerError, match=r"film\.mp4 is not the video of this run"):
        redacted(tracked=run_of(tracked, 39))


@pytest.mark.parametrize("margin_s", [Fraction(0), Fraction(1, 2)])
def test_a_video_that_ends_before_a_shot_in_which_somebody_is_known_is_refused(
    redacted, tracked, found_only, margin_s
):
    longer = replace(run_of(tracked, 60), shots=(Shot(0, 20), Shot(20, 45), Shot(45, 60)))
    with pytest.raises(TrackerError, match=r"film\.mp4 is not the video of this run"):
        redacted(tracked=found_only(longer, (3, range(46, 60))), margin_s=margin_s)


@pytest.mark.parametrize("size", [{"width": 190}, {"height": 130}])
def test_a_video_of_another_size_is_refused_before_any_work(redacted, tracked, tmp_path, size):
    other = replace(tracked, info=replace(tracked.info, **size))
    with pytest.raises(TrackerError, match=r"film\.mp4 is not the video of this run"):
        redacted(tracked=other, searcher=None)
    assert list(tmp_path.iterdir()) == []
