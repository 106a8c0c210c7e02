import numpy as np
import pytest
from filterpy.kalman import KalmanFilter
from hypothesis import given
from hypothesis import strategies as st

from tracker.motion import at_rest, expected_boxes, move_on, observe

NO_BOXES = np.zeros((0, 4))


def boxes_of(centres, sizes):
    """Boxes (n, 4), x1, y1, x2, y2."""
    half = np.asarray(sizes, float) / 2
    return np.concatenate([np.asarray(centres) - half, np.asarray(centres) + half], axis=1)


def measured(box):
    x1, y1, x2, y2 = box
    return np.array([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1])


def filter_at(box):
    """The textbook filter of one box: 8 numbers and their (8, 8) covariance."""
    motion = KalmanFilter(dim_x=8, dim_z=4)
    motion.F = np.eye(8) + np.eye(8, k=4)
    motion.H = np.eye(4, 8)
    motion.x = np.append(measured(box), np.zeros(4))[:, None]
    height = motion.x[3, 0]
    motion.P = np.diag([(0.1 * height) ** 2] * 4 + [(0.2 * height) ** 2] * 4)
    return motion


def predict_by_filter(motion):
    height = max(motion.x[3, 0], 1.0)
    motion.predict(Q=np.diag([0.0] * 4 + [(0.02 * height) ** 2] * 4))


def update_by_filter(motion, box):
    motion.update(measured(box)[:, None], R=np.eye(4) * (0.05 * (box[3] - box[1])) ** 2)


def states_of(filters):
    """What `filters` know as states (11, n), once it is checked that nothing is left out."""
    for motion in filters:
        shared = motion.P.reshape(2, 4, 2, 4)[:, 0, :, 0]  # of centre x and its speed
        np.testing.assert_allclose(motion.P, np.kron(shared, np.eye(4)), rtol=1e-9, atol=1e-9)
    spreads = [[motion.P[0, 0], motion.P[0, 4], motion.P[4, 4]] for motion in filters]
    return np.array(
        [[*motion.x[:, 0], *spread] for motion, spread in zip(filters, spreads, strict=True)]
    ).T


@st.composite
def sightings(draw):
    """Boxes (n, 4) first seen, then frames of (which are seen, their boxes (n, 4))."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 4))
    sizes = np.exp(rng.uniform(0, 6, (count, 2)))  # 1 to 400 px
    centres = rng.uniform(-500, 2000, (count, 2))
    speeds = rng.normal(0, 0.1, (count, 2)) * sizes
    frames = []
    for missed in draw(st.lists(st.sets(st.integers(0, count - 1)), max_size=20)):
        centres, sizes = centres + speeds, sizes * np.exp(rng.normal(0, 0.1, (count, 2)))
        seen = np.array([row for row in range(count) if row not in missed], int)
        frames.append((seen, boxes_of(centres + rng.normal(0, 0.05, (count, 2)) * sizes, sizes)))
    return boxes_of(centres, sizes), frames


@given(sightings())
def test_states_are_those_of_a_textbook_filter_a_box(sighted):
    first, frames = sighted
    states, filters = at_rest(first), [filter_at(box) for box in first]
    for seen, boxes in frames:
        states = move_on(states)
        states[:, seen] = observe(states[:, seen], boxes[seen])
        for motion in filters:
            predict_by_filter(motion)
        for row in seen:
            update_by_filter(filters[row], boxes[row])
        expected = states_of(filters)
        np.testing.assert_allclose(states, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


@given(sightings())
def test_what_is_known_of_one_box_does_not_depend_on_the_others(sighted):
    boxes, _ = sighted
    together = observe(move_on(at_rest(boxes)), boxes + 1)
    for row in range(len(boxes)):
        alone = boxes[row : row + 1]
        one = observe(move_on(at_rest(alone)), alone + 1)
        np.testing.assert_array_equal(together[:, row : row + 1], one)


def test_a_case_by_hand():
    box = np.array([[0.0, 0, 20, 40]])  # 40 px high: noise of 2 px, speed known to 8 px a frame
    states = move_on(at_rest(box))
    # 4² + 8² unsure of the place; 8² + 0.8² of the speed.
    assert states[8:, 0] == pytest.approx([80, 64, 64.64])
    states = observe(states, np.add(box, [8.4, 0, 8.4, 0]))  # 8.4 px to the right
    gain = 80 / 84, 64 / 84
    assert states[:, 0] == pytest.approx(
        [10 + 8, 20, 20, 40, 8.4 * gain[1], 0, 0, 0, 4 * gain[0], 4 * gain[1], 64.64 - 64**2 / 84]
    )


def test_a_box_seen_once_is_expected_where_it_was():
    boxes = np.array([[10.0, 20, 50, 90], [300, 0, 340, 40]])
    np.testing.assert_allclose(expected_boxes(move_on(at_rest(boxes))), boxes)


def test_a_steady_movement_is_expected_to_go_on():
    box = np.array([[100.0, 100, 150, 160]])
    states = at_rest(box)
    for t in range(1, 60):
        states = observe(move_on(states), box + 5 * t)
    np.testing.assert_allclose(expected_boxes(move_on(states)), box + 5 * 60, atol=0.01)


def test_a_box_that_shrank_away_is_expected_to_be_a_pixel():
    states = at_rest(np.array([[10.0, 10, 30, 30]]))
    states[6:8] = -50.0  # what width and height lose in a frame
    expected = expected_boxes(move_on(states))
    np.testing.assert_allclose(expected, [[19.5, 19.5, 20.5, 20.5]])


def test_a_box_that_began_with_no_height_can_still_be_followed():
    states = move_on(at_rest(np.array([[10.0, 20, 30, 20]])))
    states = observe(states, np.array([[10.0, 15, 30, 25]]))
    assert np.isfinite(states).all()


def test_nothing_given_is_changed():
    boxes = np.array([[10.0, 20, 50, 90]])
    states = at_rest(boxes)
    kept = states.copy()
    move_on(states)
    observe(states, boxes + 3)
    np.testing.assert_array_equal(states, kept)
    np.testing.assert_array_equal(boxes, [[10, 20, 50, 90]])


def test_no_boxes_have_no_states():
    states = at_rest(NO_BOXES)
    assert states.shape == move_on(states).shape == observe(states, NO_BOXES).shape == (11, 0)
    assert expected_boxes(states).shape == (0, 4)
