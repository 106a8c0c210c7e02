from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.batch.sources import VIDEO_SUFFIXES, _below, find_videos, name_runs
from tracker.errors import FormatError, TrackerError


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names):
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(*sources):
    return [str(path) for path in find_videos(sources)]


def test_a_folder_stands_for_all_videos_below_it_sorted(place):
    touch("films/b.mp4", "films/a.mkv", "films/old/deep/c.avi", "films/notes.txt", "other/d.mp4")
    assert found("films") == ["films/a.mkv", "films/b.mp4", "films/old/deep/c.avi"]


def test_the_case_of_an_extension_does_not_matter(place):
    touch("films/A.MP4", "films/b.MoV")
    assert found("films") == ["films/A.MP4", "films/b.MoV"]


def test_hidden_files_and_folders_are_passed_over(place):
    touch("films/._a.mp4", "films/.trash/b.mp4", "films/c.mp4")
    assert found("films") == ["films/c.mp4"]


def test_what_runs_have_written_is_no_source(place):
    touch("a.mp4", "runs/a/annotated.mp4", "runs/a/run.json")
    assert found(".") == ["a.mp4"]


def test_videos_that_lie_beside_runs_are_sources(place):
    touch("runs/a.mp4", "runs/b/b.mp4", "runs/b/annotated.mp4", "runs/b/run.json")
    assert found("runs") == ["runs/a.mp4", "runs/b/b.mp4"]
    assert found("runs/*/*.mp4") == ["runs/b/b.mp4"]


def test_links_to_folders_below_a_folder_are_not_followed(place):
    touch("films/a.mp4", "other/b.mp4")
    Path("films/link").symlink_to("../other")
    assert found("films") == ["films/a.mp4"]


def test_a_folder_that_cannot_be_read_is_an_error_that_names_it(place):
    with pytest.raises(TrackerError, match=r"^gone: cannot be read: No such file or directory; "):
        list(_below(Path("gone")))


def test_a_video_that_is_called_like_an_output_is_a_source(place):
    touch("films/annotated.mp4")
    assert found("films") == ["films/annotated.mp4"]


