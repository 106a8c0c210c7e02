"""The page of a run, from its files; the run is a real one of a video in which nobody is."""

import json
import os
import shutil
from fractions import Fraction
from html.parser import HTMLParser

import numpy as np
import pytest

from tracker.cli import run_tracker
from tracker.errors import StorageError, TrackerError
from tracker.evaluation.truth import Truth, read_tracks
from tracker.failure_page.of_run import write_failures_of_run
from tracker.failure_page.page import MAX_FAILURES, format_time
from tracker.mot import write_mot
from tracker.records import Tracks
from tracker.run_video import find_video
from tracker.video.writer import VideoWriter

WIDTH, HEIGHT, FRAMES = 128, 96, 30
TICK_S = Fraction(1, 1000)


def tracks_of(*rows: tuple[float, ...]) -> Tracks:
    """Tracks of rows of frame, person, x of a square of 16 pixels."""
    table = np.array(sorted(rows), np.float64).reshape(-1, 3)
    corner = np.stack([table[:, 2], np.full(len(table), 30)], axis=1)
    return Tracks(
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        np.concatenate([corner, corner + 16], axis=1).astype(np.float32),
        np.ones(len(table), np.float32),
    )


# True person 1 at x 10, true person 2 at x 60. Person 4 is both; Person 5 is the second again.
TRUTH = Truth(tracks_of(*((n, 1, 10) for n in range(20)), *((n, 2, 60) for n in range(20))))
TRACKS = tracks_of(
    *((n, 4, 10) for n in range(12)),
    *((n, 4, 60) for n in range(12, 20)),
    *((n, 5, 60) for n in range(3)),
)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A video of one grey, frame n at n * 50 + n % 2 milliseconds."""
    path = tmp_path_factory.mktemp("video") / "an <i>empty room.mp4"
    with VideoWriter(path, WIDTH, HEIGHT, TICK_S, Fraction(20)) as writer:
        for frame in range(FRAMES):
            picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            writer.write(picture, frame * 50 + frame % 2)
        writer.close(FRAMES * 50)
    return path


@pytest.fixture(scope="module")
def finished(video, tmp_path_factory):
    """The folder of a run of `video`, which was given by its path from here."""
    out = tmp_path_factory.mktemp("runs") / "room"
    options = ["--detector", "mtcnn", "--features", "hog", "--no-video"]
    assert run_tracker([os.path.relpath(video), "--out", str(out), *options]) == 0
    return out


@pytest.fixture
def run(finished, tmp_path):
    """A copy of that folder, with tracks in it."""
    folder = shutil.copytree(finished, tmp_path / "run")
    write_mot(folder / "tracks.txt", TRACKS)
    (folder / "shots.csv").write_text("shot,first_frame,last_frame\n1,1,15\n2,16,30\n")
    return folder


def edit_run_json(run, change):
    content = json.loads((run / "run.json").read_text())
    change(content["video"])
    (run / "run.json").write_text(json.dumps(content))


def page_of(tmp_path, *arguments, **options) -> str:
    write_failures_of_run(tmp_path / "errors.html", *arguments, **options)
    return (tmp_path / "errors.html").read_text(encoding="utf-8")


class Page(HTMLParser):
    """What a page refers to and says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.ids += [named["id"]] if "id" in named else []
        self.references += [named[name] for name in ("src", "href", "data") if name in named]
        self.images += [named] if tag == "img" else []
        self.open += [] if tag in {"img", "meta", "input", "br"} else [tag]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def test_the_video_of_a_run_is_found_from_anywhere(video, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_video(run, None) == video.resolve()


def test_run_json_says_where_the_video_is(video, finished):
    assert json.loads((finished / "run.json").read_text())["video"]["path"] == str(video.resolve())


def test_a_video_that_was_moved_is_found_beside_the_run(video, run, tmp_path):
    edit_run_json(run, lambda known: known.update(path="/nowhere/room.mp4"))
    moved = shutil.copy(video, tmp_path / video.name)
    assert find_video(run, None) == moved


def test_a_video_that_is_nowhere_must_be_given(run, video):
    edit_run_json(run, lambda known: known.update(path="/nowhere/room.mp4"))
    with pytest.raises(TrackerError, match="give it with --video"):
        find_video(run, None)
    assert find_video(run, video) == video


def test_a_run_from_before_paths_were_kept_can_be_given_its_video(run, video):
    edit_run_json(run, lambda known: known.pop("path"))
    assert find_video(run, video) == video


def test_another_video_is_refused(run, tmp_path):
    other = tmp_path / "other.mp4"
    other.write_bytes(b"something else")
    with pytest.raises(TrackerError, match=r"other\.mp4 is not the video that"):
        find_video(run, other)


def test_a_video_that_does_not_exist_is_refused(run, tmp_path):
    with pytest.raises(StorageError, match=r"cannot read .*none\.mp4"):
        find_video(run, tmp_path / "none.mp4")


def test_a_damaged_run_json_is_named(run):
    (run / "run.json").write_text('{"video": 3}')
    with pytest.raises(StorageError, match=r"run\.json"):
        find_video(run, None)


def test_a_file_of_tracks_needs_its_video(run):
    with pytest.raises(TrackerError, match="give it with --video"):
        find_video(run / "tracks.txt", None)


def test_of_a_file_of_tracks_no_shots_are_known(run, video, tmp_path):
    page = Page(page_of(tmp_path, run / "tracks.txt", TRUTH, TRACKS, video))
    assert "frame 13" in page.text
    assert "shot 1" not in page.text


def test_every_failure_is_on_the_page_worst_first(run, tmp_path):
    failures = write_failures_of_run(tmp_path / "errors.html", run, TRUTH, read_tracks(run))
    page = Page((tmp_path / "errors.html").read_text(encoding="utf-8"))
    shown = [name for name in page.ids if not name.startswith("only-")]
    assert shown == [failure.name for failure in failures]
    assert [failure.cost for failure in failures] == sorted(f.cost for f in failures)[::-1]
    for failure in failures:
        assert failure.title in page.text
        assert failure.explanation in page.text


def test_a_moment_has_its_exact_time_its_frame_and_its_shot(run, tmp_path):
    page = Page(page_of(tmp_path, run, TRUTH, TRACKS))
    # Frame 15 (from 0), the first of shot 2, in the middle of the merge.
    assert "0:00:00.751 frame 16, shot 2" in page.text


def test_the_page_needs_nothing_from_elsewhere(run, tmp_path):
    page = Page(page_of(tmp_path, run, TRUTH, TRACKS))
    assert page.images
    for reference in page.references:
        inside = reference.startswith("#") and reference[1:] in page.ids
        assert inside or reference.startswith("data:image/jpeg;base64,")


def test_every_picture_says_what_it_shows(run, tmp_path):
    page = Page(page_of(tmp_path, run, TRUTH, TRACKS))
    described = {image["alt"] for image in page.images}
    assert "Person 4, true person 2 at 0:00:00.751" in described
    assert all(image["alt"] and image["width"] and image["height"] for image in page.images)


def test_names_are_escaped(run, tmp_path):
    text = page_of(tmp_path, run.rename(tmp_path / "<script>"), TRUTH, TRACKS)
    assert "<script" not in text
    assert "<i>" not in text
    assert "What went wrong: <script>" in Page(text).text
    assert "an <i>empty room.mp4" in Page(text).text


def test_what_there_is_no_room_for_is_counted(run, tmp_path):
    crowd = range(MAX_FAILURES + 5)
    truth = Truth(tracks_of(*((n % FRAMES, 1 + n, 10) for n in crowd)))
    text = page_of(tmp_path, run, truth, Tracks.empty())
    page = Page(text)
    assert len([name for name in page.ids if name.startswith("missed-")]) == MAX_FAILURES
    assert f"The {MAX_FAILURES} worst are shown; 5 more, of at most 1 box each" in page.text


def test_a_run_without_errors_has_a_page_that_says_so(run, tmp_path):
    page = Page(page_of(tmp_path, run, TRUTH, TRUTH.tracks))
    assert "No errors" in page.text
    assert page.images == []


def test_a_page_that_cannot_be_written_leaves_nothing_behind(run, tmp_path):
    with pytest.raises(StorageError, match="cannot write"):
        write_failures_of_run(tmp_path / "none" / "errors.html", run, TRUTH, TRACKS)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("time_s", "text"),
    [
        (Fraction(0), "0:00:00.000"),
        (Fraction(1001, 30000), "0:00:00.033"),
        (Fraction(599_9996, 10_000), "0:10:00.000"),
        (Fraction(36_000 + 61) + Fraction(1, 2), "10:01:01.500"),
    ],
)
def test_times_are_hours_minutes_seconds_and_milliseconds(time_s, text):
    assert format_time(time_s) == text
