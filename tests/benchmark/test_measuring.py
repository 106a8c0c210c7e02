"""What is measured of a row, on a drawn cast, beside slow ways to find the same."""

import itertools
import json
import shutil
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from tracker.benchmark.bench import prepare
from tracker.benchmark.measuring import (
    find_answers,
    judged_pairs,
    known_distances,
    measure_row,
    tracklet_distances_of,
)
from tracker.benchmark.rows import AS_CONFIGURED, COMPENSATED, RAW, Row
from tracker.benchmark.table import Line, as_markdown, spreads
from tracker.boxes import box_iou
from tracker.evaluation.answer import Answer
from tracker.evaluation.measures import evaluate
from tracker.evaluation.partition import weighted_purity
from tracker.evaluation.truth import Truth
from tracker.features.hog import hog_features
from tracker.mot import write_mot
from tracker.records import NOBODY, Tracks

RAW_HOG = Row("hog", RAW)
COMPENSATED_HOG = Row("hog", COMPENSATED)
LEARNED_HOG = Row("hog", "symtriplet")
MAIN_JOB = Row("hog", AS_CONFIGURED)


@pytest.fixture(scope="module")
def bench(drawn, seen, run_in, tmp_path_factory):
    folder = shutil.copytree(seen, tmp_path_factory.mktemp("bench") / "run")
    return prepare(run_in(folder), Answer(drawn.mot), 0.5)


@pytest.fixture(scope="module")
def raw(bench):
    return bench.find(RAW_HOG, 0, None)[0]


@pytest.fixture(scope="module")
def learned(bench):
    return bench.find(LEARNED_HOG, 0, None)[0]


@pytest.fixture(scope="module")
def measured(bench):
    return measure_row(bench, RAW_HOG, 0)


@pytest.fixture(scope="module")
def nobody(drawn, run_in, tmp_path_factory):
    """A bench on which no face was found."""
    folder = tmp_path_factory.mktemp("nobody")
    (folder / "none.txt").touch()
    run = run_in(folder / "run", detections=folder / "none.txt")
    return prepare(run, Answer(drawn.mot), 0.5)


@pytest.fixture(scope="module")
def somebody(bench, run_in, tmp_path_factory):
    """A bench with the faces of one person."""
    folder = tmp_path_factory.mktemp("somebody")
    tracks = bench.truth.tracks
    write_mot(folder / "one.txt", tracks.where(tracks.person == 1))
    run = run_in(folder / "run", detections=folder / "one.txt")
    return prepare(run, Answer(folder / "one.txt"), 0.5)


def answers_to(truth, followed):
    """What a truth says of the tracklets, when all of it is judged."""
    person = truth.tracks.person
    return find_answers(truth, len(np.unique(person[person != NOBODY])), followed, 0.5)


def judged_by(bench, truth):
    """The same bench, judged by another truth."""
    return replace(bench, truth=truth, answers=answers_to(truth, bench.followed))


def without_some(tracks):
    """The truth without its person 3; where its person 2 is, nothing is judged."""
    person = np.where(tracks.person == 2, NOBODY, tracks.person).astype(np.int32)
    changed = Tracks(tracks.frame, person, tracks.boxes, tracks.scores)
    return Truth(changed.where(tracks.person != 3))


def unit(vectors):
    return np.array([vector / np.linalg.norm(vector) for vector in vectors.astype(float)])


def direction_of(vectors):
    return unit(unit(vectors).mean(axis=0, keepdims=True))[0]


def faces_of(findings):
    """The rows of the faces of each tracklet, in order of time."""
    tracklet = findings.tracklet[findings.identities.crops.rows]
    return [np.flatnonzero(tracklet == number) for number in range(tracklet.max() + 1)]


def test_raw_is_features_as_they_come(raw):
    features = hog_features(raw.identities.crops.images)
    np.testing.assert_allclose(raw.identities.metric.vectors, unit(features), atol=1e-5)
    assert raw.identities.metric.preparations == ()


def test_raw_distances_are_between_mean_directions_of_the_features(raw):
    features = hog_features(raw.identities.crops.images)
    means = [direction_of(features[rows]) for rows in faces_of(raw)]
    slow = [[np.square(a - b).sum() for b in means] for a in means]
    np.testing.assert_allclose(tracklet_distances_of(raw), slow, atol=1e-4)


