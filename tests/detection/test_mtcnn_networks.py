import facenet_pytorch.models.mtcnn as facenet
import numpy as np
import pytest
import torch

from tracker.detection.mtcnn_networks import networks_in_openvino, networks_in_torch

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=["openvino", "torch"])
def networks(request):
    return networks_in_openvino(2) if request.param == "openvino" else networks_in_torch(CPU)


def reference_rows(name, pixels):
    """What facenet-pytorch's network says, arranged as ours: log-odds, box, landmarks."""
    with torch.no_grad():
        said = getattr(facenet, name)().eval()((pixels.permute(0, 3, 1, 2) - 127.5) / 128)
    *moves, shares = said
    parts = [torch.log(shares[:, 1:] / shares[:, :1]), *moves]
    return torch.cat(parts, dim=1).movedim(1, -1)


def noise(count, height, width):
    values = np.random.default_rng(0).uniform(0, 255, (count, height, width, 3))
    return torch.from_numpy(values.astype(np.float32))


@pytest.mark.parametrize("size", [(12, 12), (13, 40), (35, 36)])
def test_the_first_network_says_what_facenet_pytorchs_says(networks, size):
    pixels = noise(3, *size)
    torch.testing.assert_close(
        networks.first(pixels), reference_rows("PNet", pixels), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("count", [1, 32, 40])
def test_the_second_network_says_what_facenet_pytorchs_says(networks, count):
    pixels = noise(count, 24, 24)
    torch.testing.assert_close(
        networks.second(pixels), reference_rows("RNet", pixels), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("count", [1, 8, 11])
def test_the_third_network_says_what_facenet_pytorchs_says(networks, count):
    pixels = noise(count, 48, 48)
    torch.testing.assert_close(
        networks.third(pixels),
        reference_rows("ONet", pixels),
        rtol=1e-3,
        atol=1e-3,
    )
