"""The whole job of one video, from the file to the outputs in its run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tracker.config import Config
from tracker.devices import choose_device
from tracker.edits import about_lost, names_after, read_edits
from tracker.errors import TrackerError
from tracker.learned import EMBEDDING_FILE
from tracker.outputs import earlier_stages, write_outputs, write_run_json
from tracker.pipeline import find_people
from tracker.presenting import ANNOTATED, write_annotated
from tracker.progress import Progress
from tracker.report.page import write_report
from tracker.run import Run, RunLog
from tracker.storage import RunFolder
from tracker.video.reader import probe_video


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to.

    Attributes:
        out: the run folder.
        people: how many were found.
        detector: its name.
        features: the kinds that people were told apart by.
        device: where networks ran.
        stages: by name, seconds and rates, as in `run.json`.
        notes: what was said of the choices made for the user.
    """

    out: Path
    people: int
    shots: int
    frames: int
    detector: str
    features: tuple[str, ...]
    device: str
    stages: dict[str, dict[str, Any]]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "out": str(self.out),
            "people": self.people,
            "shots": self.shots,
            "frames": self.frames,
            "detector": self.detector,
            "features": list(self.features),
            "device": self.device,
            "stages": self.stages,
            "notes": list(self.notes),
        }


def track_video(
    video: Path, out: Path, config: Config, device_name: str, with_video: bool, progress: Progress
) -> Summary:
    """Find the people in `video` and write what was found to the folder `out`.

    What an earlier run with the same settings left there is taken up.

    Args:
        device_name: as for `choose_device`.
        with_video: write annotated.mp4 too.
        progress: told of each stage and of every choice.

    Raises:
        TrackerError: the device, the video, the weights, a file or the folder cannot be used.
    """
    device = choose_device(device_name)
    init = config.embedding.init
    if init is not None and not (Path(init) / EMBEDDING_FILE).exists():
        raise TrackerError(f"--init {init}: no {EMBEDDING_FILE} there; name the folder of a run")
    info = probe_video(video)  # before a folder is made for what is no video
    if (out / ANNOTATED).resolve() == video.resolve():
        raise TrackerError(f"{video} would be overwritten: choose another folder with --out")
    folder, edits = RunFolder(out), read_edits(out)
    run = Run(video, folder, config, device, RunLog(progress, earlier=earlier_stages(out)))
    findings = find_people(run, info)
    names, lost = names_after(edits, findings.scan.video_key, findings.tracks)
    for naming in lost:
        progress.say(about_lost(naming))
    tracked = write_outputs(run, findings, names)
    write_annotated(folder, video, findings.scan.video_key, tracked, with_video, run.log)
    write_run_json(run, findings)
    write_report(out)
    folder.forget_unused()
    people = len(np.unique(findings.tracks.person))
    if config.clustering.people is not None and people < config.clustering.people:
        progress.say(f"only {people} of the {config.clustering.people} people were found")
    return Summary(
        out,
        people,
        len(findings.scan.shots),
        len(findings.scan.timeline),
        findings.detector.name,
        tuple(choice.kind for choice in findings.identities.features),
        str(device),
        run.log.stages,
        tuple(run.log.notes),
    )
