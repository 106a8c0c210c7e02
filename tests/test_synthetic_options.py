"""How many shots there are, who is seen with whom, and how much light and size vary."""

import dataclasses
import itertools
from collections import Counter
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tracker.cli import main
from tracker.errors import ConfigError
from tracker.mot import read_mot
from tracker.synthetic import SynthConfig, count_frames, draw_frames, make_cast
from tracker.synthetic.film import FilmSet
from tracker.synthetic.scenery import draw_light
from tracker.synthetic.script import write_script

DEMO = Path(__file__).parents[1] / "videos/demo.mp4"
SMALL = SynthConfig(width=160, height=120, frame_rate=Fraction(5), mean_shot_s=0.8)
ONCE = dataclasses.replace(SMALL, people=15, shots=13, group_sizes=(1,) * 11 + (2,) * 2)
SEEDS = range(20)


def people_of(config):
    return [[actor.person for actor in scene.actors] for scene in write_script(config)]


def face_heights(config):
    return [actor.face_px for scene in write_script(config) for actor in scene.actors]


@pytest.mark.parametrize("shots", [1, 2, 37])
def test_there_are_as_many_shots_as_asked_for(shots):
    assert len(people_of(dataclasses.replace(SMALL, shots=shots))) == shots


def test_the_frames_of_a_number_of_shots_are_known_before_they_are_drawn():
    config = dataclasses.replace(SMALL, shots=5)
    assert config.frame_count is None
    assert count_frames(config) == sum(1 for _ in draw_frames(config))


def test_the_frames_of_a_duration_are_counted_alike():
    config = dataclasses.replace(SMALL, duration_s=7.3)
    assert count_frames(config) == config.frame_count == 36


def test_a_number_of_shots_makes_the_duration_meaningless():
    config = dataclasses.replace(SMALL, shots=5)
    assert count_frames(config) == count_frames(dataclasses.replace(config, duration_s=600))


def test_in_groups_of_one_no_two_are_ever_seen_together():
    config = dataclasses.replace(SMALL, people=6, shots=30, group_sizes=(1,))
    assert all(len(people) == 1 for people in people_of(config))


@pytest.mark.parametrize("seed", SEEDS)
def test_in_groups_of_one_everyone_is_seen_in_several_shots(seed):
    config = dataclasses.replace(SMALL, seed=seed, people=6, shots=30, group_sizes=(1,))
    shots_of = Counter(itertools.chain.from_iterable(people_of(config)))
    assert len(shots_of) == 6
    assert min(shots_of.values()) >= 3


@pytest.mark.parametrize("seed", SEEDS)
def test_a_round_with_as_many_places_as_people_shows_everyone_once(seed):
    shots = people_of(dataclasses.replace(ONCE, seed=seed))
    assert sorted(itertools.chain.from_iterable(shots)) == list(range(15))
    assert Counter(map(len, shots)) == {1: 11, 2: 2}


def test_groups_are_dealt_in_rounds():
    config = dataclasses.replace(SMALL, shots=40, group_sizes=(1, 2, 2, 4))
    sizes = [len(people) for people in people_of(config)]
    assert all(sorted(sizes[start : start + 4]) == [1, 2, 2, 4] for start in range(0, 40, 4))


def test_a_group_larger_than_the_cast_is_the_whole_cast():
    config = dataclasses.replace(SMALL, people=3, shots=4, group_sizes=(4,))
    assert all(sorted(people) == [0, 1, 2] for people in people_of(config))


def test_a_dissolve_puts_nobody_of_another_shot_into_the_truth():
    config = dataclasses.replace(ONCE, dissolve_share=1.0)
    scenes = list(write_script(config))
    truth = [{face.person - 1 for face in faces} for _, faces in draw_frames(config)]
    assert any(scene.fade_frames for scene in scenes)
    for scene in scenes:
        here = {actor.person for actor in scene.actors}
        assert set().union(*truth[scene.shot.start : scene.shot.stop]) <= here


@pytest.mark.parametrize("seed", SEEDS)
def test_variation_makes_the_smallest_faces_smaller_and_the_largest_larger(seed):
    config = SynthConfig(seed=seed, people=12, shots=60)
    plain = face_heights(config)
    varied = face_heights(dataclasses.replace(config, variation=2.0))
    assert min(varied) < 0.8 * min(plain)
    assert max(varied) > 1.1 * max(plain)


