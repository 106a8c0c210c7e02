"""The faces that stand for their tracklets: cut out of the video, and described."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.features.choose import FeatureChoice, describe_crops, load_describer
from tracker.features.crops import ALIGNED_SIDE, UPRIGHT_SIDE, choose_crops, cut_crops
from tracker.mapped import let_go
from tracker.progress import Advance
from tracker.records import Constraints, Crops, Frame
from tracker.run import Run
from tracker.scan import Scan
from tracker.storage import array_to_fill, load_array, stage_key
from tracker.video.ahead import read_ahead
from tracker.video.reader import VideoReader

_SHAPE = {True: (ALIGNED_SIDE, ALIGNED_SIDE, 3), False: (UPRIGHT_SIDE, UPRIGHT_SIDE, 3)}


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


class CutFaces(NamedTuple):
    """Faces cut out in one way; `key` changes whenever they do."""

    crops: Crops
    key: str


def cut_faces(run: Run, material: Material, kinds: set[bool]) -> dict[bool, CutFaces]:
    """Some faces of every tracklet, by kind: True turned by their landmarks, False upright.

    The video is read once for all of `kinds`.
    """
    scan, most = material.scan, run.config.features.crops_per_tracklet
    rows = choose_crops(scan.detections, material.tracklet, most)
    keys, paths = {}, {}
    for aligned in sorted(kinds):
        stage = "aligned-crops" if aligned else "upright-crops"
        settings = [aligned, _SHAPE[aligned], rows.tolist()]
        keys[aligned] = stage_key(stage, settings, scan.detections_key)
        paths[aligned] = run.folder.stage_file(stage, keys[aligned], ".npy")
    missing = {aligned: path for aligned, path in paths.items() if not path.exists()}
    if missing:
        wanted = np.unique(scan.detections.frame[rows]).astype(np.int64)
        with run.log.timed("crops", len(wanted), "frames") as advance, ExitStack() as stack:
            images = {
                aligned: stack.enter_context(array_to_fill(path, (len(rows), *_SHAPE[aligned])))
                for aligned, path in missing.items()
            }
            reader = stack.enter_context(VideoReader(run.video, wanted=wanted))
            frames = stack.enter_context(closing(read_ahead(reader)))
            counted = (_counted(frame, advance, images.values()) for frame in frames)
            cut_crops(counted, scan.detections, rows, images)
    else:
        run.log.reused("crops")
    return {kind: CutFaces(Crops(rows, load_array(paths[kind])), keys[kind]) for kind in paths}


def describe_faces(run: Run, faces: CutFaces, choice: FeatureChoice) -> Described:
    """Describe faces that were cut out as `choice` wants them."""
    vectors, key = _features(run, faces.crops, choice, faces.key)
    return Described(choice, faces.crops, vectors, key)


def _features(
    run: Run, crops: Crops, features: FeatureChoice, crops_key: str
) -> tuple[NDArray[np.float32], str]:
    def write(path: Path, advance: Advance) -> None:
        describer = load_describer(features, run.device)
        with array_to_fill(path, (len(crops), describer.size), np.float32) as vectors:

            def part_done(count: int) -> None:
                let_go(crops.images)
                let_go(vectors)
                advance(count)

            describe_crops(describer, crops.images, vectors, part_done)

    settings = [features.kind, features.hashes, run.device.type]
    read = (crops_key,)
    name = f"{features.kind}-features"
    return run.stage(name, settings, read, ".npy", load_array, write, len(crops), "faces")


def _counted(frame: Frame, advance: Advance, images: Iterable[NDArray[np.uint8]]) -> Frame:
    for one in images:
        let_go(one)
    advance(1)
    return frame
