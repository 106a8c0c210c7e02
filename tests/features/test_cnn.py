import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from facenet_pytorch import InceptionResnetV1, fixed_image_standardization
from torchvision.models.feature_extraction import create_feature_extractor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from tracker.config import FEATURE_KINDS, FeatureConfig
from tracker.errors import WeightsError
from tracker.features.choose import choose_features, describe_crops, load_describer
from tracker.features.cnn import FixedNetwork
from tracker.networks import NETWORKS
from tracker.weights import ALEXNET, FACENET, RESNET18, RESNET50, WeightFile

MAKE = {
    "alexnet": torchvision.models.alexnet,
    "facenet": lambda: InceptionResnetV1(classify=True, num_classes=8631),
    "resnet18": torchvision.models.resnet18,
    "resnet50": torchvision.models.resnet50,
}
FILES = {"alexnet": ALEXNET, "facenet": FACENET, "resnet18": RESNET18, "resnet50": RESNET50}
SIZES = {"alexnet": 4096, "facenet": 512, "resnet18": 512, "resnet50": 2048}
CPU = torch.device("cpu")
LAYERS = {"alexnet": "classifier.5", "resnet18": "flatten", "resnet50": "flatten"}
all_kinds = pytest.mark.parametrize("kind", MAKE)


def drawn(name, shape, generator):
    """A parameter of `shape`; rows of a matrix overlap, so that few numbers need be kept."""
    if not shape:
        return torch.tensor(0)
    if len(shape) == 1:
        is_positive = name.endswith(("weight", "running_var"))
        numbers = torch.rand(shape, generator=generator)
        return 0.5 + numbers if is_positive else 0.2 * (numbers - 0.5)
    fan_in = shape[1:].numel()
    numbers = torch.randn(shape[0] + fan_in, generator=generator) * (2 / fan_in) ** 0.5
    within = torch.empty(shape[1:], device="meta").stride()
    return numbers.as_strided(shape, (1, *within))


