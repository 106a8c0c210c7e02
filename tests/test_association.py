import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.association import build_tracks, links_within_shots, person_of_detections
from tracker.config import AssociationConfig
from tracker.constraints import mine_constraints
from tracker.records import Constraints, Detections, Shot

ONE_SHOT = [Shot(0, 1000)]
DEFAULTS = AssociationConfig()
OFF = (0.0, 0.0)  # no smoothing of centres, nor of sizes
STILL = (0.01, 0.01)  # windows of a single frame, which change nothing either
ON = (1.5, 6.0)


def detections_of(frames, boxes=None, scores=None):
    count = len(frames)
    return Detections(
        np.array(frames, np.int32),
        np.zeros((count, 4), np.float32)
        if boxes is None
        else np.array(boxes, np.float32).reshape(-1, 4),
        np.full(count, 0.9, np.float32) if scores is None else np.array(scores, np.float32),
        np.full((count, 5, 2), np.nan, np.float32),
    )


def build(detections, person, shots=ONE_SHOT, max_fill_frames=12, smooth=STILL):
    centre, size = smooth
    config = AssociationConfig(
        max_fill_frames=max_fill_frames, smooth_centre_frames=centre, smooth_size_frames=size
    )
    return build_tracks(detections, np.array(person, np.int32), shots, config)


def filled_by_loop(cells, shots, most):
    """(frame, person, left edge, interpolated) of every box, for cells {(person, frame): left}."""
    rows = [(frame, person, left, False) for (person, frame), left in cells.items()]
    for person, first in cells:
        later = [frame for who, frame in cells if who == person and frame > first]
        if not later:
            continue
        gap = range(first + 1, min(later))
        same_shot = any(shot.start <= first and min(later) < shot.stop for shot in shots)
        if not same_shot or len(gap) > most:
            continue
        start, stop = cells[person, first], cells[person, min(later)]
        for frame in gap:
            part = (frame - first) / (min(later) - first)
            rows.append((frame, person, start + part * (stop - start), True))
    return sorted(rows)


def test_a_gap_is_filled_in_a_straight_line_with_score_zero():
    boxes = [[0, 10, 20, 30], [8, 14, 32, 42]]
    tracks = build(detections_of([3, 7], boxes), [1, 1])
    assert tracks.frame.tolist() == [3, 4, 5, 6, 7]
    np.testing.assert_allclose(
        tracks.boxes[1:4], [[2, 11, 23, 33], [4, 12, 26, 36], [6, 13, 29, 39]]
    )
    np.testing.assert_allclose(tracks.scores, [0.9, 0, 0, 0, 0.9])
    assert tracks.person.tolist() == [1] * 5


def test_a_gap_of_the_longest_length_is_filled_and_none_beyond():
    assert len(build(detections_of([0, 4]), [1, 1], max_fill_frames=3)) == 5
    assert len(build(detections_of([0, 5]), [1, 1], max_fill_frames=3)) == 2


def test_nothing_is_filled_where_that_is_switched_off():
    assert build(detections_of([0, 2]), [1, 1], max_fill_frames=0).frame.tolist() == [0, 2]


def test_no_gap_is_filled_over_a_cut():
    tracks = build(detections_of([8, 11]), [1, 1], shots=[Shot(0, 10), Shot(10, 20)])
    assert tracks.frame.tolist() == [8, 11]


def test_no_gap_is_filled_between_two_people():
    assert build(detections_of([0, 3]), [1, 2]).frame.tolist() == [0, 3]


def test_gaps_of_people_side_by_side_do_not_mix():
    boxes = [[0, 0, 1, 1], [100, 0, 101, 1], [4, 0, 5, 1], [104, 0, 105, 1]]
    tracks = build(detections_of([0, 0, 2, 2], boxes), [2, 1, 2, 1])
    assert tracks.frame.tolist() == [0, 0, 1, 1, 2, 2]
    assert tracks.person.tolist() == [1, 2, 1, 2, 1, 2]
    np.testing.assert_allclose(tracks.boxes[:, 0], [100, 0, 102, 2, 104, 4])


def test_detections_of_nobody_are_left_out():
    tracks = build(detections_of([0, 1, 2]), [-1, 1, -1])
    assert tracks.frame.tolist() == [1]


