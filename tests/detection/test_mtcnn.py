"""MTCNN against facenet-pytorch's, which is slow and right."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.boxes import box_iou
from tracker.detection.mtcnn import MtcnnDetector
from tracker.detection.mtcnn_cascade import find_faces, not_inside_better
from tracker.detection.mtcnn_networks import networks_in_openvino, networks_in_torch
from tracker.records import Frame
from tracker.synthetic import draw_portrait

CPU = torch.device("cpu")
MIN_FACE_PX = 24


@pytest.fixture(scope="module")
def reference():
    return MTCNN(keep_all=True, min_face_size=MIN_FACE_PX).eval()


@pytest.fixture(scope="module", params=["openvino", "torch"])
def networks(request):
    return networks_in_openvino(1) if request.param == "openvino" else networks_in_torch(CPU)


def crowd(height, width, seeds, seed=0):
    """A picture (`height`, `width`, 3) with a face for each of `seeds`, of several sizes."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 120, np.uint8)
    for column, person in enumerate(seeds):
        size = int(rng.integers(height // 2, height))
        portrait, _ = draw_portrait(person, size)
        left = column * width // len(seeds)
        part = image[height - size :, left : left + size]
        part[:] = portrait[:, : part.shape[1]]
    return image


def reference_table(reference, images):
    """The table of `find_faces`, picture by picture."""
    tables = [np.zeros((0, 16))]
    for number, image in enumerate(images):
        boxes, scores, points = reference.detect(image, landmarks=True)
        if boxes is not None:
            columns = [np.full(len(boxes), number), boxes, scores, points.reshape(-1, 10)]
            tables.append(np.column_stack(columns).astype(np.float64))
    return np.concatenate(tables)


def assert_same(found, expected):
    np.testing.assert_array_equal(found[:, 0], expected[:, 0])
    np.testing.assert_allclose(found[:, 1:5], expected[:, 1:5], atol=0.05)  # pixels
    np.testing.assert_allclose(found[:, 5], expected[:, 5], atol=1e-4)
    np.testing.assert_allclose(found[:, 6:], expected[:, 6:], atol=0.05)


@pytest.mark.parametrize("size", [(160, 320), (161, 333), (241, 402), (97, 400)])
def test_boxes_scores_and_landmarks_are_those_of_facenet_pytorch(reference, networks, size):
    images = [crowd(*size, seeds, seed) for seed, seeds in enumerate([(1, 2), (3,), (4, 5, 6)])]
    expected = reference_table(reference, images)
    found = find_faces(torch.from_numpy(np.stack(images)), MIN_FACE_PX, networks)
    assert len(expected) >= 3
    assert_same(found, expected)


def test_faces_cut_by_every_edge_are_those_of_facenet_pytorch(reference, networks):
    portrait, box = draw_portrait(1, 200)
    x, y = int(box[0] + box[2]) // 2, int(box[1] + box[3]) // 2
    images = [
        np.pad(portrait[cut], pad, mode="edge")
        for cut, pad in [
            (np.s_[y - 20 :], ((0, y - 20), (0, 0), (0, 0))),
            (np.s_[: y + 30], ((200 - y - 30, 0), (0, 0), (0, 0))),
            (np.s_[:, x - 10 :], ((0, 0), (0, x - 10), (0, 0))),
            (np.s_[:, : x + 10], ((0, 0), (200 - x - 10, 0), (0, 0))),
        ]
    ]
    found = find_faces(torch.from_numpy(np.stack(images)), MIN_FACE_PX, networks)
    assert_same(found, reference_table(reference, images))


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(24, 90), width=st.integers(24, 90))
def test_noise_gives_what_it_gives_facenet_pytorch(seed, height, width):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    reference = MTCNN(keep_all=True, min_face_size=MIN_FACE_PX).eval()
    found = find_faces(torch.from_numpy(image[None]), MIN_FACE_PX, networks_in_openvino(1))
    assert_same(found, reference_table(reference, [image]))


def test_pictures_without_a_face_give_an_empty_table(networks):
    walls = torch.full((2, 90, 70, 3), 150, dtype=torch.uint8)
    assert find_faces(walls, MIN_FACE_PX, networks).shape == (0, 16)


def test_pictures_smaller_than_a_face_give_an_empty_table(networks):
    assert find_faces(torch.zeros(2, 20, 70, 3, dtype=torch.uint8), 24, networks).shape == (0, 16)


def test_a_detector_gives_every_face_of_facenet_pytorch_that_scores_enough(reference):
    images = [crowd(160, 320, seeds) for seeds in [(7, 8), (9, 1)]]
    frames = [Frame(index, Fraction(index, 25), image) for index, image in enumerate(images)]
    expected = reference_table(reference, images)
    expected = expected[expected[:, 5] >= 0.8]
    found = MtcnnDetector(0.8, MIN_FACE_PX, CPU).detect(frames)
    assert found.frame.tolist() == expected[:, 0].tolist()
    assert np.diag(box_iou(expected[:, 1:5], found.boxes)).min() > 0.99


def test_many_frames_give_the_same_whichever_core_takes_them():
    image = crowd(120, 200, (1, 2))
    frames = [Frame(index, Fraction(index, 25), image) for index in range(12)]
    found = MtcnnDetector(0.8, MIN_FACE_PX, CPU).detect(frames)
    per_frame = found.boxes.reshape(12, -1)
    assert per_frame.shape[1] >= 4
    np.testing.assert_array_equal(per_frame, np.tile(per_frame[0], (12, 1)))


def test_frames_in_several_batches_as_on_a_gpu_give_the_same(monkeypatch):
    images = [crowd(120, 200, seeds) for seeds in [(1, 2), (3,), (4,), (5, 6), (7,)]]
    frames = [Frame(index, Fraction(index, 25), image) for index, image in enumerate(images)]
    detector = MtcnnDetector(0.8, MIN_FACE_PX, CPU)
    one_by_one = detector.detect(frames)
    monkeypatch.setattr(detector, "_on_cpu", False)
    monkeypatch.setattr("tracker.detection.mtcnn._PIXELS_AT_ONCE", 2 * 120 * 200)
    two_by_two = detector.detect(frames)
    assert len(one_by_one) >= 5
    np.testing.assert_array_equal(two_by_two.frame, one_by_one.frame)
    np.testing.assert_allclose(two_by_two.boxes, one_by_one.boxes, atol=1e-2)


def test_the_precision_of_other_networks_is_left_as_it_was():
    before = torch.backends.cudnn.allow_tf32
    frame = Frame(0, Fraction(0), crowd(120, 200, (1,)))
    MtcnnDetector(0.8, MIN_FACE_PX, CPU).detect([frame])
    assert torch.backends.cudnn.allow_tf32 == before


def rows_of(*faces):
    """A table of `find_faces`, of (picture, x1, y1, x2, y2, score)."""
    table = np.zeros((len(faces), 16), np.float32)
    table[:, :6] = np.array(faces, np.float32).reshape(-1, 6)
    return table


def test_a_box_inside_a_better_one_is_dropped():
    table = rows_of((0, 10, 10, 20, 20, 0.8), (0, 0, 0, 50, 50, 0.9))
    assert not_inside_better(table).tolist() == [False, True]


def test_a_box_inside_a_better_one_of_another_picture_is_kept():
    table = rows_of((0, 10, 10, 20, 20, 0.8), (1, 0, 0, 50, 50, 0.9))
    assert not_inside_better(table).tolist() == [True, True]


def test_a_dropped_box_drops_no_other():
    chain = rows_of((0, 0, 0, 99, 9, 0.9), (0, 20, 0, 119, 9, 0.8), (0, 40, 0, 139, 9, 0.7))
    assert not_inside_better(chain).tolist() == [True, False, True]  # 80 of 100 shared, 60 of 100


def test_no_faces_are_none_to_drop():
    assert not_inside_better(rows_of()).shape == (0,)
