import itertools
from collections import Counter

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter
from hypothesis import given
from hypothesis import strategies as st

from tracker.boxes import box_iou, box_overlap
from tracker.config import TrackletConfig
from tracker.records import Detections, Shot
from tracker.tracklets import clear_links, drop_doubles, drop_doubtful, link_tracklets

CONFIG = TrackletConfig()
SURE = 0.8
FAIR = 0.55
FRAMES = 60
ONE_SHOT = (Shot(0, 10_000),)


def face_at(x, y=100.0, width=50.0, height=60.0):
    return [x, y, x + width, y + height]


def table_of(faces, scores=None):
    """Detections from (frame, box, who) in any order, and who each is of: (N,)."""
    faces = sorted(faces, key=lambda face: face[0])
    count = len(faces)
    detections = Detections(
        np.array([frame for frame, _, _ in faces], np.int32),
        np.array([box for _, box, _ in faces], np.float32).reshape(-1, 4),
        np.full(count, 0.9, np.float32) if scores is None else np.array(scores, np.float32),
        np.full((count, 5, 2), np.nan, np.float32),
    )
    return detections, np.array([who for _, _, who in faces], np.int32)


def link(detections, shots=ONE_SHOT, config=CONFIG, sure_score=SURE):
    return link_tracklets(detections, shots, sure_score, FAIR, config)


def shaking(rng, px):
    return rng.normal(0, px, 4)


def test_one_moving_face_is_one_tracklet():
    rng = np.random.default_rng(0)
    table, _ = table_of([(t, face_at(3.0 * t) + shaking(rng, 1), 0) for t in range(FRAMES)])
    assert (link(table) == 0).all()


def test_a_fast_face_is_followed_where_its_last_box_alone_would_not_do():
    # From a slow start it comes to move a box's width a frame: consecutive boxes do not touch.
    left = np.cumsum(np.minimum(4.0 * np.arange(FRAMES), 55))
    table, _ = table_of([(t, face_at(x), 0) for t, x in enumerate(left)])
    assert (link(table) == 0).all()


def test_a_moving_face_is_expected_further_on_after_a_gap():
    seen = [t for t in range(FRAMES) if not 30 <= t < 36]
    table, _ = table_of([(t, face_at(12.0 * t), 0) for t in seen])  # 84 px over the gap
    assert (link(table) == 0).all()


def test_a_face_that_comes_closer_is_one_tracklet():
    sizes = 40 * 1.04 ** np.arange(FRAMES)
    table, _ = table_of(
        [(t, face_at(300 - s / 2, 300 - s / 2, s, s), 0) for t, s in enumerate(sizes)]
    )
    assert (link(table) == 0).all()


def test_two_faces_far_apart_are_two_tracklets():
    faces = [(t, face_at(x + t), who) for t in range(FRAMES) for who, x in enumerate((0, 400))]
    table, who = table_of(faces)
    np.testing.assert_array_equal(link(table), who)


@pytest.mark.parametrize(("speed", "frames"), [(1.0, 160), (3.0, 60), (8.0, 60)])
@pytest.mark.parametrize("seed", range(3))
def test_faces_that_cross_never_share_a_tracklet(speed, frames, seed):
    rng = np.random.default_rng(seed)
    middle = 5 * FRAMES
    faces = []
    for t in range(frames):
        way = speed * (t - frames / 2)
        faces.append((t, face_at(middle + way) + shaking(rng, 1.5), 0))
        faces.append((t, face_at(middle - way, 104) + shaking(rng, 1.5), 1))
    table, who = table_of(faces)
    tracklet = link(table)
    assert set(who[tracklet >= 0]) == {0, 1}
    for number in range(tracklet.max() + 1):
        assert len(set(who[tracklet == number])) == 1


def test_faces_that_swap_places_between_two_frames_are_not_joined_wrongly():
    # The boxes touch: each is then as near to the other's last place as to its own.
    apart = [(t, face_at(x), who) for t in range(10) for who, x in enumerate((0, 40))]
    between = [(t, face_at(20 + who), who) for t in range(10, 20) for who in (0, 1)]
    table, _ = table_of(apart + between)
    tracklet = link(table)
    before, after = tracklet[table.frame < 10], tracklet[table.frame >= 10]
    assert set(before) == {0, 1}
    assert not set(after) & {0, 1}


