import hashlib
import json
import os
from fractions import Fraction

import numpy as np
import pytest

from tracker.errors import StorageError
from tracker.records import Constraints, Detections, Shot, Timeline
from tracker.storage import (
    RunFolder,
    array_to_fill,
    content_hash,
    fingerprint,
    load_array,
    load_constraints,
    load_copy,
    load_detections,
    load_json,
    load_shots,
    load_table,
    load_timeline,
    save_array,
    save_constraints,
    save_detections,
    save_json,
    save_shots,
    save_table,
    save_timeline,
    stage_key,
    written_aside,
)

DETECTIONS = Detections(
    np.array([0, 0, 3], np.int32),
    np.array([[1, 2, 3, 4], [5, 6, 7.25, 8], [-1, 0, 9, 10]], np.float32),
    np.array([0.5, 1.0, 0.0], np.float32),
    np.concatenate([np.full((1, 5, 2), np.nan), np.arange(20).reshape(2, 5, 2)], dtype=np.float32),
)
TIMELINE_FIELDS = {"tick_s": "1/25", "end_tick": 2, "ticks": [0, 1], "warning": None}
CONSTRAINT_FIELDS = {"tracklet_count": 2, "cannot_link": [[0, 1]], "doubtful": [0]}


def save_timeline_of_a_whole_video(path, timeline):
    save_timeline(path, timeline, None)


LOADS = [
    load_array,
    load_copy,
    load_table,
    load_json,
    load_detections,
    load_timeline,
    load_shots,
    load_constraints,
]
SAVES = [
    (save_array, np.zeros(3)),
    (save_table, {"a": np.zeros(3)}),
    (save_json, {"a": 1}),
    (save_detections, DETECTIONS),
    (save_timeline_of_a_whole_video, Timeline(np.array([0, 1]), Fraction(1, 25), 2)),
    (save_shots, [Shot(0, 2)]),
    (save_constraints, Constraints(2, np.array([[0, 1]], np.int32), np.array([0]))),
]


def name_of(function):
    return getattr(function, "__name__", "")


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("detections", [DETECTIONS, Detections.empty()], ids=["three", "none"])
def test_detections_are_read_as_they_were_written(tmp_path, detections):
    save_detections(tmp_path / "detections.parquet", detections)
    read = load_detections(tmp_path / "detections.parquet")
    for column in ("frame", "boxes", "scores", "landmarks"):
        before, after = getattr(detections, column), getattr(read, column)
        assert (after.dtype, after.shape) == (before.dtype, before.shape)
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("warning", [None, "the file is truncated: “frame 3”"])
def test_a_timeline_is_read_as_it_was_written(tmp_path, warning):
    timeline = Timeline(np.array([0, 1001, 2**40]), Fraction(1, 30000), 2**40 + 1001)
    save_timeline(tmp_path / "timeline.json", timeline, warning)
    read, read_warning = load_timeline(tmp_path / "timeline.json")
    assert read_warning == warning
    assert read.ticks.tolist() == timeline.ticks.tolist()
    assert (read.tick_s, read.end_tick) == (timeline.tick_s, timeline.end_tick)


@pytest.mark.parametrize("shots", [[Shot(0, 7), Shot(7, 8), Shot(8, 20)], [Shot(0, 1)], []])
def test_shots_are_read_as_they_were_written(tmp_path, shots):
    save_shots(tmp_path / "shots.json", shots)
    assert load_shots(tmp_path / "shots.json") == shots


@pytest.mark.parametrize(
    ("pairs", "doubtful"),
    [([[0, 1], [0, 4], [2, 3]], [0, 2]), ([[0, 1], [0, 4], [2, 3]], []), ([], [])],
)
def test_constraints_are_read_as_they_were_written(tmp_path, pairs, doubtful):
    constraints = Constraints(
        5, np.array(pairs, np.int32).reshape(-1, 2), np.array(doubtful, np.int64)
    )
    save_constraints(tmp_path / "constraints.json", constraints)
    read = load_constraints(tmp_path / "constraints.json")
    assert read.tracklet_count == 5
    assert (read.cannot_link.dtype, read.cannot_link.shape) == (np.int32, (len(pairs), 2))
    assert read.cannot_link.tolist() == pairs
    np.testing.assert_array_equal(read.doubtful, constraints.doubtful, strict=True)
    np.testing.assert_array_equal(read.negatives, constraints.negatives, strict=True)


