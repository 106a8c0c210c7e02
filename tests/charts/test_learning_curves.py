import cv2
import numpy as np
import pytest

from tracker.charts.learning_curves import draw_curves
from tracker.embedding.training import Curves

NAN = np.float32(np.nan)


def curves_of(steps, held_out):
    accuracy = np.linspace(0.6, 1.0, len(held_out), dtype=np.float32)
    return Curves(1 / np.arange(1, steps + 1, dtype=np.float32), accuracy, np.float32(held_out))


def decoded(picture):
    return cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize(
    ("steps", "held_out"),
    [(1, [0.5]), (7, [NAN]), (300, [0.7, 0.8, NAN]), (300, [NAN, NAN, NAN])],
)
def test_learning_of_any_length_becomes_a_picture(steps, held_out):
    picture = decoded(draw_curves(curves_of(steps, held_out), "film.mp4: symtriplet"))
    assert picture.shape == (432, 1080, 3)
    assert picture.std() > 5


def test_what_was_held_out_shows():
    with_it, without = (
        decoded(draw_curves(curves_of(300, held_out), "film.mp4"))
        for held_out in ([0.7, 0.8, 0.9], [NAN, NAN, NAN])
    )
    assert (with_it != without).any()


def test_the_same_curves_are_the_same_picture_byte_for_byte():
    curves = curves_of(300, [0.7, 0.8, NAN])
    assert draw_curves(curves, "film.mp4") == draw_curves(curves, "film.mp4")
