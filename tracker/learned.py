"""What was learned ↔ files: whole embeddings, and networks that are half learned."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save

from tracker.embedding.learning import Embedding
from tracker.embedding.training import Curves
from tracker.storage import refusing_damage, written_aside

EMBEDDING_FILE = "embedding.safetensors"  # in a run folder
_WEIGHT_PREFIX = "weights."
_ABOUT = "about"
_DIGEST_BYTES = 32


def save_embedding(path: Path, embedding: Embedding) -> None:
    """Write what was learned as safetensors: `learned`, its curves and the networks' weights."""
    curves = embedding.curves
    tensors = {
        "learned": embedding.learned,
        "loss_curve": curves.loss,
        "accuracy_curve": curves.accuracy,
        "held_out_curve": curves.held_out,
    }
    named = {f"{_WEIGHT_PREFIX}{name}": values for name, values in embedding.weights.items()}
    # In memory: safetensors' own way to a file leaves another temporary one if killed.
    content = save(
        {name: np.ascontiguousarray(values) for name, values in (tensors | named).items()},
        # One entry: safetensors writes several in another order every time.
        {_ABOUT: json.dumps({"raw_share": embedding.raw_share, "note": embedding.note})},
    )
    with written_aside(path) as aside:
        aside.write_bytes(content)


def load_embedding(path: Path) -> Embedding:
    """Read what `save_embedding` wrote.

    Raises:
        StorageError: it cannot be read.
    """
    with refusing_damage(path):
        with safe_open(path, "np") as file:
            told = json.loads(file.metadata()[_ABOUT])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return Embedding(
            tensors.pop("learned"),
            float(told["raw_share"]),
            Curves(*(tensors.pop(f"{name}_curve") for name in ("loss", "accuracy", "held_out"))),
            {name.removeprefix(_WEIGHT_PREFIX): values for name, values in tensors.items()},
            told["note"],
        )


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a half-learned network: nested mappings and lists of tensors and plain values."""
    content = io.BytesIO()
    torch.save(state, content)
    with written_aside(path) as aside:
        aside.write_bytes(_digest(content.getvalue()) + content.getvalue())


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Read what `save_checkpoint` wrote; None where nothing is, or something damaged.

    A checkpoint only saves time: a damaged one is no reason to stop.
    """
    try:
        written = path.read_bytes()
    except OSError:
        return None
    digest, content = written[:_DIGEST_BYTES], written[_DIGEST_BYTES:]
    if digest != _digest(content):
        return None
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:  # not written by us; torch fails in many ways
        return None
    return state if isinstance(state, dict) else None


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
