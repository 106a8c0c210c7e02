from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest

from tracker.errors import FormatError, RecordError
from tracker.evaluation.convention import (
    BoxFit,
    evaluate_fitted,
    fit_boxes,
    format_fitted,
    shots_of_run,
)
from tracker.evaluation.measures import evaluate
from tracker.evaluation.truth import Truth, read_tracks, read_truth
from tracker.records import NOBODY, Shot, Tracks

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there")

# Shots 1 to 4 of ten frames each; the last one is open.
SHOTS = [Shot(0, 10), Shot(10, 20), Shot(20, 30), Shot(30, 1000)]
LARGER = BoxFit(1.3, 1.2, 0.05, -0.1)


def people(seed: int = 0) -> Tracks:
    """Three people far apart in 40 frames, in boxes of all sizes."""
    rng = np.random.default_rng(seed)
    frame, person = np.repeat(np.arange(40), 3), np.tile([1, 2, 3], 40)
    corner = np.stack([300.0 * person, np.full(120, 100.0)], axis=1) + rng.uniform(0, 50, (120, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(40, 120, (120, 2))], axis=1)
    return Tracks(
        frame.astype(np.int32), person.astype(np.int32), boxes.astype(np.float32), np.ones(120)
    )


def unsteady(tracks: Tracks, pixels: float) -> Tracks:
    """`tracks` with each corner moved at random."""
    noise = np.random.default_rng(1).normal(0, pixels, tracks.boxes.shape)
    return replace(tracks, boxes=(tracks.boxes + noise).astype(np.float32))


def test_a_box_changed_by_hand():
    one = people().where(np.arange(1))
    one = replace(one, boxes=np.array([[10, 20, 30, 60]], np.float32))  # centre 20, 40
    changed = BoxFit(1.5, 0.5, 0.1, -0.25)(one)  # centre 22, 30; 30 wide, 20 high
    np.testing.assert_allclose(changed.boxes, [[7, 20, 37, 40]])
    assert changed.boxes.dtype == np.float32


def test_no_boxes_can_be_changed():
    assert len(LARGER(Tracks.empty())) == 0


@pytest.mark.parametrize("known", [LARGER, BoxFit(0.8, 0.75, 0.0, 0.1), BoxFit()])
def test_a_known_scale_and_shift_are_found(known):
    tracks = people()
    assert astuple(fit_boxes(known(tracks), tracks)) == pytest.approx(astuple(known), abs=1e-5)


def test_unsteady_boxes_that_are_right_stay_nearly_as_they_are():
    fit = fit_boxes(people(), unsteady(people(), pixels=3))
    assert astuple(fit) == pytest.approx(astuple(BoxFit()), abs=0.02)


def test_false_boxes_and_regions_to_ignore_pull_at_nothing():
    tracks = people()
    truth = LARGER(tracks)
    elsewhere = np.arange(len(tracks)) % 4 == 0
    boxes = tracks.boxes + np.where(elsewhere, 2000, 0).astype(np.float32)[:, None]
    around = np.concatenate([boxes[:, :2] - 30, boxes[:, 2:] + 30], axis=1)
    regions = Tracks(tracks.frame, np.full_like(tracks.person, NOBODY), around, tracks.scores)
    columns = ("frame", "person", "boxes", "scores")
    both = [np.concatenate([getattr(truth, name), getattr(regions, name)]) for name in columns]
    order = np.argsort(both[0], kind="stable")
    fit = fit_boxes(Tracks(*(column[order] for column in both)), replace(tracks, boxes=boxes))
    assert astuple(fit) == pytest.approx(astuple(LARGER), abs=1e-4)


def test_a_pair_is_found_that_does_not_match_at_first():
    tracks = people()
    half_as_large = BoxFit(1.6, 1.6)  # IoU 0.39
    assert evaluate(Truth(half_as_large(tracks)), tracks).matches == 0
    fitted = evaluate_fitted(Truth(half_as_large(tracks)), tracks, SHOTS, "even")
    assert (fitted.measures.mota, fitted.measures.hota) == pytest.approx((1, 1))
    assert fitted.unfitted.matches == 0


