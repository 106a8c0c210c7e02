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

from tracker.config import BACKBONES, EmbeddingConfig
from tracker.embedding.backbones import Backbone, choose_backbone
from tracker.embedding.lessons import Task, trunk_lesson
from tracker.embedding.training import train
from tracker.errors import WeightsError
from tracker.features.crops import ALIGNED_SIDE, UPRIGHT_SIDE
from tracker.records import Constraints

TRACKLETS, FACES = 256, 4


def main() -> None:
    """Print a line a CNN."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--weights", type=Path, help="default: where the tracker looks for them")
    parser.add_argument("--steps", type=int, default=20)
    given = parser.parse_args()
    if given.weights:
        os.environ["TRACKER_WEIGHTS"] = str(given.weights)
    print(f"| CNN | {given.device}: crops/s | seconds a step of 256 crops |")
    print("|---|---|---|")
    for name in BACKBONES:
        try:
            backbone = choose_backbone(name)
        except WeightsError:
            print(f"| {name} | weights absent | |")
            continue
        seconds = _seconds_a_step(backbone, torch.device(given.device), given.steps)
        print(f"| {backbone.title} | {256 / seconds:.0f} | {seconds:.3f} |", flush=True)


def _seconds_a_step(backbone: Backbone, device: torch.device, steps: int) -> float:
    """Of batch-hard mining on 64 tracklets of four faces, augmentation included."""
    side = ALIGNED_SIDE if backbone.aligned else UPRIGHT_SIDE
    rng = np.random.default_rng(0)
    crops = rng.integers(256, size=(TRACKLETS * FACES, side, side, 3), dtype=np.uint8)
    pairs = np.arange(TRACKLETS, dtype=np.int32).reshape(-1, 2)
    config = EmbeddingConfig(
        trunk="finetune", mining="batch-hard", batch_tracklets=90, held_out_share=0.0
    )
    task = Task(
        np.repeat(np.arange(TRACKLETS), FACES),
        Constraints(TRACKLETS, pairs),
        lambda vectors, known: np.arange(TRACKLETS, dtype=np.int32),
        config,
        device,
    )
    taken = []
    for count in (1, 1 + steps):  # the first step warms up
        lesson = trunk_lesson(
            backbone, crops, replace(task, config=replace(config, steps=count)), rng
        )
        started = time.perf_counter()
        train(lesson, replace(config, steps=count))
        if device.type == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - started)
    return (taken[1] - taken[0]) / steps


if __name__ == "__main__":
    main()