@pytest.mark.parametrize("frames", [[], [0, 1]])
def test_nobody_gives_an_empty_table(frames):
    assert len(build(detections_of(frames), [-1] * len(frames))) == 0


def test_a_detection_of_score_zero_is_not_taken_for_an_interpolated_box():
    assert build(detections_of([0], scores=[0.0]), [1]).scores[0] > 0


@given(
    st.dictionaries(
        st.tuples(st.integers(1, 3), st.integers(0, 29)), st.integers(0, 64), max_size=25
    ),
    st.integers(0, 6),
)
def test_tracks_are_those_of_a_slow_loop(cells, most):
    shots = [Shot(0, 10), Shot(10, 11), Shot(11, 30)]
    ordered = sorted((frame, person, left) for (person, frame), left in cells.items())
    boxes = np.array([[left, 0, left + 8, 8] for _, _, left in ordered]).reshape(-1, 4)
    detections = detections_of([frame for frame, _, _ in ordered], boxes)
    tracks = build(detections, [person for _, person, _ in ordered], shots, most)
    expected = filled_by_loop(cells, shots, most)
    assert list(zip(tracks.frame, tracks.person, strict=True)) == [row[:2] for row in expected]
    np.testing.assert_allclose(tracks.boxes[:, 0], [row[2] for row in expected], atol=1e-4)
    assert (tracks.scores == 0).tolist() == [row[3] for row in expected]


