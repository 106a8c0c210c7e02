"""The one pass over the video that needs every frame: its times, its shots, its faces."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracker.detection.choose import DetectorChoice, make_detector
from tracker.progress import Advance
from tracker.records import Detections, Frame, Shot, Timeline, VideoInfo
from tracker.run import Run
from tracker.settings import settings_as_dict
from tracker.shots import ShotDetector, read_shots
from tracker.storage import (
    content_hash,
    fingerprint,
    load_detections,
    load_shots,
    load_timeline,
    save_detections,
    save_shots,
    save_timeline,
    stage_key,
)
from tracker.video.reader import VideoReader

STAGE = "detection"
_MOST_FRAMES = 2**31  # before a video is read, nobody knows how many it has


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """What the pass over a video found; the keys change whenever the parts do."""

    video_key: str
    timeline: Timeline
    shots: list[Shot]
    shots_key: str
    detections: Detections
    detections_key: str


@dataclass(frozen=True, slots=True)
class _Files:
    """Where the parts of a scan are kept."""

    timeline: Path
    shots: Path
    detections: Path


def scan_video(run: Run, info: VideoInfo, detector: DetectorChoice) -> Scan:
    """Find times, shots and faces, all in one pass; what an earlier run has is taken up.

    Raises:
        VideoOpenError: not one frame decodes.
        FormatError: the given file of shots or detections makes no sense.
    """
    if run.config.shots.file is not None:  # a mistake in it should show before the long pass
        read_shots(Path(run.config.shots.file), _MOST_FRAMES)
    video_key = fingerprint(run.video)
    shots_key = _shots_key(run, video_key)
    detections_key = _detections_key(run, detector, video_key)
    files = _Files(
        run.folder.stage_file("timeline", stage_key("timeline", None, video_key), ".json"),
        run.folder.stage_file("shots", shots_key, ".json"),
        run.folder.stage_file(STAGE, detections_key, ".parquet"),
    )
    need_shots = run.config.shots.file is None and not files.shots.exists()
    need_faces = not files.detections.exists()
    if need_shots or need_faces or not files.timeline.exists():
        with run.log.timed(STAGE, info.frame_count, "frames") as advance:
            _read_all(run, files, detector, need_shots, need_faces, advance)
    else:
        run.log.reused(STAGE)
    timeline, warning = load_timeline(files.timeline)
    run.log.say(warning)
    if run.config.shots.file is not None:
        shots = read_shots(Path(run.config.shots.file), len(timeline))
    else:
        shots = load_shots(files.shots)
    detections = load_detections(files.detections)
    within = detections.frame < len(timeline)  # a file of detections may know more frames
    return Scan(video_key, timeline, shots, shots_key, detections.where(within), detections_key)


def _read_all(
    run: Run,
    files: _Files,
    detector: DetectorChoice,
    need_shots: bool,
    need_faces: bool,
    advance: Advance,
) -> None:
    """Decode every frame once, and give it to all who need it."""
    with ExitStack() as stack:
        reader = stack.enter_context(VideoReader(run.video))
        shot_detector = ShotDetector(run.config.shots) if need_shots else None
        face_detector = (
            make_detector(detector, run.config.detection, run.device) if need_faces else None
        )
        # Faces are found in one batch of frames while the next is decoded and looked at for cuts.
        background = stack.enter_context(ThreadPoolExecutor(1))
        found, batch = [Detections.empty()], list[Frame]()
        pending: Future[Detections] | None = None
        for frame in reader:
            if shot_detector is not None:
                shot_detector.push(frame.image)
            if face_detector is not None:
                batch.append(frame)
                if len(batch) == run.config.detection.batch_frames:
                    if pending is not None:
                        found.append(pending.result())
                    pending = background.submit(face_detector.detect, batch)
                    batch = []
            advance(1)
        if pending is not None:
            found.append(pending.result())
        if face_detector is not None and batch:
            found.append(face_detector.detect(batch))
        save_timeline(files.timeline, reader.timeline(), reader.warning)
    if shot_detector is not None:
        save_shots(files.shots, shot_detector.finish())
    if need_faces:
        save_detections(files.detections, _joined(found))


def _joined(parts: list[Detections]) -> Detections:
    return Detections(
        np.concatenate([part.frame for part in parts]),
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.landmarks for part in parts]),
    )


def _shots_key(run: Run, video_key: str) -> str:
    settings = settings_as_dict(run.config.shots)
    file = run.config.shots.file
    content = content_hash(Path(file)) if file is not None else None
    return stage_key("shots", [settings, content], video_key)


def _detections_key(run: Run, detector: DetectorChoice, video_key: str) -> str:
    """Of all that the boxes depend on; the detector's sure score only matters to tracklets."""
    config = run.config.detection
    settings = [
        detector.name,
        detector.min_score,
        detector.hashes,
        detector.min_face_px,
        run.device.type,
    ]
    if config.file is not None:
        settings += [content_hash(Path(config.file)), list(config.file_box_scale)]
    return stage_key(STAGE, settings, video_key)
