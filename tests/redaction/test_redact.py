"""A redacted video: who is seen in it, what it says of itself, and what is still found."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from tracker.errors import ConfigError
from tracker.progress import Silence
from tracker.records import Detections, Tracks
from tracker.redaction import looking
from tracker.redaction.choosing import choose_faces
from tracker.redaction.hiding import METHODS, pixels_of
from tracker.redaction.looking import Searcher, faces_left, hide_in, hide_what_is_left
from tracker.redaction.redact import RedactionConfig, write_faces_left
from tracker.redaction.regions import Regions
from tracker.video.reader import VideoReader

SECRET = b"Nomen Nescio"


@pytest.mark.parametrize("method", METHODS)
def test_no_face_is_left_of_anybody(redacted, skin_in, film, method):
    assert skin_in(film).min() >= 1
    out, left = redacted(method)
    assert len(left) == 0
    assert skin_in(out).max() == 0


def test_faces_that_the_run_never_found_are_hidden_too(redacted, skin_in, tracked):
    blind = replace(tracked, tracks=Tracks.empty(), nobody=Tracks.empty(), people=())
    out, left = redacted(tracked=blind)
    assert len(left) == 0
    assert skin_in(out).max() == 0


def test_who_is_kept_is_seen_as_before_and_nobody_else(redacted, skin_in):
    out, left = redacted(keep={3})
    assert len(left) == 0
    assert skin_in(out).tolist() == [0] * 20 + [1] * 20


def test_of_those_in_the_run_only_who_is_hidden_is_not_seen(redacted, skin_in):
    out, left = redacted(hide={3})
    assert len(left) == 0
    assert skin_in(out).tolist() == [2] * 20 + [1] * 20  # the bystander is hidden too


def test_where_unknown_faces_are_left_everybody_but_who_is_hidden_is_seen(redacted, skin_in):
    out, left = redacted(hide={3}, with_unknown=False)
    assert len(left) == 0
    assert skin_in(out).tolist() == [2] * 20 + [1] * 15 + [2] * 5


def test_kept_boxes_are_the_sources_to_the_bit_before_encoding(film, tracked, frames_of):
    choice = choose_faces(tracked, keep={2})
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


def test_faces_that_are_found_to_the_end_are_given_back(redacted, stubborn):
    out, left = redacted(searcher=Searcher(stubborn, 0.4, 0.5))
    assert out.exists()
    assert left.frame.tolist() == list(range(40))


def test_weak_finds_are_hidden_and_not_told_of(redacted, stubborn):
    _, left = redacted(searcher=Searcher(stubborn, 0.4, 0.7))
    assert len(left) == 0


@pytest.mark.parametrize(
    ("with_unknown", "left"),
    [(True, ["hidden", "unknown", "unknown later"]), (False, ["hidden"])],
)
def test_other_faces_are_ours_unless_unknown_ones_are_left(tracked, with_unknown, left):
    choice = choose_faces(tracked, hide={3}, with_unknown=with_unknown)
    regions = Regions(np.array([30], np.int32), np.array([[130.0, 20.0, 180.0, 70.0]]))
    places = {
        "hidden": (30, 140, 30, 164, 58),
        "shown": (30, 60, 40, 84, 68),
        "unknown": (30, 30, 100, 50, 125),
        "unknown later": (31, 140, 30, 164, 58),
    }
    boxes = np.array(list(places.values()), np.float32)
    scores, nowhere = np.full(4, 0.9, np.float32), np.full((4, 5, 2), np.nan, np.float32)
    found = Detections(boxes[:, 0].astype(np.int32), boxes[:, 1:], scores, nowhere)
    expected = [list(places[name][1:]) for name in left]
    assert faces_left(found, regions, choice, 0.5).boxes.tolist() == expected


def test_looking_for_more_keeps_what_is_hidden_already(film, tracked, searcher):
    choice = choose_faces(tracked)
    before = Regions(np.array([3], np.int32), np.array([[0.0, 0.0, 9.0, 9.0]]))
    after = hide_what_is_left(
        film, before, choice, "fill", searcher, tracked.shots, tracked.timeline, 2, Silence()
    )
    assert before.boxes[0].tolist() in after.of(3).tolist()
    assert set(after.frame.tolist()) == set(range(40))


def test_a_file_of_faces_that_are_left_says_when_and_where(tmp_path, tracked, stubborn):
    left = stubborn.detect([type("Frame", (), {"index": 30})()])
    write_faces_left(tmp_path / "left.csv", left, tracked.timeline)
    assert (tmp_path / "left.csv").read_text() == (
        "frame,time_s,x,y,width,height,score\n30,1.500,100.0,20.0,30.0,40.0,0.600\n"
    )


@pytest.mark.parametrize("config", [{"method": "smear"}, {"margin_s": Fraction(-1)}])
def test_settings_that_make_no_sense_are_refused(config):
    with pytest.raises(ConfigError):
        RedactionConfig(**config)


@pytest.mark.usefixtures("offline")
def test_without_weights_mtcnn_looks_and_it_is_said(capsys):
    import torch

    from tracker.reporting import PlainProgress

    searcher = looking.make_searcher(torch.device("cpu"), PlainProgress())
    assert (searcher.hide_score, searcher.tell_score) == (0.7, 0.8)
    assert "MTCNN" in capsys.readouterr().err
