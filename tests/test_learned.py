import hashlib
import json
import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import safetensors.numpy
import torch

from tracker.embedding.learning import Embedding
from tracker.embedding.training import Curves
from tracker.errors import StorageError
from tracker.learned import load_checkpoint, load_embedding, save_checkpoint, save_embedding

NO_CURVE = np.zeros(0, np.float32)
EMBEDDING = Embedding(
    learned=np.arange(128, dtype=np.float32).reshape(2, 64),
    raw_share=0.1 + 0.2,  # a number that only all its digits tell from 0.3
    curves=Curves(
        np.array([3, 2, 1], np.float32),
        np.array([0.5, 0.75], np.float32),
        np.array([0.5, np.nan], np.float32),  # where nothing is held out any more
    ),
    weights={
        "network.0.layers.0.weight": np.ones((2, 3), np.float32),
        "preparation.0.centre": np.zeros(3, np.float32),
        "learned": np.full(2, 7, np.float32),  # no other than its namesake above
    },
    note="nothing to learn from: “raw”",
)
NOT_LEARNED = Embedding(
    np.zeros((0, 64), np.float32), 1.0, Curves(NO_CURVE, NO_CURVE, NO_CURVE), weights={}, note=""
)
NOTHING_OF_OURS = [
    b"",
    b"x",
    b"\x93NUMPY",
    b"PK\x03\x04",
    b"PAR1 and so on PAR1",
    bytes(200),
    b"only text\n" * 20,
]


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def assert_same(read, written):
    """That two nests of mappings, lists, tensors and plain values are the same."""
    assert isinstance(read, type(written))
    if isinstance(written, torch.Tensor):
        assert read.dtype == written.dtype
        assert torch.equal(read, written)
    elif isinstance(written, dict):
        assert list(read) == list(written)
        for name in written:
            assert_same(read[name], written[name])
    elif isinstance(written, list | tuple):
        assert len(read) == len(written)
        for one, other in zip(read, written, strict=True):
            assert_same(one, other)
    else:
        assert read == written or (read != read and written != written)  # NaN is not itself


@pytest.fixture
def state():
    """A network that has learned a little, as it is kept while it learns."""
    network = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.Linear(4, 2))
    optimiser = torch.optim.AdamW(network.parameters())
    network(torch.ones(3, 8)).sum().backward()
    optimiser.step()
    return {
        "network": network.state_dict(),
        "objective": OrderedDict(),
        "optimiser": optimiser.state_dict(),
        "progress": {
            "losses": [torch.tensor([0.5, 0.25]), torch.tensor([0.125])],
            "accuracy": [0.5, 0.1 + 0.2],
            "held_out": [0.5, float("nan")],
            "ending": 1,
        },
    }


@pytest.fixture
def kept(tmp_path, state):
    """The only file in a folder: a half-learned network."""
    path = tmp_path / "learning.checkpoint"
    save_checkpoint(path, state)
    return path


@pytest.mark.parametrize("embedding", [EMBEDDING, NOT_LEARNED], ids=["learned", "not learned"])
def test_an_embedding_is_read_as_it_was_written(tmp_path, embedding):
    save_embedding(tmp_path / "embedding.safetensors", embedding)
    read = load_embedding(tmp_path / "embedding.safetensors")
    assert (read.raw_share, read.note) == (embedding.raw_share, embedding.note)
    np.testing.assert_array_equal(read.learned, embedding.learned, strict=True)
    for curve in ("loss", "accuracy", "held_out"):
        before, after = getattr(embedding.curves, curve), getattr(read.curves, curve)
        np.testing.assert_array_equal(after, before, strict=True)
    assert read.weights.keys() == embedding.weights.keys()
    for name, values in embedding.weights.items():
        np.testing.assert_array_equal(read.weights[name], values, strict=True)


def test_weights_that_are_no_block_of_memory_are_read_as_they_were_written(tmp_path):
    weights = {"projection": np.arange(6, dtype=np.float32).reshape(2, 3).T}
    embedding = Embedding(EMBEDDING.learned[:, ::2], 0.5, EMBEDDING.curves, weights, "")
    save_embedding(tmp_path / "embedding.safetensors", embedding)
    read = load_embedding(tmp_path / "embedding.safetensors")
    np.testing.assert_array_equal(read.learned, embedding.learned, strict=True)
    np.testing.assert_array_equal(read.weights["projection"], weights["projection"], strict=True)


def test_saving_an_embedding_leaves_one_file_and_no_other(tmp_path):
    save_embedding(tmp_path / "file", EMBEDDING)
    assert names_in(tmp_path) == ["file"]


def test_the_same_embedding_makes_the_same_bytes(tmp_path):
    written = set()
    for number in range(30):
        save_embedding(tmp_path / f"{number}", EMBEDDING)
        written.add((tmp_path / f"{number}").read_bytes())
    assert len(written) == 1


@pytest.mark.parametrize("content", NOTHING_OF_OURS)
def test_a_file_that_is_no_embedding_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "stage"
    path.write_bytes(content)
    with pytest.raises(StorageError, match="delete it and run again") as caught:
        load_embedding(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept_share", [0.02, 0.5, 0.95])
def test_an_embedding_that_was_cut_short_is_refused_in_one_line(tmp_path, kept_share):
    path = tmp_path / "stage"
    save_embedding(path, EMBEDDING)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept_share * len(whole))])
    with pytest.raises(StorageError, match="cannot read") as caught:
        load_embedding(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "missing",
    ["learned", "loss_curve", "accuracy_curve", "held_out_curve", "raw_share", "note"],
)
def test_an_embedding_without_one_of_its_parts_is_refused(tmp_path, missing):
    curves = {f"{name}_curve": NO_CURVE for name in ("loss", "accuracy", "held_out")}
    tensors, told = {"learned": EMBEDDING.learned} | curves, {"raw_share": 0.5, "note": ""}
    path = tmp_path / "stage"
    path.write_bytes(safetensors.numpy.save(tensors, {"about": json.dumps(told)}))
    load_embedding(path)
    for parts in (tensors, told):
        parts.pop(missing, None)
    path.write_bytes(safetensors.numpy.save(tensors, {"about": json.dumps(told)}))
    with pytest.raises(StorageError, match="delete it and run again") as caught:
        load_embedding(path)
    assert missing in str(caught.value)


