import pytest
import torch
from torch.nn import functional

from tracker.embedding import augmentation
from tracker.embedding.augmentation import augment, to_float


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(count=32, height=40, width=40, seed=0):
    """Smooth colours, different from picture to picture."""
    rough = torch.rand(count, 3, 5, 5, generator=seeded(seed))
    return functional.interpolate(rough, size=(height, width), mode="bilinear")


def are_changed(before, after):
    """Which (B,) pictures are not what they were."""
    return ((before - after).abs() > 1e-6).flatten(1).any(dim=1)


def test_crops_become_floats_with_their_colours_first():
    crops = torch.tensor([0, 51, 102, 153, 204, 255], dtype=torch.uint8).reshape(1, 1, 2, 3)
    expected = torch.tensor([[[[0.0, 0.6]], [[0.2, 0.8]], [[0.4, 1.0]]]])
    torch.testing.assert_close(to_float(crops), expected)
    assert to_float(crops).is_contiguous()


def test_no_crops_become_no_floats():
    assert to_float(torch.zeros(0, 8, 8, 3, dtype=torch.uint8)).shape == (0, 3, 8, 8)


def test_the_same_seed_changes_pictures_the_same():
    assert torch.equal(augment(pictures(), seeded(3)), augment(pictures(), seeded(3)))


def test_another_seed_changes_them_otherwise():
    assert not torch.equal(augment(pictures(), seeded(3)), augment(pictures(), seeded(4)))


def test_a_generator_that_goes_on_changes_them_otherwise():
    generator = seeded()
    assert not torch.equal(augment(pictures(), generator), augment(pictures(), generator))


def test_every_picture_is_changed_in_its_own_way():
    copies = pictures(1).expand(16, -1, -1, -1)
    changed = augment(copies, seeded())
    distances = torch.cdist(changed.flatten(1), changed.flatten(1))
    assert (distances + 100 * torch.eye(16)).min() > 0.1


def test_pictures_keep_their_shape_range_and_kind():
    images = torch.rand(64, 3, 40, 56, generator=seeded())
    changed = augment(images, seeded(1))
    assert changed.shape == images.shape
    assert changed.dtype == torch.float32
    assert 0 <= changed.min() <= changed.max() <= 1


def test_pictures_are_changed_in_a_copy():
    images = pictures()
    before = images.clone()
    augment(images, seeded())
    assert torch.equal(images, before)


def test_changed_pictures_are_still_like_themselves():
    images = pictures(64)
    changed = augment(images, seeded()).flatten(1)
    straight = torch.cdist(changed, images.flatten(1))
    mirrored = torch.cdist(changed, images.flip(3).flatten(1))
    assert (torch.minimum(straight, mirrored).argmin(dim=1) == torch.arange(64)).all()


def test_no_pictures_stay_none():
    assert augment(torch.zeros(0, 3, 8, 8), seeded()).shape == (0, 3, 8, 8)


def test_the_random_numbers_of_torch_are_left_alone():
    before = torch.get_rng_state()
    augment(pictures(), seeded())
    assert torch.equal(torch.get_rng_state(), before)


def test_no_gradient_goes_through_the_changes():
    assert not augment(pictures().requires_grad_(), seeded()).requires_grad


def test_half_of_the_pictures_are_mirrored_and_the_others_left():
    images = pictures(400, 8, 8)
    after = augmentation._mirror(images, seeded())
    is_mirrored = are_changed(images, after)
    assert torch.equal(after[is_mirrored], images.flip(3)[is_mirrored])
    assert is_mirrored.float().mean().item() == pytest.approx(0.5, abs=0.08)


def test_a_tint_keeps_grey_pictures_grey():
    grey = torch.rand(8, 1, 10, 10, generator=seeded()).expand(-1, 3, -1, -1)
    tinted = augmentation._tint(grey, seeded())
    torch.testing.assert_close(tinted[:, 0], tinted[:, 1])
    torch.testing.assert_close(tinted[:, 0], tinted[:, 2])
    assert are_changed(grey, tinted).all()


def test_a_tint_keeps_pictures_of_one_brightness_even():
    even = torch.tensor([0.6, 0.4, 0.2]).reshape(1, 3, 1, 1).expand(8, 3, 10, 10)
    tinted = augmentation._tint(even, seeded())
    assert tinted.flatten(2).std(dim=2).max() < 1e-6
    assert tinted.mean(dim=(2, 3)).std(dim=0).min() > 0.01


def test_a_share_of_the_pictures_is_blurred_and_the_others_left():
    images = torch.rand(400, 3, 9, 9, generator=seeded())
    blurred = augmentation._blur(images, seeded())
    is_blurred = are_changed(images, blurred)
    assert is_blurred.float().mean().item() == pytest.approx(0.3, abs=0.08)
    spread = images.flatten(1).std(dim=1), blurred.flatten(1).std(dim=1)
    assert (spread[1] < spread[0])[is_blurred].all()


def test_a_blur_leaves_even_pictures_as_they_are():
    even = torch.full((20, 3, 9, 9), 0.3)
    torch.testing.assert_close(augmentation._blur(even, seeded()), even)


def test_pictures_are_moved_by_no_more_than_a_few_percent():
    dot = torch.zeros(200, 3, 101, 101)
    dot[:, :, 50, 50] = 1
    moved = augmentation._move(dot, seeded())[:, 0]
    weights = moved / moved.sum(dim=(1, 2), keepdim=True)
    places = torch.arange(101.0)
    across = (weights.sum(dim=1) * places).sum(dim=1)
    down = (weights.sum(dim=2) * places).sum(dim=1)
    for place in (across, down):
        assert (place - 50).abs().max() < 6.5
        assert place.min() < 46
        assert place.max() > 54


def test_beyond_the_edge_the_border_is_repeated():
    even = torch.full((50, 3, 20, 20), 0.7)
    torch.testing.assert_close(augmentation._move(even, seeded()), even)


def test_a_rectangle_of_some_pictures_is_filled_with_its_mean_colour():
    images = torch.rand(300, 3, 40, 50, generator=seeded())
    erased = augmentation._erase(images, seeded(1))
    inside = (images != erased).any(dim=1)  # (B, H, W)
    has_one = inside.flatten(1).any(dim=1)
    assert has_one.float().mean().item() == pytest.approx(0.3, abs=0.08)
    for before, after, where in zip(images, erased, inside, strict=True):
        rows, columns = where.any(dim=1), where.any(dim=0)
        assert torch.equal(where, rows[:, None] & columns)
        if where.any():
            assert 5 <= rows.sum() <= 17
            assert 7 <= columns.sum() <= 21
            mean = before[:, where].mean(dim=1, keepdim=True)
            torch.testing.assert_close(after[:, where], mean.expand(3, int(where.sum())))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_pictures_on_a_gpu_stay_there_and_are_changed_the_same_by_the_same_seed():
    images = pictures().to("cuda")
    one, other = (augment(images, torch.Generator("cuda").manual_seed(3)) for _ in range(2))
    assert one.device.type == "cuda"
    assert torch.equal(one, other)
