"""Reading a network in OpenVINO's format (an `.xml` and a `.bin`) so that it can learn on.

Only the kinds of layers that face-reidentification-retail-0095 is made of are known.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tracker.errors import WeightsError

_FLOATS: dict[str, np.dtype[Any]] = {"f16": np.dtype("<f2"), "f32": np.dtype("<f4")}
_INPUTS = {  # of a layer of each kind
    "Parameter": 0,
    "Const": 0,
    "Convert": 1,
    "Sigmoid": 1,
    "AvgPool": 1,
    "Result": 1,
    "Add": 2,
    "Multiply": 2,
    "PReLU": 2,
    "Convolution": 2,
    "GroupConvolution": 2,
}


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer as the file has it; `sources` are those that it reads, in the order of its ports."""

    number: int
    name: str
    kind: str
    data: Mapping[str, str]
    sources: tuple[int, ...]


class _Step(NamedTuple):
    """`compute` makes a layer's value of those of its `sources`; `done` are not read again."""

    number: int
    compute: Callable[..., Tensor]
    sources: tuple[int, ...]
    done: tuple[int, ...]


class IRNetwork(nn.Module):
    """A network whose constants (kernels, biases, scales, slopes) are float32 parameters.

    Attributes:
        output_size: how many numbers it gives for a picture.
    """

    def __init__(self, layers: Sequence[_Layer], constants: bytes) -> None:
        """Compute `layers`, each of which comes after those that it reads."""
        super().__init__()
        parameter = _only(layers, "Parameter")
        self._input, self._output = parameter.number, _only(layers, "Result").number
        self._names: dict[int, str] = {}  # of the parameters, by layer
        self._steps: list[_Step] = []
        last_use = {source: layer.number for layer in layers for source in layer.sources}
        for layer in layers:
            with _named_in_errors(layer):
                if layer.kind == "Const":
                    name = re.sub(r"\W", "_", f"{layer.name}_{layer.number}", flags=re.ASCII)
                    self.register_parameter(name, nn.Parameter(_constant(layer, constants)))
                    self._names[layer.number] = name
                elif layer.kind != "Parameter":
                    done = {read for read in layer.sources if last_use[read] == layer.number}
                    step = _Step(layer.number, _computation(layer), layer.sources, tuple(done))
                    self._steps.append(step)
        self.output_size = self._measure_output(parameter)

    def forward(self, images: Tensor) -> Tensor:
        """The vectors (B, `output_size`) of `images` (B, 3, H, W) float32."""
        values: dict[int, Tensor] = {self._input: images}
        values |= {number: getattr(self, name) for number, name in self._names.items()}
        for step in self._steps:
            values[step.number] = step.compute(*(values[source] for source in step.sources))
            for number in step.done:
                del values[number]
        return values[self._output].flatten(1)

    @torch.no_grad()
    def _measure_output(self, parameter: _Layer) -> int:
        """The length of the vector of a black picture, which shows that the layers fit."""
        shape = _numbers(parameter, "shape")
        if len(shape) != 4 or shape[1] != 3 or parameter.data.get("element_type") != "f32":
            raise ValueError(f"its input {shape} is not a batch of float32 pictures")
        try:
            return int(self(torch.zeros(1, *shape[1:])).shape[1])
        except (RuntimeError, IndexError) as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(f"its layers do not fit each other ({reason})") from error


def read_ir(xml: Path) -> IRNetwork:
    """The network in `xml`, with its constants from the `.bin` beside it.

    Raises:
        WeightsError: a file is missing or damaged, or a layer is of a kind not known here.
    """
    try:
        layers = _in_order(_read_layers(xml.read_text(encoding="utf-8")))
        return IRNetwork(layers, xml.with_suffix(".bin").read_bytes())
    except (OSError, ValueError, ElementTree.ParseError) as error:
        raise WeightsError(f"cannot read the network {xml}: {error}") from error


def _read_layers(text: str) -> dict[int, _Layer]:
    """Every layer of the file, by its number."""
    if "<!DOCTYPE" in text:
        raise ValueError("it has a DOCTYPE, which could name other files or grow without end")
    root = ElementTree.fromstring(text)
    ports: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for edge in root.iterfind("edges/edge"):
        source, target, port = (
            _whole(_attribute(edge.attrib, name)) for name in ("from-layer", "to-layer", "to-port")
        )
        ports[target][port] = source
    layers: dict[int, _Layer] = {}
    for element in root.iterfind("layers/layer"):
        number = _whole(_attribute(element.attrib, "id"))
        if number in layers:
            raise ValueError(f"two layers are numbered {number}")
        layers[number] = _read_layer(element, number, ports[number])
    return layers


def _read_layer(
    element: ElementTree.Element, number: int, source_of_port: Mapping[int, int]
) -> _Layer:
    name, kind = _attribute(element.attrib, "name"), _attribute(element.attrib, "type")
    if kind not in _INPUTS:
        raise ValueError(f"layer {name} is of a kind not known here ({kind})")
    if len(source_of_port) != _INPUTS[kind]:
        raise ValueError(f"layer {name} has {len(source_of_port)} inputs, not {_INPUTS[kind]}")
    data = element.find("data")
    sources = tuple(source_of_port[port] for port in sorted(source_of_port))
    return _Layer(number, name, kind, {} if data is None else data.attrib, sources)


