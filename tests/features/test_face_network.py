from pathlib import Path

import numpy as np
import openvino
import pytest
import torch

from tracker.config import FeatureConfig
from tracker.errors import WeightsError
from tracker.features.choose import choose_features, describe_crops, load_describer
from tracker.features.crops import align_face, warp
from tracker.features.face import FaceNetwork, TorchFaceNetwork
from tracker.features.hog import hog_features
from tracker.synthetic import draw_portrait
from tracker.weights import FACE

FOLDER = Path(__file__).parents[3] / "shared/weights"
NETWORK = FOLDER / "face-reidentification-retail-0095.xml"
needs_weights = pytest.mark.skipif(not NETWORK.exists(), reason=f"no face network at {NETWORK}")


def aligned_portrait(person_seed, **pose):
    image, box = draw_portrait(person_seed, 160, **pose)
    return warp(image, align_face(np.array(box), np.full((5, 2), np.nan), 128), 128)


CPU = torch.device("cpu")
all_engines = pytest.mark.parametrize(
    "load",
    [FaceNetwork, lambda weights: TorchFaceNetwork(weights, CPU, torch.float32)],
    ids=["OpenVINO", "torch"],
)


def described(choice, images, advance=lambda count: None):
    describer = load_describer(choice, CPU)
    vectors = np.full((len(images), describer.size), np.nan, np.float32)
    describe_crops(describer, images, vectors, advance)
    return vectors


@pytest.fixture(scope="module")
def network():
    return FaceNetwork(NETWORK)


@pytest.mark.shared
@needs_weights
def test_vectors_have_unit_length(network):
    vectors = network.describe(np.stack([aligned_portrait(seed) for seed in (1, 2)]))
    assert vectors.shape == (2, 256)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


@pytest.mark.shared
@needs_weights
def test_one_person_in_two_poses_is_more_alike_than_two_people(network):
    poses = [aligned_portrait(seed, yaw_deg=yaw) for seed in (1, 2, 3) for yaw in (0, 8)]
    vectors = network.describe(np.stack(poses)).reshape(3, 2, 256)
    alike = np.einsum("aid,bjd->abij", vectors, vectors)[:, :, 0, 1]
    assert np.diag(alike).min() > alike[~np.eye(3, dtype=bool)].max()


@pytest.mark.shared
@needs_weights
def test_crops_together_give_what_they_give_one_by_one(network):
    images = np.stack([aligned_portrait(seed) for seed in (1, 2, 3)])
    alone = np.concatenate([network.describe(images[[index]]) for index in range(3)])
    np.testing.assert_allclose(network.describe(images), alone, atol=1e-6)


@pytest.mark.shared
@needs_weights
def test_a_face_and_its_mirror_image_are_described_alike(network):
    images = np.stack([aligned_portrait(seed, yaw_deg=8) for seed in (1, 2)])
    mirrored = np.ascontiguousarray(images[:, :, ::-1])
    np.testing.assert_allclose(network.describe(mirrored), network.describe(images), atol=1e-6)


@pytest.mark.shared
@needs_weights
def test_a_vector_is_the_mean_of_what_openvino_says_of_the_face_and_its_mirror_image(network):
    image = aligned_portrait(1, yaw_deg=8)
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(NETWORK, "CPU", exact)
    both = []
    for side in (image, image[:, ::-1]):
        blue_first = side[:, :, ::-1].astype(np.float32).transpose(2, 0, 1)[None]
        output = compiled(np.ascontiguousarray(blue_first))[0].ravel()
        both.append(output / np.linalg.norm(output))
    mean = np.mean(both, axis=0)
    np.testing.assert_allclose(
        network.describe(image[None])[0], mean / np.linalg.norm(mean), atol=1e-6
    )


@pytest.mark.shared
@needs_weights
@all_engines
def test_no_crops_give_no_vectors(load):
    vectors = load(NETWORK).describe(np.zeros((0, 128, 128, 3), np.uint8))
    assert vectors.shape == (0, 256)
    assert vectors.dtype == np.float32


@pytest.mark.shared
@needs_weights
def test_many_crops_stay_in_order(network):
    images = np.stack([aligned_portrait(seed) for seed in (1, 2, 3)])
    order = np.random.default_rng(0).integers(0, 3, 40)
    np.testing.assert_allclose(
        network.describe(images[order]), network.describe(images)[order], atol=1e-6
    )


@pytest.mark.shared
@needs_weights
def test_the_same_crops_are_described_by_the_same_bytes(network):
    images = np.stack([aligned_portrait(seed) for seed in range(5)])
    np.testing.assert_array_equal(network.describe(images), network.describe(images))
    np.testing.assert_array_equal(FaceNetwork(NETWORK).describe(images), network.describe(images))


