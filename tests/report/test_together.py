from fractions import Fraction
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracker.records import Shot, Timeline, Tracks
from tracker.report.together import MAX_TABLE_PEOPLE, tabulate_together, ticks_together

FRAMES = 12
SHOTS = (Shot(0, 60), Shot(60, 100))


def tracks_of(cells):
    """Tracks of rows of frame, person, in the order of frames."""
    table = np.array(sorted(cells), np.int32).reshape(-1, 2)
    count = len(table)
    return Tracks(
        table[:, 0], table[:, 1], np.zeros((count, 4), np.float32), np.ones(count, np.float32)
    )


def frame_by_frame(tracks, timeline, people):
    """The same as `ticks_together`, slowly: who is there is asked in every frame."""
    edges = [*timeline.ticks.tolist(), timeline.end_tick]
    ticks = np.zeros((len(people), len(people)), np.int64)
    for frame, (start, stop) in enumerate(pairwise(edges)):
        there = set(tracks.person[tracks.frame == frame].tolist())
        for a, one in enumerate(people):
            for b, other in enumerate(people):
                if {one, other} <= there:
                    ticks[a, b] += stop - start
    return ticks


cells = st.lists(st.tuples(st.integers(0, FRAMES - 1), st.sampled_from([-1, 1, 2, 5, 9])))
lengths = st.lists(st.integers(1, 1000), min_size=FRAMES, max_size=FRAMES)


@given(cells, lengths, st.permutations([1, 2, 5]))
def test_it_is_what_counting_frame_by_frame_gives(seen, lasting, people):
    edges = np.concatenate([[0], np.cumsum(lasting)])
    timeline = Timeline(edges[:-1], Fraction(1, 1000), int(edges[-1]))
    tracks = tracks_of(seen)
    together = ticks_together(tracks, timeline, people)
    np.testing.assert_array_equal(together, frame_by_frame(tracks, timeline, people))


def test_frames_count_by_how_long_they_last():
    timeline = Timeline(np.array([0, 10, 40]), Fraction(1, 100), 140)
    tracks = tracks_of([(0, 1), (1, 1), (1, 2), (2, 2)])
    expected = [[40, 30], [30, 130]]
    assert ticks_together(tracks, timeline, [1, 2]).tolist() == expected


def test_without_people_there_is_nothing():
    timeline = Timeline(np.arange(3), Fraction(1, 25), 3)
    assert ticks_together(Tracks.empty(), timeline, []).shape == (0, 0)


def test_a_video_without_frames_has_nobody_together():
    timeline = Timeline(np.zeros(0, np.int64), Fraction(1, 25), 0)
    assert ticks_together(Tracks.empty(), timeline, [1, 2]).tolist() == [[0, 0], [0, 0]]


def test_the_longest_meeting_is_shaded_darkest(film):
    seen = [(f, 1) for f in range(50)] + [(f, 2) for f in range(25)] + [(f, 3) for f in range(5)]
    tracked = film(seen, SHOTS)
    table = tabulate_together(tracked, ticks_together(tracked.tracks, tracked.timeline, [1, 2, 3]))
    assert [[cell.text for cell in row] for row in table.cells] == [
        ["", "1.0", "0.2"],
        ["1.0", "", "0.2"],
        ["0.2", "0.2", ""],
    ]
    assert table.cells[0][1].shade > table.cells[0][2].shade > table.cells[0][0].shade == 0


def test_where_nobody_meets_anybody_there_is_no_table(film):
    tracked = film([(0, 1), (1, 2)], SHOTS)
    ticks = ticks_together(tracked.tracks, tracked.timeline, [1, 2])
    assert tabulate_together(tracked, ticks).people == []


def test_who_has_no_room_in_the_table_is_counted(film):
    people = range(1, MAX_TABLE_PEOPLE + 4)
    tracked = film([(0, person) for person in people], SHOTS)
    ticks = ticks_together(tracked.tracks, tracked.timeline, list(people))
    table = tabulate_together(tracked, ticks)
    assert table.people == list(people)[:MAX_TABLE_PEOPLE]
    assert {len(row) for row in table.cells} == {len(table.cells)} == {MAX_TABLE_PEOPLE}
    assert table.left_out == 3
