import itertools

import numpy as np
import pytest
import torch

from tracker.config import QUADRUPLET_LOSSES, EmbeddingConfig
from tracker.embedding.evidence import Evidence
from tracker.embedding.lessons import Task
from tracker.embedding.metric import Metric
from tracker.embedding.notes import learning_note, unlearned_note
from tracker.embedding.training import Curves
from tracker.records import Constraints

CPU = torch.device("cpu")
TRACKLETS = 12
THREE_TOGETHER = [(0, 1), (0, 2), (1, 2)]
NOTHING_SURE = Evidence(0.5, 0)


def metric_of(evidence=NOTHING_SURE, knows_faces=True, faces=TRACKLETS):
    vectors = np.eye(faces, 16, dtype=np.float32)
    return Metric(vectors, knows_faces, evidence, np.zeros(16, np.float32), ())


def people_seen_together(count):
    """So many pairs of tracklets."""
    return list(itertools.combinations(range(TRACKLETS), 2))[:count]


def task_of(pairs=THREE_TOGETHER, doubtful=(), **settings):
    rows = np.array(pairs, np.int32).reshape(-1, 2)
    constraints = Constraints(TRACKLETS, rows, np.array(doubtful, np.int64))
    config = EmbeddingConfig(**settings)
    tracklet = np.arange(TRACKLETS)
    return Task(tracklet, constraints, lambda vectors, known: tracklet, config, CPU)


def curves_of(*held_out):
    nothing = np.zeros(0, np.float32)
    return Curves(nothing, nothing, np.array(held_out, np.float32))


def learned(evidence=NOTHING_SURE, raw_share=0.0, task=None, curves=()):
    return learning_note(metric_of(evidence), raw_share, task or task_of(), "4 heads", curves)


@pytest.mark.parametrize("knows_faces", [False, True])
def test_without_faces_nothing_is_said(knows_faces):
    assert unlearned_note(metric_of(knows_faces=knows_faces, faces=0), task_of([])) == ""


@pytest.mark.parametrize("knows_faces", [False, True])
@pytest.mark.parametrize("loss", ["symtriplet", "quadruplet", "arcface"])
@pytest.mark.parametrize(("pairs", "doubtful"), [([], []), ([(0, 1)], [0])])
def test_without_negatives_that_is_said(knows_faces, loss, pairs, doubtful):
    note = unlearned_note(metric_of(knows_faces=knows_faces), task_of(pairs, doubtful, loss=loss))
    assert note == (
        "no two faces are ever seen together: no negatives to learn from, the features stay"
    )


@pytest.mark.parametrize("loss", QUADRUPLET_LOSSES)
@pytest.mark.parametrize("pairs", [[(0, 1)], [(a, a + 1) for a in range(11)]])
def test_a_loss_that_needs_three_people_says_so_where_there_are_but_two(loss, pairs):
    assert unlearned_note(metric_of(Evidence(1.0, 30)), task_of(pairs, loss=loss)) == (
        f"no three people are ever seen together, which {loss} learns from: the features stay; "
        "another --loss needs but two"
    )


@pytest.mark.parametrize(("pairs", "said"), [(19, "19 pairs"), (1, "1 pair"), (0, "0 pairs")])
def test_too_few_pairs_of_large_faces_are_said_of_features_that_know_faces(pairs, said):
    task = task_of(people_seen_together(30))
    assert unlearned_note(metric_of(Evidence(0.5, pairs)), task) == (
        f"only {said} of large faces seen together: too few to learn from, the features stay"
    )


@pytest.mark.parametrize(("pairs", "said"), [(19, "19 pairs"), (1, "1 pair")])
def test_too_few_pairs_of_any_size_are_said_of_other_features(pairs, said):
    metric = metric_of(knows_faces=False)
    assert unlearned_note(metric, task_of(people_seen_together(pairs))) == (
        f"only {said} seen together: too few to learn from, the features stay"
    )


def test_features_that_are_trusted_are_said_to_be_with_their_evidence():
    note = unlearned_note(metric_of(Evidence(0.9876, 20)), task_of(people_seen_together(20)))
    assert note.startswith(
        "the features tell this video's people apart (AUC 0.988 over 20 pairs seen together): "
        "nothing to correct"
    )
    assert "embedding.raw_share: 0" in note  # what to do about it


