"""`multiface evaluate`: tracks against a ground truth."""

from __future__ import annotations

import argparse
import json

from tracker.errors import TrackerError


def evaluate_tracks(given: argparse.Namespace) -> None:
    """Score tracks against a ground truth."""
    from tracker.evaluation.measures import evaluate, format_table
    from tracker.evaluation.truth import read_tracks, read_truth

    if not 0 < given.iou <= 1:
        raise TrackerError(f"--iou must be above 0 and at most 1, got {given.iou}")
    if given.gt_step < 1:
        raise TrackerError(f"--gt-step must be 1 or more, got {given.gt_step}")
    if given.shots and not given.fit_boxes:
        raise TrackerError("--shots is for --fit-boxes: without it, all shots are scored")
    truth, tracks = read_truth(given.gt, given.gt_step), read_tracks(given.run)
    if given.fit_boxes:
        from tracker.evaluation.convention import evaluate_fitted, format_fitted, shots_of_run

        shots = shots_of_run(given.run, given.shots)
        fitted = evaluate_fitted(truth, tracks, shots, given.fit_boxes, given.iou)
        values, text = fitted.as_dict(), format_fitted(fitted)
    else:
        measures = evaluate(truth, tracks, given.iou)
        values, text = measures.as_dict(), format_table(measures)
    print(json.dumps(values, indent=2) if given.json else text)
