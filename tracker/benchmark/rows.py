"""The rows of a benchmark: which features faces are told apart by, and what is made of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tracker.config import Config
from tracker.embedding.backbones import choose_trunk
from tracker.errors import WeightsError
from tracker.features.choose import choose_features
from tracker.settings import with_settings

RAW = "raw"  # distances between features as their network or HOG gives them
COMPENSATED = "compensated"  # what all faces of the video share is taken out; nothing is learned
AS_CONFIGURED = "as configured"  # what `multiface track` does: features and learning by evidence
_SETTINGS: dict[str, dict[str, Any]] = {
    RAW: {"raw_share": 1.0, "standardise": False, "compensate": False, "max_looks": 0},
    COMPENSATED: {"raw_share": 1.0},
    AS_CONFIGURED: {},
}


@dataclass(frozen=True, slots=True)
class Row:
    """One way of telling people apart.

    Attributes:
        features: one of `FEATURE_KINDS`.
        method: `RAW`, `COMPENSATED`, `AS_CONFIGURED`, or the name of a loss.
    """

    features: str
    method: str

    @property
    def title(self) -> str:
        """What to call it: `hog, raw`, `hog + symtriplet`."""
        if self.method == AS_CONFIGURED:
            return "multiface track"
        joint = ", " if self.method in _SETTINGS else " + "
        return f"{self.features}{joint}{self.method}"

    @property
    def is_learned(self) -> bool:
        """Whether networks learn."""
        return self.method not in (RAW, COMPENSATED)

    @property
    def is_random(self) -> bool:
        """Whether the seed matters: in all but raw features there is some chance."""
        return self.method != RAW

    def settings(self, config: Config, seed: int, people: int | None) -> Config:
        """`config` with what this row changes.

        All of the distance is learned where a loss is named: the table tells losses apart.

        Args:
            people: how many there are; None: found by itself.
        """
        learned = {"raw_share": 0.0, "loss": self.method}
        changes = {
            "features": {"kind": self.features},
            "embedding": _SETTINGS.get(self.method, learned),
            "clustering": {"people": people},
            "seed": seed,
        }
        return with_settings(config, changes)


def rows_for(features: Sequence[str], losses: Sequence[str], configured: str) -> list[Row]:
    """Each of `features` raw, compensated and learned by each of `losses`; then the main job.

    Args:
        configured: the features that the main job is told to use.
    """
    methods = (RAW, COMPENSATED, *losses)
    rows = [Row(kind, method) for kind in features for method in methods]
    return [*rows, Row(configured, AS_CONFIGURED)]


class Means(NamedTuple):
    """What a row is found with.

    Attributes:
        hashes: of all weights.
        reason: what was chosen for the user, and why; empty where nothing was.
    """

    hashes: tuple[str, ...]
    reason: str


def means_of(row: Row, config: Config) -> Means | str:
    """What `row` is found with; or, where weights are absent, why it cannot be filled."""
    settings = row.settings(config, 0, None)
    try:
        features = choose_features(settings.features)
        backbone, about_backbone = choose_trunk(settings.embedding)
    except WeightsError as error:
        return str(error)
    hashes = [kind.hashes for kind in features] + ([backbone.hashes] if backbone else [])
    reasons = [reason for reason in (features[0].reason, about_backbone) if reason]
    if settings.features.kind == "auto" and not features[0].reason:
        reasons.append(f"its features are {' and '.join(kind.kind for kind in features)}")
    return Means(tuple(itertools.chain(*hashes)), "; ".join(reasons))