def _in_order(layers: Mapping[int, _Layer]) -> list[_Layer]:
    """The layers that the result depends on, each after those that it reads."""
    graph: dict[int, tuple[int, ...]] = {}
    pending = [_only(list(layers.values()), "Result").number]
    while pending:
        number = pending.pop()
        if number not in layers:
            raise ValueError(f"layer {number} is read, but is not there")
        if number not in graph:
            graph[number] = layers[number].sources
            pending += graph[number]
    in_file_order = {number: graph[number] for number in layers if number in graph}
    try:
        return [layers[number] for number in TopologicalSorter(in_file_order).static_order()]
    except CycleError as error:
        raise ValueError("its layers read each other in a circle") from error


def _only(layers: Sequence[_Layer], kind: str) -> _Layer:
    found = [layer for layer in layers if layer.kind == kind]
    if len(found) != 1:
        raise ValueError(f"it has {len(found)} layers of the kind {kind}, not one")
    return found[0]


def _constant(layer: _Layer, constants: bytes) -> Tensor:
    """The float32 values of a Const, of its shape."""
    kind = _attribute(layer.data, "element_type")
    if kind not in _FLOATS:
        raise ValueError(f"its numbers are {kind}, not f16 or f32")
    shape = _numbers(layer, "shape")
    start, size = _whole(_attribute(layer.data, "offset")), _whole(_attribute(layer.data, "size"))
    if size != math.prod(shape) * _FLOATS[kind].itemsize:
        raise ValueError(f"{size} bytes do not hold the shape {shape} of {kind}")
    if start + size > len(constants):
        raise ValueError(f"it ends at byte {start + size}, but the .bin has {len(constants)}")
    values = np.frombuffer(constants, _FLOATS[kind], math.prod(shape), start)
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def _computation(layer: _Layer) -> Callable[..., Tensor]:
    """What `layer` does with its inputs."""
    match layer.kind:
        case "Convolution" | "GroupConvolution":
            return _convolution(layer)
        case "AvgPool":
            return _average_pool(layer)
        case "Add" | "Multiply":
            _require(layer, "auto_broadcast", "numpy")
            return torch.add if layer.kind == "Add" else torch.mul
        case "PReLU":
            return _prelu
        case "Sigmoid":
            return torch.sigmoid
        case _:  # Convert, of constants that are converted as they are read; Result
            return _itself


def _itself(values: Tensor) -> Tensor:
    return values


def _prelu(values: Tensor, slope: Tensor) -> Tensor:
    return functional.prelu(values, slope.flatten())


def _convolution(layer: _Layer) -> Callable[..., Tensor]:
    _require(layer, "auto_pad", "explicit")
    top, left = _numbers(layer, "pads_begin", 2)
    bottom, right = _numbers(layer, "pads_end", 2)
    return partial(
        _convolve,
        grouped=layer.kind == "GroupConvolution",
        stride=_numbers(layer, "strides", 2),
        dilation=_numbers(layer, "dilations", 2),
        padding=(left, right, top, bottom),
    )


def _convolve(
    values: Tensor,
    kernels: Tensor,
    grouped: bool,
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[int, int, int, int],
) -> Tensor:
    """Convolve with `kernels` (outputs, inputs, h, w); grouped, (groups, outputs, inputs, h, w)."""
    left, right, top, bottom = padding
    if (left, top) != (right, bottom):
        values, left, top = functional.pad(values, padding), 0, 0
    groups = len(kernels) if grouped else 1
    together = kernels.flatten(0, 1) if grouped else kernels
    return functional.conv2d(values, together, None, stride, (top, left), dilation, groups)


def _average_pool(layer: _Layer) -> Callable[..., Tensor]:
    _require(layer, "auto_pad", "explicit")
    _require(layer, "rounding_type", "floor")
    padding = _numbers(layer, "pads_begin", 2)
    if padding != _numbers(layer, "pads_end", 2):
        raise ValueError("it is padded more on one side than on the other")
    return partial(
        functional.avg_pool2d,
        kernel_size=_numbers(layer, "kernel", 2),
        stride=_numbers(layer, "strides", 2),
        padding=padding,
        count_include_pad=_attribute(layer.data, "exclude-pad") == "false",
    )


def _require(layer: _Layer, name: str, value: str) -> None:
    """Refuse a setting other than `value`, which is also what the format takes for granted."""
    found = layer.data.get(name, value)
    if found != value:
        raise ValueError(f"{name} {found} is not known here, only {value}")


def _numbers(layer: _Layer, name: str, count: int | None = None) -> tuple[int, ...]:
    text = _attribute(layer.data, name)
    numbers = tuple(_whole(part.strip()) for part in text.split(",")) if text.strip() else ()
    if count is not None and len(numbers) != count:
        raise ValueError(f"{name} {text!r} is not {count} numbers")
    return numbers


def _attribute(attributes: Mapping[str, str], name: str) -> str:
    if name not in attributes:
        raise ValueError(f"the attribute {name} is missing")
    return attributes[name]


def _whole(text: str) -> int:
    if not re.fullmatch(r"\d{1,12}", text, flags=re.ASCII):
        raise ValueError(f"{text!r} is no whole number")
    return int(text)


@contextmanager
def _named_in_errors(layer: _Layer) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ValueError(f"layer {layer.name}: {error}") from error