@pytest.mark.parametrize(("missed", "count"), [(8, 1), (9, 2)])
def test_a_gap_is_bridged_up_to_its_longest_length_and_no_further(missed, count):
    frames = [*range(20), *range(20 + missed, 40 + missed)]
    table, _ = table_of([(t, face_at(100), 0) for t in frames])
    tracklet = link(table, config=TrackletConfig(max_gap_frames=8))
    assert tracklet.max() + 1 == count
    assert (tracklet[:20] == 0).all()
    assert (tracklet[20:] == count - 1).all()


def test_without_gaps_allowed_every_missed_frame_ends_a_tracklet():
    table, _ = table_of([(t, face_at(100), 0) for t in range(FRAMES) if t != 30])
    assert link(table, config=TrackletConfig(max_gap_frames=0)).tolist() == [0] * 30 + [1] * 29


def test_no_tracklet_crosses_a_cut():
    table, _ = table_of([(t, face_at(100), 0) for t in range(FRAMES)])
    shots = [Shot(0, 20), Shot(20, 45), Shot(45, FRAMES)]
    assert link(table, shots).tolist() == [0] * 20 + [1] * 25 + [2] * 15


def test_no_tracklet_bridges_a_gap_over_a_cut():
    table, _ = table_of([(t, face_at(100), 0) for t in range(FRAMES) if not 28 <= t < 32])
    tracklet = link(table, [Shot(0, 30), Shot(30, FRAMES)])
    assert tracklet.tolist() == [0] * 28 + [1] * 28


def test_a_tracklet_holds_each_frame_at_most_once():
    rng = np.random.default_rng(3)
    faces = [
        (int(t), face_at(x, y), 0)
        for t, x, y in zip(
            rng.integers(0, 30, 200), rng.uniform(0, 80, 200), rng.uniform(0, 80, 200), strict=True
        )
    ]
    table, _ = table_of(faces)
    tracklet = link(table, config=TrackletConfig(min_length=1, min_iou_lead=0.0))
    followed = tracklet >= 0
    cells = list(zip(table.frame[followed], tracklet[followed], strict=True))
    assert len(cells) > 50
    assert len(set(cells)) == len(cells)


def test_short_tracklets_are_dropped():
    faces = [(t, face_at(0), 0) for t in range(4)] + [(t, face_at(400), 1) for t in range(5)]
    table, who = table_of(faces)
    np.testing.assert_array_equal(link(table), np.where(who == 1, 0, -1))


def test_a_tracklet_that_is_never_sure_is_dropped():
    faces = [(t, face_at(400 * who), who) for t in range(10) for who in (0, 1)]
    table, who = table_of(faces)
    scores = np.where(who == 0, 0.7, 0.6).astype(np.float32)
    scores[10] = SURE  # once is enough; row 10 is of the first face
    table, _ = table_of(faces, scores)
    np.testing.assert_array_equal(link(table), np.where(who == 0, 0, -1))


def test_tracklets_are_numbered_by_their_first_detection():
    starts = {0: 20, 1: 0, 2: 40, 3: 10}
    faces = [
        (t, face_at(200 * who), who) for who, start in starts.items() for t in range(start, 60)
    ]
    table, who = table_of(faces)
    np.testing.assert_array_equal(link(table), np.array([2, 0, 3, 1])[who])


def test_no_detections_give_no_tracklets():
    assert len(link(Detections.empty())) == 0
    assert len(link(Detections.empty(), shots=[])) == 0


def test_shots_without_faces_are_passed_over():
    table, _ = table_of([(t, face_at(100), 0) for t in range(20, 30)])
    shots = [Shot(0, 20), Shot(20, 40), Shot(40, 60)]
    assert (link(table, shots) == 0).all()


def test_a_still_face_is_followed_again_after_a_moment_of_two_boxes():
    rng = np.random.default_rng(0)
    faces = [(t, face_at(100) + shaking(rng, 1), 0) for t in range(100)]
    faces += [(t, face_at(103, 103) + shaking(rng, 1), 1) for t in range(20, 24)]
    table, _ = table_of(faces)
    assert (link(table)[table.frame >= 60] >= 0).all()


