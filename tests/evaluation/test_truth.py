from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.errors import FormatError, RecordError
from tracker.evaluation.annotations import Extent
from tracker.evaluation.truth import Truth, is_unnamed, read_tracks, read_truth
from tracker.records import NOBODY, Tracks

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there")

# A box of 5 x 6 at x 1, y 2 in the first frame, as the authors and as CVAT write it.
AUTHORS = """<Video><Trajectory obj_id="5">
<Frame frame_no="1" x="2" y="3" width="5" height="6"/></Trajectory></Video>"""
CVAT = """<annotations><track id="5" label="face">
<box frame="0" xtl="1" ytl="2" xbr="6" ybr="8"/></track></annotations>"""


@pytest.fixture
def file_of(tmp_path):
    """Write text into a file of the given name and give its path."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(("text", "person"), [(AUTHORS, 5), (CVAT, 1)])
def test_kinds_of_xml_are_told_apart_by_their_outermost_element(file_of, text, person):
    tracks = read_truth(file_of("gt.XML", text)).tracks
    assert (tracks.frame.tolist(), tracks.person.tolist()) == ([0], [person])
    assert tracks.boxes.tolist() == [[1, 2, 6, 8]]


def test_xml_of_another_kind_is_refused(file_of):
    with pytest.raises(
        FormatError, match=r"gt\.xml: its outermost element is html: expected Video"
    ):
        read_truth(file_of("gt.xml", "<html><Video/></html>"))


@pytest.mark.parametrize("text", ["", "1,2,3", "<Video"])
def test_a_file_that_has_only_the_name_of_xml_is_refused(file_of, text):
    with pytest.raises(FormatError, match=r"gt\.xml, line 1: is not well-formed XML"):
        read_truth(file_of("gt.xml", text))


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


def test_results_in_which_nobody_is_named_have_a_person_for_each_box(file_of):
    text = "2,-1,0,0,5,5,.3\n1,-1,0,0,5,5,1\n1,-1,9,9,5,5,1\n"
    tracks = read_tracks(file_of("found.txt", text))
    assert tracks.frame.tolist() == [0, 0, 1]
    assert tracks.person.tolist() == [1, 2, 3]
    assert tracks.boxes[:, 0].tolist() == [0, 9, 0]
    assert is_unnamed(tracks)


def test_results_in_which_only_some_are_named_are_refused(file_of):
    path = file_of("found.txt", "1,1,0,0,5,5,1\n2,2,0,0,5,5,1\n3,-1,0,0,5,5,1\n")
    with pytest.raises(FormatError, match=r"found\.txt, line 3: id -1 among people: results name"):
        read_tracks(path)


@pytest.mark.parametrize(
    ("text", "unnamed"),
    [
        ("", False),
        ("1,1,0,0,5,5\n", False),
        ("1,1,0,0,5,5\n1,2,0,0,5,5\n", True),
        ("1,1,0,0,5,5\n2,1,0,0,5,5\n3,2,0,0,5,5\n", False),
    ],
)
def test_tracks_are_unnamed_where_nobody_has_a_second_box(file_of, text, unnamed):
    assert is_unnamed(read_tracks(file_of("found.txt", text))) is unnamed


@pytest.mark.parametrize("read", [read_truth, read_tracks])
def test_two_boxes_of_one_id_in_a_frame_are_refused_with_both_lines(file_of, read):
    text = "1,4,0,0,5,5,1\n7,4,0,0,5,5,1\n8,4,0,0,5,5,1\n7,4,9,9,5,5,1\n7,4,9,9,5,5,1\n"
    problem = r"gt\.txt, line 4: two boxes of id 4 in frame 7, the other in line 2"
    with pytest.raises(FormatError, match=problem):
        read(file_of("gt.txt", text))


@pytest.mark.parametrize("read", [read_truth, read_tracks])
def test_ids_count_from_one(file_of, read):
    with pytest.raises(FormatError, match="line 2: id 0 in frame 3: ids count from 1"):
        read(file_of("gt.txt", "9,2,0,0,5,5,1\n3,0,0,0,5,5,1\n"))


@pytest.mark.parametrize("read", [read_truth, read_tracks])
@pytest.mark.parametrize(
    "box", ["-4,-4,5,5", "99.5,49.5,5,5", "0,0,100,50", "-50,-50,900,900", "40,49,5,5"]
)
def test_a_box_may_hang_over_the_edge_of_the_picture(file_of, read, box):
    read(file_of("gt.txt", f"10,2,{box},1\n"), extent=Extent(100, 50, 10))


@pytest.mark.parametrize("read", [read_truth, read_tracks])
@pytest.mark.parametrize("box", ["-5,0,5,5", "0,-6,5,5", "100,0,5,5", "0,50,5,5"])
def test_a_box_wholly_outside_the_picture_is_refused(file_of, read, box):
    inside = "".join(f"{frame},1,0,0,5,5,1\n" for frame in range(1, 201))
    path = file_of("gt.txt", f"{inside}9,2,{box},1\n")
    problem = "line 201: the box of id 2 in frame 9, from .*, lies outside the picture of 100 x 50$"
    with pytest.raises(FormatError, match=problem):
        read(path, extent=Extent(100, 50))
    read(path)  # where the size of the video is not known, nothing can be said


def test_where_many_boxes_lie_outside_another_resolution_is_suspected(file_of):
    text = "".join(f"{frame},1,{10 * frame},0,5,5,1\n" for frame in range(1, 21))
    problem = "line 10: .*, as 11 of 20 do: was it made for another resolution?"
    with pytest.raises(FormatError, match=problem):
        read_truth(file_of("gt.txt", text), extent=Extent(width=100))


def test_a_region_to_ignore_lies_in_the_picture_too(file_of):
    with pytest.raises(FormatError, match="line 1: the box of id -1"):
        read_truth(file_of("gt.txt", "1,-1,200,0,5,5,0"), extent=Extent(100, 50))


@pytest.mark.parametrize("read", [read_truth, read_tracks])
def test_a_frame_beyond_the_end_of_the_video_is_refused(file_of, read):
    path = file_of("gt.txt", "12,1,0,0,5,5\n11,1,0,0,5,5\n10,1,0,0,5,5\n")
    read(path, extent=Extent(frames=12))
    with pytest.raises(FormatError, match=r"line 1: frame 12 lies beyond .*, which has 10 frames"):
        read(path, extent=Extent(frames=10))


def test_the_end_of_the_video_is_sought_in_its_own_frames(file_of):
    path = file_of("gt.txt", "1,1,0,0,5,5\n3,1,0,0,5,5\n")
    assert read_truth(path, 5, Extent(frames=11)).tracks.frame.tolist() == [0, 10]
    with pytest.raises(FormatError, match="line 2: frame 3, 11 with a step of 5, lies beyond"):
        read_truth(path, 5, Extent(frames=10))


def test_a_frame_that_no_video_has_is_refused(file_of):
    path = file_of("gt.txt", "1000000000,1,0,0,5,5\n")
    assert read_truth(path).tracks.frame.tolist() == [10**9 - 1]
    with pytest.raises(FormatError, match="line 1: frame 1000000000, 4999999996 with a step of 5"):
        read_truth(path, 5)


def test_an_empty_file_is_a_truth_in_which_nobody_appears(file_of):
    truth = read_truth(file_of("gt.txt", ""), extent=Extent(100, 50, 5))
    assert len(truth.tracks) == 0
    assert truth.annotates(np.arange(5)).all()


def test_an_empty_file_is_a_result_of_nobody(file_of):
    tracks = read_tracks(file_of("tracks.txt", ""), extent=Extent(100, 50, 5))
    assert tracks.boxes.shape == (0, 4)


def test_a_run_folder_is_read_through_its_tracks(file_of, tmp_path):
    file_of("tracks.txt", "1,2,0,0,5,5,1\n")
    assert read_tracks(tmp_path).person.tolist() == [2]
    assert read_truth(tmp_path).tracks.person.tolist() == [2]


def test_what_is_wrong_in_a_run_folder_is_named_with_the_file(file_of, tmp_path):
    file_of("tracks.txt", "1,2,0,0,5,5,1\n1,0,0,0,5,5,1\n")
    with pytest.raises(FormatError, match=r"tracks\.txt, line 2: id 0"):
        read_tracks(tmp_path)


def test_a_folder_without_tracks_is_no_run_folder(tmp_path):
    with pytest.raises(FormatError, match=r"not a run folder: it holds no tracks\.txt"):
        read_tracks(tmp_path)


def test_frames_of_a_sampled_truth_are_spread_over_the_video(file_of):
    text = AUTHORS.replace("<Video>", '<Video end_frame="20">').replace('"1"', '"9"')
    truth = read_truth(file_of("gt.xml", text), frame_step=5)
    assert truth.tracks.frame.tolist() == [40]
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


def one_box_a_frame(start, stop, step):
    """A truth of one person who is in every annotated frame."""
    frame = np.arange(start, stop, step, dtype=np.int32)
    boxes = np.tile(np.array([0, 0, 5, 5], np.float32), (len(frame), 1))
    person, scores = np.ones(len(frame), np.int32), np.ones(len(frame), np.float32)
    return Truth(Tracks(frame, person, boxes, scores), start, stop, step)


@given(
    start=st.integers(0, 9),
    length=st.integers(0, 30),
    step=st.integers(1, 6),
    first=st.integers(0, 50),
    kept=st.none() | st.integers(1, 50),
)
def test_a_truth_within_a_range_knows_what_it_knew_there(start, length, step, first, kept):
    whole = one_box_a_frame(start, start + length, step)
    stop = None if kept is None else first + kept
    part = whole.within(first, stop)
    frames = np.arange(100)
    inside = (frames >= first) & (frames < (100 if stop is None else stop))
    expected = frames[whole.annotates(frames) & inside]
    assert frames[part.annotates(frames)].tolist() == expected.tolist()
    assert part.tracks.frame.tolist() == expected.tolist()


def test_a_truth_to_the_end_of_the_video_stays_so_within_an_open_range():
    truth = Truth(Tracks.empty(), start=2, step=5).within(3, None)
    assert (truth.start, truth.stop, truth.step) == (7, None, 5)


@pytest.mark.parametrize("nothing", [(4, 4), (4, 2), (-1, 5)])
def test_a_range_without_frames_is_refused(nothing):
    with pytest.raises(RecordError, match="there are no frames"):
        Truth(Tracks.empty()).within(*nothing)


@needs_shared
@pytest.mark.shared
def test_the_published_detections_name_nobody():
    tracks = read_tracks(DATA / "tara" / "headhunter.txt", Extent(1280, 720, 4547))
    assert is_unnamed(tracks)
    assert len(tracks) > 10_000
    assert 0 < tracks.scores.min() <= tracks.scores.max() <= 1
