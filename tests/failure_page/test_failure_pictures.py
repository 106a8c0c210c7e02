from contextlib import contextmanager
from fractions import Fraction

import cv2
import numpy as np
import pytest

from tracker.errors import TrackerError, VideoOpenError
from tracker.failure_page.pictures import CROP_PX, WHOLE_PX, View, take_picture, take_pictures
from tracker.progress import Silence
from tracker.records import Tracks
from tracker.render import person_colour
from tracker.video.writer import VideoWriter

WIDTH, HEIGHT = 128, 96
TICK_S = Fraction(1, 1000)
TICKS = [0, 40, 95, 200, 1000]  # frames of uneven length


def level(frame: int) -> int:
    """How grey a frame of the video is."""
    return 40 + 30 * frame


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "grey.mp4"
    with VideoWriter(path, WIDTH, HEIGHT, TICK_S, Fraction(25)) as writer:
        for frame, tick in enumerate(TICKS):
            writer.write(np.full((HEIGHT, WIDTH, 3), level(frame), np.uint8), tick)
        writer.close(1040)
    return path


def box(*corners: float) -> np.ndarray:
    return np.array(corners, np.float32)


def tracks_of(*rows: tuple[int, int, np.ndarray]) -> Tracks:
    """Tracks of rows of frame, person, box."""
    frame, person, boxes = zip(*rows, strict=True)
    return Tracks(
        np.array(frame, np.int32),
        np.array(person, np.int32),
        np.stack(boxes),
        np.ones(len(rows), np.float32),
    )


def chequered() -> np.ndarray:
    """A picture in which every place is another colour."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([x, y, 0 * x], axis=2).astype(np.uint8)


FACE = box(50, 40, 70, 60)
NONE = Tracks.empty()


def test_a_crop_is_a_square_about_the_box():
    picture = take_picture(chequered(), View(0, FACE, 2.0), NONE, NONE)
    assert picture.shape == (CROP_PX, CROP_PX, 3)
    corners = picture[[0, 0, -1, -1], [0, -1, 0, -1], :2]
    expected = np.array([[40, 30], [80, 30], [40, 70], [80, 70]])
    assert np.all(np.abs(corners.astype(int) - expected) <= 1)


@pytest.mark.parametrize(
    "face",
    [box(-10, -10, 8, 8), box(120, 90, 140, 110), box(-50, -50, 300, 300), box(500, 10, 520, 30)],
    ids=["top left", "bottom right", "larger than the frame", "outside it"],
)
def test_a_box_at_the_edge_still_gives_a_whole_square(face):
    picture = take_picture(chequered(), View(0, face, 1.6), tracks_of((0, 1, face)), NONE)
    assert picture.shape == (CROP_PX, CROP_PX, 3)


def test_a_whole_frame_keeps_its_shape():
    picture = take_picture(chequered(), View(0, FACE, None), NONE, NONE)
    assert picture.shape == (WHOLE_PX * HEIGHT // WIDTH, WHOLE_PX, 3)


def test_a_found_box_has_its_persons_colour():
    black = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture = take_picture(black, View(0, FACE, 2.0), NONE, tracks_of((0, 3, FACE)))
    drawn = np.unique(picture.reshape(-1, 3), axis=0).tolist()
    assert drawn == sorted([[0, 0, 0], list(person_colour(3))])
    assert tuple(picture[CROP_PX // 4, CROP_PX // 2]) == person_colour(3)


def test_a_true_box_is_dashed_and_white():
    black = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture = take_picture(black, View(0, FACE, 2.0), tracks_of((0, 3, FACE)), NONE)
    edge = picture[CROP_PX // 4, CROP_PX // 4 : -CROP_PX // 4].max(axis=1)
    assert set(edge.tolist()) == {0, 255}


def test_the_box_in_question_is_thicker_than_others():
    black = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    other = box(52, 42, 68, 58)
    picture = take_picture(black, View(0, FACE, 2.0), NONE, tracks_of((0, 3, FACE), (0, 4, other)))
    painted = [np.all(picture == person_colour(person), axis=2).sum() for person in (3, 4)]
    assert painted[0] > 1.5 * painted[1]


def test_in_a_whole_frame_only_the_box_in_question_is_outlined():
    black = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    boxes = tracks_of((0, 3, FACE), (0, 4, box(5, 5, 20, 20)))
    picture = take_picture(black, View(0, FACE, None), NONE, boxes)
    assert np.any(np.all(picture == person_colour(3), axis=2))
    assert not np.any(np.all(picture == person_colour(4), axis=2))


def test_pictures_come_in_the_order_of_their_views_with_exact_times(video):
    views = [View(frame, FACE, 2.0) for frame in (3, 0, 4, 3)]
    pictures = take_pictures(video, views, NONE, NONE, Silence())
    assert [picture.time_s for picture in pictures] == [TICKS[n] * TICK_S for n in (3, 0, 4, 3)]
    for view, picture in zip(views, pictures, strict=True):
        shown = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert shown.shape == (picture.height, picture.width, 3)
        assert abs(float(shown.mean()) - level(view.frame)) < 6


def test_only_boxes_of_its_own_frame_are_outlined_in_a_picture(video):
    found = tracks_of((1, 3, FACE), (2, 5, FACE))
    plain, drawn = take_pictures(
        video, [View(0, FACE, 2.0), View(1, FACE, 2.0)], NONE, found, Silence()
    )
    spread = [
        np.ptp(cv2.imdecode(np.frombuffer(one.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE))
        for one in (plain, drawn)
    ]
    assert spread[0] < 10
    assert spread[1] > 50


def test_progress_counts_frames_up_to_the_last_one_wanted(video):
    class Listener(Silence):
        @contextmanager
        def stage(self, name, total, unit):
            self.total, self.done = total, []
            yield self.done.append

    listener = Listener()
    take_pictures(video, [View(3, FACE, 2.0), View(1, FACE, 2.0)], NONE, NONE, listener)
    assert listener.total == 4
    assert listener.done == [2, 2]


def test_no_views_give_no_pictures(video):
    assert take_pictures(video, [], NONE, NONE, Silence()) == []


def test_a_video_that_is_too_short_says_so(video):
    with pytest.raises(TrackerError, match=r"ends before frame 8 .*--video"):
        take_pictures(video, [View(2, FACE, 2.0), View(7, FACE, 2.0)], NONE, NONE, Silence())


def test_a_video_that_is_not_there_says_so(tmp_path):
    with pytest.raises(VideoOpenError):
        take_pictures(tmp_path / "none.mp4", [View(0, FACE, 2.0)], NONE, NONE, Silence())
