from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from tracker.boxes import box_iou
from tracker.detection.from_file import FileDetector
from tracker.detection.mtcnn import MtcnnDetector
from tracker.detection.yunet import YuNetDetector
from tracker.errors import FormatError, WeightsError
from tracker.records import Frame
from tracker.synthetic import draw_portrait

CPU = torch.device("cpu")
YUNET = Path(__file__).parents[3] / "shared/weights/yunet_n_dynamic.onnx"
NEEDS_YUNET = [
    pytest.mark.shared,
    pytest.mark.skipif(not YUNET.exists(), reason=f"no YuNet weights at {YUNET}"),
]
SIZE = 160  # of a portrait, in pixels; its face is about half as high


def frame_of(image, index=0):
    return Frame(index, Fraction(index, 25), image)


@pytest.fixture(scope="module")
def portraits():
    """Three people, one a picture, and the box (3, 4) of each face."""
    pictures, boxes = zip(*(draw_portrait(seed, SIZE) for seed in (1, 2, 3)), strict=True)
    return pictures, np.array(boxes)


@pytest.fixture(scope="module", params=["mtcnn", pytest.param("yunet", marks=NEEDS_YUNET)])
def detector(request):
    if request.param == "mtcnn":
        return MtcnnDetector(0.8, 20, CPU)
    return YuNetDetector(YUNET, 0.5, 20)


def test_the_face_of_every_portrait_is_found_where_it_is(detector, portraits):
    pictures, boxes = portraits
    found = detector.detect([frame_of(picture, index) for index, picture in enumerate(pictures)])
    assert found.frame.tolist() == [0, 1, 2]
    assert np.diag(box_iou(boxes, found.boxes)).min() > 0.5


def test_two_faces_in_one_picture_are_two_detections(detector, portraits):
    pictures, boxes = portraits
    found = detector.detect([frame_of(np.concatenate(pictures[:2], axis=1))])
    side_by_side = boxes[:2] + np.array([[0], [SIZE]]) * np.array([1, 0, 1, 0])
    assert len(found) == 2
    assert box_iou(side_by_side, found.boxes).max(axis=1).min() > 0.5


def test_columns_have_the_types_of_the_record(detector, portraits):
    found = detector.detect([frame_of(portraits[0][0])])
    types = [found.frame.dtype, found.boxes.dtype, found.scores.dtype, found.landmarks.dtype]
    assert types == [np.int32, np.float32, np.float32, np.float32]
    assert ((found.scores >= 0) & (found.scores <= 1)).all()


def test_landmarks_lie_in_the_face_left_eye_first_and_mouth_last(detector, portraits):
    pictures, boxes = portraits
    found = detector.detect([frame_of(pictures[0])])
    left_eye, right_eye, nose, left_mouth, right_mouth = found.landmarks[0]
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    assert (found.landmarks[0] > boxes[0, :2]).all()
    assert (found.landmarks[0] < boxes[0, 2:]).all()


def test_frame_numbers_are_kept_and_frames_without_faces_skipped(detector, portraits):
    face, wall = portraits[0][0], np.full((SIZE, SIZE, 3), 150, np.uint8)
    frames = [frame_of(face, 7), frame_of(wall, 8), frame_of(face, 1000)]
    assert detector.detect(frames).frame.tolist() == [7, 1000]


def test_pictures_without_faces_give_an_empty_table(detector):
    wall = np.full((SIZE, SIZE, 3), 150, np.uint8)
    assert len(detector.detect([frame_of(wall, 0), frame_of(wall, 1)])) == 0


def test_no_frames_give_an_empty_table(detector):
    assert len(detector.detect([])) == 0


@pytest.mark.parametrize("shape", [(1, 1), (10, 200), (200, 10)])
def test_a_picture_smaller_than_the_smallest_face_gives_an_empty_table(detector, shape):
    assert len(detector.detect([frame_of(np.zeros((*shape, 3), np.uint8))])) == 0


def test_frames_together_give_what_they_give_one_by_one(detector, portraits):
    frames = [frame_of(picture, index) for index, picture in enumerate(portraits[0])]
    together, alone = detector.detect(frames), [detector.detect([frame]) for frame in frames]
    for column in ("frame", "boxes", "scores", "landmarks"):
        np.testing.assert_allclose(
            getattr(together, column),
            np.concatenate([getattr(one, column) for one in alone]),
            atol=1e-3,
        )


def test_mtcnn_gives_the_same_batched_as_for_a_gpu(portraits, monkeypatch):
    wall = np.full((SIZE, SIZE, 3), 150, np.uint8)
    frames = [frame_of(image, index) for index, image in enumerate([wall, *portraits[0]])]
    detector = MtcnnDetector(0.8, 20, CPU)
    by_core = detector.detect(frames)
    monkeypatch.setattr(detector, "_on_cpu", False)
    batched = detector.detect(frames)
    np.testing.assert_array_equal(batched.frame, by_core.frame)
    np.testing.assert_allclose(batched.boxes, by_core.boxes, atol=1e-2)
    np.testing.assert_allclose(batched.scores, by_core.scores, atol=1e-4)


