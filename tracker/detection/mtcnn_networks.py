"""The three networks of MTCNN, with the weights that facenet-pytorch carries."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import facenet_pytorch.models.mtcnn as facenet
import numpy as np
import openvino
import torch
from numpy.typing import NDArray
from openvino import opset13 as layers_of
from torch import Tensor, nn
from torch.nn import functional

from tracker.openvino_core import openvino_core

FIRST_SIDE, SECOND_SIDE, THIRD_SIDE = 12, 24, 48  # of what each looks at, in its pixels
FIRST_STRIDE = 2
_MOST_SIZES = 64  # of pictures, that a network stays ready for; a video needs about twelve

# The first head tells faces from others; then come those for the box and the landmarks.
_LAYERS = {
    "PNet": "conv1 prelu1 pool1 conv2 prelu2 conv3 prelu3",
    "RNet": "conv1 prelu1 pool1 conv2 prelu2 pool2 conv3 prelu3 across dense4 prelu4",
    "ONet": "conv1 prelu1 pool1 conv2 prelu2 pool2 conv3 prelu3 pool3 conv4 prelu4 across "
    "dense5 prelu5",
}
_HEADS = {
    "PNet": ("conv4_1", "conv4_2"),
    "RNet": ("dense5_1", "dense5_2"),
    "ONet": ("dense6_1", "dense6_2", "dense6_3"),
}


class Networks(NamedTuple):
    """Each takes pixels (B, H, W, 3) float32 from 0 to 255 and gives rows of numbers.

    The first number of a row is the log-odds of a face, the next four say how the sides of the
    box should move, as shares of its width and height.

    Attributes:
        first: rows (B, h, w, 5), one for each window of 12 x 12, every second pixel.
        second: rows (B, 5), of pictures of 24 x 24.
        third: rows (B, 15), of pictures of 48 x 48; the last ten are the landmarks' x, then
            their y, as shares of the box.
    """

    first: Callable[[Tensor], Tensor]
    second: Callable[[Tensor], Tensor]
    third: Callable[[Tensor], Tensor]


class FlattenAcross(nn.Module):
    """(B, C, H, W) to (B, W * H * C): the order that the dense layers have learned with."""

    def forward(self, values: Tensor) -> Tensor:
        """Column by column, from the top down, all channels of a place together."""
        return values.permute(0, 3, 2, 1).flatten(1)


class CascadeNetwork(nn.Module):
    """One of the networks; what is done to pixels first and to scores last is in its weights."""

    def __init__(self, name: str) -> None:
        """Load PNet, RNet or ONet."""
        super().__init__()
        source = getattr(facenet, name)().eval()
        source.across = FlattenAcross()
        self.layers = nn.Sequential(*(getattr(source, layer) for layer in _LAYERS[name].split()))
        self.head = _joined([getattr(source, head) for head in _HEADS[name]])
        _take_raw_pixels(source.conv1)
        self.requires_grad_(False)

    def forward(self, pixels: Tensor) -> Tensor:
        """The rows that `Networks` describes."""
        values: Tensor = self.layers(pixels.permute(0, 3, 1, 2))
        rows: Tensor = self.head(values.movedim(1, -1))
        return rows


def networks_in_torch(device: torch.device) -> Networks:
    """The networks as modules, for any device."""
    return Networks(*(CascadeNetwork(name).to(device) for name in _LAYERS))


@cache
def networks_in_openvino(threads: int) -> Networks:
    """The networks for the CPU, to be called by up to `threads` threads at once, a core each.

    They take and give tensors in the CPU's memory, and differ from those in torch by rounding.
    """
    return Networks(
        _OpenVinoNetwork(CascadeNetwork("PNet"), threads, at_once=1),
        _OpenVinoNetwork(CascadeNetwork("RNet"), threads, at_once=32),
        _OpenVinoNetwork(CascadeNetwork("ONet"), threads, at_once=8),
    )


class _OpenVinoNetwork:
    """A network made ready for each size of picture: that halves its time."""

    def __init__(self, network: CascadeNetwork, threads: int, at_once: int) -> None:
        """Prepare to look at `at_once` pictures together; what they need should fit a cache."""
        self._network = network
        self._at_once = at_once
        self._settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": threads,
            "ENABLE_CPU_PINNING": False,  # a core may be another program's
        }
        self._core = openvino_core()
        self._one_compiles = threading.Lock()
        self._ready = lru_cache(_MOST_SIZES)(self._compile)

    def __call__(self, pixels: Tensor) -> Tensor:
        """The rows of `pixels` (B, H, W, 3)."""
        rows = [self._rows_of(part) for part in torch.split(pixels, self._at_once)]
        return torch.from_numpy(np.concatenate(rows))

    def _rows_of(self, pixels: Tensor) -> NDArray[np.float32]:
        count, height, width, _ = pixels.shape
        if count < self._at_once:
            pixels = functional.pad(pixels, (0, 0, 0, 0, 0, 0, 0, self._at_once - count))
        with self._one_compiles:
            compiled, idle = self._ready(height, width)
        try:
            request = idle.pop()
        except IndexError:
            request = compiled.create_infer_request()
        rows = request.infer([pixels.contiguous().numpy()], share_inputs=True)[0]
        idle.append(request)
        return np.asarray(rows[:count], np.float32)

    def _compile(
        self, height: int, width: int
    ) -> tuple[openvino.CompiledModel, deque[openvino.InferRequest]]:
        """The network for pictures of a size, and the memory for it that no thread uses now."""
        model = _as_openvino(self._network, [self._at_once, height, width, 3])
        return self._core.compile_model(model, "CPU", self._settings), deque()


def _joined(heads: Sequence[nn.Module]) -> nn.Linear:
    """All heads in one; in place of two scores, by how much that of a face is higher."""
    states = [head.state_dict() for head in heads]
    weight, bias = (torch.cat([state[kind] for state in states]) for kind in ("weight", "bias"))
    weight = torch.cat([weight[1:2] - weight[:1], weight[2:]]).flatten(1)
    bias = torch.cat([bias[1:2] - bias[:1], bias[2:]])
    joined = nn.Linear(weight.shape[1], len(weight))
    joined.load_state_dict({"weight": weight, "bias": bias})
    return joined


@torch.no_grad()
def _take_raw_pixels(convolution: nn.Conv2d) -> None:
    """Make a layer learned on (pixel - 127.5) / 128 take the pixel itself: it is linear."""
    assert convolution.bias is not None, "a first layer without a bias"
    convolution.weight /= 128
    convolution.bias -= 127.5 * convolution.weight.sum(dim=(1, 2, 3))


def _as_openvino(network: CascadeNetwork, shape: list[int]) -> openvino.Model:
    """The same layers for OpenVINO, which otherwise would trace the module, slowly."""
    pixels = layers_of.parameter(shape, np.float32)
    values = layers_of.transpose(pixels, np.array([0, 3, 1, 2]))
    for layer in network.layers:
        values = _layer_in_openvino(layer, values)
    weight, bias = _numbers(network.head.weight), _numbers(network.head.bias)
    if FlattenAcross in map(type, network.layers):
        rows = layers_of.matmul(values, weight, False, True)
    else:  # as a convolution it takes a third of the time
        values = _convolved(values, weight[:, :, None, None])
        rows = layers_of.transpose(values, np.array([0, 2, 3, 1]))
    return openvino.Model([layers_of.add(rows, bias)], [pixels])


def _layer_in_openvino(layer: nn.Module, values: Any) -> Any:
    match layer:
        case nn.Conv2d():
            result = _convolved(values, _numbers(layer.weight))
            return layers_of.add(result, _numbers(layer.bias).reshape(1, -1, 1, 1))
        case nn.PReLU():
            return layers_of.prelu(values, _numbers(layer.weight))
        case nn.MaxPool2d():
            steps, size = [layer.stride] * 2, [layer.kernel_size] * 2
            pooled = layers_of.max_pool(
                values, steps, [1, 1], [0, 0], [0, 0], size, rounding_type="ceil"
            )
            return pooled.output(0)
        case FlattenAcross():
            across = layers_of.transpose(values, np.array([0, 3, 2, 1]))
            return layers_of.reshape(across, np.array([0, -1]), special_zero=True)
        case nn.Linear():
            product = layers_of.matmul(values, _numbers(layer.weight), False, True)
            return layers_of.add(product, _numbers(layer.bias))
        case _:
            raise AssertionError(f"{type(layer).__name__} is in none of the networks")


def _convolved(values: Any, kernels: NDArray[np.float32]) -> Any:
    return layers_of.convolution(values, kernels, [1, 1], [0, 0], [0, 0], [1, 1])


def _numbers(weights: Tensor | None) -> NDArray[np.float32]:
    assert weights is not None, "a layer without its weights"
    return weights.detach().numpy()
