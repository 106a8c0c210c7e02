import math

import pytest

from tracker.benchmark.published import STANDINGS, published_numbers, published_videos
from tracker.benchmark.table import as_markdown
from tracker.errors import ConfigError

ALL = [(video, one) for video in published_videos() for one in published_numbers(video)]


@pytest.mark.parametrize(("video", "one"), ALL, ids=lambda value: getattr(value, "system", value))
def test_every_number_says_who_says_so_and_how_far_it_can_be_trusted(video, one):
    assert one.system
    assert one.source
    assert one.standing in STANDINGS
    assert one.values
    assert all(math.isfinite(value) for value in one.values.values())


@pytest.mark.parametrize("video", published_videos())
def test_every_number_has_a_column_in_the_table(video):
    published = published_numbers(video)
    table = as_markdown(video, [], [], published).split("## Published by others")[1]
    for one in published:
        (line,) = [
            line
            for line in table.splitlines()
            if line.startswith(f"| {one.system} |") and f"| {one.source} |" in line
        ]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert sum(cell != "-" for cell in cells) == len(one.values) + 3
        assert cells[-1] == one.standing


def test_no_system_is_there_twice_with_one_source():
    assert len({(video, one.system, one.source) for video, one in ALL}) == len(ALL)


@pytest.mark.parametrize(
    ("asked", "nearest"), [("tara", "T-ara"), ("Hello Bubbles", "Hello Bubble"), ("", "")]
)
def test_an_unknown_video_is_refused_with_the_nearest_and_all_there_are(asked, nearest):
    with pytest.raises(ConfigError) as refused:
        published_numbers(asked)
    problem = str(refused.value)
    assert f"nothing is published here of {asked!r}: did you mean '{nearest}" in problem
    assert problem.endswith(", ".join(published_videos()))
    assert "\n" not in problem
