"""YuNet as a torch module, which looks at many pictures at once: for a GPU."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import openvino
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.backends import cudnn
from torch.nn import functional

from tracker.detection.yunet_decode import Candidates, padded_size
from tracker.openvino_core import cannot_load, openvino_core

_MOST_PIXELS = 16 << 20  # in a batch: 16 pictures of 1280 x 720, whose largest layers take 0.5 GB


class YuNet(nn.Module):
    """A backbone of small convolutions, a pyramid of three levels, and four heads on each.

    Source: Wu et al., YuNet: A Tiny Millisecond-level Face Detector, 2023.
    """

    def __init__(self) -> None:
        # In the order of the weights' file.
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU(), _Unit(16, 16), nn.ReLU()
        )
        self.stages = nn.ModuleList(_Stage(inputs, 64) for inputs in (16, 64, 64, 64, 64))
        self.laterals = nn.ModuleList(_Unit(64, 64) for _ in range(3))  # coarsest level first
        self.shared = nn.ModuleList(_Unit(64, 64) for _ in range(3))  # finest first, as below
        self.class_head = _Head(1)
        self.box_head = _Head(4)
        self.objectness_head = _Head(1)
        self.points_head = _Head(10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What every cell sees in `images` (B, 3, H, W): BGR, 0 to 255, sides multiples of 32.

        Returns:
            Scores (B, P), boxes (B, P, 4) and points (B, P, 10), as `Candidates` has them, of
            all P cells of the `cell_grid`.
        """
        levels = [
            functional.relu(unit(level))
            for unit, level in zip(self.shared, self._pyramid(images), strict=True)
        ]
        classes, objectness = self.class_head(levels), self.objectness_head(levels)
        scores = (classes.sigmoid() * objectness.sigmoid()).sqrt().squeeze(2)
        return scores, self.box_head(levels), self.points_head(levels)

    def _pyramid(self, images: Tensor) -> list[Tensor]:
        """Features (B, 64, h, w) at strides of 8, 16 and 32 pixels."""
        first, second, *deeper = self.stages
        features = second(first(functional.max_pool2d(self.stem(images), 2)))
        levels: list[Tensor] = []
        for stage in deeper:
            features = stage(functional.max_pool2d(features, 2))
            levels.append(features)
        coarsest, middle, finest = self.laterals
        at_32 = functional.relu(coarsest(levels[2]))
        at_16 = functional.relu(middle(levels[1] + functional.interpolate(at_32, scale_factor=2)))
        at_8 = functional.relu(finest(levels[0] + functional.interpolate(at_16, scale_factor=2)))
        return [at_8, at_16, at_32]


class _Unit(nn.Sequential):
    """A convolution over channels, then one over pixels, each channel by itself."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 1),
            nn.Conv2d(outputs, outputs, 3, padding=1, groups=outputs),
        )


class _Stage(nn.Sequential):
    """Two units."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(_Unit(inputs, inputs), nn.ReLU(), _Unit(inputs, outputs), nn.ReLU())


class _Head(nn.Module):
    """One kind of output, from every level."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.units = nn.ModuleList(_Unit(64, outputs) for _ in range(3))

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """The outputs (B, P, C) of all P cells of `levels`, each (B, 64, h, w)."""
        planes = [unit(level) for unit, level in zip(self.units, levels, strict=True)]
        return torch.cat([plane.flatten(2).transpose(1, 2) for plane in planes], dim=1)


def read_yunet(weights: Path) -> YuNet:
    """The network with the `weights` of an ONNX file.

    Raises:
        WeightsError: the file is missing or damaged, or holds another network.
    """
    network = YuNet()
    ours = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    try:
        theirs = list(_convolutions(openvino_core().read_model(str(weights))))
        with torch.no_grad():
            for layer, (kernel, bias) in zip(ours, theirs, strict=True):
                layer.weight.copy_(torch.from_numpy(kernel).reshape(layer.weight.shape))
                assert layer.bias is not None
                layer.bias.copy_(torch.from_numpy(bias).reshape(layer.bias.shape))
    except (RuntimeError, ValueError) as error:
        raise cannot_load(weights, error) from error
    return network.eval()


def _convolutions(
    model: openvino.Model,
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Kernel and bias of each convolution, in the order of the file."""
    numbered = {}
    for layer in model.get_ops():
        number = re.match(r"Conv_(\d+)/", layer.get_friendly_name())
        if number and layer.get_type_name() in ("Convolution", "GroupConvolution"):
            numbered[int(number[1])] = layer
    for _, layer in sorted(numbered.items()):
        readers = [reader.get_node() for reader in layer.output(0).get_target_inputs()]
        (addition,) = (reader for reader in readers if reader.get_type_name() == "Add")
        yield _constant(layer.input_value(1)), _constant(addition.input_value(1))


def _constant(output: openvino.Output) -> NDArray[np.float32]:
    """What `output`, a constant that may be given another shape, holds."""
    node = output.get_node()
    while node.get_type_name() != "Constant" and node.get_input_size():
        node = node.input_value(0).get_node()
    if node.get_type_name() != "Constant":
        raise ValueError(f"{node.get_friendly_name()} is no constant")
    return np.array(node.get_data(), np.float32)


class TorchYuNet:
    """Looks at pictures with a torch device, as many together as a GPU holds with ease.

    Single precision, products too: in half of it, boxes move by up to two pixels.
    """

    def __init__(self, weights: Path, min_score: float, device: torch.device) -> None:
        """Load the network onto `device`; it gives cells that score at least `min_score`.

        Raises:
            WeightsError: the file is missing or damaged, or holds another network.
        """
        self._network = read_yunet(weights).to(device).to(memory_format=torch.channels_last)
        self._min_score, self._device = min_score, device

    def look(self, images: Sequence[NDArray[np.uint8]]) -> Iterator[Candidates]:
        """The candidates of each of `images` (H, W, 3), RGB and of one size, in order."""
        if not images:
            return
        height, width = padded_size(*images[0].shape[:2])
        together = max(1, _MOST_PIXELS // (height * width))
        for start in range(0, len(images), together):
            yield from self._look_at_batch(np.stack(images[start : start + together]))

    @torch.inference_mode()
    def _look_at_batch(self, images: NDArray[np.uint8]) -> Iterator[Candidates]:
        with cudnn.flags(enabled=True, allow_tf32=False):
            scores, boxes, points = self._network(self._prepared(torch.from_numpy(images)))
        picture, cell = torch.nonzero(scores >= self._min_score, as_tuple=True)
        found = torch.cat(
            [scores[picture, cell, None], boxes[picture, cell], points[picture, cell]], 1
        )
        values, pictures, cells = (part.cpu().numpy() for part in (found, picture, cell))
        ends = np.searchsorted(pictures, np.arange(1, len(images)))
        for rows in np.split(np.arange(len(pictures)), ends):
            yield Candidates(cells[rows], values[rows, 0], values[rows, 1:5], values[rows, 5:])

    def _prepared(self, images: Tensor) -> Tensor:
        """`images` (B, H, W, 3) uint8 RGB on the device: (B, 3, H', W') float32 BGR, padded."""
        if self._device.type == "cuda":
            images = images.pin_memory().to(self._device, non_blocking=True)
        planes = images.permute(0, 3, 1, 2).flip(1).float()
        height, width = planes.shape[2:]
        full_height, full_width = padded_size(height, width)
        padded = functional.pad(planes, (0, full_width - width, 0, full_height - height))
        return padded.contiguous(memory_format=torch.channels_last)