@pytest.mark.parametrize(
    ("evidence", "knows_faces"),
    [(Evidence(0.6, 20), True), (Evidence(0.6, 20), False), (Evidence(0.5, 0), False)],
)
def test_features_that_keep_all_only_because_they_were_told_to_are_not_praised(
    evidence, knows_faces
):
    note = unlearned_note(metric_of(evidence, knows_faces), task_of(people_seen_together(20)))
    assert note == "as the settings ask, nothing is learned: the features stay"


def test_where_nothing_is_learned_that_also_nothing_starts_from_an_earlier_run_is_said():
    metric = metric_of(Evidence(0.6, 20))
    alone, told = (
        unlearned_note(metric, task_of(people_seen_together(20), init=init))
        for init in (None, "runs/first")
    )
    assert told == f"{alone}; so nothing starts from runs/first"
    assert unlearned_note(metric_of(faces=0), task_of([], init="runs/first")) == ""


@pytest.mark.parametrize("loss", ["symtriplet", "siamese-bce", "arcface"])
def test_what_was_learned_from_what_by_what_is_said(loss):
    note = learned(task=task_of(people_seen_together(12), loss=loss))
    assert note == f"{loss} learned from 12 pairs seen together, by 4 heads"


def test_a_single_pair_is_said_in_the_singular():
    assert "from 1 pair seen" in learned(task=task_of([(0, 1)]))


def test_doubtful_pairs_are_not_counted():
    assert "from 2 pairs seen" in learned(task=task_of(doubtful=[1]))


@pytest.mark.parametrize(
    ("pairs", "said"),
    [(20, "; before, the features told people apart with an AUC of 0.925"), (19, "")],
)
def test_what_the_features_knew_before_is_said_where_there_is_evidence(pairs, said):
    note = learned(Evidence(auc=0.9254, pairs=pairs))
    assert note == f"symtriplet learned from 3 pairs seen together, by 4 heads{said}"


def test_how_well_held_out_constraints_are_kept_is_said_as_it_was_last_judged():
    nan = np.nan
    curves = [curves_of(0.5, 0.9, nan, nan), curves_of(0.2, 0.3, 0.967, nan)]
    assert learned(curves=curves).endswith("; 93.3% of triplets never learned from are right")


def test_networks_that_nothing_judges_are_left_out_of_that():
    curves = [curves_of(0.5, 0.8), curves_of(np.nan, np.nan), curves_of()]
    assert "; 80.0% of triplets" in learned(curves=curves)
    assert "never learned from" not in learned(curves=curves[1:])


@pytest.mark.parametrize("loss", ["symtriplet", "hierarchical-triplet"])
def test_a_quadruplet_term_that_had_nothing_is_said_to_have_had_nothing(loss):
    said = "no three people are ever seen together, so the quadruplet term had nothing"
    assert said in learned(task=task_of([(0, 1)], loss=f"{loss}+quadruplet"))
    assert said not in learned(task=task_of([(0, 1)], loss=loss))
    assert said not in learned(task=task_of(THREE_TOGETHER, loss=f"{loss}+quadruplet"))


@pytest.mark.parametrize(
    ("share", "said"), [(0.25, "; 25% of the distance stays the features' own"), (0.0, "")]
)
def test_what_stays_the_features_own_is_said(share, said):
    assert (
        learned(raw_share=share)
        == f"symtriplet learned from 3 pairs seen together, by 4 heads{said}"
    )


def test_all_that_there_is_to_say_comes_in_one_line():
    task = task_of([(0, 1)], loss="triplet+quadruplet")
    note = learned(Evidence(0.91, 20), 0.5, task, [curves_of(0.75)])
    assert note == (
        "triplet+quadruplet learned from 1 pair seen together, by 4 heads; "
        "before, the features told people apart with an AUC of 0.910; "
        "75.0% of triplets never learned from are right; "
        "no three people are ever seen together, so the quadruplet term had nothing; "
        "50% of the distance stays the features' own"
    )
