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

_TIMEOUT_S = 10.0  # without an answer; however long the whole file takes
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

    @property
    def terms(self) -> str:
        """How large it is, and under which licence: what to know before fetching it."""
        return f"{self.size / 1e6:.1f} MB, {self.licence}"


_TORCHVISION = "https://download.pytorch.org/models/"
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

# Trained on ImageNet-1K; of ResNet-50 there are two, and this is the better (IMAGENET1K_V2).
ALEXNET = (
    WeightFile(
        name="alexnet-owt-7be5be79.pth",
        url=_TORCHVISION + "alexnet-owt-7be5be79.pth",
        sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        licence="BSD-3-Clause",
        size=244_408_911,
    ),
)

RESNET18 = (
    WeightFile(
        name="resnet18-f37072fd.pth",
        url=_TORCHVISION + "resnet18-f37072fd.pth",
        sha256="f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
        licence="BSD-3-Clause",
        size=46_830_571,
    ),
)

RESNET50 = (
    WeightFile(
        name="resnet50-11ad3fa6.pth",
        url=_TORCHVISION + "resnet50-11ad3fa6.pth",
        sha256="11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca",
        licence="BSD-3-Clause",
        size=102_540_417,
    ),
)

# Trained on VGGFace2.
FACENET = (
    WeightFile(
        name="20180402-114759-vggface2.pt",
        url="https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"
        "20180402-114759-vggface2.pt",
        sha256="281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
        licence="MIT",
        size=111_898_327,
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
            f"put it there by hand from {file.url} ({file.terms})"
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


def _download(file: WeightFile) -> bytes | bytearray:
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
    return content


def _check_hash(file: WeightFile, content: bytes | bytearray, where: str, remedy: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise WeightsError(
            f"{where} is not {file.name} (sha256 {found[:12]}…, expected {file.sha256[:12]}…): "
            f"{remedy}"
        )
