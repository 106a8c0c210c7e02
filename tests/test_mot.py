import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.errors import FormatError
from tracker.mot import read_mot, write_mot
from tracker.records import Tracks

HUNDREDTHS = st.integers(-100_000, 400_000).map(lambda n: n / 100)
SIZES = st.integers(10, 100_000).map(lambda n: n / 100)
ROWS = st.tuples(st.integers(0, 9), st.integers(1, 5), HUNDREDTHS, HUNDREDTHS, SIZES, SIZES)


def tracks_of(rows):
    """Tracks of rows of frame, person, x, y, width, height, score."""
    table = np.array(sorted(rows), np.float64).reshape(-1, 7)
    corners = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1)
    return Tracks(
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        corners.astype(np.float32),
        table[:, 6].astype(np.float32),
    )


@pytest.fixture
def mot_file(tmp_path):
    """Write text into a file and give its path."""

    def write(text: str, encoding: str = "utf-8"):
        path = tmp_path / "tracks.txt"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_files_count_frames_from_one_and_give_width_and_height(mot_file):
    rows = read_mot(mot_file("1,7,10,20,3,4,0.5,-1,-1,-1\n"))
    assert rows.frame.tolist() == [0]
    assert rows.identity.tolist() == [7]
    assert rows.boxes.tolist() == [[10, 20, 13, 24]]
    assert rows.scores.tolist() == [0.5]


def test_the_text_written_is_the_one_expected(tmp_path):
    path = tmp_path / "tracks.txt"
    write_mot(path, tracks_of([(0, 2, 10, 20.125, 3, 4, 1), (11, 1, -0.5, 0, 3, 4, 0)]))
    assert path.read_bytes() == (
        b"1,2,10.00,20.12,3.00,4.00,1.0000,-1,-1,-1\n12,1,-0.50,0.00,3.00,4.00,0.0000,-1,-1,-1\n"
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, max_size=8, unique_by=lambda row: row[:2]))
def test_what_is_written_is_read_again(tmp_path, rows):
    tracks = tracks_of([(*row, 0.25) for row in rows])
    path = tmp_path / "tracks.txt"
    write_mot(path, tracks)
    again = read_mot(path)
    np.testing.assert_array_equal(again.frame, tracks.frame)
    np.testing.assert_array_equal(again.identity, tracks.person)
    np.testing.assert_allclose(again.boxes, tracks.boxes, atol=0.011)
    np.testing.assert_array_equal(again.scores, tracks.scores)


def test_writing_what_was_read_gives_the_same_file(tmp_path):
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    write_mot(first, tracks_of([(0, 1, 10.01, 20.02, 3.33, 4.44, 1), (1, 1, 0, 0, 7, 8.5, 0.125)]))
    frame, identity, boxes, scores, _ = read_mot(first)
    write_mot(second, Tracks(frame, identity, boxes, scores))
    assert first.read_bytes() == second.read_bytes()


def test_rows_are_sorted_by_frame_and_keep_their_order_within_one(mot_file):
    rows = read_mot(mot_file("3,1,0,0,1,1\n1,9,0,0,1,1\n3,5,0,0,1,1\n1,2,0,0,1,1\n"))
    assert rows.frame.tolist() == [0, 0, 2, 2]
    assert rows.identity.tolist() == [9, 2, 1, 5]


def test_each_row_knows_its_line(mot_file):
    rows = read_mot(mot_file("# first\n3,1,0,0,1,1,1\n\n1,9,0,0,1,1,1\n  # last\n2,9,0,0,1,1,1\n"))
    assert rows.identity.tolist() == [9, 9, 1]
    assert rows.line.tolist() == [4, 6, 2]


# Columns, separators and numbers as they should be, and as they should not; all in one file only
# rarely, so that most files are read at once, and some line by line.
GOOD = st.sampled_from(["1", "2", "10", "7.00", " 3", "1e2", "+4", "30"])
ODD = st.sampled_from(["", "0", "-1", "1.5", "nan", "inf", "1e7", "x", "1_0", "٣", "2147483648"])
CELLS = st.lists(GOOD, min_size=7, max_size=10)
ODD_CELLS = st.lists(GOOD | ODD, min_size=5, max_size=8)
LINES = st.one_of(
    CELLS.map(",".join),
    CELLS.map(",".join),
    CELLS.map(" ".join),
    ODD_CELLS.map(",".join),
    st.sampled_from(["", "# a note", "1,2,3,4,5,6,1 # a note", '"1",2,3,4,5,6,1', "1;2;3"]),
)