class FollowedByFilter:
    """A tracklet the slow way: a textbook Kalman filter of its own."""

    def __init__(self, number, box, frame):
        self.number, self.last_frame, self.now = number, frame, frame
        self.motion = KalmanFilter(dim_x=8, dim_z=4)
        self.motion.F, self.motion.H = np.eye(8) + np.eye(8, k=4), np.eye(4, 8)
        self.motion.x = np.append(self.measured(box), np.zeros(4))[:, None]
        height = box[3] - box[1]
        self.motion.P = np.diag([(0.1 * height) ** 2] * 4 + [(0.2 * height) ** 2] * 4)

    @staticmethod
    def measured(box):
        x1, y1, x2, y2 = box
        return np.array([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1])

    def expect(self, frame):
        for _ in range(frame - self.now):
            height = max(self.motion.x[3, 0], 1.0)
            self.motion.predict(Q=np.diag([0.0] * 4 + [(0.02 * height) ** 2] * 4))
        self.now = frame
        x, y, width, height = self.motion.x[:4, 0]
        half = max(width, 1.0) / 2, max(height, 1.0) / 2
        return [x - half[0], y - half[1], x + half[0], y + half[1]]

    def see(self, box, frame):
        noise = (0.05 * (box[3] - box[1])) ** 2
        self.motion.update(self.measured(box)[:, None], R=np.eye(4) * noise)
        self.last_frame = frame


def tracklets_by_filters(detections, config):
    """The tracklet (N,) of each detection of one shot, however short, box by box."""
    tracklet, followed, count = np.full(len(detections), -1), [], 0
    boxes = detections.boxes.astype(float)
    for frame in sorted(set(detections.frame.tolist())):
        here = np.flatnonzero(detections.frame == frame)
        followed = [one for one in followed if frame - one.last_frame - 1 <= config.max_gap_frames]
        expected = np.array([one.expect(frame) for one in followed]).reshape(-1, 4)
        iou = box_iou(expected, boxes[here])
        linked = dict(zip(*clear_links(iou, config), strict=True))
        for row, column in linked.items():
            followed[row].see(boxes[here[column]], frame)
            tracklet[here[column]] = followed[row].number
        in_reach = [any(row >= config.min_iou) for row in iou]
        followed = [one for i, one in enumerate(followed) if i in linked or not in_reach[i]]
        for row in here[tracklet[here] == -1]:
            followed.append(FollowedByFilter(count, boxes[row], frame))
            tracklet[row], count = count, count + 1
    return tracklet