def test_a_pattern_stands_for_the_videos_that_match_it(place):
    touch("films/b.mp4", "films/a.mp4", "films/a.txt", "films/old/c.mp4")
    assert found("films/*") == ["films/a.mp4", "films/b.mp4"]
    assert found("films/**/*.mp4") == ["films/a.mp4", "films/b.mp4", "films/old/c.mp4"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(place):
    touch("film[1].mp4", "film1.mp4")
    assert found("film[1].mp4") == ["film[1].mp4"]


def test_a_list_names_videos_relative_to_itself(place):
    touch("lists/a.mp4", "films/b.dat")
    Path("lists/mine.txt").write_text("# the best\n\n../films/b.dat\n a.mp4 \n")
    assert found("lists/mine.txt") == ["lists/../films/b.dat", "lists/a.mp4"]


def test_a_list_may_begin_with_a_byte_order_mark(place):
    touch("a.mp4")
    Path("mine.txt").write_text("a.mp4\n", encoding="utf-8-sig")
    assert found("mine.txt") == ["a.mp4"]


def test_a_list_that_names_what_is_not_there_is_an_error_with_the_line(place):
    touch("a.mp4")
    Path("mine.txt").write_text("a.mp4\n\nb.mp4\n")
    with pytest.raises(FormatError, match=r"^mine.txt, line 3: there is no such file: b.mp4$"):
        found("mine.txt")


def test_a_video_may_have_any_extension(place):
    touch("film.dat")
    assert found("film.dat") == ["film.dat"]


def test_a_video_named_twice_is_looked_at_once(place):
    touch("films/a.mp4", "films/b.mp4")
    Path("link").symlink_to("films")
    assert found("films/b.mp4", "films", "link", "./films/b.mp4") == ["films/b.mp4", "films/a.mp4"]


@pytest.mark.parametrize("source", ["none", "none.mp4"])
def test_what_is_not_there_is_an_error(place, source):
    with pytest.raises(TrackerError, match=f"^{source}: there is no such file or folder; check"):
        found(source)


@pytest.mark.parametrize("source", ["films", "*.mp4", "empty.txt"])
def test_a_source_without_a_video_is_an_error(place, source):
    touch("films/notes.pdf", "empty.txt", "other/a.mp4")
    with pytest.raises(TrackerError, match=r": no video in it; a video ends in \.3gp \.avi"):
        found("other", source)


def named(*videos, **held):
    return name_runs(
        [Path("/films", video) for video in videos],
        {name: Path("/films", video) for name, video in held.items()},
    )


def test_a_run_is_called_like_its_video():
    assert named("party.mp4", "old/wedding.final.mkv") == ["party", "wedding.final"]


def test_no_videos_have_no_names():
    assert named() == []


def test_videos_of_one_name_are_told_apart_by_their_folders():
    videos = ["day1/camera/party.mp4", "day2/party.mp4", "day2/other.mp4"]
    assert named(*videos) == ["day1-camera-party", "day2-party", "other"]


def test_videos_of_one_name_in_one_folder_are_told_apart_by_their_extensions():
    assert named("party.mp4", "party.MKV", "a.mp4") == ["party-mp4", "party-mkv", "a"]


def test_names_that_differ_in_case_alone_are_told_apart():
    assert named("a/Party.mp4", "b/party.mp4") == ["a-Party", "b-party"]


def test_names_that_nothing_else_tells_apart_get_numbers():
    assert named("a/b/c.mp4", "d/c.mp4", "a-b-c.mp4") == ["a-b-c-mp4", "d-c", "a-b-c-mp4-2"]


def test_a_video_keeps_the_name_that_it_has():
    assert named("day1/party.mp4", "day2/party.mp4", mine="day1/party.mp4") == ["mine", "party"]


def test_a_name_that_another_video_has_is_not_given_again():
    assert named("day2/party.mp4", party="day1/party.mp4") == ["day2-party"]
    assert named("party.mkv", Party="party.mp4") == ["party-mkv"]
    assert named("b.mp4", b="a.mp4", **{"b-mp4": "c.mp4"}) == ["b-mp4-2"]


def test_the_folder_of_a_link_to_a_video_is_the_one_that_the_link_is_in(place):
    touch("store/1.mp4", "store/2.mp4")
    for number in (1, 2):
        Path(f"day{number}").mkdir()
        Path(f"day{number}/party.mp4").symlink_to(f"../store/{number}.mp4")
    assert name_runs([Path("day1/party.mp4"), Path("day2/party.mp4")], {}) == [
        "day1-party",
        "day2-party",
    ]


PARTS = st.sampled_from(["a", "b", "A", "a-b", "a-2"])
VIDEOS = st.builds(
    lambda folders, stem, suffix: Path("/", *folders, stem + suffix),
    st.lists(PARTS, max_size=3),
    PARTS,
    st.sampled_from(VIDEO_SUFFIXES[:3]),
)


@given(st.lists(VIDEOS, unique=True, max_size=12), st.integers(0, 12))
def test_videos_looked_at_one_command_after_another_never_share_a_folder(videos, first):
    held = dict(zip(name_runs(videos[:first], {}), videos[:first], strict=True))
    names = name_runs(videos, held)
    assert names[:first] == list(held)
    assert len({name.casefold() for name in names}) == len(videos)


@given(st.lists(VIDEOS, unique=True, max_size=12))
def test_no_two_runs_share_a_folder_even_where_case_is_ignored(videos):
    names = name_runs(videos, {})
    assert len({name.casefold() for name in names}) == len(videos)
    assert all(name.startswith(("a", "b", "A")) and "/" not in name for name in names)


@given(st.lists(VIDEOS, unique_by=lambda video: video.stem.casefold()))
def test_names_that_differ_anyway_stay_as_they_are(videos):
    assert name_runs(videos, {}) == [video.stem for video in videos]
