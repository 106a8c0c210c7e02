import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tracker import weights
from tracker.errors import WeightsError
from tracker.weights import (
    ALEXNET,
    FACE,
    FACENET,
    RESNET18,
    RESNET50,
    YUNET,
    WeightFile,
    cache_folder,
    find_weights,
)

CONTENT = b"pretend that these are weights" * 5000  # more than one chunk


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Where weights are kept: a folder that does not exist yet."""
    folder = tmp_path / "deep" / "cache"
    monkeypatch.setenv("TRACKER_WEIGHTS", str(folder))
    return folder


@pytest.fixture
def served(tmp_path):
    """Weights that can be fetched, from this machine's own disk."""
    source = tmp_path / "source.bin"
    source.write_bytes(CONTENT)
    digest = hashlib.sha256(CONTENT).hexdigest()
    return WeightFile("net.bin", source.as_uri(), digest, "MIT", len(CONTENT))


@pytest.fixture
def no_fetching(monkeypatch):
    def refuse(file):
        pytest.fail(f"{file.name} should not have been fetched")

    monkeypatch.setattr(weights, "_download", refuse)


@pytest.mark.usefixtures("no_fetching")
def test_weights_in_the_folder_are_used_without_fetching(cache, served):
    cache.mkdir(parents=True)
    (cache / "net.bin").write_bytes(CONTENT)
    assert find_weights((served,)) == (cache / "net.bin",)


@pytest.mark.usefixtures("no_fetching")
def test_weights_of_the_wrong_hash_are_refused_with_what_to_do(cache, served):
    cache.mkdir(parents=True)
    (cache / "net.bin").write_bytes(b"something else")
    with pytest.raises(WeightsError) as refusal:
        find_weights((served,))
    message = str(refusal.value)
    assert str(cache / "net.bin") in message
    assert served.sha256[:12] in message
    assert hashlib.sha256(b"something else").hexdigest()[:12] in message
    assert message.endswith("delete it, so that it is fetched again")
    assert "\n" not in message


def test_weights_that_are_missing_are_fetched_and_kept(cache, served):
    assert find_weights((served,)) == (cache / "net.bin",)
    assert (cache / "net.bin").read_bytes() == CONTENT


def test_fetched_weights_are_found_again_without_their_source(cache, served, monkeypatch):
    find_weights((served,))
    monkeypatch.setattr(weights, "_download", lambda file: pytest.fail("fetched twice"))
    assert find_weights((served,)) == (cache / "net.bin",)


def test_only_the_files_that_are_missing_are_fetched(cache, served):
    cache.mkdir(parents=True)
    (cache / "here.bin").write_bytes(CONTENT)
    here = replace(served, name="here.bin", url="file:///nowhere")
    assert find_weights((here, served)) == (cache / "here.bin", cache / "net.bin")


def test_no_files_are_found_at_once():
    assert find_weights(()) == ()


def test_fetched_weights_of_the_wrong_hash_are_never_kept(cache, served):
    changed = replace(served, sha256="0" * 64)
    with pytest.raises(WeightsError, match="the file there has changed"):
        find_weights((changed,))
    assert not cache.exists()


def test_no_more_is_read_than_shows_that_the_file_is_another_one(served):
    small = replace(served, size=10)
    assert 10 < len(weights._download(small)) < len(CONTENT)


def test_weights_cut_short_on_the_way_are_never_kept(cache, served, monkeypatch):
    monkeypatch.setattr(weights, "_download", lambda file: CONTENT[:1000])
    with pytest.raises(WeightsError, match=r"ended after 1000 of 150000 bytes"):
        find_weights((served,))
    assert not cache.exists()


def test_without_a_network_the_line_says_where_to_get_and_put_the_file(cache, served):
    gone = replace(served, url="file:///nowhere/net.bin", size=244_408_911)
    with pytest.raises(WeightsError) as refusal:
        find_weights((gone,))
    message = str(refusal.value)
    assert message.startswith(f"net.bin is not in {cache} and cannot be fetched (")
    assert message.endswith("put it there by hand from file:///nowhere/net.bin (244.4 MB, MIT)")
    assert "\n" not in message


def test_a_time_out_is_a_clear_error_too(cache, served, monkeypatch):
    def stall(file):
        raise TimeoutError("timed out")

    monkeypatch.setattr(weights, "_download", stall)
    with pytest.raises(WeightsError, match=r"cannot be fetched \(timed out\)"):
        find_weights((served,))


def test_a_half_written_file_never_has_the_name(cache, served, monkeypatch):
    def fail_midway(path, content):
        with path.open("wb") as file:
            file.write(content[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail_midway)
    with pytest.raises(WeightsError, match=r"cannot keep net\.bin in .*No space left"):
        find_weights((served,))
    assert list(cache.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path, served, monkeypatch):
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "nowhere")
    monkeypatch.setenv("TRACKER_WEIGHTS", str(dangling))
    with pytest.raises(WeightsError, match=r"cannot keep net\.bin in .*dangling"):
        find_weights((served,))


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to this user"
)
def test_a_folder_that_may_not_be_written_is_a_clear_error(tmp_path, served, monkeypatch):
    folder = tmp_path / "read_only"
    folder.mkdir(mode=0o500)
    monkeypatch.setenv("TRACKER_WEIGHTS", str(folder))
    with pytest.raises(WeightsError, match=r"cannot keep net\.bin in .*Permission denied"):
        find_weights((served,))


def test_a_file_in_place_of_the_folder_is_a_clear_error(tmp_path, served, monkeypatch):
    monkeypatch.setenv("TRACKER_WEIGHTS", str(tmp_path / "source.bin"))
    with pytest.raises(WeightsError, match=r"cannot read .*source\.bin"):
        find_weights((served,))


def test_the_folder_can_be_chosen(monkeypatch):
    monkeypatch.setenv("TRACKER_WEIGHTS", "/some/where")
    assert cache_folder() == Path("/some/where")


@pytest.mark.parametrize("unset", [None, ""])
def test_the_folder_is_otherwise_in_the_users_cache(monkeypatch, unset):
    if unset is None:
        monkeypatch.delenv("TRACKER_WEIGHTS", raising=False)
    else:
        monkeypatch.setenv("TRACKER_WEIGHTS", unset)
    assert cache_folder().name == "multiface"
    assert cache_folder().is_absolute()


ALL = YUNET + FACE + ALEXNET + RESNET18 + RESNET50 + FACENET


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.name)
def test_every_file_has_a_safe_source_a_hash_and_a_licence(file):
    assert file.url.startswith("https://")
    assert file.url.endswith(file.name)
    assert len(file.sha256) == 64
    assert set(file.sha256) <= set("0123456789abcdef")
    assert file.licence
    assert file.size > 100_000


@pytest.mark.parametrize("file", ALEXNET + RESNET18 + RESNET50, ids=lambda file: file.name)
def test_torchvision_names_its_files_after_their_hashes(file):
    assert Path(file.name).stem.endswith(f"-{file.sha256[:8]}")
