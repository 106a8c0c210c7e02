"""The tracking measures are those of TrackEval, and where both mean the same, of motmetrics."""

from pathlib import Path

import motmetrics
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trackeval.metrics import CLEAR, HOTA, Identity

from tracker.boxes import box_iou
from tracker.evaluation.measures import evaluate
from tracker.evaluation.truth import Truth, read_tracks, read_truth
from tracker.records import Tracks

DATA = Path(__file__).parents[3] / "shared" / "data" / "metric_parity"
needs_shared = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there")
SEQUENCES = ["TUD-Campus", "TUD-Stadtmitte"]

THEIR_NAMES = {
    "mota": "MOTA",
    "motp": "MOTP",
    "idf1": "IDF1",
    "idp": "IDP",
    "idr": "IDR",
    "hota": "HOTA",
    "deta": "DetA",
    "assa": "AssA",
    "id_switches": "IDSW",
    "fragmentations": "Frag",
    "mostly_tracked": "MT",
    "partly_tracked": "PT",
    "mostly_lost": "ML",
    "recall": "CLR_Re",
    "precision": "CLR_Pr",
    "f1": "CLR_F1",
    "misses": "CLR_FN",
    "false_positives": "CLR_FP",
    "matches": "CLR_TP",
}


def sequence_of(truth: Tracks, tracks: Tracks) -> dict:
    """TrackEval's input, box by box; it counts people from 0."""
    frames = range(max([-1, *truth.frame.tolist(), *tracks.frame.tolist()]) + 1)
    true_names, names = sorted({*truth.person.tolist()}), sorted({*tracks.person.tolist()})
    sequence = {
        "num_timesteps": len(frames),
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(tracks),
        "num_gt_ids": len(true_names),
        "num_tracker_ids": len(names),
        "gt_ids": [],
        "tracker_ids": [],
        "similarity_scores": [],
    }
    for frame in frames:
        true, found = truth.where(truth.frame == frame), tracks.where(tracks.frame == frame)
        true_numbers = [true_names.index(person) for person in true.person]
        sequence["gt_ids"].append(np.array(true_numbers, int))
        numbers = [names.index(person) for person in found.person]
        sequence["tracker_ids"].append(np.array(numbers, int))
        iou = box_iou(true.boxes.astype(float), found.boxes.astype(float))
        sequence["similarity_scores"].append(iou)
    return sequence


def measured_by_trackeval(
    truth: Tracks, tracks: Tracks, iou_threshold: float = 0.5
) -> dict[str, float]:
    """What TrackEval says, by our names."""
    sequence = sequence_of(truth, tracks)
    config = {"THRESHOLD": iou_threshold, "PRINT_CONFIG": False}
    said = {}
    for metric in (CLEAR(config), Identity(config), HOTA()):
        said |= metric.eval_sequence(sequence)
    return {ours: float(np.mean(said[theirs])) for ours, theirs in THEIR_NAMES.items()}


def measured_by_us(truth: Tracks, tracks: Tracks, iou_threshold: float = 0.5) -> dict[str, float]:
    """The same measures of ours."""
    ours = evaluate(Truth(truth), tracks, iou_threshold).as_dict()
    return {name: ours[name] for name in THEIR_NAMES}


