from matplotlib import rcParams

from tracker.charts.style import empty_panels, in_house_style, look


def test_no_two_of_252_look_the_same():
    assert len({look(number) for number in range(252)}) == 252


def test_neighbours_differ_in_line_and_marker_too():
    for number in range(251):
        one, other = look(number), look(number + 1)
        assert one.line != other.line
        assert one.marker != other.marker


def test_the_style_of_the_house_ends_with_the_chart():
    before = rcParams["font.size"]
    with in_house_style():
        assert rcParams["font.size"] == 8
    assert rcParams["font.size"] == before


def test_no_panels_make_an_empty_figure(pixels):
    figure, axes = empty_panels(0, 3, (2.0, 1.0))
    assert axes == []
    assert pixels(figure).shape == (100, 200, 3)
