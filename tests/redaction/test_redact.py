"""`multiface redact`: the file that it writes, and what it says of it."""

import argparse
from dataclasses import dataclass, replace
from fractions import Fraction

import av
import numpy as np
import pytest

from tracker.arguments.redact import add_redact_arguments
from tracker.commands.redact import redact
from tracker.errors import ConfigError, StorageError, TrackerError
from tracker.export.tracks_json import tracked_as_dict
from tracker.progress import Silence
from tracker.records import Detections, Tracks
from tracker.redaction import looking
from tracker.redaction.choosing import choose_faces
from tracker.redaction.hiding import METHODS, pixels_of
from tracker.redaction.looking import Searcher, faces_left, hide_in, hide_what_is_left
from tracker.redaction.redact import RedactionConfig, redact_video, write_faces_left
from tracker.redaction.regions import Regions
from tracker.storage import save_json
from tracker.video.reader import VideoReader

HALF_S = Fraction(1, 2)
SECRET = b"Nomen Nescio"


def frames_of(path):
    with VideoReader(path) as reader:
        return list(reader)


def skin_in(searcher, path):
    """How many discs are found in each frame."""
    found = searcher.detector.detect(frames_of(path))
    return np.bincount(found.frame, minlength=40)


@pytest.fixture
def redacted(film, tracked, searcher, tmp_path):
    """Redact the film; its new path, and the faces that are left."""

    def run(method="fill", keep=(), hide=None, tracked=tracked, searcher=searcher, **config):
        choice = choose_faces(tracked, HALF_S, keep, hide)
        out, settings = tmp_path / "out.mp4", RedactionConfig(method, **config)
        return out, redact_video(film, out, tracked, choice, settings, searcher, Silence())

    return run


@pytest.mark.parametrize("method", METHODS)
def test_no_face_is_left_of_anybody(redacted, searcher, film, method):
    assert skin_in(searcher, film).min() >= 1
    out, left = redacted(method)
    assert len(left) == 0
    assert skin_in(searcher, out).max() == 0


def test_faces_that_the_run_never_found_are_hidden_too(redacted, searcher, tracked):
    blind = replace(tracked, tracks=Tracks.empty(), nobody=Tracks.empty(), people=())
    out, left = redacted(tracked=blind)
    assert len(left) == 0
    assert skin_in(searcher, out).max() == 0


def test_who_is_kept_is_seen_as_before_and_nobody_else(redacted, searcher):
    out, left = redacted(keep={3})
    assert len(left) == 0
    assert skin_in(searcher, out).tolist() == [0] * 20 + [1] * 20


def test_who_is_hidden_is_not_seen_and_everybody_else_is(redacted, searcher):
    out, left = redacted(hide={3})
    assert len(left) == 0
    assert skin_in(searcher, out).tolist() == [2] * 20 + [1] * 15 + [2] * 5


def test_kept_boxes_are_the_sources_to_the_bit_before_encoding(film, tracked):
    choice = choose_faces(tracked, HALF_S, keep={2})
    regions = Regions(np.arange(40, dtype=np.int32), np.array([[0.0, 0, 192, 128]] * 40))
    frames, kept = frames_of(film), tracked.tracks.where(tracked.tracks.person == 2)
    for before, after in zip(frames, hide_in(frames, regions, choice, "blur"), strict=True):
        inside = pixels_of(kept.boxes[kept.frame == before.index].astype(float), (128, 192))
        np.testing.assert_array_equal(after.image[inside], before.image[inside])
        assert inside.any() == (before.index < 20)


def test_every_frame_keeps_its_time_and_the_video_its_length(redacted, film):
    times = []
    for path in (film, redacted()[0]):
        with VideoReader(path) as reader:
            starts = [frame.time for frame in reader]
            times.append((starts, reader.timeline().stop_s(39)))
    assert times[0] == times[1]


def test_nothing_that_the_source_says_of_itself_is_in_the_result(redacted, film):
    assert SECRET in film.read_bytes()
    out, _ = redacted()
    assert SECRET not in out.read_bytes()
    with av.open(str(out)) as container:
        assert set(container.metadata) <= {
            "major_brand", "minor_version", "compatible_brands", "encoder"
        }  # fmt: skip
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        assert not getattr(container, "chapters", list)()


def test_the_sound_is_copied_unless_it_is_to_be_left_out(redacted, film):
    def packets(path):
        with av.open(str(path)) as container:
            if not container.streams.audio:
                return None
            return [bytes(packet) for packet in container.demux(audio=0) if packet.size]

    assert packets(redacted()[0]) == packets(film)
    assert packets(redacted(sound=False)[0]) is None


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


def test_faces_that_are_found_to_the_end_are_given_back(redacted):
    out, left = redacted(searcher=Searcher(Stubborn(), 0.4, 0.5))
    assert out.exists()
    assert left.frame.tolist() == list(range(40))


def test_weak_finds_are_hidden_and_not_told_of(redacted):
    _, left = redacted(searcher=Searcher(Stubborn(), 0.4, 0.7))
    assert len(left) == 0


