"""Settings ↔ YAML and plain mappings; unknown names are refused, with the nearest known one."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import yaml

from tracker.config import Config
from tracker.errors import ConfigError

_Settings = TypeVar("_Settings")
_LARGEST = 1e12  # of a setting; beyond it, and for infinity, nothing makes sense


def read_config(path: Path) -> Config:
    """Read settings from YAML; what the file does not name keeps its default.

    Raises:
        ConfigError: unreadable, an unknown key, or a value of the wrong type or range.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the config {path}: {error}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # ValueError: February 30th
        reason = " ".join(str(error).split())
        raise ConfigError(f"the config {path} is not YAML: {reason}") from error
    try:
        return with_settings(Config(), {} if content is None else content)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def with_settings(settings: _Settings, changes: object, where: str = "") -> _Settings:
    """A frozen dataclass of settings with some replaced, those of its stages by nested mappings.

    Args:
        changes: setting → value, as read from YAML.
        where: the name of `settings` itself, for errors: empty, or "stage.".

    Raises:
        ConfigError: no mapping, an unknown key, or a value of the wrong type or range.
    """
    if not isinstance(changes, Mapping):
        raise ConfigError(f"{where.rstrip('.') or 'a config'} must map settings to values")
    kinds = typing.get_type_hints(type(settings))
    values: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in kinds:
            raise ConfigError(_unknown(where, name, list(kinds)))
        current = getattr(settings, name)
        if is_dataclass(current):
            values[name] = with_settings(current, value, f"{name}.")
        else:
            values[name] = _coerced(value, kinds[name], f"{where}{name}")
    return replace(settings, **values)  # type: ignore[type-var]


def settings_as_dict(settings: object) -> dict[str, Any]:
    """A dataclass of settings as plain nested mappings, for JSON."""
    plain: dict[str, Any] = {}
    for one in fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, one.name)
        plain[one.name] = settings_as_dict(value) if is_dataclass(value) else value
    return plain


def _unknown(where: str, name: object, known: list[str]) -> str:
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.0)
    return f"unknown setting {where}{name}: did you mean {where}{near[0]}?"


def _coerced(value: object, kind: Any, name: str) -> object:
    """`value` if it is of the type `kind`; whole numbers pass for floats, lists for tuples."""
    allowed = typing.get_args(kind) if typing.get_origin(kind) is not tuple else (kind,)
    for one in allowed or (kind,):
        if typing.get_origin(one) is tuple and isinstance(value, (list, tuple)):
            parts = typing.get_args(one)
            if len(value) == len(parts):
                return tuple(_coerced(v, part, name) for v, part in zip(value, parts, strict=True))
        if one is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            if not abs(value) < _LARGEST:  # nor NaN
                raise ConfigError(f"{name} must be an ordinary number, got {value}")
            return float(value)
        if one in (int, float, str, bool, type(None)) and type(value) is one:
            return value
    readable = getattr(kind, "__name__", str(kind).replace("typing.", ""))
    raise ConfigError(f"{name} must be {readable}, got {value!r}")