@pytest.mark.parametrize(
    "told", [None, {}, {"about": "half"}, {"about": '{"raw_share": "most", "note": ""}'}]
)
def test_an_embedding_of_no_readable_share_is_refused(tmp_path, told):
    curves = {f"{name}_curve": NO_CURVE for name in ("loss", "accuracy", "held_out")}
    path = tmp_path / "stage"
    path.write_bytes(safetensors.numpy.save({"learned": EMBEDDING.learned} | curves, told))
    with pytest.raises(StorageError, match="delete it and run again"):
        load_embedding(path)


def test_a_missing_embedding_is_refused_in_one_line(tmp_path):
    with pytest.raises(StorageError, match="cannot read") as caught:
        load_embedding(tmp_path / "none")
    assert "\n" not in str(caught.value)


def test_a_checkpoint_is_read_as_it_was_written(kept, state):
    assert_same(load_checkpoint(kept), state)


def test_a_checkpoint_goes_over_the_one_before(kept, state):
    later = state | {"progress": state["progress"] | {"ending": 2}}
    save_checkpoint(kept, later)
    assert_same(load_checkpoint(kept), later)
    assert names_in(kept.parent) == [kept.name]


def test_a_checkpoint_that_is_not_there_is_none(tmp_path):
    assert load_checkpoint(tmp_path / "none") is None
    assert load_checkpoint(tmp_path / "no folder" / "none") is None


@pytest.mark.parametrize("content", NOTHING_OF_OURS)
def test_a_file_that_is_no_checkpoint_is_none(tmp_path, content):
    (tmp_path / "stage").write_bytes(content)
    assert load_checkpoint(tmp_path / "stage") is None


def test_a_checkpoint_that_was_cut_short_anywhere_is_none(kept):
    whole = kept.read_bytes()
    for size in range(0, len(whole), 97):
        kept.write_bytes(whole[:size])
        assert load_checkpoint(kept) is None, size


@pytest.mark.parametrize("content", [[1, 2], torch.ones(3), "text", 3, None], ids=repr)
def test_a_checkpoint_that_is_no_mapping_is_none(tmp_path, content):
    torch.save(content, tmp_path / "stage")
    assert load_checkpoint(tmp_path / "stage") is None


def test_a_checkpoint_of_which_any_byte_was_changed_is_none_or_as_it_was(kept, state):
    whole = np.frombuffer(kept.read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    for place in rng.permutation(len(whole))[:300]:
        damaged = whole.copy()
        damaged[place] ^= rng.integers(1, 256, dtype=np.uint8)
        kept.write_bytes(damaged.tobytes())
        read = load_checkpoint(kept)
        if read is not None:  # the change was in what nobody reads
            assert_same(read, state)


@pytest.mark.parametrize("content", [b"hello world\n", b"\x80\x02."])
def test_a_file_that_starts_like_a_pickle_is_no_checkpoint(tmp_path, content):
    (tmp_path / "stage").write_bytes(content)
    assert load_checkpoint(tmp_path / "stage") is None


class Trap:
    """What makes a folder as soon as it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def pickled(path, content):
    with path.open("wb") as file:
        pickle.dump(content, file)


def saved_by_torch(path, content):
    torch.save(content, path)


def saved_by_torch_of_old(path, content):
    torch.save(content, path, _use_new_zipfile_serialization=False)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
@pytest.mark.parametrize("write", [pickled, saved_by_torch, saved_by_torch_of_old])
def test_a_checkpoint_that_would_run_something_is_none_and_runs_nothing(tmp_path, state, write):
    sprung = tmp_path / "sprung"
    write(tmp_path / "stage", state | {"progress": Trap(sprung)})
    content = (tmp_path / "stage").read_bytes()
    (tmp_path / "stage").write_bytes(hashlib.sha256(content).digest() + content)  # undamaged
    assert load_checkpoint(tmp_path / "stage") is None
    assert not sprung.exists()
    # The trap is one: whoever unpickles it steps into it.
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists()


def test_saving_a_checkpoint_leaves_one_file_and_no_other(kept):
    assert names_in(kept.parent) == [kept.name]


@pytest.mark.parametrize("place", ["a file/in it", "no folder/in it"])
def test_saving_an_embedding_where_nothing_can_be_written_is_a_clear_error(tmp_path, place):
    (tmp_path / "a file").write_text("kept")
    with pytest.raises(StorageError, match="cannot write") as caught:
        save_embedding(tmp_path / place, EMBEDDING)
    assert "\n" not in str(caught.value)
    assert names_in(tmp_path) == ["a file"]


@pytest.mark.parametrize("place", ["a file/in it", "no folder/in it"])
def test_saving_a_checkpoint_where_nothing_can_be_written_is_a_clear_error(tmp_path, state, place):
    (tmp_path / "a file").write_text("kept")
    with pytest.raises(StorageError, match="cannot write") as caught:
        save_checkpoint(tmp_path / place, state)
    assert "\n" not in str(caught.value)
    assert names_in(tmp_path) == ["a file"]
