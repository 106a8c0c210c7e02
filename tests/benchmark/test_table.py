import csv
import io
import json
import re
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.benchmark.published import Published
from tracker.benchmark.table import (
    Line,
    Spread,
    as_csv,
    as_json,
    as_markdown,
    as_text,
    spread,
    spreads,
)

HOG = Line(
    "hog, raw",
    "hog",
    "raw",
    {"mota": Spread(0.5, 0.0, 0.5, 0.5, 1), "id_switches": Spread(12.0, 0.0, 12, 12, 1)},
)
LEARNED = Line(
    "hog + triplet",
    "hog",
    "triplet",
    {"mota": Spread(2 / 3, 0.0625, 0.6, 0.75, 3), "id_switches": Spread(12.5, 0.5, 12, 13, 2)},
    "little was learned",
)
ABSENT = [
    Line(f"alexnet, {method}", "alexnet", method, {}, "alexnet.pth is not in /cache")
    for method in ("raw", "compensated")
]
LINES = [HOG, *ABSENT, LEARNED]
PUBLISHED = (
    Published("SORT", "a paper", "reported", {"mota": 0.825, "id_switches": 267.0}),
    Published("HOG", "a talk", "unverified", {"cluster_purity": 0.22}),
)


def tables_of(markdown):
    """The tables by their heading: rows, each from column to cell."""
    tables = {}
    for part in markdown.split("\n## ")[1:]:
        heading = part.splitlines()[0]
        rows = [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in part.splitlines()
            if line.startswith("|")
        ]
        assert len({len(row) for row in rows}) <= 1
        tables[heading] = [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]
    return tables


def test_a_spread_computed_by_hand():
    # Deviations -1, 0, 1 from the mean: the sample variance is 2 / (3 - 1).
    assert spread([2, 4, 3]) == Spread(3, 1, 2, 4, 3)


def test_a_single_run_does_not_spread():
    assert spread([0.7]) == Spread(0.7, 0, 0.7, 0.7, 1)


def test_runs_in_which_a_number_is_not_defined_do_not_count():
    assert spread([None, 1.0, None, 3.0]) == Spread(2, 2**0.5, 1, 3, 2)


@pytest.mark.parametrize("values", [[], [None], [None, None]])
def test_a_number_that_is_never_defined_has_no_spread(values):
    assert spread(values) is None


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=6))
def test_spreads_are_those_of_numpy(values):
    found = spread(values)
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert found.deviation == pytest.approx(np.std(values, ddof=1), abs=1e-9)
    assert (found.least, found.most, found.runs) == (min(values), max(values), len(values))


def test_every_number_has_its_own_spread_and_undefined_ones_are_left_out():
    runs = [{"mota": 0.5, "auc": None, "eer": 0.1}, {"mota": 0.7, "auc": None, "eer": None}]
    found = spreads(runs)
    assert list(found) == ["mota", "eer"]
    assert found["mota"].mean == pytest.approx(0.6)
    assert found["mota"].deviation == pytest.approx(statistics.stdev([0.5, 0.7]))
    assert found["eer"] == Spread(0.1, 0, 0.1, 0.1, 1)


def test_no_runs_have_no_spreads():
    assert spreads([]) == {}


def test_every_row_is_in_every_part_of_the_table():
    tables = tables_of(as_markdown("party", [], LINES, ()))
    titles = ["hog, raw", "alexnet, raw (absent)", "alexnet, compensated (absent)", "hog + triplet"]
    for part in ("Tracks", "Clusters", "Verification and retrieval", "By itself"):
        assert [row["row"] for row in tables[part]] == titles


def test_an_absent_row_has_no_number_in_any_column():
    tables = tables_of(as_markdown("party", [], LINES, ()))
    for part in ("Tracks", "Clusters", "Verification and retrieval", "By itself"):
        for row in tables[part][1:3]:
            assert set(list(row.values())[1:]) == {"-"}


def test_shares_have_three_digits_counts_none_and_several_runs_their_spread():
    hog, _, _, learned = tables_of(as_markdown("party", [], LINES, ()))["Tracks"]
    assert (hog["MOTA"], hog["IDS"]) == ("0.500", "12")
    assert learned["MOTA"] == "0.667 ± 0.062"
    assert learned["IDS"] == "12.5 ± 0.5"
    assert hog["IDF1"] == learned["IDF1"] == "-"  # not measured


