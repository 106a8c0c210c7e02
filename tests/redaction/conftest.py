"""A drawn video with disc-faced people, what a run would know of it, and who finds such faces."""

import argparse
from dataclasses import dataclass, replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition

from tracker.arguments.redact import add_redact_arguments
from tracker.commands.redact import redact
from tracker.export.appearances import people_of
from tracker.export.tracks_json import write_tracked
from tracker.progress import Silence
from tracker.records import NOBODY, Detections, Shot, Timeline, Tracks, VideoInfo
from tracker.redaction import looking
from tracker.redaction.choosing import choose_faces
from tracker.redaction.looking import Searcher
from tracker.redaction.redact import RedactionConfig, redact_video
from tracker.tracked import TrackedVideo
from tracker.video.reader import VideoReader

WIDTH, HEIGHT, FRAMES, RATE = 192, 128, 40, 20
SHOTS = (Shot(0, 20), Shot(20, 40))
SECRET = "Nomen Nescio of Elsewhere"  # which the source says of itself
SKIN = (255, 0, 255)
SILENCE = Silence()


@dataclass(frozen=True)
class DiscDetector:
    """Finds discs of `SKIN`."""

    def detect(self, frames):
        rows = [(frame.index, *box) for frame in frames for box in discs_in(frame.image)]
        table = np.array(rows, np.float32).reshape(-1, 5)
        nowhere = np.full((len(rows), 5, 2), np.nan, np.float32)
        scores = np.full(len(rows), 0.9, np.float32)
        return Detections(table[:, 0].astype(np.int32), table[:, 1:], scores, nowhere)


@dataclass(frozen=True)
class Stubborn:
    """Finds a face in the same place of every frame, whatever is there."""

    def detect(self, frames):
        count = len(frames)
        return Detections(
            np.array([frame.index for frame in frames], np.int32),
            np.tile(np.array([[100, 20, 130, 60]], np.float32), (count, 1)),
            np.full(count, 0.6, np.float32),
            np.full((count, 5, 2), np.nan, np.float32),
        )


@dataclass(frozen=True)
class Blind:
    """Finds nothing."""

    def detect(self, frames):
        return Detections.empty()


def discs_in(image):
    red, green, blue = image.astype(int).transpose(2, 0, 1)
    skin = (np.minimum(red, blue) - green > 180).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(skin)
    for x, y, width, height, area in stats[1:].tolist():
        if area > 100 and 0.7 < area / (width * height) < 0.86:  # a square is no disc
            yield x, y, x + width, y + height


def face_of(person, frame):
    """The box of a person; Person 2 stands so close to Person 1 that hiding one reaches both."""
    x, y = {1: (30 + frame, 40), 2: (64 + frame, 44), 3: (140, 30), NOBODY: (20, 96)}[person]
    return x, y, x + 24, y + 28


def who_is_in(frame):
    """Who is seen; Person 3 only in the second shot, the bystander at its end."""
    return (1, 2) if frame < 20 else (1, 3) if frame < 35 else (1, 3, NOBODY)


