"""A small drawn cast to be benchmarked on its true boxes, without weights and a network."""

from fractions import Fraction

import pytest
import torch

from tracker.benchmark.bench import prepare
from tracker.benchmark.rows import RAW, Row
from tracker.config import Config
from tracker.evaluation.answer import Answer
from tracker.progress import Silence
from tracker.run import Run, RunLog
from tracker.settings import with_settings
from tracker.storage import RunFolder
from tracker.synthetic import SynthConfig, write_drawn_video

CAST = SynthConfig(people=3, duration_s=6, width=320, height=180, frame_rate=Fraction(12), seed=1)
QUICK = {"embedding": {"steps": 20, "heads": 1}, "features": {"kind": "hog"}}


@pytest.fixture(scope="module", autouse=True)
def always_offline(offline):
    """No benchmark here has weights, or a network."""


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    return write_drawn_video(tmp_path_factory.mktemp("drawn"), "party", CAST)


@pytest.fixture(scope="session")
def run_in(drawn):
    """A quick run in a folder, of the cast on its true boxes unless told otherwise."""

    def make(folder, video=None, detections=None, progress=None, **settings):
        config = with_settings(Config(), QUICK)
        config = with_settings(config, {"detection": {"file": str(detections or drawn.mot)}})
        config = with_settings(config, settings)
        log = RunLog(progress or Silence())
        return Run(video or drawn.video, RunFolder(folder), config, torch.device("cpu"), log)

    return make


@pytest.fixture(scope="session")
def seen(drawn, run_in, tmp_path_factory):
    """A folder of a run in which HOG is known as it comes, which takes long; to be copied."""
    run = run_in(tmp_path_factory.mktemp("seen"))
    bench = prepare(run, Answer(drawn.mot), 0.5)
    bench.find(Row("hog", RAW), 0, None)
    return run.folder.path