def test_of_a_learned_row_all_of_the_distance_is_learned(learned):
    embedding = learned.identities.embedding
    assert embedding.raw_share == 0
    means = [direction_of(embedding.learned[rows]) for rows in faces_of(learned)]
    slow = [[np.square(a - b).sum() for b in means] for a in means]
    np.testing.assert_allclose(tracklet_distances_of(learned), slow, atol=1e-4)


def test_a_compensated_row_is_neither_raw_nor_learned(bench, raw):
    compensated, _ = bench.find(COMPENSATED_HOG, 0, None)
    assert compensated.identities.embedding.raw_share == 1
    assert compensated.identities.metric.preparations
    difference = tracklet_distances_of(compensated) - tracklet_distances_of(raw)
    assert np.abs(difference).max() > 0.01


def test_what_is_raw_is_the_same_from_every_seed(bench):
    row = Row("hog", RAW)
    distances = [tracklet_distances_of(bench.find(row, seed, None)[0]) for seed in (0, 1)]
    np.testing.assert_array_equal(*distances)
    assert not row.is_random


def test_a_row_is_found_without_a_word_but_with_its_long_stages_shown(drawn, run_in, tmp_path):
    shown, said = [], []

    class Listener:
        @contextmanager
        def stage(self, name, total, unit):
            shown.append(name)
            yield lambda count: None

        def say(self, line):
            said.append(line)

    bench = prepare(run_in(tmp_path, progress=Listener()), Answer(drawn.mot), 0.5)
    shown.clear()
    said.clear()
    bench.find(LEARNED_HOG, 0, None)
    assert shown == ["crops", "hog-features", "learning"]
    assert said == []


def answers_one_by_one(truth, followed):
    """Who each detection is, and what is in each tracklet, one box after the other."""
    detections, tracklet = followed.material.scan.detections, followed.material.tracklet
    identity, content = [], [Counter() for _ in range(followed.material.tracklet_count)]
    for row, (frame, box) in enumerate(zip(detections.frame, detections.boxes, strict=True)):
        here = truth.tracks.where(truth.tracks.frame == frame)
        iou = box_iou(box[None].astype(float), here.boxes.astype(float))[0]
        named = [(near, who) for near, who in zip(iou, here.person, strict=True) if near >= 0.5]
        identity.append(int(max(named)[1]) if named else 0)
        if tracklet[row] >= 0 and identity[-1] != NOBODY:
            content[tracklet[row]][identity[-1]] += 1
    return identity, content


@pytest.mark.parametrize("change", [Truth, without_some, lambda tracks: Truth(Tracks.empty())])
def test_answers_are_those_of_each_box_by_itself(bench, change):
    truth = change(bench.truth.tracks)
    answers = answers_to(truth, bench.followed)
    identity, content = answers_one_by_one(truth, bench.followed)
    assert answers.of_detection.tolist() == identity
    assert answers.people == len(set(truth.tracks.person.tolist()) - {NOBODY})
    names = sorted({0}.union(*content))
    assert answers.counts.tolist() == [[one[name] for name in names] for one in content]
    assert answers.label.tolist() == [one.most_common(1)[0][0] if one else 0 for one in content]
    together = Counter(zip(answers.tracklet.tolist(), answers.identity.tolist(), strict=True))
    assert together == {
        (number, who): count for number, one in enumerate(content) for who, count in one.items()
    }


@pytest.mark.parametrize("change", [Truth, without_some])
def test_pairs_that_the_video_tells_apart_itself_are_not_judged(bench, change):
    judged = judged_by(bench, change(bench.truth.tracks))
    label = judged.answers.label.tolist()
    apart = {frozenset(pair) for pair in bench.followed.material.constraints.cannot_link.tolist()}
    assert apart
    slow = [
        (a, b, label[a] == label[b])
        for a, b in itertools.combinations(range(len(label)), 2)
        if label[a] and label[b] and frozenset((a, b)) not in apart
    ]
    a, b, same = judged_pairs(judged)
    assert sorted(zip(a.tolist(), b.tolist(), same.tolist(), strict=True)) == slow


