import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.export.timecode import drops_frames, timecode

otime = pytest.importorskip("opentimelineio").opentime

NTSC = Fraction(30000, 1001)
FAST_NTSC = Fraction(60000, 1001)
FILM = Fraction(24000, 1001)
DAY_S = 24 * 3600


def counted(whole, left_out):
    """Every timecode in order: written down one by one, those left out passed over."""
    for hours, minutes, seconds, frames in itertools.product(
        range(24), range(60), range(60), range(whole)
    ):
        if seconds or frames >= left_out or minutes % 10 == 0:
            point = ";" if left_out else ":"
            yield f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{frames:02d}"


@pytest.mark.parametrize(
    ("rate", "whole", "left_out"),
    [(NTSC, 30, 2), (FAST_NTSC, 60, 4), (FILM, 24, 0), (Fraction(25), 25, 0)],
)
def test_frames_have_the_numbers_that_counting_gives_them(rate, whole, left_out):
    hour_and_more = itertools.islice(counted(whole, left_out), 70 * 60 * whole)
    for frame, expected in enumerate(hour_and_more):
        assert timecode(frame, rate) == expected


@pytest.mark.parametrize(
    ("frame", "rate", "expected"),
    [
        (0, NTSC, "00:00:00;00"),
        (1799, NTSC, "00:00:59;29"),
        (1800, NTSC, "00:01:00;02"),
        (17981, NTSC, "00:09:59;29"),
        (17982, NTSC, "00:10:00;00"),
        (107892, NTSC, "01:00:00;00"),
        (3600, FAST_NTSC, "00:01:00;04"),
        (86400, FILM, "01:00:00:00"),
        (90000, Fraction(25), "01:00:00:00"),
        (7, Fraction(1, 2), "00:00:07:00"),
    ],
)
def test_timecodes_known_from_elsewhere(frame, rate, expected):
    assert timecode(frame, rate) == expected


@given(st.sampled_from([NTSC, FAST_NTSC]), st.integers(0, DAY_S - 60))
def test_a_drop_frame_count_keeps_up_with_the_clock(rate, second):
    told = timecode(round(second * rate), rate)
    hours, minutes, seconds = (int(part) for part in told.split(";")[0].split(":"))
    assert abs(3600 * hours + 60 * minutes + seconds - second) <= 1


@given(
    st.sampled_from([FILM, 24, 25, NTSC, 30, 50, FAST_NTSC, 60]).map(Fraction),
    st.integers(0, DAY_S * 23),
)
def test_opentimelineio_reads_the_frame_back(rate, frame):
    assert otime.from_timecode(timecode(frame, rate), float(rate)).value == frame


def test_hours_go_on_after_a_day():
    assert timecode(30 * 3600 * 25, Fraction(25)) == "30:00:00:00"


@pytest.mark.parametrize(
    ("rate", "drops"),
    [
        (NTSC, True),
        (Fraction(2997, 100), True),
        (FAST_NTSC, True),
        (FILM, False),
        (Fraction(30), False),
        (Fraction(60), False),
        (Fraction(29), False),
    ],
)
def test_only_2997_and_5994_drop_frames(rate, drops):
    assert drops_frames(rate) is drops