@pytest.mark.shared
@needs_weights
@all_engines
def test_crops_on_disk_give_the_same(tmp_path, load):
    images = np.stack([aligned_portrait(seed) for seed in (1, 2)])
    np.save(tmp_path / "crops.npy", images)
    on_disk = np.load(tmp_path / "crops.npy", mmap_mode="r")
    loaded = load(NETWORK)
    np.testing.assert_array_equal(loaded.describe(on_disk), loaded.describe(images))


@pytest.mark.shared
@needs_weights
def test_torch_describes_faces_as_openvino_does(network):
    images = np.stack([aligned_portrait(seed, yaw_deg=8 * seed) for seed in (1, 2, 3)])
    by_torch = TorchFaceNetwork(NETWORK, CPU, torch.float32).describe(images)
    np.testing.assert_allclose(by_torch, network.describe(images), atol=1e-5)


@pytest.mark.shared
@needs_weights
def test_half_precision_changes_no_angle_that_matters(network):
    images = np.stack([aligned_portrait(seed, yaw_deg=8 * seed) for seed in (1, 2, 3)])
    exact, half = network.describe(images), TorchFaceNetwork(NETWORK, CPU).describe(images)
    assert half.dtype == np.float32
    np.testing.assert_allclose(half @ half.T, exact @ exact.T, atol=1e-3)
    assert (half * exact).sum(axis=1).min() > 1 - 1e-3


@pytest.mark.parametrize(
    ("load", "reader"),
    [(FaceNetwork, "OpenVINO"), (lambda weights: TorchFaceNetwork(weights, CPU), "the network")],
    ids=["OpenVINO", "torch"],
)
def test_weights_that_are_no_network_are_named(tmp_path, load, reader):
    path = tmp_path / "broken.xml"
    path.write_text("<net/>")
    with pytest.raises(WeightsError, match=rf"{reader} .*broken\.xml"):
        load(path)


@pytest.fixture
def no_weights(tmp_path, monkeypatch):
    """An empty cache, and no network."""

    def unreachable(file):
        raise OSError("no network here")

    monkeypatch.setenv("TRACKER_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("tracker.weights._download", unreachable)


@pytest.mark.usefixtures("no_weights")
def test_auto_falls_back_to_hog_and_says_why():
    (choice,) = choose_features(FeatureConfig())
    assert (choice.kind, choice.aligned, choice.knows_faces) == ("hog", False, False)
    assert choice.reason.startswith("describing faces by HOG, since face-reidentification")
    assert "no network here" in choice.reason


@pytest.mark.usefixtures("no_weights")
def test_the_face_network_asked_for_by_name_is_never_replaced():
    with pytest.raises(WeightsError, match="cannot be fetched"):
        choose_features(FeatureConfig(kind="face"))


@pytest.mark.usefixtures("no_weights")
def test_hog_asked_for_by_name_needs_no_reason():
    (choice,) = choose_features(FeatureConfig(kind="hog"))
    assert (choice.kind, choice.reason) == ("hog", "")


@pytest.mark.shared
@needs_weights
def test_auto_is_the_face_network_where_its_weights_are_with_hog_to_help(monkeypatch):
    monkeypatch.setenv("TRACKER_WEIGHTS", str(FOLDER))
    choice, helper = choose_features(FeatureConfig())
    assert (helper.kind, helper.knows_faces, helper.reason) == ("hog", False, "")
    assert (choice.kind, choice.aligned, choice.knows_faces) == ("face", True, True)
    assert choice.reason == ""
    assert choice.hashes == tuple(file.sha256 for file in FACE)
    images = aligned_portrait(1)[None]
    np.testing.assert_array_equal(described(choice, images), FaceNetwork(NETWORK).describe(images))


@pytest.mark.shared
@needs_weights
def test_the_face_network_asked_for_by_name_is_used_alone(monkeypatch):
    monkeypatch.setenv("TRACKER_WEIGHTS", str(FOLDER))
    (choice,) = choose_features(FeatureConfig(kind="face"))
    assert (choice.kind, choice.knows_faces, choice.reason) == ("face", True, "")


@pytest.mark.parametrize("count", [0, 1, 257])
def test_describing_in_parts_tells_of_every_crop(count):
    images = np.zeros((count, 100, 100, 3), np.uint8)
    images[:, 40:60, 40:60] = np.arange(count, dtype=np.uint8)[:, None, None, None]
    heard = []
    (choice,) = choose_features(FeatureConfig(kind="hog"))
    vectors = described(choice, images, heard.append)
    assert sum(heard) == count
    np.testing.assert_array_equal(vectors, hog_features(images))
