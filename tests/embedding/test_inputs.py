import numpy as np
import pytest
import torch
from torch import nn

from tracker.embedding.augmentation import augment
from tracker.embedding.backbones import build_trunk, choose_backbone
from tracker.embedding.inputs import CropInputs, FeatureInputs, embed
from tracker.embedding.network import EmbeddingHead

CPU = torch.device("cpu")
SIDE = 16  # of pictures
FACES = np.array([4, 0, 4, 2])
NONE = np.zeros(0, np.int64)


def features(count=10, size=6):
    return np.random.default_rng(0).normal(size=(count, size)).astype(np.float32)


def pictures(count=10, side=SIDE):
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def head(dropout=0.5):
    torch.manual_seed(0)
    return EmbeddingHead(6, 4, dropout, seed=0)


def trunk():
    return build_trunk(choose_backbone("small"), dim=4, seed=0)


class InFew(FeatureInputs):
    part_faces = 3


class PicturesInFew(CropInputs):
    part_faces = 3


def test_features_are_given_as_they_are_in_the_order_asked_for():
    inputs = FeatureInputs(features(), CPU)
    assert len(inputs) == 10
    np.testing.assert_array_equal(inputs.of(FACES).numpy(), features()[FACES])


def test_features_are_never_changed():
    inputs = FeatureInputs(features(), CPU)
    assert torch.equal(inputs.changed(FACES, generator()), inputs.of(FACES))


def test_features_are_centred_and_scaled_as_they_are_asked_for_and_kept_as_they_were():
    kept, centre = features(), np.arange(6, dtype=np.float32)
    inputs = FeatureInputs(kept, CPU, centre, scale=3.0)
    for _ in range(2):
        np.testing.assert_allclose(inputs.of(FACES), (features()[FACES] - centre) * 3, rtol=1e-6)
    np.testing.assert_array_equal(kept, features())


def test_features_in_any_layout_are_given_alike():
    turned = np.asfortranarray(features())
    assert torch.equal(
        FeatureInputs(turned, CPU).of(FACES), FeatureInputs(features(), CPU).of(FACES)
    )


def test_pictures_become_floats_with_their_channels_first():
    inputs = CropInputs(pictures(), SIDE, CPU)
    given = inputs.of(FACES)
    assert len(inputs) == 10
    assert given.dtype == torch.float32
    np.testing.assert_allclose(
        given.numpy(), pictures()[FACES].transpose(0, 3, 1, 2) / 255, rtol=1e-6
    )


