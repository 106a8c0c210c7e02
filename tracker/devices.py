"""Where networks run."""

from __future__ import annotations

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
