"""Network weights that no package carries: where from, how to know them, and on what terms.

They are looked for in `$TRACKER_WEIGHTS`, else in the user's cache folder, and else fetched
there. Whatever is found is checked against its hash before it is used.
"""

from __future__ import annotations

import hashlib
import os
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import platformdirs
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from tracker.errors import WeightsError

_TIMEOUT_S = 10.0  # without a network, nobody wants to wait for long
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of weights.

    Attributes:
        name: of the file, in the cache too.
        url: where it can be fetched.
        sha256: of its content.
        licence: SPDX identifier.
        size: bytes.
    """

    name: str
    url: str
    sha256: str
    licence: str
    size: int


_OPEN_MODEL_ZOO = (
    "https://storage.openvinotoolkit.org/repositories/open_model_zoo/2023.0/models_bin/1/"
    "face-reidentification-retail-0095/FP16/"
)

YUNET = (
    WeightFile(
        name="yunet_n_dynamic.onnx",
        url="https://github.com/ShiqiYu/libfacedetection.train/raw/"
        "0047ac24afb1a50a0c6105001c89d1b5b805dbf1/onnx/yunet_n_dynamic.onnx",
        sha256="104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12",
        licence="Apache-2.0",
        size=322_906,
    ),
)

FACE = (
    WeightFile(
        name="face-reidentification-retail-0095.xml",
        url=_OPEN_MODEL_ZOO + "face-reidentification-retail-0095.xml",
        sha256="ce53d2c9c08c0bd1c1660fb8a5b6d0e3e4ec19eb92f1036d2d83a85e83082dce",
        licence="Apache-2.0",
        size=350_427,
    ),
    WeightFile(
        name="face-reidentification-retail-0095.bin",
        url=_OPEN_MODEL_ZOO + "face-reidentification-retail-0095.bin",
        sha256="241229ca3d206321868d46ce74a3c0b06c49cea58db7dc70b2e842ff287545d1",
        licence="Apache-2.0",
        size=2_213_628,
    ),
)


def cache_folder() -> Path:
    """Where weights are kept: `$TRACKER_WEIGHTS`, else the user's cache folder."""
    chosen = os.environ.get("TRACKER_WEIGHTS")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("multiface"))


def find_weights(files: tuple[WeightFile, ...]) -> tuple[Path, ...]:
    """The paths of `files`, fetched where the cache lacks them.

    Raises:
        WeightsError: one is neither in the cache nor to be fetched, or is not what it should be.
    """
    return tuple(_find(file) for file in files)


def _find(file: WeightFile) -> Path:
    path = cache_folder() / file.name
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return _fetch(file, path)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror}") from error
    _check_hash(file, content, f"{path}", "delete it, so that it is fetched again")
    return path


def _fetch(file: WeightFile, path: Path) -> Path:
    """Download `file` aside, check it, and only then give it its name."""
    try:
        content = _download(file)
        if len(content) < file.size:
            raise OSError(f"the download ended after {len(content)} of {file.size} bytes")
    except (OSError, ValueError, HTTPException) as error:  # URLError and time-outs are OSErrors
        reason = getattr(error, "reason", error)
        raise WeightsError(
            f"{file.name} is not in {path.parent} and cannot be fetched ({reason}): "
            f"put it there by hand from {file.url}"
        ) from error
    _check_hash(file, content, file.url, "tell us: the file there has changed")
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise WeightsError(f"cannot keep {file.name} in {path.parent}: {error.strerror}") from error
    return path


def _download(file: WeightFile) -> bytes:
    columns = (TextColumn("fetching {task.description}"), BarColumn(), DownloadColumn())
    hidden = not sys.stderr.isatty()
    content = bytearray()
    with (
        urllib.request.urlopen(file.url, timeout=_TIMEOUT_S) as answer,
        Progress(*columns, console=Console(stderr=True), disable=hidden) as progress,
    ):
        task = progress.add_task(file.name, total=file.size)
        # One byte more than it should have is enough to know that it is another file.
        while len(content) <= file.size and (chunk := answer.read(_CHUNK_BYTES)):
            content += chunk
            progress.update(task, completed=len(content))
    return bytes(content)


def _check_hash(file: WeightFile, content: bytes, where: str, remedy: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise WeightsError(
            f"{where} is not {file.name} (sha256 {found[:12]}…, expected {file.sha256[:12]}…): "
            f"{remedy}"
        )
