"""Settings: one frozen dataclass a stage."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tracker.errors import ConfigError

DETECTORS = ("auto", "mtcnn", "yunet")
FEATURE_KINDS = ("auto", "face", "hog", "alexnet", "facenet", "resnet18", "resnet50")
TRIPLET_LOSSES = ("symtriplet", "triplet", "hierarchical-triplet")
PAIR_LOSSES = ("contrastive", "siamese-bce")
QUADRUPLET_LOSSES = ("quadruplet", "adaptive-quadruplet")
IDENTITY_LOSSES = ("proxy-nca", "soft-triple", "arcface", "cosface", "multi-similarity")
PLUS_QUADRUPLET = "+quadruplet"  # after a triplet loss: add the quadruplet loss's second term
LOSSES = (
    *TRIPLET_LOSSES,
    *(f"{name}{PLUS_QUADRUPLET}" for name in TRIPLET_LOSSES),
    *PAIR_LOSSES,
    *QUADRUPLET_LOSSES,
    *IDENTITY_LOSSES,
)
MINING = (
    "auto",
    "offline",
    "batch-all",
    "batch-hard",
    "semi-hard",
    "distance-weighted",
    "anchor-neighbour",
)
TRUNKS = ("head", "finetune")
BACKBONES = ("face", "facenet", "alexnet", "resnet18", "resnet50", "small")
OPTIMISERS = ("adamw", "sgd")


def _check(ok: bool, setting: str, rule: str, value: object) -> None:
    if not ok:
        raise ConfigError(f"{setting} must be {rule}, got {value}")


@dataclass(frozen=True, slots=True)
class ShotConfig:
    """Where one shot ends and the next begins."""

    file: str | None = None  # a list of shots, instead of looking for them
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
        _check(
            self.max_gap_frames >= 0, "tracklets.max_gap_frames", "0 or more", self.max_gap_frames
        )
        _check(self.min_length >= 1, "tracklets.min_length", "1 or more", self.min_length)


@dataclass(frozen=True, slots=True)
class FeatureConfig:
    """What describes a face before anything is learned."""

    kind: str = "auto"  # face, helped by hog, where its weights are at hand, else hog alone
    crops_per_tracklet: int = 24  # at most, spread over the tracklet's whole length

    def __post_init__(self) -> None:
        _check(self.kind in FEATURE_KINDS, "features.kind", f"one of {FEATURE_KINDS}", self.kind)
        _check(
            self.crops_per_tracklet >= 1,
            "features.crops_per_tracklet",
            "1 or more",
            self.crops_per_tracklet,
        )


@dataclass(frozen=True, slots=True)
class DetectionConfig:
    """How faces are found."""

    detector: str = "auto"  # yunet where its weights are at hand, else mtcnn
    file: str | None = None  # a MOT detection file, instead of a detector
    file_box_scale: tuple[float, float] = (1.0, 1.0)  # how much wider and taller its boxes are made
    min_score: float | None = None  # [0, 1]; None: what suits the detector
    sure_score: float | None = None  # that a face must reach once to be followed; None: likewise
    min_face_px: int | None = None  # height of the smallest face; None: what suits the detector
    every: int | str = 1  # one frame in so many is looked at; auto: as many as faces move
    batch_frames: int = 16  # decoded frames given to the detector at a time, at most

    def __post_init__(self) -> None:
        _check(
            self.detector in DETECTORS, "detection.detector", f"one of {DETECTORS}", self.detector
        )
        score_ok = self.min_score is None or 0 <= self.min_score <= 1
        _check(score_ok, "detection.min_score", "in [0, 1]", self.min_score)
        sure_ok = self.sure_score is None or 0 <= self.sure_score <= 1
        _check(sure_ok, "detection.sure_score", "in [0, 1]", self.sure_score)
        face_ok = self.min_face_px is None or self.min_face_px >= 1
        _check(face_ok, "detection.min_face_px", "1 or more", self.min_face_px)
        every_ok = self.every == "auto" if isinstance(self.every, str) else self.every >= 1
        _check(every_ok, "detection.every", "auto, or 1 or more", self.every)
        _check(self.batch_frames >= 1, "detection.batch_frames", "1 or more", self.batch_frames)
        scale_ok = len(self.file_box_scale) == 2 and all(
            0 < side < math.inf for side in self.file_box_scale
        )
        _check(scale_ok, "detection.file_box_scale", "two numbers above 0", self.file_box_scale)


@dataclass(frozen=True, slots=True)
class ClusteringConfig:
    """Who is the same person, and who is nobody."""

    people: int | None = None  # how many there are; None: found by itself
    max_learned_distance: float = 1.75  # squared distance at which merging stops, where all of it
    max_raw_distance: float = 1.22  # is learned, and where none is; mixed as the distance is
    max_hog_distance: float = 1.6  # in place of the latter, for features that know no faces
    cannot_link_distance: float = 50.0  # added between two tracklets that share a frame
    min_detections: int = 10  # a person is seen at least so often ...
    min_share: float = 0.01  # ... and makes up at least this share of all faces followed,
    enough_detections: int = 100  # ... unless seen so often, which is enough in any video,
    min_sure_share: float = 0.4  # and of their detections this share is surely a face
    max_doubt: float = 0.25  # two people this much further apart than the bound may be the same

    def __post_init__(self) -> None:
        people_ok = self.people is None or self.people >= 1
        _check(people_ok, "clustering.people", "1 or more", self.people)
        learned, raw = self.max_learned_distance, self.max_raw_distance
        _check(learned > 0, "clustering.max_learned_distance", "above 0", learned)
        _check(raw > 0, "clustering.max_raw_distance", "above 0", raw)
        hog = self.max_hog_distance
        _check(hog > 0, "clustering.max_hog_distance", "above 0", hog)
        apart = self.cannot_link_distance
        _check(0 <= apart < 1e6, "clustering.cannot_link_distance", "in [0, 1e6)", apart)
        _check(
            self.min_detections >= 1, "clustering.min_detections", "1 or more", self.min_detections
        )
        _check(0 <= self.min_share < 1, "clustering.min_share", "in [0, 1)", self.min_share)
        sure = self.min_sure_share
        _check(0 <= sure <= 1, "clustering.min_sure_share", "in [0, 1]", sure)
        _check(self.max_doubt >= 0, "clustering.max_doubt", "0 or more", self.max_doubt)
        enough = self.enough_detections
        _check(enough >= 1, "clustering.enough_detections", "1 or more", enough)


@dataclass(frozen=True, slots=True)
class EmbeddingConfig:
    """How the embedding is learned from the video's own constraints."""

    loss: str = "symtriplet"  # one of LOSSES
    mining: str = "auto"  # what the loss is given; auto: what suits it
    trunk: str = "head"  # a small network on fixed features; finetune: a CNN on the crops
    backbone: str = "auto"  # of finetune; auto: face where its weights are at hand, else small
    init: str | None = None  # a run folder whose embedding learning starts from
    dim: int = 64  # of the embedding
    learners: int = 1  # that the embedding is divided among, and conquered by; 1: not divided
    standardise: bool = True  # features that know no faces, and keep their strongest directions
    compensate: bool = True  # take out what all faces of the video share before learning
    max_looks: int = 3  # at the people found, to compensate by them, where nothing is learned
    raw_share: float | None = None  # of the distance that is not learned; None: by evidence
    heads: int = 4  # networks a kind of features, learned from different starts and averaged
    steps: int = 1500  # of each, at most: fewer where held-out constraints gain nothing more
    held_out_share: float = 0.1  # of the pairs, in whole shots, that each network is judged by
    patience: int = 5  # times a hundred steps without a gain on them, and learning winds down
    batch_triplets: int = 256
    batch_tracklets: int = 64  # of a batch that is mined, each with so many
    faces_per_tracklet: int = 4
    margin: float | None = None  # None: what suits the loss, on the unit sphere
    quadruplet_margin: float = 0.25  # of the quadruplet term
    optimiser: str = "adamw"
    learning_rate: float = 4e-3  # for a new metric; it falls to 0 at the end
    correction_rate: float = 1e-3  # likewise, where features that know faces are corrected
    trunk_rate: float = 1e-4  # likewise, of a CNN that is fine-tuned; its last layer's is 10 x
    weight_decay: float = 1e-2
    dropout: float = 0.2
    unit_length: bool = True  # of the embedded faces; the paper leaves them their lengths

    def __post_init__(self) -> None:
        for name, known in (
            ("loss", LOSSES),
            ("mining", MINING),
            ("trunk", TRUNKS),
            ("backbone", ("auto", *BACKBONES)),
            ("optimiser", OPTIMISERS),
        ):
            value = getattr(self, name)
            _check(value in known, f"embedding.{name}", f"one of {', '.join(known)}", value)
        self._check_mining()
        trunk_ok = self.backbone == "auto" or self.trunk == "finetune"
        _check(trunk_ok, "embedding.backbone", "left out unless trunk is finetune", self.backbone)
        for name in ("heads", "steps", "patience", "batch_triplets", "learners"):
            value = getattr(self, name)
            _check(value >= 1, f"embedding.{name}", "1 or more", value)
        for name in ("dim", "batch_tracklets", "faces_per_tracklet"):
            value = getattr(self, name)
            _check(value >= 2, f"embedding.{name}", "2 or more", value)
        divides = self.dim % self.learners == 0 and self.dim >= 2 * self.learners
        _check(
            divides, "embedding.learners", f"a divisor of {self.dim}, half at most", self.learners
        )
        _check(self.max_looks >= 0, "embedding.max_looks", "0 or more", self.max_looks)
        share_ok = self.raw_share is None or 0 <= self.raw_share <= 1
        _check(share_ok, "embedding.raw_share", "in [0, 1]", self.raw_share)
        held = self.held_out_share
        _check(0 <= held <= 0.5, "embedding.held_out_share", "in [0, 0.5]", held)
        margin_ok = self.margin is None or self.margin > 0
        _check(margin_ok, "embedding.margin", "above 0", self.margin)
        for name in ("quadruplet_margin", "learning_rate", "correction_rate", "trunk_rate"):
            value = getattr(self, name)
            _check(value > 0, f"embedding.{name}", "above 0", value)
        _check(self.weight_decay >= 0, "embedding.weight_decay", "0 or more", self.weight_decay)
        _check(0 <= self.dropout < 1, "embedding.dropout", "in [0, 1)", self.dropout)

    def _check_mining(self) -> None:
        """Some losses are given one thing only."""
        on_sphere = self.loss.startswith("hierarchical") or self.mining == "distance-weighted"
        if on_sphere and not self.unit_length:
            raise ConfigError(
                f"embedding.unit_length: {self.loss} with {self.mining} mining is for embeddings "
                "of length 1; leave it out"
            )
        if self.loss in IDENTITY_LOSSES and self.learners > 1:
            raise ConfigError(
                f"embedding.learners: {self.loss} learns from whole identities, which are not "
                "divided among learners; leave it out"
            )
        if self.mining == "auto":
            return
        if self.loss in IDENTITY_LOSSES:
            raise ConfigError(
                f"embedding.mining: {self.mining} is not for {self.loss}, which learns from "
                "whole identities; leave it out"
            )
        if self.loss in QUADRUPLET_LOSSES and self.mining != "offline":
            raise ConfigError(
                f"embedding.mining: {self.mining} mines triplets, and {self.loss} learns from "
                f"quadruplets; leave it out, or choose symtriplet{PLUS_QUADRUPLET}"
            )


