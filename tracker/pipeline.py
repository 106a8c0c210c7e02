"""The order of the stages, from a video to people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.association import build_tracks, links_within_shots, person_of_detections
from tracker.clustering import (
    choose_cut,
    clusters_after,
    max_distance,
    maybe_the_same,
    merge_tracklets,
    mixed_distances,
    name_people,
    separate_conflicts,
    with_links,
)
from tracker.config import settings_as_dict
from tracker.constraints import mine_constraints
from tracker.detection.choose import DetectorChoice, choose_detector
from tracker.embedding.metric import Metric, choose_raw_share, fit_metric
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
        features: the kinds that were used, the one that `metric` is of first.
        person: (N,) of each detection; -1 where it has none.
        maybe_same: pairs of people who may be one, and their distance, nearest first.
        key: changes whenever any of this does.
    """

    info: VideoInfo
    scan: Scan
    detector: DetectorChoice
    features: tuple[FeatureChoice, ...]
    tracklet: NDArray[np.int32]
    person: NDArray[np.int32]
    crops: Crops
    constraints: Constraints
    metric: Metric
    embedding: Embedding
    tracks: Tracks
    maybe_same: list[tuple[int, int, float]]
    key: str


def find_people(run: Run, info: VideoInfo) -> Findings:
    """Run every stage from the video to the tracks, or take it up where nothing changed.

    Raises:
        TrackerError: the video, the weights, a file or the folder cannot be used.
    """
    detector = choose_detector(run.config.detection)
    features = choose_features(run.config.features)
    run.log.say(detector.reason)
    run.log.say(features[0].reason)
    scan = scan_video(run, info, detector)
    tracklet, tracklets_key = _tracklets(run, scan, detector)
    constraints, constraints_key = _constraints(run, scan, tracklet, tracklets_key)
    material = _Material(scan, tracklet, constraints, constraints_key)
    metric, crops, metric_key = _metric(run, material, features[0])
    share = _raw_share(run, metric, constraints)
    used = features if share < 1 else features[:1]
    others = [_metric(run, material, choice) for choice in used[1:]]
    metrics = [metric, *(one for one, _, _ in others)]
    read = (metric_key, *(key for _, _, key in others), constraints_key)
    faces = tracklet[crops.rows]
    embedding, embedding_key = _embedding(run, metrics, share, faces, constraints, read)
    run.log.say(embedding.note)
    people, maybe_same, people_key = _people(
        run, material, detector, metric, faces, embedding, embedding_key
    )
    person = person_of_detections(tracklet, people)
    tracks = build_tracks(scan.detections, person, scan.shots, run.config.association)
    key = stage_key("tracks", settings_as_dict(run.config.association), people_key)
    return Findings(
        info, scan, detector, used, tracklet, person, crops, constraints, metric, embedding,
        tracks, maybe_same, key,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Material:
    """What is known before faces are looked at closely."""

    scan: Scan
    tracklet: NDArray[np.int32]
    constraints: Constraints
    constraints_key: str


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
        mined = mine_constraints(scan.detections, tracklet, scan.shots)
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
        f"{features.kind}-crops", settings, read, ".npy", load_array, write, len(wanted), "frames"
    )
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


def _metric(run: Run, material: _Material, features: FeatureChoice) -> tuple[Metric, Crops, str]:
    """The metric that one kind of features is in this video; quick enough to be made anew."""
    scan, tracklet = material.scan, material.tracklet
    crops, crops_key = _crops(run, scan, tracklet, features)
    vectors, vectors_key = _features(run, crops, features, crops_key)
    heights = (scan.detections.boxes[:, 3] - scan.detections.boxes[:, 1])[crops.rows]
    metric = fit_metric(
        vectors,
        tracklet[crops.rows],
        heights,
        material.constraints,
        features.knows_faces,
        run.config.embedding.compensate,
        np.random.default_rng([run.config.seed, 1]),
    )
    return metric, crops, vectors_key


def _raw_share(run: Run, metric: Metric, constraints: Constraints) -> float:
    wanted = run.config.embedding.raw_share
    if wanted is not None and len(constraints.cannot_link):
        return wanted
    return choose_raw_share(metric, constraints)


def _embedding(
    run: Run,
    metrics: list[Metric],
    raw_share: float,
    faces: NDArray[np.int32],
    constraints: Constraints,
    read: tuple[str, ...],
) -> tuple[Embedding, str]:
    config = run.config.embedding

    def write(path: Path, advance: Advance) -> None:
        learned = learn_embedding(
            metrics,
            raw_share,
            faces,
            constraints,
            config,
            np.random.default_rng(run.config.seed),
            run.device,
            on_step=lambda loss: advance(1),
        )
        save_embedding(path, learned)

    settings = [settings_as_dict(config), run.config.seed, run.device.type, raw_share]
    steps = config.steps * config.heads * len(metrics) if raw_share < 1 else 0
    return run.stage(
        "learning", settings, read, ".safetensors", load_embedding, write, steps, "steps"
    )


def _people(
    run: Run,
    material: _Material,
    detector: DetectorChoice,
    metric: Metric,
    faces: NDArray[np.int32],
    embedding: Embedding,
    embedding_key: str,
) -> tuple[NDArray[np.int32], list[tuple[int, int, float]], str]:
    """The person of every tracklet, and who of them may be the same."""
    config, constraints = run.config.clustering, material.constraints
    count = constraints.tracklet_count
    share = embedding.raw_share
    distances = mixed_distances(embedding.learned, metric.vectors, share, faces, count)
    face_counts = np.bincount(faces, minlength=count)
    bound = max_distance(share, config)

    def write(path: Path, advance: Advance) -> None:
        save_array(path, _cluster(run, material, detector, distances, face_counts, bound))
        advance(count)

    linking = run.config.association
    settings = [settings_as_dict(config), linking.max_link_gap_frames, linking.max_link_move]
    settings.append(detector.sure_score)
    read = (embedding_key,)
    people, key = run.stage(
        "clustering", settings, read, ".npy", _load_copy, write, count, "tracklets"
    )
    doubt = bound + config.max_doubt
    return people, maybe_the_same(people, distances, face_counts, constraints, doubt), key


def _cluster(
    run: Run,
    material: _Material,
    detector: DetectorChoice,
    distances: NDArray[np.float64],
    face_counts: NDArray[np.intp],
    bound: float,
) -> NDArray[np.int32]:
    scan, tracklet, constraints = material.scan, material.tracklet, material.constraints
    config, count = run.config.clustering, constraints.tracklet_count
    links = links_within_shots(
        scan.detections, tracklet, scan.shots, constraints, distances, bound,
        run.config.association,
    )  # fmt: skip
    linked = with_links(distances, links)
    followed = tracklet != NO_TRACKLET
    sure = followed & (scan.detections.scores >= detector.sure_score)
    detections = np.bincount(tracklet[followed], minlength=count)
    sure_detections = np.bincount(tracklet[sure], minlength=count)
    merges = merge_tracklets(linked, face_counts, constraints, config.cannot_link_distance)
    cut = choose_cut(merges, detections, sure_detections, bound, config)
    merged = clusters_after(merges, cut, count)
    cluster = separate_conflicts(merged, linked, face_counts, constraints, bound)
    return name_people(cluster, detections, sure_detections, config)


def _load_copy(path: Path) -> NDArray[np.int32]:
    """A small array, into memory."""
    return np.array(load_array(path))


def _counted(frame: Frame, advance: Advance) -> Frame:
    advance(1)
    return frame
