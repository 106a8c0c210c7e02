"""Losses that tell pseudo-identities apart, through pytorch-metric-learning.

With x an embedding, y its class, and cos(x, c) its cosine to the proxy (or centre) of class c:

- proxy-nca: -log of the softmax over c of -9 D(x, proxy c), at y (Movshovitz-Attias et al., No
  Fuss Distance Metric Learning using Proxies, ICCV 2017; with y in the sum below, as in Teh et
  al., ProxyNCA++, ECCV 2020).
- soft-triple: -log of the softmax over c of 20 (S(x, c) - 0.01 [c = y]), at y, where S(x, c) is
  the mean of the cosines to 10 centres of c, weighted by their softmax times 10 (Qian et al.,
  SoftTriple Loss: Deep Metric Learning Without Triplet Sampling, ICCV 2019).
- arcface: -log of the softmax over c of 64 cos(angle(x, c) + 28.6 degrees [c = y]), at y (Deng
  et al., ArcFace: Additive Angular Margin Loss for Deep Face Recognition, CVPR 2019).
- cosface: -log of the softmax over c of 64 (cos(x, c) - 0.35 [c = y]), at y (Wang et al.,
  CosFace: Large Margin Cosine Loss for Deep Face Recognition, CVPR 2018).
- multi-similarity: log(1 + sum over p of exp(-2 (cos(x, p) - 0.5))) / 2 + log(1 + sum over n of
  exp(50 (cos(x, n) - 0.5))) / 50, over the batch's other embeddings p of class y and n of other
  classes; a sum without members counts as nothing. It has no proxies (Wang et al.,
  Multi-Similarity Loss with General Pair Weighting for Deep Metric Learning, CVPR 2019).

The numbers are the library's defaults, but for the 9 of proxy-nca. Its 1 is for vectors that
are not of length 1: with those that are, and others at right angles, an x on its own proxy has
a chance of only .45 among ten classes. 9 is what ProxyNCA++ takes.

Two faces of different classes count as different people: what is in two classes must be two.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from pytorch_metric_learning.losses import (
    ArcFaceLoss,
    CosFaceLoss,
    MultiSimilarityLoss,
    ProxyNCALoss,
    SoftTripleLoss,
)
from torch import Tensor, nn

from tracker.config import IDENTITY_LOSSES

_SOFTMAX_SCALE = 9
_CENTRES = 10
_CENTRE_SPREAD = 0.1  # distance of a centre from its class mean, about
_MAX_COSINE = 1 - 1e-6  # 0.08 degrees


class IdentityLoss(nn.Module):
    """A loss of pytorch-metric-learning that takes empty batches too."""

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Score `embeddings` (B, D), of which `labels` (B,) int64 are the classes.

        Returns a scalar, the mean over faces: 0, with zero gradients, when B is 0.
        """
        if not len(embeddings):
            return embeddings.sum()
        value: Tensor = self.loss(embeddings, labels)
        return value


def make_identity_loss(name: str, class_means: Tensor) -> nn.Module:
    """The `IdentityLoss` of this `name`, one of `IDENTITY_LOSSES`, for C classes.

    Its proxies, where it has any, start in the directions of `class_means`, not at random, so
    that it can be made anew whenever the identities change. They are parameters: learn them
    along.

    Args:
        class_means: (C, D), none of them zero.

    Raises:
        ValueError: no loss has this name.
    """
    means = nn.functional.normalize(class_means.detach(), dim=1)
    count, size = means.shape
    match name:
        case "proxy-nca":
            start = _starting_at(means)
            loss = ProxyNCALoss(count, size, softmax_scale=_SOFTMAX_SCALE, weight_init_func=start)
        case "soft-triple":
            start = _starting_at(_centres(means).T)
            loss = SoftTripleLoss(count, size, _CENTRES, weight_init_func=start)
        case "arcface":
            loss = _SteadyArcFaceLoss(count, size, weight_init_func=_starting_at(means.T))
        case "cosface":
            loss = CosFaceLoss(count, size, weight_init_func=_starting_at(means.T))
        case "multi-similarity":
            loss = MultiSimilarityLoss()
        case _:
            known = ", ".join(IDENTITY_LOSSES)
            raise ValueError(f"no identity loss is named {name!r}; there are {known}")
    return IdentityLoss(loss).to(means)


class _SteadyArcFaceLoss(ArcFaceLoss):  # type: ignore[misc]
    """ArcFace with finite gradients for an embedding exactly at its proxy.

    There the slope of the angle is infinite, and which gradient comes out depends on torch's
    version. Classes of one face start there.
    """

    def get_angles(self, cosines: Tensor) -> Tensor:
        return torch.acos(cosines.clamp(-_MAX_COSINE, _MAX_COSINE))


def _starting_at(values: Tensor) -> Callable[[Tensor], None]:
    """What the library calls to fill in the weights, once it has made room for them."""

    def fill(weights: Tensor) -> None:
        with torch.no_grad():
            weights.copy_(values)

    return fill


def _centres(means: Tensor) -> Tensor:
    """Several centres a class (10 C, D), those of class 0 first: close to `means` (C, D).

    They differ a little, always in the same way: equal ones would stay equal for ever.
    """
    repeated = means.repeat_interleave(_CENTRES, dim=0)
    noise = torch.randn(repeated.shape, generator=torch.Generator().manual_seed(0))
    spread = _CENTRE_SPREAD / repeated.shape[1] ** 0.5
    return nn.functional.normalize(repeated + spread * noise.to(repeated), dim=1)
