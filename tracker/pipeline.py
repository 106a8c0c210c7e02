"""The order of the stages, from a video to people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.association import build_tracks, person_of_detections
from tracker.clustering import (
    choose_cut,
    clusters_after,
    max_distance,
    merge_tracklets,
    mixed_distances,
    name_people,
    separate_conflicts,
)
from tracker.config import settings_as_dict
from tracker.constraints import mine_constraints
from tracker.detection.choose import DetectorChoice, choose_detector
from tracker.embedding.training import Embedding, learn_embedding
from tracker.features.choose import FeatureChoice, choose_features, describe_crops
from tracker.features.crops import choose_crops, cut_crops
from tracker.progress import Advance
from tracker.records import NO_TRACKLET, Constraints, Crops, Frame, Tracks, VideoInfo
from tracker.run import Run
from tracker.scan import Scan, scan_video
from tracker.storage import (
    fill_array,
    load_array,
    load_constraints,
    load_embedding,
    save_array,
    save_constraints,
    save_embedding,
    stage_key,
)
from tracker.tracklets import link_tracklets
from tracker.video.reader import VideoReader


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """Everything that was found in a video, for the outputs to be made from.

    Attributes:
        tracklet: (N,) of each detection; -1 where it has none.
        person: (N,) of each detection; -1 where it has none.
        key: changes whenever any of this does.
    """

    info: VideoInfo
    scan: Scan
    detector: DetectorChoice
    features: FeatureChoice
    tracklet: NDArray[np.int32]
    person: NDArray[np.int32]
    crops: Crops
    constraints: Constraints
    embedding: Embedding
    tracks: Tracks
    key: str


def find_people(run: Run, info: VideoInfo) -> Findings:
    """Run every stage from the video to the tracks, or take it up where nothing changed.

    Raises:
        TrackerError: the video, the weights, a file or the folder cannot be used.
    """
    detector = choose_detector(run.config.detection)
    features = choose_features(run.config.features)
    run.log.say(detector.reason)
    run.log.say(features.reason)
    scan = scan_video(run, info, detector)
    tracklet, tracklets_key = _tracklets(run, scan, detector)
    constraints, constraints_key = _constraints(run, scan, tracklet, tracklets_key)
    crops, crops_key = _crops(run, scan, tracklet, features)
    vectors, vectors_key = _features(run, crops, features, crops_key)
    read = (vectors_key, constraints_key)
    embedding, embedding_key = _embedding(
        run, scan, tracklet, constraints, crops, vectors, features, read
    )
    run.log.say(embedding.note)
    people, people_key = _people(
        run, tracklet, constraints, crops, vectors, embedding, embedding_key
    )
    person = person_of_detections(tracklet, people)
    tracks = build_tracks(scan.detections, person, scan.shots, run.config.association)
    key = stage_key("tracks", settings_as_dict(run.config.association), people_key)
    return Findings(
        info, scan, detector, features, tracklet, person, crops, constraints, embedding, tracks, key
    )


def _tracklets(run: Run, scan: Scan, detector: DetectorChoice) -> tuple[NDArray[np.int32], str]:
    config = run.config.tracklets

    def write(path: Path, advance: Advance) -> None:
        linked = link_tracklets(scan.detections, scan.shots, detector.sure_score, config)
        save_array(path, linked)
        advance(len(linked))

    settings = [settings_as_dict(config), detector.sure_score]
    read = (scan.shots_key, scan.detections_key)
    total = len(scan.detections)
    return run.stage("linking", settings, read, ".npy", _load_copy, write, total, "boxes")


def _constraints(
    run: Run, scan: Scan, tracklet: NDArray[np.int32], tracklets_key: str
) -> tuple[Constraints, str]:
    def write(path: Path, advance: Advance) -> None:
        mined = mine_constraints(scan.detections, tracklet)
        save_constraints(path, mined)
        advance(len(mined.cannot_link))

    read = (tracklets_key,)
    return run.stage("constraints", None, read, ".json", load_constraints, write, None, "pairs")


def _crops(
    run: Run, scan: Scan, tracklet: NDArray[np.int32], features: FeatureChoice
) -> tuple[Crops, str]:
    rows = choose_crops(scan.detections, tracklet, run.config.features.crops_per_tracklet)
    wanted = np.unique(scan.detections.frame[rows]).astype(np.int64)

    def write(path: Path, advance: Advance) -> None:
        def fill(images: NDArray[np.uint8]) -> None:
            with VideoReader(run.video, wanted=wanted) as reader:
                frames = (_counted(frame, advance) for frame in reader)
                cut_crops(frames, scan.detections, rows, features.aligned, images)

        side = features.crop_side
        fill_array(path, (len(rows), side, side, 3), fill)

    settings = [features.aligned, features.crop_side, rows.tolist()]
    read = (scan.detections_key,)
    images, key = run.stage(
        "crops", settings, read, ".npy", load_array, write, len(wanted), "frames"
    )
    return Crops(rows, images), key


def _features(
    run: Run, crops: Crops, features: FeatureChoice, crops_key: str
) -> tuple[NDArray[np.float32], str]:
    def write(path: Path, advance: Advance) -> None:
        save_array(path, describe_crops(features, crops.images, advance))

    settings = [features.kind, features.hashes]
    read = (crops_key,)
    return run.stage("features", settings, read, ".npy", load_array, write, len(crops), "faces")


def _embedding(
    run: Run,
    scan: Scan,
    tracklet: NDArray[np.int32],
    constraints: Constraints,
    crops: Crops,
    vectors: NDArray[np.float32],
    features: FeatureChoice,
    read: tuple[str, ...],
) -> tuple[Embedding, str]:
    config = run.config.embedding
    heights = (scan.detections.boxes[:, 3] - scan.detections.boxes[:, 1])[crops.rows]

    def write(path: Path, advance: Advance) -> None:
        learned = learn_embedding(
            vectors,
            tracklet[crops.rows],
            heights,
            constraints,
            features.knows_faces,
            config,
            np.random.default_rng(run.config.seed),
            run.device,
            on_step=lambda loss: advance(1),
        )
        save_embedding(path, learned)

    settings = [settings_as_dict(config), run.config.seed, run.device.type]
    steps = config.steps * config.heads
    return run.stage(
        "learning", settings, read, ".safetensors", load_embedding, write, steps, "steps"
    )


def _people(
    run: Run,
    tracklet: NDArray[np.int32],
    constraints: Constraints,
    crops: Crops,
    vectors: NDArray[np.float32],
    embedding: Embedding,
    embedding_key: str,
) -> tuple[NDArray[np.int32], str]:
    config = run.config.clustering

    def write(path: Path, advance: Advance) -> None:
        tracklet_count = constraints.tracklet_count
        faces = tracklet[crops.rows]
        distances = mixed_distances(
            embedding.learned, vectors, embedding.raw_share, faces, tracklet_count
        )
        counts = np.bincount(faces, minlength=tracklet_count)
        detections = np.bincount(tracklet[tracklet != NO_TRACKLET], minlength=tracklet_count)
        merges = merge_tracklets(distances, counts, constraints, config.cannot_link_distance)
        bound = max_distance(embedding.raw_share, config)
        cut = choose_cut(merges, detections, bound, config)
        merged = clusters_after(merges, cut, tracklet_count)
        cluster = separate_conflicts(merged, distances, counts, constraints, bound)
        save_array(path, name_people(cluster, detections, config))
        advance(tracklet_count)

    settings = settings_as_dict(config)
    total = constraints.tracklet_count
    read = (embedding_key,)
    return run.stage("clustering", settings, read, ".npy", _load_copy, write, total, "tracklets")


def _load_copy(path: Path) -> NDArray[np.int32]:
    """A small array, into memory."""
    return np.array(load_array(path))


def _counted(frame: Frame, advance: Advance) -> Frame:
    advance(1)
    return frame
