"""What the pictures of a benchmark are made from."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.benchmark.bench import Results
from tracker.benchmark.pictures import _spans, _told
from tracker.benchmark.rows import rows_for
from tracker.records import Timeline

FRAMES = 12
# Every frame lasts as many milliseconds as its number, from 1.
TIMELINE = Timeline(np.cumsum([0, *range(1, FRAMES)]), Fraction(1, 1000), sum(range(1, FRAMES + 1)))


def spans_one_by_one(boxes, step):
    """Row, first frame, last frame and person of every stretch, box after box."""
    found = []
    for row, frame, person in boxes:
        same = found and (found[-1][0], found[-1][3]) == (row, person)
        if same and frame - found[-1][2] <= step:
            found[-1][2] = frame
            continue
        found.append([row, frame, frame, person])
    return found


@st.composite
def boxes_and_step(draw):
    """Boxes of up to three rows and two people, sorted, in every frame that a step allows."""
    step = draw(st.integers(1, 3))
    places = st.tuples(st.integers(0, 2), st.sampled_from(range(0, FRAMES, step)))
    boxes = draw(st.dictionaries(places, st.integers(1, 2), max_size=20))
    return sorted((row, frame, person) for (row, frame), person in boxes.items()), step


@given(boxes_and_step())
def test_spans_are_the_unbroken_stretches_of_one_person(given_boxes):
    boxes, step = given_boxes
    row, frame, person = np.array(boxes, np.int64).reshape(-1, 3).T
    found = _spans(row, frame, person, step, TIMELINE)
    slow = spans_one_by_one(boxes, step)
    assert found.row.tolist() == [one[0] for one in slow]
    assert found.person.tolist() == [one[3] for one in slow]
    starts = [sum(range(1, one[1] + 1)) / 1000 for one in slow]
    # The frames until the next one that is annotated are taken to be like it.
    stops = [sum(range(1, min(one[2] + step, FRAMES) + 1)) / 1000 for one in slow]
    assert found.start_s.tolist() == pytest.approx(starts)
    assert found.stop_s.tolist() == pytest.approx(stops)


def test_no_boxes_have_no_spans():
    nothing = np.zeros(0, np.int64)
    found = _spans(nothing, nothing, nothing, 1, TIMELINE)
    assert len(found.row) == len(found.start_s) == len(found.stop_s) == len(found.person) == 0


def test_of_each_kind_raw_and_the_first_loss_are_shown_and_the_main_job():
    rows = rows_for(["hog", "face"], ["triplet", "arcface"], "auto")
    results = Results({row: [{"learned_share": 1.0}] for row in rows}, {})
    assert [row.title for row in _told(results)] == [
        "hog, raw",
        "hog + triplet",
        "face, raw",
        "face + triplet",
        "multiface track",
    ]
    assert [row.title for row in _told(results, "face")] == ["face, raw", "face + triplet"]


def test_where_nothing_is_learned_nothing_is_shown_under_the_name_of_a_loss():
    rows = rows_for(["hog"], ["triplet"], "auto")
    results = Results({row: [{"learned_share": 0.0}] for row in rows}, {})
    assert [row.title for row in _told(results)] == ["hog, raw", "multiface track"]
    assert _told(Results({}, {})) == []
