"""Corrected tracks become a run: `multiface import`."""

import argparse
import itertools
import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.arguments.import_ import add_import_arguments
from tracker.boxes import box_iou
from tracker.commands.import_ import import_tracks
from tracker.edits import add_edits, naming_of
from tracker.errors import FormatError, StorageError, TrackerError
from tracker.evaluation.truth import read_tracks
from tracker.export.appearances import people_of
from tracker.export.cvat import write_cvat
from tracker.export.portraits import load_portraits, save_portraits
from tracker.export.tracks_json import TRACKS_JSON, read_tracked, tracked_as_dict
from tracker.importing import MIN_IOU, corrected_by, import_tracks_into, kept_portraits
from tracker.mot import write_mot
from tracker.progress import Silence
from tracker.records import NOBODY, Shot, Timeline, Tracks, VideoInfo
from tracker.run_video import fingerprint_of_run
from tracker.shots import read_shots
from tracker.storage import content_hash, load_json, save_json
from tracker.tracked import Portraits, TrackedVideo

FRAMES = 40
NTSC = Fraction(30000, 1001)
TIMELINE = Timeline(np.arange(FRAMES, dtype=np.int64), 1 / NTSC, FRAMES)
INFO = VideoInfo(640, 360, NTSC, FRAMES, has_sound=False)
SHOTS = (Shot(0, 20), Shot(20, FRAMES))


def taken_back(run, file, out):
    return import_tracks_into(run, file, out, Silence())


def tracks_of(rows):
    """Tracks of rows of frame, person, x, y, width, height, score."""
    table = np.array(rows, np.float64).reshape(-1, 7)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    corners = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1)
    return Tracks(
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        corners.round(2).astype(np.float32),
        table[:, 6].astype(np.float32),
    )


def film_of(rows, names=(), strays=(), shots=SHOTS):
    tracks = tracks_of(rows)
    people = people_of(tracks, shots, TIMELINE, dict(names))
    nobody = tracks_of([(frame, NOBODY, *box) for frame, *box in strays])
    return TrackedVideo("film.mp4", INFO, TIMELINE, shots, tracks, nobody, people, ())


def standing(person, x, frames, y=50):
    """A face 30 x 40 that does not move."""
    return [(frame, person, x, y, 30, 40, 0.9) for frame in frames]


# Ann, somebody unnamed, and Bo; and two faces of nobody.
FILM = film_of(
    [*standing(1, 100, range(30)), *standing(2, 200, range(10, 40)), *standing(4, 300, range(5))],
    {1: "Ann", 4: "Bo"},
    [(3, 500, 50, 30, 40, 0.5), (35, 105, 50, 30, 40, 0.4)],
)


@pytest.fixture
def cvat(tmp_path):
    """Write what CVAT would give back after `changes` of the text, and give the path."""

    def write(*changes, film=FILM):
        path = tmp_path / "annotations.xml"
        write_cvat(path, film)
        text = path.read_text("utf-8")
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        path.write_text(text, "utf-8")
        return path

    return write


@pytest.fixture
def mot(tmp_path):
    """Write rows of MOT text, and give the path."""

    def write(*rows):
        path = tmp_path / "corrected.txt"
        path.write_text("".join(f"{row}\n" for row in rows))
        return path

    return write


@pytest.fixture
def run(tmp_path):
    return run_of(tmp_path / "film", FILM)


def run_of(folder, film):
    """A run folder with all that an import needs: two portraits of each person."""
    folder.mkdir()
    save_json(folder / TRACKS_JSON, tracked_as_dict(film))
    save_json(folder / "run.json", {"video": {"name": film.name}, "counts": {"people": 3}})
    rows = [np.flatnonzero(film.tracks.person == number)[:2] for number in film.names]
    save_portraits(folder, portraits_of(film.tracks, np.concatenate(rows)))
    return folder