def reference(text):
    """The rows that `read_mot` should give, line by line, or the first line that is wrong."""
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.strip().startswith("#"):
            continue
        cells = line.split(",") if "," in line else line.split()
        try:
            frame, identity, *rest = (float(cell) for cell in cells[:7])
            x, y, width, height, score = rest if len(rest) == 5 else (*rest, 1.0)
        except ValueError:
            return number
        whole = frame.is_integer() and identity.is_integer()
        in_range = 1 <= frame < 2**31 and abs(identity) < 2**31
        bounded = all(abs(value) < 1e6 for value in (x, y, width, height, score))
        if not (whole and in_range and bounded and width > 0 and height > 0):
            return number
        box = np.array([x, y, x + width, y + height], np.float32).tolist()
        rows.append((int(frame) - 1, int(identity), box, float(np.float32(score)), number))
    return sorted(rows, key=lambda row: row[0])


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(CELLS.map(",".join), max_size=5) | st.lists(LINES, max_size=5))
def test_a_file_is_read_as_line_by_line(mot_file, lines):
    path = mot_file("\n".join(lines))
    expected = reference("\n".join(lines))
    if isinstance(expected, int):
        with pytest.raises(FormatError, match=f"tracks.txt, line {expected}: "):
            read_mot(path)
    else:
        columns = [column.tolist() for column in read_mot(path)]
        assert list(zip(*columns, strict=True)) == expected


def test_a_missing_score_is_one(mot_file):
    assert read_mot(mot_file("1,1,0,0,5,5\n")).scores.tolist() == [1]


@pytest.mark.parametrize(
    "text",
    [
        "# frame, id, ...\n\n   \n1,2,3,4,5,6,1\n",
        "1 2 3 4 5 6 1\n",
        "1, 2, 3.0, 4.0, 5.0, 6.0, 1.0, -1, -1, -1, more\r\n",
        "\ufeff1,2,3,4,5,6,1",
    ],
)
def test_comments_blanks_further_columns_and_other_line_ends_are_passed_over(mot_file, text):
    rows = read_mot(mot_file(text))
    assert (rows.frame.tolist(), rows.identity.tolist()) == ([0], [2])
    assert rows.boxes.tolist() == [[3, 4, 8, 10]]


@pytest.mark.parametrize("text", ["", "\n\n", "# nobody\n"])
def test_an_empty_file_has_no_rows(mot_file, text):
    rows = read_mot(mot_file(text))
    assert [column.shape for column in rows] == [(0,), (0,), (0, 4), (0,), (0,)]


def test_no_tracks_give_an_empty_file(tmp_path):
    path = tmp_path / "tracks.txt"
    write_mot(path, Tracks.empty())
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1,2,3,4,5", "expected frame, id, x, y, w, h"),
        ("frame,id,x,y,w,h", "not a number"),
        ("1,2,3,4,five,6", "not a number"),
        ("1,2,nan,4,5,6", "out of bounds"),
        ("1,2,,10,20,30,40,1", "not a number"),
        ("1,2,1e39,4,5,6", "out of bounds"),
        ("1,2,3,4,inf,6", "out of bounds"),
        ("0,2,3,4,5,6", "frames are whole numbers from 1"),
        ("1.5,2,3,4,5,6", "frames are whole numbers from 1"),
        ("2147483648,2,3,4,5,6", "frames are whole numbers from 1"),
        ("1,2.5,3,4,5,6", "ids are whole numbers"),
        ("1,-2147483648,3,4,5,6", "ids are whole numbers"),
        ("1,2,3,4,0,6", "no area"),
        ("1,2,3,4,5,-6", "no area"),
    ],
)
def test_a_malformed_line_is_named_with_its_number(mot_file, line, problem):
    path = mot_file(f"# the first line\n1,1,0,0,5,5\n\n{line}\n1,3,0,0,5,5\n")
    with pytest.raises(FormatError, match=f"tracks.txt, line 4: .*{problem}"):
        read_mot(path)


def test_a_file_that_is_missing_or_not_text_is_a_clear_error(tmp_path, mot_file):
    with pytest.raises(FormatError, match=r"missing\.txt: cannot be read"):
        read_mot(tmp_path / "missing.txt")
    with pytest.raises(FormatError, match="cannot be read as MOT text"):
        read_mot(mot_file("1,2,3,4,5,6 é", encoding="latin-1"))


@pytest.mark.parametrize("number", ["1e400", "inf", "nan"])
def test_a_frame_that_is_no_ordinary_number_is_an_error_and_nothing_else(tmp_path, number):
    path = tmp_path / "gt.txt"
    path.write_text(f"1,1,0,0,5,5,1\n{number},1,0,0,5,5,1\n")
    with pytest.raises(FormatError, match=r"line 2: frames are whole numbers from 1"):
        read_mot(path)


def test_lines_are_counted_as_editors_count_them(tmp_path):
    path = tmp_path / "gt.txt"
    path.write_text("# a form feed\f and a next line\x85\r\n1,1,0,0,5,5,1\r\n2,1,0,0,5,x,1\r\n")
    with pytest.raises(FormatError, match="line 3"):
        read_mot(path)