def drawn_tracks(frames: int, people: int, seed: int) -> tuple[Tracks, Tracks]:
    """People who walk about and often overlap, and tracks that lose and confuse them."""
    rng = np.random.default_rng(seed)
    frame, person = np.repeat(np.arange(frames), people), np.tile(np.arange(people), frames) + 1
    steps = rng.normal(0, 3, (frames, people, 2)).cumsum(axis=0) + rng.uniform(0, 150, (people, 2))
    corner = steps.reshape(-1, 2)
    boxes = np.concatenate([corner, corner + rng.uniform(30, 60, 2)], axis=1)
    there, kept = rng.random(len(frame)) < 0.9, rng.random(len(frame)) < 0.8
    moved = boxes + rng.normal(0, 4, boxes.shape)
    names = (person + (frame // 15) * rng.integers(0, 3, people)[person - 1]) % 12 + 1
    tables = []
    for rows, who, where in ((there, person, boxes), (kept, names, moved)):
        _, once = np.unique(frame[rows] * 1000 + who[rows], return_index=True)
        columns = (frame[rows][once], who[rows][once], where[rows][once])
        types = (np.int32, np.int32, np.float32)
        typed = (column.astype(kind) for column, kind in zip(columns, types, strict=True))
        tables.append(Tracks(*typed, np.ones(len(once), np.float32)))
    return tables[0], tables[1]


def tables():
    """Up to four people in up to six frames, in boxes of many sizes that often overlap."""
    where = st.tuples(st.integers(0, 5), st.sampled_from([1, 2, 3, 9]))
    box = st.tuples(*[st.floats(0, 12, width=16)] * 2, *[st.floats(4, 12, width=16)] * 2)

    def table(found):
        rows = np.array(
            [(f, who, x, y, x + w, y + h) for (f, who), (x, y, w, h) in sorted(found.items())]
        ).reshape(-1, 6)
        whole = rows[:, :2].astype(np.int32)
        return Tracks(whole[:, 0], whole[:, 1], rows[:, 2:].astype(np.float32), np.ones(len(rows)))

    return st.dictionaries(where, box, max_size=24).map(table)


@given(tables(), tables(), st.sampled_from([0.2, 0.5, 0.7]))
@settings(max_examples=150)
def test_random_tracks_measure_as_in_trackeval(truth, tracks, iou_threshold):
    theirs = measured_by_trackeval(truth, tracks, iou_threshold)
    assert measured_by_us(truth, tracks, iou_threshold) == pytest.approx(theirs, abs=1e-9)


def with_steady_person(tracks: Tracks, who: int) -> Tracks:
    """`tracks` and somebody far from all others, in every one of six frames."""
    frame = np.concatenate([tracks.frame, np.arange(6)])
    order = np.argsort(frame, kind="stable")
    steady = np.tile([900, 900, 910, 910], (6, 1))
    return Tracks(
        frame[order].astype(np.int32),
        np.concatenate([tracks.person, np.full(6, who)])[order].astype(np.int32),
        np.concatenate([tracks.boxes, steady])[order].astype(np.float32),
        np.ones(len(frame), np.float32),
    )


@given(st.lists(st.tuples(*[st.floats(0, 12, width=16)] * 2), min_size=12, max_size=12), tables())
@settings(max_examples=150)
def test_breaks_are_the_fragments_of_trackeval_where_nobody_leaves(corners, tracks):
    places = np.array(corners)
    truth = Tracks(
        np.repeat(np.arange(6), 2).astype(np.int32),
        np.tile([1, 2], 6).astype(np.int32),
        np.concatenate([places, places + 8], axis=1).astype(np.float32),
        np.ones(12, np.float32),
    )
    # TrackEval passes over frames without tracks, as if nobody was lost in them.
    truth, tracks = with_steady_person(truth, 7), with_steady_person(tracks, 7)
    ours = evaluate(Truth(truth), tracks, 0.2).breaks
    assert ours == measured_by_trackeval(truth, tracks, 0.2)["fragmentations"]


@pytest.mark.parametrize("people", [1, 3, 12])
def test_a_drawn_crowd_measures_as_in_trackeval(people):
    truth, tracks = drawn_tracks(frames=120, people=people, seed=people)
    theirs = measured_by_trackeval(truth, tracks)
    assert measured_by_us(truth, tracks) == pytest.approx(theirs, abs=1e-9)
    assert theirs["matches"] > 50


def real_tracks(sequence: str) -> tuple[Tracks, Tracks]:
    """The truth of a sequence, and what somebody's tracker made of it."""
    folder = DATA / sequence
    return read_truth(folder / "gt.txt").tracks, read_tracks(folder / "test.txt")


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize("sequence", SEQUENCES)
def test_real_tracks_measure_as_in_trackeval(sequence):
    truth, tracks = real_tracks(sequence)
    theirs = measured_by_trackeval(truth, tracks)
    assert measured_by_us(truth, tracks) == pytest.approx(theirs, abs=1e-6)


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize(
    ("sequence", "mota", "idf1", "switches"),
    [("TUD-Campus", 0.526, 0.558, 7), ("TUD-Stadtmitte", 0.564, 0.645, 7)],
)
def test_published_values_are_reproduced(sequence, mota, idf1, switches):
    truth, tracks = real_tracks(sequence)
    measures = evaluate(Truth(truth), tracks)
    assert measures.mota == pytest.approx(mota, abs=0.0005)
    assert measures.idf1 == pytest.approx(idf1, abs=0.0005)
    assert measures.id_switches == switches


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize("sequence", SEQUENCES)
def test_motmetrics_agrees_on_real_tracks(sequence):
    truth, tracks = real_tracks(sequence)
    accumulator = motmetrics.MOTAccumulator()
    for frame in range(max(truth.frame.max(), tracks.frame.max()) + 1):
        true, found = truth.where(truth.frame == frame), tracks.where(tracks.frame == frame)
        iou = box_iou(true.boxes.astype(float), found.boxes.astype(float))
        distance = np.where(iou >= 0.5, 1 - iou, np.nan)
        accumulator.update(true.person, found.person, distance, frameid=frame)
    theirs = motmetrics.metrics.create().compute(
        accumulator,
        metrics=["mota", "idf1", "num_switches", "num_fragmentations"],
        return_dataframe=False,
    )
    ours = evaluate(Truth(truth), tracks)
    assert (ours.mota, ours.idf1) == pytest.approx((theirs["mota"], theirs["idf1"]), abs=1e-6)
    assert ours.id_switches == theirs["num_switches"]
    assert ours.breaks == theirs["num_fragmentations"]
