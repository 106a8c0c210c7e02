"""The page of a run, parsed as a browser would."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tracker.embedding.learning import Embedding
from tracker.embedding.training import Curves
from tracker.errors import StorageError
from tracker.learned import EMBEDDING_FILE, save_embedding
from tracker.records import Shot
from tracker.render import person_colour
from tracker.report.page import MAX_SHOTS, write_report
from tracker.report.people import MAX_PAIRS, MAX_PEOPLE, MAX_STAYS

SHOTS = (Shot(0, 100), Shot(100, 250), Shot(250, 300))
CELLS = [
    *((frame, 1) for frame in range(200)),
    *((frame, 2) for frame in range(50, 125)),
    *((frame, 3) for frame in range(250, 300)),
]
SCRIPT = "<script>alert(1)</script>"
ARABIC = "محمد"


@pytest.fixture
def tracked(film):
    """Three people in 12 s and three shots; 1 and 2 meet for 3 s, 3 may be 1."""
    return film(
        CELLS,
        SHOTS,
        {1: "Anna", 2: SCRIPT},
        [(1, 3, 1.25)],
        {1: (0.25, (3, 1.25)), 2: (None, (1, 1.75)), 3: (1.125, (1, 1.25))},
        nobody=range(290, 295),
    )


@pytest.fixture
def page(report, tracked, portraits):
    return report(tracked, portraits([1, 2, 3], 20))


def section(page, name):
    """A section of the page, by the id of its heading."""
    return page.one("section", **{"aria-labelledby": name})


def card(page, person):
    return page.one("li", id=f"person-{person}")


def rows_of(element):
    """The words of every cell of every row of a body."""
    cells = [[cell for cell in row.children] for row in element.one("tbody").all("tr")]
    return [[cell.text for cell in row] for row in cells]


def references(page):
    names = ("src", "href", "data", "action", "poster", "srcset", "xlink:href")
    return [e.attributes[name] for e in page.everything for name in names if name in e.attributes]


def test_the_top_says_what_the_video_is(page):
    about = page.one("dl", class_="about").text
    assert "Length0:00:12.0" in about.replace(" ", "")
    assert "Faces330, 5 of nobody" in about
    assert page.one("h1").text == "Who is in a film.mp4"


def test_a_person_has_name_colour_times_and_sureness(page):
    anna = card(page, 1)
    assert anna.one("h3").text == "Anna Person 1"
    colour = "rgb({}, {}, {})".format(*person_colour(1))
    assert anna.one("h3").one("span", class_="swatch").attributes["style"].endswith(colour)
    assert "8.0 s, 67 % of the video" in anna.text
    assert "from 0:00:00.0 to 0:00:08.0" in anna.text
    assert "May be the same person as another: Person 3" in anna.text
    assert "much alike (0.25)" in anna.text
    assert card(page, 2).one("p", class_="verdict").text == "Clearly one person"


def test_whoever_is_doubtful_is_named_at_the_top(page):
    top = page.one("header").text
    assert re.search(r"To look at: Anna, Person 3\.", top)


def test_every_appearance_is_listed_with_its_shot(page):
    assert rows_of(card(page, 1)) == [
        ["0:00:00.0", "0:00:04.0", "4.0 s", "1"],
        ["0:00:04.0", "0:00:08.0", "4.0 s", "2"],
    ]


def test_who_is_in_a_shot_is_listed(page):
    assert [row[-1] for row in rows_of(section(page, "shots"))] == [
        f"Anna, {SCRIPT}",
        f"Anna, {SCRIPT}",
        "Person 3",
    ]


def test_the_timeline_has_a_row_a_person_and_a_tooltip_a_bar(page):
    drawn = section(page, "timeline").one("svg")
    titles = [bar.text for bar in drawn.all("rect", class_="bar")]
    assert titles == [
        "Anna, 0:00:00.0 to 0:00:08.0, 2 appearances",
        f"{SCRIPT}, 0:00:02.0 to 0:00:05.0, 2 appearances",
        "Person 3, 0:00:10.0 to 0:00:12.0",
    ]
    labels = drawn.attributes["aria-labelledby"].split()
    assert [child.attributes["id"] for child in drawn.children[:2]] == labels


def test_who_is_seen_with_whom_is_a_table_with_headings(page):
    table = section(page, "together").one("table")
    assert [cell.text for cell in table.all("th", scope="col")] == ["Anna", SCRIPT, "Person 3"]
    assert rows_of(table) == [
        ["Anna", "", "3.0", "0"],
        [SCRIPT, "3.0", "", "0"],
        ["Person 3", "0", "0", ""],
    ]


def test_those_who_may_be_one_are_shown_side_by_side(page):
    (pair,) = section(page, "pairs").all("li")
    assert [image.attributes["alt"] for image in pair.all("img")] == [
        "6 faces of Anna",
        "6 faces of Person 3",
    ]
    assert "Distance 1.25" in pair.text


def test_every_picture_says_what_it_shows(page):
    images = [image.attributes for image in page.all("img")]
    assert images[0]["alt"] == "12 faces of Anna"
    assert all(image["alt"] and image["width"] and image["height"] for image in images)


def test_names_are_escaped_and_keep_their_own_direction(report, film):
    page = report(film(CELLS, SHOTS, {1: SCRIPT, 2: ARABIC, 3: '" onload="x'}))
    assert list(page.all("script")) == []
    assert not [e for e in page.everything if any(a.startswith("on") for a in e.attributes)]
    assert [card(page, n).one("h3").one("bdi").text for n in (1, 2)] == [SCRIPT, ARABIC]


def test_the_page_needs_nothing_from_elsewhere(page):
    ids = [e.attributes["id"] for e in page.everything if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for reference in references(page):
        inside = reference.startswith("#") and reference[1:] in ids
        assert inside or reference == "tracks.json" or reference.startswith("data:image/jpeg;")
    policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    assert policy.startswith("default-src 'none'; img-src data:;")
    style = page.one("style").text
    assert ".card {" in style
    assert not re.search(r"url\(|@import", style)


def test_there_is_nothing_to_run(page):
    assert list(page.all("script")) == []


def test_what_scrolls_can_be_reached_by_keyboard(page):
    boxes = list(page.all("div", class_="scroll"))
    assert len(boxes) == 2
    for box in boxes:
        assert box.attributes["tabindex"] == "0"
        assert box.attributes["role"] == "region"
        assert box.attributes["aria-label"]
    assert next(page.one("body").all("a")).attributes["href"] == "#content"


def test_headings_go_down_one_level_at_a_time(page):
    levels = [int(e.tag[1]) for e in page.everything if re.fullmatch(r"h\d", e.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_times_lead_into_the_video_if_it_is_there(tmp_path, report, tracked):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "annotated.mp4").touch()
    page = report(tracked)
    links = [link.attributes["href"] for link in card(page, 1).one("details").all("a")]
    assert links == ["annotated.mp4#t=0.00", "annotated.mp4#t=4.00"]
    assert "annotated.mp4" in references(page)


def test_only_files_that_are_there_are_linked(page):
    assert [link.text for link in page.one("p", class_="files").all("a")] == ["tracks.json"]


def test_learning_is_drawn_and_told(tmp_path, report, tracked):
    (tmp_path / "run").mkdir()
    curves = Curves(np.float32([1, 0.5]), np.float32([0.9]), np.float32([0.8]))
    nothing = np.zeros((0, 64), np.float32)
    save_embedding(
        tmp_path / "run" / EMBEDDING_FILE, Embedding(nothing, 0.5, curves, {}, "learned & so on")
    )
    learning = section(report(tracked, run={"notes": ["learned & so on", "b"]}), "learning")
    assert learning.text.startswith("Learning learned & so on")
    assert [h.text for h in learning.all("h3")] == ["Loss", "Triplets that are right"]
    assert all(path.attributes["d"] for path in learning.all("path"))


def test_where_nothing_was_learned_one_line_says_why(tmp_path, report, tracked):
    (tmp_path / "run").mkdir()
    none = np.zeros(0, np.float32)
    unlearned = Embedding(np.zeros((0, 64), np.float32), 1, Curves(none, none, none), {}, "too few")
    save_embedding(tmp_path / "run" / EMBEDDING_FILE, unlearned)
    learning = section(report(tracked), "learning")
    assert learning.text == "Learning Nothing was learned from this video: too few."


def test_what_ran_is_told_from_run_json(report, tracked):
    page = report(tracked, run={"device": "cpu", "notes": ["said <b>loudly"], "video": None})
    assert "Devicecpu" in section(page, "ran").text.replace(" ", "")
    assert "said <b>loudly" in section(page, "ran").text


def test_an_imported_run_has_a_page_without_what_it_lacks(report, tracked):
    page = report(tracked)
    assert list(page.all("img")) == []
    assert "No faces were kept." in card(page, 1).text
    assert "Not known" in section(page, "ran").text
    assert "Nothing was learned from this video, or it is not known." in page.text


def test_a_run_without_people_has_a_page_that_says_so(report, film):
    page = report(film([], SHOTS))
    assert "Nobody was found in this video." in page.text
    assert "3 shots" in section(page, "shots").text
    assert list(page.all("img")) == []
    ids = {e.attributes["id"] for e in page.everything if "id" in e.attributes}
    assert {r[1:] for r in references(page) if r.startswith("#")} <= ids


def test_without_pairs_the_page_says_that_nobody_may_be_the_same(report, film):
    page = report(film([(0, 1), (1, 2)], SHOTS))
    assert "Nobody: no two people" in section(page, "pairs").text
    assert "No two people are ever in the same frame." in section(page, "together").text


def test_what_there_is_no_room_for_is_counted(report, film, portraits):
    people = range(1, MAX_PEOPLE + 4)
    shots = [Shot(n, n + 1) for n in range(MAX_SHOTS + 5)]
    seen = {(n, 1) for n in range(MAX_STAYS + 7)} | {(n % 50, n) for n in people}
    pairs = [(n, n + 1, 1.0) for n in people[:-1]]
    page = report(film(seen, shots, maybe_same=pairs), portraits(people, 1))
    assert len(list(section(page, "people").all("li", class_="card"))) == MAX_PEOPLE
    assert f"The {MAX_PEOPLE} who are seen most; 3 others are" in section(page, "people").text
    assert len(rows_of(card(page, 1))) == MAX_STAYS
    assert f"The first {MAX_STAYS}; all are in tracks.json." in card(page, 1).text
    assert len(rows_of(section(page, "shots"))) == MAX_SHOTS
    assert len(list(section(page, "pairs").all("li"))) == MAX_PAIRS
    ids = {e.attributes["id"] for e in page.everything if "id" in e.attributes}
    assert {r[1:] for r in references(page) if r.startswith("#")} <= ids


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(StorageError, match=r"holds no tracks\.json"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_same_run_gives_the_same_page(tmp_path, report, tracked, portraits):
    report(tracked, portraits([1, 2, 3], 20))
    before = (tmp_path / "run" / "report.html").read_bytes()
    write_report(tmp_path / "run")
    assert (tmp_path / "run" / "report.html").read_bytes() == before


def test_who_looks_alike_but_is_seen_at_the_same_time_is_told_so(report, film):
    alike = {1: (0.25, (2, 0.75)), 2: (0.25, (1, 0.75)), 3: (0.25, (1, 0.75))}
    page = report(film(CELLS, SHOTS, sureness=alike))
    told = [card(page, person).one("dl", class_="facts").text for person in (1, 2, 3)]
    assert [("but is seen at the same time" in words) for words in told] == [True, True, False]
    assert all("looks much alike" in words for words in told)


@pytest.fixture
def out_of_order(film):
    """Numbers say nothing of how long anybody is seen; 4 meets 2, and 2 meets 1."""
    cells = [
        *((frame, 1) for frame in range(100, 110)),
        *((frame, 2) for frame in range(60, 110)),
        *((frame, 3) for frame in range(250, 260)),
        *((frame, 4) for frame in range(75)),
    ]
    alike = {number: (0.25, (2, 0.75)) for number in (1, 3, 4)}
    return film(cells, SHOTS, sureness=alike)


def test_people_stand_in_the_order_of_how_long_they_are_seen(report, out_of_order):
    page = report(out_of_order)
    cards = [one.attributes["id"] for one in page.one("ul", class_="people").all("li")]
    assert cards == ["person-4", "person-2", "person-1", "person-3"]
    bars = [bar.text for bar in section(page, "timeline").all("rect", class_="bar")]
    assert [bar.partition(",")[0] for bar in bars] == [f"Person {n}" for n in (4, 2, 1, 3)]


def test_those_who_are_seen_most_are_named_at_the_top(report, out_of_order):
    top = report(out_of_order).one("header").text
    assert "seen most: Person 4, 3.0 s; Person 2, 2.0 s; Person 1, 0.4 s." in top


def test_whom_each_is_seen_with_is_right_in_any_order(report, out_of_order):
    page = report(out_of_order)
    assert rows_of(section(page, "together").one("table")) == [
        ["Person 4", "", "0.6", "0", "0"],
        ["Person 2", "0.6", "", "0.4", "0"],
        ["Person 1", "0", "0.4", "", "0"],
        ["Person 3", "0", "0", "0", ""],
    ]
    met = ["at the same time" in card(page, number).text for number in (4, 1, 3)]
    assert met == [True, True, False]


def test_of_many_people_those_who_are_seen_most_are_shown(report, film):
    people = range(1, MAX_PEOPLE + 2)
    seen = [(frame, number) for number in people for frame in range(2 if number > 1 else 1)]
    cards = report(film(seen, SHOTS)).one("ul", class_="people").all("li", class_="card")
    assert [one.attributes["id"] for one in cards] == [f"person-{n}" for n in people[1:]]


def test_a_name_that_is_no_utf_8_is_written_all_the_same(report, tracked):
    odd = replace(tracked.called({1: "Ann\udcff"}), name="a film\udce9.mp4")
    page = report(odd)
    assert page.one("h1").text == "Who is in a film?.mp4"
    assert card(page, 1).one("h3").text == "Ann? Person 1"


@pytest.mark.parametrize(
    ("what", "shots", "stays", "is_open"),
    [
        ("few of both", 3, 3, True),
        ("just enough", 250, 250, True),
        ("too many shots", 501, 0, False),
        ("too many of both", 300, 201, False),
    ],
)
def test_lists_are_printed_open_where_they_are_short(report, film, what, shots, stays, is_open):
    tracked = film([(n, 1) for n in range(stays)], [Shot(n, n + 1) for n in range(shots)])
    printed = report(tracked).one("style").text.partition("@media print")[2]
    assert ("details::details-content { content-visibility: visible" in printed) == is_open