@pytest.mark.parametrize("which", ["raw", "learned"])
def test_known_distances_are_of_the_halves_of_tracklets_and_of_tracklets_seen_together(
    request, which
):
    findings = request.getfixturevalue(which)
    identities = findings.identities
    vectors = identities.metric.vectors if which == "raw" else identities.embedding.learned
    slow = []
    for rows in faces_of(findings):
        if len(rows) > 1:
            middle = -(-len(rows) // 2)
            early, late = direction_of(vectors[rows[:middle]]), direction_of(vectors[rows[middle:]])
            slow.append(np.square(early - late).sum())
    distances = tracklet_distances_of(findings)
    same, different = known_distances(findings, distances)
    np.testing.assert_allclose(same, slow, atol=1e-4)
    together = findings.constraints.negatives.tolist()
    np.testing.assert_allclose(different, [distances[a, b] for a, b in together])


def test_every_column_of_the_table_is_measured(measured):
    values = spreads([measured["values"]])
    markdown = as_markdown("party", [], [Line("hog, raw", "hog", "raw", values)], ())
    rows = [line for line in markdown.splitlines() if line.startswith("| hog, raw |")]
    assert len(rows) == 4
    for row in rows:
        assert "-" not in [cell.strip() for cell in row.split("|")]


def test_tracks_are_measured_with_the_number_of_people_given_and_without(bench, measured):
    values = measured["values"]
    told, _ = bench.find(RAW_HOG, 0, 3)
    assert {name: values[name] for name in ("mota", "idf1", "hota", "people")} == {
        name: getattr(evaluate(bench.truth, told.tracks), name)
        for name in ("mota", "idf1", "hota", "people")
    }
    alone = evaluate(bench.truth, bench.find(RAW_HOG, 0, None)[0].tracks)
    for name in ("people", "mota", "idf1", "hota"):
        assert values[f"alone_{name}"] == getattr(alone, name)


def test_purity_is_told_at_every_number_of_clusters(bench, measured):
    answers = bench.answers
    curve = measured["purity"]
    assert len(curve) == len(answers.counts)
    of_each_tracklet = weighted_purity(answers.identity, answers.tracklet)
    of_all = weighted_purity(answers.identity, np.zeros_like(answers.tracklet))
    assert curve[-1] == pytest.approx(of_each_tracklet, abs=1e-5)
    assert curve[0] == pytest.approx(of_all, abs=1e-5)
    assert measured["values"]["cluster_purity"] == pytest.approx(curve[2], abs=1e-5)


def test_what_is_measured_can_be_kept(measured):
    assert json.loads(json.dumps(measured, allow_nan=False)) == measured
    assert measured["learned_share"] == 0
    assert len(measured["different"]) > 0
    assert measured["bound"] == 1.6  # of features that know no faces


def test_what_a_learned_row_took_is_told(drawn, run_in, tmp_path):
    bench = prepare(run_in(tmp_path), Answer(drawn.mot), 0.5)
    measured = measure_row(bench, LEARNED_HOG, 0)
    assert measured["learned_share"] == 1
    assert measured["seconds"] > 0


def test_without_a_truth_what_has_no_answer_is_not_defined(bench):
    values = measure_row(judged_by(bench, Truth(Tracks.empty())), RAW_HOG, 0)["values"]
    assert values["auc"] is values["eer"] is values["r_at_1"] is values["map_at_r"] is None
    assert (values["mota"], values["pairs"], values["queries"]) == (0, 0, 0)
    assert values["cluster_purity"] == 1  # all tracklets are false alike


def test_of_one_true_person_there_is_nobody_to_tell_her_from(bench):
    only = bench.truth.tracks.where(bench.truth.tracks.person == 1)
    values = measure_row(judged_by(bench, Truth(only)), RAW_HOG, 0)["values"]
    assert values["auc"] is None
    assert values["r_at_1"] == 1  # all other people's tracklets are false, and not asked for
    assert values["truth_people"] == 1


@pytest.mark.parametrize("row", [RAW_HOG, COMPENSATED_HOG, LEARNED_HOG, MAIN_JOB])
def test_where_no_face_is_found_every_row_is_zero(nobody, row):
    measured = measure_row(nobody, row, 0)
    values = measured["values"]
    assert (values["recall"], values["people"], values["alone_people"]) == (0, 0, 0)
    assert values["cluster_purity"] == values["cluster_accuracy"] == 0
    assert measured["purity"] == measured["same"] == measured["different"] == []
    json.dumps(measured, allow_nan=False)


@pytest.mark.parametrize("row", [COMPENSATED_HOG, LEARNED_HOG, MAIN_JOB])
def test_of_somebody_never_seen_with_others_nothing_is_learned(somebody, row):
    measured = measure_row(somebody, row, 0)
    assert measured["learned_share"] == 0
    assert measured["different"] == []
    assert measured["values"]["idf1"] > 0.9
