import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino
import pytest
import torch
import torchvision
from openvino import opset13 as ops
from torch import nn

from tracker.embedding import backbones
from tracker.embedding.backbones import Trunk, build_trunk, choose_backbone
from tracker.embedding.network import SeededDropout
from tracker.errors import ConfigError, WeightsError
from tracker.networks import NETWORKS, Inputs, make_body
from tracker.weights import ALEXNET, FACE, FACENET, RESNET18, RESNET50, WeightFile

SHARED = Path(__file__).parents[3] / "shared/weights"
needs_weights = pytest.mark.skipif(
    not (SHARED / FACE[0].name).exists(), reason=f"no face network in {SHARED}"
)
FILES = {
    "face": FACE,
    "facenet": FACENET,
    "alexnet": ALEXNET,
    "resnet18": RESNET18,
    "resnet50": RESNET50,
}


def pictures(count, side, seed=0):
    """Smooth colours, different from picture to picture."""
    generator = torch.Generator().manual_seed(seed)
    rough = torch.rand(count, 3, 6, 6, generator=generator)
    return nn.functional.interpolate(rough, size=(side, side), mode="bilinear")


def similarities(vectors):
    vectors = nn.functional.normalize(vectors, dim=1)
    return (vectors @ vectors.T)[torch.triu_indices(len(vectors), len(vectors), 1).unbind()]


def shapes_of(make):
    """A state that fits what `make` makes, at no cost: one number, repeated."""
    with torch.device("meta"):
        state = make().state_dict()
    return {name: torch.tensor(0.01).expand(value.shape) for name, value in state.items()}


def known_as(path, name="net"):
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return WeightFile(path.name, f"https://example.org/{path.name}", digest, "MIT", len(content))


@pytest.fixture
def no_network(monkeypatch):
    def unreachable(file):
        raise OSError("no network here")

    monkeypatch.setattr("tracker.weights._download", unreachable)


@pytest.fixture(scope="module")
def resnet18_weights(tmp_path_factory):
    """Weights that fit ResNet-18, drawn at random, as torchvision would save them."""
    path = tmp_path_factory.mktemp("resnet18") / "resnet18.pth"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(torchvision.models.resnet18(weights=None).state_dict(), path)
    return path


@pytest.fixture
def resnet18(resnet18_weights, monkeypatch):
    """ResNet-18 as it is chosen where those are its weights."""
    network = replace(NETWORKS["resnet18"], files=(known_as(resnet18_weights),))
    monkeypatch.setitem(NETWORKS, "resnet18", network)
    monkeypatch.setenv("TRACKER_WEIGHTS", str(resnet18_weights.parent))
    return choose_backbone("resnet18")


@pytest.fixture
def face(tmp_path, monkeypatch):
    """A small network in the format and the place of the face network."""
    kernels = np.random.default_rng(0).normal(size=(24, 3, 16, 16)).astype(np.float32)
    image = ops.parameter([1, 3, 128, 128], np.float32)
    described = ops.convolution(image, ops.constant(kernels), [16, 16], [0, 0], [0, 0], [1, 1])
    pooled = ops.avg_pool(ops.sigmoid(described), [8, 8], [0, 0], [0, 0], [8, 8], True)
    openvino.save_model(openvino.Model([pooled], [image]), str(tmp_path / "face.xml"))
    files = tuple(known_as(tmp_path / name) for name in ("face.xml", "face.bin"))
    monkeypatch.setitem(NETWORKS, "face", replace(NETWORKS["face"], files=files))
    monkeypatch.setenv("TRACKER_WEIGHTS", str(tmp_path))
    return choose_backbone("face")


def small(seed=0, dim=64, unit_length=True):
    return build_trunk(choose_backbone("small"), dim, seed, unit_length)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", FILES)
def test_without_its_weights_a_network_is_refused_with_what_is_missing(name, tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKER_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError) as refused:
        choose_backbone(name)
    file = FILES[name][0]
    message = str(refused.value)
    assert message.startswith(f"{file.name} is not in {tmp_path} and cannot be fetched (no network")
    assert message.endswith(f"from {file.url} ({file.size / 1e6:.1f} MB, {file.licence})")
    assert "\n" not in message


@pytest.mark.usefixtures("no_network")
def test_a_small_cnn_needs_no_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKER_WEIGHTS", str(tmp_path))
    chosen = choose_backbone("small")
    assert (chosen.weights, chosen.hashes, chosen.pretrained_on) == ((), (), "")
    assert (chosen.aligned, chosen.input_side) == (False, 64)
    assert chosen.title == "a small CNN (from nothing)"


