"""What an earlier run has learned, for the next of a series to start from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tracker.embedding.preparation import Preparation
from tracker.errors import ConfigError

Arrays = Mapping[str, NDArray[np.float32]]
_NETWORK = re.compile(r"network\.(\d+)\.(.+)")


@dataclass(frozen=True, slots=True, eq=False)
class Earlier:
    """Networks of another video, and how its features were prepared for them.

    Attributes:
        name: of the run, for messages.
        weights: by name, as an `Embedding` has them.
    """

    name: str
    weights: Arrays

    @property
    def networks(self) -> list[dict[str, torch.Tensor]]:
        """The state of each network."""
        found: dict[int, dict[str, torch.Tensor]] = {}
        for name, values in self.weights.items():
            if match := _NETWORK.fullmatch(name):
                found.setdefault(int(match[1]), {})[match[2]] = torch.from_numpy(np.array(values))
        return [found[number] for number in sorted(found)]

    def preparation(self, kind: int) -> tuple[tuple[Preparation, ...], NDArray[np.float32]]:
        """How features of the `kind`-th kind were prepared, and the centre of all faces.

        Raises:
            ConfigError: there was no such kind.
        """
        steps: list[Preparation] = []
        while (name := f"preparation.{kind}.{len(steps)}") + ".mean" in self.weights:
            steps.append(Preparation(self.weights[f"{name}.mean"], self.weights[f"{name}.matrix"]))
        try:
            return tuple(steps), self.weights[f"preparation.{kind}.centre"]
        except KeyError as error:
            raise ConfigError(
                f"embedding.init: {self.name} learned from other features; give this run the same "
                "--features, --trunk and weights"
            ) from error


def load_networks(earlier: Earlier, networks: Sequence[nn.Module]) -> None:
    """Start `networks` where those of `earlier` ended.

    Raises:
        ConfigError: they are of other shapes or numbers.
    """
    states = earlier.networks
    if not states:
        raise ConfigError(
            f"embedding.init: {earlier.name} learned nothing (its features needed no correction, "
            "or nobody was seen together): there is nothing to start from; leave it out"
        )
    shapes = [{name: value.shape for name, value in state.items()} for state in states]
    wanted = [
        {name: value.shape for name, value in network.state_dict().items()} for network in networks
    ]
    if shapes != wanted:
        raise ConfigError(
            f"embedding.init: {earlier.name} has {len(states)} network{'s'[: len(states) > 1]} of "
            f"other shapes than the {len(networks)} of this run; give it the same --features, "
            "--trunk, --backbone, --dim and number of heads"
        )
    for state, network in zip(states, networks, strict=True):
        network.load_state_dict(state)
