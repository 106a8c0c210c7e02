from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.features.crops import (
    ALIGNED_POINTS,
    MAX_ROLL_RAD,
    MEAN_FACE_POINTS,
    UPRIGHT_MARGIN,
    align_face,
    choose_crops,
    cut_crops,
    fit_similarity,
    upright_square,
    warp,
)
from tracker.records import Detections, Frame

NO_LANDMARKS = np.full((5, 2), np.nan, np.float32)


def similarity(turn_deg, scale, shift):
    angle = np.radians(turn_deg)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, shift])


def moved(points, affine):
    return points @ affine[:, :2].T + affine[:, 2]


def picture(height=120, width=160, detail_px=10):
    """Smooth colours that differ everywhere: a random one every `detail_px`."""
    shape = (height // detail_px, width // detail_px, 3)
    coarse = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def detections_of(frames, heights, scores):
    height = np.array(heights, np.float32)
    zero = np.zeros_like(height)
    return Detections(
        np.array(frames, np.int32),
        np.stack([zero, zero, height, height], axis=1),
        np.array(scores, np.float32),
        np.full((len(height), 5, 2), np.nan, np.float32),
    )


def plain_detections(count):
    return detections_of(range(count), [40] * count, [0.9] * count)


@given(
    turn_deg=st.floats(-180, 180),
    scale=st.floats(0.05, 20),
    shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_a_similarity_is_recovered_exactly(turn_deg, scale, shift):
    affine = similarity(turn_deg, scale, shift)
    points = ALIGNED_POINTS * 128
    np.testing.assert_allclose(fit_similarity(points, moved(points, affine)), affine, atol=1e-7)


def test_a_similarity_fits_points_in_between_by_least_squares():
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    # The same problem as linear equations in cos, sin and the shift.
    rows = [[[x, -y, 1, 0], [y, x, 0, 1]] for x, y in source]
    cos, sin, x, y = np.linalg.lstsq(np.reshape(rows, (10, 4)), target.ravel(), rcond=None)[0]
    np.testing.assert_allclose(fit_similarity(source, target), [[cos, -sin, x], [sin, cos, y]])


def test_a_similarity_never_mirrors():
    points = ALIGNED_POINTS * [-1, 1]
    assert np.linalg.det(fit_similarity(points, ALIGNED_POINTS)[:, :2]) > 0


def test_points_that_are_all_one_are_only_shifted():
    affine = fit_similarity(np.ones((5, 2)), ALIGNED_POINTS)
    np.testing.assert_allclose(moved(np.ones(2), affine), ALIGNED_POINTS.mean(axis=0))


def test_landmarks_are_brought_to_where_the_network_wants_them():
    affine = similarity(25, 0.6, (300, 200))
    landmarks = moved(ALIGNED_POINTS * 100, affine).astype(np.float32)
    to_crop = align_face(np.array([0, 0, 1, 1], np.float32), landmarks, 128)
    np.testing.assert_allclose(moved(landmarks, to_crop), ALIGNED_POINTS * 128, atol=1e-3)


@pytest.mark.parametrize("missing", [slice(None), slice(0, 1)])
def test_without_all_landmarks_those_of_a_mean_face_stand_in(missing):
    box = np.array([100, 50, 180, 150], np.float32)
    mean_face = (box[:2] + MEAN_FACE_POINTS * (box[2:] - box[:2])).astype(np.float32)
    landmarks = mean_face + np.float32(7)
    landmarks[missing] = np.nan
    np.testing.assert_allclose(
        align_face(box, landmarks, 128), align_face(box, mean_face, 128), atol=1e-4
    )


def test_an_upright_square_has_the_box_in_its_middle_with_a_margin():
    box = np.array([10, 20, 50, 100], np.float32)  # 40 x 80 about (30, 60)
    to_crop = upright_square(box, NO_LANDMARKS, 100)
    np.testing.assert_allclose(moved(np.array([30, 60]), to_crop), [50, 50])
    top, bottom = moved(np.array([[30, 20], [30, 100]]), to_crop)[:, 1]
    assert bottom - top == pytest.approx(100 / UPRIGHT_MARGIN)
    np.testing.assert_allclose(to_crop[:, :2], np.eye(2) * to_crop[0, 0])


def tilted_face(tilt_deg):
    """The box (4,) and landmarks (5, 2) of a face whose head is turned clockwise by so much."""
    centre = np.array([120, 90])
    face = (MEAN_FACE_POINTS - 0.5) * 60
    landmarks = moved(face, similarity(tilt_deg, 1.0, centre)).astype(np.float32)
    return np.array([*(centre - 30), *(centre + 30)], np.float32), landmarks


@pytest.mark.parametrize("tilt_deg", [-40, -20, 5, 20, 45])
def test_a_tilted_head_has_its_eyes_level_in_the_crop(tilt_deg):
    box, landmarks = tilted_face(tilt_deg)
    to_crop = upright_square(box, landmarks, 100)
    in_crop = moved(landmarks, to_crop)
    left, right = in_crop[:2]
    assert left[1] == pytest.approx(right[1], abs=1e-3)
    assert left[0] < right[0]
    assert in_crop[3:, 1].min() > left[1]  # the mouth is below


@pytest.mark.parametrize("tilt_deg", [-20, 20, 90, 180])
def test_levelling_the_eyes_moves_and_scales_nothing(tilt_deg):
    box, landmarks = tilted_face(tilt_deg)
    to_crop, upright = (upright_square(box, points, 100) for points in (landmarks, NO_LANDMARKS))
    centre = (box[:2] + box[2:]) / 2
    np.testing.assert_allclose(moved(centre, to_crop), [50, 50])
    np.testing.assert_allclose(
        to_crop[:, :2] @ to_crop[:, :2].T, upright[:, :2] @ upright[:, :2].T, atol=1e-9
    )
    assert np.linalg.det(to_crop[:, :2]) > 0


@pytest.mark.parametrize("tilt_deg", [-170, -90, 60, 120])
def test_a_head_is_turned_back_no_further_than_the_limit(tilt_deg):
    to_crop = upright_square(*tilted_face(tilt_deg), 100)
    turn = np.arctan2(to_crop[0, 1], to_crop[0, 0])
    assert turn == pytest.approx(np.sign(tilt_deg) * MAX_ROLL_RAD)


@pytest.mark.parametrize("missing", [0, 1])
def test_without_both_eyes_a_crop_is_as_upright_as_the_picture(missing):
    box, landmarks = tilted_face(20)
    landmarks[missing] = np.nan
    np.testing.assert_array_equal(
        upright_square(box, landmarks, 100), upright_square(box, NO_LANDMARKS, 100)
    )


def test_a_picture_of_a_tilted_head_is_cut_out_upright():
    box, landmarks = tilted_face(20)
    image = np.zeros((180, 240, 3), np.uint8)
    for eye in landmarks[:2]:
        cv2.circle(image, np.round(eye).astype(int).tolist(), 4, (255, 255, 255), -1)
    detections = replace(
        detections_of([0], [60], [0.9]), boxes=box[None], landmarks=landmarks[None]
    )
    images = np.zeros((1, 100, 100, 3), np.uint8)
    cut_crops([Frame(0, Fraction(0), image)], detections, np.array([0]), {False: images})
    bright = images[0, :, :, 0] > 127
    left, right = (np.flatnonzero(half.any(axis=1)).mean() for half in np.hsplit(bright, 2))
    assert left == pytest.approx(right, abs=1.0)


def test_a_box_without_area_still_gives_a_crop():
    to_crop = upright_square(np.array([5, 5, 5, 5], np.float32), NO_LANDMARKS, 100)
    assert np.isfinite(to_crop).all()


def test_a_warp_that_changes_nothing_gives_the_picture():
    image = picture(64, 64)
    np.testing.assert_array_equal(warp(image, np.eye(2, 3), 64), image)


def test_a_warp_cuts_whole_pixels_unchanged():
    image = picture()
    to_crop = np.array([[1.0, 0, -30], [0, 1, -20]])
    np.testing.assert_array_equal(warp(image, to_crop, 50), image[20:70, 30:80])


def test_beyond_the_edge_the_border_is_repeated():
    image = picture()
    crop = warp(image, np.array([[1.0, 0, 10], [0, 1, 10]]), 50)
    np.testing.assert_array_equal(crop[:10, :10], np.broadcast_to(image[0, 0], (10, 10, 3)))
    np.testing.assert_array_equal(crop[10:, 10:], image[:40, :40])


@pytest.mark.parametrize("shift", [(-5000, -5000), (5000, 40), (0, 5000)])
@pytest.mark.parametrize("scale", [1.0, 0.2])
def test_a_face_wholly_outside_the_picture_gives_its_border(shift, scale):
    flat = np.full((90, 120, 3), 77, np.uint8)
    assert (warp(flat, similarity(0, scale, shift), 32) == 77).all()


def average_under(image, to_crop, side, samples=8):
    """The crop by averaging many points of the picture under each of its pixels."""
    turn_back = np.linalg.inv(to_crop[:, :2])
    inside = (np.arange(side * samples) + 0.5) / samples - 0.5
    x, y = np.meshgrid(inside, inside)
    points = (np.stack([x, y], axis=-1) - to_crop[:, 2]) @ turn_back.T
    sampled = cv2.remap(
        image.astype(np.float32),
        points[..., 0].astype(np.float32),
        points[..., 1].astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return sampled.reshape(side, samples, side, samples, 3).mean(axis=(1, 3))


@pytest.mark.parametrize("scale", [0.8, 0.51, 0.5, 0.3, 0.2, 0.13])
@pytest.mark.parametrize("turn_deg", [0, 20])
def test_a_large_face_is_reduced_without_moving(scale, turn_deg):
    image = picture(400, 400, detail_px=int(5 / scale))
    middle = np.array([200.0, 190.0])
    to_crop = similarity(turn_deg, scale, (0, 0))
    to_crop[:, 2] = 20 - to_crop[:, :2] @ middle
    crop = warp(image, to_crop, 40).astype(float)
    inner = slice(3, -3)
    expected = average_under(image, to_crop, 40)[inner, inner]
    off_by_one = average_under(image, to_crop + np.array([[0, 0, 1], [0, 0, 0]]), 40)[inner, inner]
    error = np.abs(crop[inner, inner] - expected).mean()
    assert error < 0.15 * np.abs(off_by_one - expected).mean()


@pytest.mark.parametrize("scale", [0.25, 0.125])
def test_a_fine_pattern_is_averaged_rather_than_sampled(scale):
    checks = ((np.indices((256, 256)).sum(axis=0) % 2) * 255).astype(np.uint8)
    crop = warp(cv2.cvtColor(checks, cv2.COLOR_GRAY2RGB), similarity(0, scale, (0, 0)), 32)
    np.testing.assert_allclose(crop, 127.5, atol=2)


def test_crops_are_cut_from_their_own_frames():
    frames = [
        Frame(index, Fraction(index), np.full((60, 60, 3), index * 20, np.uint8))
        for index in range(6)
    ]
    detections = detections_of([0, 2, 2, 5], [20] * 4, [0.9] * 4)
    rows = np.array([0, 2, 3])
    images = np.zeros((3, 10, 10, 3), np.uint8)
    cut_crops(frames, detections, rows, {False: images})
    assert images[:, 5, 5, 0].tolist() == [0, 40, 100]


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("landmarks", [NO_LANDMARKS, tilted_face(20)[1] - 80])
def test_a_crop_is_the_warp_of_its_box_or_its_landmarks(aligned, landmarks):
    image = picture()
    detections = replace(detections_of([4], [60], [0.9]), landmarks=landmarks[None])
    images = {kind: np.zeros((1, 32, 32, 3), np.uint8) for kind in (False, True)}
    cut_crops([Frame(4, Fraction(0), image)], detections, np.array([0]), images)
    box = detections.boxes[0]
    to_crop = (align_face if aligned else upright_square)(box, landmarks, 32)
    np.testing.assert_array_equal(images[aligned][0], warp(image, to_crop, 32))


@given(st.lists(st.integers(-1, 4), max_size=60), st.integers(1, 8))
def test_every_tracklet_has_as_many_crops_as_it_can_have_and_may_have(tracklet, most):
    numbers = np.array(tracklet, np.int32)
    rows = choose_crops(plain_detections(len(numbers)), numbers, most)
    assert (np.diff(rows) > 0).all()
    for number in range(-1, 5):
        in_tracklet, chosen = np.sum(numbers == number), np.sum(numbers[rows] == number)
        assert chosen == (0 if number == -1 else min(in_tracklet, most))


def test_crops_are_spread_over_the_whole_tracklet():
    rows = choose_crops(plain_detections(100), np.zeros(100, np.int32), 5)
    assert (rows // 20).tolist() == [0, 1, 2, 3, 4]


def test_the_best_face_of_each_stretch_is_taken():
    scores, heights = [0.5] * 10, [40.0] * 10
    scores[3], heights[8] = 0.9, 90.0  # sure beats doubtful, big beats small
    detections = detections_of(range(10), heights, scores)
    assert choose_crops(detections, np.zeros(10, np.int32), 2).tolist() == [3, 8]


@pytest.mark.parametrize("tracklet", [[], [-1, -1, -1]])
def test_without_tracklets_there_are_no_crops(tracklet):
    rows = choose_crops(plain_detections(len(tracklet)), np.array(tracklet, np.int32), 5)
    assert rows.shape == (0,)
    assert rows.dtype == np.int64
