import contextlib

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.errors import FormatError
from tracker.evaluation.annotations import Extent
from tracker.evaluation.dataset import DatasetVideo, read_dataset

FULL = """
name: music videos
videos:
  tara:
    video: clips/tara.mp4
    truth: gt.txt
    truth_step: 5
    frames: [1, 4547]
    detections: headhunter.txt
    box_scale: [1.1, 1.4]
    min_score: 0.08
    shots: shots.csv
    published: tara
"""
SHORT = "videos: {b: {truth: gt.txt}, a: {truth: gt.txt}}"


@pytest.fixture
def dataset_file(tmp_path):
    """Write a dataset beside the files that it names, all empty, and give its path."""
    (tmp_path / "clips").mkdir()
    for name in ("clips/tara.mp4", "gt.txt", "headhunter.txt", "shots.csv"):
        (tmp_path / name).touch()

    def write(text: str):
        path = tmp_path / "music.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_everything_known_of_a_video_is_read(dataset_file, tmp_path):
    dataset = read_dataset(dataset_file(FULL))
    assert dataset.name == "music videos"
    assert dataset.videos == (
        DatasetVideo(
            name="tara",
            video=tmp_path / "clips" / "tara.mp4",
            truth=tmp_path / "gt.txt",
            truth_step=5,
            frames=(0, 4547),
            detections=tmp_path / "headhunter.txt",
            box_scale=(1.1, 1.4),
            min_score=0.08,
            shots=tmp_path / "shots.csv",
            published="tara",
        ),
    )


def test_a_truth_is_enough_and_a_dataset_is_called_as_its_file(dataset_file, tmp_path):
    dataset = read_dataset(dataset_file(SHORT))
    assert dataset.name == "music"
    assert dataset.videos == (
        DatasetVideo("b", None, tmp_path / "gt.txt"),  # in the order of the file
        DatasetVideo("a", None, tmp_path / "gt.txt"),
    )


def test_absolute_paths_stay_as_they_are(dataset_file, tmp_path):
    (tmp_path / "elsewhere.txt").touch()
    dataset = read_dataset(dataset_file(f"videos: {{a: {{truth: {tmp_path}/elsewhere.txt}}}}"))
    assert dataset.videos[0].truth == tmp_path / "elsewhere.txt"


def test_a_run_folder_can_be_a_truth(dataset_file, tmp_path):
    assert read_dataset(dataset_file("videos: {a: {truth: clips}}")).videos[0].truth.is_dir()


def test_the_truth_of_a_video_is_read_as_the_dataset_says(dataset_file, tmp_path):
    (tmp_path / "gt.txt").write_text("1,1,0,0,5,5\n2,1,0,0,5,5\n9,1,0,0,5,5\n")
    path = dataset_file("videos: {a: {truth: gt.txt, truth_step: 5, frames: [3, 20]}}")
    truth = read_dataset(path).videos[0].answer.read(Extent(frames=41))
    assert truth.tracks.frame.tolist() == [5]
    assert (truth.start, truth.stop, truth.step) == (5, 20, 5)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("truth_step:", "truth_stop:", "unknown setting videos.tara.truth_stop: .*truth_step?"),
        ("videos:", "vidoes:", "unknown setting vidoes: did you mean videos?"),
        ("truth_step: 5", "truth_step: often", "videos.tara.truth_step must be int, got 'often'"),
        ("truth_step: 5", "truth_step: 0", "videos.tara.truth_step must be 1 or more, got 0"),
        ("[1, 4547]", "[0, 4547]", r"videos.tara.frames must be .*, got \[0, 4547\]"),
        ("[1, 4547]", "[9, 8]", r"videos.tara.frames must be .*, got \[9, 8\]"),
        ("[1, 4547]", "[9]", r"videos.tara.frames must be .*, got \[9\]"),
        ("[1.1, 1.4]", "[1.1, 0]", r"box_scale must be two numbers above 0, got \[1.1, 0.0\]"),
        ("min_score: 0.08", "min_score: 8", "videos.tara.min_score must be in"),
        ("    detections: headhunter.txt\n", "", "videos.tara.box_scale is for detections"),
        ("truth: gt.txt", "truth: gone.txt", r"videos.tara.truth: there is no .*gone\.txt"),
        ("shots: shots.csv", "shots: gone.csv", r"videos.tara.shots: there is no .*gone\.csv"),
        ("    truth: gt.txt\n", "", "videos.tara.truth is missing"),
        ("  tara:", "  ..:", "'..' cannot be the name of a video"),
        ("  tara:", "  a/b:", "'a/b' cannot be the name of a video"),
        ("  tara:", r"  a\b:", "cannot be the name of a video"),
        ("  tara:", "  '':", "'' cannot be the name of a video"),
        ("  tara:", "  2024:", "2024 cannot be the name of a video"),
        (
            "    shots: shots.csv",
            "    truth: gt.txt",
            r"line 12: .*truth is there twice",
        ),
    ],
)
def test_what_is_wrong_is_named(dataset_file, old, new, problem):
    assert old in FULL
    with pytest.raises(FormatError, match=rf"music\.yaml.*{problem}"):
        read_dataset(dataset_file(FULL.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "must map name and videos"),
        ("[a, b]", "must map name and videos"),
        ("name: empty", "videos must map the name of each video"),
        ("videos: {}", "videos must map the name of each video"),
        ("videos: [a, b]", "videos must map the name of each video"),
        ("videos: {a: }", "videos.a must map settings to values"),
        ("videos: {a: gt.txt}", "videos.a must map settings to values"),
        ("name: [1]\nvideos: {a: {truth: gt.txt}}", "name must be str"),
        ("videos:\n  a: {truth", "line 2: is not YAML"),
        ("videos: {a: {truth: gt.txt, ? [1] : 2}}", "is not YAML"),
        ("name: 2024-02-30", "is not YAML"),
        ("!!python/name:os.system", "line 1: is not YAML"),
    ],
)
def test_a_file_that_is_no_dataset_is_refused(dataset_file, text, problem):
    with pytest.raises(FormatError, match=rf"music\.yaml.*{problem}"):
        read_dataset(dataset_file(text))


def test_a_dataset_that_is_missing_or_not_text_is_a_clear_error(tmp_path):
    with pytest.raises(FormatError, match=r"gone\.yaml: cannot be read as a dataset"):
        read_dataset(tmp_path / "gone.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: é".encode("latin-1"))
    with pytest.raises(FormatError, match=r"latin\.yaml: cannot be read as a dataset"):
        read_dataset(tmp_path / "latin.yaml")


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(["video", "truth", "truth_step", "frames", "box_scale", "shots"])


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(known=ANYTHING | st.dictionaries(KEYS, ANYTHING | st.just("gt.txt")))
def test_whatever_is_said_of_a_video_makes_sense_or_is_refused(dataset_file, known):
    path = dataset_file(yaml.safe_dump({"videos": {"a": known}}))
    with contextlib.suppress(FormatError):
        assert read_dataset(path).videos[0].truth.exists()
