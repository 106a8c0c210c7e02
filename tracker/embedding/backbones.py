"""CNNs to be fine-tuned on face crops: which there are, and how each becomes an embedding."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tracker.config import BACKBONES, EmbeddingConfig
from tracker.embedding.network import SeededDropout
from tracker.errors import ConfigError, WeightsError
from tracker.networks import NETWORKS, InputPreparation, Inputs, Network, load_body
from tracker.openvino_ir import read_ir
from tracker.weights import find_weights

_LAST_RATE = 10.0  # times the body's learning rate: the last layer is new
_SMALL_WIDTHS = (3, 32, 64, 128, 160)
_SMALL_GROUPS = 8  # of channels that are normalised together
_SMALL = Network("a small CNN", "", (), Inputs(64, (0.5,) * 3, (1.0,) * 3))


@dataclass(frozen=True, slots=True)
class Backbone:
    """A CNN that can be loaded here.

    Attributes:
        name: one of `BACKBONES`.
        title: what to call it in a sentence, with what it was trained on.
        aligned: whether it wants crops turned by their landmarks, or upright ones.
        input_side: of the pictures that it works on, in pixels; others are resized.
        pretrained_on: faces or ImageNet; empty where it starts from nothing.
        weights: weight files; empty for small.
        hashes: of those files.
    """

    name: str
    title: str
    aligned: bool
    input_side: int
    pretrained_on: str
    weights: tuple[Path, ...]
    hashes: tuple[str, ...]


def choose_backbone(name: str) -> Backbone:
    """The CNN called `name`, with its weights: none but small ever starts without them.

    Raises:
        ConfigError: there is no such CNN.
        WeightsError: its weights are not to be had.
    """
    if name not in BACKBONES:
        raise ConfigError(f"backbone {name!r} is unknown: use one of {', '.join(BACKBONES)}")
    network = _network(name)
    start = f"pre-trained on {network.pretrained_on}" if network.files else "from nothing"
    return Backbone(
        name=name,
        title=f"{network.title} ({start})",
        aligned=network.aligned,
        input_side=network.inputs.side,
        pretrained_on=network.pretrained_on,
        weights=find_weights(network.files),
        hashes=tuple(file.sha256 for file in network.files),
    )


def choose_trunk(config: EmbeddingConfig) -> tuple[Backbone | None, str]:
    """The CNN that `config` asks for, None if it asks for heads, and a line about it.

    For `auto`, the face network if its weights are to be had, else one that starts from nothing.

    Raises:
        WeightsError: a CNN was asked for by name, and its weights are not to be had.
    """
    if config.trunk != "finetune":
        return None, ""
    reason = ""
    try:
        backbone = choose_backbone("face" if config.backbone == "auto" else config.backbone)
    except WeightsError as error:
        if config.backbone != "auto":
            raise
        backbone, reason = choose_backbone("small"), f", since {error}"
    return backbone, f"learning by {backbone.title}{reason}"


class Trunk(nn.Module):
    """A CNN on pictures of faces, up to its last features, and a new layer that embeds these.

    Batch norm stays as it was trained: the few faces of one video would spoil its statistics.
    """

    def __init__(self, body: nn.Module, last: nn.Linear, inputs: Inputs, unit_length: bool) -> None:
        """Embed by `last` what `body` makes of pictures such as `inputs` describes."""
        super().__init__()
        self.body = body
        self.last = last
        self.unit_length = unit_length
        self._prepare = InputPreparation(inputs)
        self.train()

    def forward(self, images: Tensor) -> Tensor:
        """Embed `images` (B, 3, side, side) RGB in [0, 1], of any side, as (B, dim).

        On the unit sphere, unless told otherwise.
        """
        if not len(images):
            return images.new_zeros(0, self.last.out_features)
        moved: Tensor = self.last(self.body(self._prepare(images)))
        return functional.normalize(moved, dim=1) if self.unit_length else moved

    def train(self, mode: bool = True) -> Trunk:
        """Learn, or not; batch norm never does."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.eval()
        return self

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """What to give an optimiser: the body learns at `learning_rate`, the last layer at 10 x.

        As Zhang et al., ECCV 2016, fine-tune AlexNet.
        """
        return [
            {"params": list(self.body.parameters()), "lr": learning_rate},
            {"params": list(self.last.parameters()), "lr": _LAST_RATE * learning_rate},
        ]


def build_trunk(backbone: Backbone, dim: int, seed: int, unit_length: bool = True) -> Trunk:
    """The network that `backbone` is, with a new last layer of `dim` outputs; on the CPU.

    Whatever starts at random, or is drawn while it learns, comes from `seed`. A network that
    knows faces starts at its own metric, seen through a random projection.

    Raises:
        WeightsError: its files are damaged.
    """
    network = _network(backbone.name)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        body, features = _load_body(backbone)
        _seed_dropouts(body, seed)
        last = nn.Linear(features, dim)
        if network.knows_faces:
            nn.init.orthogonal_(last.weight, gain=max(1.0, features / dim) ** 0.5)
            nn.init.zeros_(last.bias)
    return Trunk(body, last, network.inputs, unit_length)


def _network(name: str) -> Network:
    return _SMALL if name == "small" else NETWORKS[name]


def _load_body(backbone: Backbone) -> tuple[nn.Module, int]:
    """The network but for its last layer, and how many features (B, D) it gives."""
    if backbone.name == "small":
        return _small_body(), _SMALL_WIDTHS[-1]
    path = backbone.weights[0]
    if backbone.name == "face":
        network = read_ir(path)
        return nn.Sequential(network, _UnitLength()), network.output_size
    return load_body(backbone.name, path)


def _small_body() -> nn.Sequential:
    """Four blocks that halve the picture, and the mean of what they leave: 0.3 M parameters.

    Each picture is normalised by itself: what is learned does not depend on its batch.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(_SMALL_WIDTHS):
        layers += [
            nn.Conv2d(inputs, outputs, kernel_size=3, stride=2, padding=1, bias=False),
            nn.GroupNorm(_SMALL_GROUPS, outputs),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class _UnitLength(nn.Module):
    def forward(self, vectors: Tensor) -> Tensor:
        return functional.normalize(vectors, dim=1)


def _seed_dropouts(network: nn.Module, seed: int) -> None:
    """Let every dropout of `network` draw from a generator of its own, in place."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Dropout):
                setattr(parent, name, SeededDropout(child.p, seed))
                seed += 1
