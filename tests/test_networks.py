import pickle

import pytest
import torch
import torchvision
from facenet_pytorch import InceptionResnetV1
from torch import nn

from tracker.config import BACKBONES, FEATURE_KINDS
from tracker.errors import WeightsError
from tracker.networks import NETWORKS, InputPreparation, Inputs, load_body, make_body


def shapes_of(make):
    """A state that fits what `make` makes, at no cost: one number, repeated."""
    with torch.device("meta"):
        state = make().state_dict()
    return {name: torch.tensor(0.01).expand(value.shape) for name, value in state.items()}


def test_every_network_can_be_a_trunk_and_give_features():
    assert NETWORKS.keys() == set(BACKBONES) - {"small"}
    assert NETWORKS.keys() == set(FEATURE_KINDS) - {"auto", "hog"}


def test_networks_trained_on_faces_know_faces_and_the_others_do_not():
    assert {name for name, network in NETWORKS.items() if network.knows_faces} == {
        "face",
        "facenet",
    }


def test_only_the_face_network_wants_crops_turned_by_their_landmarks():
    assert [name for name, network in NETWORKS.items() if network.aligned] == ["face"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("face", [51.0, 102.0, 255.0]),  # blue, green, red
        ("facenet", [(255 - 127.5) / 128, (102 - 127.5) / 128, (51 - 127.5) / 128]),
        ("alexnet", [(1 - 0.485) / 0.229, (0.4 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]),
        ("resnet18", [(1 - 0.485) / 0.229, (0.4 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]),
        ("resnet50", [(1 - 0.485) / 0.229, (0.4 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]),
    ],
)
def test_every_network_sees_colours_as_it_was_trained_on_them(name, expected):
    inputs = NETWORKS[name].inputs
    orange = torch.tensor([1.0, 0.4, 0.2]).reshape(1, 3, 1, 1).expand(1, 3, 50, 50)
    seen = InputPreparation(inputs)(orange)
    assert seen.shape == (1, 3, inputs.side, inputs.side)
    torch.testing.assert_close(seen[0].mean(dim=(1, 2)), torch.tensor(expected))
    torch.testing.assert_close(seen[0].std(dim=(1, 2)), torch.zeros(3), atol=1e-4, rtol=0)


PLAIN = Inputs(64, (0.5,) * 3, (1.0,) * 3)


def test_pictures_of_the_side_that_is_wanted_are_seen_as_they_are():
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(InputPreparation(PLAIN)(images), images - 0.5)


def test_larger_pictures_are_averaged_down():
    fine = torch.zeros(1, 3, 256, 256)
    fine[..., ::2] = 1  # to be grey, not striped
    seen = InputPreparation(PLAIN)(fine)[..., 2:-2]
    torch.testing.assert_close(seen, torch.zeros_like(seen), atol=0.02, rtol=0)


def test_preparing_pictures_adds_nothing_to_a_networks_weights():
    assert InputPreparation(PLAIN).state_dict() == {}


def test_alexnet_is_kept_up_to_fc7():
    body, features = make_body("alexnet", shapes_of(torchvision.models.alexnet))
    assert features == 4096
    assert body(torch.ones(2, 3, 224, 224)).shape == (2, 4096)
    assert isinstance(body.classifier[-1], nn.ReLU)


def test_resnet50_is_kept_up_to_its_pooled_features():
    body, features = make_body("resnet50", shapes_of(torchvision.models.resnet50))
    assert features == 2048
    assert body.eval()(torch.ones(1, 3, 64, 64)).shape == (1, 2048)


def test_facenet_is_kept_but_for_the_people_it_was_trained_on():
    state = shapes_of(lambda: InceptionResnetV1(classify=True, num_classes=8631))
    body, features = make_body("facenet", state)
    assert features == 512
    described = body.eval()(torch.ones(2, 3, 160, 160))
    assert described.shape == (2, 512)
    torch.testing.assert_close(described.norm(dim=1), torch.ones(2))


def test_weights_that_lack_a_layer_are_never_made_up():
    state = shapes_of(torchvision.models.resnet18)
    del state["layer4.1.conv2.weight"]
    with pytest.raises(RuntimeError, match="Missing key"):
        make_body("resnet18", state)


def test_a_network_is_loaded_with_the_weights_in_its_file(tmp_path):
    state = shapes_of(torchvision.models.resnet18)
    torch.save(state, tmp_path / "net.pth")
    body, features = load_body("resnet18", tmp_path / "net.pth")
    assert features == 512
    loaded = body.state_dict()
    assert state.keys() - loaded.keys() == {"fc.weight", "fc.bias"}
    assert all(torch.equal(loaded[name], state[name].to(loaded[name])) for name in loaded)


def damaged(kind, path):
    if kind == "cut short":
        torch.save(torch.rand(1000), path)
        path.write_bytes(path.read_bytes()[:3000])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "of another network":
        torch.save({"fc.weight": torch.zeros(3)}, path)
    elif kind == "no state at all":
        torch.save([1, 2, 3], path)
    elif kind == "code":
        torch.save(nn.Linear(1, 1), path)  # its pickle names a class
    else:
        path.write_bytes(pickle.dumps({"fc.weight": 1}))
    return path


@pytest.mark.parametrize(
    "kind",
    ["cut short", "empty", "of another network", "no state at all", "code", "a plain pickle"],
)
def test_damaged_weights_are_refused_in_one_line(tmp_path, kind):
    path = damaged(kind, tmp_path / "damaged.pth")
    with pytest.raises(WeightsError) as refused:
        load_body("resnet18", path)
    assert str(refused.value).startswith(f"cannot load resnet18 from {path}: ")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_missing_is_refused_in_one_line(tmp_path):
    with pytest.raises(WeightsError, match=r"cannot load alexnet from .*gone\.pth: .*No such file"):
        load_body("alexnet", tmp_path / "gone.pth")
