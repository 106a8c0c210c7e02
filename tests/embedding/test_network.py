import pytest
import torch

from tracker.embedding.network import CorrectingHead, EmbeddingHead, SeededDropout

ONES = torch.ones(200, 50)


def features(count=12, size=24):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(0))


def heads(dropout=0.5, seed=3, dim=64, unit_length=True):
    """One of either kind, for 24 features."""
    torch.manual_seed(0)
    directions = torch.randn(dim, 24) / 24**0.5
    return [
        EmbeddingHead(24, dim, dropout, seed, unit_length),
        CorrectingHead(directions, dropout, seed, unit_length),
    ]


both_kinds = pytest.mark.parametrize("kind", [0, 1], ids=["new metric", "corrected"])


def test_dropout_of_the_same_seed_drops_the_same():
    one, other = SeededDropout(0.3, 7), SeededDropout(0.3, 7)
    for _ in range(3):
        assert torch.equal(one(ONES), other(ONES))


def test_dropout_that_is_restarted_drops_the_same_again():
    dropout = SeededDropout(0.3, 7)
    first, second = dropout(ONES), dropout(ONES)
    dropout.restart(7)
    assert torch.equal(dropout(ONES), first)
    assert torch.equal(dropout(ONES), second)


def test_dropout_restarted_from_another_seed_drops_as_if_made_with_it():
    dropout = SeededDropout(0.3, 7)
    dropout(ONES)
    dropout.restart(8)
    assert torch.equal(dropout(ONES), SeededDropout(0.3, 8)(ONES))


def test_dropout_of_another_seed_drops_others():
    assert not torch.equal(SeededDropout(0.3, 7)(ONES), SeededDropout(0.3, 8)(ONES))


def test_dropout_drops_others_every_time():
    dropout = SeededDropout(0.3, 7)
    assert not torch.equal(dropout(ONES), dropout(ONES))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_dropout_drops_its_share_and_scales_up_the_rest(share):
    dropped = SeededDropout(share, 0)(ONES)
    assert (dropped == 0).float().mean().item() == pytest.approx(share, abs=0.02)
    torch.testing.assert_close(dropped[dropped != 0].unique(), torch.tensor([1 / (1 - share)]))
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.1)


def test_dropout_is_nothing_but_training():
    dropout = SeededDropout(0.5, 0).eval()
    assert torch.equal(dropout(ONES), ONES)


def test_dropout_of_no_share_drops_nothing():
    assert torch.equal(SeededDropout(0.0, 0)(ONES), ONES)


def test_dropout_lets_through_the_gradient_of_what_it_keeps():
    values = ONES.clone().requires_grad_()
    dropped = SeededDropout(0.5, 0)(values)
    dropped.sum().backward()
    torch.testing.assert_close(values.grad, dropped.detach())


def test_dropout_leaves_the_random_numbers_of_torch_alone():
    before = torch.get_rng_state()
    SeededDropout(0.5, 0)(ONES)
    assert torch.equal(torch.get_rng_state(), before)


@both_kinds
@pytest.mark.parametrize("dim", [64, 5])
def test_a_face_is_embedded_on_the_unit_sphere(kind, dim):
    embedded = heads(dim=dim)[kind](features())
    assert embedded.shape == (12, dim)
    torch.testing.assert_close(embedded.norm(dim=1), torch.ones(12))


@both_kinds
def test_told_to_a_head_leaves_faces_their_lengths(kind):
    free, on_sphere = (heads(unit_length=told)[kind].eval()(features()) for told in (False, True))
    assert free.norm(dim=1).std() > 0.01
    torch.testing.assert_close(torch.nn.functional.normalize(free, dim=1), on_sphere)


@both_kinds
def test_no_faces_are_embedded_as_none(kind):
    assert heads()[kind](features(count=0)).shape == (0, 64)


def test_a_correction_starts_at_what_the_features_know():
    head = heads()[1]
    known = torch.nn.functional.normalize(features() @ head.projection.weight.T, dim=1)
    torch.testing.assert_close(head(features()), known)


def test_a_head_drops_by_its_seed_and_only_while_it_learns():
    (one, _), (same, _), (other, _) = heads(), heads(), heads(seed=4)
    learning = one(features())
    assert torch.equal(learning, same(features()))
    assert not torch.equal(learning, other(features()))
    one, other = one.eval(), other.eval()
    assert torch.equal(one(features()), other(features()))


def test_a_correction_learns_from_its_first_step():
    head = heads()[1]
    head(features()).square().sum(dim=0)[0].backward()
    assert head.projection.weight.grad.abs().max() > 0
    assert head.correction[-1].weight.grad.abs().max() > 0
