"""A ground truth to be read: which file, how it counts, and which frames of it are judged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tracker.errors import RecordError
from tracker.evaluation.annotations import Extent
from tracker.evaluation.truth import Truth, read_truth
from tracker.video.container import count_packets
from tracker.video.reader import probe_video


@dataclass(frozen=True, slots=True)
class Answer:
    """The ground truth of a video, and how it is read.

    Attributes:
        path: of the file.
        step: it has every so many frames of the video, numbered without gaps.
        frames: those that are judged, 0-based start to stop (None: to the end); None: all.
    """

    path: Path
    step: int = 1
    frames: tuple[int, int | None] | None = None

    def read(self, extent: Extent) -> Truth:
        """The truth, checked against what is known of the video.

        Raises:
            FormatError: it cannot be understood, or is not of this video.
            RecordError: the video, or the truth, ends before the frames that are judged.
        """
        return self.part_of(read_truth(self.path, self.step, extent=extent), extent)

    def part_of(self, truth: Truth, extent: Extent) -> Truth:
        """What is judged of the whole `truth`, which was read of a video of that `extent`.

        Raises:
            RecordError: the video, or the truth, ends before the frames that are judged.
        """
        first, stop = self.frames or (0, None)
        for what, last in (("video", extent.frames), ("truth", truth.stop)):
            if last is not None and first >= max(last, 1):
                raise RecordError(
                    f"{self.path}: no frames to judge: they start at {first + 1}, and the {what} "
                    f"ends at {last}"
                )
        ends = [end for end in (stop, extent.frames) if end is not None]
        return truth.within(first, min(ends, default=None))


def extent_of(video: Path) -> Extent:
    """How large `video` is, without decoding it: it has so many frames at most.

    Raises:
        VideoOpenError: it cannot be opened.
    """
    info = probe_video(video)
    return Extent(info.width, info.height, count_packets(video))
