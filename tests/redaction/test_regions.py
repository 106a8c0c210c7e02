"""Where faces are hidden: all of them, all the time, and nowhere with a jump."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.records import Shot, Timeline, Tracks
from tracker.redaction.regions import Regions, carried, regions_to_hide, steadied, widened

RATE = 25
WHOLE = (Shot(0, 100),)
EVEN = Timeline(np.arange(100, dtype=np.int64), Fraction(1, RATE), 100)
SLACK = 1e-6


def tracks_at(frames, boxes, person=1):
    count = len(frames)
    return Tracks(
        np.array(frames, np.int32),
        np.full(count, person, np.int32),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.ones(count, np.float32),
    )


def hidden(faces, shots=WHOLE, reach=None, timeline=EVEN, margin_s=Fraction(1, 2), steady=2):
    return regions_to_hide(faces, shots, reach or shots, timeline, margin_s, steady)


def holds(regions, frame, box):
    """Whether one region of `frame` holds `box` whole."""
    around = regions.of(frame)
    near, far = around[:, :2] <= box[:2] + SLACK, around[:, 2:] >= box[2:] - SLACK
    return bool((near.all(axis=1) & far.all(axis=1)).any())


@st.composite
def a_face(draw):
    """Boxes of somebody who jumps about, and is not found in each frame."""
    seen = draw(st.lists(st.booleans(), min_size=1, max_size=40).filter(any))
    frames = np.flatnonzero(seen) + draw(st.integers(0, 55))
    corner = st.floats(-20, 300)
    corners = draw(st.lists(st.tuples(corner, corner), min_size=len(frames), max_size=len(frames)))
    size = draw(st.tuples(st.floats(8, 90), st.floats(8, 90)))
    boxes = np.concatenate([corners, np.add(corners, size)], axis=1)
    return tracks_at(frames, boxes)


@given(a_face(), st.integers(1, 4))
def test_a_region_holds_every_box_it_was_made_from_widened(faces, steady):
    regions = hidden(faces, steady=steady)
    for frame, box in zip(faces.frame, widened(faces.boxes.astype(float)), strict=True):
        assert holds(regions, frame, box)


@given(a_face())
def test_a_face_that_is_not_found_for_less_than_a_second_is_hidden_on_its_way(faces):
    regions = hidden(faces)
    for before, after in zip(range(len(faces) - 1), range(1, len(faces)), strict=True):
        first, last = faces.frame[before], faces.frame[after]
        if last - first - 1 > RATE:
            continue
        for frame in range(first, last):
            share = (frame - first) / (last - first)
            box = faces.boxes[before] * (1 - share) + faces.boxes[after] * share
            assert holds(regions, frame, widened(box[None].astype(float))[0])


@given(st.lists(st.floats(0, 500), min_size=2, max_size=60), st.integers(1, 5))
def test_no_edge_moves_by_more_than_its_share_of_all_it_moves(places, steady):
    x = np.array(places)
    boxes = np.stack([x, x, x + 50, x + 60], axis=1)
    steps = np.abs(np.diff(steadied(boxes, steady), axis=0))
    assert steps.max() <= np.ptp(x) / (2 * steady + 1) + SLACK


@given(st.lists(st.floats(0, 500), min_size=1, max_size=20), st.integers(1, 4))
def test_steadied_boxes_are_those_of_two_loops(places, steady):
    x = np.array(places)
    boxes = np.stack([x, 2 * x, x + 50, x + 60], axis=1)
    frames = range(len(x))

    def window(frame):
        return [min(max(frame + step, 0), len(x) - 1) for step in range(-steady, steady + 1)]

    expected = np.zeros_like(boxes)
    for frame in frames:
        for edge, outermost in enumerate((min, min, max, max)):
            reached = [outermost(boxes[i, edge] for i in window(near)) for near in window(frame)]
            expected[frame, edge] = np.mean(reached)
    np.testing.assert_allclose(steadied(boxes, steady), expected, atol=1e-9)


def test_a_face_that_stands_still_is_hidden_by_its_widened_box():
    still = tracks_at(range(10, 20), [(100, 100, 140, 160)] * 10)
    regions = hidden(still)
    wide, tall = 20 * 1.35 + 1, 30 * 1.45 + 1
    middle = 130 - 0.04 * 60
    expected = (120 - wide, middle - tall, 120 + wide, middle + tall)
    np.testing.assert_allclose(regions.boxes, [expected] * len(regions.frame), atol=1e-9)


@given(st.lists(st.integers(1, 120), min_size=30, max_size=30), st.integers(0, 29), st.data())
def test_the_margin_is_counted_in_the_frames_own_time(lengths, first, data):
    last = data.draw(st.integers(first, 29))
    ticks = np.concatenate([[0], np.cumsum(lengths)])
    timeline = Timeline(ticks[:-1].astype(np.int64), Fraction(1, 1000), int(ticks[-1]))
    margin_s = Fraction(data.draw(st.integers(0, 900)), 1000)
    face = tracks_at(range(first, last + 1), [(10, 10, 40, 50)] * (last + 1 - first))
    regions = hidden(face, (Shot(0, 30),), timeline=timeline, margin_s=margin_s)
    begin, end = timeline.start_s(first) - margin_s, timeline.stop_s(last) + margin_s
    expected = [
        frame for frame in range(30) if timeline.stop_s(frame) > begin
        if timeline.start_s(frame) < end
    ]  # fmt: skip
    assert regions.frame.tolist() == expected


def test_a_margin_ends_at_a_cut_and_goes_on_in_a_dissolve():
    face = tracks_at(range(48, 50), [(10, 10, 40, 50)] * 2)
    shots = (Shot(0, 50), Shot(50, 100))
    assert hidden(face, shots).frame.max() == 49
    assert hidden(face, shots, reach=WHOLE).frame.max() == 49 + 13


def test_who_is_away_for_over_a_second_is_not_hidden_meanwhile():
    face = tracks_at([10, 70], [(10, 10, 40, 50)] * 2)
    frames = hidden(face, margin_s=Fraction(1, 5)).frame
    assert frames.tolist() == [*range(5, 16), *range(65, 76)]


def test_two_people_are_never_mixed_up():
    one = tracks_at(range(5), [(0, 0, 20, 20)] * 5)
    other = tracks_at(range(5), [(200, 0, 220, 20)] * 5, person=2)
    both = Tracks(
        *(
            np.stack([getattr(one, name), getattr(other, name)], axis=1).reshape(10, *shape)
            for name, shape in (("frame", ()), ("person", ()), ("boxes", (4,)), ("scores", ()))
        )
    )
    alone = [hidden(face) for face in (one, other)]
    np.testing.assert_array_equal(
        hidden(both).of(3), np.concatenate([face.of(3) for face in alone])
    )


def test_carried_boxes_are_those_that_were_found_where_there_are_such():
    face = tracks_at([10, 12], [(10, 10, 40, 50), (20, 10, 50, 50)])
    regions = carried(face, WHOLE, EVEN, Fraction(0))
    assert regions.boxes.tolist() == [[10, 10, 40, 50], [15, 10, 45, 50], [20, 10, 50, 50]]


@pytest.mark.parametrize("margin_s", [Fraction(0), Fraction(1)])
def test_nobody_needs_no_regions(margin_s):
    assert len(hidden(Tracks.empty(), margin_s=margin_s).frame) == 0
    assert Regions.empty().of(3).shape == (0, 4)


def test_joined_regions_are_sorted_by_frame():
    face = hidden(tracks_at([20], [(10, 10, 40, 50)]))
    later = replace(face, frame=face.frame + 3)
    joined = Regions.joined([later, face])
    assert joined.frame.tolist() == sorted([*later.frame, *face.frame])
    assert len(joined.of(20)) == 2
