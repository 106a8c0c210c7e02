"""The order of the stages, from a video to people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.association import build_tracks, person_of_detections
from tracker.constraints import mine_constraints
from tracker.detection.choose import DetectorChoice, choose_detector
from tracker.embedding.backbones import choose_trunk
from tracker.faces import Material
from tracker.features.choose import choose_features
from tracker.identity import Identities, tell_people_apart
from tracker.progress import Advance
from tracker.records import Constraints, Tracks, VideoInfo
from tracker.run import Run
from tracker.scan import Scan, scan_video
from tracker.settings import settings_as_dict
from tracker.storage import (
    load_constraints,
    load_copy,
    save_array,
    save_constraints,
    stage_key,
)
from tracker.tracklets import link_tracklets


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
    tracklet: NDArray[np.int32]
    person: NDArray[np.int32]
    constraints: Constraints
    identities: Identities
    tracks: Tracks
    key: str


def find_people(run: Run, info: VideoInfo) -> Findings:
    """Run every stage from the video to the tracks, or take it up where nothing changed.

    Raises:
        TrackerError: the video, the weights, a file or the folder cannot be used.
    """
    detector = choose_detector(run.config.detection)
    features = choose_features(run.config.features)
    backbone, about_backbone = choose_trunk(run.config.embedding)
    run.log.say(detector.reason)
    run.log.say(features[0].reason)
    run.log.say(about_backbone)
    scan = scan_video(run, info, detector)
    tracklet, tracklets_key = _tracklets(run, scan, detector)
    constraints, constraints_key = _constraints(run, scan, tracklet, tracklets_key)
    is_sure = scan.detections.scores >= detector.sure_score
    material = Material(scan, tracklet, is_sure, constraints, constraints_key)
    identities = tell_people_apart(run, material, features, backbone)
    run.log.say(identities.embedding.note)
    person = person_of_detections(tracklet, identities.person)
    tracks = build_tracks(scan.detections, person, scan.shots, run.config.association)
    key = stage_key("tracks", settings_as_dict(run.config.association), identities.key)
    return Findings(info, scan, detector, tracklet, person, constraints, identities, tracks, key)


def _tracklets(run: Run, scan: Scan, detector: DetectorChoice) -> tuple[NDArray[np.int32], str]:
    config = run.config.tracklets

    def write(path: Path, advance: Advance) -> None:
        linked = link_tracklets(
            scan.detections, scan.shots, detector.sure_score, detector.fair_score, config
        )
        save_array(path, linked)
        advance(len(linked))

    settings = [settings_as_dict(config), detector.sure_score, detector.fair_score]
    read = (scan.shots_key, scan.detections_key)
    total = len(scan.detections)
    return run.stage("linking", settings, read, ".npy", load_copy, write, total, "boxes")


def _constraints(
    run: Run, scan: Scan, tracklet: NDArray[np.int32], tracklets_key: str
) -> tuple[Constraints, str]:
    def write(path: Path, advance: Advance) -> None:
        mined = mine_constraints(scan.detections, tracklet, scan.shots)
        save_constraints(path, mined)
        advance(len(mined.cannot_link))

    read = (tracklets_key,)
    return run.stage("constraints", None, read, ".json", load_constraints, write, None, "pairs")
