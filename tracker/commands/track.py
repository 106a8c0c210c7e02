"""`multiface track`, the main job: the people of a video."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tracker.commands.settings import check_files, config_of
from tracker.config import Config
from tracker.errors import TrackerError
from tracker.progress import Progress
from tracker.reporting import make_progress


def track(given: argparse.Namespace) -> None:
    """Find the people in a video."""
    config = config_of(given)
    check_files(given, config)
    from tracker.devices import choose_device

    device = choose_device(given.device)
    progress = make_progress()
    summary = _run(given, config, device, progress)
    if given.json:
        print(json.dumps(summary, indent=2))


def _run(
    given: argparse.Namespace, config: Config, device: Any, progress: Progress
) -> dict[str, Any]:
    import numpy as np

    from tracker.learned import EMBEDDING_FILE
    from tracker.outputs import earlier_stages, write_outputs, write_run_json
    from tracker.pipeline import find_people
    from tracker.run import Run, RunLog
    from tracker.storage import RunFolder
    from tracker.video.reader import probe_video

    init = config.embedding.init
    if init is not None and not (Path(init) / EMBEDDING_FILE).exists():
        raise TrackerError(f"--init {init}: no {EMBEDDING_FILE} there; name the folder of a run")
    info = probe_video(given.video)  # before a folder is made for what is no video
    out = given.out or Path("runs") / given.video.stem
    if (out / "annotated.mp4").resolve() == given.video.resolve():
        raise TrackerError(f"{given.video} would be overwritten: choose another folder with --out")
    folder = RunFolder(out)
    run = Run(given.video, folder, config, device, RunLog(progress, earlier=earlier_stages(out)))
    findings = find_people(run, info)
    write_outputs(run, findings, with_video=not given.no_video)
    write_run_json(run, findings)
    folder.forget_unused()
    people = len(np.unique(findings.tracks.person))
    if config.clustering.people is not None and people < config.clustering.people:
        progress.say(f"only {people} of the {config.clustering.people} people were found")
    shots = len(findings.scan.shots)
    progress.say(
        f"{people} {'person' if people == 1 else 'people'} in {shots} "
        f"{'shot' if shots == 1 else 'shots'}: {out}"
    )
    return {
        "out": str(out),
        "people": people,
        "shots": shots,
        "frames": len(findings.scan.timeline),
        "detector": findings.detector.name,
        "features": [choice.kind for choice in findings.identities.features],
        "device": str(device),
        "stages": run.log.stages,
        "notes": run.log.notes,
    }
