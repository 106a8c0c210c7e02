"""Spans of a video's sound, to the sample, one after another; nothing more is kept in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from tracker.video.container import open_container
from tracker.video.sound import (
    AAC_LAYOUTS,
    CHUNK_SAMPLES,
    SampleClock,
    first_picture_s,
    sound_packets,
)

Pieces = Iterator[NDArray[np.float32]]


class SoundCutter:
    """The first sound stream of a video, decoded once from start to end; a context manager.

    Times count from the first picture. Where there is no sound at a time, there is silence:
    before it starts, after it ends, and in its holes.

    Attributes:
        rate: samples a second; 0 where the video has no sound that can be decoded.
    """

    def __init__(self, path: Path) -> None:
        """Open `path`.

        Raises:
            VideoOpenError: it cannot be read.
        """
        self._container = open_container(path)
        stream = _first_decodable(self._container)
        self.rate = stream.rate if stream else 0
        self._channels = stream.channels if stream and stream.channels in AAC_LAYOUTS else 2
        self._decoded: Iterator[tuple[int, NDArray[np.float32]]] = iter(())
        if stream is not None:
            clock = SampleClock(first_picture_s(path, self._container))
            self._decoded = self._decode(stream, clock)
        self._piece = next(self._decoded, None)

    def __enter__(self) -> SoundCutter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._container.close()

    def cut(self, spans_s: Sequence[tuple[Fraction, Fraction]]) -> Pieces:
        """Yield the samples of each span, in small pieces (channels, n) of [-1, 1], in order.

        Together they are as long as the spans together, to the sample, however many there are:
        none is rounded by itself.

        Args:
            spans_s: start and stop; in order, disjoint, and after all that was cut before.
        """
        cut_s, cut_samples = Fraction(0), 0
        for start_s, stop_s in spans_s:
            cut_s += stop_s - start_s
            count = round(cut_s * self.rate) - cut_samples
            cut_samples += count
            start = round(start_s * self.rate)
            for first in range(start, start + count, CHUNK_SAMPLES):
                yield self._read(first, min(first + CHUNK_SAMPLES, start + count))

    def _read(self, start: int, stop: int) -> NDArray[np.float32]:
        """The samples (channels, stop - start) from number `start` on."""
        samples = np.zeros((self._channels, stop - start), np.float32)
        while self._piece is not None:
            position, piece = self._piece
            end = position + piece.shape[1]
            first, last = max(start, position), min(stop, end)
            if first < last:
                samples[:, first - start : last - start] = piece[
                    :, first - position : last - position
                ]
            if end > stop:  # the rest of it belongs to what comes next
                break
            self._piece = next(self._decoded, None)
        return samples

    def _decode(
        self, stream: AudioStream, clock: SampleClock
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield the number of the first sample of each frame, and its samples (channels, n)."""
        to_floats = _ToFloats(AAC_LAYOUTS[self._channels], self.rate)
        for packet in itertools.chain(sound_packets(self._container, [stream]), [None]):
            try:
                frames = stream.decode(packet)
            except av.FFmpegError:
                continue
            for frame in frames:
                for converted in to_floats(frame):
                    yield clock.place(converted), np.asarray(converted.to_ndarray(), np.float32)


class _ToFloats:
    """Converts frames to float samples of one layout and rate, though theirs may change."""

    def __init__(self, layout: str, rate: int) -> None:
        self._layout = layout
        self._rate = rate
        self._kind: tuple[str, str, int] | None = None  # of the frames before
        self._resampler = AudioResampler("fltp", layout, rate)

    def __call__(self, frame: AudioFrame) -> list[AudioFrame]:
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        if kind != self._kind:
            self._kind = kind
            self._resampler = AudioResampler("fltp", self._layout, self._rate)
        return self._resampler.resample(frame)


def _first_decodable(container: InputContainer) -> AudioStream | None:
    for stream in container.streams.audio:
        # What FFmpeg has no decoder for has no context, whatever PyAV's types say.
        if getattr(stream, "codec_context", None) is not None and stream.rate:
            return stream
    return None
