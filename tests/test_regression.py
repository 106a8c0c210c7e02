"""The gate: on films whose truth is known, no golden number may fall.

The films, and how each is run, are in benchmarks/regression.py; the numbers in tests/golden.yaml.
`corporate` and the whole of T-ara take too long for a test: only that script runs them.
"""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tracker.evaluation.measures import Measures, evaluate
from tracker.evaluation.truth import read_tracks, read_truth
from tracker.mot import read_mot
from tracker.video.reader import VideoReader

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")

sys.path.append(str(ROOT / "benchmarks"))
regression = importlib.import_module("regression")

GOLDEN = regression.read_golden()
ONE = regression.Golden({"idf1": regression.Floor(0.9, 0.02)}, (2, 3))
VIDEO, TRUTH = ROOT / "videos/demo.mp4", ROOT / "videos/demo.gt.txt"
PERFECT = evaluate(read_truth(TRUTH), read_tracks(TRUTH))


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Where films are drawn, once, and runs are made, each in a folder of its own."""
    return tmp_path_factory.mktemp("films")


def measured(**values: float) -> Measures:
    """Measures as of two people, all perfect but for `values`."""
    return replace(PERFECT, **({"people": 2} | values))


def check(name: str, films: Path) -> None:
    fallen = regression.falls(name, regression.run_film(name, films, SHARED), GOLDEN[name])
    if fallen:
        pytest.fail("\n".join(fallen), pytrace=False)


@pytest.mark.parametrize("name", regression.OFFLINE)
def test_no_golden_number_falls_where_nothing_is_downloaded(name, films):
    check(name, films)


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize("name", regression.WITH_SHARED)
def test_no_golden_number_falls_with_the_footage_and_weights_beside_the_checkout(name, films):
    check(name, films)


def test_every_film_has_golden_numbers_and_all_golden_numbers_a_film():
    assert GOLDEN.keys() == regression.FILMS.keys()
    assert all("idf1" in golden.floors for golden in GOLDEN.values())


@pytest.mark.parametrize("idf1", [0.88, 0.8801, 0.9, 1.0])
def test_a_fall_within_the_tolerance_and_any_rise_pass(idf1):
    assert regression.falls("party", measured(idf1=idf1), ONE) == []


def test_a_fall_beyond_the_tolerance_fails_and_says_what_fell_and_how_to_renew_it():
    (line,) = regression.falls("the party", measured(idf1=0.8789), ONE)
    assert line == (
        "the party: idf1 fell from 0.900 to 0.879, by more than 0.02: if that is meant, paste "
        "what `python benchmarks/regression.py 'the party'` prints into tests/golden.yaml, and "
        "say why in its commit"
    )


@pytest.mark.parametrize(("people", "passes"), [(1, False), (2, True), (3, True), (4, False)])
def test_fewer_or_more_people_than_the_range_fail(people, passes):
    lines = regression.falls("party", measured(people=people), ONE)
    said = [line.startswith(f"party: {people} people were found, not 2 to 3") for line in lines]
    assert said == ([] if passes else [True])


def test_every_number_that_fell_is_told():
    lines = regression.falls("demo", measured(idf1=0, mota=0, purity=0), GOLDEN["demo"])
    assert [line.split()[1] for line in lines] == ["idf1", "mota", "purity", "2"]


def test_two_people_who_swap_names_half_way_fail_the_gate():
    tracks = read_tracks(TRUTH)
    swaps = (tracks.frame >= 250) & (tracks.person <= 2)
    person = np.where(swaps, 3 - tracks.person, tracks.person).astype(np.int32)
    order = np.lexsort((person, tracks.frame))
    swapped = replace(tracks, person=person).where(order)
    assert regression.falls("demo", PERFECT, GOLDEN["demo"]) == []
    lines = regression.falls("demo", evaluate(read_truth(TRUTH), swapped), GOLDEN["demo"])
    assert lines[0].startswith("demo: idf1 fell from ")


def test_what_is_printed_for_a_film_can_be_pasted_and_then_passes(tmp_path):
    worse = [measured(idf1=0.7, people=4), measured(idf1=0.71, people=2)]
    path = tmp_path / "golden.yaml"
    path.write_text(regression.renewed("party", worse, ONE))
    (renewed,) = regression.read_golden(path).values()
    assert renewed == regression.Golden({"idf1": regression.Floor(0.7, 0.02)}, (2, 4))
    assert regression.falls("party", worse[0], renewed) == []


def test_the_start_of_a_video_has_the_same_pictures(tmp_path):
    regression.write_start(VIDEO, tmp_path / "start.mp4", 40 + regression.REORDERED_FRAMES)
    with VideoReader(VIDEO) as whole, VideoReader(tmp_path / "start.mp4") as start:
        for _, one, other in zip(range(40), whole, start, strict=False):
            np.testing.assert_array_equal(one.image, other.image)
        assert other.index == 39


def test_boxes_of_the_start_of_a_video_are_those_before_its_end(tmp_path):
    regression.write_rows_before(TRUTH, tmp_path / "rows.txt", 40)
    rows, whole = read_mot(tmp_path / "rows.txt"), read_mot(TRUTH)
    assert rows.frame.max() == 39
    np.testing.assert_array_equal(rows.boxes, whole.boxes[whole.frame < 40])
