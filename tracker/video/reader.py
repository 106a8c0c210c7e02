"""Reading: frames with exact times, upright, one at a time, from whatever FFmpeg decodes."""

from __future__ import annotations

from array import array
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from tracker.cores import cpu_threads
from tracker.errors import VideoOpenError
from tracker.records import Frame, Timeline, VideoInfo
from tracker.video.container import (
    claimed_duration_s,
    nominal_rate,
    open_container,
    picture_stream,
)

MAX_BACKWARD_S = 1  # time going back by more means two recordings were joined
MAX_UNSHOWN_S = Fraction(1, 2)  # containers round their durations; a longer lack is a lost end

_CV2_TURNS = {  # by quarter turns counter-clockwise
    1: cv2.ROTATE_90_COUNTERCLOCKWISE,
    2: cv2.ROTATE_180,
    3: cv2.ROTATE_90_CLOCKWISE,
}


def probe_video(path: Path) -> VideoInfo:
    """Look at the container and the first picture of `path`.

    Raises:
        VideoOpenError: it is missing, is no video, or not one frame of it decodes.
    """
    with VideoReader(path) as reader:
        return reader.probe()


class VideoReader:
    """The frames of a video, in order, each decoded once and never kept.

    Use it as a context manager and iterate over it, once, as over an open file.

    Times come from the frames' own timestamps, less the first one. Where these do not
    increase they are repaired: a frame without one comes a nominal frame duration after
    the frame before; one that is not later than the frame before comes one tick after it;
    and where time goes back by more than a second (joined recordings) that frame and all
    after it move, so that it comes a nominal duration after the frame before.

    Broken packets are skipped. A picture whose size differs from the first one's is scaled
    to it. The sample aspect ratio is ignored.

    Attributes:
        warning: one line on what could not be read; None so far, or if all is well.
    """

    def __init__(self, path: Path, wanted: NDArray[np.int64] | None = None) -> None:
        """Open `path`.

        Args:
            wanted: sorted indices of the frames to convert and yield; the others are only
                decoded, and nothing after the last one is. All frames by default.

        Raises:
            VideoOpenError: it is missing or is no video. (That not one frame decodes shows
                when iterating.)
        """
        self.warning: str | None = None
        self._path = path
        self._wanted = wanted
        self._container = open_container(path)
        try:
            self._stream = picture_stream(self._container, path)
        except VideoOpenError:
            self._container.close()
            raise
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = _decoding_threads()
        self._clock = _Clock(self._stream)
        self._broken_packets = 0
        self._exhausted = False
        self._frames = self._read()

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        return next(self._frames)

    def close(self) -> None:
        """Close the file; more frames cannot be read."""
        self._frames.close()
        self._container.close()

    def probe(self) -> VideoInfo:
        """What the container says; uses up the first frame, so call it instead of iterating.

        Raises:
            VideoOpenError: not one frame decodes.
        """
        first = next(self._decode(), None)
        if first is None:
            raise _no_frames(self._path)
        sideways = _quarter_turns(first) % 2 == 1
        return VideoInfo(
            width=first.height if sideways else first.width,
            height=first.width if sideways else first.height,
            frame_rate=nominal_rate(self._stream),
            frame_count=self._stream.frames or None,
            has_sound=len(self._container.streams.audio) > 0,
        )

    def start_s(self) -> Fraction:
        """What the container calls the time of the first frame; 0 before it was read."""
        return self._clock.start_s()

    def timeline(self) -> Timeline:
        """When each frame is shown, in ticks of the container; call it when all were read.

        Raises:
            ValueError: frames are left to read.
        """
        if not self._exhausted:
            raise ValueError(f"the timeline of {self._path} is known once all frames were read")
        return self._clock.timeline()

    def _read(self) -> Generator[Frame, None, None]:
        """Yield the wanted frames, keeping the time of every one."""
        last_wanted = None if self._wanted is None else int(np.max(self._wanted, initial=-1))
        wanted = None if self._wanted is None else set(self._wanted.tolist())
        if last_wanted == -1:
            return
        to_rgb = _ToUprightRgb()
        for index, picture in enumerate(self._decode()):
            tick = self._clock.tick(picture)
            if wanted is None or index in wanted:
                yield Frame(index, tick * self._clock.tick_s, to_rgb(picture))
            if index == last_wanted:
                return
        self._exhausted = True
        self._note_what_was_lost()

    def _decode(self) -> Iterator[VideoFrame]:
        """Yield every picture that decodes, whatever lies between them."""
        for packet in self._packets():
            try:
                pictures = self._stream.decode(packet)
            except av.FFmpegError:
                self._broken_packets += 1
                continue
            yield from pictures

    def _packets(self) -> Iterator[Packet[VideoStream] | None]:
        """Yield the packets up to the end, or to where no more can be found; None flushes."""
        try:
            yield from self._container.demux(self._stream)
        except av.FFmpegError:
            self._broken_packets += 1
            yield None

    def _note_what_was_lost(self) -> None:
        """Set `warning`.

        Raises:
            VideoOpenError: nothing was decoded at all.
        """
        count = len(self._clock)
        if count == 0:
            raise _no_frames(self._path)
        lost = []
        if self._clock.end_s() + MAX_UNSHOWN_S < claimed_duration_s(self._stream):
            lost.append(f"stopped after frame {count - 1}: the file is truncated")
        if self._broken_packets:
            lost.append(f"skipped {self._broken_packets} broken packet(s)")
        self.warning = f"{self._path}: {'; '.join(lost)}" if lost else None


