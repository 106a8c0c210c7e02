import tempfile

import numpy as np
import pytest

from tracker.embedding import scratch
from tracker.embedding.preparation import Preparation
from tracker.embedding.scratch import room_for
from tracker.errors import StorageError

both_places = pytest.mark.parametrize("small_bytes", [0, 1 << 24])


@both_places
@pytest.mark.parametrize("shape", [(7,), (5, 3), (2, 3, 4)])
def test_room_is_zeros_that_can_be_written_and_read(monkeypatch, small_bytes, shape):
    monkeypatch.setattr(scratch, "SMALL_BYTES", small_bytes)
    room = room_for(*shape)
    np.testing.assert_array_equal(room, np.zeros(shape, np.float32), strict=True)
    room[-1] = 5
    assert room.sum() == 5 * room[-1].size
    assert type(room) is np.ndarray


@both_places
def test_there_is_room_for_nothing(monkeypatch, small_bytes):
    monkeypatch.setattr(scratch, "SMALL_BYTES", small_bytes)
    assert room_for(0, 4).shape == (0, 4)


def test_large_room_leaves_no_file_behind(monkeypatch, tmp_path):
    monkeypatch.setattr(scratch, "SMALL_BYTES", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    room = room_for(100, 10)
    assert not list(tmp_path.iterdir())
    room[:] = 1
    assert room.sum() == 1000


def test_rooms_are_apart(monkeypatch):
    monkeypatch.setattr(scratch, "SMALL_BYTES", 0)
    one, other = room_for(10), room_for(10)
    one[:] = 1
    assert not other.any()


def test_too_little_room_is_said_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(StorageError, match=r"no room for 32 MiB in .*missing: .*; set TMPDIR to"):
        room_for(1 << 23)


@both_places
def test_features_are_prepared_alike_wherever_there_is_room(monkeypatch, small_bytes):
    monkeypatch.setattr(scratch, "SMALL_BYTES", small_bytes)
    features = np.arange(12, dtype=np.float32).reshape(4, 3)
    prepared = Preparation(np.ones(3, np.float32), 2 * np.eye(3, dtype=np.float32)).apply(features)
    np.testing.assert_array_equal(prepared, 2 * features - 2)
