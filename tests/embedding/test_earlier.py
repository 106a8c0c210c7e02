import numpy as np
import pytest
import torch

from tracker.embedding.earlier import Earlier, load_networks
from tracker.embedding.network import CorrectingHead, EmbeddingHead
from tracker.errors import ConfigError


def head(seed=0, size=6, dim=4):
    torch.manual_seed(seed)
    return EmbeddingHead(size, dim, dropout=0.2, seed=seed)


def weights_of(*networks):
    """As an embedding has them."""
    return {
        f"network.{number}.{name}": value.numpy().copy()
        for number, network in enumerate(networks)
        for name, value in network.state_dict().items()
    }


def earlier(*networks, **others):
    return Earlier("runs/first", weights_of(*networks) | others)


def prepared(kind, steps, size=3):
    """The weights of a kind of features that was prepared in so many steps."""
    rng = np.random.default_rng(kind)
    found = {f"preparation.{kind}.centre": rng.normal(size=size).astype(np.float32)}
    for step in range(steps):
        found[f"preparation.{kind}.{step}.mean"] = rng.normal(size=size).astype(np.float32)
        found[f"preparation.{kind}.{step}.matrix"] = rng.normal(size=(size, size)).astype(
            np.float32
        )
    return found


def test_networks_start_where_the_earlier_ones_ended():
    before, now = [head(1), head(2)], [head(3), head(4)]
    load_networks(earlier(*before), now)
    for one, other in zip(before, now, strict=True):
        for name, value in one.state_dict().items():
            assert torch.equal(other.state_dict()[name], value)


def test_more_than_ten_networks_keep_their_order():
    before, now = [head(seed) for seed in range(12)], [head(99) for _ in range(12)]
    load_networks(earlier(*before), now)
    for one, other in zip(before, now, strict=True):
        assert torch.equal(one.layers[0].weight, other.layers[0].weight)


def test_learning_on_leaves_the_earlier_weights_alone():
    first = earlier(head(1))
    kept = {name: values.copy() for name, values in first.weights.items()}
    network = head(2)
    load_networks(first, [network])
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    for name, values in first.weights.items():
        np.testing.assert_array_equal(values, kept[name])


def test_what_is_no_network_is_none():
    first = earlier(head(1), projection=np.eye(4, dtype=np.float32), **prepared(0, 2))
    assert len(first.networks) == 1
    assert first.networks[0].keys() == head(1).state_dict().keys()


@pytest.mark.parametrize(
    "now",
    [
        [head(1, dim=5)],
        [head(1, size=7)],
        [head(1), head(2)],
        [],
        [CorrectingHead(torch.zeros(4, 6), 0.2, 0)],
    ],
    ids=["another dim", "other features", "more heads", "none", "another kind"],
)
def test_networks_of_other_shapes_are_refused(now):
    with pytest.raises(ConfigError) as caught:
        load_networks(earlier(head(1)), now)
    message = str(caught.value)
    assert message.startswith("embedding.init: runs/first has 1 network of other shapes than the")
    assert "--dim" in message


def test_networks_that_are_refused_stay_as_they_were():
    now = [head(2), head(3, dim=5)]
    before = [value.clone() for value in now[0].state_dict().values()]
    with pytest.raises(ConfigError):
        load_networks(earlier(head(1), head(1)), now)
    assert all(
        torch.equal(one, other)
        for one, other in zip(before, now[0].state_dict().values(), strict=True)
    )


def test_a_run_that_learned_nothing_is_nothing_to_start_from():
    nothing = Earlier("runs/first", {"projection": np.eye(4, dtype=np.float32), **prepared(0, 1)})
    with pytest.raises(ConfigError, match=r"embedding\.init: runs/first learned nothing"):
        load_networks(nothing, [head(1)])


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_how_features_were_prepared_is_known_step_by_step(steps):
    weights = prepared(0, 1) | prepared(1, steps) | prepared(2, 2)
    preparations, centre = Earlier("runs/first", weights).preparation(1)
    assert len(preparations) == steps
    np.testing.assert_array_equal(centre, weights["preparation.1.centre"])
    for step, one in enumerate(preparations):
        np.testing.assert_array_equal(one.mean, weights[f"preparation.1.{step}.mean"])
        np.testing.assert_array_equal(one.matrix, weights[f"preparation.1.{step}.matrix"])


def test_a_kind_of_features_that_was_not_learned_from_is_refused():
    with pytest.raises(ConfigError, match="runs/first learned from other features"):
        Earlier("runs/first", prepared(0, 1)).preparation(1)
