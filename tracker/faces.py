"""The faces that stand for their tracklets: cut out of the video, and described."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.features.choose import FeatureChoice, describe_crops
from tracker.features.crops import ALIGNED_SIDE, UPRIGHT_SIDE, choose_crops, cut_crops
from tracker.progress import Advance
from tracker.records import Constraints, Crops, Frame
from tracker.run import Run
from tracker.scan import Scan
from tracker.storage import fill_array, load_array, save_array
from tracker.video.reader import VideoReader


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What is known before faces are looked at closely.

    Attributes:
        tracklet: (N,) of each detection; -1 where it has none.
        is_sure: (N,) whether each detection is surely a face.
        constraints_key: changes whenever the constraints do.
    """

    scan: Scan
    tracklet: NDArray[np.int32]
    is_sure: NDArray[np.bool_]
    constraints: Constraints
    constraints_key: str

    @property
    def tracklet_count(self) -> int:
        """How many tracklets there are."""
        return self.constraints.tracklet_count


class Described(NamedTuple):
    """Faces as one kind of features sees them; `key` changes whenever they do."""

    choice: FeatureChoice
    crops: Crops
    vectors: NDArray[np.float32]  # (S, D)
    key: str


def describe_faces(run: Run, material: Material, choice: FeatureChoice) -> Described:
    """Cut the faces out as `choice` wants them, and describe them by it."""
    crops, crops_key = cut_faces(run, material, choice.aligned)
    vectors, key = _features(run, crops, choice, crops_key)
    return Described(choice, crops, vectors, key)


def cut_faces(run: Run, material: Material, aligned: bool) -> tuple[Crops, str]:
    """Some faces of every tracklet, turned by their landmarks or upright; and their key."""
    scan, most = material.scan, run.config.features.crops_per_tracklet
    rows = choose_crops(scan.detections, material.tracklet, most)
    wanted = np.unique(scan.detections.frame[rows]).astype(np.int64)
    side = ALIGNED_SIDE if aligned else UPRIGHT_SIDE

    def write(path: Path, advance: Advance) -> None:
        def fill(images: NDArray[np.uint8]) -> None:
            with VideoReader(run.video, wanted=wanted) as reader:
                frames = (_counted(frame, advance) for frame in reader)
                cut_crops(frames, scan.detections, rows, aligned, images)

        fill_array(path, (len(rows), side, side, 3), fill)

    settings, read = [aligned, side, rows.tolist()], (scan.detections_key,)
    stage = "aligned-crops" if aligned else "upright-crops"
    images, key = run.stage(stage, settings, read, ".npy", load_array, write, len(wanted), "frames")
    return Crops(rows, images), key


def _features(
    run: Run, crops: Crops, features: FeatureChoice, crops_key: str
) -> tuple[NDArray[np.float32], str]:
    def write(path: Path, advance: Advance) -> None:
        save_array(path, describe_crops(features, crops.images, advance))

    settings = [features.kind, features.hashes]
    read = (crops_key,)
    name = f"{features.kind}-features"
    return run.stage(name, settings, read, ".npy", load_array, write, len(crops), "faces")


def _counted(frame: Frame, advance: Advance) -> Frame:
    advance(1)
    return frame
