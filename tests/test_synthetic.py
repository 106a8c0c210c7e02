import dataclasses
import itertools
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import pytest

from tracker.boxes import box_areas
from tracker.errors import ConfigError
from tracker.mot import read_mot
from tracker.synthetic import SynthConfig, draw_frames, draw_portrait, make_cast, write_drawn_video
from tracker.synthetic.film import FilmSet, visible_share
from tracker.synthetic.script import write_script

SHORT = SynthConfig(duration_s=6.0, width=320, height=180, frame_rate=Fraction(12), mean_shot_s=1.2)
PICTURE = np.array([100, 100])
DEMO = Path(__file__).parents[1] / "videos"


@pytest.fixture(scope="module")
def film():
    images, faces = zip(*draw_frames(SHORT), strict=True)
    return images, faces


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_drawn_video(tmp_path_factory.mktemp("drawn"), "short", SHORT)


def rows_of(path):
    return [line.split(",") for line in path.read_text().splitlines()]


def test_the_same_seed_draws_the_same_frames_and_truth(film):
    images, faces = zip(*itertools.islice(draw_frames(SHORT), 20), strict=True)
    assert faces == film[1][:20]
    assert all(np.array_equal(a, b) for a, b in zip(images, film[0][:20], strict=True))


def test_different_seeds_draw_different_films(film):
    other = next(draw_frames(dataclasses.replace(SHORT, seed=1)))
    assert other[1] != film[1][0]
    assert not np.array_equal(other[0], film[0][0])


def test_the_number_of_frames_is_exact():
    config = SynthConfig(duration_s=1.7, width=160, height=120, frame_rate=Fraction(30000, 1001))
    frames = list(draw_frames(config))
    assert len(frames) == config.frame_count == 51
    assert all(image.shape == (120, 160, 3) and image.dtype == np.uint8 for image, _ in frames)


def test_every_true_box_has_an_area_inside_the_picture(film):
    boxes = np.array([face.box for faces in film[1] for face in faces])
    assert len(boxes) > 72
    assert np.all(box_areas(boxes) > 100)
    assert boxes[:, :2].min() >= 0
    assert np.all(boxes[:, 2:].max(axis=0) <= (320, 180))


def test_nobody_is_twice_in_a_frame_and_people_are_in_order(film):
    for faces in film[1]:
        people = [face.person for face in faces]
        assert people == sorted(set(people))


def test_boxes_move_smoothly_within_a_shot(film):
    for scene in write_script(SHORT):
        for frame in range(scene.shot.start + 1, scene.shot.stop):
            before = {face.person: face.box for face in film[1][frame - 1]}
            for face in film[1][frame]:
                if face.person in before:
                    step = np.abs(np.subtract(face.box, before[face.person])).max()
                    assert step < 40


def test_a_face_behind_someone_is_not_in_the_truth():
    box = (10.0, 10.0, 30.0, 30.0)
    left_half = np.array([[0.0, 0.0], [20.0, 0.0], [20.0, 99.0], [0.0, 99.0]])
    assert visible_share(box, [], PICTURE) == 1
    assert visible_share(box, [left_half], PICTURE) == pytest.approx(0.5, abs=0.04)
    assert visible_share(box, [left_half * 2], PICTURE) == 0


def test_what_lies_outside_the_picture_is_not_visible():
    assert visible_share((-10.0, 10.0, 10.0, 30.0), [], PICTURE) == pytest.approx(0.5)
    assert visible_share((100.0, 10.0, 120.0, 30.0), [], PICTURE) == 0


@pytest.mark.parametrize("seed", range(5))
def test_shots_cover_every_frame_once(seed):
    config = SynthConfig(seed=seed, duration_s=90)
    scenes = list(write_script(config))
    assert scenes[0].shot.start == 0
    assert scenes[-1].shot.stop == config.frame_count
    for before, after in itertools.pairwise(scenes):
        assert before.shot.stop == after.shot.start


def test_a_dissolve_fits_into_both_of_its_shots():
    scenes = list(write_script(SynthConfig(duration_s=300, dissolve_share=1.0, mean_shot_s=0.8)))
    for before, after in itertools.pairwise(scenes):
        for scene in (before, after):
            assert after.fade_frames < scene.shot.stop - scene.shot.start
    assert sum(scene.fade_frames > 0 for scene in scenes) > len(scenes) / 2


def test_no_dissolves_are_made_where_none_are_asked_for():
    scenes = write_script(SynthConfig(duration_s=100, dissolve_share=0.0))
    assert not any(scene.fade_frames for scene in scenes)


def test_everyone_meets_nearly_everyone_in_the_default_film():
    met = set()
    for scene in write_script(SynthConfig()):
        met |= set(itertools.combinations(sorted(actor.person for actor in scene.actors), 2))
    assert len(met) >= 8


@pytest.mark.parametrize("people", [2, 3, 50])
def test_a_cast_of_any_size_can_be_filmed(people):
    config = dataclasses.replace(SHORT, people=people, duration_s=1.0)
    assert len({person.name for person in make_cast(config)}) == people
    seen = {face.person for _, faces in draw_frames(config) for face in faces}
    assert seen <= set(range(1, people + 1))
    assert seen