@pytest.mark.parametrize(
    "array", [np.arange(6, dtype=np.int32).reshape(2, 3), np.zeros((0, 4), np.float32)]
)
def test_an_array_is_read_as_it_was_written(tmp_path, array):
    save_array(tmp_path / "array.npy", array)
    np.testing.assert_array_equal(load_array(tmp_path / "array.npy"), array, strict=True)


def test_an_array_is_mapped_and_not_to_be_written_to(tmp_path):
    save_array(tmp_path / "array.npy", np.arange(3))
    read = load_array(tmp_path / "array.npy")
    assert isinstance(read, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        read[0] = 1


@pytest.mark.parametrize("array", [np.arange(3), np.zeros((0, 4), np.float32)])
def test_a_copy_of_an_array_is_in_memory_and_may_be_changed(tmp_path, array):
    save_array(tmp_path / "array.npy", array)
    read = load_copy(tmp_path / "array.npy")
    assert type(read) is np.ndarray
    np.testing.assert_array_equal(read, array, strict=True)
    read += 1
    np.testing.assert_array_equal(load_array(tmp_path / "array.npy"), array)


def test_an_array_that_is_filled_on_disk_is_read_as_it_was_filled(tmp_path):
    with array_to_fill(tmp_path / "crops.npy", (2, 2, 2, 3)) as images:
        images[:] = np.arange(24).reshape(2, 2, 2, 3)
    read = load_array(tmp_path / "crops.npy")
    assert read.dtype == np.uint8
    assert read.ravel().tolist() == list(range(24))


@pytest.mark.parametrize("kind", [np.float32, np.int64])
def test_an_array_of_any_kind_of_number_can_be_filled_on_disk(tmp_path, kind):
    with array_to_fill(tmp_path / "vectors.npy", (2, 3), kind) as vectors:
        assert not vectors.any()
        vectors[1] = [-1, 2, 300]
    expected = np.array([[0, 0, 0], [-1, 2, 300]], kind)
    np.testing.assert_array_equal(load_array(tmp_path / "vectors.npy"), expected, strict=True)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_an_array_to_fill_may_be_without_content(tmp_path, kind):
    expected = np.zeros((0, 9, 9, 3), kind)
    with array_to_fill(tmp_path / "crops.npy", (0, 9, 9, 3), kind) as images:
        np.testing.assert_array_equal(images, expected, strict=True)
    np.testing.assert_array_equal(load_array(tmp_path / "crops.npy"), expected, strict=True)


def test_a_table_is_read_as_it_was_written(tmp_path):
    columns = {"a": np.arange(3, dtype=np.int32), "b": np.array([0.1, np.nan, -0.0])}
    save_table(tmp_path / "table.parquet", columns)
    read = load_table(tmp_path / "table.parquet")
    assert list(read) == ["a", "b"]
    for name, values in columns.items():
        np.testing.assert_array_equal(read[name], values, strict=True)


def test_json_is_read_as_it_was_written(tmp_path):
    save_json(tmp_path / "run.json", {"name": "Zoë", "parts": [1, 2.5, None]})
    assert load_json(tmp_path / "run.json") == {"name": "Zoë", "parts": [1, 2.5, None]}
    assert "Zoë" in (tmp_path / "run.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(("save", "content"), SAVES, ids=name_of)
def test_the_same_content_makes_the_same_bytes(tmp_path, save, content):
    save(tmp_path / "first", content)
    save(tmp_path / "second", content)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@pytest.mark.parametrize(("save", "content"), SAVES, ids=name_of)
def test_saving_leaves_one_file_and_no_other(tmp_path, save, content):
    save(tmp_path / "file", content)
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize(("save", "content"), SAVES, ids=name_of)
@pytest.mark.parametrize("place", ["a file/in it", "no folder/in it"])
def test_saving_where_nothing_can_be_written_is_a_clear_error(tmp_path, save, content, place):
    (tmp_path / "a file").write_text("kept")
    with pytest.raises(StorageError, match="cannot write") as caught:
        save(tmp_path / place, content)
    assert "\n" not in str(caught.value)
    assert names_in(tmp_path) == ["a file"]


@pytest.mark.parametrize("load", LOADS, ids=name_of)
@pytest.mark.parametrize(
    "content", [b"", b"x", b"\x93NUMPY", b"PK\x03\x04", b"PAR1 and so on PAR1", bytes(200)]
)
def test_a_file_that_is_none_of_ours_is_refused_in_one_line(tmp_path, load, content):
    path = tmp_path / "stage"
    path.write_bytes(content)
    with pytest.raises(StorageError, match="delete it and run again") as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("load", LOADS, ids=name_of)
def test_a_missing_file_is_refused_in_one_line(tmp_path, load):
    with pytest.raises(StorageError, match="cannot read") as caught:
        load(tmp_path / "none")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("save", "load", "content"),
    [
        (save_array, load_array, np.arange(100.0)),
        (save_array, load_copy, np.arange(100.0)),
        (save_detections, load_detections, DETECTIONS),
        (save_shots, load_shots, [Shot(0, 9), Shot(9, 20)]),
    ],
    ids=name_of,
)
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.95])
def test_a_file_that_was_cut_short_is_refused_in_one_line(tmp_path, save, load, content, kept):
    path = tmp_path / "stage"
    save(path, content)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(StorageError, match="cannot read") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_garbled_table_is_refused_in_one_line(tmp_path):
    path = tmp_path / "stage"
    save_detections(path, DETECTIONS)
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    content[4:-8:50] ^= 0xFF
    path.write_bytes(content.tobytes())
    with pytest.raises(StorageError, match="cannot read") as caught:
        load_detections(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("load", "fields", "field"),
    [
        (load, fields, field)
        for load, fields in [
            (load_timeline, TIMELINE_FIELDS),
            (load_shots, {"edges": [0, 2]}),
            (load_constraints, CONSTRAINT_FIELDS),
        ]
        for field in fields
    ],
)
def test_json_without_one_of_its_fields_is_refused_in_one_line(tmp_path, load, fields, field):
    path = tmp_path / "stage"
    path.write_text(json.dumps(fields))
    load(path)
    path.write_text(json.dumps({name: fields[name] for name in fields if name != field}))
    with pytest.raises(StorageError, match="delete it and run again") as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert field in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("load", "fields"),
    [
        (load_timeline, TIMELINE_FIELDS | {"tick_s": "soon"}),
        (load_timeline, TIMELINE_FIELDS | {"tick_s": "1/0"}),
        (load_timeline, TIMELINE_FIELDS | {"ticks": "none"}),
        (load_timeline, TIMELINE_FIELDS | {"ticks": None}),
        (load_timeline, TIMELINE_FIELDS | {"end_tick": None}),
        (load_shots, {"edges": None}),
        (load_shots, {"edges": [5, 2]}),
        (load_shots, {"edges": ["a", "b"]}),
        (load_constraints, CONSTRAINT_FIELDS | {"tracklet_count": "two"}),
        (load_constraints, CONSTRAINT_FIELDS | {"cannot_link": [[0, 1, 1]]}),
        (load_constraints, CONSTRAINT_FIELDS | {"cannot_link": {"0": 1}}),
        (load_constraints, CONSTRAINT_FIELDS | {"doubtful": ["the first"]}),
        (load_constraints, CONSTRAINT_FIELDS | {"doubtful": None}),
    ],
)
def test_json_of_fields_that_make_no_sense_is_refused_in_one_line(tmp_path, load, fields):
    path = tmp_path / "stage"
    path.write_text(json.dumps(fields))
    with pytest.raises(StorageError, match="delete it and run again") as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("column", ["frame", "x1", "score", "y_4"])