@pytest.mark.parametrize(("fitted_on", "fitted_with"), [("even", 1.2), ("odd", 0.9)])
def test_one_half_of_the_shots_is_fitted_and_the_other_half_scored(fitted_on, fitted_with):
    tracks = people()
    in_even_shots = (tracks.frame // 10) % 2 == 1
    wider = np.where(in_even_shots[:, None], BoxFit(1.2)(tracks).boxes, BoxFit(0.9)(tracks).boxes)
    truth = replace(tracks, boxes=wider)
    fitted = evaluate_fitted(Truth(truth), tracks, SHOTS, fitted_on)
    assert fitted.fit.width_factor == pytest.approx(fitted_with, abs=1e-5)
    scored = in_even_shots if fitted_on == "odd" else ~in_even_shots
    alone = evaluate(Truth(truth.where(scored)), fitted.fit(tracks.where(scored)))
    assert fitted.measures == replace(alone, frames=20, faf=0.0)  # of the scored shots only
    assert fitted.measures.truth_boxes == fitted.measures.track_boxes == 60
    unfitted = evaluate(Truth(truth.where(scored)), tracks.where(scored))
    faf = unfitted.false_positives / 20
    assert fitted.unfitted == replace(unfitted, frames=20, faf=faf)


def test_a_person_is_the_same_in_all_scored_shots():
    tracks = people()
    renamed_late = np.where(tracks.frame >= 20, tracks.person + 3, tracks.person)
    tracks = replace(tracks, person=renamed_late.astype(np.int32))
    measures = evaluate_fitted(Truth(people()), tracks, SHOTS, "even").measures
    assert (measures.id_switches, measures.people) == (3, 6)
    assert measures.idf1 == pytest.approx(0.5)


def test_frames_that_are_not_annotated_are_not_judged():
    every_fifth = people().where(people().frame % 5 == 0)
    truth = Truth(every_fifth, stop=40, step=5)
    measures = evaluate_fitted(truth, people(), SHOTS, "odd").measures
    assert measures.truth_boxes == measures.track_boxes == measures.matches == 12


@pytest.mark.parametrize(
    ("tracks", "shots", "problem"),
    [
        (people(), [Shot(0, 40)], "two shots or more, and there is 1"),
        (people().where(people().frame < 10), SHOTS, "no box lies on a true one in the even shots"),
        (Tracks.empty(), SHOTS, "no box lies on a true one in the even shots"),
    ],
)
def test_what_cannot_be_fitted_is_refused(tracks, shots, problem):
    with pytest.raises(RecordError, match=problem):
        evaluate_fitted(Truth(people()), tracks, shots, "even")


def test_shots_come_from_the_run_folder_or_from_the_file_named(tmp_path):
    (tmp_path / "shots.csv").write_text("shot,first_frame,last_frame\n1,1,10\n2,11,20\n")
    (tmp_path / "mine.csv").write_text("shot,first_frame,last_frame\n1,1,5\n2,6,20\n")
    assert [shot.start for shot in shots_of_run(tmp_path)] == [0, 10]
    assert [shot.start for shot in shots_of_run(tmp_path, tmp_path / "mine.csv")] == [0, 5]
    with pytest.raises(RecordError, match=r"tracks\.txt is no run folder: .* --shots"):
        shots_of_run(tmp_path / "tracks.txt")
    with pytest.raises(FormatError, match=r"none\.csv: cannot be read"):
        shots_of_run(tmp_path, tmp_path / "none.csv")


def test_what_was_done_to_the_boxes_is_said():
    fitted = evaluate_fitted(Truth(LARGER(people())), people(), SHOTS, "odd")
    *_, said, before = format_fitted(fitted).splitlines()
    assert said == (
        "boxes scaled 1.30 x 1.20, moved by +0.05, -0.10 of their size, "
        "fitted on the odd shots; scored on the even shots"
    )
    assert before.startswith("there, with the boxes as they are: MOTA 1.000, IDF1 1.000, HOTA 0.")
    values = fitted.as_dict()
    assert values["box_fit"] == pytest.approx(
        {"width_factor": 1.3, "height_factor": 1.2, "shift_x": 0.05, "shift_y": -0.1}
        | {"fitted_on": "odd", "scored_on": "even"},
        abs=1e-5,
    )
    assert values["hota"] == pytest.approx(1)
    assert values["unfitted"] == fitted.unfitted.as_dict()


@needs_shared
@pytest.mark.shared
def test_the_truth_of_tara_needs_no_fit():
    path = DATA / "tara" / "gt.txt"
    shots = shots_of_run(path, DATA / "tara" / "shots.csv")
    fitted = evaluate_fitted(read_truth(path), read_tracks(path), shots, "even")
    assert astuple(fitted.fit) == (1, 1, 0, 0)
    assert (fitted.measures.mota, fitted.measures.truth_boxes) == (1, 6_244)
