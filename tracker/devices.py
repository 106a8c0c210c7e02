"""Where networks run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from tracker.errors import ConfigError


def choose_device(name: str) -> torch.device:
    """The device called `name`: auto (the first GPU, else the CPU), cpu, cuda or cuda:n.

    Raises:
        ConfigError: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device {name!r} is unknown: use auto, cpu, cuda or cuda:n") from error
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device {name!r} is not supported: use auto, cpu, cuda or cuda:n")
    count = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= count:
        raise ConfigError(f"device {name!r} is not here ({count} GPUs found): use cpu or auto")
    return device


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use a single CPU thread inside.

    For many small steps: several threads gain little on those, and where another program
    uses a core they wait for each other at every step (measured: twenty times slower).
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