def portraits_of(tracks, rows):
    """Those of `rows` of the tracks: pictures that hold the number of the row."""
    images = np.broadcast_to(rows[:, None, None, None], (len(rows), 8, 8, 3)).astype(np.uint8)
    return Portraits(tracks.person[rows], tracks.frame[rows], images)


def assert_same(tracks, expected):
    for column in ("frame", "person", "boxes", "scores"):
        np.testing.assert_array_equal(getattr(tracks, column), getattr(expected, column), column)


HUNDREDTHS = st.integers(0, 30_000).map(lambda n: n / 100)
SIZES = st.integers(1, 50_000).map(lambda n: n / 100)
SCORES = st.integers(0, 10_000).map(lambda n: n / 10_000)
ROWS = st.lists(
    st.tuples(
        st.integers(0, FRAMES - 1), st.integers(1, 4), HUNDREDTHS, HUNDREDTHS, SIZES, SIZES, SCORES
    ),
    max_size=30,
    unique_by=lambda row: row[:2],
)
NAMES = st.dictionaries(
    st.integers(1, 4),
    st.text(st.characters()) | st.sampled_from(["Bo", "bo", "Bo (1)", "3", "Person 2", "Person 9"]),
)
CUTS = st.sets(st.integers(1, FRAMES - 1)).map(lambda cuts: [0, *sorted(cuts), FRAMES])
FILMS = st.builds(
    lambda rows, names, edges: film_of(
        rows, names, shots=tuple(Shot(*ends) for ends in itertools.pairwise(edges))
    ),
    ROWS,
    NAMES,
    CUTS,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(film=FILMS)
def test_cvat_gives_back_what_was_exported(tmp_path, film):
    path = tmp_path / "film.xml"
    write_cvat(path, film)
    back = corrected_by(film, path)
    assert_same(back.tracks, film.tracks)
    assert back.people == film.people


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(film=FILMS)
def test_mot_gives_back_what_was_exported(tmp_path, film):
    path = tmp_path / "film.txt"
    write_mot(path, film.tracks)
    back = corrected_by(film, path)
    assert_same(back.tracks, film.tracks)
    assert back.people == film.people


def test_another_run_of_the_video_gives_its_people(tmp_path, run):
    other = film_of(standing(1, 300, range(9)) + standing(2, 200, range(9)), {1: "Bo", 2: "Cy"})
    back = corrected_by(FILM, run_of(tmp_path / "other", other))
    assert back.names == {4: "Bo", 5: "Cy"}
    assert back.tracks.boxes[:2, 0].tolist() == [300, 200]
    assert_same(corrected_by(FILM, run).tracks, FILM.tracks)


def test_a_name_that_the_run_does_not_know_is_somebody_new(cvat):
    back = corrected_by(FILM, cvat((">Person 2<", ">Zoë &amp; Co<")))
    assert back.names == {1: "Ann", 4: "Bo", 5: "Zoë & Co"}


@pytest.mark.parametrize("typed", ["Bo", " bo  ", "BO", "4", "person 4"])
def test_people_are_known_by_their_name_or_number_however_typed(cvat, typed):
    back = corrected_by(FILM, cvat((">Person 2<", f">{typed}<")))
    assert back.names == {1: "Ann", 4: "Bo"}
    assert (back.tracks.person == 4).sum() == 35


def test_a_new_number_can_be_chosen(cvat):
    back = corrected_by(FILM, cvat((">Person 2<", ">Person 7<"), (">Bo<", ">Cy<")))
    assert back.names == {1: "Ann", 7: "Person 7", 8: "Cy"}


def test_a_track_without_a_name_is_somebody_new(cvat):
    back = corrected_by(FILM, cvat((">Bo<", "><")))
    assert back.names == {1: "Ann", 2: "Person 2", 5: "Person 5"}


def test_one_of_several_namesakes_must_be_meant(cvat):
    film = film_of(standing(1, 100, range(9)) + standing(2, 200, range(9)), {1: "Bo", 2: "bo"})
    path = cvat((">Bo (1)<", ">Bo<"), film=film)
    with pytest.raises(FormatError, match=r"annotations\.xml, line 27: .*'Bo \(1\)' or 'bo \(2\)'"):
        corrected_by(film, path)


def test_mot_text_knows_people_by_number(mot):
    back = corrected_by(FILM, mot("1,4,10,10,30,40,0.5", "1,9,60,10,30,40", "2,9,60,10,30,40,-1"))
    assert back.names == {4: "Bo", 9: "Person 9"}
    assert back.tracks.scores.tolist() == [0.5, 1, 1]


def test_boxes_are_rounded_to_a_hundredth(mot):
    back = corrected_by(FILM, mot("1,1,10.1234,10,30.111,40,0.123456"))
    np.testing.assert_array_equal(back.tracks.boxes, np.array([[10.12, 10, 40.23, 50]], np.float32))


def test_people_without_faces_are_gone(mot):
    back = corrected_by(FILM, mot())
    assert (len(back.tracks), back.people, back.maybe_same) == (0, (), ())
    assert len(back.nobody) == 2


def test_how_sure_people_are_is_not_known(cvat):
    sure = replace(
        FILM,
        people=(replace(FILM.people[0], spread=0.1, nearest=(2, 1.5)), *FILM.people[1:]),
        maybe_same=((1, 2, 1.5),),
    )
    back = corrected_by(sure, cvat())
    assert {(person.spread, person.nearest) for person in back.people} == {(None, None)}
    assert back.maybe_same == ()


def test_frames_that_the_task_leaves_out_stay_as_they_were(cvat):
    part = film_of(standing(1, 400, range(10, 20)), {1: "Ann"})
    path = cvat(
        ("<start_frame>0", "<start_frame>10"),
        ("<stop_frame>39", "<stop_frame>24"),
        film=part,
    )
    back = corrected_by(FILM, path)
    silent = (FILM.tracks.frame < 10) | (FILM.tracks.frame >= 25)
    assert_same(
        back.tracks.where((back.tracks.frame < 10) | (back.tracks.frame >= 25)),
        FILM.tracks.where(silent),
    )
    assert_same(
        back.tracks.where((back.tracks.frame >= 10) & (back.tracks.frame < 25)), part.tracks
    )


def test_a_face_of_nobody_can_become_somebodys(mot):
    back = corrected_by(FILM, mot("4,7,502,50,30,40", "5,7,502,50,30,40"))
    assert back.nobody.frame.tolist() == [35]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(before=ROWS, after=ROWS, strays=ROWS)
def test_nobody_keeps_the_faces_that_nobody_took(tmp_path, before, after, strays):
    film = film_of(before, strays=[(frame, *box) for frame, _, *box in strays])
    path = tmp_path / "film.txt"
    write_mot(path, tracks_of(after))

    def is_somebody(tracks, frame, box):
        others = tracks.boxes[tracks.frame == frame]
        return bool((box_iou(box[None], others) >= MIN_IOU).any())

    new = tracks_of(after)
    expected = [
        is_somebody(film.tracks, frame, box) or not is_somebody(new, frame, box)
        for frame, box in zip(film.nobody.frame, film.nobody.boxes, strict=True)
    ]
    kept = film.nobody.where(np.array(expected, np.bool_))
    assert_same(corrected_by(film, path).nobody, kept)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (["1,1,10,10,30,40", "2,1,700,10,30,40"], "line 2: .*outside the picture of 640 x 360"),
        (["41,1,10,10,30,40"], "line 1: frame 41 lies beyond the end .* 40 frames"),
        (["1,1,10,10,30,40", "1,1,50,10,30,40"], "line 2: two boxes of id 1 in frame 1"),
        (["1,-1,10,10,30,40"], "line 1: id -1 is nobody"),
        (["1,0,10,10,30,40"], "line 1: id 0 .* ids count from 1"),
        (["1,1,10,10,0.001,40"], "line 1: the box of id 1 is too small"),
        (["1,1,ten,10,30,40"], "line 1: not a number"),
    ],
)
def test_what_is_wrong_in_mot_text_is_named_with_its_line(mot, rows, problem):
    with pytest.raises(FormatError, match=rf"corrected\.txt, {problem}"):
        corrected_by(FILM, mot(*rows))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ((">Person 2<", ">Ann<"), "line .*: two boxes of 'Ann' in frame 10, the other in line"),
        (('label="face"', 'label="ignore"'), "line 27: a region to ignore is nobody"),
        (("<width>640", "<width>320"), "made for pictures of 320 x 360"),
        (("<frame_filter>", "<frame_filter>step=1"), None),
        (("</annotations>", ""), "not well-formed"),
        (('xbr="130.00"', ""), "line 27: xbr is missing"),
    ],
)
def test_what_is_wrong_in_cvat_is_named_with_its_line(cvat, change, problem):
    if problem is None:
        assert len(corrected_by(FILM, cvat(change)).tracks) == len(FILM.tracks)
        return
    with pytest.raises(FormatError, match=rf"annotations\.xml.*{problem}"):
        corrected_by(FILM, cvat(change))


