"""Who is hidden, and whose faces stay."""

from dataclasses import replace

import numpy as np
import pytest

from tracker.records import NOBODY, Detections, Shot, Tracks
from tracker.redaction.choosing import choose_faces, linked_strays, unclaimed
from tracker.redaction.regions import Regions


def table(rows, person=NOBODY):
    """Boxes from rows of a frame and four edges."""
    columns = np.array(rows, np.float32).reshape(-1, 5)
    count = len(columns)
    return Tracks(
        columns[:, 0].astype(np.int32),
        np.full(count, person, np.int32),
        columns[:, 1:],
        np.full(count, 0.5, np.float32),
    )


def detections(rows):
    found = table(rows)
    nowhere = np.full((len(found), 5, 2), np.nan, np.float32)
    return Detections(found.frame, found.boxes, found.scores, nowhere)


def people_in(tracks):
    return set(tracks.person.tolist())


def test_everybody_is_hidden_unless_it_is_said_who(tracked):
    choice = choose_faces(tracked)
    assert people_in(choice.hidden) == {1, 2, 3}
    assert len(choice.strays) == len(tracked.nobody)
    assert len(choice.spared.frame) == len(choice.known.frame) == 0


def test_all_but_those_to_keep_are_hidden_and_so_are_bystanders(tracked):
    choice = choose_faces(tracked, keep={2})
    assert people_in(choice.hidden) == {1, 3}
    assert len(choice.strays) == len(tracked.nobody)
    assert choice.spared.frame.tolist() == list(range(20))
    assert len(choice.never_spared.frame) == 0


def test_of_those_in_the_run_only_those_to_hide_are_hidden(tracked):
    choice = choose_faces(tracked, hide={1})
    assert people_in(choice.hidden) == {1}
    assert choice.strays.frame.tolist() == tracked.nobody.frame.tolist()
    assert choice.whoever
    assert len(choice.spared.frame) == (tracked.tracks.person != 1).sum()
    assert choice.never_spared.frame.tolist() == list(range(40))  # where it was lost, too


@pytest.mark.parametrize("who", [{"hide": {1}}, {"keep": {2, 3}}])
def test_bystanders_are_left_where_that_is_asked_for(tracked, who):
    choice = choose_faces(tracked, **who, with_unknown=False)
    assert people_in(choice.hidden) == {1}
    assert len(choice.strays) == 0
    assert not choice.whoever


@pytest.mark.parametrize("who", [{"hide": {1}}, {"keep": {2, 3}}])
def test_nobody_is_spared_where_they_were_only_guessed_to_be(tracked, who):
    tracks = tracked.tracks
    guessed = (tracks.person == 2) & np.isin(tracks.frame, [7, 8])
    scores = np.where(guessed, np.float32(0), tracks.scores)
    choice = choose_faces(replace(tracked, tracks=replace(tracks, scores=scores)), **who)
    found = tracks.frame[(tracks.person != 1) & ~guessed]
    assert choice.spared.frame.tolist() == found.tolist()
    assert {7, 8} <= set(choice.known.frame.tolist())  # it is theirs all the same


def test_a_face_is_known_for_a_fifth_of_a_second_around_its_stay(tracked):
    tracks = tracked.tracks
    shown = (tracks.person == 2) & (tracks.frame >= 8) & (tracks.frame < 16)
    one_shot = replace(tracked, shots=(Shot(0, 40),), tracks=tracks.where(shown))
    assert choose_faces(one_shot, keep={2}).known.frame.tolist() == list(range(4, 20))


def test_nobody_of_a_video_without_people_is_hidden_as_nobody(tracked):
    choice = choose_faces(replace(tracked, tracks=Tracks.empty(), people=()))
    assert len(choice.hidden) == 0
    assert len(choice.strays) == len(tracked.nobody)


@pytest.mark.parametrize(
    ("what", "box", "is_stray"),
    [
        ("the same box", (64, 44, 88, 72), False),
        ("its forehead", (66, 38, 86, 56), False),
        ("its nose", (70, 50, 80, 60), False),
        ("a small box mostly in it", (60, 50, 70, 60), False),
        ("a small box mostly beside it", (58, 50, 68, 60), True),
        ("all around it", (40, 20, 120, 90), False),
        ("a head beside it", (84, 44, 108, 72), True),
        ("one that covers its edge", (50, 40, 68, 66), True),
    ],
)
def test_a_second_box_of_a_kept_face_is_no_bystander(tracked, what, box, is_stray):
    nobody = table([(0, *box)])
    choice = choose_faces(replace(tracked, nobody=nobody), keep={2})
    assert len(choice.strays) == is_stray


def test_a_box_where_a_kept_person_was_lost_for_a_moment_is_theirs(tracked):
    nobody = table([(10, 40, 40, 64, 68), (10, 120, 40, 144, 68)])
    choice = choose_faces(replace(tracked, nobody=nobody), keep={1})
    np.testing.assert_array_equal(choice.strays.boxes, nobody.boxes[1:])


def test_boxes_in_other_frames_claim_nothing():
    faces = detections([(4, 10, 10, 30, 30), (5, 10, 10, 30, 30)])
    known = Regions(np.array([4], np.int32), np.array([[10.0, 10.0, 30.0, 30.0]]))
    assert unclaimed(faces, known).frame.tolist() == [5]
    assert len(unclaimed(faces, Regions.empty())) == 2
    assert len(unclaimed(Detections.empty(), known)) == 0


def test_strays_in_one_place_are_one_face_and_none_is_lost():
    rows = [
        (frame, x, 10, x + 20, 34)
        for frame in range(12)
        for x in (10 + frame, 150)
        if frame % 4 != 1
    ]
    linked = linked_strays(detections(rows), (Shot(0, 12),))
    assert len(linked) == len(rows)
    places = [linked.boxes[linked.person == number, 0] > 100 for number in np.unique(linked.person)]
    assert len(places) == 2
    assert sorted(bool(place.all()) for place in places) == [False, True]


def test_strays_of_two_shots_are_two_faces():
    rows = [(frame, 10, 10, 30, 34) for frame in range(6)]
    linked = linked_strays(detections(rows), (Shot(0, 3), Shot(3, 6)))
    assert len(np.unique(linked.person)) == 2
    assert len(np.unique(linked.person[:3])) == 1


def test_no_strays_are_no_faces():
    assert len(linked_strays(Detections.empty(), (Shot(0, 3),))) == 0
