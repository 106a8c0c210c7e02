"""The start of everything that runs through OpenVINO."""

from __future__ import annotations

from pathlib import Path

import openvino

from tracker.errors import WeightsError


def openvino_core() -> openvino.Core:
    """What reads and compiles networks; ask for it in one thread before several run them.

    The first conversion of OpenVINO's types to NumPy's takes a lock of C++ and Python's own, and
    two threads that do it at once may take them in opposite order and wait for ever (of 25
    processes with eight threads each, 20 did; openvino 2026.4). So it is done here.
    """
    openvino.Type.f32.to_dtype()
    return openvino.Core()


def cannot_load(weights: Path, error: Exception) -> WeightsError:
    """What is told of a file that OpenVINO, or what reads it through OpenVINO, refuses."""
    reason = str(error).strip().rpartition("\n")[2]  # the lines before are OpenVINO's own
    return WeightsError(f"OpenVINO cannot load {weights}: {reason}")