def draw(frame):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    grey = (x + 2 * y + (60 if frame >= 20 else 0)) % 256 // 2 + 30
    if frame >= 20:
        grey = 220 - grey
    image = np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8)
    for person in who_is_in(frame):
        x1, y1, x2, y2 = face_of(person, frame)
        centre, axes = ((x1 + x2) // 2, (y1 + y2) // 2), ((x2 - x1) // 2, (y2 - y1) // 2)
        cv2.ellipse(image, centre, axes, 0, 0, 360, SKIN, -1)
    return image


def table_of(person, frames):
    boxes = [face_of(person, frame) for frame in frames]
    return Tracks(
        np.array(frames, np.int32),
        np.full(len(frames), person, np.int32),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(len(frames), 0.9, np.float32),
    )


def joined(tables):
    columns = [
        np.concatenate([getattr(table, name) for table in tables])
        for name in ("frame", "person", "boxes", "scores")
    ]
    order = np.lexsort((columns[1], columns[0]))
    return Tracks(*(column[order] for column in columns))


@pytest.fixture(scope="session")
def film(tmp_path_factory):
    """The video, with a tone, and with names in every place that a container has for them."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with av.open(str(path), "w") as container:
        container.metadata.update({"title": SECRET, "comment": SECRET})
        container.set_chapters(
            [{"id": 1, "start": 0, "end": 1000, "time_base": Fraction(1, 1000),
              "metadata": {"title": SECRET}}]
        )  # fmt: skip
        pictures = container.add_stream("libx264", rate=RATE, options={"crf": "4"})
        pictures.width, pictures.height, pictures.pix_fmt = WIDTH, HEIGHT, "yuv444p"
        sound = container.add_stream("aac", rate=48000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        for stream in (pictures, sound):
            stream.metadata.update({"title": SECRET, "handler_name": SECRET})
        jpeg = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        container.mux([*cover.encode(jpeg), *cover.encode(None)])
        for frame in range(FRAMES):
            picture = av.VideoFrame.from_ndarray(draw(frame), format="rgb24")
            container.mux(pictures.encode(picture))
        container.mux(pictures.encode(None))
        tone = np.sin(np.arange(1024) * 0.1).astype(np.float32)[None] / 3
        for start in range(0, 2 * 48000, 1024):
            samples = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            samples.sample_rate, samples.pts = 48000, start
            container.mux(sound.encode(samples))
        container.mux(sound.encode(None))
    return path


@pytest.fixture
def tracked():
    """What a run knows: everybody, but Person 1 is lost from frame 8 to 13."""
    timeline = Timeline(np.arange(FRAMES, dtype=np.int64) * 50, Fraction(1, 1000), FRAMES * 50)
    tracks = joined(
        [
            table_of(1, [*range(8), *range(14, 40)]),
            table_of(2, range(20)),
            table_of(3, range(20, 40)),
        ]
    )
    people = people_of(tracks, SHOTS, timeline, {2: "Zoë"})
    info = VideoInfo(WIDTH, HEIGHT, Fraction(RATE), FRAMES, has_sound=True)
    strays = table_of(NOBODY, range(35, 40))
    return TrackedVideo("film.mp4", info, timeline, SHOTS, tracks, strays, people)


@pytest.fixture
def searcher():
    return Searcher(DiscDetector(), 0.4, 0.5)


@pytest.fixture
def blind():
    return Searcher(Blind(), 0.4, 0.5)


@pytest.fixture
def stubborn():
    return Stubborn()


@pytest.fixture
def found_only():
    """Makes a run that knows only some faces: (person, frames) of those, NOBODY's as strays."""

    def make(tracked, *known):
        of_people = [table_of(*one) for one in known if one[0] != NOBODY]
        of_nobody = [table_of(*one) for one in known if one[0] == NOBODY]
        tracks, strays = (joined(tables or [Tracks.empty()]) for tables in (of_people, of_nobody))
        people = people_of(tracks, tracked.shots, tracked.timeline, {})
        return replace(tracked, tracks=tracks, nobody=strays, people=people)

    return make


@pytest.fixture
def frames_of():
    def read(path):
        with VideoReader(path) as reader:
            return list(reader)

    return read


@pytest.fixture
def skin_in(searcher, frames_of):
    """How many faces are seen in each frame of a video."""

    def count(path):
        return np.bincount(searcher.detector.detect(frames_of(path)).frame, minlength=FRAMES)

    return count


@pytest.fixture
def redacted(film, tracked, searcher, tmp_path):
    """Redact the film; its new path, and the faces that are left."""

    def run(
        method="fill",
        keep=(),
        hide=None,
        with_unknown=True,
        tracked=tracked,
        searcher=searcher,
        progress=SILENCE,
        **config,
    ):
        choice = choose_faces(tracked, keep, hide, with_unknown)
        out, settings = tmp_path / "out.mp4", RedactionConfig(method, **config)
        return out, redact_video(film, out, tracked, choice, settings, searcher, progress)

    return run


@pytest.fixture
def run_folder(tmp_path, tracked):
    folder = tmp_path / "run"
    folder.mkdir()
    write_tracked(folder, tracked)
    return folder


@pytest.fixture
def command(run_folder, film, searcher, monkeypatch):
    """Run `multiface redact RUN --video FILM …`, with what finds drawn faces."""

    def run(*arguments, searcher=searcher):
        monkeypatch.setattr(looking, "make_searcher", lambda device, progress: searcher)
        parser = argparse.ArgumentParser()
        add_redact_arguments(parser)
        redact(parser.parse_args([str(run_folder), "--video", str(film), *map(str, arguments)]))

    return run