def test_a_task_that_skips_frames_is_refused(cvat):
    few = film_of(standing(1, 100, range(0, 1)))
    path = cvat(("<frame_filter>", "<frame_filter>step=2"), ('frame="1"', 'frame="2"'), film=few)
    with pytest.raises(FormatError, match="one frame in 2, and the faces between would be lost"):
        corrected_by(FILM, path)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("task.zip", "PK", "unpack it"),
        ("film.coco.json", "{}", "cannot be taken back"),
        ("truth.xml", "<Video/>", "outermost element is Video: expected annotations"),
        ("tracks.txt", None, "cannot be read"),
        ("tracks.xml", None, "cannot be read"),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, problem):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(FormatError, match=problem):
        corrected_by(FILM, path)


def test_a_run_of_another_video_is_refused(tmp_path):
    other = run_of(tmp_path / "other", replace(FILM, info=replace(INFO, width=320)))
    with pytest.raises(FormatError, match="is a run of another video"):
        corrected_by(FILM, other)


def test_portraits_go_with_the_face_to_whoever_it_is_now():
    before = tracks_of(standing(1, 100, range(4)) + standing(2, 200, range(4)))
    after = tracks_of(standing(5, 104, range(4)) + standing(3, 200, range(2)))
    portraits = portraits_of(before, np.array([0, 2, 1, 7]))  # frames 0, 1 of 1; 0, 3 of 2
    kept = kept_portraits(portraits, before, after)
    assert kept.person.tolist() == [3, 5, 5]
    assert kept.frame.tolist() == [0, 0, 1]
    assert kept.images[:, 0, 0, 0].tolist() == [1, 0, 2]


