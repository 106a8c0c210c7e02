import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.detection.yunet_decode import (
    Candidates,
    cell_grid,
    decode,
    one_of_each_face,
    padded_size,
)


def drawn_candidates(count, cell_count, seed=0):
    draw = np.random.default_rng(seed)
    return Candidates(
        np.sort(draw.choice(cell_count, count, replace=False)),
        draw.random(count, np.float32),
        draw.normal(size=(count, 4)).astype(np.float32),
        draw.normal(size=(count, 10)).astype(np.float32),
    )


@pytest.mark.parametrize(
    ("size", "padded"),
    [((1, 1), (32, 32)), ((32, 64), (32, 64)), ((33, 63), (64, 64)), ((720, 1280), (736, 1280))],
)
def test_a_picture_is_padded_to_whole_cells_of_the_coarsest_level(size, padded):
    assert padded_size(*size) == padded


def test_the_grid_goes_level_by_level_and_row_by_row():
    grid = cell_grid(32, 64)
    assert grid.shape == (8 * 4 + 4 * 2 + 2, 3)
    assert grid[:9].tolist() == [*([column, 0, 8] for column in range(8)), [0, 1, 8]]
    assert grid[32].tolist() == [0, 0, 16]
    assert grid[-2:].tolist() == [[0, 0, 32], [1, 0, 32]]


def test_a_face_computed_by_hand():
    box = [[0.5, 0.25, math.log(2), math.log(4)]]
    points = [[1, 2, 0, 0, 0, 0, 0, 0, 0, -1]]
    seen = Candidates(
        np.array([9]), np.array([0.5], np.float32), np.float32(box), np.float32(points)
    )
    face = decode(seen, cell_grid(32, 64))[0]  # in column 1, row 1 of the level of 8 pixels
    np.testing.assert_allclose(face[:4], [12 - 8, 10 - 16, 16, 32], atol=1e-5)
    np.testing.assert_allclose(face[4:14], [16, 24, 8, 8, 8, 8, 8, 8, 8, 0], atol=1e-5)
    assert face[14] == 0.5


def slowly_decoded(seen, grid):
    faces = []
    for cell, score, box, points in zip(
        seen.cells, seen.scores, seen.boxes, seen.points, strict=True
    ):
        column, row, stride = grid[cell]
        width, height = math.exp(box[2]) * stride, math.exp(box[3]) * stride
        face = [(column + box[0]) * stride - width / 2, (row + box[1]) * stride - height / 2]
        face += [width, height]
        for x, y in points.reshape(5, 2):
            face += [(column + x) * stride, (row + y) * stride]
        faces.append([*face, score])
    return np.array(faces)


def test_faces_are_decoded_as_one_by_one():
    grid = cell_grid(64, 96)
    seen = drawn_candidates(50, len(grid))
    np.testing.assert_allclose(decode(seen, grid), slowly_decoded(seen, grid), rtol=1e-4, atol=1e-3)


def test_no_candidates_are_no_faces():
    faces = one_of_each_face(decode(drawn_candidates(0, 10), cell_grid(32, 32)))
    assert faces.shape == (0, 15)
    assert faces.dtype == np.float32


def iou_of(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def slowly_thinned(faces):
    kept = []
    for face in sorted(faces, key=lambda face: -face[14]):
        box = [int(value) for value in face[:4]]
        if all(iou_of(box, [int(value) for value in other[:4]]) <= 0.3 for other in kept):
            kept.append(face)
    return np.array(kept, np.float32).reshape(-1, 15)


sides = st.floats(1, 40, width=32)
places = st.floats(-20, 40, width=32)


@given(
    boxes=st.lists(st.tuples(places, places, sides, sides), max_size=20),
    order=st.randoms(use_true_random=False),
)
def test_of_faces_that_overlap_the_best_stays(boxes, order):
    scores = [(number + 1) / 32 for number in range(len(boxes))]
    order.shuffle(scores)
    faces = np.zeros((len(boxes), 15), np.float32)
    faces[:, :4] = np.array(boxes, np.float32).reshape(-1, 4)
    faces[:, 14] = scores
    np.testing.assert_array_equal(one_of_each_face(faces), slowly_thinned(faces))


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ([0.9, 0, 10.9, 10], [6.9, 0, 10, 10], 2),  # 49 / 160 as they are; 40 / 160 in whole pixels
        ([0.0, 0, 10.0, 10], [5.9, 0, 10, 10], 1),  # 41 / 159 as they are; 50 / 150 in whole pixels
    ],
)
def test_overlap_is_judged_in_whole_pixels(first, second, kept):
    faces = np.zeros((2, 15), np.float32)
    faces[:, :4] = [first, second]
    faces[:, 14] = [0.9, 0.8]
    assert len(one_of_each_face(faces)) == kept
