"""Writing: H.264 in MP4, every frame at its own time, with the sound of another file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.codec.context import Flags
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from tracker.cores import cpu_threads
from tracker.errors import VideoWriteError
from tracker.video.sound import Samples, SoundPackets, copy_sound, encode_sound

KEYFRAME_EVERY_S = 2  # near enough together to scrub through in a browser
# To play before all is there; and to say to the sample how long sound lasts, not to a millisecond.
_MP4_OPTIONS = {"movflags": "+faststart", "movie_timescale": "48000"}
BT709 = 1  # FFmpeg's number for its primaries, its transfer and its matrix alike


class VideoWriter:
    """An MP4 in the making; a context manager, and nothing has its final name before the end.

    The file is written beside `path`, with `.partial` after its name, and renamed when it is
    complete; after an error it is removed. H.264 needs even sides: where one is odd its last
    row or column is repeated, so the video is a pixel larger and nothing is lost.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        tick_s: Fraction,
        frame_rate: Fraction,
        sound_from: Path | None = None,
        sound: tuple[Samples, int] | None = None,
        crf: int = 20,
        preset: str = "veryfast",
    ) -> None:
        """Start the file.

        Args:
            width: of the images, in pixels.
            height: of the images, in pixels.
            tick_s: the unit of the frames' times, in seconds.
            frame_rate: nominal, frames a second; how long the last frame lasts by default.
            sound_from: a video whose sound to take, kept in step with its first picture:
                copied where MP4 can hold it, else encoded as AAC. One without sound is fine.
            sound: instead, samples in [-1, 1], as `encode_sound` takes them, and how many there
                are a second.
            crf: x264's constant rate factor: 0 is lossless, 18 looks it, 51 is worst.
            preset: of x264, "ultrafast" to "veryslow".

        Raises:
            VideoWriteError: the file cannot be made.
            VideoOpenError: `sound_from` cannot be read.
        """
        self._path = path
        self._partial = path.with_name(path.name + ".partial")
        self._size = width, height
        self._tick_s = tick_s
        self._nominal_ticks = max(1, round(1 / (frame_rate * tick_s)))
        self._to_yuv = VideoReformatter()
        self._pending: VideoFrame | None = None  # waits until it is known how long it lasts
        self._last_tick = -1
        self._closed = False
        with self._explain_errors():
            self._partial.touch()  # FFmpeg makes the file late; a bad folder should show at once
            self._container = av.open(  # absolute: what comes before a colon is a protocol to it
                str(self._partial.absolute()), "w", format="mp4", options=dict(_MP4_OPTIONS)
            )
        try:
            with self._explain_errors():
                self._stream = self._add_pictures(frame_rate, crf, preset)
                self._sound = self._add_sound(sound_from, sound)
                self._next_sound = next(self._sound, None)
        except BaseException:
            self._discard()
            raise

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self._discard()

    def write(self, image: NDArray[np.uint8], tick: int) -> None:
        """Add a picture.

        Args:
            image: (height, width, 3) uint8 RGB.
            tick: when it appears, in `tick_s`; from 0, later than the one before.

        Raises:
            VideoWriteError: the image or the time does not fit, or the disk is full.
        """
        width, height = self._size
        if image.shape != (height, width, 3) or image.dtype != np.uint8:
            raise VideoWriteError(
                f"cannot write {self._path}: an image {image.shape} {image.dtype} is not "
                f"({height}, {width}, 3) uint8"
            )
        if tick <= self._last_tick:
            raise VideoWriteError(
                f"cannot write {self._path}: frame times must increase from 0, "
                f"got {tick} after {self._last_tick}"
            )
        with self._explain_errors():
            self._write_pending(tick)
        self._pending = self._converted(image)
        self._last_tick = tick

    def close(self, end_tick: int | None = None) -> None:
        """Finish the file and give it its name; once closed, this does nothing.

        Args:
            end_tick: when the last frame stops being shown, in `tick_s`; by default it
                lasts as long as the nominal frame rate says.

        Raises:
            VideoWriteError: no frame was written, or the disk is full.
        """
        if self._closed:
            return
        try:
            if self._pending is None:
                raise VideoWriteError(f"cannot write {self._path}: not one frame was given")
            with self._explain_errors():
                default_end = self._last_tick + self._nominal_ticks
                self._write_pending(default_end if end_tick is None else end_tick)
                self._mux(self._stream.encode(None))
                self._mux_sound(until_s=None)
                self._container.close()
                os.replace(self._partial, self._path)
        except BaseException:
            self._discard()
            raise
        self._closed = True

    def _add_pictures(self, frame_rate: Fraction, crf: int, preset: str) -> VideoStream:
        stream = self._container.add_stream(
            "libx264",
            rate=frame_rate,
            options={"crf": str(crf), "preset": preset, "threads": str(_encoding_threads())},
        )
        codec = stream.codec_context
        codec.width, codec.height = (side + side % 2 for side in self._size)
        codec.pix_fmt = "yuv420p"
        codec.time_base = self._tick_s
        codec.flags |= Flags.frame_duration
        codec.gop_size = max(1, round(KEYFRAME_EVERY_S * frame_rate))
        # Without B-frames decoding times are presentation times, so that MP4, which stores
        # how long each decoding step takes, shows every frame for exactly its duration.
        codec.max_b_frames = 0
        codec.color_primaries = codec.color_trc = codec.colorspace = BT709
        codec.color_range = ColorRange.MPEG
        return stream

    def _add_sound(
        self, sound_from: Path | None, sound: tuple[Samples, int] | None
    ) -> SoundPackets:
        if sound is not None:
            return encode_sound(*sound, self._container)
        if sound_from is not None:
            return copy_sound(sound_from, self._container)
        return iter(())

    def _converted(self, image: NDArray[np.uint8]) -> VideoFrame:
        height, width = image.shape[:2]
        if height % 2 or width % 2:
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        return self._to_yuv.reformat(
            VideoFrame.from_ndarray(image, format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )

    def _write_pending(self, end_tick: int) -> None:
        """Encode the frame that waits, now that it is known to last until `end_tick`."""
        if self._pending is None:
            return
        self._pending.pts = self._last_tick
        self._pending.time_base = self._tick_s
        self._pending.duration = max(1, end_tick - self._last_tick)
        self._mux(self._stream.encode(self._pending))

    def _mux(self, packets: list[Packet[Stream]]) -> None:
        """Write encoded pictures, and before each the sound that is heard by then."""
        for packet in packets:
            self._mux_sound(until_s=_time_s(packet))
            self._container.mux(packet)

    def _mux_sound(self, until_s: Fraction | None) -> None:
        """Write the sound up to `until_s`; all that is left if None."""
        while self._next_sound is not None:
            if until_s is not None and _time_s(self._next_sound) > until_s:
                return
            self._container.mux(self._next_sound)
            self._next_sound = next(self._sound, None)

    def _discard(self) -> None:
        """Leave nothing behind."""
        self._closed = True
        with suppress(av.FFmpegError, OSError):
            self._container.close()
        self._partial.unlink(missing_ok=True)

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            raise VideoWriteError(
                f"cannot write {self._path}: {error.strerror or error}; check that its folder "
                "exists, may be written to and has space left"
            ) from error


def _encoding_threads() -> int:
    """As many as x264 takes by itself, but of the cores that are ours."""
    return max(1, cpu_threads() * 3 // 2)


def _time_s(packet: Packet[Stream]) -> Fraction:
    """When a packet is decoded; what has no time is due at once."""
    return Fraction(0) if packet.dts is None else packet.dts * packet.time_base