def test_without_faces_there_are_no_portraits():
    none = portraits_of(FILM.tracks, np.zeros(0, np.int64))
    assert len(kept_portraits(none, FILM.tracks, FILM.tracks).person) == 0
    some = portraits_of(FILM.tracks, np.arange(3))
    assert kept_portraits(some, FILM.tracks, Tracks.empty()).images.shape == (0, 8, 8, 3)


def test_an_import_is_a_run_folder(tmp_path, run, cvat):
    out, path = tmp_path / "out", cvat((">Person 2<", ">Zoë<"))
    film = taken_back(run, path, out)
    assert tracked_as_dict(read_tracked(out)) == tracked_as_dict(film)
    assert_same(read_tracks(out), film.tracks)
    assert tuple(read_shots(out / "shots.csv", FRAMES)) == SHOTS
    assert load_json(out / "run.json") == {
        "video": {"name": "film.mp4"},
        "counts": {"people": 3},
        "imported": {"from": str(path), "sha256": content_hash(path)},
    }
    sheets = sorted(sheet.name for sheet in (out / "people").glob("*.png"))
    assert sheets == ["person-01.png", "person-04.png", "person-05.png"]
    assert load_portraits(out).person.tolist() == [1, 1, 4, 4, 5, 5]


def test_the_run_stays_as_it_is(tmp_path, run, cvat):
    before = {path: path.read_bytes() for path in run.iterdir()}
    taken_back(run, cvat((">Person 2<", ">Zoë<")), tmp_path / "out")
    assert {path: path.read_bytes() for path in run.iterdir()} == before


