"""One line for the user on what was learned from what, and why not more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracker.config import PLUS_QUADRUPLET
from tracker.embedding.evidence import MIN_PAIRS
from tracker.embedding.lessons import Task
from tracker.embedding.metric import Metric
from tracker.embedding.training import Curves


def unlearned_note(metric: Metric, task: Task) -> str:
    """Why nothing was learned; empty without faces."""
    reason = _why_unlearned(metric, task)
    if reason and task.config.init is not None:
        return f"{reason}; so nothing starts from {task.config.init}"
    return reason


def _why_unlearned(metric: Metric, task: Task) -> str:
    evidence, negatives = metric.evidence, len(task.constraints.negatives)
    pairs, kind = (evidence.pairs, " of large faces") if metric.knows_faces else (negatives, "")
    if not len(metric.vectors):
        return ""
    if not negatives:
        return "no two faces are ever seen together: no negatives to learn from, the features stay"
    if not task.suits_loss:
        return (
            f"no three people are ever seen together, which {task.config.loss} learns from: "
            "the features stay; another --loss needs but two"
        )
    if pairs < MIN_PAIRS:
        return f"only {_pairs(pairs)}{kind} seen together: too few to learn from, the features stay"
    if evidence.is_enough and evidence.trust == 1:
        return (
            f"the features tell this video's people apart (AUC {evidence.auc:.3f} over "
            f"{_pairs(evidence.pairs)} seen together): nothing to correct; with "
            "embedding.raw_share: 0 it is learned all the same"
        )
    return "as the settings ask, nothing is learned: the features stay"


def learning_note(
    metric: Metric, raw_share: float, task: Task, taught: str, curves: Sequence[Curves]
) -> str:
    """What was learned from what, and how well it holds on constraints never seen.

    Args:
        metric: the one that `raw_share` is of.
        taught: the networks, in words.
    """
    negatives, evidence = len(task.constraints.negatives), metric.evidence
    parts = [f"{task.config.loss} learned from {_pairs(negatives)} seen together, by {taught}"]
    if task.config.init is not None:
        parts.append(f"starting where {task.config.init} ended")
    if evidence.is_enough:
        parts.append(f"before, the features told people apart with an AUC of {evidence.auc:.3f}")
    judged = [one.held_out[np.isfinite(one.held_out)] for one in curves]
    held = [float(one[-1]) for one in judged if len(one)]
    if held:
        parts.append(f"{np.mean(held):.1%} of triplets never learned from are right")
    if task.config.loss.endswith(PLUS_QUADRUPLET) and not task.has_quadruplets:
        parts.append("no three people are ever seen together, so the quadruplet term had nothing")
    if raw_share:
        parts.append(f"{raw_share:.0%} of the distance stays the features' own")
    return "; ".join(parts)


def _pairs(count: int) -> str:
    return f"{count} pair{'' if count == 1 else 's'}"
