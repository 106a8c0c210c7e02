import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.edits import EDITS_FILE, MOST_FACES, add_edits, names_after, naming_of, read_edits
from tracker.errors import FormatError
from tracker.records import Tracks

VIDEO = "fingerprint"


def tracks_of(*rows):
    """Boxes of 20 pixels: (frame, person, x)."""
    frame, person, x = np.array(sorted(rows), float).reshape(-1, 3).T
    boxes = np.stack([x, np.zeros_like(x), x + 20, np.full_like(x, 20)], axis=1)
    return Tracks(
        frame.astype(np.int32),
        person.astype(np.int32),
        boxes.astype(np.float32),
        np.ones(len(x), np.float32),
    )


def couple(one=1, other=2, first=0, stop=100):
    """Two people side by side."""
    return [row for t in range(first, stop) for row in ((t, one, 0), (t, other, 50))]


def called(edits, tracks, video=VIDEO):
    return names_after(edits, video, tracks)[0]


def anna(person=1):
    return naming_of("Anna", "", person, VIDEO, tracks_of(*couple()))


def test_what_is_said_is_read_back(tmp_path):
    add_edits(tmp_path, [anna(), naming_of("Zoë <b>", "", 2, VIDEO, tracks_of(*couple()))])
    add_edits(tmp_path, [naming_of("", "Zoë <b>", 2, VIDEO, tracks_of(*couple()))])
    said = read_edits(tmp_path)
    assert [(one.name, one.person, one.video) for one in said] == [
        ("Anna", 1, VIDEO),
        ("Zoë <b>", 2, VIDEO),
        ("", 2, VIDEO),
    ]
    np.testing.assert_array_equal(said[0].frame, anna().frame)
    np.testing.assert_array_equal(said[0].boxes, anna().boxes)


def test_where_nothing_was_said_there_is_nothing_to_read(tmp_path):
    assert read_edits(tmp_path) == []


def test_a_line_that_another_program_left_without_an_end_is_kept(tmp_path):
    add_edits(tmp_path, [anna()])
    path = tmp_path / EDITS_FILE
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    add_edits(tmp_path, [anna(2)])
    assert [one.person for one in read_edits(tmp_path)] == [1, 2]


@pytest.mark.parametrize(
    "line", ["nonsense", "[]", '{"edit": "merge"}', '{"edit": "name", "name": "x"}', "null"]
)
def test_a_line_that_is_no_edit_is_refused_by_its_number(tmp_path, line):
    add_edits(tmp_path, [anna()])
    path = tmp_path / EDITS_FILE
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(FormatError, match=r"edits\.jsonl, line 2: not an edit"):
        read_edits(tmp_path)


def test_edits_are_a_line_each_that_a_person_can_read(tmp_path):
    add_edits(tmp_path, [anna()])
    (line,) = (tmp_path / EDITS_FILE).read_text(encoding="utf-8").splitlines()
    told = json.loads(line)
    assert (told["edit"], told["person"], told["name"]) == ("name", 1, "Anna")
    assert told["seen"][0] == [0, 0.0, 0.0, 20.0, 20.0]


@given(st.integers(1, 200))
def test_faces_that_tell_a_person_are_few_and_spread_over_the_video(length):
    naming = naming_of("Anna", "", 1, VIDEO, tracks_of(*couple(stop=length)))
    assert len(naming.frame) == min(length, MOST_FACES)
    assert naming.frame[0] == 0
    assert naming.frame[-1] == length - 1
    assert np.all(np.diff(naming.frame) > 0)


def test_a_person_keeps_the_name_under_another_number():
    assert called([anna()], tracks_of(*couple(one=2, other=1))) == {2: "Anna"}


def test_a_person_cut_in_two_keeps_the_name_on_the_larger_part():
    halves = [*couple(one=4, stop=60), *couple(one=3, first=60)]
    assert called([anna()], tracks_of(*halves)) == {4: "Anna"}


def test_the_latest_name_counts():
    later = naming_of("Bea", "Anna", 1, VIDEO, tracks_of(*couple()))
    assert called([anna(), later], tracks_of(*couple())) == {1: "Bea"}


def test_a_name_can_be_taken_away():
    nameless = naming_of("", "Anna", 1, VIDEO, tracks_of(*couple()))
    assert called([anna(), nameless], tracks_of(*couple())) == {}


def test_a_name_does_not_go_to_whoever_is_left_where_the_face_is_no_more():
    alone = tracks_of(*[(t, 1, 50) for t in range(100)])
    names, lost = names_after([anna()], VIDEO, alone)
    assert names == {}
    assert [naming.name for naming in lost] == ["Anna"]


def test_a_name_given_in_place_of_another_counts_though_fewer_of_its_faces_are_there():
    later = naming_of("Bea", "Anna", 1, VIDEO, tracks_of(*couple(stop=100)))
    rows = couple(stop=50)
    earlier = naming_of("Anna", "", 1, VIDEO, tracks_of(*couple(stop=50)))
    assert called([earlier, later], tracks_of(*rows, (50, 1, 0), (51, 1, 0))) == {1: "Bea"}


def test_of_two_names_the_one_whose_faces_are_mostly_there_counts_and_the_other_is_told():
    ben = naming_of("Ben", "", 2, VIDEO, tracks_of(*couple()))
    rows = [(t, 1, 0) for t in range(100)] + [(t, 1 if t < 60 else 2, 50) for t in range(100)]
    for edits in ([anna(), ben], [ben, anna()]):
        names, lost = names_after(edits, VIDEO, tracks_of(*rows))
        assert names == {1: "Anna"}
        assert [naming.name for naming in lost] == ["Ben"]


def test_a_name_does_not_go_to_whoever_has_some_of_many_pieces():
    thirds = [(t, 1 + t * 3 // 100, 0) for t in range(100)]
    names, lost = names_after([anna()], VIDEO, tracks_of(*thirds))
    assert (names, len(lost)) == ({}, 1)


def test_half_of_the_faces_is_not_enough():
    halves = tracks_of(*[(t, 1 + t // 16, 0) for t in range(32)])
    naming = naming_of("Anna", "", 1, VIDEO, tracks_of(*couple(stop=32)))
    assert called([naming], halves) == {}


def test_a_person_seen_in_a_few_of_the_frames_only_is_not_known_again():
    rows = [row for row in couple() if row[1] == 2 or row[0] < 20]
    assert called([anna()], tracks_of(*rows)) == {}


def test_boxes_that_another_detector_draws_are_the_same_face():
    wider = tracks_of(*[(t, 5, 6) for t in range(100)])
    assert called([anna()], wider) == {5: "Anna"}


def test_names_of_another_video_do_not_count():
    assert names_after([anna()], "other", tracks_of(*couple())) == ({}, [])


def test_among_no_tracks_all_names_are_lost():
    names, lost = names_after([anna()], VIDEO, Tracks.empty())
    assert (names, len(lost)) == ({}, 1)