def test_the_same_file_gives_the_same_folder(tmp_path, run, cvat):
    first, second = tmp_path / "first", tmp_path / "second"
    for out in (first, second):
        taken_back(run, cvat(), out)
    for path in first.rglob("*.*"):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes()


def test_an_import_can_be_imported_again_over_the_first(tmp_path, run, cvat, mot):
    out = tmp_path / "out"
    taken_back(run, cvat(), out)
    (out / "annotated.mp4").touch()
    (out / "report.html").touch()
    taken_back(run, mot("1,1,10,10,30,40"), out)
    assert read_tracked(out).names == {1: "Ann"}
    assert [sheet.name for sheet in (out / "people").glob("*.png")] == ["person-01.png"]
    assert not (out / "annotated.mp4").exists()
    assert not (out / "report.html").exists()


def test_an_import_can_be_corrected_further(tmp_path, run, cvat):
    once = taken_back(run, cvat((">Person 2<", ">Zoë<")), tmp_path / "once")
    path = cvat((">Zoë<", ">Ada<"), film=once)
    assert taken_back(tmp_path / "once", path, tmp_path / "twice").names == {
        1: "Ann",
        4: "Bo",
        6: "Ada",
    }


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path, run, cvat):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").touch()
    with pytest.raises(TrackerError, match="is not empty, and no earlier import"):
        taken_back(run, cvat(), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["letter.txt"]


def test_what_is_read_is_not_written_over(tmp_path, run, cvat):
    once = tmp_path / "once"
    taken_back(run, cvat(), once)
    with pytest.raises(TrackerError, match="once is what is read here"):
        taken_back(once, cvat(), once)
    with pytest.raises(TrackerError, match="once is what is read here"):
        taken_back(run, once, once)


def test_a_file_is_no_folder_to_write_to(tmp_path, run, cvat):
    with pytest.raises(StorageError, match="choose another folder with --out"):
        taken_back(run, cvat(), run / TRACKS_JSON)


def test_nothing_is_written_where_the_file_is_wrong(tmp_path, run, mot):
    with pytest.raises(FormatError):
        taken_back(run, mot("1,1,ten,10,30,40"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def given_line(*words):
    parser = argparse.ArgumentParser()
    add_import_arguments(parser)
    return parser.parse_args([str(word) for word in words])


def test_the_command_writes_beside_the_run(run, cvat, capsys):
    import_tracks(given_line(run, cvat()))
    out = run.with_name("film-corrected")
    assert json.loads((out / "run.json").read_text())["imported"]
    assert f"3 people with 65 faces: {out}" in capsys.readouterr().err


def test_the_command_writes_where_it_is_told_to(tmp_path, run, mot, capsys):
    import_tracks(given_line(run, mot("1,1,10,10,30,40"), "--out", tmp_path / "there"))
    assert read_tracked(tmp_path / "there").names == {1: "Ann"}
    assert "1 person with 1 face: " in capsys.readouterr().err


def test_names_given_to_an_import_stay_when_it_is_imported_again(run, cvat, tmp_path):
    out = tmp_path / "out"
    before = taken_back(run, cvat(), out)
    naming = naming_of("Anna", "", 2, fingerprint_of_run(out), before.tracks)
    add_edits(out, [naming])
    assert taken_back(run, cvat(), out).names[2] == "Anna"
    assert read_tracked(out).names[2] == "Anna"
