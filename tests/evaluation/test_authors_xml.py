from pathlib import Path

import numpy as np
import pytest

from tracker.errors import FormatError
from tracker.evaluation.annotations import Extent
from tracker.evaluation.authors_xml import read_authors_xml
from tracker.evaluation.truth import read_tracks, read_truth

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

# People, boxes and frames of the published music videos.
PUBLISHED = {
    "Apink": (6, 7_274, 5_275),
    "BrunoMars": (11, 16_707, 6_483),
    "Darling": (8, 9_532, 4_729),
    "GirlsAloud": (5, 16_383, 5_531),
    "HelloBubble": (4, 5_223, 3_769),
    "Tara": (6, 14_529, 4_547),
    "Westlife": (4, 11_380, 5_736),
    "stickwitu": (6, 14_274, 5_937),
}
EPISODES = [f"bbt010{number}_5thFrame" for number in range(1, 8)]


@pytest.fixture
def xml_file(tmp_path):
    """Write text into an XML file and give its path."""

    def write(text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "gt.xml"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_frames_and_pixels_count_from_one(xml_file):
    tracks = read_tracks(xml_file(XML))
    assert tracks.frame.tolist() == [2, 8, 8]
    assert tracks.person.tolist() == [2, 1, 2]  # by frame, then person
    assert tracks.boxes.tolist() == [[0, 0, 5, 6], [-1, 1.5, 2, 5.5], [10, 20, 40, 60]]
    assert tracks.scores.tolist() == [1, 1, 1]


def test_each_box_knows_its_line(xml_file):
    rows = read_authors_xml(xml_file(XML)).rows
    assert rows.identity.tolist() == [2, 2, 1]
    assert rows.line.tolist() == [5, 4, 7]


def test_a_truth_is_annotated_in_the_frames_that_the_video_names(xml_file):
    truth = read_truth(xml_file(XML))
    frames = np.array([0, 4, 19, 20])
    assert truth.annotates(frames).tolist() == [True, True, True, False]


def test_without_a_range_a_truth_is_annotated_to_the_end(xml_file):
    truth = read_truth(xml_file(XML.replace('start_frame="1" end_frame="20"', "")))
    assert (truth.start, truth.stop) == (0, None)


def test_a_video_without_boxes_gives_no_tracks(xml_file):
    assert len(read_tracks(xml_file("<Video/>"))) == 0


def test_elements_that_are_not_known_are_passed_over(xml_file):
    text = XML.replace("<Trajectory", "<Note>shot by hand</Note><Trajectory", 1)
    assert len(read_tracks(xml_file(text))) == 3


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('frame_no="3"', 'frame_no="0"', "line 5: frame 0 lies outside the frames of its Video, 1"),
        ('frame_no="3"', 'frame_no="21"', "line 5: frame 21 .* of its Video, 1 to 20"),
        ('frame_no="3"', 'frame_no="2"', "line 5: frame 2 .* of its Trajectory, 3 to 9"),
        ('frame_no="9"', 'frame_no="10"', "line 4: frame 10 .* of its Trajectory, 3 to 9"),
        ('frame_no="3"', 'frame_no="3.5"', "line 5: frame_no is no whole number: '3.5'"),
        ('frame_no="3"', 'frame="3"', "line 5: frame_no is missing"),
        ('frame_no="3"', 'frame_no="9"', "line 5: two boxes of id 2 in frame 9, .* line 4"),
        ('y="21"', 'y="nan"', "line 4: y is out of range"),
        ('y="21"', 'y="high"', "line 4: y is no number: 'high'"),
        ('width="30"', 'width="0"', "line 4: a box 0 x 40 has no area"),
        ('obj_id="2"', 'obj_id="1"', "line 7: two boxes of id 1 in frame 9, the other in line 4"),
        ('obj_id="2"', 'obj_id="0"', "line 5: id 0 in frame 3: ids count from 1"),
        ('obj_id="2"', 'name="Ann"', "line 3: obj_id is missing"),
        ('start_frame="3"', 'start_frame="12"', "line 3: frames 12 to 9 are no range"),
        ('end_frame="20"', 'end_frame="soon"', "line 2: end_frame is no number"),
        ('<Trajectory obj_id="2"', "<Group", "line 4: a Frame outside any Trajectory"),
        ("</Video>", "", "not well-formed"),
        ('"1.0"?>', '"1.0" encoding="klingon"?>', "line 1: is not well-formed"),
    ],
)
def test_what_is_wrong_is_named_with_the_line(xml_file, old, new, problem):
    with pytest.raises(FormatError, match=rf"gt\.xml.*{problem}"):
        read_truth(xml_file(XML.replace(old, new, 1)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("read", [read_truth, read_tracks, read_authors_xml])
def test_a_file_that_declares_entities_is_refused(xml_file, encoding, read):
    with pytest.raises(FormatError, match="DOCTYPE"):
        read(xml_file(LAUGHS, encoding))


def published(name):
    return DATA / "music_video_gt" / f"{name}_gt.xml"


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_music_videos_are_read_whole(name):
    truth = read_truth(published(name), extent=Extent(frames=PUBLISHED[name][2]))
    counts = (len(np.unique(truth.tracks.person)), len(truth.tracks), truth.stop)
    assert counts == PUBLISHED[name]
    assert (truth.start, truth.step) == (0, 1)


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize("name", EPISODES)
def test_the_published_episodes_are_read_whole(name):
    path = published(name)
    sampled, spread = read_truth(path), read_truth(path, frame_step=5)
    assert len(sampled.tracks) == path.read_text().count("<Frame ")
    assert f'end_frame="{sampled.stop}"' in path.read_text().splitlines()[1]
    assert sampled.tracks.frame.max() < sampled.stop
    np.testing.assert_array_equal(spread.tracks.frame, sampled.tracks.frame * 5)
    assert (spread.stop, spread.step) == (sampled.stop * 5, 5)


@needs_shared
@pytest.mark.shared
def test_the_authors_xml_and_mot_text_of_one_truth_are_equal():
    from_xml, from_mot = read_truth(published("Tara")), read_truth(DATA / "tara" / "gt.txt")
    for column in ("frame", "person", "boxes", "scores"):
        np.testing.assert_array_equal(
            getattr(from_xml.tracks, column), getattr(from_mot.tracks, column)
        )


def test_a_video_longer_than_any_is_an_error(xml_file):
    path = xml_file('<Video start_frame="1" end_frame="2147483647"></Video>')
    with pytest.raises(FormatError, match="no video has as many frames as 2147483647"):
        read_truth(path)