def test_mtcnn_leaves_the_number_of_threads_as_it_was(portraits):
    before = torch.get_num_threads()
    MtcnnDetector(0.8, 20, CPU).detect([frame_of(portraits[0][0])])
    assert torch.get_num_threads() == before


def test_mtcnn_drops_faces_below_the_least_score(portraits):
    frame = frame_of(portraits[0][0])
    score = float(MtcnnDetector(0.5, 20, CPU).detect([frame]).scores.max())
    assert len(MtcnnDetector(min(score + 1e-6, 1.0), 20, CPU).detect([frame])) == (score == 1.0)


@pytest.mark.shared
@pytest.mark.skipif(not YUNET.exists(), reason=f"no YuNet weights at {YUNET}")
def test_yunet_drops_faces_smaller_than_the_least(portraits):
    frame = frame_of(portraits[0][0])
    found = YuNetDetector(YUNET, 0.5, 1).detect([frame])
    height = float(found.boxes[0, 3] - found.boxes[0, 1])
    assert len(YuNetDetector(YUNET, 0.5, int(height)).detect([frame])) == 1
    assert len(YuNetDetector(YUNET, 0.5, int(height) + 1).detect([frame])) == 0


def test_yunet_names_weights_that_are_no_network(tmp_path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a network")
    with pytest.raises(WeightsError, match=r"OpenVINO cannot load .*broken\.onnx"):
        YuNetDetector(path, 0.5, 20)


MOT_TEXT = """\
1,-1,10,20,30,40,0.9,-1,-1,-1
3,-1,12,20,30,40,0.2
3,-1,50,60,10,10,7.5
2,-1,11,20,30,40,-3
"""


@pytest.fixture
def detector_of(tmp_path):
    def make(text=MOT_TEXT, min_score=0.0, min_face_px=1, box_scale=(1.0, 1.0)):
        path = tmp_path / "detections.txt"
        path.write_text(text)
        return FileDetector(path, min_score, min_face_px, box_scale)

    return make


def frames_of(*indices):
    image = np.zeros((100, 100, 3), np.uint8)
    return [frame_of(image, index) for index in indices]


def test_a_file_gives_the_rows_of_the_frames_asked_for(detector_of):
    found = detector_of(min_score=-5).detect(frames_of(1, 2))
    assert found.frame.tolist() == [1, 2, 2]  # counted from 0; the file counts from 1
    np.testing.assert_array_equal(
        found.boxes, [[11, 20, 41, 60], [12, 20, 42, 60], [50, 60, 60, 70]]
    )


def test_a_file_has_nothing_for_frames_that_it_does_not_name(detector_of):
    assert len(detector_of().detect(frames_of(50, 51))) == 0
    assert len(detector_of().detect([])) == 0


def test_an_empty_file_has_no_faces(detector_of):
    assert len(detector_of("").detect(frames_of(0, 1))) == 0


def test_scores_of_a_file_are_held_between_zero_and_one(detector_of):
    found = detector_of(min_score=-5).detect(frames_of(0, 1, 2))
    np.testing.assert_allclose(found.scores, [0.9, 0, 0.2, 1], rtol=1e-6)


def test_rows_of_a_file_below_the_least_score_are_dropped(detector_of):
    assert detector_of(min_score=0.5).detect(frames_of(0, 1, 2)).frame.tolist() == [0, 2]


def test_the_least_score_may_be_above_one_where_the_scores_are(detector_of):
    assert detector_of(min_score=5.0).detect(frames_of(0, 1, 2)).frame.tolist() == [2]


def test_boxes_of_a_file_are_scaled_about_their_centres(detector_of):
    found = detector_of(box_scale=(2.0, 0.5)).detect(frames_of(0))
    np.testing.assert_allclose(found.boxes, [[-5, 30, 55, 50]])  # 60 x 20 about (25, 40)


def test_boxes_of_a_file_are_measured_after_scaling(detector_of):
    assert len(detector_of(min_face_px=50, box_scale=(1, 1.25)).detect(frames_of(0))) == 1
    assert len(detector_of(min_face_px=51, box_scale=(1, 1.25)).detect(frames_of(0))) == 0


def test_a_file_has_no_landmarks(detector_of):
    found = detector_of().detect(frames_of(0))
    assert found.landmarks.shape == (1, 5, 2)
    assert np.isnan(found.landmarks).all()


def test_a_line_of_a_file_that_makes_no_sense_is_named(detector_of):
    with pytest.raises(FormatError, match=r"detections\.txt, line 2"):
        detector_of("1,-1,10,20,30,40,1\n2,-1,10,20,nan,40,1\n")