def test_everyone_of_a_large_cast_appears():
    seen = {
        a.person
        for scene in write_script(SynthConfig(people=50, duration_s=80))
        for a in scene.actors
    }
    assert seen == set(range(50))


def test_a_tall_picture_can_be_filmed():
    config = dataclasses.replace(SHORT, width=180, height=320, duration_s=3.0)
    assert sum(len(faces) for _, faces in draw_frames(config)) > 20


def test_a_portrait_is_of_the_same_person_whatever_the_pose():
    front, _ = draw_portrait(7, size=120)
    assert np.array_equal(front, draw_portrait(7, size=120)[0])
    assert not np.array_equal(front, draw_portrait(8, size=120)[0])
    turned, box = draw_portrait(7, size=120, yaw_deg=30)
    assert not np.array_equal(front, turned)
    assert 0 < box[0] < box[2] < 120
    assert 0 < box[1] < box[3] < 120


def test_turning_the_head_takes_the_face_box_along():
    left, right = (draw_portrait(3, size=120, yaw_deg=yaw)[1] for yaw in (-35, 35))
    assert left[0] < right[0]
    assert left[2] < right[2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"people": 1},
        {"people": 51},
        {"duration_s": 0},
        {"width": 16},
        {"height": 5000},
        {"frame_rate": Fraction(1)},
        {"mean_shot_s": 0.1},
        {"dissolve_share": 1.5},
        {"grain": -1},
        {"seed": -1},
        {"crf": 60},
        {"duration_s": float("nan")},
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(ConfigError, match=f"synth.{next(iter(wrong))}"):
        SynthConfig(**wrong)


def test_the_video_has_every_frame_and_sound_to_the_end(files):
    with av.open(str(files.video)) as container:
        assert sum(1 for _ in container.decode(video=0)) == SHORT.frame_count
    with av.open(str(files.video)) as container:
        sound = [frame.to_ndarray() for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].rate
    samples = np.concatenate(sound, axis=1)
    assert samples.shape[1] / rate == pytest.approx(6.0, abs=0.2)
    assert 0.02 < np.abs(samples).max() <= 1


def test_the_written_truth_is_the_drawn_one(files, film):
    rows = read_mot(files.mot)
    drawn = [(frame, face) for frame, faces in enumerate(film[1]) for face in faces]
    assert rows.frame.tolist() == [frame for frame, _ in drawn]
    assert rows.identity.tolist() == [face.person for _, face in drawn]
    assert rows.boxes == pytest.approx(np.array([face.box for _, face in drawn]), abs=0.011)


def test_xml_and_mot_agree_on_every_face(files):
    rows = read_mot(files.mot)
    found = {}
    video = ElementTree.parse(files.xml).getroot()
    assert video.get("end_frame") == str(SHORT.frame_count)
    for trajectory in video:
        for frame in trajectory:
            x, y, width, height = (int(frame.get(key)) for key in ("x", "y", "width", "height"))
            key = int(frame.get("frame_no")) - 1, int(trajectory.get("obj_id"))
            found[key] = (x - 1, y - 1, x - 1 + width, y - 1 + height)
    assert len(found) == len(rows.frame)
    for frame, person, box in zip(rows.frame, rows.identity, rows.boxes, strict=True):
        assert found[frame, person] == pytest.approx(box, abs=0.51)


def test_the_shot_list_counts_from_one_and_leaves_no_gap(files):
    header, *rows = rows_of(files.shots)
    assert header == ["shot", "first_frame", "last_frame"]
    assert rows[0][1] == "1"
    assert rows[-1][2] == str(SHORT.frame_count)
    for number, (before, after) in enumerate(itertools.pairwise(rows), start=1):
        assert before[0] == str(number)
        assert int(after[1]) == int(before[2]) + 1


def test_the_people_are_listed_by_id_and_name(files):
    header, *rows = rows_of(files.people)
    assert header == ["id", "name"]
    assert [row[1] for row in rows] == [person.name for person in make_cast(SHORT)]
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5"]


def test_nothing_but_the_finished_files_is_left(files):
    left = {path.name for path in files.video.parent.iterdir()}
    assert left == {
        "short.mp4",
        "short.gt.txt",
        "short.gt.xml",
        "short.shots.csv",
        "short.people.csv",
    }


def test_the_demo_is_what_the_default_settings_draw():
    config = SynthConfig()
    cast, scenes = make_cast(config), list(write_script(config))
    assert rows_of(DEMO / "demo.people.csv")[1:] == [
        [str(number), person.name] for number, person in enumerate(cast, start=1)
    ]
    assert rows_of(DEMO / "demo.shots.csv")[1:] == [
        [str(number), str(scene.shot.start + 1), str(scene.shot.stop)]
        for number, scene in enumerate(scenes, start=1)
    ]
    faces = [
        face.box
        for scene in scenes
        for film_set in [FilmSet(scene, cast, config)]
        for frame in range(scene.shot.start, scene.shot.stop)
        for face in film_set.faces(frame)
    ]
    assert read_mot(DEMO / "demo.gt.txt").boxes == pytest.approx(np.array(faces), abs=0.02)
