"""Settings: one frozen dataclass a stage, read from YAML; unknown keys are refused."""

from __future__ import annotations

from dataclasses import dataclass

from tracker.errors import ConfigError


DETECTORS = ("auto", "mtcnn", "yunet")
FEATURE_KINDS = ("auto", "face", "hog")


def _check(ok: bool, setting: str, rule: str, value: object) -> None:
    if not ok:
        raise ConfigError(f"{setting} must be {rule}, got {value}")


@dataclass(frozen=True, slots=True)
class ShotConfig:
    """Where one shot ends and the next begins."""

    min_jump: float = 8.0  # mean change a pixel and channel (HSV), 0 to 255, at 256 px wide
    min_jump_ratio: float = 2.0  # times the mean change of the frames around it
    max_likeness_over_cut: float = 0.9  # correlation; above it the jump was a flash of light
    max_blend_residual: float = 0.25  # share of the change; below it a frame is a blend
    max_likeness_over_dissolve: float = 0.6  # correlation; above it the light changed, not the shot
    min_dissolve_change: float = 8.0  # mean change a pixel, grey levels
    min_dissolve_gap: int = 15  # frames between two dissolves

    def __post_init__(self) -> None:
        _check(self.min_jump > 0, "shots.min_jump", "above 0", self.min_jump)
        _check(self.min_jump_ratio > 1, "shots.min_jump_ratio", "above 1", self.min_jump_ratio)


@dataclass(frozen=True, slots=True)
class TrackletConfig:
    """How boxes in neighbouring frames of a shot become tracklets."""

    min_iou: float = 0.3  # of a box with where the motion model expects it
    min_iou_lead: float = 0.1  # over every rival for either end of the link
    max_gap_frames: int = 8  # missed frames that a tracklet may bridge
    min_length: int = 5  # detections; shorter ones are dropped

    def __post_init__(self) -> None:
        _check(0 < self.min_iou <= 1, "tracklets.min_iou", "in (0, 1]", self.min_iou)
        _check(0 <= self.min_iou_lead < 1, "tracklets.min_iou_lead", "in [0, 1)", self.min_iou_lead)
        _check(self.max_gap_frames >= 0, "tracklets.max_gap_frames", "0 or more", self.max_gap_frames)
        _check(self.min_length >= 1, "tracklets.min_length", "1 or more", self.min_length)


@dataclass(frozen=True, slots=True)
class FeatureConfig:
    """What describes a face before anything is learned."""

    kind: str = "auto"  # face where its weights are at hand, else hog
    crops_per_tracklet: int = 24  # at most, spread over the tracklet's whole length

    def __post_init__(self) -> None:
        _check(self.kind in FEATURE_KINDS, "features.kind", f"one of {FEATURE_KINDS}", self.kind)
        _check(self.crops_per_tracklet >= 1, "features.crops_per_tracklet", "1 or more", self.crops_per_tracklet)


@dataclass(frozen=True, slots=True)
class DetectionConfig:
    """How faces are found."""

    detector: str = "auto"  # yunet where its weights are at hand, else mtcnn
    file: str | None = None  # a MOT detection file, instead of a detector
    file_box_scale: tuple[float, float] = (1.0, 1.0)  # how much wider and taller its boxes are made
    min_score: float | None = None  # [0, 1]; None: what suits the detector
    min_face_px: int = 20  # height of the smallest face looked for
    batch_frames: int = 8  # decoded frames given to the detector at a time

    def __post_init__(self) -> None:
        _check(
            self.detector in DETECTORS, "detection.detector", f"one of {DETECTORS}", self.detector
        )
        score_ok = self.min_score is None or 0 <= self.min_score <= 1
        _check(score_ok, "detection.min_score", "in [0, 1]", self.min_score)
        _check(self.min_face_px >= 1, "detection.min_face_px", "1 or more", self.min_face_px)
        _check(self.batch_frames >= 1, "detection.batch_frames", "1 or more", self.batch_frames)
        scale_ok = len(self.file_box_scale) == 2 and min(self.file_box_scale) > 0
        _check(scale_ok, "detection.file_box_scale", "two numbers above 0", self.file_box_scale)