def test_a_table_of_detections_without_one_of_its_columns_is_refused(tmp_path, column):
    path = tmp_path / "stage"
    save_detections(path, DETECTIONS)
    save_table(path, {name: values for name, values in load_table(path).items() if name != column})
    with pytest.raises(StorageError, match="delete it and run again") as caught:
        load_detections(path)
    assert column in str(caught.value)


def test_an_array_of_pickles_is_refused(tmp_path):
    np.save(tmp_path / "stage.npy", np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(StorageError, match="cannot read"):
        load_array(tmp_path / "stage.npy")


def test_a_list_is_no_json_object(tmp_path):
    (tmp_path / "stage.json").write_text("[1]")
    with pytest.raises(StorageError, match="not a JSON object"):
        load_json(tmp_path / "stage.json")


def test_a_file_written_aside_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "tracks.txt"
    with written_aside(path) as aside:
        aside.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert names_in(tmp_path) == ["tracks.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_nothing_is_there_but_what_was_before(tmp_path, error):
    path = tmp_path / "tracks.txt"
    path.write_text("old")

    def write_half():
        with written_aside(path) as aside:
            aside.write_text("ha")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["tracks.txt"]


def test_a_disk_error_is_told_with_its_reason(tmp_path):
    def write():
        with written_aside(tmp_path / "tracks.txt"):
            raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match=r"tracks\.txt: No space left on device"):
        write()


def test_an_array_half_filled_is_never_seen(tmp_path):
    def fill_half():
        with array_to_fill(tmp_path / "crops.npy", (2, 2, 2, 3)) as images:
            images[0] = 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill_half()
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["Zoë", "映画.mp4", "caf\udce9.mp4", 'a "b" \\ c'])
def test_any_name_comes_back_from_json(tmp_path, name):
    save_json(tmp_path / "a.json", {"name": name})
    assert load_json(tmp_path / "a.json") == {"name": name}


