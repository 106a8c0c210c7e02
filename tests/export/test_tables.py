"""CSV and Parquet, as pandas and pyarrow read them."""

import csv
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.export.tables import (
    write_appearances_csv,
    write_appearances_parquet,
    write_faces_csv,
    write_faces_parquet,
)
from tracker.records import Tracks

WRITERS = [write_faces_csv, write_appearances_csv, write_faces_parquet, write_appearances_parquet]
TICK = ["tick_s_numerator", "tick_s_denominator"]  # of CSV alone


@pytest.fixture(params=["tracked", "uneven"])
def film(request):
    """Evenly and unevenly timed."""
    return request.getfixturevalue(request.param)


def named(tracked, *names):
    people = zip(tracked.people, names, strict=True)
    return replace(tracked, people=tuple(replace(person, name=name) for person, name in people))


def faces(tmp_path, film):
    write_faces_csv(tmp_path / "faces.csv", film)
    return pandas.read_csv(tmp_path / "faces.csv")


def appearances(tmp_path, film):
    write_appearances_csv(tmp_path / "appearances.csv", film)
    return pandas.read_csv(tmp_path / "appearances.csv")


def test_pandas_reads_every_face_as_it_is(tmp_path, film):
    table, tracks = faces(tmp_path, film), film.tracks
    np.testing.assert_array_equal(table["frame"], tracks.frame)
    np.testing.assert_array_equal(table["person"], tracks.person)
    np.testing.assert_array_equal(table[["x", "y"]].astype(np.float32), tracks.boxes[:, :2])
    stop = np.stack([table["x"] + table["width"], table["y"] + table["height"]], axis=1)
    np.testing.assert_array_equal(stop.round(2).astype(np.float32), tracks.boxes[:, 2:])
    np.testing.assert_array_equal(table["score"].astype(np.float32), tracks.scores)
    np.testing.assert_array_equal(table["interpolated"], tracks.scores == 0)
    assert table["name"].tolist() == [film.names[one] for one in tracks.person.tolist()]


def test_each_face_is_in_its_shot(tmp_path, film):
    for row in faces(tmp_path, film).itertuples():
        assert film.shots[row.shot].start <= row.frame < film.shots[row.shot].stop


def test_the_exact_time_of_a_face_is_its_tick(tmp_path, film):
    for row in faces(tmp_path, film).itertuples():
        exact = row.tick * Fraction(row.tick_s_numerator, row.tick_s_denominator)
        assert exact == film.timeline.start_s(row.frame)
        assert row.time_s == float(exact)


def test_pandas_reads_every_stay_with_its_exact_times(tmp_path, film):
    stays = [stay for person in film.people for stay in person.appearances]
    for row, stay in zip(appearances(tmp_path, film).itertuples(), stays, strict=True):
        assert (row.person, row.name) == (stay.person, film.names[stay.person])
        assert (row.shot, row.first_frame, row.last_frame) == (
            stay.shot,
            stay.first_frame,
            stay.last_frame,
        )
        tick_s = Fraction(row.tick_s_numerator, row.tick_s_denominator)
        assert (row.start_tick * tick_s, row.stop_tick * tick_s) == (stay.start_s, stay.stop_s)
        times = stay.start_s, stay.stop_s, stay.stop_s - stay.start_s
        assert (row.start_s, row.stop_s, row.duration_s) == tuple(map(float, times))


@pytest.mark.parametrize(
    ("write", "read"), [(write_faces_parquet, faces), (write_appearances_parquet, appearances)]
)
def test_parquet_holds_what_csv_does_with_types(tmp_path, film, write, read):
    write(tmp_path / "film.parquet", film)
    table = pandas.read_parquet(tmp_path / "film.parquet")
    expected = read(tmp_path, film).drop(columns=TICK)
    pandas.testing.assert_frame_equal(table, expected, check_dtype=False)
    tick_s = pq.read_schema(tmp_path / "film.parquet").metadata[b"tick_s"].decode()
    assert Fraction(tick_s) == film.timeline.tick_s


def test_parquet_columns_have_types_of_their_own(tmp_path, tracked):
    write_faces_parquet(tmp_path / "film.parquet", tracked)
    types = {one.name: str(one.type) for one in pq.read_schema(tmp_path / "film.parquet")}
    assert (types["frame"], types["tick"], types["interpolated"]) == ("int32", "int64", "bool")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(names=st.tuples(*[st.text(st.characters(exclude_categories=["Cs"]), min_size=1)] * 3))
def test_names_come_back_without_the_apostrophe_in_front(tmp_path, tracked, names):
    film = named(tracked, *names)
    write_appearances_csv(tmp_path / "a.csv", film)
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        table = {int(row["person"]): row["name"] for row in csv.DictReader(file)}
    assert {number: name.removeprefix("'") for number, name in table.items()} == film.names
    assert not any(name.startswith(("=", "+", "-", "@", "\t", "\r")) for name in table.values())
    write_appearances_parquet(tmp_path / "a.parquet", film)
    kept = pandas.read_parquet(tmp_path / "a.parquet")
    assert dict(zip(kept["person"], kept["name"], strict=True)) == film.names


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@home", "'@home"),
        ("\u201cquoted\u201d", "\u201cquoted\u201d"),
        ("'t Hart", "''t Hart"),
        ('Ann "Nan", née O\'B', 'Ann "Nan", née O\'B'),
    ],
)
def test_a_name_that_would_be_a_formula_is_text(tmp_path, tracked, name, written):
    table = faces(tmp_path, named(tracked, name, "b", "c"))
    assert table["name"][0] == written


def test_csv_is_utf8_with_a_mark_and_ends_lines_as_the_standard_says(tmp_path, tracked):
    write_faces_csv(tmp_path / "faces.csv", tracked)
    content = (tmp_path / "faces.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfframe,tick,time_s,")
    assert content.count(b"\r\n") == content.count(b"\n") == len(tracked.tracks) + 1


def test_a_small_score_is_not_taken_for_none(tmp_path, tracked):
    scores = np.full(len(tracked.tracks), 1e-6, np.float32)
    table = faces(tmp_path, replace(tracked, tracks=replace(tracked.tracks, scores=scores)))
    assert set(table["score"]) == {0.0001}
    assert not table["interpolated"].any()


@pytest.mark.parametrize("write", WRITERS)
def test_a_name_with_bytes_that_are_no_text_does_no_harm(tmp_path, tracked, write):
    film = replace(named(tracked, "caf\udce9", "b", "c"), name="\udce9.mp4")
    write(tmp_path / "film", film)
    assert b"caf?" in (tmp_path / "film").read_bytes()


@pytest.mark.parametrize("write", WRITERS)
def test_the_same_faces_give_the_same_file(tmp_path, tracked, write):
    write(tmp_path / "a", tracked)
    write(tmp_path / "b", tracked)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_video_without_people_gives_tables_without_rows(tmp_path, tracked):
    empty = replace(tracked, tracks=Tracks.empty(), people=())
    assert len(faces(tmp_path, empty)) == len(appearances(tmp_path, empty)) == 0
    for write in (write_faces_parquet, write_appearances_parquet):
        write(tmp_path / "film.parquet", empty)
        assert pq.read_table(tmp_path / "film.parquet").num_rows == 0
