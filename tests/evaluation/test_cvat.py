from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.errors import FormatError
from tracker.evaluation.annotations import Extent
from tracker.evaluation.cvat import read_cvat, read_named_cvat
from tracker.evaluation.truth import is_unnamed, read_tracks, read_truth
from tracker.records import NOBODY

META = """<meta><task><size>20</size><mode>interpolation</mode><start_frame>0</start_frame>
<stop_frame>19</stop_frame><frame_filter></frame_filter>
<labels><label><name>face</name><attributes><attribute><name>person</name></attribute></attributes>
</label></labels><original_size><width>100</width><height>50</height></original_size></task></meta>
"""


def box(frame, x=0, *, outside=0, more="", attribute=""):
    """A box 10 x 20 at `x`, 5; `attribute`, as "person=Ann", is a child of it."""
    name, _, value = attribute.partition("=")
    child = f'<attribute name="{name}">{value}</attribute>' if attribute else ""
    return (
        f'<box frame="{frame}" outside="{outside}" occluded="0" keyframe="1" '
        f'xtl="{x}.00" ytl="5.00" xbr="{x + 10}.00" ybr="25.00" z_order="0"{more}>{child}</box>\n'
    )


def track(*boxes, number=0, label="face"):
    return f'<track id="{number}" label="{label}" source="manual">\n{"".join(boxes)}</track>\n'


@pytest.fixture
def cvat_file(tmp_path):
    """Write the meta and tracks into a file and give its path."""

    def write(*tracks: str, meta: str = META) -> Path:
        path = tmp_path / "annotations.xml"
        head = '<?xml version="1.0"?>\n<annotations><version>1.1</version>\n'
        path.write_text(f"{head}{meta}{''.join(tracks)}</annotations>")
        return path

    return write


def people_by_frame(tracks):
    return list(zip(tracks.frame.tolist(), tracks.person.tolist(), strict=True))


def test_frames_and_tracks_count_from_zero_and_people_from_one(cvat_file):
    path = cvat_file(track(box(0, 3), box(1, 4)), track(box(1, 50), number=1))
    tracks = read_tracks(path)
    assert people_by_frame(tracks) == [(0, 1), (1, 1), (1, 2)]
    assert tracks.boxes.tolist() == [[3, 5, 13, 25], [4, 5, 14, 25], [50, 5, 60, 25]]
    assert tracks.scores.tolist() == [1, 1, 1]


def test_each_box_knows_its_line(cvat_file):
    assert read_cvat(cvat_file(track(box(1), box(0)))).rows.line.tolist() == [9, 8]


def test_frames_that_are_left_out_are_filled_evenly(cvat_file):
    tracks = read_tracks(cvat_file(track(box(2, 10), box(6, 30))))
    assert tracks.frame.tolist() == [2, 3, 4, 5, 6]
    assert tracks.boxes[:, 0].tolist() == [10, 15, 20, 25, 30]
    assert tracks.boxes[:, 1].tolist() == [5] * 5


def test_a_box_outside_ends_a_track_until_the_next_one(cvat_file):
    tracks = read_tracks(
        cvat_file(track(box(2, 10), box(5, 40, outside=1), box(8, 20), box(9, 21)))
    )
    assert tracks.frame.tolist() == [2, 3, 4, 8, 9]
    assert tracks.boxes[:, 0].tolist() == [10, 10, 10, 20, 21]  # held, not moved, up to the end


def test_a_track_ends_with_its_last_box(cvat_file):
    assert read_tracks(cvat_file(track(box(3)))).frame.tolist() == [3]


def test_the_last_frame_may_be_followed_by_a_box_outside(cvat_file):
    assert read_tracks(cvat_file(track(box(19), box(20, outside=1)))).frame.tolist() == [19]


KEYFRAMES = st.lists(
    st.tuples(st.integers(0, 12), st.booleans(), st.integers(0, 80)),
    max_size=6,
    unique_by=lambda one: one[0],
)


def reference(keyframes, step):
    """Frame → x, asked frame by frame: the boxes before and after it decide."""
    at = {frame * step: (outside, x) for frame, outside, x in keyframes}
    found = {}
    for frame in range(0, 20 * step, step):
        before = max((one for one in at if one <= frame), default=None)
        after = min((one for one in at if one >= frame), default=None)
        if before is None or after is None or at[before][0]:
            continue
        (_, x), (ends, goal) = at[before], at[after]
        share = (frame - before) / (after - before) if after > before and not ends else 0
        found[frame] = x + (goal - x) * share
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keyframes=KEYFRAMES, step=st.integers(1, 3))
def test_a_track_is_filled_as_if_each_frame_were_asked(cvat_file, keyframes, step):
    boxes = [box(frame * step, x, outside=int(outside)) for frame, outside, x in keyframes]
    meta = f"<meta><task><frame_filter>step={step}</frame_filter></task></meta>"
    rows = read_cvat(cvat_file(track(*boxes), meta=meta)).rows
    found = dict(zip(rows.frame.tolist(), rows.boxes[:, 0].tolist(), strict=True))
    assert found == pytest.approx(reference(keyframes, step), rel=1e-5)