def test_the_most_varied_faces_stay_within_what_can_be_recognised():
    heights = [
        height
        for seed in SEEDS
        for height in face_heights(SynthConfig(seed=seed, people=12, shots=60, variation=2.0))
    ]
    assert min(heights) >= 22 * 0.999
    assert max(heights) <= 0.72 * 360


def test_variation_changes_neither_people_nor_shots():
    config = SynthConfig(people=12, shots=60)
    plain, varied = write_script(config), write_script(dataclasses.replace(config, variation=2.0))
    for one, other in zip(plain, varied, strict=True):
        assert one.shot == other.shot
        assert {actor.person for actor in one.actors} == {actor.person for actor in other.actors}


def test_variation_spreads_brightness_warmth_and_direction():
    def spreads(variation):
        lights = [draw_light(seed, variation) for seed in range(100)]
        green = [light.tint[1] for light in lights]
        warmth = [light.tint[0] / light.tint[2] for light in lights]
        side = [light.towards[0] for light in lights]
        return np.array([np.std(values) for values in (green, warmth, side)])

    assert np.all(spreads(2.0) > (2.5, 2.5, 1.2) * spreads(1.0))


@pytest.mark.parametrize("seed", range(3))
def test_the_most_varied_light_leaves_faces_neither_black_nor_blown_out(seed):
    config = SynthConfig(seed=seed, people=12, shots=12, width=320, height=180, variation=2.0)
    cast = make_cast(config)
    for scene in write_script(config):
        film_set = FilmSet(scene, cast, config)
        middle = (scene.shot.start + scene.shot.stop) // 2
        image = film_set.draw(middle)
        for face in film_set.faces(middle):
            x1, y1, x2, y2 = (round(side) for side in face.box)
            pixels = image[y1:y2, x1:x2]
            assert pixels.mean() > 25
            assert pixels.std() > 8
            assert np.mean(pixels.min(axis=2) >= 254) < 0.1


def test_the_picture_of_the_demo_is_what_the_default_settings_draw():
    with av.open(str(DEMO)) as container:
        decoded = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    drawn, _ = next(draw_frames(SynthConfig()))
    assert np.abs(decoded - drawn).mean() < 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"shots": 0},
        {"shots": -3},
        {"shots": 100_001},
        {"group_sizes": ()},
        {"group_sizes": (0, 2)},
        {"group_sizes": (1, 5)},
        {"variation": 0.9},
        {"variation": 2.1},
        {"variation": float("nan")},
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(ConfigError, match=f"synth.{next(iter(wrong))} must be"):
        SynthConfig(**wrong)


def test_the_options_reach_the_video(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--people=3", "--shots=3", "--groups=1", "--variation=1.5"]
    assert main(["synth", "film.mp4", *options, "--size=160x120", "--fps=10"]) == 0
    config = SynthConfig(
        people=3, shots=3, group_sizes=(1,), variation=1.5,
        width=160, height=120, frame_rate=Fraction(10),
    )  # fmt: skip
    drawn = [face.box for _, faces in draw_frames(config) for face in faces]
    truth = read_mot(tmp_path / "film.gt.txt")
    assert truth.boxes == pytest.approx(np.array(drawn), abs=0.011)
    with av.open(str(tmp_path / "film.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == count_frames(config)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--groups", "0,2"], "synth.group_sizes must be one or more numbers in [1, 4]"),
        (["--groups", "1,two"], "--groups wants whole numbers as in 1,1,2, got '1,two'"),
        (["--groups", ""], "--groups wants whole numbers as in 1,1,2, got ''"),
        (["--shots", "0"], "synth.shots must be in [1, 100000], got 0"),
        (["--variation", "3"], "synth.variation must be in [1, 2], got 3.0"),
    ],
)
def test_what_cannot_be_drawn_is_told(tmp_path, monkeypatch, capsys, arguments, reason):
    monkeypatch.chdir(tmp_path)
    assert main(["synth", "film.mp4", *arguments]) == 1
    assert reason in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_length_in_seconds_and_one_in_shots_exclude_each_other(capsys):
    with pytest.raises(SystemExit):
        main(["synth", "film.mp4", "--seconds=3", "--shots=2"])
    assert "not allowed with argument" in capsys.readouterr().err