def test_a_network_is_chosen_with_its_weights_and_their_hashes(resnet18, resnet18_weights):
    assert resnet18.weights == (resnet18_weights,)
    assert resnet18.hashes == (known_as(resnet18_weights).sha256,)
    assert (resnet18.aligned, resnet18.input_side) == (False, 224)
    assert resnet18.pretrained_on == "ImageNet"
    assert resnet18.title == "ResNet-18 (pre-trained on ImageNet)"


def test_the_face_network_wants_aligned_crops_of_128_pixels(face):
    assert (face.aligned, face.input_side, face.pretrained_on) == (True, 128, "faces")
    assert len(face.hashes) == 2


def test_a_network_that_is_unknown_is_refused_with_those_that_are():
    with pytest.raises(ConfigError, match="'vgg' is unknown: use one of face, facenet, alexnet"):
        choose_backbone("vgg")


def test_a_network_starts_at_the_weights_in_its_file(resnet18, resnet18_weights):
    body = build_trunk(resnet18, 64, seed=0).body.state_dict()
    saved = torch.load(resnet18_weights, weights_only=True)
    assert saved.keys() - body.keys() == {"fc.weight", "fc.bias"}
    assert all(torch.equal(body[name], saved[name]) for name in body)


@pytest.mark.parametrize("side", [100, 224])
def test_pictures_are_embedded_on_the_unit_sphere(resnet18, side):
    embedded = build_trunk(resnet18, 48, seed=0)(pictures(2, side))
    assert embedded.shape == (2, 48)
    torch.testing.assert_close(embedded.norm(dim=1), torch.ones(2))


def test_batch_norm_keeps_its_statistics_while_a_network_learns(resnet18):
    trunk = build_trunk(resnet18, 64, seed=0).train()
    before = {name: value.clone() for name, value in trunk.named_buffers()}
    learning = trunk(pictures(2, 64))
    for name, value in trunk.named_buffers():
        assert torch.equal(value, before[name]), name
    torch.testing.assert_close(learning, trunk.eval()(pictures(2, 64)))


def test_damaged_weights_are_refused(tmp_path):
    path = tmp_path / "damaged.pth"
    path.write_bytes(b"")
    chosen = backbones.Backbone("resnet18", "ResNet-18", False, 224, "ImageNet", (path,), ("",))
    with pytest.raises(WeightsError, match=r"cannot load resnet18 from .*damaged\.pth: "):
        build_trunk(chosen, 64, seed=0)


def test_the_dropouts_of_alexnet_are_seeded():
    body, _ = make_body("alexnet", shapes_of(torchvision.models.alexnet))
    backbones._seed_dropouts(body, 5)
    assert not [module for module in body.modules() if isinstance(module, nn.Dropout)]
    dropouts = [module for module in body.modules() if isinstance(module, SeededDropout)]
    assert [(dropout.share, dropout.seed) for dropout in dropouts] == [(0.5, 5), (0.5, 6)]


class Seen(nn.Module):
    """Gives what it is given."""

    def forward(self, images):
        self.images = images
        return images.flatten(1)[:, :5]


def what_its_body_sees(inputs, images):
    seen = Seen()
    Trunk(seen, nn.Linear(5, 4), inputs, unit_length=True)(images)
    return seen.images


def test_the_body_sees_pictures_as_it_wants_them():
    images, inputs = pictures(2, 64), Inputs(64, (0.5,) * 3, (2.0,) * 3, blue_first=True)
    seen = what_its_body_sees(inputs, images)
    torch.testing.assert_close(seen, (images.flip(1) - 0.5) * 2)


def test_a_small_cnn_sees_colours_around_zero():
    orange = torch.tensor([1.0, 0.4, 0.2]).reshape(1, 3, 1, 1).expand(1, 3, 50, 50)
    seen = what_its_body_sees(backbones._SMALL.inputs, orange)
    assert seen.shape == (1, 3, 64, 64)
    torch.testing.assert_close(seen[0].mean(dim=(1, 2)), torch.tensor([0.5, -0.1, -0.3]))