class _Clock:
    """Turns timestamps into strictly increasing ticks from 0, and remembers them."""

    def __init__(self, stream: VideoStream) -> None:
        self.tick_s = stream.time_base or Fraction(1, av.time_base)
        self._nominal = max(1, round(1 / (nominal_rate(stream) * self.tick_s)))
        self._offset: int | None = None  # tick = timestamp + offset; None before the first one
        self._ticks = array("q")
        self._last_duration = self._nominal

    def __len__(self) -> int:
        return len(self._ticks)

    def tick(self, picture: VideoFrame) -> int:
        """The tick of the next picture, repaired as `VideoReader` says."""
        self._last_duration = picture.duration or self._nominal
        tick = self._repaired(picture.pts)
        self._ticks.append(tick)
        return tick

    def _repaired(self, timestamp: int | None) -> int:
        expected = self._ticks[-1] + self._nominal if self._ticks else 0
        if timestamp is None:
            return expected
        if self._offset is None:
            self._offset = expected - timestamp
        tick = timestamp + self._offset
        if not self._ticks or tick > self._ticks[-1]:
            return tick
        if (self._ticks[-1] - tick) * self.tick_s <= MAX_BACKWARD_S:
            return self._ticks[-1] + 1
        self._offset = expected - timestamp
        return expected

    def start_s(self) -> Fraction:
        """The timestamp at which ticks start, in seconds; 0 if there is none."""
        return -(self._offset or 0) * self.tick_s

    def end_s(self) -> Fraction:
        """When the last picture stops being shown; 0 if there is none."""
        return (self._ticks[-1] + self._last_duration) * self.tick_s if self._ticks else Fraction(0)

    def timeline(self) -> Timeline:
        ticks = np.array(self._ticks, np.int64)
        return Timeline(ticks, self.tick_s, int(ticks[-1]) + self._last_duration)


class _ToUprightRgb:
    """Converts pictures to RGB, upright, at the size of the first.

    One converter serves all pictures because setting one up costs more than converting.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._first: tuple[int, int, int] | None = None  # width, height, quarter turns

    def __call__(self, picture: VideoFrame) -> NDArray[np.uint8]:
        if self._first is None:
            self._first = picture.width, picture.height, _quarter_turns(picture)
        width, height, turns = self._first
        rgb = self._reformatter.reformat(picture, width=width, height=height, format="rgb24")
        image = np.asarray(rgb.to_ndarray(), np.uint8)
        if rgb is picture:  # of RGB already: the decoder may draw the next picture over this one
            image = image.copy()
        return np.asarray(cv2.rotate(image, _CV2_TURNS[turns]), np.uint8) if turns else image


def _decoding_threads() -> int:
    """One more than there are cores: one of them waits for the file."""
    cores = cpu_threads()
    return cores if cores == 1 else cores + 1


def _no_frames(path: Path) -> VideoOpenError:
    return VideoOpenError(
        f"cannot decode {path}: not one frame of it is readable; check it with "
        f"`ffprobe {path}`, or re-encode it to H.264"
    )


def _quarter_turns(picture: VideoFrame) -> int:
    """Counter-clockwise quarter turns, 0 to 3, that put `picture` upright."""
    return round(picture.rotation / 90) % 4
