"""faces.npz: the faces that contact sheets and the report show, to draw these anew from."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from tracker.errors import StorageError
from tracker.storage import refusing_damage, written_aside
from tracker.tracked import Portraits

PORTRAITS_FILE = "faces.npz"  # of a run folder


def save_portraits(run: Path, portraits: Portraits) -> None:
    """Write `portraits` into the run folder `run`."""
    with written_aside(run / PORTRAITS_FILE) as aside, aside.open("wb") as file:
        np.savez(
            file, person=portraits.person, frame=portraits.frame, images=portraits.images
        )  # faces hardly get smaller by zip's own means


def load_portraits(run: Path) -> Portraits:
    """Read what `save_portraits` wrote.

    Raises:
        StorageError: it cannot be read.
    """
    path = run / PORTRAITS_FILE
    if not path.is_file():
        raise StorageError(f"{path} is missing: run the tracker again")
    try:
        with refusing_damage(path), np.load(path, allow_pickle=False) as stored:
            return Portraits(stored["person"], stored["frame"], stored["images"])
    except (zipfile.BadZipFile, EOFError) as error:
        raise StorageError(f"cannot read {path}: {error}; delete it and run again") from error