def test_a_trunk_of_the_same_seed_starts_the_same():
    one, same, other = (small(seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["last.weight"], other["last.weight"])
    assert not torch.equal(one["body.0.weight"], other["body.0.weight"])


def test_building_a_trunk_leaves_the_random_numbers_of_torch_alone():
    before = torch.get_rng_state()
    small()
    assert torch.equal(torch.get_rng_state(), before)


def test_the_last_layer_learns_ten_times_as_fast_as_the_body():
    trunk = small()
    body, last = trunk.parameter_groups(1e-4)
    assert (body["lr"], last["lr"]) == (1e-4, pytest.approx(1e-3))
    assert last["params"] == [trunk.last.weight, trunk.last.bias]
    assert len(body["params"]) + 2 == len(list(trunk.parameters()))


def test_a_small_cnn_is_small():
    assert 250_000 < sum(parameter.numel() for parameter in small().parameters()) < 350_000


@pytest.mark.parametrize("dim", [2, 64, 200])
def test_the_embedding_has_as_many_numbers_as_asked_for(dim):
    assert small(dim=dim)(pictures(3, 100)).shape == (3, dim)


def test_no_pictures_are_embedded_as_none(face):
    for trunk in (small(), build_trunk(face, 64, seed=0)):
        assert trunk(torch.zeros(0, 3, 100, 100)).shape == (0, 64)


def test_a_picture_is_embedded_by_a_small_cnn_as_it_is_alone():
    trunk, images = small(), pictures(4, 100)
    alone = torch.cat([trunk(image[None]) for image in images])
    torch.testing.assert_close(trunk(images), alone, atol=1e-5, rtol=1e-4)


def test_the_lengths_are_left_where_that_is_asked_for():
    lengths = small(unit_length=False)(pictures(3, 64))
    torch.testing.assert_close(
        nn.functional.normalize(lengths, dim=1), small(unit_length=True)(pictures(3, 64))
    )
    assert not torch.allclose(lengths.norm(dim=1), torch.ones(3), atol=1e-3)


def test_a_small_cnn_learns_to_tell_two_apart_from_nothing():
    images = pictures(2, 64).repeat(4, 1, 1, 1)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    images = (images + 0.05 * noise).clamp(0, 1)
    same = torch.eye(2).repeat(4, 4) == 1
    trunk = small()
    optimiser = torch.optim.AdamW(trunk.parameter_groups(1e-3))
    for _ in range(15):
        embedded = trunk(images)
        alike = embedded @ embedded.T
        loss = alike[~same].mean() - alike[same].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    alike = trunk.eval()(images) @ trunk(images).T
    assert alike[same].min() > alike[~same].max() + 0.5


def test_gradients_reach_every_parameter_of_the_face_network(face):
    trunk = build_trunk(face, 64, seed=0)
    trunk(pictures(3, 128)).square()[:, :10].sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in trunk.parameters())


def test_the_face_network_starts_at_its_own_metric(face):
    images = pictures(6, 128)
    trunk = build_trunk(face, 64, seed=0)  # of 24 features, which 64 numbers hold exactly
    own = trunk.body(images.flip(1) * 255)
    torch.testing.assert_close(similarities(trunk(images)), similarities(own))


def test_a_damaged_face_network_is_refused(face):
    face.weights[1].write_bytes(b"")
    with pytest.raises(WeightsError, match=r"cannot read the network .*face\.xml: layer "):
        build_trunk(face, 64, seed=0)


@pytest.mark.shared
@needs_weights
def test_the_real_face_network_starts_close_to_its_own_metric(monkeypatch):
    monkeypatch.setenv("TRACKER_WEIGHTS", str(SHARED))
    trunk = build_trunk(choose_backbone("face"), 64, seed=0).eval()
    images = pictures(24, 128)
    with torch.no_grad():
        own = similarities(trunk.body(images.flip(1) * 255))
        started = similarities(trunk(images))
    assert torch.corrcoef(torch.stack([own, started]))[0, 1] > 0.8
    torch.testing.assert_close(started, own, atol=0.4, rtol=0)


@pytest.mark.shared
@needs_weights
def test_the_body_of_the_real_face_network_gives_what_openvino_gives(monkeypatch):
    monkeypatch.setenv("TRACKER_WEIGHTS", str(SHARED))
    trunk = build_trunk(choose_backbone("face"), 64, seed=0).eval()
    blue_first = (pictures(2, 128).flip(1) * 255).numpy()
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(SHARED / FACE[0].name), "CPU", exact)
    asked = np.concatenate([compiled(image[None])[0].reshape(1, -1) for image in blue_first])
    with torch.no_grad():
        found = trunk.body(torch.from_numpy(blue_first)).numpy()
    expected = asked / np.linalg.norm(asked, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_embeds_as_a_cpu_does():
    trunk, images = small().eval(), pictures(3, 100)
    on_cpu = trunk(images)
    on_gpu = trunk.to("cuda")(images.to("cuda")).cpu()
    torch.testing.assert_close(on_gpu, on_cpu, atol=1e-2, rtol=0)