def test_a_key_is_the_same_for_the_same():
    assert stage_key("linking", {"a": 1, "b": 2}, "x") == stage_key(
        "linking", {"b": 2, "a": 1}, "x"
    )


@pytest.mark.parametrize(
    ("stage", "settings", "read"),
    [
        ("crops", {"a": 1}, ("x", "y")),
        ("linking", {"a": 2}, ("x", "y")),
        ("linking", {"b": 1}, ("x", "y")),
        ("linking", None, ("x", "y")),
        ("linking", {"a": 1}, ("x", "z")),
        ("linking", {"a": 1}, ("y", "x")),
        ("linking", {"a": 1}, ("xy",)),
        ("linking", {"a": 1}, ("x",)),
    ],
)
def test_a_key_changes_with_all_that_goes_into_it(stage, settings, read):
    assert stage_key(stage, settings, *read) != stage_key("linking", {"a": 1}, "x", "y")


@pytest.mark.parametrize("size", [1, 1000, 300_000, 3_000_000])
@pytest.mark.parametrize("where", [0.0, 0.37, 0.5, 1.0])
def test_any_changed_byte_of_a_small_file_changes_its_fingerprint(tmp_path, size, where):
    content = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    path = tmp_path / "video.mp4"
    path.write_bytes(content.tobytes())
    before = fingerprint(path)
    content[int(where * (size - 1))] ^= 1
    path.write_bytes(content.tobytes())
    assert fingerprint(path) != before


@pytest.mark.parametrize("where", [0.0, 1.0])
def test_a_changed_end_of_a_large_file_changes_its_fingerprint(tmp_path, where):
    path, size = tmp_path / "video.mp4", 100_000_000
    with path.open("wb") as file:
        file.truncate(size)  # a hole: takes no room
    before = fingerprint(path)
    with path.open("r+b") as file:
        file.seek(int(where * (size - 1)))
        file.write(b"x")
    assert fingerprint(path) != before


@pytest.mark.parametrize("size", [0, 10, 5_000_000])
def test_the_size_is_part_of_the_fingerprint(tmp_path, size):
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(bytes(size))
    second.write_bytes(bytes(size + 1))
    assert fingerprint(first) != fingerprint(second)


def test_a_fingerprint_does_not_depend_on_the_name(tmp_path):
    (tmp_path / "first").write_bytes(b"the same")
    (tmp_path / "second").write_bytes(b"the same")
    assert fingerprint(tmp_path / "first") == fingerprint(tmp_path / "second")


@pytest.mark.parametrize("read", [fingerprint, content_hash])
def test_a_missing_file_has_no_fingerprint_and_no_hash(tmp_path, read):
    with pytest.raises(StorageError, match="cannot read"):
        read(tmp_path / "none")


def test_a_content_hash_is_that_of_all_bytes(tmp_path):
    content = np.random.default_rng(0).bytes(5_000_000)
    (tmp_path / "boxes.txt").write_bytes(content)
    assert content_hash(tmp_path / "boxes.txt") == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("where", [0.0, 0.003, 0.37, 0.9999, 1.0])
