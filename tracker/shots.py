"""Frames → shots: hard cuts by PySceneDetect, checked for flashes; dissolves by their blending.

A hard cut is where PySceneDetect's AdaptiveDetector sees a jump. A strobe makes it jump
too, but the same picture is there again a moment later: such a jump is dropped. A dissolve
has no jump: its middle frame is the average of the pictures before and after it, which
neither movement nor a camera pan is.
"""

from __future__ import annotations

import csv
import itertools
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

from tracker.config import ShotConfig
from tracker.errors import FormatError
from tracker.records import Shot

FloatArray = NDArray[np.floating]

_DETECTOR_WIDTH = 256  # pixels; what AdaptiveDetector's thresholds were chosen at
_SKETCH_SIZE = (48, 27)  # pixels; enough for layout, too few for lip movement or grain
_WINDOW_FRAMES = 4  # either side: AdaptiveDetector's, and how long a strobe may last
_BLEND_SPANS = (4, 8, 14, 20)  # frames from a dissolve's middle to the pictures it blends
_NOMINAL_RATE = 25.0  # PySceneDetect wants one; only frame numbers are read back


class ShotDetector:
    """Finds the shots of a video from its frames, given one after another.

    Keeps a few dozen thumbnails and nothing else, so that it can share the one pass
    over the video with the face detector.
    """

    def __init__(self, config: ShotConfig) -> None:
        self._config = config
        self._jumps = AdaptiveDetector(
            adaptive_threshold=config.min_jump_ratio,
            min_content_val=config.min_jump,
            window_width=_WINDOW_FRAMES,
            min_scene_len=1,
        )
        # The oldest frame that a decision needs is a blend span and both windows behind.
        self._sketches: deque[FloatArray] = deque(maxlen=2 * (max(_BLEND_SPANS) + _WINDOW_FRAMES))
        self._frame_count = 0
        self._candidates: list[int] = []  # jumps that wait for the frames after them
        self._cuts: list[int] = []
        self._dissolves: list[tuple[float, int]] = []  # (blend residual, middle frame)

    def push(self, image: NDArray[np.uint8]) -> None:
        """Take in the next frame (H, W, 3) RGB."""
        height, width = image.shape[:2]
        thumbnail_size = (_DETECTOR_WIDTH, max(round(_DETECTOR_WIDTH * height / width), 1))
        thumbnail = cv2.resize(image, thumbnail_size, interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(thumbnail, cv2.COLOR_RGB2GRAY)
        sketch = cv2.resize(grey, _SKETCH_SIZE, interpolation=cv2.INTER_AREA)
        self._sketches.append(sketch.astype(np.float32))
        now = FrameTimecode(self._frame_count, _NOMINAL_RATE)
        bgr = cv2.cvtColor(thumbnail, cv2.COLOR_RGB2BGR)
        self._candidates += [cut.frame_num for cut in self._jumps.process_frame(now, bgr)]
        self._frame_count += 1
        self._decide(up_to=self._frame_count - _WINDOW_FRAMES)
        self._look_for_dissolve(self._frame_count - 1 - max(_BLEND_SPANS) - _WINDOW_FRAMES)

    def finish(self) -> list[Shot]:
        """The shots of all frames pushed: in order, covering every frame; none for no frames."""
        self._decide(up_to=self._frame_count)
        first_open = self._frame_count - max(_BLEND_SPANS) - _WINDOW_FRAMES
        for middle in range(max(first_open, 0), self._frame_count):
            self._look_for_dissolve(middle)
        cuts = self._cuts + _strongest_apart(self._dissolves, self._config.min_dissolve_gap)
        return shots_from_cuts(sorted(cuts), self._frame_count)

    def _decide(self, up_to: int) -> None:
        """Settle the jumps before frame `up_to`, whose following frames have been seen."""
        for cut in [cut for cut in self._candidates if cut <= up_to]:
            before = self._sketches_between(cut - _WINDOW_FRAMES, cut)
            after = self._sketches_between(cut, cut + _WINDOW_FRAMES)
            likeness = max((correlation(a, b) for a in before for b in after), default=0.0)
            if likeness < self._config.max_likeness_over_cut:
                self._cuts.append(cut)
        self._candidates = [cut for cut in self._candidates if cut > up_to]

    def _look_for_dissolve(self, middle: int) -> None:
        residuals = []
        for span in _BLEND_SPANS:
            around = self._sketches_between(middle - span, middle + span + 1)
            complete = len(around) == 2 * span + 1
            if complete and not any(middle - span < cut <= middle + span for cut in self._cuts):
                residuals.append(blend_residual(around[0], around[span], around[-1], self._config))
        best = min(residuals, default=1.0)
        if best < self._config.max_blend_residual:
            self._dissolves.append((best, middle))

    def _sketches_between(self, start: int, stop: int) -> list[FloatArray]:
        """Thumbnails of frames `start` to `stop` (excluded), those that are still there."""
        oldest = self._frame_count - len(self._sketches)
        frames = range(max(start, oldest), min(stop, self._frame_count))
        return [self._sketches[frame - oldest] for frame in frames]


def correlation(a: FloatArray, b: FloatArray) -> float:
    """Normalised cross-correlation of two pictures: 1 for the same layout in any light."""
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-3))