def test_a_truth_is_annotated_where_the_task_has_frames(cvat_file):
    truth = read_truth(cvat_file(track(box(3))))
    assert (truth.start, truth.stop, truth.step) == (0, 20, 1)


def test_a_part_of_a_video_keeps_the_frames_of_the_video(cvat_file):
    meta = META.replace("<start_frame>0", "<start_frame>7").replace(
        "<frame_filter>", "<frame_filter>step=4"
    )
    truth = read_truth(cvat_file(track(box(7, 10), box(15, 30)), meta=meta))
    assert (truth.start, truth.stop, truth.step) == (7, 20, 4)
    assert truth.tracks.frame.tolist() == [7, 11, 15]
    assert truth.tracks.boxes[:, 0].tolist() == [10, 20, 30]


def test_without_a_last_frame_the_number_of_frames_counts(cvat_file):
    meta = "<meta><job><size>5</size><frame_filter>step=2</frame_filter></job></meta>"
    assert read_truth(cvat_file(track(box(8)), meta=meta)).stop == 10


def test_without_a_meta_a_truth_is_annotated_to_the_end(cvat_file):
    truth = read_truth(cvat_file(track(box(900)), meta=""))
    assert (truth.start, truth.stop, truth.step) == (0, None, 1)


def test_no_tracks_and_tracks_without_boxes_are_nobody(cvat_file):
    assert len(read_tracks(cvat_file())) == 0
    assert len(read_truth(cvat_file(track(), track(box(4, outside=1)))).tracks) == 0


def test_tracks_labelled_ignore_are_regions_to_ignore(cvat_file):
    path = cvat_file(track(box(1, 1), label="Ignore"), track(box(1, 60), number=1))
    assert read_truth(path).tracks.person.tolist() == [NOBODY, 1]
    with pytest.raises(FormatError, match="line 8: a region to ignore among people"):
        read_tracks(path)


@pytest.mark.parametrize("name", ["person", "Identity", "NAME", "id"])
def test_tracks_of_one_name_are_one_person(cvat_file, name):
    path = cvat_file(
        track(box(1, attribute=f"{name}=Bob")),
        track(box(2, attribute="pose=profile"), number=1),
        track(box(3, attribute=f"{name}= Bob "), box(4), number=2),
        track(box(4, 30, attribute=f"{name}=__undefined__"), number=3),
    )
    assert people_by_frame(read_tracks(path)) == [(1, 1), (2, 2), (3, 1), (4, 1), (4, 3)]


def test_a_person_counts_before_a_name_and_an_id(cvat_file):
    of_one = box(1, attribute="id=7").replace(
        "</box>", '<attribute name="person">Ann</attribute></box>'
    )
    path = cvat_file(track(of_one), track(box(3, attribute="id=7"), number=1))
    assert read_tracks(path).person.tolist() == [1, 2]


def test_several_labels_of_their_own_are_people(cvat_file):
    labels = ["Ann", "face", "Bob", "Ann", "ignore", "face"]
    path = cvat_file(*(track(box(n), number=n, label=label) for n, label in enumerate(labels)))
    assert read_truth(path).tracks.person.tolist() == [1, 2, 3, 1, NOBODY, 4]


def test_one_label_for_all_is_nobodys_name(cvat_file):
    labels = ["Gesicht", "Gesicht", "face", "person"]
    path = cvat_file(*(track(box(n), number=n, label=label) for n, label in enumerate(labels)))
    assert read_truth(path).tracks.person.tolist() == [1, 2, 3, 4]


def test_labels_are_no_people_where_an_attribute_names_them(cvat_file):
    path = cvat_file(
        track(box(1, attribute="person=Ann"), label="frontal"),
        track(box(2, attribute="person=Ann"), label="profile"),
        track(box(3), label="profile"),
    )
    assert read_truth(path).tracks.person.tolist() == [1, 1, 2]


def test_tracks_of_a_box_each_say_nothing_of_who_is_who(cvat_file):
    path = cvat_file(*(track(box(n), box(n + 1, outside=1), number=n) for n in range(3)))
    assert is_unnamed(read_tracks(path))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (track(box(3), box(5), box(3, 9)), "line 10: two boxes of track 0 in frame 3, .* line 8"),
        (track(box(3), box(3, outside=1)), "line 9: two boxes of track 0 in frame 3"),
        (
            track(box(1, attribute="person=Ann"), box(4, attribute="person=Ann"))
            + track(box(3, 9, attribute="person=Ann")),
            "line 12: two boxes of 'Ann' in frame 3, the other in line 8",
        ),
        (
            track(box(3), label="male") + track(box(3), label="male") + track(box(4), label="else"),
            "line 11: two boxes of label 'male' in frame 3, the other in line 8",
        ),
        (
            track(box(3, attribute="person=Ann"), box(4, attribute="person=Bob")),
            "line 9: track 0 is 'Bob' here, but 'Ann' in line 8: a track is one person",
        ),
        (track(box(3), box(20)), "line 9: frame 20 is none of the task's, 0 to 19"),
        (track(box(-1)), "line 8: frame is out of range"),
        (track(box(10**9, outside=1)), "line 8: frame is out of range"),
        (track(box(3).replace('xbr="10.00"', 'xbr="0"')), "line 8: a box 0 x 20 has no area"),
        (track(box(3).replace("ytl", "top")), "line 8: ytl is missing"),
        (track(box(3, outside=2)), "line 8: outside is 0 or 1, not '2'"),
        (track(box(3, more=' rotation="30"')), "line 8: a box that is turned"),
        (track("<polygon/>"), "line 8: a polygon: only boxes can be compared"),
        (box(3), "line 7: a box outside any track"),
        ('<image id="0"/>', "line 7: is CVAT for images: export the task as 'CVAT for video 1.1'"),
        (track(box(3, 100)), "line 8: the box of track 0 in frame 3, .*outside.* of 100 x 50"),
    ],
)
def test_what_is_wrong_is_named_with_the_line(cvat_file, content, problem):
    with pytest.raises(FormatError, match=rf"annotations\.xml, {problem}"):
        read_truth(cvat_file(content))


