"""Sound for a video being written: copied where MP4 can hold it, else encoded as AAC."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from numpy.typing import NDArray

from tracker.errors import VideoOpenError
from tracker.video.container import open_container
from tracker.video.reader import VideoReader

COPIED_CODECS = frozenset({"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"})  # MP4 can hold
AAC_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000})
AAC_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}  # by number of channels; others become stereo
BITS_A_CHANNEL = 96_000  # a second
CHUNK_SAMPLES = 8192
MAX_JITTER_S = Fraction(1, 20)  # containers round times; a longer step is a hole in the sound

SoundPackets = Iterator["Packet[Stream]"]
Samples = NDArray[np.float32] | Iterable[NDArray[np.float32]]  # all at once, or piece by piece


def copy_sound(source: Path, target: OutputContainer) -> SoundPackets:
    """Add every sound stream of `source` to `target`, and give their packets lazily, in order.

    Times count from the first picture of `source` (where it has none, from its start).
    Broken packets are left out.

    Raises:
        VideoOpenError: `source` cannot be read.
    """
    container = open_container(source)
    start_s = first_picture_s(source, container)
    tracks = {
        stream.index: _copy_or_encode(stream, target, start_s) for stream in container.streams.audio
    }
    return _converted_packets(container, tracks)


def encode_sound(samples: Samples, rate: int, target: OutputContainer) -> SoundPackets:
    """Add `samples`, `rate` a second, to `target` as AAC; give the packets lazily.

    Args:
        samples: mono (S,) or (channels, S), of 1, 2 or 6 channels, in [-1, 1]; or pieces of
            such, asked for when they are due. No pieces are mono, and silent.
    """
    pieces = iter([samples] if isinstance(samples, np.ndarray) else samples)
    first = np.atleast_2d(next(pieces, np.zeros((1, 0), np.float32)))
    stream = _add_aac(target, rate, channels=len(first))
    return _encoded_packets(itertools.chain([first], pieces), rate, stream)


class SampleClock:
    """Numbers decoded samples from the first picture, without the gaps of rounded times."""

    def __init__(self, start_s: Fraction) -> None:
        """Count from `start_s`, what the source calls the time of its first picture."""
        self._start_s = start_s
        self._next_sample: int | None = None

    def place(self, frame: AudioFrame) -> int:
        """The number of the first sample of `frame`, which comes after all that were placed."""
        position = self._position(frame)
        self._next_sample = position + frame.samples
        return position

    def _position(self, frame: AudioFrame) -> int:
        if frame.pts is None or frame.time_base is None:
            return self._next_sample or 0
        position = round((frame.pts * frame.time_base - self._start_s) * frame.sample_rate)
        if self._next_sample is None:
            return position
        is_hole = position - self._next_sample > MAX_JITTER_S * frame.sample_rate
        return position if is_hole else self._next_sample


class _CopiedTrack:
    """A sound stream whose packets are passed on as they are."""

    def __init__(self, source: AudioStream, target: OutputContainer, start_s: Fraction) -> None:
        self.source = source
        self._target = target.add_stream_from_template(source)
        self._start_s = start_s
        self._tick_s = Fraction(1, source.rate)  # the source's own may be too coarse to shift by
        self._earliest: int | None = None  # MP4 refuses a packet no later than the one before

    def convert(self, packet: Packet[Stream]) -> SoundPackets:
        time_s = (packet.dts or 0) * packet.time_base - self._start_s
        tick = round(time_s / self._tick_s)
        if self._earliest is not None:
            tick = max(tick, self._earliest)
        self._earliest = tick + 1
        packet.duration = max(1, round((packet.duration or 0) * packet.time_base / self._tick_s))
        packet.time_base = self._tick_s
        packet.pts = packet.dts = tick  # sound is decoded in the order in which it is heard
        packet.stream = self._target
        yield packet

    def finish(self) -> SoundPackets:
        return iter(())


class _EncodedTrack:
    """A sound stream that is decoded, and encoded as AAC."""

    def __init__(self, source: AudioStream, target: OutputContainer, start_s: Fraction) -> None:
        self.source = source
        self._target = _add_aac(target, source.rate, source.channels)
        self._clock = SampleClock(start_s)

    def convert(self, packet: Packet[Stream] | None) -> SoundPackets:
        """Encode what `packet` holds; None empties the decoder."""
        try:
            frames = self.source.decode(packet)
        except av.FFmpegError:
            return
        for frame in frames:
            frame.pts = self._clock.place(frame)
            frame.time_base = Fraction(1, frame.sample_rate)
            yield from self._target.encode(frame)

    def finish(self) -> SoundPackets:
        yield from self.convert(None)
        yield from self._target.encode(None)


def _copy_or_encode(
    source: AudioStream, target: OutputContainer, start_s: Fraction
) -> _CopiedTrack | _EncodedTrack:
    copied = source.codec_context.codec.canonical_name in COPIED_CODECS
    return (_CopiedTrack if copied else _EncodedTrack)(source, target, start_s)


def _add_aac(target: OutputContainer, rate: int, channels: int) -> AudioStream:
    stream = target.add_stream("aac", rate=rate if rate in AAC_RATES else 48_000)
    stream.codec_context.layout = AAC_LAYOUTS.get(channels, "stereo")
    stream.codec_context.bit_rate = BITS_A_CHANNEL * stream.codec_context.channels
    return stream


def _converted_packets(
    container: InputContainer, tracks: dict[int, _CopiedTrack | _EncodedTrack]
) -> SoundPackets:
    with container:
        for packet in sound_packets(container, [track.source for track in tracks.values()]):
            yield from tracks[packet.stream_index].convert(packet)
        for track in tracks.values():
            yield from track.finish()


def sound_packets(container: InputContainer, streams: list[AudioStream]) -> SoundPackets:
    """Yield the packets up to the end, or to where no more can be found."""
    if not streams:  # to demux no stream in particular is to demux all
        return
    try:
        for packet in container.demux(*streams):
            if packet.size and packet.dts is not None:
                yield packet
    except av.FFmpegError:
        return


def _encoded_packets(
    pieces: Iterable[NDArray[np.float32]], rate: int, stream: AudioStream
) -> SoundPackets:
    position = 0
    for chunk in _chunks(pieces):
        layout = AAC_LAYOUTS[len(chunk)]
        frame = AudioFrame.from_ndarray(chunk, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, position, Fraction(1, rate)
        position += frame.samples
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _chunks(pieces: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Yield `pieces`, each of them cut into what is small enough to encode at once."""
    for piece in pieces:
        channels = np.atleast_2d(piece)
        for start in range(0, channels.shape[1], CHUNK_SAMPLES):
            yield np.ascontiguousarray(channels[:, start : start + CHUNK_SAMPLES], np.float32)


def first_picture_s(source: Path, container: InputContainer) -> Fraction:
    """What `source` calls the time of its first picture, or else of its start."""
    try:
        with VideoReader(source, wanted=np.zeros(1, np.int64)) as reader:
            next(reader, None)
            return reader.start_s()
    except VideoOpenError:
        return Fraction(container.start_time or 0, av.time_base)