def test_what_is_said_of_several_rows_is_said_once():
    markdown = as_markdown("party", [], LINES, ())
    assert "- alexnet, raw; alexnet, compensated: alexnet.pth is not in /cache" in markdown
    assert "- hog + triplet: little was learned" in markdown
    assert markdown.count("alexnet.pth") == 1


def test_the_title_and_the_facts_come_first():
    markdown = as_markdown("party", ["video: party.mp4", "people: 3"], [HOG], ())
    assert markdown.startswith("# party\n\n- video: party.mp4\n- people: 3\n\n## Tracks\n")
    assert "## Remarks" not in markdown
    assert "## Published" not in markdown


def test_published_numbers_stand_apart_with_their_source_and_standing():
    tables = tables_of(as_markdown("party", [], LINES, PUBLISHED))
    assert tables["Published by others"] == [
        {
            "system": "SORT",
            "MOTA": "0.825",
            "IDS": "267",
            "purity": "-",
            "source": "a paper",
            "standing": "reported",
        },
        {
            "system": "HOG",
            "MOTA": "-",
            "IDS": "-",
            "purity": "0.220",
            "source": "a talk",
            "standing": "unverified",
        },
    ]
    assert "SORT" not in {row["row"] for row in tables["Tracks"]}


def test_a_table_without_rows_has_its_columns():
    assert tables_of(as_markdown("party", [], [], ()))["Tracks"] == []
    assert re.search(r"\| row \| MOTA \| IDF1 \|", as_markdown("party", [], [], ()))


def test_csv_has_a_line_a_row_and_measure_to_the_last_digit():
    rows = list(csv.DictReader(io.StringIO(as_csv([LEARNED]))))
    assert rows[0] == {
        "row": "hog + triplet",
        "features": "hog",
        "method": "triplet",
        "measure": "mota",
        "mean": repr(2 / 3),
        "deviation": "0.0625",
        "least": "0.6",
        "most": "0.75",
        "runs": "3",
    }
    assert [row["measure"] for row in rows] == ["mota", "id_switches"]


def test_csv_has_one_line_without_numbers_of_an_absent_row():
    rows = list(csv.reader(io.StringIO(as_csv(LINES))))
    assert [row for row in rows if row[1] == "alexnet"] == [
        ["alexnet, raw", "alexnet", "raw", "absent", "", "", "", "", ""],
        ["alexnet, compensated", "alexnet", "compensated", "absent", "", "", "", "", ""],
    ]
    assert {len(row) for row in rows} == {9}


def test_csv_of_no_rows_is_its_header():
    assert as_csv([]) == "row,features,method,measure,mean,deviation,least,most,runs\n"


def test_json_tells_an_absent_row_from_a_measured_one():
    told = json.loads(json.dumps(as_json("party", {}, LINES, ()), allow_nan=False))
    assert [row["measured"] for row in told["rows"]] == [True, False, False, True]
    assert told["rows"][1] == {
        "title": "alexnet, raw",
        "features": "alexnet",
        "method": "raw",
        "measured": False,
        "remark": "alexnet.pth is not in /cache",
        "values": {},
        "runs": [],
    }


def test_json_has_every_number_with_its_spread():
    told = as_json("party", {}, LINES, ())
    assert told["rows"][3]["values"]["mota"] == {
        "mean": 2 / 3,
        "deviation": 0.0625,
        "least": 0.6,
        "most": 0.75,
        "runs": 3,
    }


def test_json_has_the_facts_and_what_is_published():
    told = as_json("party", {"video": {"frames": 3}}, [], PUBLISHED)
    assert (told["format"], told["title"], told["video"]) == (1, "party", {"frames": 3})
    assert told["published"][0] == {
        "system": "SORT",
        "source": "a paper",
        "standing": "reported",
        "values": {"mota": 0.825, "id_switches": 267.0},
    }


def test_the_summary_has_a_line_a_row_with_means_alone():
    heading, *lines = as_text(LINES).splitlines()
    assert heading.split()[:2] == ["MOTA", "IDF1"]
    hog, absent, _, learned = lines
    assert hog.startswith("hog, raw")
    assert hog.split()[2] == "0.500"
    assert learned.split()[3] == "0.667"
    assert "±" not in learned
    assert absent.startswith("alexnet, raw (absent)")
    assert set(absent.removeprefix("alexnet, raw (absent)").split()) == {"-"}


def test_the_columns_of_the_summary_are_as_wide_in_every_line():
    assert len({len(line) for line in as_text(LINES).splitlines()}) == 1


def test_the_summary_of_no_rows_is_its_heading():
    assert len(as_text([]).splitlines()) == 1