def test_any_changed_byte_changes_the_content_hash(tmp_path, where):
    path, size = tmp_path / "boxes.txt", 20_000_000  # more than a fingerprint looks at
    with path.open("wb") as file:
        file.truncate(size)
    before = content_hash(path)
    with path.open("r+b") as file:
        file.seek(int(where * (size - 1)))
        file.write(b"x")
    assert content_hash(path) != before


def test_a_run_folder_is_made_with_all_above_it(tmp_path):
    folder = RunFolder(tmp_path / "runs" / "demo")
    assert folder.stage_file("crops", "k", ".npy") == tmp_path / "runs/demo/stages/crops-k.npy"
    assert names_in(tmp_path / "runs" / "demo" / "stages") == []


def test_a_run_folder_may_be_there_already(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    RunFolder(tmp_path)
    RunFolder(tmp_path)
    assert names_in(tmp_path) == ["mine.txt", "stages"]


@pytest.mark.parametrize("place", ["a file", "a file/runs", "a file/runs/demo"])
def test_a_run_folder_that_cannot_be_made_is_a_clear_error(tmp_path, place):
    (tmp_path / "a file").write_text("kept")
    with pytest.raises(StorageError, match="choose another folder with --out") as caught:
        RunFolder(tmp_path / place)
    assert "\n" not in str(caught.value)
    assert names_in(tmp_path) == ["a file"]


def test_what_a_run_did_not_ask_for_is_forgotten(tmp_path):
    folder = RunFolder(tmp_path)
    asked = folder.stage_file("linking", "new", ".npy")
    asked.touch()
    (tmp_path / "stages" / "linking-old.npy").touch()
    (tmp_path / "stages" / "crops-old.npy").touch()
    (tmp_path / "tracks.txt").touch()
    folder.forget_unused()
    assert names_in(tmp_path / "stages") == [asked.name]
    assert (tmp_path / "tracks.txt").exists()


def test_a_temporary_file_lies_beside_those_of_stages_and_goes_when_the_run_is_over(tmp_path):
    folder = RunFolder(tmp_path)
    temporary = folder.temporary_file("learning", "key-0", ".checkpoint")
    assert temporary == tmp_path / "stages/learning-key-0.checkpoint"
    temporary.touch()
    kept = folder.stage_file("learning", "key", ".safetensors")
    kept.touch()
    folder.forget_unused()
    assert names_in(tmp_path / "stages") == [kept.name]


def test_a_temporary_file_is_there_for_the_run_after_a_killed_one(tmp_path):
    temporary = RunFolder(tmp_path).temporary_file("learning", "key-0", ".checkpoint")
    temporary.write_text("half learned")
    again = RunFolder(tmp_path).temporary_file("learning", "key-0", ".checkpoint")
    assert again.read_text() == "half learned"


def test_what_a_killed_run_left_half_written_is_gone_from_the_next(tmp_path):
    folder = RunFolder(tmp_path)
    (tmp_path / "people").mkdir()
    half = [tmp_path / "tracks.txt", tmp_path / "people" / "person-01.png"]
    half = [path.with_name(f"{path.name}.{os.getpid()}.partial") for path in half]
    half += [tmp_path / "annotated.mp4.partial"]
    half += [folder.stage_file("crops", "key", ".npy.9999999.partial")]
    half += [folder.temporary_file("learning", "key-3", ".checkpoint.9999999.partial")]
    for path in half:
        path.touch()
    RunFolder(tmp_path)
    assert [path for path in half if path.exists()] == []


def test_half_written_files_of_others_are_left_alone(tmp_path):
    (tmp_path / "download.mp4.partial").touch()
    RunFolder(tmp_path)
    assert (tmp_path / "download.mp4.partial").exists()


def test_what_another_process_is_writing_is_left_alone(tmp_path):
    writing = tmp_path / f"redacted.mp4.{os.getppid()}.partial"
    killed = tmp_path / "redacted.mp4.9999999.partial.partial"
    for path in (writing, killed):
        path.touch()
    RunFolder(tmp_path)
    assert writing.exists()
    assert not killed.exists()
