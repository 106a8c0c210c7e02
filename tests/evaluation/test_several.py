import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.evaluation.measures import evaluate
from tracker.evaluation.several import format_several, means, pooled, several_as_dict
from tracker.evaluation.truth import Truth
from tracker.records import Tracks

FRAMES = 4


def tracks_of(*rows):
    """Tracks of rows of frame, person, x of a square of 10 pixels."""
    table = np.array(sorted(rows), np.float64).reshape(-1, 3)
    corner = np.stack([table[:, 2], np.zeros(len(table))], axis=1)
    return Tracks(
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        np.concatenate([corner, corner + 10], axis=1).astype(np.float32),
        np.ones(len(table), np.float32),
    )


def small_tracks():
    """Up to three people in up to four frames, in boxes that often overlap."""
    where = st.tuples(st.integers(0, FRAMES - 1), st.integers(1, 3))
    places = st.dictionaries(where, st.integers(0, 12), max_size=12)
    return places.map(lambda found: tracks_of(*((*at, x) for at, x in found.items())))


def one_after_the_other(parts):
    """All tracks as if they were of one video, with nobody in two of its parts."""
    moved = [
        replace(
            part,
            frame=(part.frame + number * FRAMES).astype(np.int32),
            person=(part.person + number * 10).astype(np.int32),
        )
        for number, part in enumerate(parts)
    ]
    columns = ("frame", "person", "boxes", "scores")
    return Tracks(*(np.concatenate([getattr(one, name) for one in moved]) for name in columns))


# The first has its one person in every frame; the second loses its person half-way.
WHOLE = tracks_of((0, 1, 0), (1, 1, 0), (2, 1, 0))
PERFECT = evaluate(Truth(WHOLE), WHOLE)
HALF = evaluate(Truth(tracks_of((0, 1, 0), (1, 1, 0))), tracks_of((0, 1, 0), (1, 1, 50)))
TWO = {"perfect": PERFECT, "half": HALF}


def test_all_boxes_together_computed_by_hand():
    assert pooled(TWO) == pytest.approx(
        {
            "mota": 1 - 2 / 5,  # a miss and a false box of five
            "idf1": 8 / 10,
            "recall": 4 / 5,
            "precision": 4 / 5,
            "id_switches": 0,
            "fragmentations": 0,
            "breaks": 0,
            "misses": 1,
            "false_positives": 1,
            "matches": 4,
            "truth_boxes": 5,
            "track_boxes": 5,
            "truth_people": 2,
            "people": 2,
        }
    )


@given(st.lists(st.tuples(small_tracks(), small_tracks()), min_size=1, max_size=3))
@settings(max_examples=40)
def test_all_boxes_together_are_those_of_one_long_video(videos):
    measured = {
        f"video {number}": evaluate(Truth(truth), tracks)
        for number, (truth, tracks) in enumerate(videos)
    }
    truths, tracks = zip(*videos, strict=True)
    long = evaluate(Truth(one_after_the_other(truths)), one_after_the_other(tracks)).as_dict()
    together = pooled(measured)
    assert together == pytest.approx({name: long[name] for name in together})


def test_means_count_every_video_alike():
    found = means(TWO)
    assert found["mota"] == pytest.approx((1 + 0) / 2)
    assert found["truth_boxes"] == 2.5
    assert found.keys() == PERFECT.as_dict().keys()


@given(small_tracks(), small_tracks())
@settings(max_examples=20)
def test_of_a_single_video_means_and_all_boxes_are_its_own(truth, tracks):
    measures = evaluate(Truth(truth), tracks)
    assert means({"a": measures}) == pytest.approx(measures.as_dict())
    own = measures.as_dict()
    together = pooled({"a": measures})
    assert together == pytest.approx({name: own[name] for name in together})


def test_no_videos_have_no_means_and_no_boxes():
    assert means({}) == {}
    assert set(pooled({}).values()) == {0}
    assert several_as_dict("none", {})["videos"] == {}
    assert len(format_several({}).splitlines()) == 3


def test_everything_is_there_for_programs():
    told = json.loads(json.dumps(several_as_dict("music", TWO), allow_nan=False))
    assert told == {
        "dataset": "music",
        "videos": {name: one.as_dict() for name, one in TWO.items()},
        "mean": means(TWO),
        "pooled": pooled(TWO),
    }


def test_the_table_has_a_line_a_video_then_the_mean_then_all_boxes():
    heading, *lines = [line.split() for line in format_several(TWO).splitlines()]
    assert heading[:3] == ["MOTA", "IDF1", "HOTA"]
    assert [line[0] for line in lines] == ["perfect", "half", "mean", "all"]
    assert lines[0][1] == "1.000"
    assert lines[2][1] == "0.500"
    assert lines[3][2] == "0.600"


def test_the_columns_of_the_table_are_as_wide_in_every_line():
    lines = format_several({"a": PERFECT, "a much longer name": HALF}).splitlines()
    assert len({len(line) for line in lines}) == 1


def test_what_cannot_be_pooled_is_left_empty_and_counts_have_no_digits():
    heading, *_, mean, together = format_several({"a": PERFECT, "b": PERFECT}).splitlines()
    at = heading.index("HOTA") + len("HOTA")
    assert mean[:at].endswith("1.000")
    assert together[at - 9 : at].strip() == ""
    at = heading.index("true") + len("true")
    assert (mean[:at].split()[-1], together[:at].split()[-1]) == ("1", "2")
