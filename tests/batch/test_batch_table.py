from pathlib import Path

from tracker.batch.driver import Result
from tracker.batch.jobs import Job
from tracker.batch.manifest import Entry
from tracker.batch.table import as_dicts, format_table
from tracker.config import Config


def result(name, state, seconds, frames=0, people=0, error=None, earlier=False):
    job = Job(name, Path(f"/films/{name}.mp4"), Path(f"/runs/{name}"), Config(), "cpu", False)
    entry = Entry(name, str(job.video), "k", state, "now", seconds, frames, people, error)
    return Result(job, entry, earlier)


PARTY = result("party", "done", 12.5, 250, 3)
BEFORE = result("wedding", "done", 100.0, 1000, 12, earlier=True)
BROKEN = result("broken", "failed", 0.5, error="it is no video")


def test_the_table_has_a_line_a_video_and_why_some_failed():
    assert format_table([PARTY, BEFORE, BROKEN]).splitlines() == [
        "video     state        frames  people  seconds  frames/s",
        "party     done            250       3     12.5      20.0",
        "wedding   done before    1000      12    100.0      10.0",
        "broken    failed                           0.5",
        "3 in all  2 done         1250            113.0",
        "",
        "broken: it is no video",
    ]


def test_programs_are_told_the_same():
    party, before, broken = as_dicts([PARTY, BEFORE, BROKEN])
    assert party == {
        "name": "party",
        "video": "/films/party.mp4",
        "out": "/runs/party",
        "state": "done",
        "earlier": False,
        "frames": 250,
        "people": 3,
        "seconds": 12.5,
        "frames_per_s": 20.0,
        "error": None,
    }
    assert before["earlier"]
    assert (broken["state"], broken["error"]) == ("failed", "it is no video")


def test_a_name_that_is_no_unicode_can_be_printed():
    table = format_table([result("caf\udce9", "failed", 0.5, error="it is no video")])
    assert table.encode("utf-8").endswith(b"\ncaf\\udce9: it is no video")


def test_no_videos_make_an_empty_table():
    assert as_dicts([]) == []
    assert format_table([]).splitlines()[1:] == ["0 in all  0 done       0              0.0"]
