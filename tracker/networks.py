"""Pre-trained networks that can see faces: their weights, the pictures they want, their insides.

They give fixed features as they are, or are fine-tuned into an embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision
from facenet_pytorch import InceptionResnetV1
from torch import Tensor, nn
from torch.nn import functional

from tracker.errors import WeightsError
from tracker.weights import ALEXNET, FACE, FACENET, RESNET18, RESNET50, WeightFile

FACES = "faces"
IMAGENET = "ImageNet"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The pictures that a network wants: (pixel - `mean`) * `scale` of pixels in [0, 1].

    Attributes:
        side: in pixels; others are resized.
        mean: of red, green, blue.
        scale: of red, green, blue.
        blue_first: whether the channels are blue, green, red.
    """

    side: int
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    blue_first: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """A network to choose.

    Attributes:
        title: what to call it in a sentence.
        pretrained_on: faces or ImageNet; empty where it starts from nothing.
        files: its weights.
        aligned: whether it wants crops turned by their landmarks, or upright ones.
    """

    title: str
    pretrained_on: str
    files: tuple[WeightFile, ...]
    inputs: Inputs
    aligned: bool = False

    @property
    def knows_faces(self) -> bool:
        """Whether it was trained to tell faces apart."""
        return self.pretrained_on == FACES


_IMAGENET_INPUTS = Inputs(224, (0.485, 0.456, 0.406), (1 / 0.229, 1 / 0.224, 1 / 0.225))
NETWORKS: dict[str, Network] = {
    "face": Network(
        title="the face network",
        pretrained_on=FACES,
        files=FACE,
        inputs=Inputs(128, (0.0,) * 3, (255.0,) * 3, blue_first=True),
        aligned=True,
    ),
    "facenet": Network("FaceNet", FACES, FACENET, Inputs(160, (0.5,) * 3, (255 / 128,) * 3)),
    "alexnet": Network("AlexNet", IMAGENET, ALEXNET, _IMAGENET_INPUTS),
    "resnet18": Network("ResNet-18", IMAGENET, RESNET18, _IMAGENET_INPUTS),
    "resnet50": Network("ResNet-50", IMAGENET, RESNET50, _IMAGENET_INPUTS),
}


class InputPreparation(nn.Module):
    """What is done to pictures before a network sees them."""

    _mean: Tensor
    _scale: Tensor

    def __init__(self, inputs: Inputs) -> None:
        """Make pictures such as `inputs` describes."""
        super().__init__()
        self._side, self._blue_first = inputs.side, inputs.blue_first
        for name, values in (("_mean", inputs.mean), ("_scale", inputs.scale)):
            self.register_buffer(name, torch.tensor(values).reshape(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """The pictures (B, 3, side, side) wanted, of `images` (B, 3, H, W) RGB in [0, 1]."""
        if images.shape[2:] != (self._side, self._side):
            size = (self._side, self._side)
            images = functional.interpolate(images, size, mode="bilinear", antialias=True)
        scaled = (images - self._mean) * self._scale
        scaled = scaled.flip(1) if self._blue_first else scaled
        return scaled.contiguous(memory_format=torch.channels_last)  # faster on CPUs and GPUs


def load_body(name: str, path: Path) -> tuple[nn.Module, int]:
    """The network called `name` with the weights at `path`, as `make_body` gives it.

    Raises:
        WeightsError: the file is damaged.
    """
    try:
        return make_body(name, torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # damaged files fail in many ways
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(f"cannot load {name} from {path}: {reason}") from error


def make_body(name: str, state: Mapping[str, Tensor]) -> tuple[nn.Module, int]:
    """The network called `name` with the weights `state`, but for its last layer.

    The face network, which is no file of torch's, is not among them.

    Returns:
        It, and how many features (B, D) it gives: those of unit length that FaceNet compares
        faces by, AlexNet's fc7, or a ResNet's pooled ones.
    """
    if name == "facenet":
        network: nn.Module = InceptionResnetV1(pretrained=None, classify=False)
        # Its classifier of the people that it was trained on.
        network.load_state_dict({k: v for k, v in state.items() if not k.startswith("logits.")})
        return network, 512
    if name == "alexnet":
        alexnet = torchvision.models.alexnet(weights=None)
        alexnet.load_state_dict(state)
        features = alexnet.classifier[-1].in_features
        alexnet.classifier = alexnet.classifier[:-1]
        return alexnet, features
    make = {"resnet18": torchvision.models.resnet18, "resnet50": torchvision.models.resnet50}
    resnet = make[name](weights=None)
    resnet.load_state_dict(state)
    features, resnet.fc = resnet.fc.in_features, nn.Identity()
    return resnet, features
