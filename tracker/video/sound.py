"""Sound for a video being written: copied where MP4 can hold it, else encoded as AAC."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
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

SoundPackets = Iterator["Packet[Stream]"]


class _Track(NamedTuple):
    """One sound stream on its way from a source to the file being written."""

    source: AudioStream
    target: AudioStream
    shift: int  # what its timestamps lose, in the source's time base
    copied: bool


def copy_sound(source: Path, target: OutputContainer) -> SoundPackets:
    """Add every sound stream of `source` to `target`, and give their packets lazily, in order.

    Times count from the first picture of `source` (where it has none, from its start).
    Broken packets are left out.

    Raises:
        VideoOpenError: `source` cannot be read.
    """
    container = open_container(source)
    start_s = _start_s(source, container)
    tracks = {stream.index: _add_track(stream, target, start_s) for stream in _sounds(container)}
    return _converted_packets(container, tracks)


def encode_sound(samples: NDArray[np.float32], rate: int, target: OutputContainer) -> SoundPackets:
    """Add mono `samples` (S,), `rate` a second, to `target` as AAC; give the packets lazily."""
    stream = _add_aac(target, rate, channels=1)
    return _encoded_packets(samples, rate, stream)


def _encoded_packets(samples: NDArray[np.float32], rate: int, stream: AudioStream) -> SoundPackets:
    for start in range(0, len(samples), CHUNK_SAMPLES):
        chunk = np.ascontiguousarray(samples[None, start : start + CHUNK_SAMPLES], np.float32)
        frame = av.AudioFrame.from_ndarray(chunk, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _start_s(source: Path, container: InputContainer) -> Fraction:
    """What `source` calls the time of its first picture, or else of its start."""
    try:
        with VideoReader(source, wanted=np.zeros(1, np.int64)) as reader:
            next(reader, None)
            return reader.start_s()
    except VideoOpenError:
        return Fraction(container.start_time or 0, av.time_base)


def _sounds(container: InputContainer) -> list[AudioStream]:
    """The sound streams that can be made sense of."""
    return [stream for stream in container.streams.audio if stream.codec_context is not None]


def _add_track(source: AudioStream, target: OutputContainer, start_s: Fraction) -> _Track:
    copied = source.codec_context.name in COPIED_CODECS
    if copied:
        stream = target.add_stream_from_template(source)
    else:
        stream = _add_aac(target, source.codec_context.sample_rate, source.codec_context.channels)
    time_base = source.time_base or Fraction(1, source.codec_context.sample_rate)
    return _Track(source, stream, round(start_s / time_base), copied)


def _add_aac(target: OutputContainer, rate: int, channels: int) -> AudioStream:
    layout = AAC_LAYOUTS.get(channels, "stereo")
    stream = target.add_stream("aac", rate=rate if rate in AAC_RATES else 48_000)
    stream.codec_context.layout = layout
    stream.codec_context.bit_rate = BITS_A_CHANNEL * stream.codec_context.channels
    return stream


def _converted_packets(container: InputContainer, tracks: dict[int, _Track]) -> SoundPackets:
    with container:
        for packet in _source_packets(container, [track.source for track in tracks.values()]):
            track = tracks[packet.stream_index]
            yield from _moved(packet, track) if track.copied else _encoded(packet, track)
        for track in tracks.values():
            if not track.copied:
                yield from _encoded(None, track)
                yield from track.target.encode(None)


def _source_packets(container: InputContainer, streams: list[AudioStream]) -> SoundPackets:
    """Yield the packets up to the end, or to where no more can be found."""
    if not streams:  # to demux no stream in particular is to demux all
        return
    try:
        for packet in container.demux(*streams):
            if packet.size and packet.dts is not None:
                yield packet
    except av.FFmpegError:
        return


def _moved(packet: Packet[Stream], track: _Track) -> SoundPackets:
    packet.stream = track.target
    packet.dts = (packet.dts or 0) - track.shift
    packet.pts = packet.dts if packet.pts is None else packet.pts - track.shift
    yield packet


def _encoded(packet: Packet[Stream] | None, track: _Track) -> SoundPackets:
    """Re-encode what `packet` holds; None empties the decoder."""
    try:
        frames = track.source.decode(packet)
    except av.FFmpegError:
        return
    for frame in frames:
        if frame.pts is not None:
            frame.pts -= track.shift
        yield from track.target.encode(frame)
