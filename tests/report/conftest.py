"""Runs to report on, as the page's own words and numbers can be foretold; and the page, parsed."""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from html.parser import HTMLParser

import numpy as np
import pytest

from tracker.export.appearances import people_of
from tracker.export.portraits import PORTRAITS_FILE, save_portraits
from tracker.export.tracks_json import TRACKS_JSON, tracked_as_dict
from tracker.records import Timeline, Tracks, VideoInfo
from tracker.report.page import write_report
from tracker.storage import save_json
from tracker.tracked import Portraits, TrackedVideo

TICK_S = Fraction(1, 25)
VOID = {"meta", "img", "br", "input"}


def tracks_of(cells, person=None):
    """Tracks from (frame, person) in any order, each a square somewhere."""
    table = np.array(sorted(cells), np.int32).reshape(-1, 2)
    count = len(table)
    boxes = np.tile(np.array([10, 10, 40, 50], np.float32), (count, 1))
    return Tracks(table[:, 0], table[:, 1], boxes, np.full(count, 0.9, np.float32))


def video_of(cells, shots, names=None, maybe_same=(), sureness=None, nobody=()):
    """A video at 25 frames a second, in which (frame, person) of `cells` are seen.

    Args:
        sureness: by person, spread and nearest.
    """
    frames = shots[-1].stop
    timeline = Timeline(np.arange(frames, dtype=np.int64), TICK_S, frames)
    tracks = tracks_of(cells)
    people = people_of(tracks, shots, timeline, names or {})
    told = {number: dict(spread=s, nearest=n) for number, (s, n) in (sureness or {}).items()}
    return TrackedVideo(
        "a film.mp4",
        VideoInfo(640, 360, Fraction(25), frames, has_sound=True),
        timeline,
        tuple(shots),
        tracks,
        tracks_of([(frame, -1) for frame in nobody]),
        tuple(replace(person, **told.get(person.number, {})) for person in people),
        tuple(maybe_same),
    )


def portraits_of(people, each):
    """Faces of one colour a person."""
    person = np.repeat(np.array(people, np.int32), each)
    images = (
        np.zeros((len(person), 32, 32, 3), np.uint8)
        + (20 * person % 200).astype(np.uint8)[:, None, None, None]
    )
    return Portraits(person, np.arange(len(person), dtype=np.int32), images)


def save_run(folder, tracked, portraits=None):
    """A run folder of `tracked`, and of faces where there are any."""
    folder.mkdir(parents=True, exist_ok=True)
    save_json(folder / TRACKS_JSON, tracked_as_dict(tracked))
    if portraits is not None:
        (folder / PORTRAITS_FILE).parent.mkdir(exist_ok=True)
        save_portraits(folder, portraits)
    return folder


@dataclass
class Element:
    """A tag with its attributes, what is in it, and the words of it all."""

    tag: str
    attributes: dict
    children: list = field(default_factory=list)
    words: list = field(default_factory=list)

    def all(self, tag, **attributes):
        """Every element below with that tag and those attributes; `class_` is a class."""
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        for child in self.children:
            if child.tag == tag and child.fits(wanted):
                yield child
            yield from child.all(tag, **attributes)

    def one(self, tag, **attributes):
        (found,) = self.all(tag, **attributes)
        return found

    def fits(self, wanted):
        return all(
            value in (self.attributes.get(name) or "").split()
            if name == "class"
            else self.attributes.get(name) == value
            for name, value in wanted.items()
        )

    @property
    def everything(self):
        yield self
        for child in self.children:
            yield from child.everything

    @property
    def text(self):
        return " ".join("".join(self.words).split())


class Parser(HTMLParser):
    """A page as elements; every tag must be closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.root = Element("page", {})
        self.open = [self.root]
        self.feed(text)
        self.close()
        assert self.open == [self.root]

    def handle_starttag(self, tag, attributes):
        element = Element(tag, dict(attributes))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.open[-1].children.append(Element(tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag

    def handle_data(self, data):
        in_style = self.open[-1].tag == "style"  # which is nothing that anybody reads
        for element in self.open[-1:] if in_style else self.open:
            element.words.append(data)


def page_of(run):
    """The page of a run folder, written and parsed."""
    return Parser(write_report(run).read_text(encoding="utf-8")).root


@pytest.fixture
def film():
    """Makes a video in which somebody is seen; see `video_of`."""
    return video_of


@pytest.fixture
def portraits():
    """Makes faces; see `portraits_of`."""
    return portraits_of


@pytest.fixture
def report(tmp_path):
    """Saves a run, with other files where they are given, and parses its page."""

    def make(tracked, faces=None, **files):
        run = save_run(tmp_path / "run", tracked, faces)
        for name, content in files.items():
            save_json(run / f"{name}.json", content)
        return page_of(run)

    return make
