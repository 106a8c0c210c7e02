"""CVAT for video 1.1, as it is read back, and as CVAT itself will take it."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.evaluation.cvat import read_named_cvat
from tracker.evaluation.truth import read_truth
from tracker.export.cvat import person_labels, write_cvat
from tracker.records import Tracks


@pytest.fixture
def xml(tmp_path):
    """Write a film and give the path."""

    def write(tracked):
        path = tmp_path / "film.cvat.xml"
        write_cvat(path, tracked)
        return path

    return write


def parsed(path):
    return ElementTree.parse(path).getroot()


def boxes_of(track):
    return [(int(box.get("frame")), box.get("outside") == "1", box) for box in track.iter("box")]


def named(tracked, *names):
    people = zip(tracked.people, names, strict=True)
    return replace(tracked, people=tuple(replace(person, name=name) for person, name in people))


def test_what_is_written_is_read_back(xml, tracked):
    said, names = read_named_cvat(xml(tracked))
    order = np.lexsort((said.rows.identity, said.rows.frame))
    np.testing.assert_array_equal(said.rows.frame[order], tracked.tracks.frame)
    np.testing.assert_array_equal(said.rows.boxes[order], tracked.tracks.boxes)
    np.testing.assert_array_equal(said.rows.scores[order], tracked.tracks.scores)
    called = [names[identity] for identity in said.rows.identity[order].tolist()]
    assert called == [tracked.names[person] for person in tracked.tracks.person.tolist()]


def test_it_can_be_a_truth(xml, tracked):
    truth = read_truth(xml(tracked))
    assert (truth.start, truth.stop, truth.step) == (0, 300, 1)
    assert len(truth.named) == len(tracked.tracks)


def test_the_task_is_described(xml, tracked):
    task = parsed(xml(tracked)).find("meta/task")
    found = {name: task.findtext(name) for name in ("name", "size", "mode", "stop_frame")}
    assert found == {"name": "a film.mp4", "size": "300", "mode": "interpolation"} | {
        "stop_frame": "299"
    }
    assert task.findtext("original_size/width") == "640"
    assert task.findtext("labels/label/name") == "face"
    attributes = task.findall("labels/label/attributes/attribute")
    assert [(one.findtext("name"), one.findtext("mutable")) for one in attributes] == [
        ("person", "False"),
        ("score", "True"),
    ]


def test_a_track_is_a_stay(xml, tracked):
    tracks = parsed(xml(tracked)).findall("track")
    stays = [stay for person in tracked.people for stay in person.appearances]
    assert [int(track.get("id")) for track in tracks] == list(range(len(stays)))
    for track, stay in zip(tracks, stays, strict=True):
        seen = [frame for frame, is_outside, _ in boxes_of(track) if not is_outside]
        assert (seen[0], seen[-1]) == (stay.first_frame, stay.last_frame)


def test_a_track_ends_outside_unless_the_video_does(xml, tracked):
    for track in parsed(xml(tracked)).findall("track"):
        *_, (before, _, _), (last, is_outside, _) = boxes_of(track)
        assert is_outside == (last < 299)
        assert last == before + 1


def test_a_track_is_outside_where_nothing_is_known_for_less_than_a_second(xml, tracked):
    without = replace(tracked, tracks=tracked.tracks.where(tracked.tracks.frame != 30))
    track = parsed(xml(without)).find("track")
    assert [at for at, is_outside, _ in boxes_of(track) if is_outside] == [30, 90]
    assert set(read_named_cvat(xml(without))[0].rows.frame.tolist()) == {*range(300)} - {
        30,
        *range(160, 200),
    }


def test_every_box_says_who_it_is(xml, tracked):
    # CVAT takes what never changes in a track from its last box, be it outside.
    for box in parsed(xml(tracked)).iter("box"):
        assert {one.get("name") for one in box} == {"person", "score"}


def test_boxes_between_known_ones_are_no_keyframes(xml, tracked):
    for track in parsed(xml(tracked)).findall("track"):
        boxes = [box for _, is_outside, box in boxes_of(track) if not is_outside]
        for box in boxes[1:-1]:
            assert (box.get("keyframe") == "0") == (box.findtext("*[@name='score']") == "0")
        assert boxes[0].get("keyframe") == boxes[-1].get("keyframe") == "1"


def test_people_of_one_name_have_their_number_behind_it(xml, tracked):
    film = named(tracked, "Bo", "Ann", "bo")
    assert person_labels(film) == {1: "Bo (1)", 2: "Ann", 3: "bo (3)"}
    assert set(read_named_cvat(xml(film))[1].values()) == {"Bo (1)", "Ann", "bo (3)"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.tuples(
        *[st.text(st.characters()) | st.sampled_from(["Bo", "bo", "Bo (1)", "(2)", "", "\t"])] * 3
    )
)
def test_labels_tell_all_people_apart_whatever_they_are_called(xml, tracked, names):
    film = named(tracked, *names)
    labels = person_labels(film)
    assert len({label.casefold() for label in labels.values()}) == 3
    assert sorted(read_named_cvat(xml(film))[1].values()) == sorted(labels.values())


def test_faces_of_nobody_are_left_out(xml, tracked):
    assert len(read_named_cvat(xml(tracked))[0].rows.frame) == len(tracked.tracks)


def test_the_same_faces_give_the_same_file(xml, tracked):
    first = xml(tracked).read_bytes()
    assert xml(tracked).read_bytes() == first


def test_a_video_without_people_has_no_tracks(xml, tracked):
    path = xml(replace(tracked, tracks=Tracks.empty(), people=()))
    assert len(read_named_cvat(path)[0].rows.frame) == 0
