import pytest

from tracker.errors import FormatError, RecordError
from tracker.evaluation.annotations import Extent
from tracker.evaluation.answer import Answer
from tracker.evaluation.measures import evaluate

BOXES = "".join(f"{frame},1,0,0,5,5,1\n" for frame in range(1, 9))  # frames 0 to 7


@pytest.fixture
def truth_file(tmp_path):
    path = tmp_path / "gt.txt"
    path.write_text(BOXES)
    return path


def test_all_of_a_truth_is_read_unless_frames_are_named(truth_file):
    truth = Answer(truth_file).read(Extent())
    assert truth.tracks.frame.tolist() == list(range(8))
    assert (truth.start, truth.stop, truth.step) == (0, None, 1)


def test_only_the_frames_named_are_judged(truth_file):
    truth = Answer(truth_file, frames=(2, 5)).read(Extent())
    assert truth.tracks.frame.tolist() == [2, 3, 4]
    assert (truth.start, truth.stop) == (2, 5)


def test_frames_may_go_on_to_the_end(truth_file):
    truth = Answer(truth_file, frames=(6, None)).read(Extent())
    assert truth.tracks.frame.tolist() == [6, 7]
    assert (truth.start, truth.stop) == (6, None)


def test_frames_are_those_of_the_video_where_the_truth_has_one_in_several(truth_file):
    truth = Answer(truth_file, step=5, frames=(3, 20)).read(Extent())
    assert truth.tracks.frame.tolist() == [5, 10, 15]
    assert (truth.start, truth.stop, truth.step) == (5, 20, 5)


def test_what_lies_beyond_the_frames_named_must_still_be_of_this_video(truth_file):
    with pytest.raises(FormatError, match=r"gt\.txt, line 5: frame 5 lies beyond the end"):
        Answer(truth_file, frames=(0, 2)).read(Extent(frames=4))


def test_an_empty_truth_stays_empty(truth_file):
    truth_file.write_text("")
    assert len(Answer(truth_file, frames=(2, 5)).read(Extent()).tracks) == 0


@pytest.mark.parametrize("frames", [(8, 10), (8, None)])
def test_frames_that_begin_after_the_video_ends_are_refused(truth_file, frames):
    with pytest.raises(RecordError, match="they start at 9, and the video ends at 8"):
        Answer(truth_file, frames=frames).read(Extent(frames=8))


def test_frames_after_the_end_of_the_video_are_not_judged(truth_file):
    truth = Answer(truth_file, frames=(0, 4000)).read(Extent(frames=8))
    assert evaluate(truth, truth.tracks).frames == 8


def test_frames_after_the_end_of_the_truth_are_refused(tmp_path):
    path = tmp_path / "gt.xml"
    path.write_text('<Video start_frame="1" end_frame="8"></Video>')
    with pytest.raises(RecordError, match=r"gt\.xml: no frames .* start at 9, .* truth ends at 8"):
        Answer(path, frames=(8, None)).read(Extent())


def test_a_truth_of_a_video_whose_end_is_known_is_judged_up_to_it(truth_file):
    assert Answer(truth_file).read(Extent(frames=400)).stop == 400
