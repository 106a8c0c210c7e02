"""The settings that a command line asks for."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tracker.config import Config
from tracker.errors import TrackerError
from tracker.settings import read_config, with_settings


def config_of(given: argparse.Namespace) -> Config:
    """The config file's settings, and over them those of `multiface track`."""
    return _config_with(
        given,
        {
            "features": {"kind": given.features},
            "embedding": {
                "loss": given.loss,
                "mining": given.mining,
                "trunk": given.trunk,
                "backbone": given.backbone,
                "dim": given.dim,
                "init": given.init,
            },
            "clustering": {"people": given.people},
        },
        given.seed,
    )


def config_of_faces(given: argparse.Namespace) -> Config:
    """The config file's settings, and over them what is said of how faces are found."""
    return _config_with(given, {}, None)


def _config_with(
    given: argparse.Namespace, settings: Mapping[str, Mapping[str, Any]], seed: int | None
) -> Config:
    config = read_config(given.config) if given.config else Config()
    named = {
        "detection": {
            "detector": given.detector,
            "file": given.detections,
            "file_box_scale": pair_of(given.box_scale, ",", float, "--box-scale"),
            "min_score": given.min_score,
            "min_face_px": given.min_face,
            "every": given.detect_every,
        },
        "shots": {"file": given.shots},
        **settings,
    }
    changes: dict[str, Any] = {
        stage: {name: value for name, value in values.items() if value is not None}
        for stage, values in named.items()
    }
    if seed is not None:
        changes["seed"] = seed
    return with_settings(config, changes)


def check_files(given: argparse.Namespace, config: Config, *others: Path | None) -> None:
    """Refuse files that are not there, before torch takes its seconds to load."""
    for path in (given.video, config.detection.file, config.shots.file, *others):
        if path is not None and not Path(path).exists():
            raise TrackerError(f"{path}: there is no such file; check its name")


def pair_of(text: str | None, separator: str, kind: Any, option: str) -> tuple[Any, Any] | None:
    """Two numbers out of "1.1,1.4" or "640x360"; None stays None."""
    if text is None:
        return None
    try:
        first, second = (kind(part) for part in text.split(separator))
    except ValueError as error:
        raise TrackerError(
            f"{option} wants two numbers as in 2{separator}3, got {text!r}"
        ) from error
    return first, second
