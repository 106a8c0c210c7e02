"""run.json → what ran, in words and tables; entries that an imported run lacks are left out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tracker.config import Config
from tracker.settings import settings_as_dict

_HASH_DIGITS = 12  # enough to tell weights apart
_RATE = "_per_s"
_COUNTS = {
    "tracklets": "Tracklets",
    "cannot_link_pairs": "Pairs of tracklets that cannot be one person",
    "raw_share": "Share of the features' own distance",
    "raw_auc": "AUC of the features before learning",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage took: its seconds, its rates, and whether an earlier run did it."""

    name: str
    seconds: str
    rate: str
    is_reused: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that is not the default."""

    name: str
    value: str
    default: str


@dataclass(frozen=True, slots=True)
class WhatRan:
    """How the page's people were found.

    Attributes:
        facts: what, and its value.
        stages: in the order in which they ran.
        settings: those that differ from the defaults.
        notes: what the user was told.
    """

    facts: list[tuple[str, str]]
    stages: list[Stage]
    settings: list[Setting]
    notes: list[str]


def tell_what_ran(run_json: Mapping[str, Any], said_before: str) -> WhatRan:
    """Everything in `run_json`, which may lack any entry, that people want to know.

    Args:
        said_before: a note that need not be repeated.
    """
    notes = run_json.get("notes")
    return WhatRan(
        list(_facts(run_json)),
        list(_stages(_mapping(run_json.get("stages")))),
        list(_settings(_mapping(run_json.get("config")))),
        [str(note) for note in notes if note != said_before] if isinstance(notes, list) else [],
    )


def _facts(run_json: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if run_json.get("device"):
        yield "Device", str(run_json["device"])
    detector = _mapping(run_json.get("detector"))
    if detector.get("name"):
        yield "Faces found by", _with_hashes(str(detector["name"]), detector)
    features = run_json.get("features")
    kinds = [_mapping(one) for one in features] if isinstance(features, list) else []
    told = [_with_hashes(str(one["kind"]), one) for one in kinds if one.get("kind")]
    if told:
        yield "Told apart by", "; ".join(told)
    trunk = _mapping(run_json.get("trunk"))
    if trunk.get("name"):
        yield "Network fine-tuned", _with_hashes(str(trunk["name"]), trunk)
    counts = _mapping(run_json.get("counts"))
    for name, label in _COUNTS.items():
        if isinstance(counts.get(name), int | float):
            yield label, f"{counts[name]:,}"
    versions = _mapping(run_json.get("versions"))
    if versions:
        yield "Versions", ", ".join(f"{name} {version}" for name, version in versions.items())


def _with_hashes(name: str, entry: Mapping[str, Any]) -> str:
    """What was used, and the first digits of its weights' hashes."""
    hashes = entry.get("sha256")
    digits = [str(one)[:_HASH_DIGITS] for one in hashes] if isinstance(hashes, list) else []
    return f"{name} (weights {', '.join(digits)})" if digits else name


def _stages(stages: Mapping[str, Any]) -> Iterator[Stage]:
    for name, told in stages.items():
        entry = _mapping(told)
        seconds = entry.get("seconds")
        rates = [
            f"{value:,.0f} {key.removesuffix(_RATE)}/s"
            for key, value in entry.items()
            if key.endswith(_RATE) and isinstance(value, int | float)
        ]
        yield Stage(
            name,
            f"{seconds:,.1f}" if isinstance(seconds, int | float) else "",
            ", ".join(rates),
            bool(entry.get("reused")),
        )


def _settings(config: Mapping[str, Any]) -> Iterator[Setting]:
    """The settings in `config` that there are today, and that had another value."""
    default = dict(_flat(json.loads(json.dumps(settings_as_dict(Config())))))
    for name, value in _flat(config):
        if name in default and value != default[name]:
            yield Setting(name, _as_text(value), _as_text(default[name]))


def _flat(settings: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{where}{name}.")
        else:
            yield f"{where}{name}", value


def _as_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _mapping(value: object) -> Mapping[str, Any]:
    """An entry that should be a mapping; an empty one where it is not."""
    return value if isinstance(value, Mapping) else {}
