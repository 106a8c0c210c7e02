from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.clips.naming import clip_paths, clips_name, clips_there, safe_name
from tracker.records import Shot, Timeline, Tracks, VideoInfo
from tracker.tracked import Person, TrackedVideo

TIMELINE = Timeline(np.arange(10, dtype=np.int64), Fraction(1, 25), 10)


def video_of(*names: str) -> TrackedVideo:
    """People of these names, numbered from 1."""
    people = tuple(Person(number, name, ()) for number, name in enumerate(names, 1))
    info = VideoInfo(64, 48, Fraction(25), 10, has_sound=False)
    tracks = Tracks.empty()
    return TrackedVideo("a.mp4", info, TIMELINE, (Shot(0, 10),), tracks, tracks, people)


@pytest.mark.parametrize("name", ["Zoë O'Brien", "山田 太郎", "Ann-Marie, 2nd (left) & co."[:-1]])
def test_a_name_that_a_file_may_have_is_kept(name):
    assert safe_name(name, 1) == name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("AC/DC", "AC_DC"),
        ("a\\b:c*d", "a_b_c_d"),
        ("two\nlines\x00", "two_lines_"),
        ("../up", "_up"),
        (" Zoë. ", "Zoë"),
        ("half\udc80", "half_"),
        ("Zoe\u0308", "Zoë"),
    ],
)
def test_what_a_file_may_not_be_called_is_replaced(name, safe):
    assert safe_name(name, 1) == safe


@pytest.mark.parametrize("name", ["", " ", "..", ". ."])
def test_somebody_of_whose_name_nothing_is_left_is_called_by_number(name):
    assert safe_name(name, 7) == "Person 7"


@given(st.text(st.characters(), max_size=300))
def test_any_name_makes_one_file_below_the_folder(name):
    (path,) = clip_paths(Path("clips"), clips_name(video_of(name), {1}), 1)
    assert path.parent == Path("clips")
    assert len(path.name.encode()) + len(".partial") <= 255


def test_several_people_are_joined_by_number():
    assert clips_name(video_of("Zoë", "Ben", "Al"), {3, 1}) == "Zoë+Al"


def test_two_people_of_one_name_who_are_both_shown_are_named_once():
    assert clips_name(video_of("Zoë", "Zoë"), {1, 2}) == "Zoë"


def test_one_of_two_people_of_one_name_is_told_apart_by_number():
    assert clips_name(video_of("Zoë", "zoë", "Ben"), {2}) == "zoë (2)"


def test_names_that_files_cannot_tell_apart_get_their_numbers():
    assert clips_name(video_of("A/B", "A_B"), {1}) == "A_B (1)"


def test_names_of_very_many_people_are_cut_to_what_a_file_may_be_called():
    names = [f"Person {number}" for number in range(1, 200)]
    assert len(clips_name(video_of(*names), set(range(1, 200))).encode()) <= 180


def test_clips_are_numbered_from_one():
    assert [path.name for path in clip_paths(Path(), "Zoë", 2)] == ["Zoë-001.mp4", "Zoë-002.mp4"]


def test_numbers_are_wide_enough_to_sort_by_name():
    names = [path.name for path in clip_paths(Path(), "Zoë", 1000)]
    assert names == sorted(names)
    assert names[0] == "Zoë-0001.mp4"


def test_no_clips_have_no_files():
    assert clip_paths(Path(), "Zoë", 0) == []


def test_clips_of_others_are_not_taken_for_theirs(tmp_path):
    for name in ("Zoë-001.mp4", "Zoë-1000.mp4", "Zoë.mp4", "Zoë-a.mp4", "Zoë+Al-001.mp4"):
        (tmp_path / name).touch()
    assert [path.name for path in clips_there(tmp_path, "Zoë")] == ["Zoë-001.mp4", "Zoë-1000.mp4"]
