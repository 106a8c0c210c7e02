"""What is left of a hidden face, and of what must not be touched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.redaction.hiding import METHODS, hide_regions, pixels_of
from tracker.redaction.regions import widened

NONE = np.zeros((0, 4))
HEIGHT, WIDTH = 90, 120
every_method = pytest.mark.parametrize("method", METHODS)


def noise(seed=0):
    # No grey of it is that of a fill.
    return np.random.default_rng(seed).integers(70, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


@st.composite
def faces(draw, least=0):
    corner = st.floats(-30, 110)
    boxes = draw(
        st.lists(
            st.tuples(corner, corner, st.floats(5, 60), st.floats(5, 60)),
            min_size=least,
            max_size=4,
        )
    )
    table = np.array(boxes, float).reshape(-1, 4)
    table[:, 2:] += table[:, :2]
    return table


@given(faces())
def test_every_pixel_that_a_face_touches_is_covered_in_full(boxes):
    hidden = hide_regions(noise(), widened(boxes), "fill")
    assert np.all(hidden[pixels_of(boxes, hidden.shape)] == 60)


@given(faces())
def test_a_fill_is_the_superellipse_that_a_loop_draws(boxes):
    image, regions = noise(), widened(boxes)
    expected = image.copy()
    for x1, y1, x2, y2 in regions.tolist():
        for y in range(HEIGHT):
            for x in range(max(int(x1), 0), min(int(x2) + 1, WIDTH)):
                across = (x + 0.5 - (x1 + x2) / 2) / ((x2 - x1) / 2)
                down = (y + 0.5 - (y1 + y2) / 2) / ((y2 - y1) / 2)
                if across**4 + down**4 <= 1:
                    expected[y, x] = 60
    np.testing.assert_array_equal(hide_regions(image, regions, "fill"), expected)


@every_method
def test_fine_detail_of_a_face_is_gone(method):
    """A checkerboard leaves no trace: no sharpening brings it back."""
    box = np.array([[40.0, 20.0, 80.0, 70.0]])
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    plain = np.repeat((100 + x // 2)[:, :, None], 3, axis=2)
    checked = plain + 60 * (2 * ((x + y) % 2) - 1)[:, :, None]
    one, other = (
        hide_regions(image.astype(np.uint8), widened(box), method).astype(int)
        for image in (plain, checked)
    )
    inside = pixels_of(box, one.shape)
    assert np.abs(one[inside] - other[inside]).max() <= 3


@every_method
@pytest.mark.parametrize("side", [6, 12, 50])
def test_no_pixel_of_a_face_stays_however_small(method, side):
    box = np.array([[30.0, 20.0, 30.0 + side, 20.0 + side]])
    image = noise()
    inside = pixels_of(box, image.shape)
    same = (hide_regions(image, widened(box), method) == image).all(axis=2)
    assert same[inside].mean() < 0.01


def test_a_face_in_squares_has_sixteen_colours_at_most():
    box = np.array([[40.0, 20.0, 80.0, 70.0]])
    hidden = hide_regions(noise(), widened(box), "pixelate")
    assert len(np.unique(hidden[pixels_of(box, hidden.shape)], axis=0)) <= 16


@given(faces(least=1), faces(least=1), st.sampled_from(METHODS))
def test_a_spared_face_stays_to_the_bit_whatever_overlaps_it(boxes, spared, method):
    image = noise()
    hidden = hide_regions(image, widened(boxes), method, spared)
    kept = pixels_of(spared, image.shape)
    np.testing.assert_array_equal(hidden[kept], image[kept])


@given(faces(least=1), faces(least=1))
def test_a_face_that_is_never_spared_is_covered_whatever_is_spared(boxes, spared):
    hidden = hide_regions(noise(), widened(boxes), "fill", spared, boxes)
    assert np.all(hidden[pixels_of(boxes, hidden.shape)] == 60)


@every_method
def test_far_from_every_region_nothing_changes(method):
    box = np.array([[40.0, 30.0, 60.0, 50.0]])
    image = noise()
    far = ~pixels_of(np.array([[30.0, 18.0, 70.0, 62.0]]), image.shape)
    np.testing.assert_array_equal(hide_regions(image, widened(box), method)[far], image[far])


def test_a_blur_ends_softly():
    image = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    image[20:70, 40:80] = 0
    row = hide_regions(image, widened(np.array([[40.0, 20.0, 80.0, 70.0]])), "blur")[45].astype(int)
    assert np.abs(np.diff(row, axis=0)).max() < 40


@every_method
def test_the_picture_that_is_given_stays_as_it_is(method):
    image = noise()
    hide_regions(image, np.array([[10.0, 10.0, 60.0, 60.0]]), method)
    np.testing.assert_array_equal(image, noise())


@every_method
def test_regions_outside_the_picture_change_nothing(method):
    outside = np.array([[-80.0, 10.0, -40.0, 60.0], [10.0, 500.0, 60.0, 560.0]])
    np.testing.assert_array_equal(hide_regions(noise(), outside, method), noise())


@every_method
def test_without_regions_nothing_changes(method):
    np.testing.assert_array_equal(hide_regions(noise(), NONE, method), noise())
