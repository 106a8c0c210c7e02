"""How many crops a second each CNN learns from, on drawn noise: no footage is needed.

    python benchmarks/finetune.py [--device cuda] [--weights ../shared/weights] [--steps 20]

A row whose weights are absent says so. What fine-tuning makes of a video is measured by
`losses.py` ("finetune face", "finetune small").
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tracker.config import BACKBONES, EmbeddingConfig
from tracker.embedding.backbones import Backbone, choose_backbone
from tracker.embedding.lessons import Task, trunk_lesson
from tracker.embedding.training import train
from tracker.errors import WeightsError
from tracker.features.crops import ALIGNED_SIDE, UPRIGHT_SIDE
from tracker.records import Constraints

TRACKLETS, FACES = 512, 4


def main() -> None:
    """Print a line a CNN."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--weights", type=Path, help="default: where the tracker looks for them")
    parser.add_argument("--steps", type=int, default=20)
    given = parser.parse_args()
    if given.weights:
        os.environ["TRACKER_WEIGHTS"] = str(given.weights)
    print(f"| CNN | {given.device}: crops/s | crops a step |")
    print("|---|---|---|")
    for name in BACKBONES:
        try:
            backbone = choose_backbone(name)
        except WeightsError:
            print(f"| {name} | weights absent | |")
            continue
        rate, crops = _crops_per_second(backbone, torch.device(given.device), given.steps)
        print(f"| {backbone.title} | {rate:.0f} | {crops:.0f} |", flush=True)


def _crops_per_second(backbone: Backbone, device: torch.device, steps: int) -> tuple[float, float]:
    """Of batch-hard mining on about 64 tracklets of four faces, augmentation included."""
    side = ALIGNED_SIDE if backbone.aligned else UPRIGHT_SIDE
    rng = np.random.default_rng(0)
    crops = rng.integers(256, size=(TRACKLETS * FACES, side, side, 3), dtype=np.uint8)
    pairs = np.arange(TRACKLETS, dtype=np.int32).reshape(-1, 2)
    config = EmbeddingConfig(trunk="finetune", mining="batch-hard", held_out_share=0.0)
    task = Task(
        np.repeat(np.arange(TRACKLETS), FACES),
        Constraints(TRACKLETS, pairs),
        lambda vectors, known: np.arange(TRACKLETS, dtype=np.int32),
        config,
        device,
    )
    lesson = trunk_lesson(backbone, crops, task, rng)
    lesson = replace(lesson, learned=lesson.learned[:0])  # judging is no learning
    clock = _Clock()
    inputs = lesson.inputs
    shown: list[int] = []
    changed = inputs.changed

    def counted(faces: NDArray[np.int64], generator: torch.Generator) -> torch.Tensor:
        shown.append(len(faces))
        return changed(faces, generator)

    inputs.changed = counted  # type: ignore[method-assign]
    train(lesson, replace(config, steps=1 + steps), on_step=lambda: clock.tick(device))
    seconds = clock.ticks[-1] - clock.ticks[0]  # the first step warms up
    return sum(shown[1:]) / seconds, sum(shown[1:]) / steps


class _Clock:
    """When each step was over."""

    def __init__(self) -> None:
        self.ticks: list[float] = []

    def tick(self, device: torch.device) -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()
        self.ticks.append(time.perf_counter())


if __name__ == "__main__":
    main()
