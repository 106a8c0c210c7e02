import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tracker.boxes import box_areas, box_iou, box_overlap, scale_boxes

NO_BOXES = np.zeros((0, 4), np.float32)


def whole_boxes(side: int = 8):
    """Up to four boxes on a grid of pixels, some of them empty or turned inside out."""
    return st.integers(0, 4).flatmap(
        lambda count: arrays(np.float64, (count, 4), elements=st.integers(0, side).map(float))
    )


def iou_by_counting_pixels(a, b, side: int = 8):
    y, x = np.mgrid[:side, :side]

    def pixels(box):
        return (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3])

    iou = np.zeros((len(a), len(b)))
    for row, one in enumerate(a):
        for column, other in enumerate(b):
            union = np.sum(pixels(one) | pixels(other))
            if union:
                iou[row, column] = np.sum(pixels(one) & pixels(other)) / union
    return iou


def test_iou_computed_by_hand():
    a = np.array([[0, 0, 4, 4], [10, 10, 12, 12]], np.float32)
    b = np.array([[2, 0, 6, 4], [0, 0, 4, 4], [4, 0, 8, 4]], np.float32)  # the last only touches
    np.testing.assert_allclose(box_iou(a, b), [[1 / 3, 1, 0], [0, 0, 0]], rtol=1e-6)


@given(whole_boxes(), whole_boxes())
def test_iou_is_the_share_of_pixels_in_both(a, b):
    np.testing.assert_allclose(box_iou(a, b), iou_by_counting_pixels(a, b))


@given(whole_boxes(), whole_boxes(), st.integers(-50, 50))
def test_iou_does_not_depend_on_the_order_or_on_the_place(a, b, shift):
    np.testing.assert_allclose(box_iou(a + shift, b + shift), box_iou(b, a).T)


def test_iou_of_a_box_with_itself_is_one_and_of_empty_boxes_zero():
    boxes = np.array([[3, 4, 5, 9], [3, 4, 3, 9], [5, 9, 3, 4]], np.float32)
    assert np.diag(box_iou(boxes, boxes)).tolist() == [1, 0, 0]


def test_iou_keeps_the_precision_it_is_given():
    for precision in (np.float32, np.float64):
        assert box_iou(NO_BOXES.astype(precision), NO_BOXES.astype(precision)).dtype == precision


def test_iou_with_no_boxes_is_an_empty_matrix():
    one = np.array([[0, 0, 1, 1]], np.float32)
    assert box_iou(NO_BOXES, one).shape == (0, 1)
    assert box_iou(one, NO_BOXES).shape == (1, 0)
    assert box_iou(NO_BOXES, NO_BOXES).shape == (0, 0)


def overlap_by_counting_pixels(a, b, side: int = 8):
    y, x = np.mgrid[:side, :side]
    overlap = np.zeros(len(a))
    for row, pair in enumerate(zip(a, b, strict=True)):
        one, other = ((x >= x1) & (x < x2) & (y >= y1) & (y < y2) for x1, y1, x2, y2 in pair)
        if smaller := min(one.sum(), other.sum()):
            overlap[row] = np.sum(one & other) / smaller
    return overlap


def test_overlap_computed_by_hand():
    # A quarter of the second lies in the first; the third lies wholly within the first.
    first = np.array([[0, 0, 8, 8]] * 3, np.float32)
    others = np.array([[6, 6, 10, 10], [1, 1, 3, 3], [8, 0, 9, 8]], np.float32)
    assert box_overlap(first, others).tolist() == [0.25, 1, 0]  # the last only touches
    assert box_overlap(others, first).tolist() == [0.25, 1, 0]


@given(whole_boxes(), whole_boxes())
def test_overlap_is_the_share_of_the_smaller_ones_pixels(a, b):
    count = min(len(a), len(b))
    a, b = a[:count], b[:count]
    np.testing.assert_allclose(box_overlap(a, b), overlap_by_counting_pixels(a, b))


def test_empty_boxes_overlap_nothing():
    boxes = np.array([[3, 4, 3, 9], [5, 9, 3, 4], [0, 0, 20, 20]], np.float32)
    assert box_overlap(boxes, boxes).tolist() == [0, 0, 1]
    assert box_overlap(boxes, boxes[::-1]).tolist() == [0, 0, 0]


def test_no_boxes_overlap_nothing():
    assert box_overlap(NO_BOXES, NO_BOXES).shape == (0,)


def test_area_computed_by_hand():
    boxes = np.array([[1, 2, 4, 7], [1, 2, 1, 7], [4, 7, 1, 2]], np.float32)
    assert box_areas(boxes).tolist() == [15, 0, 0]  # the last is turned inside out


def test_no_boxes_have_no_areas():
    assert box_areas(NO_BOXES).shape == (0,)


def test_scaling_computed_by_hand():
    boxes = np.array([[10, 20, 20, 40]], np.float32)
    assert scale_boxes(boxes, 2.0, 1.5).tolist() == [[5, 15, 25, 45]]


@given(whole_boxes(), st.floats(0.25, 4), st.floats(0.25, 4))
def test_scaling_keeps_the_centre_and_can_be_undone(boxes, width_factor, height_factor):
    scaled = scale_boxes(boxes, width_factor, height_factor)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    np.testing.assert_allclose((scaled[:, :2] + scaled[:, 2:]) / 2, centres, atol=1e-9)
    back = scale_boxes(scaled, 1 / width_factor, 1 / height_factor)
    np.testing.assert_allclose(back, boxes, atol=1e-9)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_scaling_no_boxes_gives_no_boxes_of_the_same_precision(precision):
    scaled = scale_boxes(NO_BOXES.astype(precision), 1.1, 1.4)
    assert scaled.shape == (0, 4)
    assert scaled.dtype == precision
