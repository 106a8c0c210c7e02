from pathlib import Path

import numpy as np
import pytest

from tracker.errors import FormatError, RecordError
from tracker.evaluation.truth import Truth, read_tracks, read_truth
from tracker.records import NOBODY, Tracks

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there")

XML = """<?xml version = "1.0"?>
<Video fname="gt" start_frame="1" end_frame="20">
  <Trajectory obj_id="2" start_frame="3" end_frame="9">
    <Frame frame_no="9" x="11" y="21" width="30" height="40" observation="1"></Frame>
    <Frame frame_no="3" x="1" y="1" width="5" height="6" observation="1"></Frame>
  </Trajectory>
  <Trajectory obj_id="1"><Frame frame_no="9" x="0" y="2.5" width="3" height="4"/></Trajectory>
</Video>
"""
LAUGHS = """<!DOCTYPE Video [<!ENTITY ha "haha"><!ENTITY haha "&ha;&ha;&ha;&ha;">]>
<Video><Trajectory obj_id="1"><Frame frame_no="1" x="&haha;"/></Trajectory></Video>
"""


@pytest.fixture
def file_of(tmp_path):
    """Write text into a file of the given name and give its path."""

    def write(name: str, text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_xml_counts_frames_and_pixels_from_one(file_of):
    tracks = read_tracks(file_of("gt.xml", XML))
    assert tracks.frame.tolist() == [2, 8, 8]
    assert tracks.person.tolist() == [2, 1, 2]  # by frame, then person
    assert tracks.boxes.tolist() == [[0, 0, 5, 6], [-1, 1.5, 2, 5.5], [10, 20, 40, 60]]
    assert tracks.scores.tolist() == [1, 1, 1]


def test_xml_is_annotated_in_the_frames_that_it_names(file_of):
    truth = read_truth(file_of("gt.xml", XML))
    frames = np.array([0, 4, 19, 20])
    assert truth.annotates(frames).tolist() == [True, True, True, False]


def test_xml_without_a_range_is_annotated_to_the_end(file_of):
    truth = read_truth(file_of("gt.XML", XML.replace('start_frame="1" end_frame="20"', "")))
    assert (truth.start, truth.stop) == (0, None)


def test_xml_without_boxes_gives_no_tracks(file_of):
    assert len(read_tracks(file_of("gt.xml", "<Video/>"))) == 0


def test_elements_that_are_not_known_are_passed_over(file_of):
    text = XML.replace("<Trajectory", "<Note>shot by hand</Note><Trajectory", 1)
    assert len(read_tracks(file_of("gt.xml", text))) == 3


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('frame_no="3"', 'frame_no="0"', "line 5: frame 0 lies outside"),
        ('frame_no="3"', 'frame_no="21"', "line 5: frame 21 lies outside"),
        ('frame_no="3"', 'frame_no="3.5"', "line 5: frame_no is out of range: '3.5'"),
        ('frame_no="3"', 'frame="3"', "line 5: frame_no is missing"),
        ('y="21"', 'y="nan"', "line 4: y is out of range"),
        ('y="21"', 'y="high"', "line 4: y is no number: 'high'"),
        ('width="30"', 'width="0"', "line 4: a box 0 x 40 has no area"),
        ('obj_id="2"', 'obj_id="1"', "two boxes of id 1 in frame 9"),
        ('obj_id="2"', 'obj_id="0"', "id 0 in frame 3: ids count from 1"),
        ('obj_id="2"', 'name="Ann"', "line 3: obj_id is missing"),
        ('end_frame="20"', 'end_frame="soon"', "line 2: end_frame is no number"),
        ('<Trajectory obj_id="2"', "<Group", "line 4: a Frame outside any Trajectory"),
        ("</Video>", "", "not well-formed"),
    ],
)
def test_a_malformed_xml_file_is_named_with_the_place(file_of, old, new, problem):
    path = file_of("gt.xml", XML.replace(old, new, 1))
    with pytest.raises(FormatError, match=rf"gt\.xml.*{problem}"):
        read_truth(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("read", [read_truth, read_tracks])
def test_xml_that_declares_entities_is_refused(file_of, encoding, read):
    with pytest.raises(FormatError, match="DOCTYPE"):
        read(file_of("gt.xml", LAUGHS, encoding))


def test_a_missing_file_is_a_clear_error(tmp_path):
    for name in ("gt.xml", "gt.txt"):
        with pytest.raises(FormatError, match="cannot be read"):
            read_truth(tmp_path / name)


def test_in_a_truth_ids_below_zero_and_confidence_zero_are_regions_to_ignore(file_of):
    text = "2,4,0,0,5,5,0\n1,-1,0,0,5,5,1\n1,-1,9,9,5,5,1\n1,3,0,0,5,5,1\n1,2,0,0,5,5,0.5\n"
    tracks = read_truth(file_of("gt.txt", text)).tracks
    assert tracks.frame.tolist() == [0, 0, 0, 0, 1]
    assert tracks.person.tolist() == [NOBODY, NOBODY, 2, 3, NOBODY]


def test_in_a_result_a_score_of_zero_is_an_interpolated_box(file_of):
    tracks = read_tracks(file_of("tracks.txt", "1,2,0,0,5,5,0\n1,1,0,0,5,5,-1\n2,1,0,0,5,5,7\n"))
    assert tracks.person.tolist() == [1, 2, 1]
    assert tracks.scores.tolist() == [1, 0, 1]  # -1 says that there is none


def test_a_result_needs_a_person_for_each_box(file_of):
    with pytest.raises(FormatError, match="ids below 0"):
        read_tracks(file_of("detections.txt", "1,-1,0,0,5,5,1\n"))


@pytest.mark.parametrize("read", [read_truth, read_tracks])
def test_two_boxes_of_one_id_in_a_frame_are_refused(file_of, read):
    text = "1,4,0,0,5,5,1\n7,4,0,0,5,5,1\n8,4,0,0,5,5,1\n7,4,9,9,5,5,1\n"
    with pytest.raises(FormatError, match=r"gt\.txt: two boxes of id 4 in frame 7"):
        read(file_of("gt.txt", text))


@pytest.mark.parametrize("read", [read_truth, read_tracks])
def test_ids_count_from_one(file_of, read):
    with pytest.raises(FormatError, match="id 0 in frame 3"):
        read(file_of("gt.txt", "3,0,0,0,5,5,1\n"))


def test_an_empty_file_is_a_truth_in_which_nobody_appears(file_of):
    truth = read_truth(file_of("gt.txt", ""))
    assert len(truth.tracks) == 0
    assert truth.annotates(np.arange(5)).all()


def test_a_run_folder_is_read_through_its_tracks(file_of, tmp_path):
    file_of("tracks.txt", "1,2,0,0,5,5,1\n")
    assert read_tracks(tmp_path).person.tolist() == [2]
    assert read_truth(tmp_path).tracks.person.tolist() == [2]


def test_a_folder_without_tracks_is_no_run_folder(tmp_path):
    with pytest.raises(FormatError, match=r"not a run folder: it holds no tracks\.txt"):
        read_tracks(tmp_path)


def test_frames_of_a_sampled_truth_are_spread_over_the_video(file_of):
    truth = read_truth(file_of("gt.xml", XML), frame_step=5)
    assert truth.tracks.frame.tolist() == [10, 40, 40]
    assert truth.tracks.frame.dtype == np.int32
    frames = np.array([0, 4, 5, 40, 95, 100])
    assert truth.annotates(frames).tolist() == [True, False, True, True, True, False]


def test_a_truth_is_annotated_where_it_has_boxes():
    one = Tracks(
        np.array([3], np.int32), np.array([1], np.int32), np.ones((1, 4), np.float32), np.ones(1)
    )
    assert Truth(one, start=1, step=2).annotates(np.array([0, 1, 2, 3])).tolist() == [0, 1, 0, 1]
    for outside in ({"start": 4}, {"stop": 3}, {"step": 2}):
        with pytest.raises(RecordError, match="frames that it does not annotate"):
            Truth(one, **outside)
    with pytest.raises(RecordError, match="step by 0"):
        Truth(one, step=0)


@needs_shared
@pytest.mark.shared
def test_the_authors_xml_and_mot_text_of_one_truth_are_equal():
    from_xml = read_truth(DATA / "music_video_gt" / "Tara_gt.xml").tracks
    from_mot = read_truth(DATA / "tara" / "gt.txt").tracks
    assert len(from_xml) == 14_529
    for column in ("frame", "person", "boxes", "scores"):
        np.testing.assert_array_equal(getattr(from_xml, column), getattr(from_mot, column))


@needs_shared
@pytest.mark.shared
def test_every_published_truth_can_be_read():
    paths = sorted((DATA / "music_video_gt").glob("*.xml"))
    assert len(paths) == 15
    for path in paths:
        truth = read_truth(path)
        assert len(truth.tracks) > 5000
        assert truth.stop is not None
        assert truth.stop > 3000