@pytest.mark.parametrize(
    ("meta", "problem"),
    [
        ("<meta><project/></meta>", "line 3: is the export of a project"),
        ("<meta><task><size>many</size></task></meta>", "line 3: size is no number: 'many'"),
        (
            "<meta><task><frame_filter>odd</frame_filter></task></meta>",
            "line 3: frame_filter is 'odd'",
        ),
        (META.replace("<start_frame>0", "<start_frame>30"), "cannot have the frames 30 to 19"),
        (META.replace("<frame_filter>", "<frame_filter>step=2"), "frame 3 is none .*every 2 of"),
    ],
)
def test_a_meta_that_makes_no_sense_is_named(cvat_file, meta, problem):
    with pytest.raises(FormatError, match=rf"annotations\.xml.*{problem}"):
        read_truth(cvat_file(track(box(3)), meta=meta))


def test_a_rotation_of_nothing_is_none(cvat_file):
    assert len(read_tracks(cvat_file(track(box(3, more=' rotation="0.00"'))))) == 1


def test_a_truth_for_pictures_of_another_size_is_refused(cvat_file):
    path = cvat_file(track(box(3)))
    assert len(read_truth(path, extent=Extent(100, 50)).tracks) == 1
    with pytest.raises(
        FormatError, match="pictures of 100 x 50, but those of the video are 50 x 25"
    ):
        read_truth(path, extent=Extent(50, 25))


def test_a_task_with_a_step_takes_no_other(cvat_file):
    path = cvat_file(meta=META.replace("<frame_filter>", "<frame_filter>step=5"))
    assert read_truth(path).step == 5
    with pytest.raises(FormatError, match="a step of its own, 5: another, of 2"):
        read_truth(path, frame_step=2)


def test_a_doctype_is_refused(cvat_file):
    path = cvat_file()
    path.write_text("<!DOCTYPE annotations><annotations/>")
    with pytest.raises(FormatError, match="DOCTYPE"):
        read_cvat(path)


def test_tracks_on_one_line_are_still_people_of_their_own(cvat_file):
    path = cvat_file(track(box(1)), track(box(2)))
    path.write_text(path.read_text().replace("\n", ""))
    assert np.unique(read_tracks(path).person).tolist() == [1, 2]


def test_names_come_with_the_people(cvat_file):
    path = cvat_file(
        track(box(1, attribute="person=Ann")),
        track(box(1, 60), number=1),
        track(box(2, attribute="person=Ann"), number=2),
    )
    said, names = read_named_cvat(path)
    assert said.rows.identity.tolist() == [1, 2, 1]
    assert names == {1: "Ann"}


def test_labels_can_be_names(cvat_file):
    path = cvat_file(track(box(1), label="Ann"), track(box(2), label="Bob", number=1))
    assert read_named_cvat(path)[1] == {1: "Ann", 2: "Bob"}


@pytest.mark.parametrize(
    ("written", "score"), [("0.25", 0.25), ("0", 0), ("1.5", 1), ("high", 1), ("nan", 1), ("", 1)]
)
def test_a_score_is_the_attribute_of_that_name(cvat_file, written, score):
    path = cvat_file(track(box(1, attribute=f"score={written}")))
    assert read_named_cvat(path)[0].rows.scores.tolist() == [score]


def test_interpolated_boxes_have_no_score(cvat_file):
    known, between = box(1, attribute="score=0.5"), box(2, attribute="score=0.5")
    path = cvat_file(
        track(known, between.replace('keyframe="1"', 'keyframe="0"'), box(4), box(6, outside=1))
    )
    said, _ = read_named_cvat(path)
    assert said.rows.frame.tolist() == [1, 2, 3, 4, 5]
    assert said.rows.scores.tolist() == [0.5, 0, 0, 1, 0]


def test_a_truth_knows_no_scores(cvat_file):
    path = cvat_file(track(box(1, attribute="score=0"), box(3)))
    assert read_cvat(path).rows.scores.tolist() == [1, 1, 1]
    assert len(read_truth(path).named) == 3
