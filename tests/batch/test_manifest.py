import json
import resource
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.batch.manifest import MANIFEST_FILE, Entry, Manifest
from tracker.errors import FormatError, StorageError

STARTED = Entry("party", "/films/party.mp4", "k1", "started", "2026-01-01T10:00:00+00:00")
DONE = Entry("party", "/films/party.mp4", "k1", "done", "2026-01-01T10:01:00+00:00", 60.5, 240, 3)
FAILED = Entry("é\n", "/films/é.mp4", "k2", "failed", "2026-01-01T10:02:00+00:00", error="no")


def write(folder, *entries):
    with Manifest(folder) as manifest:
        manifest.add(*entries)


def latest(folder):
    with Manifest(folder) as manifest:
        return manifest.latest


def test_a_folder_without_a_manifest_is_made_and_tells_nothing(tmp_path):
    assert latest(tmp_path / "runs" / "new") == {}


def test_what_is_added_is_read_again(tmp_path):
    write(tmp_path, STARTED, FAILED)
    assert latest(tmp_path) == {"party": STARTED, "é\n": FAILED}


def test_the_last_entry_of_a_name_counts(tmp_path):
    write(tmp_path, STARTED, FAILED)
    write(tmp_path, DONE)
    assert latest(tmp_path)["party"] == DONE


def test_nothing_that_was_written_is_ever_changed(tmp_path):
    write(tmp_path, STARTED)
    before = (tmp_path / MANIFEST_FILE).read_bytes()
    write(tmp_path, DONE)
    assert (tmp_path / MANIFEST_FILE).read_bytes().startswith(before)


def test_each_entry_is_a_line_of_json(tmp_path):
    write(tmp_path, STARTED, DONE)
    lines = (tmp_path / MANIFEST_FILE).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["state"] for line in lines] == ["started", "done"]
    assert "error" not in json.loads(lines[1])


def test_a_name_that_is_no_unicode_is_read_again_as_it_was(tmp_path):
    odd = replace(DONE, name="caf\udce9", video="/films/caf\udce9.mp4")  # b"caf\xe9"
    write(tmp_path, odd)
    assert latest(tmp_path) == {"caf\udce9": odd}


def test_a_second_batch_in_a_folder_is_refused_until_the_first_has_ended(tmp_path):
    with Manifest(tmp_path) as manifest:
        manifest.add(STARTED)
        with pytest.raises(StorageError, match=f"^another batch is at work in {tmp_path}: wait"):
            Manifest(tmp_path)
        manifest.add(DONE)
    assert latest(tmp_path) == {"party": DONE}


@pytest.fixture
def full_disk(tmp_path):
    """Let no file grow beyond what the manifest in `tmp_path` has."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill():
        size = (tmp_path / MANIFEST_FILE).stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))

    yield fill
    resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path, full_disk):
    write(tmp_path, STARTED)
    full_disk()
    with pytest.raises(StorageError, match=r"^cannot write .*batch\.jsonl: File too large$"):
        write(tmp_path, DONE)


@given(st.integers(min_value=0))
def test_wherever_a_kill_tears_the_file_all_whole_lines_are_read_and_more_can_be_added(
    tmp_path_factory, length
):
    folder = tmp_path_factory.mktemp("torn")
    write(folder, STARTED, FAILED)
    path = folder / MANIFEST_FILE
    content = path.read_bytes()
    torn = content[: length % (len(content) + 1)]
    path.write_bytes(torn)
    entries = [STARTED, FAILED][: torn.count(b"\n")]
    assert latest(folder) == {entry.name: entry for entry in entries}
    write(folder, DONE)
    assert latest(folder)["party"] == DONE


@pytest.mark.parametrize("line", ["", "{}", "[]", "done", '{"name": "party"}', '{"nmae": 1}'])
def test_a_line_that_is_not_ours_is_an_error_that_names_it(tmp_path, line):
    write(tmp_path, STARTED)
    path = tmp_path / MANIFEST_FILE
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(FormatError, match=r"batch\.jsonl, line 2: is no line of a batch: delete"):
        Manifest(tmp_path)


def test_a_manifest_that_is_no_file_is_an_error(tmp_path):
    (tmp_path / MANIFEST_FILE).mkdir()
    with pytest.raises(StorageError, match="choose another folder with --out"):
        Manifest(tmp_path)


def test_a_folder_that_cannot_be_written_to_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="choose another folder with --out"):
        Manifest(tmp_path / "file")
