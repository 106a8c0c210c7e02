"""What YuNet still finds of true faces in a redacted video, for each method; prints, writes JSON.

    multiface track videos/demo.mp4 --out runs/demo
    python benchmarks/redaction.py runs/demo --gt videos/demo.gt.txt [--keep 1] [--json FILE]

A true face counts as found where, in the encoded result, a detection of score 0.5 or more has its
centre in the true box, or overlaps it with an IoU above 0.3, or has the true box's centre in it:
whichever is worst for us, so that one detection may count for two faces. Faces of those who are
kept are counted apart: they should be found as before. Only annotated frames count.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from numpy.typing import NDArray

from tracker.boxes import box_iou
from tracker.detection.yunet import YuNetDetector
from tracker.evaluation.truth import Truth, read_truth
from tracker.export.choosing import chosen_people
from tracker.export.tracks_json import read_tracked
from tracker.records import Detections, Tracks
from tracker.redaction.choosing import choose_faces, unclaimed
from tracker.redaction.hiding import METHODS
from tracker.redaction.looking import Searcher, find_faces, make_searcher
from tracker.redaction.redact import RedactionConfig, redact_video
from tracker.redaction.regions import Regions
from tracker.reporting import make_progress
from tracker.run_video import find_video
from tracker.video.reader import VideoReader
from tracker.weights import YUNET, find_weights

SCORE, IOU = 0.5, 0.3


def main() -> None:
    """Redact a run's video by each method, and measure the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="a run folder")
    parser.add_argument("--gt", type=Path, required=True, help="the truth of its video")
    parser.add_argument("--video", type=Path, help="where the video lies now")
    parser.add_argument("--keep", nargs="+", default=[], help="people not to hide")
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--json", type=Path, help="write the numbers here")
    given = parser.parse_args()
    tracked, video = read_tracked(given.run), find_video(given.run, given.video)
    keep = chosen_people(tracked, given.keep)
    choice = choose_faces(tracked, keep)
    truth, progress = read_truth(given.gt), make_progress()
    kept = true_people(truth, tracked.tracks, keep)
    searcher = make_searcher(torch.device("cpu"), progress)
    values: dict[str, Any] = {"source": measure(video, truth, kept)}
    report("source", values["source"])
    for method in given.methods:
        with tempfile.TemporaryDirectory() as folder:
            out, config = Path(folder) / "redacted.mp4", RedactionConfig(method)
            start = time.perf_counter()
            left = redact_video(video, out, tracked, choice, config, searcher, progress)
            seconds = time.perf_counter() - start
            values[method] = measure(out, truth, kept) | {
                "told_of": len(left),
                "seconds": round(seconds, 1),
                "longer_by_s": round(duration_s(out) - duration_s(video), 4),
                "megabytes": round(out.stat().st_size / 1e6, 2),
            }
        report(method, values[method])
    if given.json:
        given.json.write_text(json.dumps(values, indent=2) + "\n")


def true_people(truth: Truth, tracks: Tracks, people: set[int]) -> list[int]:
    """Who of the truth each of `people` is: whose faces most of theirs are."""
    named = truth.named
    found = []
    for person in sorted(people):
        ours, votes = tracks.where(tracks.person == person), Counter[int]()
        for frame, box in zip(ours.frame, ours.boxes, strict=True):
            rows = np.flatnonzero(named.frame == frame)
            overlap = box_iou(box[None], named.boxes[rows])[0]
            votes.update(named.person[rows[overlap > IOU]].tolist())
        found += [who for who, _ in votes.most_common(1)]
    return found


def measure(video: Path, truth: Truth, kept: list[int]) -> dict[str, Any]:
    """How many true faces are found in `video`, of those to hide and of those `kept`.

    What is found of a kept person counts for nobody else.
    """
    network = YuNetDetector(find_weights(YUNET)[0], SCORE, 1)
    with VideoReader(video) as frames:
        seen = find_faces(frames, Searcher(network, SCORE, SCORE), lambda count: None)
    named = truth.named
    true = Detections(
        named.frame, named.boxes, named.scores, np.full((len(named), 5, 2), np.nan, np.float32)
    )
    is_kept = np.isin(named.person, kept)
    hidden, shown = true.where(~is_kept), true.where(is_kept)
    places = Regions(shown.frame, shown.boxes.astype(np.float64))
    faces = len(hidden)
    found = int(is_found(hidden, unclaimed(seen, places)).sum())
    return {
        "true_faces": faces,
        "found": found,
        "share_hidden": 1 - found / max(faces, 1),
        "kept_true_faces": len(true) - faces,
        "kept_found": int(is_found(shown, seen).sum()),
        "detections": int(truth.annotates(seen.frame).sum()),
    }


def is_found(true: Detections, seen: Detections) -> NDArray[np.bool_]:
    """Which (N,) of the `true` faces one of those `seen` is."""
    found = np.zeros(len(true), np.bool_)
    for frame in np.unique(true.frame).tolist():
        rows = slice(*np.searchsorted(true.frame, [frame, frame + 1]))
        ours = true.boxes[rows].astype(np.float64)
        theirs = seen.boxes[seen.frame == frame].astype(np.float64)
        inside = centred_in(theirs, ours).T | centred_in(ours, theirs)
        found[rows] = (inside | (box_iou(ours, theirs) > IOU)).any(axis=1)
    return found


def centred_in(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which (n, m) of `a` (n, 4) have their centre in which of `b` (m, 4)."""
    centre = (a[:, None, :2] + a[:, None, 2:]) / 2
    inside: NDArray[np.bool_] = np.all((b[:, :2] <= centre) & (centre <= b[:, 2:]), axis=2)
    return inside


def duration_s(path: Path) -> float:
    """How long the file says that it lasts."""
    with av.open(str(path)) as container:
        return (container.duration or 0) / av.time_base


def report(name: str, values: dict[str, Any]) -> None:
    """Print a line."""
    rest = "  ".join(f"{key} {value}" for key, value in values.items() if key != "share_hidden")
    print(f"{name:<9} hidden {values['share_hidden']:.2%}  {rest}", flush=True)


if __name__ == "__main__":
    main()