@st.composite
def crowds(draw):
    """Faces that wander through one another, missed now and then, among boxes of nobody."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, missed = draw(st.integers(0, 6)), draw(st.floats(0, 0.5))
    centres, speeds = rng.uniform(0, 200, (count, 2)), rng.normal(0, 5, (count, 2))
    size = rng.uniform(20, 80, (count, 1))
    faces = []
    for t in range(0, draw(st.integers(1, 40)), draw(st.integers(1, 3))):
        centres, size = centres + speeds, size * np.exp(rng.normal(0, 0.02, (count, 1)))
        boxes = np.concatenate([centres, centres + size], axis=1) + rng.normal(0, 1, (count, 4))
        nobody = rng.uniform(0, 200, (rng.poisson(0.2), 2))
        nobody = np.concatenate([nobody, nobody + 40], axis=1)
        seen = np.concatenate([boxes[rng.random(count) >= missed], nobody])
        faces += [(t, box, 0) for box in rng.permutation(seen)]
    return table_of(faces)[0]


@given(crowds(), st.sampled_from([0.05, 0.3]), st.sampled_from([0.0, 0.1]), st.integers(0, 4))
def test_tracklets_are_those_of_a_filter_each(table, min_iou, min_iou_lead, max_gap_frames):
    config = TrackletConfig(min_iou, min_iou_lead, max_gap_frames, min_length=1)
    expected = tracklets_by_filters(table, config)
    np.testing.assert_array_equal(link(table, config=config), expected)


def links_of(iou):
    return list(zip(*clear_links(iou, CONFIG), strict=True))


def clear_links_by_trying_all(iou, config):
    """Of the assignment of the largest sum, the links that are strong and beat every rival."""
    side = max(iou.shape)
    padded = np.zeros((side, side))
    padded[: iou.shape[0], : iou.shape[1]] = iou
    best = max(itertools.permutations(range(side)), key=lambda p: padded[range(side), p].sum())
    links = []
    for row, column in enumerate(best):
        padded_rivals = [*np.delete(padded[row], column), *np.delete(padded[:, column], row)]
        lead = padded[row, column] - max(padded_rivals, default=0.0)
        if padded[row, column] >= config.min_iou and lead >= config.min_iou_lead:
            links.append((row, column))
    return links


@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    seed=st.integers(0, 2**32),
    overlapping=st.floats(0.1, 1),
)
def test_the_clear_links_are_those_of_trying_every_assignment(shape, seed, overlapping):
    rng = np.random.default_rng(seed)
    iou = rng.random(shape) * (rng.random(shape) < overlapping)
    assert links_of(iou) == clear_links_by_trying_all(iou, CONFIG)


def test_the_clear_links_of_a_case_by_hand():
    iou = np.array([[0.9, 0.1, 0.0], [0.0, 0.6, 0.55], [0.2, 0.0, 0.0]])
    assert links_of(iou) == [(0, 0)]  # 0.6 leads 0.55 by too little


def test_a_link_weaker_than_the_least_overlap_is_none():
    assert links_of(np.array([[0.29]])) == []
    assert links_of(np.array([[0.31]])) == [(0, 0)]


@pytest.mark.parametrize("iou", [[[0.8, 0.71]], [[0.8], [0.71]]])
def test_a_link_with_a_close_rival_on_either_end_is_none(iou):
    assert links_of(np.array(iou)) == []


@pytest.mark.parametrize("shape", [(0, 0), (3, 0), (0, 3)])
def test_nothing_to_link_gives_no_links(shape):
    assert links_of(np.zeros(shape)) == []


@given(
    st.lists(st.tuples(st.integers(-1, 4), st.sampled_from([0.25, 0.5, 0.75])), max_size=30),
    st.integers(1, 4),
)
def test_what_is_left_is_long_and_sure_and_numbered_without_holes(cells, min_length):
    tracklet = np.array([number for number, _ in cells], np.int32)
    scores = np.array([score for _, score in cells], np.float32)
    expected, count = np.full(len(cells), -1), 0
    for number in range(5):
        rows = tracklet == number
        if rows.sum() >= min_length and scores[rows].max() >= 0.5:
            expected[rows], count = count, count + 1
    np.testing.assert_array_equal(drop_doubtful(tracklet, scores, min_length, 0.5, 0.0), expected)


@pytest.mark.parametrize(("weak", "expected"), [(0.3, [-1, -1, -1]), (0.35, [0, 0, 0])])
def test_a_tracklet_that_is_weak_on_average_is_dropped(weak, expected):
    scores = np.array([0.9, weak, weak], np.float32)  # once sure; 0.5 and 0.53 on average
    kept = drop_doubtful(np.zeros(3, np.int32), scores, 3, 0.8, 0.52)
    np.testing.assert_array_equal(kept, expected)


def two_boxes(ones, others, scores=(0.9, 0.8), start=0):
    """Two tracklets, a box a frame each, and their detections; None where there is none."""
    faces, ratings = [], []
    for t, pair in enumerate(zip(ones, others, strict=True), start=start):
        for who, box in enumerate(pair):
            if box is not None:
                faces.append((t, box, who))
                ratings.append(scores[who])
    table, who = table_of(faces, ratings)
    return who, table


def kept_of(who, table):
    return sorted(set(drop_doubles(who, table)) - {-1})


def doubles_dropped_by_loop(tracklet, detections):
    overlaps, boxes = Counter(), detections.boxes.astype(float)
    for i, j in itertools.combinations(np.flatnonzero(tracklet >= 0), 2):
        if detections.frame[i] == detections.frame[j]:
            overlap = box_overlap(boxes[[i]], boxes[[j]])[0]
            overlaps[frozenset({tracklet[i], tracklet[j]})] += overlap >= 0.3
    kept = tracklet.copy()
    for pair, together in overlaps.items():
        ones, others = sorted(
            (tracklet == number for number in pair), key=lambda rows: detections.scores[rows].mean()
        )
        unlike = detections.scores[ones].mean() < 0.9 * detections.scores[others].mean()
        if unlike and 2 * together > ones.sum():
            kept[ones] = -1
    return kept


@given(st.integers(0, 2**32), st.integers(0, 30))
def test_the_doubles_are_those_of_a_loop_over_pairs_of_boxes(seed, frames):
    rng = np.random.default_rng(seed)
    faces = [
        (t, face_at(30 * who + shift, 15 * who, 60 + 20 * who), who)
        for t in range(frames)
        for who, shift in enumerate(rng.normal(0, 15, 4))
        if rng.random() < 0.7
    ]
    faces = [faces[i] for i in rng.permutation(len(faces))]
    _, who = table_of(faces)
    table, who = table_of(faces, rng.uniform(0.5, 1, 4)[who])
    followed = np.where(rng.random(len(who)) < 0.1, -1, who)
    expected = doubles_dropped_by_loop(followed, table)
    np.testing.assert_array_equal(drop_doubles(followed, table), expected)


FACE, FOREHEAD = face_at(100), face_at(105, 80, 40, 40)  # half of it in the face
BESIDE = face_at(140)  # a fifth of it in the face


@pytest.mark.parametrize(("scores", "kept"), [((0.9, 0.7), [0]), ((0.7, 0.9), [1])])
def test_of_a_head_found_twice_the_weaker_goes(scores, kept):
    assert kept_of(*two_boxes([FACE] * 10, [FOREHEAD] * 10, scores)) == kept


def test_two_heads_that_touch_and_look_alike_are_both_kept():
    assert kept_of(*two_boxes([FACE] * 10, [FOREHEAD] * 10, (0.9, 0.85))) == [0, 1]


def test_what_is_left_keeps_its_number_and_its_detections():
    who, table = two_boxes([FOREHEAD] * 10, [FACE] * 10, (0.5, 0.9))
    np.testing.assert_array_equal(drop_doubles(who, table), np.where(who == 1, 1, -1))


def test_two_heads_side_by_side_are_both_kept():
    assert kept_of(*two_boxes([FACE] * 10, [BESIDE] * 10)) == [0, 1]


def test_two_people_who_pass_one_another_are_both_kept():
    passing = [face_at(100 + 10 * (t - 10)) for t in range(20)]  # they overlap for 7 frames
    assert kept_of(*two_boxes([FACE] * 20, passing)) == [0, 1]


@pytest.mark.parametrize(("together", "kept"), [(5, [0, 1]), (6, [0])])
def test_more_than_half_of_the_weaker_tracklet_makes_a_double(together, kept):
    others = [FOREHEAD] * together + [face_at(400)] * (10 - together)
    whole = [FACE] * 10
    assert kept_of(*two_boxes(whole + [FACE] * 30, others + [None] * 30, (0.9, 0.7))) == kept


def test_a_short_ghost_over_a_weak_face_does_not_drop_the_face():
    ghost = [FACE] * 4 + [None] * 16  # of the next shot, in a dissolve
    assert kept_of(*two_boxes([FOREHEAD] * 20, ghost, (0.6, 0.9))) == [0, 1]


def test_heads_in_one_place_at_different_times_are_both_kept():
    ones, others = [FACE] * 10 + [None] * 10, [None] * 10 + [FACE] * 10
    assert kept_of(*two_boxes(ones, others)) == [0, 1]


def test_detections_of_no_tracklet_double_nothing():
    who, table = two_boxes([FACE] * 10, [FOREHEAD] * 10, (0.8, 0.9))
    assert kept_of(np.where(who == 1, -1, who), table) == [0]


def test_boxes_of_no_size_double_nothing():
    point = [100.0, 100, 100, 100]
    assert kept_of(*two_boxes([point] * 10, [point] * 10)) == [0, 1]


@pytest.mark.parametrize("count", [0, 3])
def test_without_tracklets_nothing_is_a_double(count):
    table, _ = table_of([(t, FACE, 0) for t in range(count)])
    assert drop_doubles(np.full(count, -1, np.int32), table).tolist() == [-1] * count


def test_a_head_found_twice_is_one_tracklet_numbered_from_nought():
    rng = np.random.default_rng(0)
    faces = []
    for t in range(FRAMES):
        faces.append((t, np.add(FOREHEAD, 2 * t) + shaking(rng, 0.5), 0))
        faces.append((t, np.add(FACE, 2 * t) + shaking(rng, 0.5), 1))
    scores = np.tile([0.81, 0.95], FRAMES)
    table, who = table_of(faces, scores)
    np.testing.assert_array_equal(link(table), np.where(who == 1, 0, -1))
