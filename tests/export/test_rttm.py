from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.export.rttm import write_rttm
from tracker.records import Shot, Timeline, Tracks, VideoInfo
from tracker.tracked import Appearance, Person, TrackedVideo

load_rttm = pytest.importorskip("pyannote.database.util").load_rttm

NTSC = Fraction(30000, 1001)
HALF_US = Fraction(1, 2_000_000)
FLOAT = Fraction(1, 10**9)  # what a sum of two floats may be off by


def film(names, stays, name="a film.mp4"):
    """People called `names`, from 1, each with one of the `stays` (first and last frame)."""
    count = 300_000
    timeline = Timeline(np.arange(count, dtype=np.int64), 1 / NTSC, count)
    people = [
        Person(
            number,
            called,
            (Appearance(number, 0, a, b, timeline.start_s(a), timeline.stop_s(b)),),
        )
        for number, (called, (a, b)) in enumerate(zip(names, stays, strict=True), start=1)
    ]
    info = VideoInfo(2, 2, NTSC, count, has_sound=False)
    none = Tracks.empty()
    return TrackedVideo(name, info, timeline, (Shot(0, count),), none, none, tuple(people))


def turns_of(path, tracked):
    """What pyannote reads: start and stop in seconds, and the name; by the video's."""
    write_rttm(path / "it.rttm", tracked)
    return {
        uri: [(turn.start, turn.end, name) for turn, _, name in found.itertracks(yield_label=True)]
        for uri, found in load_rttm(path / "it.rttm").items()
    }


def test_a_line_an_appearance_by_time(tracked, tmp_path):
    write_rttm(tmp_path / "it.rttm", tracked)
    assert (tmp_path / "it.rttm").read_text(encoding="utf-8").splitlines() == [
        "SPEAKER a_film 1 0.000000 3.003000 <NA> <NA> Zoë_O'Brien <NA> <NA>",
        "SPEAKER a_film 1 0.667333 2.335667 <NA> <NA> Person_2 <NA> <NA>",
        "SPEAKER a_film 1 3.003000 0.166833 <NA> <NA> Person_2 <NA> <NA>",
        "SPEAKER a_film 1 3.003000 2.002000 <NA> <NA> Zoë_O'Brien <NA> <NA>",
        "SPEAKER a_film 1 4.671333 0.667334 <NA> <NA> Person_2 <NA> <NA>",
        "SPEAKER a_film 1 6.673333 3.336667 <NA> <NA> Bo_&_<Co> <NA> <NA>",
    ]


@pytest.mark.parametrize("name", ["tracked", "uneven"])
def test_the_times_read_back_are_those_of_the_frames(name, request, tmp_path):
    tracked = request.getfixturevalue(name)
    turns = turns_of(tmp_path, tracked)["a_film"]
    stays = [stay for person in tracked.people for stay in person.appearances]
    expected = sorted((stay.start_s, stay.stop_s) for stay in stays)
    for (start, stop, _), (start_s, stop_s) in zip(sorted(turns), expected, strict=True):
        assert abs(Fraction(start) - start_s) <= HALF_US + FLOAT
        assert abs(Fraction(stop) - stop_s) <= HALF_US + FLOAT


@given(st.integers(0, 299_998), st.integers(0, 1000))
def test_times_do_not_drift_far_into_a_long_video(first, length):
    last = min(first + length, 299_999)
    with TemporaryDirectory() as folder:
        ((start, stop, _),) = turns_of(Path(folder), film(["Bo"], [(first, last)]))["a_film"]
    assert abs(Fraction(start) - first * Fraction(1001, 30000)) <= HALF_US + FLOAT
    assert abs(Fraction(stop) - (last + 1) * Fraction(1001, 30000)) <= HALF_US + FLOAT


@given(st.lists(st.text(max_size=6), min_size=1, max_size=4), st.text(max_size=6))
def test_whatever_their_names_people_and_videos_are_told_apart(names, name):
    stays = [(100 * place, 100 * place + 50) for place in range(len(names))]
    with TemporaryDirectory() as folder:
        ((_, turns),) = turns_of(Path(folder), film(names, stays, name)).items()
    assert len({called for *_, called in turns}) == len(names)


NOT_WORDS = ["NA", "nan", "None", "<NA>", "NULL", "n/a", "#N/A", "-1.#IND", '"', '"Bo', "", " "]


@pytest.mark.parametrize("name", NOT_WORDS)
def test_names_that_pandas_takes_for_none_are_read_as_names(name, tmp_path):
    ((uri, turns),) = turns_of(tmp_path, film([name, "Bo"], [(0, 9), (20, 29)], name)).items()
    assert isinstance(uri, str)
    assert [type(called) for *_, called in turns] == [str, str]


def test_of_people_of_one_name_all_but_the_first_have_their_number(tmp_path):
    tracked = film(["Bo", "Bo", "Bo_2", "Bo 2"], [(n, n) for n in range(4)])
    names = [name for *_, name in turns_of(tmp_path, tracked)["a_film"]]
    assert names == ["Bo", "Bo_2", "Bo_2_3", "Bo_2_4"]


def test_a_video_without_people_is_an_empty_table(tracked, tmp_path):
    assert turns_of(tmp_path, replace(tracked, people=())) == {}


def test_the_same_video_gives_the_same_bytes(uneven, tmp_path):
    for name in ("a", "b"):
        write_rttm(tmp_path / name, uneven)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
