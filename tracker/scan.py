"""The one pass over the video that needs every frame: its times, its shots, its faces."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tracker.detection.choose import DetectorChoice, make_detector
from tracker.detection.protocol import Detector
from tracker.detection.sparse import SparseDetector, usual_distance
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
from tracker.video.ahead import read_ahead
from tracker.video.reader import VideoReader

STAGE = "detection"
_BATCH_BYTES = 1 << 27  # of decoded frames: 16 of 1080p, 6 of 4K
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
            looked_at = _read_all(run, info, files, detector, need_shots, need_faces, advance)
        if need_faces:
            run.log.stages[STAGE]["frames_looked_at"] = looked_at
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
    info: VideoInfo,
    files: _Files,
    detector: DetectorChoice,
    need_shots: bool,
    need_faces: bool,
    advance: Advance,
) -> int:
    """Decode every frame once, and give it to all who need it; how many were looked at for faces.

    Three things go on at a time: frames are decoded, those decoded before are looked at for cuts,
    and in the batch before that faces are found.
    """
    with ExitStack() as stack:
        reader = stack.enter_context(VideoReader(run.video))
        shot_detector = ShotDetector(run.config.shots) if need_shots else None
        finder = (
            stack.enter_context(_Finder(run, detector, info.frame_rate)) if need_faces else None
        )
        for frame in stack.enter_context(closing(read_ahead(reader))):
            if finder is not None:
                finder.push(frame)
            if shot_detector is not None:
                shot_detector.push(frame.image)
            advance(1)
        faces = None if finder is None else finder.finish()
        save_timeline(files.timeline, reader.timeline(), reader.warning)
    if shot_detector is not None:
        save_shots(files.shots, shot_detector.finish())
    if finder is None or faces is None:
        return 0
    save_detections(files.detections, faces)
    return finder.frames_looked_at


class _Finder:
    """Finds the faces of one batch of frames while the next is gathered."""

    def __init__(self, run: Run, choice: DetectorChoice, frame_rate: Fraction) -> None:
        config = run.config.detection
        detector = make_detector(choice, config, run.device)
        self._sparse: SparseDetector | None = None
        if choice.name != "file":  # to look into a file costs nothing
            auto = isinstance(config.every, str)
            every = usual_distance(frame_rate) if isinstance(config.every, str) else config.every
            self._sparse = SparseDetector(detector, every, auto, choice.sure_score)
        self._detector: Detector = self._sparse or detector
        self._most_frames = config.batch_frames
        self._background = ThreadPoolExecutor(1, thread_name_prefix="faces")
        self._batch: list[Frame] = []
        self._pending: Future[Detections] | None = None
        self._found: list[Detections] = []

    def __enter__(self) -> _Finder:
        return self

    def __exit__(self, *_: object) -> None:
        self._background.shutdown(cancel_futures=True)

    def push(self, frame: Frame) -> None:
        """Take in the next frame; waits while a whole batch is in work and another is full."""
        self._batch.append(frame)
        if len(self._batch) >= min(self._most_frames, _BATCH_BYTES // frame.image.nbytes + 1):
            self._submit()

    @property
    def frames_looked_at(self) -> int:
        """How many of the frames pushed faces were looked for in; 0 where a file gives them."""
        return 0 if self._sparse is None else self._sparse.frames_looked_at

    def finish(self) -> Detections:
        """The faces of all frames."""
        self._submit()
        self._collect()
        if self._sparse is not None:
            self._found.append(self._sparse.finish())
        return Detections.joined(self._found)

    def _submit(self) -> None:
        self._collect()
        self._pending = self._background.submit(self._detector.detect, self._batch)
        self._batch = []

    def _collect(self) -> None:
        if self._pending is not None:
            self._found.append(self._pending.result())
            self._pending = None


def _shots_key(run: Run, video_key: str) -> str:
    settings = settings_as_dict(run.config.shots)
    file = run.config.shots.file
    content = content_hash(Path(file)) if file is not None else None
    return stage_key("shots", [settings, content], video_key)


def _detections_key(run: Run, detector: DetectorChoice, video_key: str) -> str:
    """Of all that the boxes depend on."""
    config = run.config.detection
    settings = [
        detector.name,
        detector.min_score,
        detector.hashes,
        detector.min_face_px,
        run.device.type,
    ]
    if config.file is None:
        settings += [config.every, detector.sure_score if config.every == "auto" else None]
    else:
        settings += [content_hash(Path(config.file)), list(config.file_box_scale)]
    return stage_key(STAGE, settings, video_key)
