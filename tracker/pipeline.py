"""The order of the stages, from a video to people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.association import build_tracks, person_of_detections
from tracker.constraints import mine_constraints
from tracker.detection.choose import DetectorChoice, choose_detector
from tracker.embedding.backbones import Backbone, choose_trunk
from tracker.faces import Material
from tracker.features.choose import FeatureChoice, choose_features
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
class Followed:
    """What is found before anybody is told apart.

    Attributes:
        material: times, shots, detections, tracklets, constraints.
    """

    info: VideoInfo
    detector: DetectorChoice
    material: Material


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

    @property
    def faces(self) -> NDArray[np.int32]:
        """The tracklet (S,) of each face that stands for one."""
        return self.tracklet[self.identities.crops.rows]


def find_people(run: Run, info: VideoInfo) -> Findings:
    """Run every stage from the video to the tracks, or take it up where nothing changed.

    Raises:
        TrackerError: the video, the weights, a file or the folder cannot be used.
    """
    detector = choose_detector(run.config.detection)
    looks = _choose_looks(run)  # before the long pass: missing weights should show at once
    run.log.say(detector.reason)
    looks.tell(run)
    return _identify(run, follow_faces(run, info, detector), looks)


def follow_faces(run: Run, info: VideoInfo, detector: DetectorChoice) -> Followed:
    """Find faces, join them to tracklets, and mine what these say of each other."""
    scan = scan_video(run, info, detector)
    tracklet, tracklets_key = _tracklets(run, scan, detector)
    constraints, constraints_key = _constraints(run, scan, tracklet, tracklets_key)
    is_sure = scan.detections.scores >= detector.sure_score
    material = Material(scan, tracklet, is_sure, constraints, constraints_key)
    return Followed(info, detector, material)


def identify_people(run: Run, followed: Followed) -> Findings:
    """Tell people apart whose faces were `followed` before, by the settings of `run`.

    Raises:
        TrackerError: the weights or the folder cannot be used.
    """
    looks = _choose_looks(run)
    looks.tell(run)
    return _identify(run, followed, looks)


class _Looks(NamedTuple):
    """What faces are looked at with."""

    features: tuple[FeatureChoice, ...]
    backbone: Backbone | None
    about_backbone: str

    def tell(self, run: Run) -> None:
        """Say what was chosen for the user."""
        run.log.say(self.features[0].reason)
        run.log.say(self.about_backbone)


def _choose_looks(run: Run) -> _Looks:
    return _Looks(choose_features(run.config.features), *choose_trunk(run.config.embedding))


def _identify(run: Run, followed: Followed, looks: _Looks) -> Findings:
    material = followed.material
    scan, tracklet = material.scan, material.tracklet
    identities = tell_people_apart(run, material, looks.features, looks.backbone)
    run.log.say(identities.embedding.note)
    person = person_of_detections(tracklet, identities.person)
    tracks = build_tracks(scan.detections, person, scan.shots, run.config.association)
    key = stage_key("tracks", settings_as_dict(run.config.association), identities.key)
    return Findings(
        followed.info,
        scan,
        followed.detector,
        tracklet,
        person,
        material.constraints,
        identities,
        tracks,
        key,
    )


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