def test_pictures_larger_than_wanted_are_made_smaller():
    blocks = pictures(side=4).repeat(4, axis=1).repeat(4, axis=2)  # 16 x 16, of 4 x 4 colours
    given = CropInputs(blocks, 8, CPU).of(FACES)
    assert given.shape == (4, 3, 8, 8)
    assert given.min() >= 0
    assert given.max() <= 1
    expected = torch.from_numpy(pictures(side=4)[FACES].astype(np.float32) / 255)
    corners = given[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    torch.testing.assert_close(
        corners, expected[:, [0, 0, -1, -1], [0, -1, 0, -1]].transpose(1, 2), atol=0.2, rtol=0
    )
    torch.testing.assert_close(given.mean(dim=(2, 3)), expected.mean(dim=(1, 2)), atol=0.02, rtol=0)
    assert CropInputs(blocks, 8, CPU).changed(FACES, generator()).shape == (4, 3, 8, 8)


def test_pictures_smaller_than_wanted_stay_as_they_are():
    as_they_are = CropInputs(pictures(), SIDE, CPU).of(FACES)
    assert torch.equal(CropInputs(pictures(), 64, CPU).of(FACES), as_they_are)


def test_pictures_are_changed_only_where_that_is_asked_for():
    inputs = CropInputs(pictures(), SIDE, CPU)
    as_they_are = inputs.of(FACES)
    changed = inputs.changed(FACES, generator())
    assert changed.shape == as_they_are.shape
    assert ((changed - as_they_are).abs().amax(dim=(1, 2, 3)) > 0.01).all()
    assert torch.equal(inputs.of(FACES), as_they_are)
    assert torch.equal(changed, augment(as_they_are, generator()))


def test_the_same_generator_changes_pictures_alike():
    inputs = CropInputs(pictures(), SIDE, CPU)
    one, same, other = (inputs.changed(FACES, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_face_asked_for_twice_is_changed_in_two_ways():
    changed = CropInputs(pictures(), SIDE, CPU).changed(FACES, generator())
    assert not torch.equal(changed[0], changed[2])


def test_pictures_on_disk_are_given_alike_and_stay_as_they_were(tmp_path):
    np.save(tmp_path / "crops.npy", pictures())
    on_disk = CropInputs(np.load(tmp_path / "crops.npy", mmap_mode="r"), SIDE, CPU)
    in_memory = CropInputs(pictures(), SIDE, CPU)
    assert torch.equal(on_disk.of(FACES), in_memory.of(FACES))
    assert torch.equal(on_disk.changed(FACES, generator()), in_memory.changed(FACES, generator()))
    np.testing.assert_array_equal(np.load(tmp_path / "crops.npy"), pictures())


@pytest.mark.parametrize(
    ("inputs", "shape"),
    [
        (FeatureInputs(features(), CPU), (0, 6)),
        (CropInputs(pictures(), SIDE, CPU), (0, 3, 16, 16)),
        (CropInputs(pictures(), 8, CPU), (0, 3, 8, 8)),
    ],
    ids=["features", "pictures", "smaller pictures"],
)
def test_no_faces_are_given_as_none(inputs, shape):
    assert inputs.of(NONE).shape == shape
    assert inputs.changed(NONE, generator()).shape == shape


@pytest.mark.parametrize(
    ("network", "whole", "parts"),
    [
        (head(), FeatureInputs(features(), CPU), InFew(features(), CPU)),
        (trunk(), CropInputs(pictures(), SIDE, CPU), PicturesInFew(pictures(), SIDE, CPU)),
    ],
    ids=["features", "pictures"],
)
def test_faces_embedded_in_parts_are_those_embedded_at_once(network, whole, parts):
    torch.testing.assert_close(embed(network, parts), embed(network, whole))
    torch.testing.assert_close(embed(network, parts, FACES), embed(network, whole)[FACES])


def test_all_faces_are_embedded_unless_some_are_named():
    network, inputs = head(), FeatureInputs(features(), CPU)
    everything = embed(network, inputs)
    assert everything.shape == (10, 4)
    torch.testing.assert_close(embed(network, inputs, FACES), everything[FACES])


@pytest.mark.parametrize(
    ("network", "inputs"),
    [(head(), FeatureInputs(features(), CPU)), (trunk(), CropInputs(pictures(), SIDE, CPU))],
    ids=["features", "pictures"],
)
def test_no_faces_are_embedded_as_none(network, inputs):
    assert embed(network, inputs, NONE).shape == (0, 4)


@pytest.mark.parametrize("training", [True, False])
def test_embedding_neither_drops_nor_changes_the_mode_of_the_network(training):
    network, inputs = head(dropout=0.9).train(training), FeatureInputs(features(), CPU)
    modes = [module.training for module in network.modules()]
    expected = network.layers.eval()(inputs.of(FACES))
    network.train(training)
    torch.testing.assert_close(
        embed(network, inputs, FACES), nn.functional.normalize(expected, dim=1)
    )
    assert [module.training for module in network.modules()] == modes


@pytest.mark.parametrize("training", [True, False])
def test_embedding_leaves_frozen_batch_norm_frozen(training):
    network = trunk()
    network.body = nn.Sequential(nn.BatchNorm2d(3), network.body)
    network.train(training)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    embed(network, CropInputs(pictures(), SIDE, CPU))
    assert network.training == training
    assert not network.body[0].training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_embeddings_carry_no_gradient():
    assert not embed(head(), FeatureInputs(features(), CPU)).requires_grad