def test_where_only_some_are_hidden_other_faces_are_none_of_ours(tracked):
    choice = choose_faces(tracked, HALF_S, hide={3})
    regions = Regions(np.array([30], np.int32), np.array([[130.0, 20.0, 180.0, 70.0]]))
    rows = [(30, 140, 30, 164, 58), (30, 30, 100, 50, 125), (31, 140, 30, 164, 58)]
    boxes = np.array(rows, np.float32)
    scores, nowhere = np.full(3, 0.9, np.float32), np.full((3, 5, 2), np.nan, np.float32)
    found = Detections(boxes[:, 0].astype(np.int32), boxes[:, 1:], scores, nowhere)
    assert faces_left(found, regions, choice, 0.5).boxes.tolist() == [list(rows[0][1:])]


def test_looking_for_more_keeps_what_is_hidden_already(film, tracked, searcher):
    choice = choose_faces(tracked, HALF_S)
    before = Regions(np.array([3], np.int32), np.array([[0.0, 0.0, 9.0, 9.0]]))
    after = hide_what_is_left(
        film, before, choice, "fill", searcher, tracked.shots, tracked.timeline, 2, Silence()
    )
    assert before.boxes[0].tolist() in after.of(3).tolist()
    assert set(after.frame.tolist()) == set(range(40))


def test_a_file_of_faces_that_are_left_says_when_and_where(tmp_path, tracked):
    left = Stubborn().detect([type("Frame", (), {"index": 30})()])
    write_faces_left(tmp_path / "left.csv", left, tracked.timeline)
    assert (tmp_path / "left.csv").read_text() == (
        "frame,time_s,x,y,width,height,score\n30,1.500,100.0,20.0,30.0,40.0,0.600\n"
    )


@pytest.mark.parametrize("config", [{"method": "smear"}, {"margin_s": Fraction(-1)}])
def test_settings_that_make_no_sense_are_refused(config):
    with pytest.raises(ConfigError):
        RedactionConfig(**config)


@pytest.fixture
def run_folder(tmp_path, tracked):
    folder = tmp_path / "run"
    folder.mkdir()
    save_json(folder / "tracks.json", tracked_as_dict(tracked))
    return folder


@pytest.fixture
def command(run_folder, film, searcher, monkeypatch):
    """Run `multiface redact RUN --video FILM …`, with what finds drawn faces."""
    monkeypatch.setattr(looking, "make_searcher", lambda device, progress: searcher)

    def run(*arguments):
        parser = argparse.ArgumentParser()
        add_redact_arguments(parser)
        redact(parser.parse_args([str(run_folder), "--video", str(film), *map(str, arguments)]))

    return run


def test_the_result_lies_in_the_run_folder_with_an_empty_list_beside_it(
    command, run_folder, searcher, capsys
):
    command("--keep", "zoë", "--method", "fill")
    assert capsys.readouterr().out == f"{run_folder / 'redacted.mp4'}\n"
    assert skin_in(searcher, run_folder / "redacted.mp4").tolist() == [1] * 20 + [0] * 20
    assert (run_folder / "redacted.found.csv").read_text().count("\n") == 1
    assert {path.name for path in run_folder.iterdir()} == {
        "tracks.json", "redacted.mp4", "redacted.found.csv"
    }  # fmt: skip


def test_faces_that_are_left_are_listed_and_an_error(command, run_folder, monkeypatch, capsys):
    stubborn = Searcher(Stubborn(), 0.4, 0.5)
    monkeypatch.setattr(looking, "make_searcher", lambda device, progress: stubborn)
    with pytest.raises(TrackerError, match="is complete, but 40 faces were found"):
        command("--no-sound")
    assert (run_folder / "redacted.found.csv").read_text().count("\n") == 41
    assert "frame 0 (0.00 s), 30 x 40 pixels at 100, 20, score 0.60" in capsys.readouterr().err


def test_an_unknown_name_is_refused_and_nothing_is_written(command, run_folder):
    with pytest.raises(TrackerError, match="nobody here is 'Bo'"):
        command("--hide", "Bo")
    assert [path.name for path in run_folder.iterdir()] == ["tracks.json"]


@pytest.mark.parametrize("name", ["itself", "link.mp4"])
def test_the_video_itself_is_never_written_over(command, film, tmp_path, name):
    out = film if name == "itself" else tmp_path / name
    if name != "itself":
        out.symlink_to(film)
    before = film.read_bytes()
    with pytest.raises(StorageError, match="it is the video itself"):
        command("--out", out)
    assert film.read_bytes() == before


def test_a_name_of_no_mp4_is_refused(command, tmp_path):
    with pytest.raises(StorageError, match=r"end its name in \.mp4"):
        command("--out", tmp_path / "film.mkv")


def test_nobody_is_both_kept_and_hidden(command):
    with pytest.raises(SystemExit):
        command("--keep", "1", "--hide", "2")


@pytest.mark.parametrize("margin", ["-1", "soon", "nan", "1/0"])
def test_a_margin_that_is_no_time_is_wrong_usage(command, margin):
    with pytest.raises(SystemExit):
        command(f"--margin={margin}")


@pytest.mark.usefixtures("offline")
def test_without_weights_mtcnn_looks_and_it_is_said(capsys):
    import torch

    from tracker.reporting import PlainProgress

    searcher = looking.make_searcher(torch.device("cpu"), PlainProgress())
    assert (searcher.hide_score, searcher.tell_score) == (0.7, 0.8)
    assert "MTCNN" in capsys.readouterr().err
