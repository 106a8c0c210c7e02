"""COCO-style JSON, as pycocotools reads it."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from pycocotools.coco import COCO

from tracker.export.coco import CATEGORY, write_coco
from tracker.records import Tracks


@pytest.fixture
def coco(tmp_path, tracked):
    path = tmp_path / "film.coco.json"
    write_coco(path, tracked)
    return COCO(path)


def test_pycocotools_finds_every_face_in_its_frame(coco, tracked):
    found = [
        (coco.imgs[one["image_id"]]["frame_id"], one["track_id"], *one["bbox"], one["score"])
        for one in coco.loadAnns(coco.getAnnIds())
    ]
    corners = tracked.tracks.boxes.astype(float)
    expected = np.column_stack(
        [
            tracked.tracks.frame,
            tracked.tracks.person,
            corners[:, :2],
            corners[:, 2:] - corners[:, :2],
            tracked.tracks.scores,
        ]
    )
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_boxes_are_written_to_a_hundredth(coco, tracked):
    for one in coco.loadAnns(coco.getAnnIds())[:50]:
        assert one["bbox"] == [round(value, 2) for value in one["bbox"]]
        assert one["area"] == pytest.approx(one["bbox"][2] * one["bbox"][3])


def test_every_face_is_of_the_one_category_and_no_crowd(coco):
    assert coco.loadCats(coco.getCatIds()) == [
        {"id": CATEGORY, "name": "face", "supercategory": "person"}
    ]
    assert {(one["category_id"], one["iscrowd"]) for one in coco.anns.values()} == {(CATEGORY, 0)}


def test_only_frames_with_faces_are_images_named_by_their_frame(coco, tracked):
    frames = np.unique(tracked.tracks.frame).tolist()
    images = coco.loadImgs(coco.getImgIds())
    assert [one["frame_id"] for one in images] == frames
    assert [one["file_name"] for one in images] == [f"frame_{frame:06d}.jpg" for frame in frames]
    assert {(one["width"], one["height"]) for one in images} == {(640, 360)}


def test_images_know_their_time(tmp_path, uneven):
    path = tmp_path / "film.json"
    write_coco(path, uneven)
    for one in json.loads(path.read_text())["images"]:
        exact = uneven.timeline.start_s(one["frame_id"])
        assert Fraction(one["time_s"]).limit_denominator(1000) == exact


def test_people_are_instances_of_one_video(coco, tracked):
    assert coco.dataset["people"] == [
        {"id": number, "name": name} for number, name in tracked.names.items()
    ]
    assert {one["video_id"] for one in (*coco.anns.values(), *coco.imgs.values())} == {1}
    assert all(one["instance_id"] == one["track_id"] for one in coco.anns.values())
    assert coco.dataset["videos"][0]["name"] == tracked.name


def test_interpolated_faces_are_marked(coco, tracked):
    marks = [one["interpolated"] for one in coco.loadAnns(coco.getAnnIds())]
    assert marks == (tracked.tracks.scores == 0).tolist()


def test_a_name_with_bytes_that_are_no_text_does_no_harm(tmp_path, tracked):
    path = tmp_path / "film.json"
    write_coco(path, replace(tracked, name="caf\udce9.mp4"))
    assert json.loads(path.read_text("ascii"))["videos"][0]["name"] == "caf\udce9.mp4"


def test_the_same_faces_give_the_same_file(tmp_path, tracked):
    write_coco(tmp_path / "a", tracked)
    write_coco(tmp_path / "b", tracked)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_video_without_people_has_no_images(tmp_path, tracked):
    path = tmp_path / "film.json"
    write_coco(path, replace(tracked, tracks=Tracks.empty(), people=()))
    empty = COCO(path)
    assert (empty.getImgIds(), empty.getAnnIds()) == ([], [])