def blend_residual(
    before: FloatArray, middle: FloatArray, after: FloatArray, config: ShotConfig
) -> float:
    """How far `middle` is from the average of `before` and `after`, as a share of their distance.

    Near 0 in a dissolve, about 0.5 where one picture simply follows the other; 1 where the
    two are too alike for a change of shot.
    """
    distance = float(np.abs(after - before).mean())
    too_alike = correlation(before, after) > config.max_likeness_over_dissolve
    if distance < config.min_dissolve_change or too_alike:
        return 1.0
    return float(np.abs(middle - (before + after) / 2).mean()) / distance


def shots_from_cuts(cuts: Sequence[int], frame_count: int) -> list[Shot]:
    """The shots between `cuts`, the sorted first frames of each shot but the first."""
    edges = sorted({0, *(cut for cut in cuts if 0 < cut < frame_count), frame_count})
    return [Shot(start, stop) for start, stop in itertools.pairwise(edges)]


def _strongest_apart(candidates: list[tuple[float, int]], min_gap: int) -> list[int]:
    """Frames of the lowest residuals, none within `min_gap` of a better one."""
    chosen: list[int] = []
    for _, frame in sorted(candidates):
        if all(abs(frame - other) >= min_gap for other in chosen):
            chosen.append(frame)
    return chosen


def write_shots(path: Path, shots: Sequence[Shot]) -> None:
    """Write `shot,first_frame,last_frame`, counted from 1, last included."""
    with path.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["shot", "first_frame", "last_frame"])
        writer.writerows([n, shot.start + 1, shot.stop] for n, shot in enumerate(shots, start=1))


def read_shots(path: Path, frame_count: int) -> list[Shot]:
    """Read a file as `write_shots` writes it; frames of no shot join the shot before them.

    Raises:
        FormatError: unreadable, not numbers, out of order, or beyond the video.
    """
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(path, f"cannot be read as a list of shots ({error})") from error
    starts: list[int] = []
    end = 0
    for number, line in enumerate(lines, start=1):
        if not line or (number == 1 and not line[0].strip().isdigit()):
            continue  # blank, or the header
        try:
            first, last = int(line[1]), int(line[2])
        except (IndexError, ValueError) as error:
            raise FormatError(path, "expected shot,first_frame,last_frame", number) from error
        if not end < first <= last:
            raise FormatError(path, f"frames {first} to {last} are out of order", number)
        if last > frame_count:
            raise FormatError(path, f"frame {last} is beyond the video's {frame_count}", number)
        starts.append(first - 1)
        end = last
    return shots_from_cuts(starts, frame_count)
