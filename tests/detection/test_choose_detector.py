from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from tracker.config import DetectionConfig
from tracker.detection.choose import choose_detector, make_detector
from tracker.detection.from_file import FileDetector
from tracker.detection.mtcnn import MtcnnDetector
from tracker.detection.yunet import YuNetDetector
from tracker.errors import WeightsError
from tracker.records import Frame
from tracker.weights import YUNET

WEIGHTS = Path(__file__).parents[3] / "shared/weights"
CPU = torch.device("cpu")


@pytest.fixture
def no_weights(tmp_path, monkeypatch):
    """An empty cache, and no network."""

    def unreachable(file):
        raise OSError("no network here")

    monkeypatch.setenv("TRACKER_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("tracker.weights._download", unreachable)


@pytest.mark.usefixtures("no_weights")
def test_auto_falls_back_to_mtcnn_and_says_why():
    choice = choose_detector(DetectionConfig())
    assert choice.name == "mtcnn"
    assert choice.reason.startswith("detecting with MTCNN, since yunet_n_dynamic.onnx is not in")
    assert "no network here" in choice.reason
    assert "\n" not in choice.reason
    assert choice.weights == choice.hashes == ()


@pytest.mark.usefixtures("no_weights")
def test_yunet_asked_for_by_name_is_never_replaced():
    with pytest.raises(WeightsError, match=r"cannot be fetched .no network here."):
        choose_detector(DetectionConfig(detector="yunet"))


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize("config", [{"detector": "mtcnn"}, {"file": "detections.txt"}])
def test_what_the_user_chose_needs_no_reason(config):
    assert choose_detector(DetectionConfig(**config)).reason == ""


def test_a_file_comes_before_any_detector():
    choice = choose_detector(DetectionConfig(detector="yunet", file="detections.txt"))
    assert choice.name == "file"


def test_a_file_is_taken_as_it_is():
    choice = choose_detector(DetectionConfig(file="detections.txt"))
    assert (choice.min_score, choice.sure_score) == (0.0, 0.0)


def test_scores_that_the_user_sets_are_kept():
    choice = choose_detector(DetectionConfig(detector="mtcnn", min_score=0.0, sure_score=0.25))
    assert (choice.min_score, choice.sure_score) == (0.0, 0.25)


def test_a_face_must_be_surer_once_than_always():
    choice = choose_detector(DetectionConfig(detector="mtcnn"))
    assert 0 < choice.min_score < choice.sure_score < 1


@pytest.mark.parametrize("config", [{"detector": "mtcnn"}, {"file": "detections.txt"}])
def test_the_smallest_face_that_the_user_sets_is_kept(config):
    assert choose_detector(DetectionConfig(min_face_px=33, **config)).min_face_px == 33


@pytest.mark.parametrize(
    ("config", "pixels"), [({"detector": "mtcnn"}, 20), ({"file": "detections.txt"}, 1)]
)
def test_the_smallest_face_else_suits_the_detector(config, pixels):
    assert choose_detector(DetectionConfig(**config)).min_face_px == pixels


def test_mtcnn_is_made():
    config = DetectionConfig(detector="mtcnn")
    assert isinstance(make_detector(choose_detector(config), config, CPU), MtcnnDetector)


def test_a_file_is_read_with_the_settings(tmp_path):
    path = tmp_path / "detections.txt"
    path.write_text("1,-1,10,20,30,40,0.9\n")
    config = DetectionConfig(file=str(path), file_box_scale=(2.0, 1.0))
    detector = make_detector(choose_detector(config), config, CPU)
    assert isinstance(detector, FileDetector)
    frame = Frame(0, Fraction(0), np.zeros((100, 100, 3), np.uint8))
    np.testing.assert_allclose(detector.detect([frame]).boxes, [[-5, 20, 55, 60]])


@pytest.mark.parametrize(("pixels", "count"), [(None, 1), (40, 1), (41, 0)])
def test_a_file_gives_no_face_below_the_smallest(tmp_path, pixels, count):
    path = tmp_path / "detections.txt"
    path.write_text("1,-1,10,20,30,40,0.9\n")
    config = DetectionConfig(file=str(path), min_face_px=pixels)
    detector = make_detector(choose_detector(config), config, CPU)
    frame = Frame(0, Fraction(0), np.zeros((100, 100, 3), np.uint8))
    assert len(detector.detect([frame])) == count


@pytest.mark.shared
@pytest.mark.skipif(not WEIGHTS.exists(), reason=f"no weights at {WEIGHTS}")
def test_auto_is_yunet_where_its_weights_are(monkeypatch):
    monkeypatch.setenv("TRACKER_WEIGHTS", str(WEIGHTS))
    config = DetectionConfig()
    choice = choose_detector(config)
    assert (choice.name, choice.reason) == ("yunet", "")
    assert choice.hashes == (YUNET[0].sha256,)
    assert choice.min_face_px == 12
    assert isinstance(make_detector(choice, config, CPU), YuNetDetector)


def test_a_fair_score_is_halfway_to_a_sure_one():
    config = DetectionConfig(detector="mtcnn", min_score=0.4, sure_score=0.8)
    assert choose_detector(config).fair_score == pytest.approx(0.6)