def state_of(kind):
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in MAKE[kind]().state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    return {name: drawn(name, shape, generator) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder with weights of every kind, drawn at random; their shapes are the true ones."""
    folder = tmp_path_factory.mktemp("weights")
    for kind in MAKE:
        torch.save(state_of(kind), folder / f"{kind}.pth")
    return folder


@pytest.fixture
def at_hand(weights, monkeypatch):
    """Those are the weights that the program knows."""
    monkeypatch.setenv("TRACKER_WEIGHTS", str(weights))
    for kind in MAKE:
        content = (weights / f"{kind}.pth").read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        file = WeightFile(f"{kind}.pth", "https://example.org", digest, "MIT", len(content))
        monkeypatch.setitem(NETWORKS, kind, replace(NETWORKS[kind], files=(file,)))


def crops(count, seed=0):
    """Smooth upright crops (count, 100, 100, 3), different from one to the next."""
    generator = torch.Generator().manual_seed(seed)
    rough = torch.rand(count, 3, 9, 9, generator=generator)
    smooth = torch.nn.functional.interpolate(rough, size=(100, 100), mode="bilinear")
    return (smooth.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()


def choice_of(kind):
    (choice,) = choose_features(FeatureConfig(kind=kind))
    return choice


def described_by(kind, images, advance=lambda count: None):
    describer = load_describer(choice_of(kind), CPU)
    vectors = np.full((len(images), describer.size), np.nan, np.float32)
    describe_crops(describer, images, vectors, advance)
    return vectors


@torch.no_grad()
def asked_of_torchvision(kind, image):
    """The features (D,) of one crop, as torchvision documents its weights to be used."""
    network = MAKE[kind]()
    network.load_state_dict(state_of(kind))
    picture = functional.to_dtype(functional.to_image(image), torch.float32, scale=True)
    picture = functional.resize(picture, [224, 224], InterpolationMode.BILINEAR, antialias=True)
    picture = functional.normalize(picture, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    layer = LAYERS[kind]
    return create_feature_extractor(network.eval(), [layer])(picture[None])[layer][0].numpy()


@torch.no_grad()
def asked_of_facenet_pytorch(image):
    network = MAKE["facenet"]()
    network.load_state_dict(state_of("facenet"))
    network.classify = False
    picture = functional.to_image(image).float()
    picture = functional.resize(picture, [160, 160], InterpolationMode.BILINEAR, antialias=True)
    return network.eval()(fixed_image_standardization(picture)[None])[0].numpy()


@pytest.mark.usefixtures("at_hand")
@pytest.mark.parametrize("kind", LAYERS)
def test_a_crop_is_described_as_torchvision_describes_it(kind):
    images = crops(2)
    expected = np.stack([asked_of_torchvision(kind, image) for image in images])
    scale = np.abs(expected).max()
    np.testing.assert_allclose(described_by(kind, images), expected, atol=1e-5 * scale)
    assert np.abs(expected[0] - expected[1]).max() > 1e-2 * scale  # it tells them apart


@pytest.mark.usefixtures("at_hand")
def test_a_crop_is_described_as_facenet_pytorch_describes_it():
    images = crops(2)
    expected = np.stack([asked_of_facenet_pytorch(image) for image in images])
    np.testing.assert_allclose(described_by("facenet", images), expected, atol=1e-5)
    assert np.abs(expected[0] - expected[1]).max() > 1e-3  # it tells them apart


@all_kinds
@pytest.mark.usefixtures("at_hand")
def test_every_kind_gives_its_own_number_of_numbers(kind):
    vectors = described_by(kind, crops(1))
    assert vectors.shape == (1, SIZES[kind])
    assert vectors.dtype == np.float32


@pytest.mark.usefixtures("at_hand")
def test_fc7_is_never_negative_and_neither_all_silent_nor_all_awake():
    vectors = described_by("alexnet", crops(2))
    assert vectors.min() == 0
    assert 0.1 < np.mean(vectors > 0) < 0.9


@all_kinds
@pytest.mark.usefixtures("at_hand")
def test_crops_together_give_what_they_give_one_by_one(kind):
    images = crops(3)
    together = described_by(kind, images)
    alone = np.concatenate([described_by(kind, images[[index]]) for index in range(3)])
    np.testing.assert_allclose(together, alone, atol=1e-5 * np.abs(together).max())


@pytest.mark.usefixtures("at_hand")
def test_the_same_crops_are_described_by_the_same_bytes():
    images = crops(35)
    np.testing.assert_array_equal(
        described_by("resnet18", images), described_by("resnet18", images)
    )


@pytest.mark.usefixtures("at_hand")
def test_crops_in_many_parts_stay_in_order_and_are_all_told_of():
    images, heard = crops(3)[np.arange(70) % 3], []
    vectors = described_by("resnet18", images, heard.append)
    assert sum(heard) == 70
    assert max(heard) < 70
    expected = described_by("resnet18", images[:3])[np.arange(70) % 3]
    np.testing.assert_allclose(vectors, expected, atol=1e-5 * np.abs(expected).max())


@all_kinds
@pytest.mark.usefixtures("at_hand")
def test_no_crops_give_no_vectors(kind):
    vectors = load_describer(choice_of(kind), CPU).describe(crops(0))
    assert vectors.shape == (0, SIZES[kind])
    assert vectors.dtype == np.float32


@pytest.mark.usefixtures("at_hand")
def test_crops_on_disk_give_the_same_and_are_left_as_they_are(tmp_path):
    np.save(tmp_path / "crops.npy", crops(2))
    on_disk = np.load(tmp_path / "crops.npy", mmap_mode="r")
    np.testing.assert_array_equal(
        described_by("resnet18", on_disk), described_by("resnet18", crops(2))
    )
    np.testing.assert_array_equal(on_disk, crops(2))


def test_the_random_numbers_of_torch_are_left_alone(weights):
    before = torch.get_rng_state()
    FixedNetwork("resnet18", weights / "resnet18.pth", CPU).describe(crops(1))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.usefixtures("at_hand")
def test_vectors_are_written_where_they_are_wanted(tmp_path):
    on_disk = np.lib.format.open_memmap(tmp_path / "v.npy", "w+", np.float32, (3, 512))
    describe_crops(load_describer(choice_of("resnet18"), CPU), crops(3), on_disk, lambda _: None)
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), described_by("resnet18", crops(3)))


@pytest.mark.usefixtures("at_hand")
def test_a_network_is_computed_on_the_device_asked_for():
    # The device `meta` has shapes but no numbers: the only other one that is everywhere.
    describer = load_describer(choice_of("resnet18"), torch.device("meta"))
    with pytest.raises(NotImplementedError, match="meta"):
        describer.describe(crops(1))


def test_weights_of_another_network_are_refused(weights):
    with pytest.raises(WeightsError, match=r"cannot load resnet50 from .*resnet18\.pth: "):
        FixedNetwork("resnet50", weights / "resnet18.pth", CPU)


@pytest.mark.usefixtures("at_hand")
@pytest.mark.parametrize(
    ("kind", "knows_faces"),
    [("alexnet", False), ("facenet", True), ("resnet18", False), ("resnet50", False)],
)
def test_a_network_asked_for_by_name_is_chosen_alone_for_upright_crops(weights, kind, knows_faces):
    choice = choice_of(kind)
    assert (choice.kind, choice.aligned, choice.knows_faces) == (kind, False, knows_faces)
    assert choice.weights == (weights / f"{kind}.pth",)
    assert choice.hashes == (NETWORKS[kind].files[0].sha256,)
    assert choice.reason == ""


@all_kinds
def test_without_its_weights_a_network_is_refused_with_what_to_do(kind, tmp_path, monkeypatch):
    def unreachable(file):
        raise OSError("no network here")

    monkeypatch.setenv("TRACKER_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("tracker.weights._download", unreachable)
    with pytest.raises(WeightsError) as refused:
        choose_features(FeatureConfig(kind=kind))
    file, message = FILES[kind][0], str(refused.value)
    assert message.startswith(f"{file.name} is not in {tmp_path} and cannot be fetched (no network")
    assert f"put it there by hand from {file.url}" in message
    assert "\n" not in message


def test_every_kind_of_the_settings_is_tested():
    assert set(FEATURE_KINDS) == {"auto", "face", "hog", *MAKE}