@dataclass(frozen=True, slots=True)
class AssociationConfig:
    """How a person's tracklets become one track within a shot."""

    max_link_gap_frames: int = 30  # between two tracklets that are one face lost and found; 0: none
    max_link_move: float = 2.0  # face sizes that it may have moved meanwhile
    max_fill_frames: int = 16  # a gap that is filled between two boxes of one person
    smooth_centre_frames: float = 1.5  # standard deviation of the window that boxes move in
    smooth_size_frames: float = 6.0  # and of that in which they grow or shrink: heads don't

    def __post_init__(self) -> None:
        gap, move = self.max_link_gap_frames, self.max_link_move
        _check(gap >= 0, "association.max_link_gap_frames", "0 or more", gap)
        _check(move >= 0, "association.max_link_move", "0 or more", move)
        _check(
            self.max_fill_frames >= 0,
            "association.max_fill_frames",
            "0 or more",
            self.max_fill_frames,
        )
        centre, size = self.smooth_centre_frames, self.smooth_size_frames
        _check(centre >= 0, "association.smooth_centre_frames", "0 or more", centre)
        _check(size >= 0, "association.smooth_size_frames", "0 or more", size)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a run can be told."""

    shots: ShotConfig = field(default_factory=ShotConfig)
    detection: DetectionConfig = field(default_factory=DetectionConfig)
    tracklets: TrackletConfig = field(default_factory=TrackletConfig)
    features: FeatureConfig = field(default_factory=FeatureConfig)
    embedding: EmbeddingConfig = field(default_factory=EmbeddingConfig)
    clustering: ClusteringConfig = field(default_factory=ClusteringConfig)
    association: AssociationConfig = field(default_factory=AssociationConfig)
    seed: int = 0  # of every random choice

    def __post_init__(self) -> None:
        _check(0 <= self.seed < 2**63, "seed", "0 or more, below 2^63", self.seed)
