"""YuNet's engines: on a small network drawn here, and on the real one where it is at hand."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import openvino
import pytest
import torch
from openvino import opset13 as ops
from torch import nn

from tracker.detection.yunet import YuNetDetector
from tracker.detection.yunet_decode import STRIDES, cell_grid, padded_size
from tracker.detection.yunet_openvino import OpenVinoYuNet
from tracker.detection.yunet_torch import TorchYuNet, YuNet, read_yunet
from tracker.errors import WeightsError
from tracker.records import Frame
from tracker.synthetic import draw_portrait

CPU = torch.device("cpu")
YUNET = Path(__file__).parents[3] / "shared/weights/yunet_n_dynamic.onnx"
HEADS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
needs_weights = pytest.mark.skipif(not YUNET.exists(), reason=f"no YuNet weights at {YUNET}")


def pictures(count, height=50, width=70, seed=0):
    return list(
        np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    )


def kernels(kind, stride):
    """What the drawn network weighs the BGR pixels of a cell with, (outputs, 3, h, w)."""
    shape = (HEADS[kind], 3, stride, stride)
    drawn = np.random.default_rng([stride, len(kind)]).normal(size=shape)
    return (drawn / 100 / stride).astype(np.float32)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A network with YuNet's input and outputs, each cell of which sees its own pixels only."""
    image = ops.parameter(openvino.PartialShape([-1, 3, -1, -1]), np.float32, name="input")
    outputs = []
    for kind, count in HEADS.items():
        for stride in STRIDES:
            kernel = ops.constant(kernels(kind, stride))
            node = ops.convolution(image, kernel, [stride] * 2, [0, 0], [0, 0], [1, 1])
            rows = ops.transpose(node, np.array([0, 2, 3, 1]))
            node = ops.reshape(rows, np.array([0, -1, count]), special_zero=True)
            node = ops.sigmoid(node) if kind in ("cls", "obj") else node
            node.output(0).set_names({f"{kind}_{stride}"})
            outputs.append(node)
    path = tmp_path_factory.mktemp("drawn") / "network.xml"
    openvino.save_model(openvino.Model(outputs, [image]), str(path), compress_to_fp16=False)
    return path


def slowly_seen(image, kind):
    """What each cell of the drawn network says of `image`, one by one."""
    padded = np.zeros((*padded_size(*image.shape[:2]), 3))
    padded[: image.shape[0], : image.shape[1]] = image[:, :, ::-1]
    found = []
    for column, row, stride in cell_grid(*padded.shape[:2]).astype(int):
        top, left = row * stride, column * stride
        cell = padded[top : top + stride, left : left + stride].transpose(2, 0, 1)
        found.append((kernels(kind, stride) * cell).sum(axis=(1, 2, 3)))
    return np.array(found)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_openvino_says_of_each_picture_in_order_what_the_network_does(drawn, threads):
    images = pictures(7)  # more than are looked at together
    for image, seen in zip(images, OpenVinoYuNet(drawn, 0.0, threads).look(images), strict=True):
        class_, objectness = (1 / (1 + np.exp(-slowly_seen(image, k))) for k in ("cls", "obj"))
        assert seen.cells.tolist() == list(range(len(cell_grid(64, 96))))
        np.testing.assert_allclose(seen.scores, np.sqrt(class_ * objectness)[:, 0], atol=1e-4)
        np.testing.assert_allclose(seen.boxes, slowly_seen(image, "bbox"), atol=1e-3)
        np.testing.assert_allclose(seen.points, slowly_seen(image, "kps"), atol=1e-3)


def test_only_cells_of_the_least_score_are_given(drawn):
    images = pictures(3)
    everything = OpenVinoYuNet(drawn, 0.0, 1).look(images)
    for every, seen in zip(everything, OpenVinoYuNet(drawn, 0.5, 1).look(images), strict=True):
        kept = every.scores >= 0.5
        assert 0 < kept.sum() < len(kept)
        np.testing.assert_array_equal(seen.cells, every.cells[kept])
        np.testing.assert_array_equal(seen.boxes, every.boxes[kept])


@pytest.mark.parametrize("second", [(40, 65), (64, 96), (20, 100)], ids=["below", "full", "other"])
def test_the_picture_before_leaves_no_trace(drawn, second):
    network = OpenVinoYuNet(drawn, 0.0, 1)
    list(network.look(pictures(2, 60, 90)))
    (again,) = network.look(pictures(1, *second, seed=1))
    (fresh,) = OpenVinoYuNet(drawn, 0.0, 1).look(pictures(1, *second, seed=1))
    np.testing.assert_array_equal(again.boxes, fresh.boxes)


def test_no_pictures_give_nothing(drawn):
    assert list(OpenVinoYuNet(drawn, 0.0).look([])) == []