@st.composite
def crowds(draw):
    """Detections of up to three people in 30 frames, in any order, and whose each is."""
    cells = draw(st.sets(st.tuples(st.integers(0, 29), st.integers(1, 3)), max_size=40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frames, person = np.array(sorted(cells), np.int32).reshape(-1, 2).T
    corners = rng.uniform(0, 500, (len(frames), 2))
    boxes = np.concatenate([corners, corners + rng.uniform(10, 90, corners.shape)], axis=1)
    return detections_of(frames, boxes, rng.uniform(0.1, 1, len(frames))), person


def run_of(boxes, **options):
    """The boxes of one person in consecutive frames, smoothed."""
    count = len(boxes)
    return build(detections_of(range(count), boxes), [1] * count, smooth=ON, **options).boxes


def centres(boxes):
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def sizes(boxes):
    return boxes[:, 2:] - boxes[:, :2]


def test_gaps_of_up_to_sixteen_frames_are_filled_unless_told_otherwise():
    for gap, frames in ((16, 18), (17, 2)):
        detections = detections_of([0, gap + 1])
        person = np.array([1, 1], np.int32)
        assert len(build_tracks(detections, person, ONE_SHOT, AssociationConfig())) == frames


@pytest.mark.parametrize(
    "smooth",
    [
        OFF,
        STILL,
    ],
)
@given(crowd=crowds())
def test_without_smoothing_every_box_stays_as_it_is(smooth, crowd):
    detections, person = crowd
    tracks = build(detections, person, max_fill_frames=0, smooth=smooth)
    np.testing.assert_allclose(tracks.boxes, detections.boxes, atol=1e-4)


@pytest.mark.parametrize("count", [1, 2, 50])
def test_a_steady_box_stays_as_it_is(count):
    boxes = np.tile([[10.0, 20, 50, 80]], (count, 1))
    np.testing.assert_allclose(run_of(boxes), boxes, atol=1e-4)


def test_a_steady_movement_stays_as_it_is_away_from_its_ends():
    boxes = np.array([[10, 20, 50, 80]]) + 3.0 * np.arange(60)[:, None]
    np.testing.assert_allclose(run_of(boxes)[8:-8], boxes[8:-8], atol=1e-3)


def test_jitter_in_size_gets_smaller_and_the_size_stays_right():
    half = np.random.default_rng(0).normal(30, 4, (200, 2))
    boxes = np.concatenate([100 - half, 100 + half], axis=1)
    smoothed = run_of(boxes)
    assert (sizes(smoothed).std(axis=0) < 0.4 * sizes(boxes).std(axis=0)).all()
    np.testing.assert_allclose(sizes(smoothed).mean(axis=0), sizes(boxes).mean(axis=0), rtol=0.02)
    np.testing.assert_allclose(centres(smoothed), 100, atol=1e-3)


def test_jitter_in_place_gets_smaller_and_the_size_stays_as_it_is():
    places = np.random.default_rng(0).normal(100, 4, (200, 2))
    smoothed = run_of(np.concatenate([places - 30, places + 30], axis=1))
    assert (centres(smoothed).std(axis=0) < 0.6 * places.std(axis=0)).all()
    np.testing.assert_allclose(sizes(smoothed), 60, atol=1e-3)


def test_smoothing_is_the_mean_under_a_bell_curve_of_frames():
    # Far from the ends; a bell of standard deviation 1.5 for centres, 6 for sizes.
    rng = np.random.default_rng(0)
    place, size = rng.normal(100, 5, (99, 2)), rng.normal(40, 3, (99, 2))
    smoothed = run_of(np.concatenate([place - size / 2, place + size / 2], axis=1))[49:50]
    for values, found, deviation in ((place, centres(smoothed), 1.5), (size, sizes(smoothed), 6.0)):
        weights = np.exp(-0.5 * np.square((np.arange(99) - 49) / deviation))
        np.testing.assert_allclose(found[0], weights @ values / weights.sum(), rtol=1e-3)


@given(crowds(), st.integers(0, 6))
def test_smoothing_changes_no_frames_people_or_scores(crowd, most):
    detections, person = crowd
    plain, smooth = (
        build(detections, person, max_fill_frames=most, smooth=(centre, size))
        for centre, size in (STILL, ON)
    )
    for column in ("frame", "person", "scores"):
        np.testing.assert_array_equal(getattr(smooth, column), getattr(plain, column), strict=True)


@given(crowds())
def test_smoothing_mixes_neither_people_nor_shots_nor_what_a_gap_divides(crowd):
    detections, person = crowd
    shots = [Shot(0, 10), Shot(10, 11), Shot(11, 30)]
    tracks = build(detections, person, shots, 0, ON)
    shot = np.searchsorted([10, 11], detections.frame, side="right")
    for who in range(1, 4):
        for number in range(3):
            rows = np.flatnonzero((person == who) & (shot == number))
            gaps = np.flatnonzero(np.diff(detections.frame[rows]) > 1) + 1
            for run in np.split(rows, gaps):  # each smoothed as if there were nothing else
                alone = build(
                    detections.where(np.isin(np.arange(len(person)), run)),
                    person[run],
                    max_fill_frames=0,
                    smooth=ON,
                )
                np.testing.assert_allclose(tracks.boxes[run], alone.boxes, atol=1e-4)


def test_a_filled_gap_is_smoothed_through():
    boxes = [[0, 0, 10, 10]] * 5 + [[40, 0, 50, 10]] * 5
    frames = [0, 1, 2, 3, 4, 8, 9, 10, 11, 12]
    tracks = build(detections_of(frames, boxes), [1] * 10, smooth=ON)
    steps = np.diff(tracks.boxes[:, 0])
    assert len(tracks) == 13
    assert (steps >= -1e-4).all()
    assert steps.max() < 10  # of 4 to 8, where a straight line takes steps of 10


def test_every_detection_gets_the_person_of_its_tracklet():
    tracklet, person = np.array([0, 2, -1, 1, 0], np.int32), np.array([5, -1, 7], np.int32)
    assert person_of_detections(tracklet, person).tolist() == [5, 7, -1, -1, 5]


@pytest.mark.parametrize("tracklet", [[], [-1, -1]])
def test_without_tracklets_every_detection_is_nobodys(tracklet):
    nobody = person_of_detections(np.array(tracklet, np.int32), np.zeros(0, np.int32))
    assert nobody.tolist() == [-1] * len(tracklet)


def square(x, y=100.0, side=50.0):
    return [x, y, x + side, y + side]


def follow(*runs):
    """Detections and tracklets of faces that stay where they are.

    Args:
        runs: one a tracklet: its first and last frame, and its box.
    """
    cells = sorted(
        (frame, number, box)
        for number, (first, last, box) in enumerate(runs)
        for frame in range(first, last + 1)
    )
    detections = detections_of([cell[0] for cell in cells], [cell[2] for cell in cells])
    return detections, np.array([cell[1] for cell in cells], np.int32)


def asked_of(distances):
    """The distances of some tracklets, from those of all."""
    return lambda members: distances[np.ix_(members, members)]


def links_of(*runs, shots=ONE_SHOT, distances=None, config=DEFAULTS, pairs=None):
    """The links of tracklets as of `follow`, who all look alike unless told otherwise."""
    detections, tracklet = follow(*runs)
    constraints = mine_constraints(detections, tracklet, shots)
    if pairs is not None:
        constraints = Constraints(len(runs), np.array(pairs, np.int32).reshape(-1, 2))
    if distances is None:
        distances = np.zeros((len(runs), len(runs)))
    among = asked_of(distances)
    links = links_within_shots(detections, tracklet, shots, constraints, among, 1.0, config)
    return links.tolist()


def test_a_face_lost_for_a_moment_is_linked_to_itself():
    assert links_of((0, 20, square(0)), (30, 50, square(10))) == [[0, 1]]


def test_the_earlier_of_two_linked_tracklets_comes_first():
    assert links_of((30, 50, square(0)), (0, 20, square(0))) == [[1, 0]]


@pytest.mark.parametrize(("begin", "links"), [(50, [[0, 1]]), (51, [])])
def test_a_face_is_lost_for_so_long_and_no_longer(begin, links):
    config = AssociationConfig(max_link_gap_frames=30)
    assert links_of((0, 20, square(0)), (begin, 90, square(0)), config=config) == links


@pytest.mark.parametrize(("left", "links"), [(100, [[0, 1]]), (101, [])])
def test_a_face_moves_so_far_meanwhile_and_no_farther(left, links):
    config = AssociationConfig(max_link_move=2.0)  # faces of 50 pixels
    assert links_of((0, 20, square(0)), (30, 50, square(left)), config=config) == links


@pytest.mark.parametrize(("side", "links"), [(99, [[0, 1]]), (105, []), (26, [[0, 1]]), (24, [])])
def test_a_face_grows_or_shrinks_no_more_than_about_twofold(side, links):
    about = square(125 - side / 2, 125 - side / 2, side)
    assert links_of((0, 20, square(100)), (30, 50, about)) == links


@pytest.mark.parametrize(("distance", "links"), [(1.0, [[0, 1]]), (1.01, [])])
def test_a_face_that_looks_like_somebody_else_is_not_linked(distance, links):
    distances = np.array([[0, distance], [distance, 0]])
    assert links_of((0, 20, square(0)), (30, 50, square(0)), distances=distances) == links


@pytest.mark.parametrize("cut", [21, 25, 30])
def test_no_link_crosses_a_cut(cut):
    shots = [Shot(0, cut), Shot(cut, 1000)]
    assert links_of((0, 20, square(0)), (30, 50, square(0)), shots=shots) == []


def test_tracklets_seen_together_are_never_linked():
    assert links_of((0, 30, square(0)), (30, 50, square(0))) == []
    assert links_of((0, 20, square(0)), (30, 50, square(0)), pairs=[(0, 1)]) == []


def test_where_no_gap_is_allowed_nothing_is_linked():
    config = AssociationConfig(max_link_gap_frames=0)
    assert links_of((0, 20, square(0)), (21, 50, square(0)), config=config) == []


def test_where_no_move_is_allowed_only_what_stays_is_linked():
    config = AssociationConfig(max_link_move=0.0)
    assert links_of((0, 20, square(0)), (30, 50, square(0)), config=config) == [[0, 1]]
    assert links_of((0, 20, square(0)), (30, 50, square(1)), config=config) == []


def test_a_face_lost_twice_is_linked_twice():
    runs = (0, 20, square(0)), (30, 50, square(5)), (60, 80, square(9))
    assert links_of(*runs) == [[0, 1], [1, 2]]


def test_of_two_successors_the_nearer_is_linked():
    assert links_of((0, 20, square(0)), (30, 50, square(60)), (30, 50, square(10))) == [[0, 2]]


def test_of_two_successors_in_one_place_the_one_that_looks_alike_is_linked():
    distances = np.array([[0, 0.8, 0.1], [0.8, 0, 2], [0.1, 2, 0]])
    runs = (0, 20, square(0)), (30, 50, square(10)), (30, 50, square(10))
    assert links_of(*runs, distances=distances) == [[0, 2]]


def test_two_faces_side_by_side_are_each_linked_to_their_own():
    runs = [(0, 20, square(0)), (0, 20, square(70)), (30, 50, square(75)), (30, 50, square(5))]
    assert links_of(*runs) == [[0, 3], [1, 2]]


def test_where_a_tracklet_begins_and_ends_is_the_mean_of_a_few_boxes():
    # The very last box has jumped; the four before it say where the face is.
    detections = detections_of(
        [*range(20), *range(30, 50)], [square(0)] * 19 + [square(120)] + [square(0)] * 20
    )
    tracklet = np.repeat(np.arange(2, dtype=np.int32), 20)
    constraints, config = Constraints(2, np.zeros((0, 2), np.int32)), AssociationConfig()
    alike = asked_of(np.zeros((2, 2)))
    links = links_within_shots(detections, tracklet, ONE_SHOT, constraints, alike, 1.0, config)
    assert links.tolist() == [[0, 1]]


def test_detections_of_no_tracklet_link_nothing():
    detections, tracklet = follow((0, 20, square(0)), (30, 50, square(0)), (21, 29, square(0)))
    tracklet[tracklet == 2] = -1
    constraints = mine_constraints(detections, tracklet, ONE_SHOT)
    alike = asked_of(np.zeros((2, 2)))
    links = links_within_shots(
        detections, tracklet, ONE_SHOT, constraints, alike, 1.0, AssociationConfig()
    )
    assert links.tolist() == [[0, 1]]


def test_boxes_of_no_size_are_linked_like_any_other():
    points = (0, 20, square(0, side=0)), (30, 50, square(1, side=0)), (60, 80, square(500, side=0))
    assert links_of(*points) == [[0, 1]]


@pytest.mark.parametrize("shots", [[], ONE_SHOT])
def test_no_tracklets_have_no_links(shots):
    nothing = detections_of([])
    links = links_within_shots(
        nothing,
        np.zeros(0, np.int32),
        shots,
        Constraints(0, np.zeros((0, 2), np.int32)),
        asked_of(np.zeros((0, 0))),
        1.0,
        AssociationConfig(),
    )
    assert links.shape == (0, 2)


def test_a_single_tracklet_has_no_links():
    assert links_of((0, 20, square(0))) == []


def may_follow(first, second, shots, distance, config):
    """Whether two runs as of `follow` may be one face lost and found; written out slowly."""
    (_, last, one), (begin, _, other) = first, second
    cut = any(last < shot.start <= begin for shot in shots)
    sides = one[2] - one[0], other[2] - other[0]
    moved = np.hypot(
        (one[0] + one[2] - other[0] - other[2]) / 2, (one[1] + one[3] - other[1] - other[3]) / 2
    )
    return (
        0 < begin - last <= config.max_link_gap_frames
        and not cut
        and moved <= config.max_link_move * np.sqrt(sides[0] * sides[1])
        and abs(np.log(sides[0] / sides[1])) <= 0.7
        and distance <= 1.0
    )


@st.composite
def casts(draw):
    """Up to seven runs as of `follow`, in no order, near each other in time and place."""
    count = draw(st.integers(0, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    first = rng.integers(0, 80, count)
    last = first + rng.integers(0, 30, count)
    boxes = [square(*rng.uniform(0, 150, 2), rng.uniform(30, 80)) for _ in range(count)]
    distances = rng.uniform(0, 1.5, (count, count))
    return list(zip(first, last, boxes, strict=True)), np.minimum(distances, distances.T)


@given(casts())
def test_every_link_may_be_and_no_tracklet_has_two_successors_or_two_predecessors(cast):
    runs, distances = cast
    shots = [Shot(0, 60), Shot(60, 1000)]
    # A tracklet lies in one shot.
    runs = [(first, last if first >= 60 else min(last, 59), box) for first, last, box in runs]
    config = AssociationConfig(max_link_gap_frames=20)
    links = links_of(*runs, shots=shots, distances=distances, config=config)
    for a, b in links:
        assert may_follow(runs[a], runs[b], shots, distances[a, b], config)
    assert len({a for a, _ in links}) == len({b for _, b in links}) == len(links)


@given(casts())
def test_nothing_that_may_be_linked_is_left_with_both_its_ends_free(cast):
    runs, distances = cast
    config = AssociationConfig(max_link_gap_frames=20)
    links = links_of(*runs, distances=distances, config=config)
    followed, preceded = {a for a, _ in links}, {b for _, b in links}
    for a, first in enumerate(runs):
        for b, second in enumerate(runs):
            if may_follow(first, second, ONE_SHOT, distances[a, b], config):
                assert a in followed or b in preceded