def test_a_file_that_is_another_network_is_refused_in_one_line(tmp_path):
    image = ops.parameter([1, 3, 32, 32], np.float32)
    path = tmp_path / "other.xml"
    openvino.save_model(openvino.Model([ops.relu(image)], [image]), str(path))
    for load in (lambda: OpenVinoYuNet(path, 0.5), lambda: read_yunet(path)):
        with pytest.raises(WeightsError, match=r"OpenVINO cannot load .*other\.xml: .") as refused:
            load()
        assert "\n" not in str(refused.value)


@pytest.fixture(scope="module")
def unlearned(tmp_path_factory):
    """A torch module with drawn weights, and a file that has them where YuNet's has its own."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = YuNet().eval()
    inputs, outputs = [], []
    for number, layer in enumerate(m for m in network.modules() if isinstance(m, nn.Conv2d)):
        kernel, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        image = ops.parameter([1, layer.in_channels, 32, 32], np.float32)
        if layer.groups > 1:
            node = ops.group_convolution(image, kernel[:, None], [1, 1], [0, 0], [0, 0], [1, 1])
        else:
            node = ops.convolution(image, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
        node.set_friendly_name(f"Conv_{number}/WithoutBiases")
        inputs.append(image)
        outputs.append(ops.add(node, bias.reshape(1, -1, 1, 1)))
    path = tmp_path_factory.mktemp("unlearned") / "network.xml"
    model = openvino.Model(outputs[::-1], inputs[::-1])  # the numbers tell, not the order
    openvino.save_model(model, str(path), compress_to_fp16=False)
    return network, path


def test_a_torch_module_gets_each_weight_of_the_file(unlearned):
    network, path = unlearned
    loaded = read_yunet(path).state_dict()
    assert all(torch.equal(values, loaded[name]) for name, values in network.state_dict().items())


def test_torch_says_of_pictures_together_what_the_network_says_of_each(unlearned, monkeypatch):
    network, path = unlearned
    images = pictures(5)
    monkeypatch.setattr("tracker.detection.yunet_torch._MOST_PIXELS", 2 * 64 * 96)
    least = 0.5
    for image, seen in zip(images, TorchYuNet(path, least, CPU).look(images), strict=True):
        padded = np.zeros((64, 96, 3), np.float32)
        padded[:50, :70] = image[:, :, ::-1]
        with torch.no_grad():
            scores, boxes, points = network(torch.from_numpy(padded).permute(2, 0, 1)[None])
        cells = np.flatnonzero(scores[0].numpy() >= least)
        np.testing.assert_array_equal(seen.cells, cells)
        np.testing.assert_allclose(seen.scores, scores[0, cells], atol=1e-4)
        np.testing.assert_allclose(seen.boxes, boxes[0, cells], atol=1e-4)
        np.testing.assert_allclose(seen.points, points[0, cells], atol=1e-4)


def test_torch_is_given_no_pictures_and_gives_nothing(unlearned):
    assert list(TorchYuNet(unlearned[1], 0.5, CPU).look([])) == []


@pytest.mark.shared
@needs_weights
def test_torch_says_of_every_cell_what_openvino_says():
    images = [draw_portrait(seed, 150)[0] for seed in (1, 2, 3)]
    engines = (TorchYuNet(YUNET, 0.0, CPU), OpenVinoYuNet(YUNET, 0.0))
    for ours, theirs in zip(*(engine.look(images) for engine in engines), strict=True):
        np.testing.assert_array_equal(ours.cells, theirs.cells)
        for column in ("scores", "boxes", "points"):
            np.testing.assert_allclose(getattr(ours, column), getattr(theirs, column), atol=1e-4)


@pytest.mark.shared
@needs_weights
@pytest.mark.parametrize(("height", "width"), [(160, 480), (150, 470), (161, 500)])
def test_faces_are_those_of_opencv(height, width):
    row = np.concatenate([draw_portrait(seed, 160)[0] for seed in (1, 2, 3)], axis=1)
    image = np.zeros((height, width, 3), np.uint8)
    image[:160, :480] = row[:height, :width]
    network = cv2.FaceDetectorYN.create(str(YUNET), "", (width, height), 0.3, 0.3, 5000)
    expected = network.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
    frames = [Frame(index, Fraction(index, 25), image) for index in range(2)]
    found = YuNetDetector(YUNET, 0.3, 1, CPU).detect(frames)
    assert found.frame.tolist() == [0] * len(expected) + [1] * len(expected)
    assert len(expected) >= 3
    np.testing.assert_allclose(found.boxes[:, :2], np.tile(expected[:, :2], (2, 1)), atol=0.01)
    sizes = found.boxes[:, 2:] - found.boxes[:, :2]
    np.testing.assert_allclose(sizes, np.tile(expected[:, 2:4], (2, 1)), atol=0.01)
    points = found.landmarks.reshape(-1, 10)
    np.testing.assert_allclose(points, np.tile(expected[:, 4:14], (2, 1)), atol=0.01)
    np.testing.assert_allclose(found.scores, np.tile(expected[:, 14], 2), atol=1e-4)
